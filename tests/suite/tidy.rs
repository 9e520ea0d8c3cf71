//! Documents, the example configuration and the code agree. `architecture` holds the rules of the code.

use regex::Regex;
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

/// Sentences that people read stand in `prompts/`; what is decided, stored and viewed is data.
#[test]
fn decisions_records_and_views_hold_no_sentences() {
    let literal = Regex::new(r#""([^"\n]*)""#).expect("a pattern");
    let not_shipped =
        Regex::new(r"(?s)//[^\n]*|#\[(?:error|doc)\(.*?\)\]|#\[cfg\(test\)\].*").expect("a pattern");
    let is_word = |word: &&str| word.len() > 1 && word.chars().all(char::is_alphabetic);
    for folder in ["case", "decide", "policy", "view"] {
        for (name, text) in files(&format!("crates/core/src/{folder}"), "rs") {
            if name.ends_with("/tests.rs") {
                continue;
            }
            let code = not_shipped.replace_all(&text, "");
            let literals = literal.captures_iter(&code).map(|found| found[1].to_owned());
            let sentences: Vec<String> =
                literals.filter(|text| text.split(' ').filter(is_word).count() > 2).collect();
            assert_eq!(sentences, [] as [String; 0], "{name}: put it into prompts/");
        }
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
