//! The faults that a person reports and `resolve` works off: each is made for real, told in the words of
//! people, and must be gone.

use crate::fixture::Fixture;
use crate::tracker::Left;
use crate::truth::Truth;
use serde_json::Value;
use std::time::Duration;

pub const QGIS: [&str; 2] = ["qfieldcloud-qgis3", "qfieldcloud-qgis4"];

pub fn workers_down(fixture: &Fixture) {
    fixture.stack.fault("workers-down", &["3"]);
    // The one that is left has its hands full, and must be let finish.
    let job = fixture.stack.fault("job", &["1", "12"]);
    let job = job.trim();
    let before = fixture.stack.wait_until(Duration::from_secs(20), |truth| truth.jobs_are([job], "started"));
    let logins = fixture.stack.logins();
    let after = resolved(
        fixture,
        &before,
        "Sync never finishes",
        "Since this morning our tablets only show the spinning wheel, and the changes stay pending for \
         hours. Six people in the field are waiting.",
    );
    assert_eq!(after.workers_running, 4, "workers");
    fixture.assert_finished("the job that ran", [job].into_iter());
    let connections = fixture.stack.logins().connections - logins.connections;
    assert_eq!(connections, 1, "one connection is used for everything");
}

pub fn missing_image(fixture: &Fixture) {
    let well = fixture.stack.truth();
    fixture.stack.fault("missing-image", &[]);
    let before = fixture.stack.truth();
    let after = resolved(
        fixture,
        &before,
        "Cannot download project to QField",
        "Uploading from QGIS works, but the package job fails with `404 Client Error: pull access denied \
         for qfieldcloud-qgis3, repository does not exist or may require 'docker login'`.",
    );
    for name in QGIS {
        assert_eq!(after.image(name), well.image(name), "{name} must be the one from the backup");
    }
    let failed = before.jobs.with_status(&["failed"]).filter(|id| !well.jobs.rows.contains_key(*id));
    fixture.assert_finished("a job that failed for want of the image", failed);
}

pub fn bad_backup(fixture: &Fixture) {
    let well = fixture.stack.truth();
    fixture.stack.fault("missing-image", &["qgis4"]);
    fixture.stack.fault("bad-backup", &[]);
    let before = fixture.stack.truth();
    let after = resolved(
        fixture,
        &before,
        "Packaging fails for the new QGIS 4 projects",
        "All package jobs of the two QGIS 4 projects failed today: No such image: qfieldcloud-qgis4",
    );
    assert_eq!(after.image(QGIS[1]), well.image(QGIS[1]), "the older archive holds the same image");
}

pub fn workers_and_image(fixture: &Fixture) {
    fixture.stack.fault("workers-down", &[]);
    fixture.stack.fault("missing-image", &["qgis3"]);
    fixture.stack.fault("no-archive", &[]);
    let before = fixture.stack.truth();
    let after = resolved(
        fixture,
        &before,
        "QField sync never finishes since the weekend",
        "Nothing gets synced any more, on none of our devices. The jobs are stuck in the queue.",
    );
    assert_eq!(after.workers_running, 4, "workers");
    assert!(after.image(QGIS[0]).is_some(), "{} must be built", QGIS[0]);
    let records = fixture.last_records();
    assert_eq!(playbooks_treated(&records), ["missing-qgis-image", "worker-down"], "the cause comes first");
    fixture.assert_finished("a job that waited", before.jobs.with_status(&["pending"]));
}

/// Files a ticket, lets the agent resolve it, and checks all that is the same for every fault.
fn resolved(fixture: &Fixture, before: &Truth, title: &str, body: &str) -> Truth {
    let issue = fixture.tracker.file(title, body);
    let agent = fixture.agent();
    let run = agent.run(&["resolve", &issue.to_string()]);
    fixture.note_case(&agent);
    assert_eq!(run.code, 0, "the exit code of `resolve`");
    fixture.tracker.issue(&issue).assert_resolved();
    let after = fixture.assert_unharmed_since(before);
    fixture.assert_jobs_finish();
    after
}

/// The playbooks whose remedies were planned, in order.
fn playbooks_treated(records: &[Value]) -> Vec<&str> {
    records.iter().filter_map(|record| record["event"]["with"]["playbook"].as_str()).collect()
}
