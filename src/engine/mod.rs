//! The engine: performs what `decide` orders, and records what came of it.
//!
//! `drive` works one case to its end, `perform` carries out one action, `speak` those on the forge, `look`
//! runs probes, `intake` is the one door through which tickets become cases, `orders` are the commands that
//! people give, `words` is how they speak to cases at work, `past` finds the cases of a ticket, `dispatch`
//! runs cases side by side, `sweep` looks at systems without being asked, `recurrence` at what was mended,
//! `problem` tells of what comes back again and again, `reply` takes in what people make of a close, `remind`
//! calls people again, `redeliver` asks for what a webhook missed, `schedule` says when.

mod answer;
mod dispatch;
mod drive;
mod intake;
mod label;
mod look;
mod orders;
mod past;
mod perform;
mod poll;
mod problem;
mod recurrence;
mod redeliver;
mod remind;
mod reply;
mod schedule;
mod speak;
mod sweep;
mod words;

pub use answer::answer;
pub use dispatch::Dispatch;
pub use drive::{DriveError, Stop, drive, drive_on, library_of};
pub use intake::{IntakeError, take_in, take_issue, wants};
pub use look::{Eyes, look};
pub use orders::take_comment;
pub use poll::poll;
pub use recurrence::watch_over;
pub use redeliver::redeliver;
pub use remind::remind;
pub use reply::take_reopened;
pub use schedule::{Schedule, Turn};
pub use sweep::{Swept, sweep_systems, sweep_tickets};
pub use words::heed_label;

use crate::core::inventory::Inventory;
use crate::core::playbook::Library;
use crate::core::policy::Policy;
use crate::core::redact::Redactor;
use crate::core::rights::Roles;
use crate::core::ticket::Repo;
use crate::ports::{Clock, Forge, Journal, Shell};
use crate::render::Prompts;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything that the engine works with; shared by all cases.
#[derive(Clone)]
pub struct Agent {
    pub forge: Arc<dyn Forge>,
    pub shell: Arc<dyn Shell>,
    pub journal: Arc<dyn Journal>,
    pub clock: Arc<dyn Clock>,
    pub redactor: Arc<Redactor>,
    pub prompts: Arc<Prompts>,
    /// The playbooks of new cases. A case that began with others is finished with those.
    pub library: Arc<Library>,
    /// The files of `library`, which the journal keeps.
    pub files: Arc<BTreeMap<String, String>>,
    pub inventory: Arc<Inventory>,
    pub policy: Arc<Policy>,
    pub manners: Arc<Manners>,
    /// This process, as claims name it.
    pub worker: String,
    pub watch: Arc<dyn Watch>,
}

impl Agent {
    /// What it looks with.
    pub fn eyes(&self) -> Eyes {
        Eyes { shell: self.shell.clone(), clock: self.clock.clone(), redactor: self.redactor.clone() }
    }
}

/// How the agent behaves on the forge.
#[derive(Debug, Clone, PartialEq)]
pub struct Manners {
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
    pub roles: Roles,
}

/// Someone who watches cases at work: the terminal, a log, a test.
pub trait Watch: Send + Sync {
    fn see(&self, sight: Glimpse<'_>);
}

/// What a watcher is shown.
#[derive(Debug, Clone, Copy)]
pub enum Glimpse<'a> {
    /// About to do this; it may take a while.
    Doing { case: &'a crate::core::case::Case, action: &'a crate::core::action::Action },
    /// This has been recorded.
    Recorded { case: &'a crate::core::case::Case, event: &'a crate::core::event::Event },
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn see(&self, _: Glimpse<'_>) {}
}

/// How long a case or a host stays claimed by a process that has died. They are renewed
/// several times in it.
pub const CLAIM: Duration = Duration::from_secs(60);
