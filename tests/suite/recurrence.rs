//! After the close: what was mended is looked at again, and what comes back again and again is told.

use crate::scenarios::scene;
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::ticket::Repo;
use fieldmedic::engine::{Shutdown, check_recurrences, run_case_waiting, sweep_tickets};
use fieldmedic::ports::Clock;
use fieldmedic::sandbox::github::Issue;
use fieldmedic::scenario::ScenarioRun;
use serde_json::json;

struct Ward {
    scene: ScenarioRun,
}

impl Ward {
    /// A scenario whose ticket was resolved.
    async fn new(scenario: &str) -> Self {
        let scene = scene(scenario).await;
        let id = scene.take_in().await.expect("the ticket is taken in");
        let ward = Self { scene };
        assert_eq!(ward.drive(&id).await.outcome, Some(Outcome::Resolved));
        assert!(ward.issue().is_closed());
        ward
    }

    async fn drive(&self, id: &CaseId) -> Case {
        let (stop, _pull) = Shutdown::new();
        run_case_waiting(&self.scene.agent, id, &stop).await.expect("the case goes on")
    }

    fn pass(&self, minutes: i64) {
        self.scene.clock.set(self.scene.clock.now() + TimeDelta::minutes(minutes));
    }

    fn set(&self, path: &str, value: serde_json::Value) {
        let now = self.scene.clock.now();
        self.scene.host.lock().set(path, value, now).expect("the state takes it");
    }

    /// One round of watching, and its cases worked to their end.
    async fn watch(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for id in check_recurrences(&self.scene.agent).await.expect("it can be watched") {
            cases.push(self.drive(&id).await);
        }
        cases
    }

    fn issue(&self) -> Issue {
        self.scene.hub.issue(&self.scene.ticket).expect("the issue is there")
    }

    fn issues(&self) -> Vec<Issue> {
        let repo: Repo = "example/tickets".parse().expect("a repository");
        self.scene.hub.issues(&repo)
    }

    fn looks(&self) -> usize {
        self.scene.host.lock().log().len()
    }
}

#[tokio::test]
async fn what_was_mended_is_looked_at_three_times() {
    let ward = Ward::new("worker-down").await;
    let mut looks = Vec::new();
    // Each look is made once, whenever it is asked for.
    for minutes in [10, 6, 1, 45, 1, 23 * 60, 1, 23 * 60] {
        ward.pass(minutes);
        let before = ward.looks();
        assert!(ward.watch().await.is_empty());
        looks.push(ward.looks() > before);
    }
    assert_eq!(looks, [false, true, false, true, false, true, false, false]);
    assert!(ward.issue().is_closed());
    assert_eq!(ward.issue().comments.len(), 2, "{:?}", ward.issue().comments);
}

#[tokio::test]
async fn a_fault_that_is_back_opens_its_issue_again() {
    let ward = Ward::new("worker-down").await;
    ward.pass(16);
    ward.set("workers.running", json!(0));
    let [case] = &ward.watch().await[..] else { panic!("one case") };
    assert_eq!(case.outcome, Some(Outcome::Resolved));
    let issue = ward.issue();
    assert!(issue.is_closed());
    let says = |words: &str| issue.comments.iter().filter(|comment| comment.body.contains(words)).count();
    assert_eq!(says("I have opened this issue again"), 1);
    assert_eq!(says("mended 1 time before within seven days"), 1);
    assert_eq!(says("kind=report"), 2);
    // It is one thing, told once.
    assert!(ward.watch().await.is_empty());
    assert!(sweep_tickets(&ward.scene.agent).await.expect("GitHub answers").is_empty());
}

#[tokio::test]
async fn an_issue_that_is_open_again_is_somebodys() {
    let ward = Ward::new("worker-down").await;
    ward.pass(16);
    ward.set("workers.running", json!(0));
    ward.scene.hub.reopen(&ward.scene.ticket, "ops-lead").expect("reopened");
    assert!(ward.watch().await.is_empty());
    assert!(!ward.issue().is_closed());
    assert_eq!(ward.issue().comments.len(), 2);
}

#[tokio::test]
async fn the_third_recurrence_opens_a_problem_ticket() {
    let ward = Ward::new("missing-image").await;
    let mut last = None;
    for _ in 0..3 {
        ward.pass(70);
        // A cron job deletes the image, and the next job fails for want of it.
        ward.set("images.qgis3", json!(false));
        ward.set("queue.imageless", json!(3));
        last = ward.watch().await.pop();
    }
    let case = last.expect("it came back three times");
    let Some(Outcome::Escalated(escalation)) = &case.outcome else { panic!("{:?}", case.outcome) };
    assert_eq!(escalation.code.as_str(), "held-back", "mending it once more would hide the cause");
    assert!(escalation.why.contains("it could begin at"), "{}", escalation.why);
    let issues = ward.issues();
    assert_eq!(issues.len(), 2);
    let problem = &issues[1];
    assert!(problem.title.contains("comes back again and again"), "{}", problem.title);
    let body = problem.body.clone().expect("a text");
    let rows = body.lines().filter(|line| line.starts_with("| 20")).count();
    assert_eq!(rows, 4, "{body}");
    for part in ["@ops-lead", "was mended 3 times", "this time", "/etc/cron.daily/tidy"] {
        assert!(body.contains(part), "{part:?} is not in {body}");
    }
    let report = ward.issue().comments.iter().rev().find(|c| c.body.contains("kind=report")).cloned();
    let link = format!("example/tickets#{}", problem.number);
    assert!(report.is_some_and(|report| report.body.contains(&link)));
    // The agent does not take its own ticket for one of its work.
    assert!(sweep_tickets(&ward.scene.agent).await.expect("GitHub answers").is_empty());
}
