//! The ways in beside `resolve`: the daemon hears of a ticket by webhook, by a slash command in a
//! comment, and by its own sweep.

use crate::agent::{Agent, Running};
use crate::fixture::Fixture;
use crate::tracker::{Left, ON_CALL};
use std::time::Duration;

/// The longest that a case may take here.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn disk_full_by_webhook(fixture: &Fixture) {
    let (agent, daemon) = start_daemon(fixture);
    fixture.stack.fault("disk-full", &[]);
    let before = fixture.stack.truth();
    fixture.tracker.file(
        "Upload fails: No space left on device",
        "QGIS says `[Errno 28] No space left on device` when I push our project. It worked on Friday.",
    );
    fixture.tracker.wait_for_end(PATIENCE).assert_resolved();
    daemon.stop();
    fixture.note_case(&agent);
    assert_eq!(source(fixture), "webhook");
    let after = fixture.assert_unharmed_since(&before);
    let (was, is) = (before.disk.used_percent, after.disk.used_percent);
    assert!(was > 90 && is < 90, "the disk was at {was} % and is at {is} %");
    fixture.assert_jobs_finish();
}

pub fn queue_stuck_by_command(fixture: &Fixture) {
    let (agent, daemon) = start_daemon(fixture);
    fixture.stack.fault("queue-stuck", &["3"]);
    let before = fixture.stack.truth();
    let issue = fixture.tracker.file_unlabelled(
        "Changes stay in \"pending\" status",
        "Three projects, the same picture everywhere: the changes are stuck in the queue and nothing gets synced.",
    );
    fixture.tracker.comment(&issue, ON_CALL, "/qfield:support");
    let closed = fixture.tracker.wait_for_end(PATIENCE);
    closed.assert_resolved();
    daemon.stop();
    fixture.note_case(&agent);
    assert_eq!(source(fixture), "command");
    let command = closed.comments.iter().find(|one| one.author == ON_CALL);
    assert!(
        command.is_some_and(|one| one.reactions.iter().any(|r| r.content == "eyes")),
        "no 👀 on the command"
    );
    let after = fixture.assert_unharmed_since(&before);
    assert_eq!(after.jobs.queued_not_started, 0, "jobs that no worker takes");
    fixture.assert_finished("a job that was stuck", before.jobs.with_status(&["queued", "pending"]));
    fixture.assert_jobs_finish();
}

pub fn workers_down_by_sweep(fixture: &Fixture) {
    fixture.stack.fault("workers-killed", &["2"]);
    let before = fixture.stack.truth();
    let agent = fixture.agent();
    agent.configure("systems = \"1h\"", "systems = \"2s\"");
    let daemon = agent.start(&["serve"]);
    let opened = fixture.tracker.wait_for_end(PATIENCE);
    opened.assert_resolved();
    // Another round finds nothing, and opens nothing.
    let logins = fixture.stack.logins();
    fixture.stack.wait_for_quiet_since(&logins, Duration::from_secs(30));
    daemon.stop();
    fixture.note_case(&agent);
    assert!(opened.labels.iter().any(|label| label == "support"), "its own ticket has the support label");
    assert_eq!(fixture.tracker.issues().len(), 1, "one fault, one ticket");
    let after = fixture.assert_unharmed_since(&before);
    assert_eq!(after.workers_running, 4, "workers");
    fixture.assert_jobs_finish();
}

/// A daemon that has looked at the healthy server and waits for what comes.
fn start_daemon(fixture: &Fixture) -> (Agent, Running) {
    let agent = fixture.agent();
    let logins = fixture.stack.logins();
    let daemon = agent.start(&["serve"]);
    let line = daemon.wait_for("webhook on", Duration::from_secs(20));
    let url = line.split_whitespace().last().unwrap_or_default().to_owned();
    fixture.tracker.hook(url);
    // Its first sweep must not see the fault that is made next.
    fixture.stack.wait_for_quiet_since(&logins, Duration::from_secs(30));
    (agent, daemon)
}

/// From which source the last case came.
fn source(fixture: &Fixture) -> String {
    let records = fixture.last_records();
    records[0]["event"]["with"]["source"]["kind"].as_str().unwrap_or("none").to_owned()
}
