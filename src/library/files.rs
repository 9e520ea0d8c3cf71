//! The files of a library: built in, from a folder, or recorded in a journal.

#![expect(clippy::disallowed_methods, reason = "reads the folder of playbooks")]

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");

/// In bytes. Longer files are rejected: a playbook is written by hand.
const LARGEST: u64 = 1024 * 1024;

/// The `.yaml` and `.yml` files of a library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Path to text; paths are relative, with `/`.
    texts: BTreeMap<String, String>,
    /// The folder that they were read from.
    root: Option<PathBuf>,
}

/// Why a folder of playbooks cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FilesError {
    /// The folder, a folder in it or a file cannot be read, or a file is not UTF-8.
    #[error("cannot read {path}: {error}")]
    #[diagnostic(help("`playbooks` in the configuration names this folder"))]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A `.yaml` file is larger than 1 MiB.
    #[error("{path} is larger than 1 MiB")]
    #[diagnostic(help("a playbook is a short text; move other files out of the folder"))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// No folder in it holds a `.yaml` file.
    #[error("{path} has no playbooks")]
    #[diagnostic(help("each system type needs a folder, such as qfieldcloud/, with a system.yaml"))]
    Empty {
        /// The folder that was to be read.
        path: PathBuf,
    },
}

pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The folder, beside the playbooks of a system type, that holds its symptoms.
const SYMPTOMS: &str = "symptoms";

/// Whether a file holds a symptom, by its path.
pub(super) fn is_symptom(path: &str) -> bool {
    path.rsplit('/').nth(1) == Some(SYMPTOMS)
}

/// A file's name without its ending: what a playbook in it is called.
pub(super) fn stem(path: &str) -> &str {
    without_ending(path.rsplit('/').next().unwrap_or(path))
}

fn without_ending(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(start, _)| start)
}

impl Files {
    /// The playbooks inside the binary.
    pub fn built_in() -> Self {
        fn collect(dir: &Dir<'_>, into: &mut BTreeMap<String, String>) {
            for file in dir.files() {
                let path = file.path().to_string_lossy().replace('\\', "/");
                if let (true, Some(text)) = (is_yaml(file.path()), file.contents_utf8()) {
                    into.insert(path, text.to_owned());
                }
            }
            dir.dirs().for_each(|dir| collect(dir, into));
        }
        let mut files = BTreeMap::new();
        collect(&BUILT_IN, &mut files);
        Self { texts: files, root: None }
    }

    /// The playbooks of a folder: one folder for each system type, with its symptoms in a folder `symptoms`.
    ///
    /// # Errors
    /// The first folder or file that cannot be read, or a folder without playbooks.
    pub fn from_dir(root: &Path) -> Result<Self, FilesError> {
        let unreadable = |path: &Path, error| FilesError::Unreadable { path: path.to_owned(), error };
        let mut files = BTreeMap::new();
        for folder in list(root).map_err(|error| unreadable(root, error))? {
            if !folder.is_dir() {
                continue;
            }
            let symptoms = folder.join(SYMPTOMS);
            let mut paths = list(&folder).map_err(|error| unreadable(&folder, error))?;
            if symptoms.is_dir() {
                paths.extend(list(&symptoms).map_err(|error| unreadable(&symptoms, error))?);
            }
            for path in paths {
                if !is_yaml(&path) {
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
        Ok(Self { texts: files, root: Some(root.to_owned()) })
    }

    /// These files, and those of another folder; of two with the same path, the other one.
    pub fn with(mut self, other: Self) -> Self {
        self.texts.extend(other.texts);
        Self { texts: self.texts, root: other.root }
    }

    /// Files by their paths, as a journal records them.
    pub fn from_map(texts: BTreeMap<String, String>) -> Self {
        Self { texts, root: None }
    }

    /// Path to text, of all files. Paths are relative, with `/`: `qfieldcloud/system.yaml`.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// The text of a file by its name without ending, such as `worker-down` or `qfieldcloud/worker-down`.
    pub fn find(&self, name: &str) -> Option<&str> {
        let is_named = |path: &str| without_ending(path) == name || stem(path) == name;
        self.texts.iter().find(|(path, _)| is_named(path)).map(|(_, text)| text.as_str())
    }

    /// The folder that they were read from; `None` if they come from elsewhere.
    pub(super) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The folder of each system type to the paths in it, those of its symptoms included.
    pub(super) fn folders(&self) -> BTreeMap<String, Vec<String>> {
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in self.texts.keys() {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let folder = match folder.rsplit_once('/') {
                Some((system_type, SYMPTOMS)) => system_type,
                _ => folder,
            };
            folders.entry(folder.to_owned()).or_default().push(path.clone());
        }
        folders
    }

    /// SHA-256 in hex over all paths and texts.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (path, text) in &self.texts {
            for part in [path, text] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        hex::encode(hash.finalize())
    }
}

/// The entries of a folder in order, without hidden ones.
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
