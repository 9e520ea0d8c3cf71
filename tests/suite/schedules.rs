//! Playbooks on a schedule: a run is a case without an issue, silent in GitHub unless a person is needed.

use crate::snapshots::stable;
use crate::test_agent::{TestAgent, escalation_code, outcome};
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::scheduled_run::ScheduledRun;
use fieldmedic::core::chatops::scope::CaseScope;
use fieldmedic::core::ids::{ParamName, PlaybookName, ScheduleName, SystemName};
use fieldmedic::core::policy::permit::Mode;
use fieldmedic::core::policy::schedule::Schedule;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::{
    DueCheck, ScheduledTask, check_recurrences, poll, remind, start_run, sweep_tickets,
};
use fieldmedic::ports::Clock;
use insta::assert_snapshot;
use serde_json::json;

fn scheduled(scope: CaseScope) -> ScheduledRun {
    ScheduledRun {
        name: ScheduleName::new("nightly").expect("a name"),
        schedule: Schedule::parse("0 2 * * *", "UTC").expect("a schedule"),
        scope,
        title: "Nightly work".into(),
    }
}

fn status() -> ScheduledRun {
    let request = PlaybookName::new("status-report").expect("a name");
    scheduled(CaseScope::AnswerRequest { system: system(), request, values: Default::default() })
}

fn restart() -> ScheduledRun {
    let operation = PlaybookName::new("restart").expect("a name");
    let values = [(ParamName::new("service").expect("a name"), json!("app"))].into();
    scheduled(CaseScope::Operate { system: system(), operation, values })
}

fn system() -> SystemName {
    SystemName::new("qfieldcloud").expect("a name")
}

/// One run that is due now, worked to its end.
async fn runs(agent: &TestAgent, run: &ScheduledRun) -> Case {
    let id = start_run(agent.context(), run, agent.clock().now()).await.expect("the journal works");
    agent.works(&id.expect("a case")).await
}

/// The ticket that the agent has opened beside that of the scenario.
fn opened(agent: &TestAgent) -> Option<TicketId> {
    let [_, opened @ ..] = &agent.tickets()[..] else { panic!("the ticket of the scenario is there") };
    assert!(opened.len() <= 1, "{opened:?}");
    opened.first().map(|issue| TicketId { repo: agent.ticket().repo.clone(), number: issue.number })
}

#[tokio::test]
async fn a_run_that_finds_nothing_stays_in_the_journal() {
    let agent = TestAgent::on("status").build().await;
    let case = runs(&agent, &status()).await;
    assert_eq!(outcome(&case), "answered");
    assert_eq!(case.ticket.id.to_string(), "schedule:nightly");
    assert_eq!(opened(&agent), None);
    // Nothing that goes by tickets takes it for one.
    agent.passes(TimeDelta::hours(30));
    assert!(check_recurrences(agent.context()).await.expect("it works").is_empty());
    assert!(remind(agent.context()).await.expect("it works").is_empty());
    agent.sees(&[]);
}

#[tokio::test]
async fn an_operation_runs_under_the_same_policy_as_by_a_command() {
    let agent = TestAgent::on("restart").build().await;
    let case = runs(&agent, &restart()).await;
    assert_eq!(outcome(&case), "answered");
    assert_eq!(case.remediations.len(), 1);
    assert_eq!(opened(&agent), None);
    // The service has just been restarted, so the next run has nothing to do.
    let case = runs(&agent, &restart()).await;
    assert_eq!((outcome(&case), case.remediations.len()), ("declined", 0));
    assert_eq!(opened(&agent), None);
}

#[tokio::test]
async fn what_is_not_well_opens_one_ticket_and_later_runs_edit_its_report() {
    let agent = TestAgent::on("status-unhealthy").build().await;
    let case = runs(&agent, &status()).await;
    assert_eq!(escalation_code(&case), "needs-person");
    let ticket = opened(&agent).expect("a ticket");
    let issue = agent.github().issue(&ticket).expect("it is there");
    assert_eq!(case.publishing.problem, Some(ticket.to_string()));
    assert_eq!(
        (issue.labels, issue.assignees),
        (vec!["medic:needs-human".to_owned()], vec!["ops-lead".to_owned()])
    );
    assert_snapshot!(issue.title, @"qfieldcloud: Nightly work needs a person");
    assert_snapshot!(issue.body.unwrap_or_default(), @"
    <!-- fieldmedic schedule=nightly -->
    @ops-lead: the schedule `nightly` has run **Nightly work** on `qfieldcloud`, and a person is needed. The report below says why. While this ticket is open, later runs edit that report and open no other ticket.
    ");
    agent.sees_on(&ticket, &["report"]);
    assert_snapshot!(stable(&agent.comments_on(&ticket, "report")[0]), @"
    <!-- fieldmedic schedule=nightly kind=report -->
    ### 😕 Report the state of the system · `qfieldcloud`

    Reason: not everything is well: unhealthy: rustfs.

    Nothing was changed, neither on the system nor in this ticket.

    <sub>Case `[case]` · [duration]</sub>
    ");
    agent.passes(TimeDelta::days(1));
    runs(&agent, &status()).await;
    assert_eq!(opened(&agent), Some(ticket.clone()));
    agent.sees_on(&ticket, &["report"]);
    // A person has it: neither the poll nor a sweep opens a case for it.
    poll(agent.context()).await.expect("GitHub answers");
    sweep_tickets(agent.context()).await.expect("GitHub answers");
    assert!(agent.journal().cases_of(&ticket).await.expect("it works").is_empty());
}

#[tokio::test]
async fn a_plan_that_needs_an_approval_is_a_ticket_and_no_change() {
    for (mode, code) in [(Mode::Ask, "not-permitted"), (Mode::Observe, "not-permitted")] {
        let agent = TestAgent::on("restart").policy(move |policy| policy.mode = mode).build().await;
        let case = runs(&agent, &restart()).await;
        assert_eq!((escalation_code(&case).as_str(), case.remediations.len()), (code, 0), "{mode:?}");
        let ticket = opened(&agent).expect("a ticket");
        agent.sees_on(&ticket, &["report"]);
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_for_the_sweep_to_tell() {
    let agent = TestAgent::on("status-unreachable").build().await;
    let case = runs(&agent, &status()).await;
    assert_eq!(outcome(&case), "declined");
    assert_eq!(opened(&agent), None);
}

#[tokio::test]
async fn a_run_is_left_out_while_the_one_before_goes_on_and_never_doubled() {
    let agent = TestAgent::on("status").build().await;
    let (run, now) = (status(), agent.clock().now());
    let first = start_run(agent.context(), &run, now).await.expect("the journal works").expect("a case");
    let next = now + TimeDelta::minutes(5);
    assert_eq!(start_run(agent.context(), &run, next).await.expect("the journal works"), None);
    agent.works(&first).await;
    assert_eq!(start_run(agent.context(), &run, now).await.expect("the journal works"), None, "it was run");
    let next = start_run(agent.context(), &run, next).await.expect("the journal works").expect("a case");
    assert_eq!(outcome(&agent.works(&next).await), "answered");
}

#[tokio::test]
async fn a_first_time_that_is_met_late_is_not_lost() {
    let agent = TestAgent::on("status").build().await;
    let run = status();
    let task = ScheduledTask { name: "schedule nightly".into(), schedule: run.schedule };
    let at = |text: &str| text.parse().expect("a moment");
    agent.clock().set(at("2026-11-20T01:59:59Z"));
    task.check_due(agent.context()).await.expect("the journal works");
    agent.clock().set(at("2026-11-20T02:00:20Z"));
    let due = DueCheck::Due { at: at("2026-11-20T02:00:00Z"), missed: false };
    assert_eq!(task.check_due(agent.context()).await, Ok(due));
}
