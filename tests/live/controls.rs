//! The controls: where there is nothing to mend, or nothing that may be done, nothing is done, and it is
//! said why.

use crate::desk::Left;
use crate::ground::Ground;
use crate::stack::finish;
use std::process::Command;

pub fn healthy_and_a_complaint(ground: &Ground) {
    let before = ground.stack.truth();
    let issue = ground.desk.file(
        "QField app crashes when I open the form",
        "Every time I tap on the photo field in the new form the app closes. Sync never works for me either.",
    );
    let run = ground.agent().run(&["resolve", &issue.to_string()]);
    assert_eq!(run.code, 3, "the exit code of `resolve`");
    ground.desk.issue(&issue).assert_escalated("nothing-found");
    ground.assert_untouched_since(&before);
}

pub fn a_question(ground: &Ground) {
    let before = ground.stack.truth();
    let issue =
        ground.desk.file("Please check QField system status", "Before the season starts on Monday. Thanks!");
    let run = ground.agent().run(&["resolve", &issue.to_string()]);
    assert_eq!(run.code, 0, "the exit code of `resolve`");
    let issue = ground.desk.issue(&issue);
    issue.assert_resolved();
    let report = issue.reports().concat();
    for expect in ["| Service | State |", "4 of 4 running", "0 pending", "| Memory |", "| Uptime |"] {
        assert!(report.contains(expect), "the answer lacks {expect:?}:\n{report}");
    }
    ground.assert_untouched_since(&before);
}

pub fn a_rehearsal(ground: &Ground) {
    ground.stack.fault("workers-down", &["2"]);
    let before = ground.stack.truth();
    let issue = ground.desk.file("Sync hangs", "Our changes are stuck since an hour.");
    let agent = ground.agent();
    let run = agent.run(&["resolve", "--dry-run", &issue.to_string()]);
    assert_eq!(run.code, 3, "the exit code of `resolve --dry-run`");
    assert!(run.stdout.contains("docker start "), "it does not say what it would do");
    assert_eq!(ground.desk.writes(), 0, "something was written on GitHub");
    assert!(ground.desk.issue(&issue).comments.is_empty(), "a comment was written");
    assert_eq!(agent.json(&["case", "list", "--json"]).as_array().map(Vec::len), Some(0), "a case was kept");
    ground.assert_untouched_since(&before);
}

pub fn unreachable(ground: &Ground) {
    let agent = ground.agent();
    let issue = ground.desk.file("QField sync does not work", "Nobody can synchronize since 9:00.");
    ground.stack.fault("unreachable", &[]);
    let before = ground.stack.truth();
    let run = agent.run(&["resolve", &issue.to_string()]);
    assert_eq!(run.code, 3, "the exit code of `resolve`");
    ground.desk.issue(&issue).assert_escalated("unreachable");
    ground.assert_untouched_since(&before);
}

pub fn host_keys(ground: &Ground) {
    let before = ground.stack.truth();
    let agent = ground.agent();
    let right = ground.stack.read("ssh/known_hosts");
    let host = right.split_whitespace().next().expect("the server's address");
    // Any other key will do for a stranger's; the agent's own is at hand.
    let other = finish(Command::new("ssh-keygen").arg("-y").arg("-f").arg(agent.key()));
    let other: String = other.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    for (trust, expect) in [(format!("{host} {other}\n"), "HAS CHANGED"), (String::new(), "is not known")] {
        agent.trust(&trust);
        let doctor = agent.run(&["doctor"]);
        assert_eq!(doctor.code, 1, "the exit code of `doctor`");
        let issue = ground.desk.file("QField sync does not work", "Nobody can synchronize since 9:00.");
        let run = agent.run(&["resolve", &issue.to_string()]);
        assert_eq!(run.code, 3, "the exit code of `resolve`");
        let issue = ground.desk.issue(&issue);
        issue.assert_escalated("unreachable");
        for said in [&doctor.stdout, &run.stdout, &issue.reports().concat()] {
            assert!(said.contains(expect), "it does not say that the key {expect}");
            // A server has keys of several kinds; it may show any of them.
            assert!(right.lines().any(|line| said.contains(line)), "it does not show the line to add");
        }
    }
    ground.assert_untouched_since(&before);
}

pub fn nothing_to_restore_from(ground: &Ground) {
    ground.stack.fault("missing-image", &["qgis4"]);
    ground.stack.fault("no-backup", &[]);
    let before = ground.stack.truth();
    let issue = ground.desk.file("Packaging fails", "The package jobs of two projects failed: No such image");
    let agent = ground.agent();
    let run = agent.run(&["resolve", &issue.to_string()]);
    ground.note_case(&agent);
    assert_eq!(run.code, 3, "the exit code of `resolve`");
    let issue = ground.desk.issue(&issue);
    issue.assert_escalated("not-fixed");
    let report = issue.reports().concat();
    for expect in ["qfieldcloud-qgis4", "build the image: failed", "docker compose build"] {
        assert!(report.contains(expect), "the report lacks {expect:?}");
    }
    let after = ground.assert_unharmed_since(&before);
    assert_eq!(after.jobs, before.jobs, "no job may be different");
    assert_eq!(after.image("qfieldcloud-qgis4"), None);
}
