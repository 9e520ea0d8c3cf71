//! Several tickets about one fault. It is fixed once, which settles every ticket whose words it explains.

use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::{TestAgent, TestAgentBuilder, escalation_code, outcome};
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::{Context, Shutdown, check_systems, run_case_waiting};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Two tickets on one system, each with its case; the first is the scenario's.
async fn two(settings: TestAgentBuilder, second: &str) -> (TestAgent, Vec<CaseId>, TicketId) {
    let agent = settings.build().await;
    let other = agent.files(second, "");
    let cases = agent.polls().await;
    assert_eq!(cases.len(), 2);
    (agent, cases, other)
}

async fn two_on(scenario: &str) -> (TestAgent, Vec<CaseId>, TicketId) {
    two(TestAgent::on(scenario), "Jobs stay queued for all of us").await
}

/// Works on both side by side to their ends.
async fn work_on_both(agent: &TestAgent, cases: &[CaseId]) -> (Case, Case) {
    tokio::join!(agent.works(&cases[0]), agent.works(&cases[1]))
}

async fn links(agent: &TestAgent, cases: &[CaseId]) -> usize {
    let mut links = 0;
    for case in cases {
        let records = agent.records(case).await;
        links += records.iter().filter(|record| matches!(record.event, Event::Linked { .. })).count();
    }
    links
}

fn is_closed(agent: &TestAgent, ticket: &TicketId) -> bool {
    agent.github().issue(ticket).expect("the ticket is there").is_closed()
}

#[tokio::test]
async fn two_tickets_about_one_fault_are_settled_by_one_remediation() {
    let (agent, cases, other) = two_on("worker-down").await;
    let (one, two) = work_on_both(&agent, &cases).await;
    assert_eq!((outcome(&one), outcome(&two)), ("resolved", "resolved"), "{one:?}\n{two:?}");
    assert_eq!(agent.changes(), 1, "it was fixed once");
    assert_eq!(links(&agent, &cases).await, 1, "the later one was linked, once");
    assert_eq!(one.remediations.len() + two.remediations.len(), 1);
    for ticket in [agent.ticket(), &other] {
        assert!(is_closed(&agent, ticket));
        agent.sees_on(ticket, &["status", "report"]);
    }
    let (follower, leader) = if one.remediations.is_empty() { (one, two) } else { (two, one) };
    let report = &agent.comments_on(&follower.ticket.id, "report")[0];
    assert!(report.contains(&leader.ticket.id.to_string()), "it links to the other: {report}");
}

#[tokio::test]
async fn a_remediation_that_failed_for_one_ticket_is_not_tried_for_the_other() {
    let (agent, cases, other) = two_on("worker-down-not-fixed").await;
    let (one, two) = work_on_both(&agent, &cases).await;
    assert_eq!((outcome(&one), outcome(&two)), ("escalated", "escalated"), "{one:?}\n{two:?}");
    assert_eq!(one.remediations.len() + two.remediations.len(), 1, "one remediation was started");
    let (follower, leader) = if one.remediations.is_empty() { (one, two) } else { (two, one) };
    let report = &agent.comments_on(&follower.ticket.id, "report")[0];
    // An escaped number links to nothing.
    let report = report.replace('\u{200b}', "");
    assert!(report.contains("not-fixed") && report.contains(&leader.ticket.id.to_string()), "{report}");
    assert!(!is_closed(&agent, &other));
    for ticket in [agent.ticket(), &other] {
        agent.sees_on(ticket, &["status", "report", "call"]);
    }
}

/// Dies before it can write a record of this kind.
struct DiesBefore(&'static str);

#[async_trait]
impl Tap for DiesBefore {
    async fn before(&self, call: Deed<'_>) -> Result<(), Broken> {
        match call {
            Deed::Append(_, event) if event.kind() == self.0 => Err(Broken("no disk".into())),
            _ => Ok(()),
        }
    }
}

async fn dies(agent: &TestAgent, case: &CaseId, before: &'static str) {
    let (stop, _request) = Shutdown::new();
    let dying = tapped(agent.context(), Arc::new(DiesBefore(before)));
    run_case_waiting(&dying, case, &stop).await.expect_err("it is dead");
}

#[tokio::test]
async fn a_fault_that_was_gone_before_the_first_probe_is_reported() {
    let (agent, cases, other) = two_on("worker-down").await;
    dies(&agent, &cases[0], "verification_passed").await;
    let waiting = agent.works_without_waiting(&cases[1]).await;
    assert!(waiting.diagnoses.iter().all(|diagnosis| diagnosis.findings.is_empty()), "the workers run");
    assert!(waiting.related.is_some_and(|related| related.is_awaited));
    assert!(agent.comments_on(&other, "status")[0].contains(&agent.ticket().to_string()));
    work_on_both(&agent, &cases).await;
    assert!(is_closed(&agent, &other));
    for ticket in [agent.ticket(), &other] {
        agent.sees_on(ticket, &["status", "report"]);
    }
}

#[tokio::test]
async fn a_case_does_not_wait_for_ever_for_another_that_does_not_end() {
    let settings =
        TestAgent::on("worker-down").policy(|policy| policy.approval_timeout = Duration::from_secs(600));
    let (agent, cases, other) = two(settings, "Jobs stay queued for all of us").await;
    dies(&agent, &cases[0], "change_started").await;
    let case = agent.works(&cases[1]).await;
    assert_eq!(outcome(&case), "escalated");
    assert!(!is_closed(&agent, &other));
    assert_eq!(agent.changes(), 0);
    agent.sees(&["status"]);
    agent.sees_on(&other, &["status", "report", "call"]);
}

/// Another process works on a case to its end, between the sweep's probes and what it makes of them.
struct Meanwhile {
    context: Context,
    case: CaseId,
    is_done: AtomicBool,
}

#[async_trait]
impl Tap for Meanwhile {
    async fn before(&self, call: Deed<'_>) -> Result<(), Broken> {
        if matches!(call, Deed::Read("cases")) && !self.is_done.swap(true, Ordering::SeqCst) {
            let (stop, _request) = Shutdown::new();
            let case = run_case_waiting(&self.context, &self.case, &stop).await.expect("the case goes on");
            assert_eq!(outcome(&case), "resolved");
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_sweep_does_not_report_what_was_fixed_since_it_probed() {
    let agent = TestAgent::on("worker-down").build().await;
    let case = agent.opens_case().await;
    let is_done = AtomicBool::new(false);
    let meanwhile = Arc::new(Meanwhile { context: agent.context().clone(), case, is_done });
    let swept = check_systems(&tapped(agent.context(), meanwhile.clone())).await.expect("it is swept");
    assert!(meanwhile.is_done.load(Ordering::SeqCst));
    assert!(swept.iter().any(|swept| !swept.diagnosis.findings.is_empty()), "it saw the fault");
    assert!(swept.iter().all(|swept| swept.opened.is_none()));
    assert_eq!(agent.tickets().len(), 1);
    agent.sees(&["status", "report"]);
}

#[tokio::test]
async fn a_sweep_reports_a_server_that_cannot_be_reached_once() {
    let agent = TestAgent::on("status-unreachable").build().await;
    let sweep = async || check_systems(agent.context()).await.expect("it is swept").remove(0).opened;
    let case = sweep().await.expect("a case");
    let tickets = agent.tickets();
    let title = &tickets.last().expect("a ticket").title;
    assert_eq!((tickets.len(), title.as_str()), (2, "qfieldcloud: the server cannot be reached"));
    let worked = agent.works(&case).await;
    assert_eq!(escalation_code(&worked), "unreachable");
    agent.passes(TimeDelta::hours(1));
    assert_eq!(sweep().await, None, "a person has it");
    assert_eq!(agent.tickets().len(), 2);
    agent.sees_on(&worked.ticket.id, &["report", "call"]);
}

#[tokio::test]
async fn a_server_that_answers_the_second_look_is_not_reported() {
    let agent = TestAgent::on("database-starting").build().await;
    let swept = check_systems(agent.context()).await.expect("it is swept");
    assert!(swept.iter().all(|swept| swept.opened.is_none()), "{swept:?}");
    assert_eq!(agent.tickets().len(), 1);
}

#[tokio::test]
async fn an_open_ticket_about_one_fault_hides_no_other() {
    let agent = TestAgent::on("job-incomplete").build().await;
    let case = agent.opens_case().await;
    assert_eq!(outcome(&agent.works(&case).await), "escalated");
    agent.passes(TimeDelta::hours(1));
    let sweep = async || check_systems(agent.context()).await.expect("it is swept").remove(0).opened;
    assert_eq!(sweep().await, None, "a person has this fault");
    agent.host_becomes("disk.docker", json!(96));
    assert!(sweep().await.is_some(), "the other fault has no case");
    let tickets = agent.tickets();
    let title = &tickets.last().expect("a ticket").title;
    assert_eq!((tickets.len(), title.as_str()), (2, "qfieldcloud: A disk is nearly full"));
    agent.sees(&["report", "call"]);
}

#[tokio::test]
async fn a_remediation_closes_no_ticket_that_it_does_not_explain() {
    let (agent, cases, other) = two(TestAgent::on("worker-down"), "The map legend shows wrong colours").await;
    let (one, two) = work_on_both(&agent, &cases).await;
    let of_other = if one.ticket.id == other { &one } else { &two };
    assert_eq!(outcome(of_other), "escalated", "{of_other:?}");
    assert!(!is_closed(&agent, &other));
    assert_eq!(agent.changes(), 1);
    agent.sees(&["status", "report"]);
    agent.sees_on(&other, &["status", "report", "call"]);
}
