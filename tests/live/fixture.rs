//! What a scenario stands on: the server, a repository of its own, and an account of what happened.

use crate::agent::Agent;
use crate::stack::Stack;
use crate::tracker::Tracker;
use crate::truth::Truth;
use serde_json::Value;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub struct Fixture<'a> {
    pub stack: &'a Stack,
    pub tracker: Tracker,
    transcript: Arc<Mutex<String>>,
    notes: RefCell<Vec<String>>,
    records: RefCell<Vec<Value>>,
}

impl<'a> Fixture<'a> {
    pub fn new(stack: &'a Stack, tracker: Tracker) -> Self {
        Self {
            stack,
            tracker,
            transcript: Arc::default(),
            notes: RefCell::default(),
            records: RefCell::default(),
        }
    }

    pub fn agent(&self) -> Agent {
        Agent::new(self.stack, &self.tracker, &self.transcript)
    }

    /// Something worth knowing beside the result.
    pub fn note(&self, text: impl Into<String>) {
        self.notes.borrow_mut().push(text.into());
    }

    /// Notes where the time of a case went, and keeps its records for a closer look.
    pub fn note_case(&self, agent: &Agent) {
        let timings = agent.run(&["case", "show", &agent.newest_case()]).stdout;
        self.note(timings.lines().last().unwrap_or_default());
        *self.records.borrow_mut() = self.records_of(agent);
    }

    /// The journal of an agent's newest case.
    pub fn records_of(&self, agent: &Agent) -> Vec<Value> {
        let records = agent.json(&["case", "show", "--json", &agent.newest_case()]);
        records.as_array().cloned().unwrap_or_default()
    }

    /// The journal of the case that was noted last.
    pub fn last_records(&self) -> Vec<Value> {
        self.records.borrow().clone()
    }

    pub fn notes(&self) -> String {
        self.notes.borrow().iter().map(|note| format!("\n                 {note}")).collect()
    }

    /// What the agent said, what stands on GitHub, and how the server is: for a scenario that failed.
    pub fn account(&self) -> String {
        let said = self.transcript.lock().map(|said| said.clone()).unwrap_or_default();
        let mut account = format!("--- the agent\n{said}");
        for issue in self.tracker.issues() {
            account += &format!("--- issue #{} {:?} {:?}\n", issue.number, issue.state, issue.labels);
            for comment in &issue.comments {
                let first: Vec<&str> = comment.body.lines().take(4).collect();
                account += &format!("[{}] {}\n", comment.author, first.join(" "));
            }
        }
        let state = catch_unwind(AssertUnwindSafe(|| format!("{:#?}", self.stack.truth())));
        account + "--- the server\n" + &state.unwrap_or_else(|_| "its state cannot be read".into())
    }

    /// The proof that counts for the people in the field: new jobs run to their end.
    pub fn assert_jobs_finish(&self) {
        let ids = self.stack.fault("job", &["3"]);
        self.assert_finished("a new job", ids.split_whitespace());
    }

    /// Waits until all of these jobs have run to their end.
    pub fn assert_finished<'b>(&self, what: &str, ids: impl Iterator<Item = &'b str>) {
        let ids: Vec<&str> = ids.collect();
        assert!(!ids.is_empty(), "there was not {what}");
        let done = |truth: &Truth| truth.jobs_are(ids.iter().copied(), "finished");
        assert!(done(&self.stack.wait_until(Duration::from_secs(40), done)), "{what} does not finish");
    }

    /// The server as it is now, after a check that nothing was harmed that was there before.
    pub fn assert_unharmed_since(&self, before: &Truth) -> Truth {
        let after = self.stack.truth();
        let harm = before.harm_in(&after);
        assert!(harm.is_empty(), "harm was done: {}", harm.join("; "));
        after
    }

    /// Nothing at all is different.
    pub fn assert_untouched_since(&self, before: &Truth) {
        assert_eq!(self.stack.truth().without_drift(), before.without_drift(), "the server was touched");
    }
}
