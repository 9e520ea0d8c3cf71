//! The agent: the real binary, let in to a machine as `host-setup` says, and a person who approves what it asks.

use crate::case::Case;
use crate::machine::{Machine, file};
use crate::process::{drain, finish, wait};
use crate::tracker::{ON_CALL, TOKEN, Tracker};
use crate::trial::Work;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// No run of the agent takes longer than this.
const PATIENCE: Duration = Duration::from_secs(900);

/// A person approves so many plans of one ticket.
const APPROVALS: usize = 4;

/// An agent with a configuration, a key and a repository of its own; gone when it is dropped.
pub struct Ready<'a> {
    dir: TempDir,
    machine: &'a Machine,
    tracker: Tracker,
}

impl<'a> Ready<'a> {
    pub fn new(machine: &'a Machine, tracker: &Tracker, name: &str) -> Self {
        let ready = Self {
            dir: tempfile::tempdir().expect("a directory for the agent"),
            machine,
            tracker: tracker.repository(name),
        };
        finish(
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(ready.path("key")),
        );
        let template = std::fs::read_to_string(file("fieldmedic.toml")).expect("the configuration");
        let config = template
            .replace("@repo@", &ready.tracker.repo())
            .replace("@url@", ready.tracker.url())
            .replace("@on-call@", ON_CALL)
            .replace("@port@", &machine.port.to_string());
        std::fs::write(ready.path("fieldmedic.toml"), config).expect("the configuration can be written");
        std::fs::write(ready.path("known_hosts"), machine.known_hosts()).expect("the known hosts");
        ready
    }

    /// Runs what `host-setup` prints in the machine, as its administrator would.
    pub fn install(&self) {
        let (code, setup, said) = self.run(&["host-setup", "--sh", "server"]);
        assert!(code == 0, "`host-setup` ended with {code}: {said}");
        self.machine.must("what `host-setup` prints", &setup);
    }

    /// Files the ticket, and resolves it until it ends.
    pub fn work(&self, case: &Case) -> Work {
        let id = self.tracker.file(&case.title, &case.body);
        let mut approvals = 0;
        let report = loop {
            let (code, out, said) = self.run(&["resolve", &id.to_string(), "--json"]);
            let report: Value = serde_json::from_str(&out)
                .unwrap_or_else(|error| panic!("`resolve` ended with {code}: {error}: {out}{said}"));
            let (Some(plan), Some(number)) = (report["question"]["plan"].as_str(), report["case"].as_str())
            else {
                break report;
            };
            if approvals == APPROVALS {
                break report;
            }
            let (code, _, said) = self.run(&["case", "approve", number, plan]);
            assert!(code == 0, "the approval ended with {code}: {said}");
            approvals += 1;
        };
        if let Ok(folder) = std::env::var("FIELDMEDIC_BENCH_REPORTS") {
            let text = serde_json::to_string_pretty(&report).expect("JSON");
            let _ = std::fs::write(Path::new(&folder).join(format!("{}.json", case.name)), text);
        }
        let issue = self.tracker.issue(&id);
        let asks_whether_it_works =
            report["inquiry"]["purpose"].as_str().is_some_and(|purpose| purpose.starts_with("confirm"));
        let claims_well = issue.is_closed() || asks_whether_it_works;
        let entries = |key: &str| report[key].as_array().cloned().unwrap_or_default();
        let found = entries("findings").into_iter().chain(entries("remediations"));
        let said: String = found
            .map(|entry| format!("{} {} {}\n", entry["title"], entry["text"], entry["summary"]))
            .collect();
        // Why nothing could be told, or what a probe said instead.
        let said = said + &report["detail"].to_string();
        let changes = entries("remediations").iter().map(changes).sum();
        let code = report["code"].as_str().unwrap_or_default();
        Work {
            claims_well,
            calls: !claims_well,
            said,
            approvals,
            changes: Some(changes),
            end: format!("{} {code}", report["outcome"].as_str().unwrap_or_default()),
        }
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let program = std::env::var("FIELDMEDIC_BENCH_BINARY");
        let mut command = Command::new(program.unwrap_or(env!("CARGO_BIN_EXE_fieldmedic").to_owned()));
        command.arg("--config").arg(self.path("fieldmedic.toml")).args(arguments);
        command.env("FIELDMEDIC_GITHUB_TOKEN", TOKEN).env("NO_COLOR", "1").env_remove("SSH_AUTH_SOCK");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("the agent cannot be started: {error}"));
        let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let Some(ended) = wait(&mut child, PATIENCE) else {
            panic!("`fieldmedic {}` did not end in time", arguments.join(" "))
        };
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        (ended.code().unwrap_or(-1), out, err)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

/// The steps of a remediation that were run.
fn changes(remediation: &Value) -> usize {
    let steps = remediation["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().filter(|step| step["state"].as_str().is_some_and(|state| state != "skipped")).count()
}
