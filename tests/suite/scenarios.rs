//! Every scenario under `fixtures/`, as `fieldmedic playbook test` plays it.

use crate::sample::{Described, Sample};
use fieldmedic::core::case::Case;
use fieldmedic::core::case::detail::Detail;
use fieldmedic::core::case::outcome::{Code, Outcome};
use fieldmedic::core::playbook::{Library, LibraryHash};
use fieldmedic::engine::{Shutdown, run_case_waiting};
use fieldmedic::library;
use fieldmedic::library::Files;
use fieldmedic::scenario;
use fieldmedic::scenario::{LoadedPlaybooks, ScenarioRun, ScenarioVerdict};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The built-in playbooks, loaded once for all tests.
pub fn built_in() -> &'static LoadedPlaybooks {
    static BUILT_IN: LazyLock<LoadedPlaybooks> = LazyLock::new(|| {
        LoadedPlaybooks::open(&Files::built_in()).expect("the built-in playbooks are right")
    });
    &BUILT_IN
}

/// A scenario of QFieldCloud with the built-in playbooks, set up and not begun.
pub async fn scene(name: &str) -> ScenarioRun {
    let path = fixtures().join("qfieldcloud").join(name);
    ScenarioRun::set_up(&path, built_in()).await.expect("the scenario can be set up")
}

/// So many scenarios are played for each commit, some of each system type; `scripts/nightly` plays all.
const SAMPLE: usize = 100;

#[tokio::test]
async fn every_scenario_comes_out_as_expected() {
    let mut failed = Vec::new();
    let scenarios = scenario::find(&fixtures()).expect("fixtures can be read");
    assert!(scenarios.len() >= 1000, "only {} scenarios were found", scenarios.len());
    let describe = |path: &PathBuf| Described {
        group: path.parent().map(|folder| folder.display().to_string()).unwrap_or_default(),
        name: path.display().to_string(),
    };
    for path in Sample::chosen().pick(scenarios, SAMPLE, describe) {
        let name = path.strip_prefix(fixtures()).unwrap_or(&path).display().to_string();
        match scenario::play(&path, built_in()).await {
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

/// The names of a system type and of those that it extends.
fn lineage(library: &Library, system_type: &str) -> Vec<String> {
    let system = &library.systems[system_type];
    let extended = system.extends.iter().flat_map(|base| lineage(library, base.as_str()));
    std::iter::once(system_type.to_owned()).chain(extended).collect()
}

/// What is inherited is played with the system type that it comes from.
#[test]
fn every_playbook_has_a_scenario_that_applies_it() {
    let library = built_in().library();
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in scenario::find(&fixtures()).expect("fixtures can be read") {
        let folder =
            path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().into_owned();
        let expect = scenario::read_expect(&path).expect("expect.yaml can be read");
        expected.entry(folder).or_default().extend(expect.remediated);
    }
    for system in library.systems.values() {
        let types = lineage(library, system.name.as_str());
        let remediated: BTreeSet<&String> =
            types.iter().filter_map(|name| expected.get(name)).flatten().collect();
        let fixing = system.faults_and_operations().filter(|fault| !fault.remediation.is_empty());
        for fault in fixing {
            let is_played = remediated.iter().any(|name| *name == fault.name.as_str());
            assert!(is_played, "no scenario of {} expects {} to be fixed", system.name, fault.name);
        }
    }
}

/// So many scenarios are about a playbook: their names begin with its name, behind `op-` if it is an operation, or it is
/// applied in them.
const LEAST: usize = 4;

#[test]
fn every_playbook_has_at_least_four_scenarios() {
    let mut scenarios: BTreeMap<String, Vec<(String, Vec<String>)>> = BTreeMap::new();
    for path in scenario::find(&fixtures()).expect("fixtures can be read") {
        let name = path.strip_prefix(fixtures()).expect("a fixture").display().to_string();
        let (system_type, name) = name.split_once('/').expect("a folder of a system type");
        let remediated = scenario::read_expect(&path).expect("expect.yaml can be read").remediated;
        scenarios.entry(system_type.to_owned()).or_default().push((name.to_owned(), remediated));
    }
    let mut few = Vec::new();
    for system in built_in().library().systems.values() {
        for playbook in system.faults_and_operations().map(|fault| &fault.name) {
            let types = lineage(built_in().library(), system.name.as_str());
            let names = types.iter().filter_map(|name| scenarios.get(name)).flatten();
            let is_about = |(name, remediated): &&(String, Vec<String>)| {
                let name = name.strip_prefix("op-").unwrap_or(name);
                name.starts_with(playbook.as_str()) || remediated.iter().any(|name| name == playbook.as_str())
            };
            let count = names.filter(is_about).count();
            if count < LEAST {
                few.push(format!("{}/{playbook}: {count}", system.name));
            }
        }
    }
    assert!(few.is_empty(), "too few scenarios: {few:#?}");
}

/// Runs `fieldmedic playbook …` in a folder without a configuration.
fn playbook(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
    command.current_dir(dir).arg("playbook").args(arguments);
    command.env("NO_COLOR", "1").env("HOME", dir).env_remove("FIELDMEDIC_CONFIG");
    command.output().expect("the binary starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The five files of the worked example in `docs/PLAYBOOKS.md`, as they are printed there.
fn worked_example() -> TempDir {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PLAYBOOKS.md");
    let document = std::fs::read_to_string(document).expect("the document");
    let (_, section) = document.split_once("\n## A worked example\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    let path = regex::Regex::new(r"`((?:playbooks|fixtures)/[^`]+)`").expect("a pattern");
    let paths: Vec<&str> =
        path.captures_iter(section).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    let [system, fault, ticket] = paths[..] else { panic!("three paths are named: {paths:?}") };
    let line = regex::Regex::new(r"ticket\.md` is the line `([^`]+)`").expect("a pattern");
    let line = line.captures(section).expect("the ticket's line")[1].to_owned();
    let mut blocks = section.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(""));
    let dir = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write(ticket, &format!("{line}\n"));
    for path in [
        system,
        fault,
        &ticket.replace("ticket.md", "host.yaml"),
        &ticket.replace("ticket.md", "expect.yaml"),
    ] {
        write(path, blocks.next().expect("a block for each file"));
    }
    assert_eq!(blocks.next(), None, "every block is a file");
    dir
}

#[test]
fn the_worked_example_of_the_documentation_works() {
    let dir = worked_example();
    let check = playbook(dir.path(), &["check", "playbooks"]);
    assert!(check.status.success(), "{}{}", stdout(&check), stderr(&check));
    assert_eq!(stdout(&check), "tunnel: 1 probes, 1 faults, 0 requests, 0 operations, no problems\n");
    for flag in ["--verbose", "--show"] {
        let test = playbook(dir.path(), &["test", "fixtures", "--playbooks", "playbooks", flag]);
        assert!(test.status.success(), "{}{}", stdout(&test), stderr(&test));
        let lines = stdout(&test);
        assert!(lines.starts_with("✓ fixtures/tunnel/dead: resolved, fixed tunnel-dead\n"), "{lines}");
        assert!(
            lines.contains("systemctl start cloudflared") && lines.ends_with("1 passed, 0 failed\n"),
            "{lines}"
        );
    }
}

#[test]
fn playbooks_and_scenarios_of_format_0_are_migrated_by_command() {
    let dir = tempfile::tempdir().expect("a folder");
    let copy = |from: &str, to: &str, names: &[&str]| {
        let to = dir.path().join(to);
        std::fs::create_dir_all(&to).expect("a folder");
        for name in names {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from).join(name);
            std::fs::copy(from, to.join(name)).expect("a copy");
        }
    };
    let playbooks = ["system.yaml", "worker-down.yaml", "disk-full.yaml", "logs.yaml", "queue-report.yaml"];
    let more =
        ["queue-stuck.yaml", "missing-qgis-image.yaml", "status-report.yaml", "worker-restart-loop.yaml"];
    copy(
        "tests/data/playbooks/format-0/qfieldcloud",
        "all/playbooks/qfieldcloud",
        &[&playbooks[..], &more].concat(),
    );
    let scenario = "all/fixtures/qfieldcloud/worker-down";
    copy(
        "tests/data/playbooks/format-0-hosts/qfieldcloud/worker-down",
        scenario,
        &["ticket.md", "host.yaml", "expect.yaml"],
    );
    copy("tests/data/playbooks/format-0-hosts/qfieldcloud", "all/fixtures/qfieldcloud", &["healthy.yaml"]);
    let expect = dir.path().join(scenario).join("expect.yaml");
    let text = std::fs::read_to_string(&expect).expect("a file");
    let old = text.replace("remediated:", "mended:");
    assert_ne!(old, text);
    std::fs::write(&expect, &old).expect("a file");

    let check = playbook(dir.path(), &["check", "all/playbooks"]);
    let problem =
        "qfieldcloud/system.yaml:1:1: these playbooks have format 0, and this version needs format 1\n";
    assert_eq!((check.status.code(), stdout(&check).as_str()), (Some(1), problem));
    assert!(stderr(&check).contains("fieldmedic playbook migrate all/playbooks"), "{}", stderr(&check));
    let test = playbook(dir.path(), &["test", "all/fixtures"]);
    let hint =
        "`mended` is a key of format 0; format 1 calls it `remediated`. Run `fieldmedic playbook migrate";
    assert!(test.status.code() == Some(1) && stdout(&test).contains(hint), "{}", stdout(&test));

    let dry = playbook(dir.path(), &["migrate", "all", "--dry-run"]);
    assert!(
        dry.status.success() && stdout(&dry).ends_with("10 files would be migrated, 3 unchanged\n"),
        "{}",
        stdout(&dry)
    );
    assert!(stdout(&dry).contains("all/playbooks/qfieldcloud/system.yaml\n  line "), "{}", stdout(&dry));
    assert_eq!(std::fs::read_to_string(&expect).expect("a file"), old, "a dry run changes nothing");
    let migrated = playbook(dir.path(), &["migrate", "all"]);
    assert!(migrated.status.success(), "{}", stderr(&migrated));
    assert_eq!(std::fs::read_to_string(&expect).expect("a file"), text);
    assert!(playbook(dir.path(), &["check", "all/playbooks"]).status.success());
    let test = playbook(dir.path(), &["test", "all/fixtures", "--playbooks", "all/playbooks"]);
    assert!(test.status.success(), "{}{}", stdout(&test), stderr(&test));
}

/// Opens a case with one set of playbooks, and works on it after an upgrade to the built-in ones.
async fn upgraded(scene: &mut ScenarioRun, files: &Files, library: Library) -> Case {
    let current = (scene.agent.library.clone(), scene.agent.files.clone());
    scene.agent.library = Arc::new(library);
    scene.agent.files = Arc::new(files.as_map().clone());
    let id = scene.take_in().await.expect("the case is opened");
    (scene.agent.library, scene.agent.files) = current;
    let (shutdown, _signal) = Shutdown::new();
    let case = run_case_waiting(&scene.agent, &id, &shutdown).await.expect("the case ends");
    assert_eq!(case.library.0, files.hash(), "the case stays pinned to the playbooks it began with");
    case
}

#[tokio::test]
async fn a_case_goes_on_with_the_playbooks_of_format_0_that_it_began_with() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/playbooks");
    let files = Files::from_map(Files::from_dir(&data.join("format-0")).expect("test data").as_map().clone());
    let library = library::load_recorded(&files).expect("format 0 is upgraded");
    // The second one rolls a step with a backup back.
    for name in ["worker-down", "queue-stuck-undone"] {
        // A host that answers the probes of those playbooks.
        let path = data.join("format-0-hosts/qfieldcloud").join(name);
        let mut scene = ScenarioRun::set_up(&path, built_in()).await.expect("the scenario can be set up");
        let case = upgraded(&mut scene, &files, library.clone()).await;
        let result = scene.judge(case).expect("a result");
        assert_eq!(result.verdict(), ScenarioVerdict::Passed, "{}", result.transcript());
    }
}

#[tokio::test]
async fn a_case_with_playbooks_of_a_later_format_says_so() {
    let mut scene = scene("worker-down").await;
    let files = Files::built_in().as_map().clone();
    let later = |text: String| text.replace("format: 1\n", "format: 7\n");
    let files = Files::from_map(files.into_iter().map(|(path, text)| (path, later(text))).collect());
    let library = Library { hash: LibraryHash(files.hash()), ..(*scene.agent.library).clone() };
    let case = upgraded(&mut scene, &files, library).await;
    let Some(Outcome::Escalated(escalation)) = &case.outcome else { panic!("{:?}", case.outcome) };
    assert_eq!(escalation.code, Code::NoPlaybooks);
    let why = "the format is `7`, and this version knows formats 0 and 1";
    let Detail::PlaybooksUnreadable { problem } = &escalation.detail else { panic!("{escalation:?}") };
    assert!(problem.contains(why), "{problem}");
}
