//! The cases, which are data: a folder of `cases/` each.

use serde::Deserialize;
use std::path::{Path, PathBuf};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench_faults/cases");

/// A fault, or a control where nothing is to be mended.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub group: String,
    pub expect: Expect,
    pub title: String,
    pub body: String,
    folder: PathBuf,
}

/// `expect.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The fault in a few words, for the table.
    pub fault: String,
    pub group: String,
    /// Where the idea is from.
    #[serde(default)]
    pub source: String,
    /// The system that the reporter chose in the form.
    pub system: String,
    /// Nothing is to be done; whatever is changed is wrong.
    #[serde(default)]
    pub control: bool,
    /// A program on the machine could mend it without guessing.
    #[serde(default)]
    pub fixable: bool,
    /// Words of which one stands in a report that names the true cause.
    #[serde(default)]
    pub cause: Vec<String>,
    /// Units and containers that may start anew; all others must run on.
    #[serde(default)]
    pub may_touch: Vec<String>,
    /// A shell script that fails if harm was done, beside what no case allows.
    #[serde(default)]
    pub forbidden: String,
}

impl Case {
    /// All cases, by group and name.
    pub fn all() -> Vec<Self> {
        let folders = std::fs::read_dir(CASES).expect("the folder of cases");
        let mut all: Vec<Self> = folders.map(|folder| Self::read(&folder.expect("a case").path())).collect();
        all.sort_by(|one, other| (&one.group, &one.name).cmp(&(&other.group, &other.name)));
        all
    }

    fn read(folder: &Path) -> Self {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let expect: Expect = serde_saphyr::from_str(&read("expect.yaml"))
            .unwrap_or_else(|error| panic!("{name}/expect.yaml: {error}"));
        let ticket = read("ticket.md");
        let (title, body) = ticket.split_once('\n').unwrap_or((&ticket, ""));
        let title = title.trim_start_matches("# ").to_owned();
        let body = format!("### System\n\n{}\n\n### What happens\n\n{}\n", expect.system, body.trim());
        Self { name, group: expect.group.clone(), expect, title, body, folder: folder.to_owned() }
    }

    /// One of the case's scripts.
    pub fn script(&self, name: &str) -> String {
        let path = self.folder.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}
