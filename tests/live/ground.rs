//! What a scenario stands on: the server, a repository of its own, and an account of what happened.

use crate::agent::Agent;
use crate::desk::Desk;
use crate::stack::Stack;
use crate::truth::Truth;
use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub struct Ground<'a> {
    pub stack: &'a Stack,
    pub desk: Desk,
    transcript: Arc<Mutex<String>>,
    notes: RefCell<Vec<String>>,
}

impl<'a> Ground<'a> {
    pub fn new(stack: &'a Stack, desk: Desk) -> Self {
        Self { stack, desk, transcript: Arc::default(), notes: RefCell::default() }
    }

    pub fn agent(&self) -> Agent {
        Agent::new(self.stack, &self.desk, &self.transcript)
    }

    /// Something worth knowing beside the result.
    pub fn note(&self, text: impl Into<String>) {
        self.notes.borrow_mut().push(text.into());
    }

    pub fn notes(&self) -> String {
        self.notes.borrow().iter().map(|note| format!("\n                 {note}")).collect()
    }

    /// What the agent said, what stands on GitHub, and how the server is: for a scenario that failed.
    pub fn account(&self) -> String {
        let said = self.transcript.lock().map(|said| said.clone()).unwrap_or_default();
        let mut account = format!("--- the agent\n{said}");
        for issue in self.desk.issues() {
            account += &format!("--- issue #{} {:?} {:?}\n", issue.number, issue.state, issue.labels);
            for comment in &issue.comments {
                account += &format!("[{}] {}\n", comment.author, comment.body);
            }
        }
        let state = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| format!("{:#?}", self.stack.truth())));
        account + "--- the server\n" + &state.unwrap_or_else(|_| "its state cannot be read".into())
    }

    /// The proof that counts for the people in the field: new jobs run to their end.
    pub fn assert_jobs_finish(&self) {
        let ids = self.stack.fault("job", &["3"]);
        let done = |truth: &Truth| ids.split_whitespace().all(|id| truth.jobs.rows.get(id).is_some_and(|s| s == "finished"));
        let truth = self.stack.wait_until(Duration::from_secs(40), done);
        assert!(done(&truth), "new jobs do not finish: {:?}", truth.jobs.rows);
    }

    /// The server as it is now, after a check that the remedy harmed nothing that was there before.
    pub fn assert_unharmed_since(&self, before: &Truth) -> Truth {
        let after = self.stack.truth();
        let harm = before.harm_in(&after);
        assert!(harm.is_empty(), "harm was done: {}", harm.join("; "));
        after
    }
}
