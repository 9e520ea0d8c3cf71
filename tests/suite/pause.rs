//! A pause: no change starts under it, before a remediation or in the middle of one.

use crate::test_agent::{TestAgent, at_terminal};
use chrono::Utc;
use fieldmedic::core::case::event::Event;
use fieldmedic::core::case::record::Record;
use fieldmedic::core::decide::action::Action;
use fieldmedic::core::policy::pause_order::PauseOrderKind;
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::engine::{Observer, Progress};
use fieldmedic::ports::Store;
use fieldmedic::sandbox::github::FakeGitHub;
use fieldmedic::scenario::ScenarioVerdict;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Pauses all changes at the first record of a kind, and resumes when the case has waited three times.
struct Person {
    journal: Arc<dyn Store>,
    github: FakeGitHub,
    pauses_at: &'static str,
    called: AtomicU32,
    waits: AtomicU32,
}

impl Person {
    fn orders(&self, kind: PauseOrderKind) {
        let order = at_terminal("ops-lead", Utc::now(), kind);
        let ordered = self.journal.order_pause(&order);
        block_in_place(|| Handle::current().block_on(ordered)).expect("the journal works");
    }
}

impl Observer for Person {
    fn on_progress(&self, progress: Progress<'_>) {
        let first = |count: &AtomicU32, number| count.fetch_add(1, Ordering::SeqCst) + 1 == number;
        match progress {
            Progress::Recorded { event, .. } if event.kind() == self.pauses_at && first(&self.called, 1) => {
                let why = Redacted::constant("a migration");
                self.orders(PauseOrderKind::Pause { why });
            }
            Progress::Starting { case, action: Action::Wait { .. } | Action::Suspend(_) }
                if case.paused.is_some() && first(&self.waits, 3) =>
            {
                let issue = self.github.issue(&case.ticket.id).expect("the issue is there");
                let shows = |part| issue.comments.iter().any(|comment| comment.body.contains(part));
                assert!(shows("by ops-lead") && shows("a migration"), "{:?}", issue.comments);
                self.orders(PauseOrderKind::Resume);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_starts_under_a_pause() {
    for (scenario, pauses_at) in [("worker-down", "triaged"), ("disk-full", "change_started")] {
        let mut agent = TestAgent::on(scenario).build().await;
        let id = agent.opens_case().await;
        let person = Arc::new(Person {
            journal: agent.journal().clone(),
            github: agent.github().clone(),
            pauses_at,
            called: AtomicU32::new(0),
            waits: AtomicU32::new(0),
        });
        agent.context_mut().observer = person.clone();
        let case = agent.works(&id).await;
        assert!(person.waits.load(Ordering::SeqCst) >= 3, "{scenario}: it waited");

        let records = agent.records(&id).await;
        let at = |kind: &str| records.iter().position(|record| record.event.kind() == kind);
        let (from, to) = (at("paused").expect("paused"), at("resumed").expect("resumed"));
        let starts = |record: &Record| matches!(record.event, Event::ChangeStarted { .. });
        assert!(!records[from..to].iter().any(starts), "{scenario}: a change started under the pause");
        assert!(records[to..].iter().any(starts), "{scenario}: it went on");
        let result = agent.run().judge(case).expect("the scenario can be judged");
        assert_eq!(result.verdict(), ScenarioVerdict::Passed, "{scenario}");
        agent.sees(&["status", "report"]);
    }
}
