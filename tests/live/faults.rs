//! The four faults: each is made for real, reported in the words of people, and must be gone.

use crate::desk::Left;
use crate::ground::Ground;

pub fn workers_down(ground: &Ground) {
    ground.stack.fault("workers-down", &["3"]);
    // The one that is left has its hands full; it must be let finish.
    let busy = ground.stack.fault("job", &["1", "15"]).trim().to_owned();
    let started = |truth: &crate::truth::Truth| truth.jobs.rows.get(&busy).is_some_and(|status| status == "started");
    let before = ground.stack.wait_until(std::time::Duration::from_secs(20), started);
    let issue = ground.desk.file(
        "Sync never finishes",
        "Since this morning our tablets show the spinning wheel and the changes stay pending for hours. Six people in the field are waiting.",
    );
    let agent = ground.agent();
    let run = agent.run(&["resolve", &issue.to_string()]);
    ground.note(agent.timings());
    assert_eq!(run.code, 0, "exit code");
    ground.desk.issue(&issue).assert_resolved();
    let after = ground.assert_unharmed_since(&before);
    assert_eq!(after.workers_running, 4);
    ground.assert_jobs_finish();
}

pub fn disk_full(ground: &Ground) {
    ground.stack.fault("disk-full", &[]);
    let before = ground.stack.truth();
    let issue = ground.desk.file("Upload fails: No space left on device", "QGIS says `[Errno 28] No space left on device` when I push our project. It worked on Friday.");
    let agent = ground.agent();
    let run = agent.run(&["resolve", &issue.to_string()]);
    ground.note(agent.timings());
    assert_eq!(run.code, 0, "exit code");
    ground.desk.issue(&issue).assert_resolved();
    let after = ground.assert_unharmed_since(&before);
    assert!(after.disk.used_percent < 90, "the disk is at {} %", after.disk.used_percent);
    ground.assert_jobs_finish();
}

pub fn queue_stuck(ground: &Ground) {
    ground.stack.fault("queue-stuck", &[]);
    let before = ground.stack.truth();
    let issue = ground.desk.file("Changes stuck in pending", "Five projects, same picture: the changes are stuck in the queue and nothing gets synced.");
    let agent = ground.agent();
    let run = agent.run(&["resolve", &issue.to_string()]);
    ground.note(agent.timings());
    assert_eq!(run.code, 0, "exit code");
    ground.desk.issue(&issue).assert_resolved();
    let after = ground.assert_unharmed_since(&before);
    assert_eq!(after.jobs.queued_not_started, 0);
    ground.assert_jobs_finish();
}

pub fn missing_image(ground: &Ground) {
    let well = ground.stack.truth();
    ground.stack.fault("missing-image", &[]);
    let before = ground.stack.truth();
    let issue = ground.desk.file("Packaging fails", "pull access denied for qfieldcloud-qgis3, repository does not exist or may require 'docker login'");
    let agent = ground.agent();
    let run = agent.run(&["resolve", &issue.to_string()]);
    ground.note(agent.timings());
    assert_eq!(run.code, 0, "exit code");
    ground.desk.issue(&issue).assert_resolved();
    let after = ground.assert_unharmed_since(&before);
    assert_eq!(after.image("qfieldcloud-qgis3"), well.image("qfieldcloud-qgis3"));
    ground.assert_jobs_finish();
}
