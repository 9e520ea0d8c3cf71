//! Triage: what a ticket's text asks for, and of which system. Text selects and explains; it proves
//! nothing, and no part of it goes further than a name from the inventory or the library.

mod place;

pub use place::Stranger;

use super::inventory::{Inventory, Site};
use super::letter::Letter;
use super::name::PlaybookName;
use super::playbook::{Library, Request, System};
use super::ticket::Ticket;
use serde::{Deserialize, Serialize};

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
    let mut explained_by: Vec<Match> = system
        .faults
        .iter()
        .filter_map(|fault| {
            let words = fault.explains.matches(&letter.own, &ticket.labels)?;
            Some(Match { playbook: fault.name.clone(), words })
        })
        .collect();
    if let Some(suspect) = suspect {
        explained_by.retain(|found| found.playbook != suspect.playbook);
        explained_by.push(Match { playbook: suspect.playbook.clone(), words: "found by a sweep".into() });
        return Triage { site, asks: Asks::Complaint, explained_by, strangers };
    }
    let asks = question(&letter, system, &explained_by);
    Triage { site, asks, explained_by, strangers }
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
