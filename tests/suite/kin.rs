//! Kin: several tickets about one fault. It is mended once, and that accounts for all whose words it
//! explains.

use crate::scenarios::scene;
use crate::taps::{Broken, Deed, Tap, tapped};
use async_trait::async_trait;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::policy::permit::Policy;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::poll;
use fieldmedic::engine::{Context, Shutdown, check_systems, run_case, run_case_waiting};
use fieldmedic::scenario::ScenarioRun;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Two tickets on one system, both taken in; the first is the scenario's.
async fn two(scenario: &str, second: &str) -> (ScenarioRun, Vec<CaseId>, TicketId) {
    let scene = scene(scenario).await;
    let other = scene.hub.file(&scene.ticket.repo, "field-agent", second, "", &["support"]).expect("filed");
    let cases = poll(&scene.agent).await.expect("GitHub answers");
    assert_eq!(cases.len(), 2);
    (scene, cases, other)
}

/// Works both side by side to their ends.
async fn drive_both(scene: &ScenarioRun, cases: &[CaseId]) -> (Case, Case) {
    let (stop, _pull) = Shutdown::new();
    let (one, other) = tokio::join!(
        run_case_waiting(&scene.agent, &cases[0], &stop),
        run_case_waiting(&scene.agent, &cases[1], &stop)
    );
    (one.expect("it is driven"), other.expect("it is driven"))
}

async fn links(scene: &ScenarioRun, cases: &[CaseId]) -> usize {
    let mut links = 0;
    for case in cases {
        let records = scene.agent.journal.load(case).await.expect("it can be read");
        links += records.iter().filter(|record| matches!(record.event, Event::Linked { .. })).count();
    }
    links
}

fn changes(scene: &ScenarioRun) -> usize {
    scene.host.lock().log().iter().filter(|logged| logged.line.contains("up -d")).count()
}

fn word(case: &Case) -> &'static str {
    case.outcome.as_ref().map_or("working", |outcome| outcome.word())
}

fn said(scene: &ScenarioRun, id: &TicketId, kind: &str) -> Vec<String> {
    let issue = scene.hub.issue(id).expect("the issue is there");
    let bodies = issue.comments.into_iter().map(|comment| comment.body);
    bodies.filter(|body| body.starts_with("<!-- fieldmedic") && body.contains(kind)).collect()
}

#[tokio::test]
async fn two_tickets_about_one_fault_are_closed_by_one_remedy() {
    let (scene, cases, other) = two("worker-down", "Jobs stay queued for all of us").await;
    let (one, two) = drive_both(&scene, &cases).await;
    assert_eq!((word(&one), word(&two)), ("resolved", "resolved"), "{one:?}\n{two:?}");
    assert_eq!(changes(&scene), 1, "it was mended once");
    assert_eq!(links(&scene, &cases).await, 1, "the later one was linked, once");
    assert_eq!(one.remediations.len() + two.remediations.len(), 1);
    for id in [&scene.ticket, &other] {
        assert!(scene.hub.issue(id).expect("it is there").is_closed());
        assert_eq!(said(&scene, id, "kind=report").len(), 1);
        assert_eq!(said(&scene, id, "kind=status").len(), 1);
    }
    let (led, leader) = if one.remediations.is_empty() { (one, two) } else { (two, one) };
    let report = &said(&scene, &led.ticket.id, "kind=report")[0];
    assert!(report.contains(&leader.ticket.id.to_string()), "it links to the other: {report}");
}

#[tokio::test]
async fn what_could_not_be_mended_for_one_is_not_tried_for_the_other() {
    let (scene, cases, other) = two("worker-down-not-fixed", "Jobs stay queued for all of us").await;
    let (one, two) = drive_both(&scene, &cases).await;
    assert_eq!((word(&one), word(&two)), ("escalated", "escalated"), "{one:?}\n{two:?}");
    assert_eq!(one.remediations.len() + two.remediations.len(), 1, "one remedy was begun");
    let led = if one.remediations.is_empty() { one } else { two };
    let report = &said(&scene, &led.ticket.id, "kind=report")[0];
    assert!(report.contains("not-fixed") && report.contains("could not be mended there"), "{report}");
    assert!(!scene.hub.issue(&other).expect("it is there").is_closed());
}

/// Dies before it can write this down.
struct Dead(&'static str);

#[async_trait]
impl Tap for Dead {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        match deed {
            Deed::Append(_, event) if event.kind() == self.0 => Err(Broken("no disk".into())),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_fault_that_was_gone_before_anyone_looked_is_told_in_plain_words() {
    let (scene, cases, other) = two("worker-down", "Jobs stay queued for all of us").await;
    let (stop, _pull) = Shutdown::new();
    let dead = tapped(&scene.agent, Arc::new(Dead("verification_passed")));
    run_case_waiting(&dead, &cases[0], &stop).await.expect_err("it is dead");
    let waiting = run_case(&scene.agent, &cases[1], &stop).await.expect("it is driven");
    assert!(waiting.diagnoses.iter().all(|diagnosis| diagnosis.findings.is_empty()), "the workers run");
    assert!(waiting.related.is_some_and(|kin| kin.is_awaited));
    assert!(said(&scene, &other, "kind=status")[0].contains(&scene.ticket.to_string()));
    drive_both(&scene, &cases).await;
    let report = &said(&scene, &other, "kind=report")[0];
    assert!(report.contains("They run again"), "{report}");
    assert!(scene.hub.issue(&other).expect("it is there").is_closed());
}

#[tokio::test]
async fn nobody_waits_for_ever_for_a_case_that_does_not_end() {
    let (mut scene, cases, other) = two("worker-down", "Jobs stay queued for all of us").await;
    let patience = Duration::from_secs(600);
    scene.agent.policy = Arc::new(Policy { approval_timeout: patience, ..(*scene.agent.policy).clone() });
    let (stop, _pull) = Shutdown::new();
    let dead = tapped(&scene.agent, Arc::new(Dead("change_started")));
    run_case_waiting(&dead, &cases[0], &stop).await.expect_err("it is dead");
    let waiting = run_case_waiting(&scene.agent, &cases[1], &stop).await.expect("it is driven");
    assert_eq!(word(&waiting), "escalated");
    let report = &said(&scene, &other, "kind=report")[0];
    assert!(report.contains("has not come to an end since"), "{report}");
    assert!(!scene.hub.issue(&other).expect("it is there").is_closed());
    assert_eq!(changes(&scene), 0);
}

/// A case that another process works to its end, between somebody's look at the system and what they make
/// of it.
struct Meanwhile {
    agent: Context,
    case: CaseId,
    is_done: AtomicBool,
}

#[async_trait]
impl Tap for Meanwhile {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        if matches!(deed, Deed::Read("cases")) && !self.is_done.swap(true, Ordering::SeqCst) {
            let (stop, _pull) = Shutdown::new();
            let case = run_case_waiting(&self.agent, &self.case, &stop).await.expect("it is driven");
            assert_eq!(word(&case), "resolved");
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_sweep_does_not_report_what_was_mended_since_it_looked() {
    let scene = scene("worker-down").await;
    let case = scene.take_in().await.expect("the ticket is taken in");
    let is_done = AtomicBool::new(false);
    let meanwhile = Arc::new(Meanwhile { agent: scene.agent.clone(), case, is_done });
    let swept = check_systems(&tapped(&scene.agent, meanwhile.clone())).await.expect("it is swept");
    assert!(meanwhile.is_done.load(Ordering::SeqCst));
    assert!(swept.iter().any(|swept| !swept.diagnosis.findings.is_empty()), "it saw the fault");
    assert!(swept.iter().all(|swept| swept.opened.is_none()));
    assert_eq!(scene.hub.issues(&scene.ticket.repo).len(), 1);
}

#[tokio::test]
async fn a_remedy_closes_no_ticket_that_it_does_not_explain() {
    let (scene, cases, other) = two("worker-down", "The map legend shows wrong colours").await;
    let (one, two) = drive_both(&scene, &cases).await;
    let of_other = if one.ticket.id == other { &one } else { &two };
    assert_eq!(word(of_other), "escalated", "{of_other:?}");
    assert!(!scene.hub.issue(&other).expect("it is there").is_closed());
    assert_eq!(changes(&scene), 1);
}
