//! Read this first: one ticket from the webhook to its close.
//!
//! GitHub and the server are simulated; the router, the signature check, the GitHub client, the playbooks,
//! the decisions and the journal are the real ones. Time is virtual, so minutes pass at once.

use crate::snapshots::stable;
use crate::test_agent::{PREFIX, TestAgent, outcome, plan_of};
use chrono::TimeDelta;
use fieldmedic::engine::check_recurrences;
use http::StatusCode;
use insta::assert_snapshot;

#[tokio::test]
async fn a_ticket_from_the_webhook_to_its_close() {
    // All four workers of this QFieldCloud server are down. The agent may change nothing by itself.
    let mut agent = TestAgent::on("worker-down").ask_mode().webhooks().build().await;

    // A reporter files a ticket in plain words. It names no server, no container and no command.
    let ticket =
        agent.files("Sync never finishes", "Since this morning changes stay pending on all tablets.");
    agent.follows(ticket);

    // GitHub sends a signed webhook. A forged one is refused; the real one opens a case.
    let mut forged = agent.held_webhooks().remove(0);
    forged.signature = format!("sha256={}", "0".repeat(64));
    assert_eq!(agent.delivers(&forged).await, StatusCode::UNAUTHORIZED);
    let [case] = &agent.receives_webhooks().await[..] else { panic!("one case") };

    // The agent runs every probe, finds the one fault that is there, and asks before it fixes it.
    let waiting = agent.works(case).await;
    let plan = plan_of(&waiting);
    assert_eq!(agent.changes(), 0);
    assert_eq!(agent.labels(), ["support", "medic:needs-approval"]);
    assert_snapshot!(stable(&agent.comment("status")), @"");
    assert_snapshot!(stable(&agent.comment("question")), @"");

    // A person approves this plan. The reporter could not.
    agent.says("field-agent", &format!("{PREFIX} approve {plan}"));
    agent.receives_webhooks().await;
    assert!(agent.works(case).await.pending_approval.is_some());
    assert_snapshot!(stable(&agent.comment("refusal")), @"");
    agent.says("ops-lead", &format!("{PREFIX} approve {plan}"));
    agent.receives_webhooks().await;

    // The agent probes once more, starts the workers, verifies that jobs are processed again and stay so,
    // reports in the reporter's words and closes the ticket.
    let closed = agent.works(case).await;
    assert_eq!(outcome(&closed), "resolved");
    assert_eq!(agent.changes(), 1);
    assert_eq!(agent.labels(), ["support", "medic:resolved"]);
    assert_eq!(agent.issue().close_reason(), Some("completed"));
    assert_snapshot!(stable(&agent.comment("status")), @"");
    assert_snapshot!(stable(&agent.comment("report")), @"");

    // A quarter of an hour later it probes again, by itself. The workers still run, so nothing happens.
    agent.passes(TimeDelta::minutes(16));
    assert!(check_recurrences(agent.context()).await.expect("the journal works").is_empty());

    // Nothing else was said or done: the harness fails for any comment or command that nobody expected.
    agent.sees(&["status", "question", "refusal", "report"]);
}
