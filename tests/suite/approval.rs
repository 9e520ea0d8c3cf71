//! Approval: nothing is changed before a person approves the very plan that was shown.

use crate::test_agent::{PREFIX, TestAgent, escalation_code, outcome, plan_of};
use chrono::TimeDelta;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::case::{Case, Waiting};
use fieldmedic::engine::accept_comment;
use fieldmedic::ports::{Clock, DueCases};
use fieldmedic::sandbox::github::RepoRole;
use serde_json::json;

/// A case in which every plan needs an approval, worked up to the question.
async fn asking(scenario: &str) -> (TestAgent, CaseId, Case) {
    let settings = TestAgent::on(scenario).ask_mode().role("night-shift", RepoRole::Triage);
    let settings = settings
        .forge_settings(|forge| forge.roles.approve.people.push("night-shift".parse().expect("a login")));
    let agent = settings.build().await;
    // The first poll has no past; from then on comments are read.
    agent.polls().await;
    let id = agent.opens_case().await;
    let case = agent.works(&id).await;
    (agent, id, case)
}

#[tokio::test]
async fn nothing_is_changed_before_this_very_plan_is_approved() {
    let (agent, id, case) = asking("worker-down").await;
    assert!(matches!(case.waiting(), Some(Waiting::Approval(_))), "{case:?}");
    let plan = plan_of(&case);
    agent.sees(&["status", "question"]);
    assert_eq!(agent.agent_labels(), ["medic:needs-approval"]);

    for (login, words) in [
        ("passer-by", format!("approve {plan}")),
        ("ops-lead", "approve 0000".to_owned()),
        ("ops-lead", "approve".to_owned()),
        ("ops-lead", format!("approve {}", &plan[..2])),
        ("ops-lead", format!("approve {plan} please")),
        ("ops-lead", format!("\n> {PREFIX} approve {plan}")),
    ] {
        let case = agent.obeys(&id, login, &words).await;
        assert!(case.pending_approval.is_some() && agent.changes() == 0, "{login}: {words}");
    }
    // The last one is the bare command above a quoted one; it is answered, and approves nothing.
    agent.sees(&["status", "question", "refusal", "reply", "reply", "reply", "reply", "reply"]);

    let case = agent.obeys(&id, "night-shift", &format!("approve {plan}")).await;
    assert_eq!(outcome(&case), "resolved", "{case:?}");
    assert_eq!(agent.changes(), 1);
    assert_eq!(agent.comments("question").len(), 1);
    assert!(agent.comment("report").contains("night-shift"), "the report names who approved");
    assert_eq!(agent.agent_labels(), ["medic:resolved"]);
}

#[tokio::test]
async fn a_case_that_waits_is_not_due_until_somebody_answers() {
    let (agent, id, case) = asking("worker-down").await;
    agent.sees(&["status", "question"]);
    let due = async || {
        let due = agent.journal().due_cases("another worker", agent.clock().now()).await;
        due.expect("the journal works")
    };
    let Some(Waiting::Approval(until)) = case.waiting() else { panic!("{case:?}") };
    assert_eq!(due().await, DueCases { cases: vec![], next_at: Some(until) });
    agent.says("ops-lead", &format!("{PREFIX} approve {}", plan_of(&case)));
    agent.polls().await;
    assert_eq!(due().await.cases, [id]);
}

#[tokio::test]
async fn an_approval_is_void_when_the_plan_has_changed() {
    // The plan names the jobs; one of the five is no longer stuck when the approval comes.
    let (agent, id, case) = asking("queue-stuck").await;
    let plan = plan_of(&case);
    agent.host_becomes("queue.stuck", json!(4));
    let case = agent.obeys(&id, "ops-lead", &format!("approve {plan}")).await;
    let second = plan_of(&case);
    assert_ne!(second, plan);
    assert_eq!(agent.ran("set the stuck jobs back"), 0);
    agent.sees(&["status", "question", "question"]);
    let case = agent.obeys(&id, "ops-lead", &format!("approve {second}")).await;
    assert!(case.pending_approval.is_none());
    assert_eq!(agent.ran("set the stuck jobs back"), 1);
    agent.sees(&["status", "question", "question", "report"]);
}

#[tokio::test]
async fn a_denial_hands_the_ticket_over() {
    let (agent, id, _) = asking("worker-down").await;
    let case = agent.obeys(&id, "ops-lead", "deny").await;
    assert_eq!(escalation_code(&case), "denied");
    assert_eq!(agent.changes(), 0);
    assert!(agent.comment("report").contains("ops-lead"), "the report names who denied");
    agent.sees(&["status", "question", "report", "call"]);
}

#[tokio::test]
async fn a_question_without_an_answer_is_handed_over() {
    let (agent, id, case) = asking("worker-down").await;
    let until = case.pending_approval.expect("it asks").until;
    agent.clock().set(until + TimeDelta::seconds(1));
    let case = agent.works(&id).await;
    assert_eq!(escalation_code(&case), "no-answer");
    assert_eq!(agent.changes(), 0);
    agent.sees(&["status", "question", "report", "call"]);
}

#[tokio::test]
async fn a_cancelled_case_changes_nothing_more() {
    let (agent, id, _) = asking("worker-down").await;
    let case = agent.obeys(&id, "ops-lead", "cancel").await;
    assert_eq!(outcome(&case), "cancelled");
    assert_eq!(agent.changes(), 0);
    assert!(agent.comment("report").contains("ops-lead"), "the report names who cancelled");
    assert!(!agent.is_closed());
    // Nothing is left to cancel. That is answered once, however often the comment is read.
    agent.obeys(&id, "ops-lead", "cancel").await;
    agent.polls().await;
    agent.sees(&["status", "question", "report", "reply"]);
}

#[tokio::test]
async fn a_command_that_two_replicas_read_at_once_is_answered_once() {
    let (agent, _, _) = asking("worker-down").await;
    let id = agent.says("ops-lead", &format!("{PREFIX} approve 0000000"));
    let comment = agent.comment_from_github(id).await;
    let (one, other) = (agent.context(), &agent.replica());
    let (first, second) = tokio::join!(accept_comment(one, &comment), accept_comment(other, &comment));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    agent.sees(&["status", "question", "reply"]);
}

#[tokio::test]
async fn a_pause_by_comment_holds_until_a_comment_lifts_it() {
    let (agent, id, case) = asking("worker-down").await;
    let plan = plan_of(&case);
    agent.obeys(&id, "passer-by", "pause").await;
    assert_eq!(agent.pause().await, None);
    agent.obeys(&id, "ops-lead", "pause the migration runs").await;
    let pause = agent.pause().await.expect("a pause");
    assert_eq!((pause.by.as_str(), pause.why.as_str()), ("ops-lead", "the migration runs"));
    agent.resumes_at_the_terminal().await;
    // The poll reads the last minutes again; an old command does not count a second time.
    agent.polls().await;
    assert_eq!(agent.pause().await, None);
    let case = agent.obeys(&id, "ops-lead", &format!("approve {plan}")).await;
    assert_eq!(outcome(&case), "resolved");
    agent.sees(&["status", "question", "refusal", "reply", "report"]);
}
