//! Every scenario under `fixtures/`, as `fieldmedic playbook test` plays it.

use fieldmedic::library;
use fieldmedic::library::Files;
use fieldmedic::scenario;
use fieldmedic::scenario::{LoadedPlaybooks, ScenarioRun, ScenarioVerdict};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A scenario of QFieldCloud with the built-in playbooks, set up and not begun.
pub async fn scene(name: &str) -> ScenarioRun {
    let books = LoadedPlaybooks::open(&Files::built_in()).expect("the built-in playbooks are right");
    let path = fixtures().join("qfieldcloud").join(name);
    ScenarioRun::set_up(&path, &books).await.expect("the scenario can be set up")
}

#[tokio::test]
async fn every_scenario_comes_out_as_expected() {
    let books = LoadedPlaybooks::open(&Files::built_in()).expect("the built-in playbooks are right");
    let mut failed = Vec::new();
    let scenarios = scenario::find(&fixtures()).expect("fixtures can be read");
    assert!(scenarios.len() >= 20, "only {} scenarios were found", scenarios.len());
    for path in scenarios {
        let name = path.strip_prefix(fixtures()).unwrap_or(&path).display().to_string();
        match scenario::play(&path, &books).await {
            Ok(played) => {
                if let ScenarioVerdict::Failed(wrongs) = played.verdict() {
                    failed.push(format!("{name}:\n  {}\n{}", wrongs.join("\n  "), played.transcript()));
                }
            }
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn every_playbook_has_a_scenario_that_applies_it() {
    let files = Files::built_in();
    let library = library::load(&files).expect("the built-in playbooks are right");
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in scenario::find(&fixtures()).expect("fixtures can be read") {
        let kind = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
        let expect = scenario::read_expect(&path).expect("expect.yaml can be read");
        expected.entry(kind).or_default().extend(expect.remediated);
    }
    for system in library.systems.values() {
        let mended = expected.get(system.name.as_str()).cloned().unwrap_or_default();
        let fixing = system.faults.iter().filter(|fault| !fault.remediation.is_empty());
        for fault in fixing {
            assert!(mended.contains(fault.name.as_str()), "no scenario expects {} to be mended", fault.name);
        }
    }
}
