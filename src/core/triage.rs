//! Triage: what a ticket's text asks for, and of which system. Text selects and explains; it proves
//! nothing, and no part of it goes further than a name from the inventory or the library.

use super::errand::Errand;
use super::inventory::{Inventory, Site};
use super::name::PlaybookName;
use super::playbook::{Library, System};
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
    let text = ticket.text();
    let site = match suspect {
        Some(suspect) => inventory.systems.get(suspect.system.as_str()).cloned(),
        None => find_site(ticket, library, inventory).cloned(),
    };
    let Some(system) = site.as_ref().and_then(|site| library.systems.get(&site.kind)) else {
        return Triage { site: None, asks: Asks::Complaint, explained_by: Vec::new() };
    };
    let mut explained_by = explained_by_faults(&text, ticket, system);
    if let Some(suspect) = suspect {
        explained_by.retain(|found| found.playbook != suspect.playbook);
        explained_by.push(Match { playbook: suspect.playbook.clone(), words: "found by a sweep".into() });
        return Triage { site, asks: Asks::Complaint, explained_by };
    }
    let asks = question(&text, system, &explained_by);
    Triage { site, asks, explained_by }
}

/// The same for an errand: a person has named the system, and what is to be done with it. A look goes
/// with a system that only observes, and a request with the values that it was given.
pub fn triage_errand(errand: &Errand, ticket: &Ticket, library: &Library, inventory: &Inventory) -> Triage {
    let site = errand.system().and_then(|name| inventory.systems.get(name.as_str())).cloned();
    let system = site.as_ref().and_then(|site| library.systems.get(&site.kind));
    let (Some(mut site), Some(system)) = (site.clone(), system) else {
        return Triage { site: None, asks: Asks::Complaint, explained_by: Vec::new() };
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
    Triage { site: Some(site), asks, explained_by: explained_by_faults(&ticket.text(), ticket, system) }
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

/// A text that asks, and complains of nothing, is a question.
fn question(text: &str, system: &System, explained_by: &[Match]) -> Asks {
    let complains = !explained_by.is_empty() || system.trouble.iter().any(|regex| regex.is_match(text));
    let asked = system.requests.iter().find(|request| request.asks.iter().any(|regex| regex.is_match(text)));
    match asked {
        Some(request) if !complains => {
            Asks::Question { request: request.name.clone(), health: request.health }
        }
        _ => Asks::Complaint,
    }
}

/// The system that the ticket names: by its own name or alias, by its kind's, or because it is the
/// only one. Two that are named equally well are none: a guess could change the wrong server.
pub fn find_site<'a>(ticket: &Ticket, library: &Library, inventory: &'a Inventory) -> Option<&'a Site> {
    let lower = ticket.text().to_lowercase();
    let labels: Vec<String> = ticket.labels.iter().map(|label| label.to_lowercase()).collect();
    let names = |word: &str| {
        let word = word.to_lowercase();
        labels.contains(&word) || contains_word(&lower, &word)
    };
    let by_name = |site: &&Site| names(site.name.as_str()) || site.aliases.iter().any(|a| names(a));
    let by_kind = |site: &&Site| {
        let aliases = library.systems.get(&site.kind).map_or(&[][..], |system| &system.aliases);
        names(site.kind.as_str()) || aliases.iter().any(|alias| names(alias))
    };
    let only = |sites: Vec<&'a Site>| match sites[..] {
        [site] => Some(site),
        _ => None,
    };
    let all = || inventory.systems.values();
    let named: Vec<&Site> = all().filter(by_name).collect();
    if !named.is_empty() {
        return only(named);
    }
    let of_kind: Vec<&Site> = all().filter(by_kind).collect();
    if !of_kind.is_empty() {
        return only(of_kind);
    }
    only(all().collect())
}

/// `word` stands in `text` as a whole name: `prod` is not named by `prod-2` or `prod.example.org`.
fn contains_word(text: &str, word: &str) -> bool {
    /// Whether a name goes on with these characters, read away from it.
    fn goes_on(mut chars: impl Iterator<Item = char>) -> bool {
        match chars.next() {
            Some(c) if c.is_alphanumeric() || c == '_' => true,
            Some('-' | '.') => chars.next().is_some_and(char::is_alphanumeric),
            _ => false,
        }
    }
    !word.is_empty()
        && text
            .match_indices(word)
            .any(|(at, _)| !goes_on(text[..at].chars().rev()) && !goes_on(text[at + word.len()..].chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole() {
        assert!(contains_word("the depot is down", "depot"));
        assert!(contains_word("depot:", "depot"));
        assert!(!contains_word("depots", "depot"));
        assert!(contains_word("at the depot.", "depot"));
        assert!(contains_word("(depot)", "depot"));
        assert!(!contains_word("depot-2 is down", "depot"));
        assert!(!contains_word("depot.old.example.org", "depot"));
        assert!(!contains_word("old-depot is down", "depot"));
        assert!(!contains_word("old_depot", "depot"));
        assert!(!contains_word("", "depot"));
        assert!(!contains_word("anything", ""));
        assert!(contains_word("süd-server läuft", "süd-server"));
    }
}
