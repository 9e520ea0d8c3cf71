//! Talk: what people read of a case, what they make of its close, and who is reminded of what nobody takes.

use crate::porter::{Porter, SECRET};
use crate::scenarios::scene;
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Source};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::policy::run_history::CloseStats;
use fieldmedic::engine::poll;
use fieldmedic::engine::remind;
use fieldmedic::engine::{Shutdown, accept_issue, run_case_waiting, sweep_tickets};
use fieldmedic::ports::Clock;
use fieldmedic::sandbox::github::{HeldWebhook, Issue, IssueEventKind};
use fieldmedic::scenario::ScenarioRun;
use serde_json::json;
use std::collections::BTreeSet;

const MEDIC: &str = "fieldmedic-bot";

/// A ticket and those who talk about it.
struct Room {
    scene: ScenarioRun,
}

impl Room {
    /// A scenario whose ticket is taken and worked to its end.
    async fn new(scenario: &str) -> (Self, Case) {
        let scene = scene(scenario).await;
        let room = Self { scene };
        // The first poll has no past; from then on comments are read.
        let [id] = &room.poll().await[..] else { panic!("one ticket") };
        let case = room.drive(id).await;
        (room, case)
    }

    async fn drive(&self, id: &CaseId) -> Case {
        let (stop, _pull) = Shutdown::new();
        run_case_waiting(&self.scene.agent, id, &stop).await.expect("the case goes on")
    }

    fn pass(&self, minutes: i64) {
        self.scene.clock.set(self.scene.clock.now() + TimeDelta::minutes(minutes));
    }

    async fn poll(&self) -> Vec<CaseId> {
        poll(&self.scene.agent).await.expect("GitHub answers")
    }

    /// A comment, read by the next poll, and the cases that come of it.
    async fn say(&self, login: &str, words: &str) -> Vec<CaseId> {
        self.scene.hub.comment(&self.scene.ticket, login, words).expect("GitHub takes it");
        self.poll().await
    }

    fn reopen(&self, login: &str) {
        self.scene.hub.reopen(&self.scene.ticket, login).expect("reopened");
    }

    fn issue(&self) -> Issue {
        self.scene.hub.issue(&self.scene.ticket).expect("the issue is there")
    }

    fn said(&self, kind: &str) -> Vec<String> {
        let issue = self.issue();
        let of_kind =
            issue.comments_by(MEDIC).filter(|comment| comment.body.contains(&format!("kind={kind}")));
        of_kind.map(|comment| comment.body.clone()).collect()
    }

    /// The agent's own labels on the ticket.
    fn labels(&self) -> Vec<String> {
        self.issue().labels.iter().filter(|label| label.starts_with("medic:")).cloned().collect()
    }

    fn reactions(&self) -> Vec<String> {
        let issue = self.issue();
        let all = issue.comments.iter().flat_map(|comment| &comment.reactions);
        all.map(|reaction| reaction.content.clone()).collect()
    }

    async fn false_closes(&self) -> usize {
        let since = self.scene.clock.now() - TimeDelta::days(30);
        let records =
            self.scene.agent.journal.history(&CloseStats::KINDS, since).await.expect("the journal works");
        let closures = CloseStats::count(&records);
        assert!(closures.false_closes.is_subset(&closures.closed));
        closures.false_closes.len()
    }

    fn changes(&self) -> usize {
        self.scene.host.lock().log().iter().filter(|logged| logged.line.contains("up -d")).count()
    }

    /// How often people were reminded by now.
    async fn remind(&self) -> usize {
        remind(&self.scene.agent).await.expect("it can be reminded");
        self.said("reminder").len()
    }

    /// Brings what GitHub has to tell to the agent's webhook, twice each.
    async fn bring(&self, letters: &[HeldWebhook]) {
        let mut porter = Porter::new(&self.scene.agent);
        for letter in letters.iter().chain(letters) {
            assert!(porter.bring(letter).await.is_success());
        }
        porter.work().await;
    }
}

fn code(case: &Case) -> String {
    match &case.outcome {
        Some(Outcome::Escalated(escalation)) => escalation.code.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_status_is_edited_no_faster_than_people_read_and_its_last_word_is_shown() {
    for scenario in ["worker-down", "queue-stuck", "disk-full", "two-faults", "worker-down-not-fixed"] {
        let (room, case) = Room::new(scenario).await;
        let issue = room.issue();
        let [status] = &room.said("status")[..] else { panic!("one status comment") };
        assert!(status.contains("Fieldmedic has finished"), "{scenario}: {status}");
        let id = issue.comments_by(MEDIC).find(|it| it.body.contains("kind=status")).expect("it is there").id;
        let edits: Vec<_> = issue
            .events
            .iter()
            .filter(|event| event.what == IssueEventKind::CommentEdited(id))
            .map(|event| event.at)
            .collect();
        let (_last, passing) = edits.split_last().expect("it was edited");
        let near = passing.windows(2).find(|pair| pair[1] - pair[0] < TimeDelta::seconds(9));
        assert_eq!(near, None, "{scenario}: {edits:?}");
        assert!(!passing.is_empty(), "{scenario}: nothing was shown on the way in {} s", case.opened_at);
    }
}

#[tokio::test]
async fn the_report_begins_in_the_reporters_words_and_folds_the_rest() {
    let (room, _) = Room::new("worker-down").await;
    let [report] = &room.said("report")[..] else { panic!("one report") };
    let lines: Vec<&str> = report.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines[1], "### ✅ Resolved");
    assert!(lines[2].starts_with("The machines that process your projects had stopped."), "{}", lines[2]);
    let (short, folded) = report.split_once("<details>").expect("there is more to unfold");
    assert!(short.contains("Mended and verified") && !short.contains("docker compose"), "{short}");
    assert!(folded.contains("docker compose up -d"), "{folded}");
}

#[tokio::test]
async fn labels_live_from_working_to_the_end_and_close_as_completed() {
    for (scenario, label, reason) in [
        ("worker-down", "medic:resolved", Some("completed")),
        ("status", "medic:resolved", Some("completed")),
        ("worker-down-not-fixed", "medic:needs-human", None),
    ] {
        let (room, _) = Room::new(scenario).await;
        assert_eq!(room.labels(), [label], "{scenario}");
        assert_eq!(room.issue().close_reason(), reason, "{scenario}");
        let was_working = |what: &IssueEventKind| *what == IssueEventKind::Labeled("medic:working".into());
        assert!(room.issue().events.iter().any(|event| was_working(&event.what)), "{scenario}");
        let made = room.scene.hub.labels(&room.scene.ticket.repo);
        let looks = made.iter().find(|there| there.name == label).expect("the repository has it");
        assert!(looks.color != "ededed" && looks.description.is_some(), "{looks:?}");
    }
}

#[tokio::test]
async fn who_says_that_it_is_still_broken_is_believed_and_handed_on() {
    let (room, first) = Room::new("worker-down").await;
    room.pass(5);
    assert_eq!(room.labels(), ["medic:resolved"]);
    let before = room.changes();
    // The fault is there again, and treatable; it is not treated once more.
    let now = room.scene.clock.now();
    room.scene.host.lock().set("workers.running", json!(0), now).expect("the state takes it");
    let [id] = &room.say("field-agent", "Sorry, it still doesn't work.").await[..] else {
        panic!("one case")
    };
    let case = room.drive(id).await;
    assert_eq!(code(&case), "still-broken");
    assert_eq!(case.dispute.as_ref().map(|objection| &objection.case), Some(&first.id));
    assert_eq!(room.changes(), before, "nothing is changed a second time");
    assert!(!room.issue().is_closed());
    assert_eq!(room.labels(), ["medic:needs-human"]);
    assert_eq!(room.said("objection").len(), 1);
    assert_eq!(room.reactions(), ["eyes"]);
    let report = room.said("report").pop().expect("a second report");
    for part in [
        "field-agent says that this is not settled",
        "0 of 4 workers are running",
        "What I did before I closed it",
        "so since",
        "What I would do",
        "docker compose up -d",
    ] {
        assert!(report.contains(part), "{part:?} is not in {report}");
    }
    assert_eq!(room.false_closes().await, 1);
    // It is one objection, however often it is made and read.
    room.pass(1);
    assert!(room.say("ops-lead", "not fixed!").await.is_empty());
    assert!(sweep_tickets(&room.scene.agent).await.expect("GitHub answers").is_empty());
    assert_eq!(room.false_closes().await, 1);
}

#[tokio::test]
async fn a_ticket_that_is_opened_again_is_noticed_once_by_whichever_door() {
    for by_webhook_first in [true, false] {
        let (room, first) = Room::new("sync-failed-workers").await;
        room.scene.hub.hold_webhooks(SECRET);
        room.pass(5);
        room.reopen("field-agent");
        let letters = room.scene.hub.fetch_webhooks();
        assert!(!letters.is_empty());
        let mut cases = Vec::new();
        if by_webhook_first {
            room.bring(&letters).await;
            cases.extend(room.scene.agent.journal.open_cases().await.expect("the journal works"));
            assert!(room.poll().await.is_empty());
        } else {
            cases.extend(room.poll().await);
            room.bring(&letters).await;
        }
        room.scene.hub.comment(&room.scene.ticket, "field-agent", "still broken").expect("taken");
        assert!(room.poll().await.is_empty());
        let [id] = &cases[..] else { panic!("one case: {cases:?}") };
        let case = room.drive(id).await;
        let Source::CloseDispute(objection) = &case.source else { panic!("{:?}", case.source) };
        assert_eq!(objection.case, first.id);
        assert_eq!(objection.by, if by_webhook_first { "field-agent" } else { "" });
        assert_eq!(code(&case), "still-broken");
        // What was brought late is about the same close.
        room.bring(&letters).await;
        room.pass(10);
        assert!(room.poll().await.is_empty());
        assert!(room.scene.agent.journal.open_cases().await.expect("the journal works").is_empty());
        assert_eq!(room.false_closes().await, 1);
        assert_eq!(room.said("objection").len(), 0, "who opened it knows that it is open");
        assert_eq!(room.said("report").len(), 2);
    }
}

#[tokio::test]
async fn a_list_from_before_the_close_is_no_objection() {
    let (room, _) = Room::new("worker-down").await;
    let mut stale = room.scene.agent.forge.ticket(&room.scene.ticket).await.expect("GitHub answers");
    stale.state = fieldmedic::core::ticket::TicketState::Open;
    for minutes in [0, 30] {
        room.pass(minutes);
        let taken =
            accept_issue(&room.scene.agent, stale.clone(), Source::Poll).await.expect("GitHub answers");
        assert_eq!(taken, None);
    }
    assert_eq!(room.false_closes().await, 0);
}

#[tokio::test]
async fn thanks_questions_quotes_and_machines_open_nothing() {
    let (room, _) = Room::new("worker-down").await;
    room.pass(5);
    room.scene.hub.register("ci-bot", fieldmedic::sandbox::github::AccountKind::Bot, "ci-token");
    for (login, words, reactions) in [
        ("field-agent", "Thanks, works!", 1),
        ("ops-lead", "Is it still broken?", 1),
        ("field-agent", "> still broken\n\nno more :)", 1),
        ("ci-bot", "still broken", 1),
        ("fieldmedic-bot", "still broken", 1),
    ] {
        assert!(room.say(login, words).await.is_empty(), "{login}: {words}");
        // The poll reads it once more.
        assert!(room.poll().await.is_empty(), "{login}: {words}");
        assert_eq!(room.reactions().len(), reactions, "{login}: {words}");
    }
    assert_eq!(room.reactions(), ["+1"]);
    assert!(room.issue().is_closed());
    assert_eq!(room.false_closes().await, 0);
}

#[tokio::test]
async fn what_was_said_before_the_close_is_no_objection_to_it() {
    let (room, _) = Room::new("status").await;
    let (other, _) = Room::new("worker-down-not-fixed").await;
    // Handed over already: a person has it.
    assert!(other.say("field-agent", "still broken").await.is_empty());
    assert!(room.issue().is_closed());
    let early = room.scene.clock.now();
    room.pass(-10);
    room.scene.hub.comment(&room.scene.ticket, "field-agent", "still broken").expect("taken");
    room.scene.clock.set(early);
    assert!(room.poll().await.is_empty());
    assert!(room.issue().is_closed());
}

#[tokio::test]
async fn a_question_that_was_answered_is_a_complaint_when_somebody_objects() {
    let (room, _) = Room::new("status").await;
    room.pass(5);
    let [id] = &room.say("field-agent", "Geht immer noch nicht").await[..] else { panic!("one case") };
    let case = room.drive(id).await;
    assert_eq!(code(&case), "still-broken");
    let report = room.said("report").pop().expect("a report");
    assert!(report.contains("every fault that I know is ruled out"), "{report}");
    assert!(report.contains("I changed nothing then"), "{report}");
}

#[tokio::test]
async fn people_are_reminded_twice_and_never_again() {
    let (room, _) = Room::new("worker-down-not-fixed").await;
    let mut reminded = Vec::new();
    for hours in [3, 2, 1, 20, 3, 1, 48, 24] {
        room.pass(hours * 60);
        reminded.push(room.remind().await);
        // Asked again at once, and by a process that has just begun.
        assert_eq!(room.remind().await, reminded[reminded.len() - 1]);
    }
    assert_eq!(reminded, [0, 1, 1, 1, 2, 2, 2, 2]);
    let [first, last] = &room.said("reminder")[..] else { panic!("two reminders") };
    assert!(first.contains("@ops-lead: nobody has taken this ticket since"), "{first}");
    assert!(first.contains("once more in a day") && last.contains("shall not remind you again"), "{last}");
}

#[tokio::test]
async fn an_agent_that_slept_through_both_reminds_once() {
    let (room, _) = Room::new("worker-down-not-fixed").await;
    room.pass(29 * 60);
    assert_eq!(room.remind().await, 1);
    assert!(room.said("reminder")[0].contains("shall not remind you again"));
}

#[tokio::test]
async fn two_replicas_remind_once() {
    let (room, _) = Room::new("worker-down-not-fixed").await;
    room.pass(5 * 60);
    let (one, other) = (&room.scene.agent, &room.scene.restarted().expect("another client"));
    let (first, second) = tokio::join!(remind(one), remind(other));
    assert_eq!(first.expect("it can").len() + second.expect("it can").len(), 1);
    assert_eq!(room.said("reminder").len(), 1);
}

#[tokio::test]
async fn whoever_does_something_about_it_has_taken_it() {
    type Deed = fn(&ScenarioRun);
    let deeds: [(&str, bool, Deed); 8] = [
        ("comments", true, |scene| {
            scene.hub.comment(&scene.ticket, "night-shift", "I have a look").expect("taken");
        }),
        ("labels", true, |scene| scene.hub.label(&scene.ticket, "night-shift", "disk").expect("labelled")),
        ("takes the label off", true, |scene| {
            scene.hub.unlabel(&scene.ticket, "night-shift", "medic:needs-human").expect("unlabelled");
        }),
        ("closes it", true, |scene| scene.hub.close(&scene.ticket, "ops-lead", "completed").expect("closed")),
        ("reacts", true, |scene| {
            let issue = scene.hub.issue(&scene.ticket).expect("it is there");
            let call =
                issue.comments.iter().find(|comment| comment.body.contains("kind=call")).expect("a call");
            scene.hub.react(&scene.ticket.repo, call.id, "ops-lead", "eyes").expect("reacted");
        }),
        ("is the reporter, who asks", false, |scene| {
            let author = scene.hub.issue(&scene.ticket).expect("it is there").author;
            scene.hub.comment(&scene.ticket, &author, "anybody there?").expect("taken");
        }),
        ("is a machine", false, |scene| {
            scene.hub.register("stale-bot", fieldmedic::sandbox::github::AccountKind::Bot, "stale-token");
            scene.hub.label(&scene.ticket, "stale-bot", "stale").expect("labelled");
        }),
        ("is only mentioned", false, |_| {}),
    ];
    for (what, taken, deed) in deeds {
        let (room, _) = Room::new("worker-down-not-fixed").await;
        room.pass(60);
        deed(&room.scene);
        room.pass(4 * 60);
        assert_eq!(room.remind().await, usize::from(!taken), "somebody {what}");
    }
}

#[tokio::test]
async fn a_form_chooses_the_system_and_its_tricks_stay_text() {
    let (room, case) = Room::new("worker-down-form").await;
    let strangers: BTreeSet<String> =
        case.triage.as_ref().expect("it was read").unknown_names.iter().map(|it| it.name.clone()).collect();
    assert!(strangers.iter().any(|name| name.contains("@everyone")), "{strangers:?}");
    let report = room.said("report").concat();
    assert!(report.contains("which I do not know; I went by the rest"), "{report}");
    // Only the agent's own first line is a comment of HTML, and what a form says is shown as code.
    assert_eq!(report.matches("<!--").count(), 1, "{report}");
    let outside: String = report.split('`').step_by(2).collect();
    assert!(!outside.contains("@everyone") && !outside.contains("{{"), "{report}");
}
