//! Documents, the example configuration and the code agree. `architecture` holds the rules of the code.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with this extension under a folder, as (path from the root, text).
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a folder of the project") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_escalation_has_its_page() {
    let page = fs::read_to_string(root().join("docs/ESCALATIONS.md")).expect("the page");
    let report = fs::read_to_string(root().join("prompts/report.md")).expect("the prompt");
    for code in fieldmedic::core::case::outcome::Code::ALL {
        assert!(page.contains(&format!("\n## {code}\n")), "docs/ESCALATIONS.md has no `{code}`");
        assert!(report.contains(&format!("\"{code}\":")), "prompts/report.md has no advice for `{code}`");
    }
}

#[test]
fn the_example_configuration_works() {
    let path = root().join("fieldmedic.example.toml");
    let config = fieldmedic::config::Config::read(&path).expect("it is valid");
    assert_eq!(config.renamed, [], "it has today's keys");
    let files = fieldmedic::library::Files::built_in();
    let library = fieldmedic::library::load(&files).expect("the playbooks are right");
    let inventory = config.inventory(&library, &path).expect("it fits the playbooks");
    assert_eq!(inventory.systems.len(), 1);
    // What is commented out must be right too.
    let text = fs::read_to_string(&path).expect("text");
    let all: Vec<String> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(entry)
                if entry.starts_with('[')
                    || entry
                        .split('=')
                        .next()
                        .is_some_and(|key| !key.trim().contains(' ') && entry.contains(" = ")) =>
            {
                entry.to_owned()
            }
            _ => line.to_owned(),
        })
        .filter(|line| !line.starts_with("playbooks =") && !line.starts_with("prompts ="))
        .collect();
    let dir = tempfile::tempdir().expect("a folder");
    let whole = dir.path().join("whole.toml");
    fs::write(&whole, all.join("\n")).expect("it is written");
    let config = fieldmedic::config::Config::read(&whole).expect("what is commented out is valid");
    assert_eq!(config.renamed, [], "what is commented out has today's keys");
}

#[test]
fn documents_link_to_what_is_there() {
    let link = regex::Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").expect("a pattern");
    let mut documents = files("docs", "md");
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md"] {
        documents.push((name.into(), fs::read_to_string(root().join(name)).expect(name)));
    }
    for (name, text) in documents {
        let folder = root().join(&name);
        let folder = folder.parent().expect("a folder");
        for found in link.captures_iter(&text) {
            assert!(folder.join(&found[1]).exists(), "{name} links to {}, which is not there", &found[1]);
        }
    }
}
