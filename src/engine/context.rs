//! What the engine works with, and who watches it.

use crate::core::case::Case;
use crate::core::case::event::Event;
use crate::core::chatops::access::AccessPolicy;
use crate::core::decide::action::Action;
use crate::core::ids::SystemName;
use crate::core::measurement::MeasurementPolicy;
use crate::core::playbook::Library;
use crate::core::playbook::inventory::Inventory;
use crate::core::policy::permit::Policy;
use crate::core::text::redact::Redactor;
use crate::core::ticket::{Repo, Ticket};
use crate::engine::case::places::Places;
use crate::engine::case::set_aside::SetAside;
use crate::ports::{Clock, Forge, Reader, Shell, Store};
use crate::render::Prompts;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Everything that the engine works with; shared by all cases.
#[derive(Clone)]
pub struct Context {
    /// Where tickets are read and answered.
    pub forge: Arc<dyn Forge>,
    /// The way to the hosts, for probes and changes.
    pub shell: Arc<dyn Shell>,
    /// What understands the words of tickets.
    pub reader: Arc<dyn Reader>,
    /// Everything that outlives the process: records, leases, deliveries and cursors.
    pub journal: Arc<dyn Store>,
    /// The time that decisions and records go by.
    pub clock: Arc<dyn Clock>,
    /// What every text passes before it is recorded or published.
    pub redactor: Arc<Redactor>,
    /// The templates of comments and of lines on a terminal.
    pub prompts: Arc<Prompts>,
    /// The playbooks of new cases. A case that began with others is finished with those.
    pub library: Arc<Library>,
    /// The files of `library`, which the journal keeps.
    pub files: Arc<BTreeMap<String, String>>,
    /// The systems, hosts and groups that are managed.
    pub inventory: Arc<Inventory>,
    /// Whether, when and how much may be changed.
    pub policy: Arc<Policy>,
    /// The behaviour on the forge: repositories, label, command, people.
    pub forge_settings: Arc<ForgeSettings>,
    /// How long measurements are kept, and when people are warned of what they run to.
    pub measurements: MeasurementPolicy,
    /// This process, as claims name it.
    pub worker: String,
    /// Watches the cases at work; [`NoopObserver`] if nobody does.
    pub observer: Arc<dyn Observer>,
    /// The cases that cannot be read, whoever came upon them.
    pub set_aside: SetAside,
    /// How many cases are at work at a time.
    pub places: Arc<Places>,
    /// Set once the journal holds `files`.
    pub library_stored: Arc<OnceCell<()>>,
}

impl Context {
    /// Where a ticket about this system is opened: in the first repository that reaches it; `None` if none does.
    pub fn ticket_repo(&self, system: &SystemName) -> Option<&Repo> {
        self.forge_settings.repos.iter().find(|repo| self.inventory.is_reached(system, repo))
    }

    /// What runs probes.
    pub fn probe_runner(&self) -> ProbeRunner {
        ProbeRunner { shell: self.shell.clone(), clock: self.clock.clone(), redactor: self.redactor.clone() }
    }
}

/// What a probe needs: the way to the hosts, the time and the redactor.
#[derive(Clone)]
pub struct ProbeRunner {
    /// The way to the hosts. It is asked for connections and probes only.
    pub shell: Arc<dyn Shell>,
    /// Dates the evidence.
    pub clock: Arc<dyn Clock>,
    /// What outputs and reasons pass before they become evidence.
    pub redactor: Arc<Redactor>,
}

/// How Fieldmedic behaves on the forge.
#[derive(Debug, Clone, PartialEq)]
pub struct ForgeSettings {
    /// The repositories whose issues are tickets. A sweep opens its own tickets in the first.
    pub repos: Vec<Repo>,
    /// Issues with this label are tickets.
    pub label: String,
    /// Accounts of monitors that open, close and reopen issues; in any case of letters.
    pub monitors: Vec<String>,
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

impl ForgeSettings {
    /// Whether this is the account of a listed monitor.
    pub fn is_monitor(&self, login: &str) -> bool {
        self.monitors.iter().any(|monitor| monitor.eq_ignore_ascii_case(login))
    }

    /// Whether an issue is a ticket: by the label, or because a listed monitor opened it.
    pub fn is_ticket(&self, ticket: &Ticket) -> bool {
        let has_label = ticket.labels.iter().any(|label| label.eq_ignore_ascii_case(&self.label));
        has_label || self.is_monitor(&ticket.author)
    }
}

/// Someone who watches cases at work: the terminal, a log, a test.
pub trait Observer: Send + Sync {
    /// Receives one step of a case. The case waits until this returns, so it must not take long.
    fn on_progress(&self, progress: Progress<'_>);
}

/// What a watcher is shown.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// About to do this; it may take a while.
    Starting {
        /// The case before the action.
        case: &'a Case,
        /// The action that `decide` chose.
        action: &'a Action,
    },
    /// This has been recorded.
    Recorded {
        /// The case with the event taken in.
        case: &'a Case,
        /// The event that the journal has stored.
        event: &'a Event,
    },
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
