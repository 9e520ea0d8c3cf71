//! Triage: what a ticket's text asks for, and of which system. Text only selects: it proves nothing, and no
//! part of it goes further than a name from the inventory or the library.

pub use crate::ticket::match_system::UnknownSystemName;

use crate::chatops::scope::CaseScope;
use crate::ids::PlaybookName;
use crate::playbook::inventory::{Inventory, System};
use crate::playbook::{Fault, Library, Request, SystemType};
use crate::policy::mode::Mode;
use crate::reading::{Reading, asks_for_state, complains, may_ask_for_state};
use crate::text::pattern::Pattern;
use crate::text::pattern_set::Candidates;
use crate::ticket::Ticket;
use crate::ticket::authored_text::AuthoredText;
use crate::ticket::match_system;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The result of triage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Triage {
    /// The system as the inventory has it now; the case keeps it.
    pub system: Option<System>,
    /// What the ticket wants; [`Intent::Problem`] if no system was found.
    pub intent: Intent,
    /// The faults that would explain the ticket.
    pub matched_faults: Vec<SymptomMatch>,
    /// Names in the form's location fields that the inventory does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_names: Vec<UnknownSystemName>,
}

/// What the ticket wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Intent {
    /// Something is wrong, or the words leave it open.
    Problem,
    /// A question that a request playbook answers.
    Question {
        /// The playbook that answers it.
        request: PlaybookName,
        /// It asks whether all is well: faults that are found are fixed before it is answered.
        health: bool,
        /// It may also be a complaint: it is answered, and closed only if the reporter is content.
        in_doubt: bool,
    },
    /// A person ordered an operation.
    Operation {
        /// The operation's playbook.
        operation: PlaybookName,
    },
}

impl Intent {
    /// Whether an operation was ordered.
    pub fn is_operation(&self) -> bool {
        matches!(self, Intent::Operation { .. })
    }
}

/// A fault that would explain the ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SymptomMatch {
    /// The fault's playbook.
    pub playbook: PlaybookName,
    /// The words of the ticket that name its symptom.
    pub words: String,
}

impl Triage {
    /// The system type, with the parameters and probes of the request that was asked for, or of the operation that was
    /// ordered.
    pub fn system<'l>(&self, library: &'l Library) -> Option<Cow<'l, SystemType>> {
        let system_type = library.systems.get(&self.system.as_ref()?.system_type)?;
        match &self.intent {
            Intent::Question { request, .. } => match system_type.request(request) {
                Some(request) => Some(Cow::Owned(system_type.asked(request))),
                None => Some(Cow::Borrowed(system_type)),
            },
            Intent::Operation { operation } => match system_type.operation(operation) {
                Some(operation) => Some(Cow::Owned(system_type.operated(operation))),
                None => Some(Cow::Borrowed(system_type)),
            },
            Intent::Problem => Some(Cow::Borrowed(system_type)),
        }
    }

    /// Whether a pattern, a label or a sweep names this fault.
    pub fn names(&self, playbook: &PlaybookName) -> bool {
        self.matched_faults.iter().any(|found| found.playbook == *playbook)
    }
}

/// Finds the system, the intent, and the faults that would explain the ticket. `suspect` is the fault for which
/// Fieldmedic itself opened the ticket; `reading` is what a reader made of its words.
pub fn triage(
    ticket: &Ticket,
    library: &Library,
    inventory: &Inventory,
    suspect: Option<&DetectedFault>,
    reading: Option<&Reading>,
) -> Triage {
    let text = ticket.authored_text();
    let (system, unknown_names) = match suspect {
        Some(suspect) => (inventory.systems.get(suspect.system.as_str()), Vec::new()),
        None => match_system::find(&text, &ticket.labels, library, inventory),
    };
    let system = system.cloned();
    let system_type = system.as_ref().and_then(|system| library.systems.get(&system.system_type));
    let Some(system_type) = system_type else {
        return Triage { system: None, intent: Intent::Problem, matched_faults: Vec::new(), unknown_names };
    };
    let candidates = system_type.candidates(&text.all());
    let mut matched_faults = match_faults(&text.own, ticket, system_type, &candidates);
    if let Some(suspect) = suspect {
        matched_faults.retain(|found| found.playbook != suspect.playbook);
        matched_faults
            .push(SymptomMatch { playbook: suspect.playbook.clone(), words: "found by a sweep".into() });
        return Triage { system, intent: Intent::Problem, matched_faults, unknown_names };
    }
    let intent = intent(&text, system_type, &matched_faults, reading, &candidates);
    Triage { system, intent, matched_faults, unknown_names }
}

/// The triage of a ticket for which a command opened a case: a person has named the system and the scope. In a
/// read-only scope the system's mode is `observe`; a request and an operation have the values that were given.
pub fn triage_command(
    scope: &CaseScope,
    ticket: &Ticket,
    library: &Library,
    inventory: &Inventory,
) -> Triage {
    let system = scope.system().and_then(|name| inventory.systems.get(name.as_str())).cloned();
    let system_type = system.as_ref().and_then(|system| library.systems.get(&system.system_type));
    let (Some(mut system), Some(system_type)) = (system.clone(), system_type) else {
        return Triage {
            system: None,
            intent: Intent::Problem,
            matched_faults: Vec::new(),
            unknown_names: Vec::new(),
        };
    };
    if scope.is_read_only() {
        system.mode = Some(Mode::Observe);
    }
    let intent = match scope {
        CaseScope::AnswerRequest { request, values, .. } => {
            system.params.extend(values.clone());
            Intent::Question { request: request.clone(), health: false, in_doubt: false }
        }
        CaseScope::Operate { operation, values, .. } => {
            system.params.extend(values.clone());
            Intent::Operation { operation: operation.clone() }
        }
        CaseScope::FullTicket | CaseScope::Diagnose { .. } | CaseScope::FixOne { .. } => Intent::Problem,
    };
    let text = ticket.authored_text().own;
    let matched_faults = match_faults(&text, ticket, system_type, &system_type.candidates(&text));
    Triage { system: Some(system), intent, matched_faults, unknown_names: Vec::new() }
}

/// The faults that would explain a ticket.
fn match_faults(
    text: &str,
    ticket: &Ticket,
    system_type: &SystemType,
    candidates: &Candidates,
) -> Vec<SymptomMatch> {
    let faults = system_type.faults.iter().filter_map(|fault| {
        let words = fault.symptoms.matches(text, &ticket.labels, candidates)?;
        Some(SymptomMatch { playbook: fault.name.clone(), words })
    });
    faults.collect()
}

/// A fault that a sweep confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectedFault {
    /// The system that has the fault.
    pub system: crate::ids::SystemName,
    /// The fault's playbook.
    pub playbook: PlaybookName,
}

/// A text that asks a question and reports no problem is a question. A problem that is only quoted explains
/// nothing, but in doubt the ticket is about a problem.
fn intent(
    text: &AuthoredText,
    system_type: &SystemType,
    matched_faults: &[SymptomMatch],
    reading: Option<&Reading>,
    candidates: &Candidates,
) -> Intent {
    let matches = |patterns: &[Pattern], text: &str| {
        patterns.iter().filter(|pattern| candidates.may_match(pattern)).any(|pattern| pattern.is_match(text))
    };
    let names_problem = || matches(&system_type.problem_patterns, &text.all());
    if !matched_faults.is_empty() || names_problem() {
        return Intent::Problem;
    }
    let complains = reading.is_some_and(complains);
    let is_asked = |request: &&Request| matches(&request.question_patterns, &text.own);
    let is_read = |request: &&Request| request.health && reading.is_some_and(asks_for_state);
    let may_be_read = |request: &&Request| request.health && reading.is_some_and(may_ask_for_state);
    let mut requests = system_type.requests.iter();
    let asked = requests.clone().find(is_asked).or_else(|| requests.clone().find(is_read));
    let (request, in_doubt) = match asked.filter(|_| !complains) {
        Some(request) => (Some(request), false),
        None => (requests.find(may_be_read), true),
    };
    match request {
        Some(request) => Intent::Question { request: request.name.clone(), health: request.health, in_doubt },
        None => Intent::Problem,
    }
}

/// The intent of a text without labels.
pub fn read_intent(text: &AuthoredText, system_type: &SystemType, reading: Option<&Reading>) -> Intent {
    let candidates = system_type.candidates(&text.all());
    let matches = |fault: &Fault| fault.symptoms.matches(&text.own, &[], &candidates).is_some();
    match system_type.faults.iter().any(matches) {
        true => Intent::Problem,
        false => intent(text, system_type, &[], reading, &candidates),
    }
}

/// The system that a ticket names; `None` if it names none, or more than one.
pub fn find_system<'a>(ticket: &Ticket, library: &Library, inventory: &'a Inventory) -> Option<&'a System> {
    match_system::find(&ticket.authored_text(), &ticket.labels, library, inventory).0
}
