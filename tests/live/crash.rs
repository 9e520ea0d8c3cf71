//! A power failure of the agent while a change runs on the server: asked again, it comes to a proper end,
//! once.

use crate::fixture::Fixture;
use crate::tracker::Left;
use std::time::{Duration, Instant};

pub fn while_workers_start(fixture: &Fixture) {
    fixture.stack.fault("workers-down", &[]);
    killed_during(fixture, "docker start", "Sync never finishes", "All jobs are stuck in the queue.");
    assert_eq!(fixture.stack.truth().workers_running, 4, "workers");
}

pub fn while_an_image_is_loaded(fixture: &Fixture) {
    let well = fixture.stack.truth();
    fixture.stack.fault("missing-image", &["qgis3"]);
    killed_during(fixture, "docker load", "Packaging fails", "pull access denied for qfieldcloud-qgis3");
    let name = "qfieldcloud-qgis3";
    assert_eq!(fixture.stack.truth().image(name), well.image(name), "the image from the backup");
}

/// Kills the agent while this command runs on the server, and asks it again.
fn killed_during(fixture: &Fixture, command: &str, title: &str, body: &str) {
    let before = fixture.stack.truth();
    let issue = fixture.tracker.file(title, body);
    let agent = fixture.agent();
    let running = agent.start(&["resolve", &issue.to_string()]);
    let end = Instant::now() + Duration::from_secs(60);
    while !fixture.stack.remote_commands().contains(command) {
        assert!(Instant::now() < end, "`{command}` was never seen on the server");
    }
    running.kill();
    let kinds: Vec<String> = fixture.records_of(&agent).iter().map(kind).collect();
    assert_eq!(
        kinds.last().map(String::as_str),
        Some("change_started"),
        "it was not in the middle of a change"
    );
    assert!(!fixture.tracker.issue(&issue).is_closed(), "the issue was closed before its time");

    let run = agent.run(&["resolve", &issue.to_string()]);
    fixture.note_case(&agent);
    assert_eq!(run.code, 0, "the exit code of the second `resolve`");
    fixture.tracker.issue(&issue).assert_resolved();
    let cases = agent.json(&["case", "list", "--json"]);
    assert_eq!(cases.as_array().map(Vec::len), Some(1), "it is the same case");
    assert_eq!(agent.run(&["audit", "verify"]).code, 0, "the journal is whole");
    fixture.assert_unharmed_since(&before);
    fixture.assert_jobs_finish();
}

fn kind(record: &serde_json::Value) -> String {
    record["event"]["event"].as_str().unwrap_or_default().to_owned()
}
