//! Puts the commit into `fieldmedic --version`.
//!
//! A build of a source archive gets it from `FIELDMEDIC_COMMIT`. An optimised build in a checkout asks git. Builds for
//! development do not: each commit would then compile the whole program again.

#![expect(clippy::disallowed_methods, reason = "a build asks the environment and git what is built")]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FIELDMEDIC_COMMIT");
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_optimised = variable("PROFILE").is_some_and(|profile| profile == "release");
    let commit = variable("FIELDMEDIC_COMMIT").or_else(|| is_optimised.then(head).flatten());
    let version = variable("CARGO_PKG_VERSION").unwrap_or_default();
    match commit {
        Some(commit) => println!("cargo::rustc-env=FIELDMEDIC_VERSION={version} ({commit})"),
        None => println!("cargo::rustc-env=FIELDMEDIC_VERSION={version}"),
    }
}

/// The commit that is checked out. `None` without git, and in a source archive that lies in another repository.
fn head() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    // Git writes to this log whenever another commit is checked out or made. A file that is missing would run
    // this at each build.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}
