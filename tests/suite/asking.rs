//! A person's yes: nothing is changed before it, and it is for the plan that was shown.

use crate::scenarios::scene;
use chrono::TimeDelta;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::case::{Case, Waiting};
use fieldmedic::core::chatops::access::AccessPolicy;
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::engine::poll;
use fieldmedic::engine::{ForgeSettings, Shutdown, accept_comment, run_case_waiting};
use fieldmedic::ports::{Clock, Store};
use fieldmedic::scenario::ScenarioRun;
use std::sync::Arc;

const PREFIX: &str = "/qfield:support";

struct Desk {
    scene: ScenarioRun,
    id: CaseId,
}

impl Desk {
    /// A scenario in which everything needs a yes, worked up to the question.
    async fn new(scenario: &str) -> (Self, Case) {
        let mut scene = scene(scenario).await;
        scene.agent.policy = Arc::new(Policy { mode: Mode::Ask, ..(*scene.agent.policy).clone() });
        let mut roles = AccessPolicy::default();
        roles.approve.people.push("night-shift".into());
        let manners = ForgeSettings { roles, ..(*scene.agent.forge_settings).clone() };
        scene.agent.forge_settings = Arc::new(manners);
        // The first poll has no past; from then on comments are read.
        poll(&scene.agent).await.expect("GitHub answers");
        let id = scene.take_in().await.expect("the ticket is taken in");
        let desk = Self { scene, id };
        let case = desk.drive().await;
        (desk, case)
    }

    async fn drive(&self) -> Case {
        let (stop, _pull) = Shutdown::new();
        run_case_waiting(&self.scene.agent, &self.id, &stop).await.expect("the case goes on")
    }

    /// A comment, and what comes of it.
    async fn say(&self, login: &str, words: &str) -> Case {
        let body = format!("{PREFIX} {words}");
        self.scene.hub.comment(&self.scene.ticket, login, &body).expect("GitHub takes the comment");
        poll(&self.scene.agent).await.expect("GitHub answers");
        self.drive().await
    }

    fn comments(&self, kind: &str) -> Vec<String> {
        let issue = self.scene.hub.issue(&self.scene.ticket).expect("the issue is there");
        let bodies = issue.comments.iter().map(|comment| comment.body.clone());
        bodies.filter(|body| body.starts_with("<!-- fieldmedic") && body.contains(kind)).collect()
    }

    fn labels(&self) -> Vec<String> {
        let issue = self.scene.hub.issue(&self.scene.ticket).expect("the issue is there");
        issue.labels.iter().map(|label| label.to_string()).collect()
    }

    fn changes(&self) -> usize {
        let host = self.scene.host.lock();
        host.log().iter().filter(|logged| logged.line.contains("up -d")).count()
    }
}

fn plan_of(case: &Case) -> String {
    case.pending_approval.as_ref().expect("it asks").plan.short_id().to_owned()
}

#[tokio::test]
async fn nothing_is_changed_before_a_yes_to_this_very_plan() {
    let (desk, case) = Desk::new("worker-down").await;
    assert!(matches!(case.waiting(), Some(Waiting::Approval(_))), "{case:?}");
    let plan = plan_of(&case);
    let [question] = &desk.comments("kind=question")[..] else { panic!("one question") };
    for part in [format!("approve {plan}"), "docker compose up -d".into(), "@ops-lead".into()] {
        assert!(question.contains(&part), "{part:?} is not in {question}");
    }
    assert!(desk.comments("kind=status")[0].contains("Waiting for a yes"));
    assert!(desk.labels().contains(&"medic:needs-approval".to_owned()), "{:?}", desk.labels());

    for (login, words) in [
        ("passer-by", format!("approve {plan}")),
        ("ops-lead", "approve 0000".to_owned()),
        ("ops-lead", "approve".to_owned()),
        ("ops-lead", format!("approve {}", &plan[..2])),
        ("ops-lead", format!("approve {plan} please")),
        ("ops-lead", format!("\n> {PREFIX} approve {plan}")),
    ] {
        let case = desk.say(login, &words).await;
        assert!(case.pending_approval.is_some() && desk.changes() == 0, "{login}: {words}");
    }
    assert!(desk.comments("reply")[0].contains("is another one"), "{:?}", desk.comments("reply"));

    let case = desk.say("night-shift", &format!("approve {plan}")).await;
    assert_eq!(case.outcome.as_ref().map(|outcome| outcome.word()), Some("resolved"), "{case:?}");
    assert_eq!(desk.changes(), 1);
    assert_eq!(desk.comments("kind=question").len(), 1);
    assert!(desk.comments("kind=report")[0].contains("night-shift agreed to the plan"));
    assert!(!desk.labels().contains(&"medic:needs-approval".to_owned()), "{:?}", desk.labels());
}

#[tokio::test]
async fn a_yes_is_void_when_the_plan_has_changed() {
    // The plan names the jobs; one of the five is no longer stuck when the yes comes.
    let (desk, case) = Desk::new("queue-stuck").await;
    let plan = plan_of(&case);
    {
        let mut host = desk.scene.host.lock();
        let now = desk.scene.clock.now();
        host.set("queue.stuck", serde_json::json!(4), now).expect("the state takes it");
    }
    let case = desk.say("ops-lead", &format!("approve {plan}")).await;
    let second = plan_of(&case);
    assert_ne!(second, plan);
    let questions = desk.comments("kind=question");
    assert_eq!(questions.len(), 2);
    assert!(questions[1].contains("The plan is another one"), "{}", questions[1]);
    let written = |line: &str| line.contains("set the stuck jobs back");
    assert!(!desk.scene.host.lock().log().iter().any(|logged| written(&logged.line)));
    let case = desk.say("ops-lead", &format!("approve {second}")).await;
    assert!(case.pending_approval.is_none());
    assert!(desk.scene.host.lock().log().iter().any(|logged| written(&logged.line)));
}

#[tokio::test]
async fn a_no_hands_the_ticket_over() {
    let (desk, _) = Desk::new("worker-down").await;
    let case = desk.say("ops-lead", "deny").await;
    assert_eq!(code(&case), "denied");
    assert_eq!(desk.changes(), 0);
    let report = &desk.comments("kind=report")[0];
    assert!(report.contains("ops-lead said no") && report.contains("docker compose up -d"), "{report}");
}

#[tokio::test]
async fn a_question_that_nobody_answers_is_handed_over() {
    let (desk, case) = Desk::new("worker-down").await;
    let until = case.pending_approval.expect("it asks").until;
    desk.scene.clock.set(until + TimeDelta::seconds(1));
    let case = desk.drive().await;
    assert_eq!(code(&case), "no-answer");
    assert_eq!(desk.changes(), 0);
}

#[tokio::test]
async fn a_case_that_is_called_off_changes_nothing_more() {
    let (desk, _) = Desk::new("worker-down").await;
    let case = desk.say("ops-lead", "cancel").await;
    assert_eq!(case.outcome.as_ref().map(|outcome| outcome.word()), Some("cancelled"));
    assert_eq!(desk.changes(), 0);
    assert!(desk.comments("kind=report")[0].contains("ops-lead called it off"));
    let issue = desk.scene.hub.issue(&desk.scene.ticket).expect("the issue is there");
    assert!(!issue.is_closed());
    // There is nothing left to say to it, and that is answered once.
    desk.say("ops-lead", "cancel").await;
    poll(&desk.scene.agent).await.expect("GitHub answers");
    assert_eq!(desk.comments("reply").len(), 1);
}

#[tokio::test]
async fn an_order_that_two_replicas_read_at_once_is_answered_once() {
    let (desk, _) = Desk::new("worker-down").await;
    let body = format!("{PREFIX} approve 0000000");
    let scene = &desk.scene;
    let number = scene.hub.comment(&scene.ticket, "ops-lead", &body).expect("GitHub takes the comment");
    let (one, other) = (&scene.agent, &scene.restarted().expect("another client"));
    let comments = one.forge.comments(&scene.ticket.repo, scene.clock.now()).await.expect("GitHub answers");
    let comment = comments.iter().find(|comment| comment.id == number).expect("it is there");
    let (first, second) = tokio::join!(accept_comment(one, comment), accept_comment(other, comment));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert_eq!(desk.comments("reply").len(), 1);
}

#[tokio::test]
async fn a_halt_by_comment_holds_until_it_is_lifted_by_one() {
    let (desk, case) = Desk::new("worker-down").await;
    let plan = plan_of(&case);
    let journal: &Arc<dyn Store> = &desk.scene.agent.journal;
    desk.say("passer-by", "pause").await;
    assert_eq!(journal.pause_state().await.expect("the journal works"), None);
    desk.say("ops-lead", "pause the migration runs").await;
    let pause = journal.pause_state().await.expect("the journal works").expect("a halt");
    assert_eq!((pause.by.as_str(), pause.why.as_str()), ("ops-lead", "the migration runs"));
    journal.set_pause(None).await.expect("lifted at the terminal");
    // The poll reads the last minutes again; an old word does not count a second time.
    poll(&desk.scene.agent).await.expect("GitHub answers");
    assert_eq!(journal.pause_state().await.expect("the journal works"), None);
    let case = desk.say("ops-lead", &format!("approve {plan}")).await;
    assert_eq!(case.outcome.as_ref().map(|outcome| outcome.word()), Some("resolved"));
}

fn code(case: &Case) -> String {
    match &case.outcome {
        Some(fieldmedic::core::case::outcome::Outcome::Escalated(escalation)) => escalation.code.to_string(),
        other => panic!("{other:?}"),
    }
}
