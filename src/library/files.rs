//! The files of a library: those in the binary, or those of a folder.

#![expect(clippy::disallowed_methods, reason = "reads the folder of playbooks")]

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");

/// Longer files are refused: a playbook is written by hand.
const LARGEST: u64 = 1024 * 1024;

/// Path to text, of every `.yaml` file; paths are relative, with `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, String>);

/// Why a folder of playbooks cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FilesError {
    #[error("cannot read {path}: {error}")]
    #[diagnostic(help("`playbooks` in the configuration names this folder"))]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{path} is larger than 1 MiB")]
    #[diagnostic(help("a playbook is a short text; move other files out of the folder"))]
    TooLarge { path: PathBuf },
    #[error("{path} holds no playbooks")]
    #[diagnostic(help("it needs folders such as qfieldcloud/ with a system.yaml each"))]
    Empty { path: PathBuf },
}

impl Files {
    /// The playbooks that travel inside the binary.
    pub fn built_in() -> Self {
        fn collect(dir: &Dir<'_>, into: &mut BTreeMap<String, String>) {
            for file in dir.files() {
                let path = file.path().to_string_lossy().replace('\\', "/");
                if let (true, Some(text)) = (path.ends_with(".yaml"), file.contents_utf8()) {
                    into.insert(path, text.to_owned());
                }
            }
            dir.dirs().for_each(|dir| collect(dir, into));
        }
        let mut files = BTreeMap::new();
        collect(&BUILT_IN, &mut files);
        Self(files)
    }

    /// The playbooks of a folder: one folder a system, one level deep.
    pub fn from_dir(root: &Path) -> Result<Self, FilesError> {
        let unreadable = |path: &Path, error| FilesError::Unreadable { path: path.to_owned(), error };
        let mut files = BTreeMap::new();
        for folder in list(root).map_err(|error| unreadable(root, error))? {
            if !folder.is_dir() {
                continue;
            }
            for path in list(&folder).map_err(|error| unreadable(&folder, error))? {
                if path.extension().is_none_or(|extension| extension != "yaml") {
                    continue;
                }
                let size = path.metadata().map_err(|error| unreadable(&path, error))?.len();
                if size > LARGEST {
                    return Err(FilesError::TooLarge { path });
                }
                let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
                let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                files.insert(relative, text);
            }
        }
        if files.is_empty() {
            return Err(FilesError::Empty { path: root.to_owned() });
        }
        Ok(Self(files))
    }

    /// As a journal kept them.
    pub fn from_map(files: BTreeMap<String, String>) -> Self {
        Self(files)
    }

    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Folder to the paths in it.
    pub(super) fn folders(&self) -> BTreeMap<String, Vec<String>> {
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in self.0.keys() {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder.to_owned()).or_default().push(path.clone());
        }
        folders
    }

    /// SHA-256 in hex over all paths and texts.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (path, text) in &self.0 {
            for part in [path, text] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        hex::encode(hash.finalize())
    }
}

/// The entries of a folder, sorted; hidden ones left out.
fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
