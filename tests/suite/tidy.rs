//! The house rules of `docs/ARCHITECTURE.md`, held by a test so that nobody has to remember them.

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

/// A source without its `mod tests`, and without comments.
fn shipped(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test_file(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
}

#[test]
fn every_file_says_what_it_is_for() {
    for (name, text) in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        assert!(text.starts_with("//! "), "{name} does not open with `//!`");
    }
}

#[test]
fn vendors_are_named_in_their_own_folder_only() {
    for (vendor, homes) in [
        ("octocrab", &["src/github/"][..]),
        ("russh", &["src/ssh/", "src/sandbox/"][..]),
        ("sqlx", &["src/store/"][..]),
        ("axum", &["src/web/", "src/sandbox/"][..]),
    ] {
        for (name, text) in files("src", "rs") {
            let at_home = homes.iter().any(|home| name.starts_with(home));
            let used = shipped(&text).contains(&format!("{vendor}::"));
            assert!(at_home || !used, "{name} names {vendor}");
        }
    }
}

#[test]
fn dependencies_point_down() {
    let forbidden: [(&str, &[&str]); 6] = [
        (
            "src/core/",
            &[
                "library", "render", "ports", "engine", "github", "ssh", "store", "web", "sandbox", "app",
                "cli", "config", "clock", "doors",
            ],
        ),
        (
            "src/library/",
            &[
                "ports", "engine", "github", "ssh", "store", "web", "sandbox", "app", "cli", "config",
                "clock", "doors",
            ],
        ),
        (
            "src/render.rs",
            &[
                "ports", "engine", "github", "ssh", "store", "web", "sandbox", "app", "cli", "config",
                "clock", "doors",
            ],
        ),
        (
            "src/ports.rs",
            &[
                "library", "render", "engine", "github", "ssh", "store", "web", "sandbox", "app", "cli",
                "config", "clock", "doors",
            ],
        ),
        (
            "src/engine/",
            &["github", "ssh", "store", "web", "sandbox", "app", "cli", "config", "clock", "doors"],
        ),
        ("src/ssh/", &["engine", "github", "store", "web", "app", "cli", "config", "doors"]),
    ];
    for (name, text) in files("src", "rs") {
        if is_test_file(&name) {
            continue;
        }
        let text = shipped(&text);
        for (room, others) in forbidden {
            if name.starts_with(room) {
                for other in others {
                    assert!(!text.contains(&format!("crate::{other}::")), "{name} uses crate::{other}");
                }
            }
        }
    }
}

#[test]
fn the_core_is_pure() {
    for (name, text) in files("src/core", "rs").into_iter().filter(|(name, _)| !is_test_file(name)) {
        let text = shipped(&text);
        for impure in [
            "async fn",
            ".await",
            "tokio",
            "std::fs",
            "std::env",
            "std::process",
            "Utc::now",
            "Instant::now",
            "SystemTime",
            "println!",
            "unwrap()",
            "panic!",
            "todo!",
            "unimplemented!",
        ] {
            assert!(!text.contains(impure), "{name} holds `{impure}`");
        }
    }
}

#[test]
fn what_is_tested_is_what_ships() {
    for (name, text) in files("src", "rs") {
        let rest = text.replace("#[cfg(test)]\nmod tests", "");
        assert!(!rest.contains("cfg(test)"), "{name} has `cfg(test)` outside `mod tests`");
        assert!(!shipped(&text).contains("dbg!("), "{name} holds `dbg!`");
    }
}

#[test]
fn permits_and_redacted_texts_have_one_source_each() {
    for (name, text) in files("src", "rs").into_iter().filter(|(name, _)| !is_test_file(name)) {
        let text = shipped(&text);
        if name != "src/core/policy.rs" {
            assert!(!text.contains("Permit {"), "{name} makes a permit");
        }
        if name != "src/core/redact.rs" {
            assert!(!text.contains("Redacted("), "{name} makes redacted text by itself");
        }
    }
}

#[test]
fn names_are_plain() {
    for (name, text) in files("src", "rs") {
        for line in shipped(&text).lines() {
            let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(super) ");
            let Some(rest) = ["struct ", "enum ", "trait "].iter().find_map(|word| line.strip_prefix(word))
            else {
                continue;
            };
            let type_name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            for vague in ["Manager", "Helper", "Util", "Service", "Data"] {
                assert!(!type_name.contains(vague), "{name}: {type_name}");
            }
        }
    }
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
