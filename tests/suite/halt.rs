//! A person's halt: nothing is begun under it, whether a case is about to treat or in the middle of it.

use crate::scenarios::fixtures;
use chrono::Utc;
use fieldmedic::core::case::event::Event;
use fieldmedic::core::decide::action::Action;
use fieldmedic::core::policy::permit::Pause;
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::engine::{Observer, Progress, Shutdown, run_case_waiting};
use fieldmedic::library::Files;
use fieldmedic::ports::Store;
use fieldmedic::sandbox::github::FakeGitHub;
use fieldmedic::scenario::{LoadedPlaybooks, ScenarioRun, ScenarioVerdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Calls a halt at the first record of a kind, and lifts it when the case has waited three times.
struct Person {
    journal: Arc<dyn Store>,
    hub: FakeGitHub,
    pauses_at: &'static str,
    called: AtomicU32,
    waits: AtomicU32,
}

impl Person {
    fn set(&self, pause: Option<&Pause>) {
        let set = self.journal.set_pause(pause);
        block_in_place(|| Handle::current().block_on(set)).expect("the journal works");
    }
}

impl Observer for Person {
    fn on_progress(&self, sight: Progress<'_>) {
        let first = |count: &AtomicU32, number| count.fetch_add(1, Ordering::SeqCst) + 1 == number;
        match sight {
            Progress::Recorded { event, .. } if event.kind() == self.pauses_at && first(&self.called, 1) => {
                let why = Redacted::constant("a migration");
                self.set(Some(&Pause { by: "ops-lead".into(), at: Utc::now(), why }));
            }
            Progress::Starting { case, action: Action::Wait { .. } | Action::Suspend { .. } }
                if case.paused.is_some() && first(&self.waits, 3) =>
            {
                let issue = self.hub.issue(&case.ticket.id).expect("the issue is there");
                let says = |words| issue.comments.iter().any(|comment| comment.body.contains(words));
                assert!(says("**Paused** by ops-lead") && says("a migration"), "{:?}", issue.comments);
                self.set(None);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_begun_under_a_halt() {
    let books = LoadedPlaybooks::open(&Files::built_in()).expect("the built-in playbooks are right");
    for (name, pauses_at) in [("worker-down", "triaged"), ("disk-full", "change_started")] {
        let path = fixtures().join("qfieldcloud").join(name);
        let mut scene = ScenarioRun::set_up(&path, &books).await.expect("the scenario can be set up");
        let id = scene.take_in().await.expect("the ticket is taken in");
        let person = Arc::new(Person {
            journal: scene.agent.journal.clone(),
            hub: scene.hub.clone(),
            pauses_at,
            called: AtomicU32::new(0),
            waits: AtomicU32::new(0),
        });
        scene.agent.observer = person.clone();
        let (stop, _pull) = Shutdown::new();
        let case = run_case_waiting(&scene.agent, &id, &stop).await.expect("the case goes on");
        assert!(person.waits.load(Ordering::SeqCst) >= 3, "{name}: it waited");

        let records = scene.agent.journal.load(&id).await.expect("the journal can be read");
        let at = |kind: &str| records.iter().position(|record| record.event.kind() == kind);
        let (from, to) = (at("paused").expect("paused"), at("resumed").expect("resumed"));
        let begun = |record: &fieldmedic::core::case::record::Record| {
            matches!(record.event, Event::ChangeStarted { .. })
        };
        assert!(!records[from..to].iter().any(begun), "{name}: a change was begun under the halt");
        assert!(records[to..].iter().any(begun), "{name}: it went on");
        let played = scene.judge(case).expect("the scenario can be judged");
        assert_eq!(played.verdict(), ScenarioVerdict::Passed, "{name}");
    }
}
