//! How a [`TestAgent`] is set up.

use super::{SECRET, Seen, TestAgent, Webhooks};
use crate::scenarios::scene;
use crate::test_agent::panics::PanicWatch;
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::engine::{Context, ForgeSettings};
use fieldmedic::sandbox::github::RepoRole;
use std::sync::{Arc, Mutex};

/// Settings of a [`TestAgent`]; nothing exists before [`TestAgentBuilder::build`].
#[must_use = "nothing exists before `build`"]
pub struct TestAgentBuilder {
    scenario: String,
    roles: Vec<(&'static str, RepoRole)>,
    edits: Vec<Box<dyn FnOnce(&mut Context) + Send>>,
    holds_webhooks: bool,
}

impl TestAgentBuilder {
    pub(super) fn new(scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), roles: Vec::new(), edits: Vec::new(), holds_webhooks: false }
    }

    /// Every plan needs the approval of a person.
    pub fn ask_mode(self) -> Self {
        self.policy(|policy| policy.mode = Mode::Ask)
    }

    /// Nothing is changed.
    pub fn observe_mode(self) -> Self {
        self.policy(|policy| policy.mode = Mode::Observe)
    }

    pub fn policy(self, edit: impl FnOnce(&mut Policy) + Send + 'static) -> Self {
        self.context(|context| {
            let mut policy = (*context.policy).clone();
            edit(&mut policy);
            context.policy = Arc::new(policy);
        })
    }

    pub fn forge_settings(self, edit: impl FnOnce(&mut ForgeSettings) + Send + 'static) -> Self {
        self.context(|context| {
            let mut settings = (*context.forge_settings).clone();
            edit(&mut settings);
            context.forge_settings = Arc::new(settings);
        })
    }

    /// Changes anything else that the agent works with.
    pub fn context(mut self, edit: impl FnOnce(&mut Context) + Send + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// Gives a person a role in the repository. The scenario's reporter may read and `ops-lead` may write.
    pub fn role(mut self, login: &'static str, role: RepoRole) -> Self {
        self.roles.push((login, role));
        self
    }

    /// GitHub holds its webhooks back until [`TestAgent::receives_webhooks`].
    pub fn webhooks(mut self) -> Self {
        self.holds_webhooks = true;
        self
    }

    pub async fn build(self) -> TestAgent {
        let mut run = scene(&self.scenario).await;
        for (login, role) in self.roles {
            run.hub.grant(&run.ticket.repo, login, role);
        }
        for edit in self.edits {
            edit(&mut run.agent);
        }
        let webhooks = self.holds_webhooks.then(|| {
            run.hub.hold_webhooks(SECRET);
            Webhooks::new(&run.agent)
        });
        TestAgent {
            run,
            webhooks,
            held: Vec::new(),
            seen: Mutex::new(Seen::default()),
            panics: PanicWatch::start(),
        }
    }
}
