//! Taking back: a remedy that does not help is undone, row by row, in the real database.

use crate::fixture::Fixture;
use crate::gate::{assert_gated, install, refuses_all_else};
use crate::tracker::Left;

pub fn jobs_are_put_back_behind_a_gate(fixture: &Fixture) {
    let agent = fixture.agent();
    agent.part_keys();
    // The same commands but for a pause, and a verification that gives up sooner.
    agent.edit_playbooks(&[
        ("queue-stuck.yaml", "timeout: 12m", "timeout: 3s"),
        ("system.yaml", "sleep 31", "sleep 1"),
    ]);
    let setup = agent.run(&["host-setup", "qfieldcloud", "--sh"]);
    assert_eq!(setup.code, 0, "the exit code of `host-setup`");
    install(fixture.stack, &setup.stdout);
    assert_gated(&agent);
    refuses_all_else(fixture.stack, &agent);

    // Jobs that no worker will take, whether they are queued or pending.
    fixture.stack.fault("queue-locked", &["3"]);
    let before = fixture.stack.truth();
    let issue = fixture.tracker.file("Sync hangs", "The jobs of three projects are stuck in the queue.");
    let run = agent.run(&["resolve", &issue.to_string()]);
    fixture.note_case(&agent);
    assert_eq!(run.code, 3, "the exit code of `resolve`");
    let issue = fixture.tracker.issue(&issue);
    issue.assert_escalated("not-fixed");
    let said = issue.reports().concat();
    for expect in ["3 jobs set back to pending", "I rolled back what I had changed", "~/.fieldmedic/kept/c"] {
        assert!(said.contains(expect), "the report does not say {expect:?}");
    }
    let after = fixture.assert_unharmed_since(&before);
    assert_eq!(after.jobs, before.jobs, "every column of every row is as it was");

    // With other parameters the gate is another one, and `doctor` says so.
    agent.configure("log_limit_mb = 20", "log_limit_mb = 21");
    let doctor = agent.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "the exit code of `doctor`");
    assert!(
        doctor.stdout.contains("generated from other playbooks"),
        "`doctor` does not see that the gate is old"
    );
}
