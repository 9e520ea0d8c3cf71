//! What the engine works with, and who watches it.

use crate::core::case::Case;
use crate::core::case::event::Event;
use crate::core::chatops::access::AccessPolicy;
use crate::core::decide::action::Action;
use crate::core::playbook::Library;
use crate::core::playbook::inventory::Inventory;
use crate::core::policy::permit::Policy;
use crate::core::text::redact::Redactor;
use crate::core::ticket::Repo;
use crate::engine::case::set_aside::SetAside;
use crate::ports::{Clock, Forge, Shell, Store};
use crate::render::Prompts;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything that the engine works with; shared by all cases.
#[derive(Clone)]
pub struct Context {
    pub forge: Arc<dyn Forge>,
    pub shell: Arc<dyn Shell>,
    pub journal: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub redactor: Arc<Redactor>,
    pub prompts: Arc<Prompts>,
    /// The playbooks of new cases. A case that began with others is finished with those.
    pub library: Arc<Library>,
    /// The files of `library`, which the journal keeps.
    pub files: Arc<BTreeMap<String, String>>,
    pub inventory: Arc<Inventory>,
    pub policy: Arc<Policy>,
    pub forge_settings: Arc<ForgeSettings>,
    /// This process, as claims name it.
    pub worker: String,
    pub observer: Arc<dyn Observer>,
    /// The cases that cannot be read, whoever came upon them.
    pub set_aside: SetAside,
}

impl Context {
    /// What runs probes.
    pub fn probe_runner(&self) -> ProbeRunner {
        ProbeRunner { shell: self.shell.clone(), clock: self.clock.clone(), redactor: self.redactor.clone() }
    }
}

/// What a probe needs: the way to the hosts, the time and the redactor.
#[derive(Clone)]
pub struct ProbeRunner {
    pub shell: Arc<dyn Shell>,
    pub clock: Arc<dyn Clock>,
    pub redactor: Arc<Redactor>,
}

/// How Fieldmedic behaves on the forge.
#[derive(Debug, Clone, PartialEq)]
pub struct ForgeSettings {
    pub repos: Vec<Repo>,
    /// Issues with this label are tickets.
    pub label: String,
    /// The slash command that hands an issue to Fieldmedic.
    pub command: String,
    /// Who is assigned and mentioned when a person is needed.
    pub on_call: Vec<String>,
    /// How long after a person was called and nobody has taken the ticket people are reminded; `None`
    /// reminds nobody.
    pub remind_after: Option<Duration>,
    /// Who may say what.
    pub roles: AccessPolicy,
}

/// Someone who watches cases at work: the terminal, a log, a test.
pub trait Observer: Send + Sync {
    fn on_progress(&self, progress: Progress<'_>);
}

/// What a watcher is shown.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// About to do this; it may take a while.
    Starting { case: &'a Case, action: &'a Action },
    /// This has been recorded.
    Recorded { case: &'a Case, event: &'a Event },
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopObserver;

impl Observer for NoopObserver {
    fn on_progress(&self, _: Progress<'_>) {}
}

/// How long a case or a host stays claimed by a process that has died. They are renewed
/// several times in it.
pub const CLAIM_TTL: Duration = Duration::from_secs(60);
