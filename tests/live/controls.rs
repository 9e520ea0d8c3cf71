//! The controls: where there is nothing to mend, or nothing that may be done, nothing is done, and it is
//! said why.

use crate::fixture::Fixture;
use crate::stack::finish;
use crate::tracker::Left;
use std::process::Command;

pub fn healthy_and_a_complaint(fixture: &Fixture) {
    let before = fixture.stack.truth();
    let issue = fixture
        .tracker
        .file("Sync never finishes, urgent", "Nobody in our team can synchronize, please look at once.");
    let run = fixture.agent().run(&["resolve", &issue.to_string()]);
    assert_eq!(run.code, 3, "the exit code of `resolve`");
    fixture.tracker.issue(&issue).assert_escalated("nothing-found");
    fixture.assert_untouched_since(&before);
}

pub fn a_question(fixture: &Fixture) {
    let before = fixture.stack.truth();
    let issue = fixture
        .tracker
        .file("Please check QField system status", "Before the season starts on Monday. Thanks!");
    let run = fixture.agent().run(&["resolve", &issue.to_string()]);
    assert_eq!(run.code, 0, "the exit code of `resolve`");
    let issue = fixture.tracker.issue(&issue);
    issue.assert_resolved();
    let report = issue.reports().concat();
    for expect in ["| Service | State |", "4 of 4 running", "0 pending", "| Memory |", "| Uptime |"] {
        assert!(report.contains(expect), "the answer lacks {expect:?}:\n{report}");
    }
    fixture.assert_untouched_since(&before);
}

pub fn a_rehearsal(fixture: &Fixture) {
    fixture.stack.fault("workers-down", &["2"]);
    let before = fixture.stack.truth();
    let issue = fixture.tracker.file("Sync hangs", "Our changes are stuck since an hour.");
    let agent = fixture.agent();
    let run = agent.run(&["resolve", "--dry-run", &issue.to_string()]);
    assert_eq!(run.code, 8, "the exit code of `resolve --dry-run`");
    assert!(run.stdout.contains("docker start "), "it does not say what it would do");
    assert_eq!(fixture.tracker.writes(), 0, "something was written on GitHub");
    assert!(fixture.tracker.issue(&issue).comments.is_empty(), "a comment was written");
    assert_eq!(agent.json(&["case", "list", "--json"]).as_array().map(Vec::len), Some(0), "a case was kept");
    fixture.assert_untouched_since(&before);
}

pub fn unreachable(fixture: &Fixture) {
    let agent = fixture.agent();
    let issue = fixture.tracker.file("QField sync does not work", "Nobody can synchronize since 9:00.");
    fixture.stack.fault("unreachable", &[]);
    let before = fixture.stack.truth();
    let run = agent.run(&["resolve", &issue.to_string()]);
    assert_eq!(run.code, 3, "the exit code of `resolve`");
    fixture.tracker.issue(&issue).assert_escalated("unreachable");
    fixture.assert_untouched_since(&before);
}

pub fn host_keys(fixture: &Fixture) {
    let before = fixture.stack.truth();
    let agent = fixture.agent();
    let right = fixture.stack.read("ssh/known_hosts");
    let host = right.split_whitespace().next().expect("the server's address");
    // Any other key will do for a stranger's; the agent's own is at hand.
    let other = finish(Command::new("ssh-keygen").arg("-y").arg("-f").arg(agent.key()));
    let other: String = other.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    for (trust, expect) in [(format!("{host} {other}\n"), "HAS CHANGED"), (String::new(), "is not known")] {
        agent.trust(&trust);
        let doctor = agent.run(&["doctor"]);
        assert_eq!(doctor.code, 1, "the exit code of `doctor`");
        let issue = fixture.tracker.file("QField sync does not work", "Nobody can synchronize since 9:00.");
        let run = agent.run(&["resolve", &issue.to_string()]);
        assert_eq!(run.code, 3, "the exit code of `resolve`");
        let issue = fixture.tracker.issue(&issue);
        issue.assert_escalated("unreachable");
        for said in [&doctor.stdout, &run.stdout, &issue.reports().concat()] {
            assert!(said.contains(expect), "it does not say that the key {expect}");
            // A server has keys of several kinds; it may show any of them.
            assert!(right.lines().any(|line| said.contains(line)), "it does not show the line to add");
        }
    }
    fixture.assert_untouched_since(&before);
}

pub fn nothing_to_restore_from(fixture: &Fixture) {
    fixture.stack.fault("missing-image", &["qgis4"]);
    fixture.stack.fault("no-backup", &[]);
    let before = fixture.stack.truth();
    let issue =
        fixture.tracker.file("Packaging fails", "The package jobs of two projects failed: No such image");
    let agent = fixture.agent();
    let run = agent.run(&["resolve", &issue.to_string()]);
    fixture.note_case(&agent);
    assert_eq!(run.code, 3, "the exit code of `resolve`");
    let issue = fixture.tracker.issue(&issue);
    issue.assert_escalated("not-fixed");
    let report = issue.reports().concat();
    for expect in ["qfieldcloud-qgis4", "build the image: failed", "docker compose build"] {
        assert!(report.contains(expect), "the report lacks {expect:?}");
    }
    let after = fixture.assert_unharmed_since(&before);
    assert_eq!(after.jobs, before.jobs, "no job may be different");
    assert_eq!(after.image("qfieldcloud-qgis4"), None);
}
