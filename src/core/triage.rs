//! Triage: what a ticket's text asks for, and of which system. Text selects and explains; it proves
//! nothing, and no part of it goes further than a name from the inventory or the library.

mod place;

pub use place::Stranger;

use super::errand::Errand;
use super::inventory::{Inventory, Site};
use super::letter::Letter;
use super::name::PlaybookName;
use super::playbook::{Library, Request, System};
use super::policy::Mode;
use super::ticket::Ticket;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a ticket is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Triage {
    /// The system as the inventory has it now; the case keeps it.
    pub site: Option<Site>,
    pub asks: Asks,
    /// The faults that would explain the ticket, each with the words that say so.
    pub explained_by: Vec<Match>,
    /// What a form calls the place, and nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strangers: Vec<Stranger>,
}

/// What kind of ticket it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Asks {
    /// Something is wrong. Also what cannot be told from its words.
    Complaint,
    /// A question that a request playbook answers.
    Question { request: PlaybookName, health: bool },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    pub playbook: PlaybookName,
    pub words: String,
}

impl Triage {
    /// The system, as the request that was asked for sees it.
    pub fn system<'l>(&self, library: &'l Library) -> Option<Cow<'l, System>> {
        let system = library.systems.get(&self.site.as_ref()?.kind)?;
        match &self.asks {
            Asks::Question { request, .. } => match system.request(request) {
                Some(request) => Some(Cow::Owned(system.asked(request))),
                None => Some(Cow::Borrowed(system)),
            },
            Asks::Complaint => Some(Cow::Borrowed(system)),
        }
    }

    /// Whether fixing this fault would account for the ticket.
    pub fn explains(&self, playbook: &PlaybookName) -> bool {
        self.explained_by.iter().any(|found| found.playbook == *playbook)
    }
}

/// Finds the system, the kind of ticket, and the faults that would explain it. `suspect` is the fault
/// for which the agent itself opened the ticket.
pub fn triage(
    ticket: &Ticket,
    library: &Library,
    inventory: &Inventory,
    suspect: Option<&Suspect>,
) -> Triage {
    let letter = ticket.letter();
    let (site, strangers) = match suspect {
        Some(suspect) => (inventory.systems.get(suspect.system.as_str()), Vec::new()),
        None => place::find(&letter, &ticket.labels, library, inventory),
    };
    let site = site.cloned();
    let Some(system) = site.as_ref().and_then(|site| library.systems.get(&site.kind)) else {
        return Triage { site: None, asks: Asks::Complaint, explained_by: Vec::new(), strangers };
    };
    let mut explained_by = explained_by_faults(&letter.own, ticket, system);
    if let Some(suspect) = suspect {
        explained_by.retain(|found| found.playbook != suspect.playbook);
        explained_by.push(Match { playbook: suspect.playbook.clone(), words: "found by a sweep".into() });
        return Triage { site, asks: Asks::Complaint, explained_by, strangers };
    }
    let asks = question(&letter, system, &explained_by);
    Triage { site, asks, explained_by, strangers }
}

/// The same for an errand: a person has named the system, and what is to be done with it. A look goes
/// with a system that only observes, and a request with the values that it was given.
pub fn triage_errand(errand: &Errand, ticket: &Ticket, library: &Library, inventory: &Inventory) -> Triage {
    let site = errand.system().and_then(|name| inventory.systems.get(name.as_str())).cloned();
    let system = site.as_ref().and_then(|site| library.systems.get(&site.kind));
    let (Some(mut site), Some(system)) = (site.clone(), system) else {
        return Triage { site: None, asks: Asks::Complaint, explained_by: Vec::new(), strangers: Vec::new() };
    };
    if errand.only_looks() {
        site.mode = Some(Mode::Observe);
    }
    let asks = match errand {
        Errand::Answer { request, values, .. } => {
            site.params.extend(values.clone());
            Asks::Question { request: request.clone(), health: false }
        }
        Errand::Treat | Errand::Look { .. } | Errand::Mend { .. } => Asks::Complaint,
    };
    let explained_by = explained_by_faults(&ticket.letter().own, ticket, system);
    Triage { site: Some(site), asks, explained_by, strangers: Vec::new() }
}

/// The faults that would explain a ticket.
fn explained_by_faults(text: &str, ticket: &Ticket, system: &System) -> Vec<Match> {
    let faults = system.faults.iter().filter_map(|fault| {
        let words = fault.explains.matches(text, &ticket.labels)?;
        Some(Match { playbook: fault.name.clone(), words })
    });
    faults.collect()
}

/// The fault that a sweep confirmed, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    pub system: super::name::SystemName,
    pub playbook: PlaybookName,
}

/// A text that asks, and complains of nothing, is a question. A complaint that is only quoted explains
/// nothing, but in doubt somebody has it.
fn question(letter: &Letter, system: &System, explained_by: &[Match]) -> Asks {
    let is_trouble = || {
        let text = letter.all();
        system.trouble.iter().any(|regex| regex.is_match(&text))
    };
    let complains = !explained_by.is_empty() || is_trouble();
    let asks = |request: &&Request| request.asks.iter().any(|regex| regex.is_match(&letter.own));
    match system.requests.iter().find(asks) {
        Some(request) if !complains => {
            Asks::Question { request: request.name.clone(), health: request.health }
        }
        _ => Asks::Complaint,
    }
}

/// The system that a ticket names; `None` if it names none, or more than one.
pub fn find_site<'a>(ticket: &Ticket, library: &Library, inventory: &'a Inventory) -> Option<&'a Site> {
    place::find(&ticket.letter(), &ticket.labels, library, inventory).0
}
