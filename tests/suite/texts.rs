//! Every text that people read, as they read it: comments in each phase and of each outcome, and what the
//! commands print.
//!
//! A difference here is a change of wording. Read it as its reader would, then accept it with
//! `cargo insta test --accept --test suite`.

use crate::harness::Rig;
use crate::snapshots::stable;
use crate::test_agent::{TestAgent, outcome};
use fieldmedic::core::case::Case;
use fieldmedic::engine::{Observer, Progress};
use fieldmedic::sandbox::github::FakeGitHub;
use insta::assert_snapshot;
use std::sync::{Arc, Mutex};

/// A scenario, worked on to its end.
async fn ended(scenario: &str, expected: &str) -> (TestAgent, Case) {
    let agent = TestAgent::on(scenario).build().await;
    let case = agent.works(&agent.opens_case().await).await;
    assert_eq!(outcome(&case), expected);
    (agent, case)
}

/// The status comment as it stood in each phase: one for each title.
struct StatusReader {
    github: FakeGitHub,
    phases: Mutex<Vec<String>>,
}

impl Observer for StatusReader {
    fn on_progress(&self, progress: Progress<'_>) {
        let Progress::Starting { case, .. } = progress else { return };
        let comments = self.github.comments(&case.ticket.id);
        let Some(status) = comments.iter().find(|comment| comment.body.contains("kind=status")) else {
            return;
        };
        let title = |body: &str| body.lines().find(|line| line.starts_with("###")).map(str::to_owned);
        let mut phases = self.phases.lock().expect("nobody panics with it");
        if !phases.iter().any(|known| title(known) == title(&status.body)) {
            phases.push(status.body.clone());
        }
    }
}

/// Every status of a case, in the order in which people could read them.
async fn statuses(scenario: &str) -> String {
    let mut agent = TestAgent::on(scenario).build().await;
    let reader = Arc::new(StatusReader { github: agent.github().clone(), phases: Mutex::new(Vec::new()) });
    agent.context_mut().observer = reader.clone();
    agent.works(&agent.opens_case().await).await;
    agent.all_comments();
    let phases = reader.phases.lock().expect("nobody panics with it").clone();
    phases.iter().chain([&agent.comment("status")]).map(|body| stable(body)).collect::<Vec<_>>().join("\n\n")
}

#[tokio::test]
async fn the_status_in_each_phase_of_a_fix() {
    assert_snapshot!(statuses("worker-down").await, @"");
}

#[tokio::test]
async fn the_status_in_each_phase_of_a_fix_that_is_rolled_back() {
    assert_snapshot!(statuses("worker-down-not-fixed").await, @"");
}

#[tokio::test]
async fn the_report_of_a_resolved_case() {
    let (agent, _) = ended("worker-down", "resolved").await;
    agent.sees(&["status", "report"]);
    assert_snapshot!(stable(&agent.comment("report")), @"");
}

#[tokio::test]
async fn the_report_and_the_call_of_an_escalated_case() {
    let (agent, _) = ended("worker-down-not-fixed", "escalated").await;
    agent.sees(&["status", "report", "call"]);
    assert_snapshot!(stable(&agent.comment("report")), @"");
    assert_snapshot!(stable(&agent.comment("call")), @"");
}

#[tokio::test]
async fn the_report_of_a_host_that_cannot_be_reached() {
    let (agent, _) = ended("worker-down-unreachable", "escalated").await;
    agent.sees(&["status", "report", "call"]);
    assert_snapshot!(stable(&agent.comment("report")), @"");
}

#[tokio::test]
async fn the_report_of_an_answered_question() {
    let (agent, _) = ended("status", "answered").await;
    agent.sees(&["status", "report"]);
    assert_snapshot!(stable(&agent.comment("report")), @"");
}

#[tokio::test]
async fn the_report_of_a_declined_command() {
    let (agent, _) = ended("run-queue-stuck-cause-first", "declined").await;
    assert_snapshot!(stable(&agent.last_comment("report")), @"");
    agent.all_comments();
}

/// What a command of the program prints.
async fn prints(rig: &Rig, arguments: &[&str]) -> String {
    let ran = rig.run(arguments).await;
    let folder = rig.dir.path().display().to_string();
    let shown = format!("{}{}", ran.stdout, ran.stderr).replace(&folder, "[folder]");
    format!("exit status {}\n{}", ran.code.unwrap_or(-1), stable(&shown))
}

#[tokio::test]
async fn what_the_commands_print() {
    let rig = Rig::new("worker-down").await;
    let ticket = rig.file("Sync never finishes", "Since this morning changes stay pending on all tablets.");
    assert_snapshot!(prints(&rig, &["doctor"]).await, @"");
    let resolved = rig.run(&["resolve", &ticket.number.to_string()]).await;
    assert_eq!(resolved.code, Some(0), "{resolved:?}");
    let list = rig.run(&["case", "list"]).await;
    let case = list.stdout.split_whitespace().next().expect("a case").to_owned();
    assert_snapshot!(prints(&rig, &["case", "show", &case]).await, @"");
    assert_snapshot!(prints(&rig, &["playbook", "explain", "worker-down"]).await, @"");
}
