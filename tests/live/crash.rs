//! A power failure of the agent while a change runs on the server: asked again, it comes to a proper end,
//! once.

use crate::desk::Left;
use crate::ground::Ground;
use std::time::{Duration, Instant};

pub fn while_workers_start(ground: &Ground) {
    ground.stack.fault("workers-down", &[]);
    killed_during(ground, "docker start", "Sync never finishes", "All jobs are stuck in the queue.");
    assert_eq!(ground.stack.truth().workers_running, 4, "workers");
}

pub fn while_an_image_is_loaded(ground: &Ground) {
    let well = ground.stack.truth();
    ground.stack.fault("missing-image", &["qgis3"]);
    killed_during(ground, "docker load", "Packaging fails", "pull access denied for qfieldcloud-qgis3");
    let name = "qfieldcloud-qgis3";
    assert_eq!(ground.stack.truth().image(name), well.image(name), "the image from the backup");
}

/// Kills the agent while this command runs on the server, and asks it again.
fn killed_during(ground: &Ground, command: &str, title: &str, body: &str) {
    let before = ground.stack.truth();
    let issue = ground.desk.file(title, body);
    let agent = ground.agent();
    let running = agent.start(&["resolve", &issue.to_string()]);
    let end = Instant::now() + Duration::from_secs(60);
    while !ground.stack.remote_commands().contains(command) {
        assert!(Instant::now() < end, "`{command}` was never seen on the server");
    }
    running.kill();
    let kinds: Vec<String> = ground.records_of(&agent).iter().map(kind).collect();
    assert_eq!(
        kinds.last().map(String::as_str),
        Some("change_started"),
        "it was not in the middle of a change"
    );
    assert!(!ground.desk.issue(&issue).is_closed(), "the issue was closed before its time");

    let run = agent.run(&["resolve", &issue.to_string()]);
    ground.note_case(&agent);
    assert_eq!(run.code, 0, "the exit code of the second `resolve`");
    ground.desk.issue(&issue).assert_resolved();
    let cases = agent.json(&["case", "list", "--json"]);
    assert_eq!(cases.as_array().map(Vec::len), Some(1), "it is the same case");
    assert_eq!(agent.run(&["audit", "verify"]).code, 0, "the journal is whole");
    ground.assert_unharmed_since(&before);
    ground.assert_jobs_finish();
}

fn kind(record: &serde_json::Value) -> String {
    record["event"]["event"].as_str().unwrap_or_default().to_owned()
}
