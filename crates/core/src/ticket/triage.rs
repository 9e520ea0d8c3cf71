//! Triage: what a ticket's text asks for, and of which system. Text selects and explains; it proves
//! nothing, and no part of it goes further than a name from the inventory or the library.

pub use crate::ticket::match_system::UnknownSystemName;

use crate::chatops::scope::CaseScope;
use crate::ids::PlaybookName;
use crate::playbook::inventory::{Inventory, System};
use crate::playbook::{Library, Request, SystemType};
use crate::policy::mode::Mode;
use crate::ticket::Ticket;
use crate::ticket::authored_text::AuthoredText;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a ticket is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Triage {
    /// The system as the inventory has it now; the case keeps it.
    pub system: Option<System>,
    pub intent: Intent,
    /// The faults that would explain the ticket, each with the words that say so.
    pub matched_faults: Vec<SymptomMatch>,
    /// What a form calls the place, and nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_names: Vec<UnknownSystemName>,
}

/// What kind of ticket it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Intent {
    /// Something is wrong. Also what cannot be told from its words.
    Problem,
    /// A question that a request playbook answers.
    Question { request: PlaybookName, health: bool },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SymptomMatch {
    pub playbook: PlaybookName,
    pub words: String,
}

impl Triage {
    /// The system, as the request that was asked for sees it.
    pub fn system<'l>(&self, library: &'l Library) -> Option<Cow<'l, SystemType>> {
        let system = library.systems.get(&self.system.as_ref()?.system_type)?;
        match &self.intent {
            Intent::Question { request, .. } => match system.request(request) {
                Some(request) => Some(Cow::Owned(system.asked(request))),
                None => Some(Cow::Borrowed(system)),
            },
            Intent::Problem => Some(Cow::Borrowed(system)),
        }
    }

    /// Whether fixing this fault would account for the ticket.
    pub fn explains(&self, playbook: &PlaybookName) -> bool {
        self.matched_faults.iter().any(|found| found.playbook == *playbook)
    }
}

/// Finds the system, the kind of ticket, and the faults that would explain it. `suspect` is the fault
/// for which the agent itself opened the ticket.
pub fn triage(
    ticket: &Ticket,
    library: &Library,
    inventory: &Inventory,
    suspect: Option<&DetectedFault>,
) -> Triage {
    let letter = ticket.authored_text();
    let (site, strangers) = match suspect {
        Some(suspect) => (inventory.systems.get(suspect.system.as_str()), Vec::new()),
        None => crate::ticket::match_system::find(&letter, &ticket.labels, library, inventory),
    };
    let site = site.cloned();
    let Some(system) = site.as_ref().and_then(|site| library.systems.get(&site.system_type)) else {
        return Triage {
            system: None,
            intent: Intent::Problem,
            matched_faults: Vec::new(),
            unknown_names: strangers,
        };
    };
    let mut explained_by = match_faults(&letter.own, ticket, system);
    if let Some(suspect) = suspect {
        explained_by.retain(|found| found.playbook != suspect.playbook);
        explained_by
            .push(SymptomMatch { playbook: suspect.playbook.clone(), words: "found by a sweep".into() });
        return Triage {
            system: site,
            intent: Intent::Problem,
            matched_faults: explained_by,
            unknown_names: strangers,
        };
    }
    let asks = question(&letter, system, &explained_by);
    Triage { system: site, intent: asks, matched_faults: explained_by, unknown_names: strangers }
}

/// The same for an errand: a person has named the system, and what is to be done with it. A look goes
/// with a system that only observes, and a request with the values that it was given.
pub fn triage_command(
    errand: &CaseScope,
    ticket: &Ticket,
    library: &Library,
    inventory: &Inventory,
) -> Triage {
    let site = errand.system().and_then(|name| inventory.systems.get(name.as_str())).cloned();
    let system = site.as_ref().and_then(|site| library.systems.get(&site.system_type));
    let (Some(mut site), Some(system)) = (site.clone(), system) else {
        return Triage {
            system: None,
            intent: Intent::Problem,
            matched_faults: Vec::new(),
            unknown_names: Vec::new(),
        };
    };
    if errand.is_read_only() {
        site.mode = Some(Mode::Observe);
    }
    let asks = match errand {
        CaseScope::AnswerRequest { request, values, .. } => {
            site.params.extend(values.clone());
            Intent::Question { request: request.clone(), health: false }
        }
        CaseScope::FullTicket | CaseScope::Diagnose { .. } | CaseScope::FixOne { .. } => Intent::Problem,
    };
    let explained_by = match_faults(&ticket.authored_text().own, ticket, system);
    Triage { system: Some(site), intent: asks, matched_faults: explained_by, unknown_names: Vec::new() }
}

/// The faults that would explain a ticket.
fn match_faults(text: &str, ticket: &Ticket, system: &SystemType) -> Vec<SymptomMatch> {
    let faults = system.faults.iter().filter_map(|fault| {
        let words = fault.symptoms.matches(text, &ticket.labels)?;
        Some(SymptomMatch { playbook: fault.name.clone(), words })
    });
    faults.collect()
}

/// The fault that a sweep confirmed, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectedFault {
    pub system: crate::ids::SystemName,
    pub playbook: PlaybookName,
}

/// A text that asks, and complains of nothing, is a question. A complaint that is only quoted explains
/// nothing, but in doubt somebody has it.
fn question(letter: &AuthoredText, system: &SystemType, explained_by: &[SymptomMatch]) -> Intent {
    let is_trouble = || {
        let text = letter.all();
        system.problem_patterns.iter().any(|regex| regex.is_match(&text))
    };
    let complains = !explained_by.is_empty() || is_trouble();
    let asks = |request: &&Request| request.question_patterns.iter().any(|regex| regex.is_match(&letter.own));
    match system.requests.iter().find(asks) {
        Some(request) if !complains => {
            Intent::Question { request: request.name.clone(), health: request.health }
        }
        _ => Intent::Problem,
    }
}

/// The system that a ticket names; `None` if it names none, or more than one.
pub fn find_system<'a>(ticket: &Ticket, library: &Library, inventory: &'a Inventory) -> Option<&'a System> {
    crate::ticket::match_system::find(&ticket.authored_text(), &ticket.labels, library, inventory).0
}
