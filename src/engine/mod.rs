//! The engine: performs what `decide` orders, and records what came of it.
//!
//! `drive` works one case to its end, `perform` carries out one action, `speak` those on the forge, `look`
//! runs probes, `intake` is the one door through which tickets become cases, `orders` are the commands that
//! people give, `words` is how they speak to cases at work, `past` finds the cases of a ticket, `dispatch`
//! runs cases side by side, `sweep` looks at systems without being asked, `recurrence` at what was mended,
//! `problem` tells of what comes back again and again, `reply` takes in what people make of a close, `remind`
//! calls people again, `redeliver` asks for what a webhook missed, `schedule` says when.

mod case;
mod chatops;
mod intake;
mod monitor;
mod publish;

pub use crate::engine::case::answer::answer;
pub use crate::engine::case::dispatcher::Dispatcher;
pub use crate::engine::case::driver::{CaseError, Shutdown, library_of, run_case, run_case_waiting};
pub use crate::engine::case::probe::{ProbeRunner, run_probes};
pub use crate::engine::intake::comment::accept_comment;
pub use crate::engine::intake::issue::{accept_issue, accept_reopening, apply_pause_label};
pub use crate::engine::intake::open::{IntakeError, open_case};
pub use crate::engine::intake::poll::poll;
pub use crate::engine::intake::redeliver::redeliver;
pub use crate::engine::monitor::recurrence::check_recurrences;
pub use crate::engine::monitor::schedule::{DueCheck, ScheduledTask};
pub use crate::engine::monitor::sweep::{SweepResult, check_systems, sweep_tickets};
pub use crate::engine::publish::reminder::remind;

use crate::core::chatops::access::AccessPolicy;
use crate::core::playbook::Library;
use crate::core::playbook::inventory::Inventory;
use crate::core::policy::permit::Policy;
use crate::core::text::redact::Redactor;
use crate::core::ticket::Repo;
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
}

impl Context {
    /// What it looks with.
    pub fn probe_runner(&self) -> ProbeRunner {
        ProbeRunner { shell: self.shell.clone(), clock: self.clock.clone(), redactor: self.redactor.clone() }
    }
}

/// How the agent behaves on the forge.
#[derive(Debug, Clone, PartialEq)]
pub struct ForgeSettings {
    pub repos: Vec<Repo>,
    /// Issues with this label are tickets.
    pub label: String,
    /// The slash command that hands an issue to the agent.
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
    fn on_progress(&self, sight: Progress<'_>);
}

/// What a watcher is shown.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// About to do this; it may take a while.
    Starting { case: &'a crate::core::case::Case, action: &'a crate::core::decide::action::Action },
    /// This has been recorded.
    Recorded { case: &'a crate::core::case::Case, event: &'a crate::core::case::event::Event },
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
