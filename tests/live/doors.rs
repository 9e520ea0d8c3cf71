//! The ways in beside `resolve`: the daemon hears of a ticket by webhook, by a slash command in a
//! comment, and by its own sweep.

use crate::agent::{Agent, Running};
use crate::desk::{Left, ON_CALL};
use crate::ground::Ground;
use std::time::Duration;

/// The longest that a case may take here.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn disk_full_by_webhook(ground: &Ground) {
    let (agent, daemon) = start_daemon(ground);
    ground.stack.fault("disk-full", &[]);
    let before = ground.stack.truth();
    ground.desk.file(
        "Upload fails: No space left on device",
        "QGIS says `[Errno 28] No space left on device` when I push our project. It worked on Friday.",
    );
    ground.desk.wait_for_end(PATIENCE).assert_resolved();
    daemon.stop();
    ground.note_case(&agent);
    assert_eq!(source(ground), "webhook");
    let after = ground.assert_unharmed_since(&before);
    let (was, is) = (before.disk.used_percent, after.disk.used_percent);
    assert!(was > 90 && is < 90, "the disk was at {was} % and is at {is} %");
    ground.assert_jobs_finish();
}

pub fn queue_stuck_by_command(ground: &Ground) {
    let (agent, daemon) = start_daemon(ground);
    ground.stack.fault("queue-stuck", &["3"]);
    let before = ground.stack.truth();
    let issue = ground.desk.file_unlabelled(
        "Changes stay in \"pending\" status",
        "Three projects, the same picture everywhere: the changes are stuck in the queue and nothing gets synced.",
    );
    ground.desk.comment(&issue, ON_CALL, "/qfield:support");
    let closed = ground.desk.wait_for_end(PATIENCE);
    closed.assert_resolved();
    daemon.stop();
    ground.note_case(&agent);
    assert_eq!(source(ground), "command");
    let command = closed.comments.iter().find(|one| one.author == ON_CALL);
    assert!(
        command.is_some_and(|one| one.reactions.iter().any(|r| r.content == "eyes")),
        "no 👀 on the command"
    );
    let after = ground.assert_unharmed_since(&before);
    assert_eq!(after.jobs.queued_not_started, 0, "jobs that no worker takes");
    ground.assert_finished("a job that was stuck", before.jobs.with_status(&["queued", "pending"]));
    ground.assert_jobs_finish();
}

pub fn workers_down_by_sweep(ground: &Ground) {
    ground.stack.fault("workers-killed", &["2"]);
    let before = ground.stack.truth();
    let agent = ground.agent();
    agent.configure("systems = \"1h\"", "systems = \"2s\"");
    let daemon = agent.start(&["serve"]);
    let opened = ground.desk.wait_for_end(PATIENCE);
    opened.assert_resolved();
    // Another round finds nothing, and opens nothing.
    let logins = ground.stack.logins();
    ground.stack.wait_for_quiet_since(&logins, Duration::from_secs(30));
    daemon.stop();
    ground.note_case(&agent);
    assert!(opened.labels.iter().any(|label| label == "support"), "its own ticket has the support label");
    assert_eq!(ground.desk.issues().len(), 1, "one fault, one ticket");
    let after = ground.assert_unharmed_since(&before);
    assert_eq!(after.workers_running, 4, "workers");
    ground.assert_jobs_finish();
}

/// A daemon that has looked at the healthy server and waits for what comes.
fn start_daemon(ground: &Ground) -> (Agent, Running) {
    let agent = ground.agent();
    let logins = ground.stack.logins();
    let daemon = agent.start(&["serve"]);
    let line = daemon.wait_for("webhook on", Duration::from_secs(20));
    let url = line.split_whitespace().last().unwrap_or_default().to_owned();
    ground.desk.hook(url);
    // Its first sweep must not see the fault that is made next.
    ground.stack.wait_for_quiet_since(&logins, Duration::from_secs(30));
    (agent, daemon)
}

/// From which source the last case came.
fn source(ground: &Ground) -> String {
    let records = ground.last_records();
    records[0]["event"]["with"]["source"]["kind"].as_str().unwrap_or("none").to_owned()
}
