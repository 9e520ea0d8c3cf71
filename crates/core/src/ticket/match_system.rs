//! The system that a ticket is about. Only systems of the inventory can be found.

use crate::ids::Role;
use crate::playbook::Library;
use crate::playbook::inventory::{Inventory, System};
use crate::text::format::cut_at;
use crate::ticket::authored_text::AuthoredText;
use serde::{Deserialize, Serialize};

/// So much of an unknown name is shown, in bytes.
const SHOWN: usize = 80;

/// A name in a form's location field that the inventory does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownSystemName {
    /// The field, as the form calls it.
    pub field: String,
    /// The field's value, at most 80 bytes of it.
    pub name: String,
}

/// The system that a ticket names: a form's fields before its labels and words, a system's own name or
/// alias before its type's, and if nothing is named the only one there is, or the default. Two that are named equally
/// well are none, unless one is the default: a guess could change the wrong server.
pub(crate) fn find<'a>(
    text: &AuthoredText,
    labels: &[String],
    library: &Library,
    inventory: &'a Inventory,
) -> (Option<&'a System>, Vec<UnknownSystemName>) {
    let all: Vec<&System> = inventory.systems.values().collect();
    let mut candidates = all.clone();
    let mut unknown_names = Vec::new();
    for field in text.form.iter().flat_map(|form| form.location_fields()) {
        let meant = Candidates::of(&field.value, &[]).candidates(&all, library, HostNames::Match);
        if meant.is_empty() {
            let (field, name) = (cut_at(&field.label, SHOWN), cut_at(&field.value, SHOWN));
            unknown_names.push(UnknownSystemName { field: field.to_owned(), name: name.to_owned() });
        } else {
            candidates.retain(|system| meant.contains(system));
        }
    }
    if let [system] = candidates[..] {
        return (Some(system), unknown_names);
    }
    let named = Candidates::of(&text.own, labels).candidates(&candidates, library, HostNames::Ignore);
    let by_default = || {
        let among = if named.is_empty() { &candidates } else { &named };
        let default = inventory.default_system.as_ref().filter(|_| unknown_names.is_empty())?;
        among.iter().copied().find(|system| system.name == *default)
    };
    let found = only(&named).or_else(by_default);
    (found, unknown_names)
}

/// The system that the labels of an alert name. Each value narrows the choice down; one that names none is ignored.
/// `None` if no value names a system, or several are left.
pub fn named_in<'a, 'v>(
    values: impl IntoIterator<Item = &'v str>,
    library: &Library,
    inventory: &'a Inventory,
) -> Option<&'a System> {
    let all: Vec<&System> = inventory.systems.values().collect();
    let (mut left, mut is_named) = (all.clone(), false);
    for value in values {
        let meant = Candidates::of(value, &[]).candidates(&all, library, HostNames::Match);
        if !meant.is_empty() {
            is_named = true;
            left.retain(|system| meant.contains(system));
        }
    }
    only(&left).filter(|_| is_named)
}

fn only<'a>(systems: &[&'a System]) -> Option<&'a System> {
    match systems {
        [system] => Some(system),
        _ => None,
    }
}

/// Whether the name of a host means the systems on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostNames {
    Match,
    Ignore,
}

/// A text and labels in which systems may be named.
struct Candidates {
    text: String,
    labels: Vec<String>,
}

impl Candidates {
    fn of(text: &str, labels: &[String]) -> Self {
        let labels = labels.iter().map(|label| label.to_lowercase()).collect();
        Self { text: text.to_lowercase(), labels }
    }

    fn name(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.labels.contains(&word) || contains_word(&self.text, &word)
    }

    /// The systems that are named most precisely.
    fn candidates<'a>(&self, among: &[&'a System], library: &Library, hosts: HostNames) -> Vec<&'a System> {
        let by_name =
            |system: &System| self.name(system.name.as_str()) || system.aliases.iter().any(|a| self.name(a));
        let by_type = |system: &System| {
            let aliases =
                library.systems.get(&system.system_type).map_or(&[][..], |system_type| &system_type.aliases);
            self.name(system.system_type.as_str()) || aliases.iter().any(|alias| self.name(alias))
        };
        let by_host = |system: &System| {
            let own = system.hosts.iter().filter(|(role, _)| **role != Role::agent());
            hosts == HostNames::Match && own.into_iter().any(|(_, host)| self.name(host.as_str()))
        };
        let of = |is_named: &dyn Fn(&System) -> bool| -> Vec<&'a System> {
            among.iter().copied().filter(|system| is_named(system)).collect()
        };
        let ways: [&dyn Fn(&System) -> bool; 3] = [&by_name, &by_type, &by_host];
        ways.into_iter().map(of).find(|found| !found.is_empty()).unwrap_or_default()
    }
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
    let is_whole = |(at, found): (usize, &str)| {
        let (before, here) = text.split_at(at);
        let (_, behind) = here.split_at(found.len());
        !goes_on(before.chars().rev()) && !goes_on(behind.chars())
    };
    !word.is_empty() && text.match_indices(word).any(is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{HostName, SystemName, SystemTypeName};
    use crate::playbook::LibraryHash;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn library() -> Library {
        Library { hash: LibraryHash(String::new()), systems: BTreeMap::new() }
    }

    /// Two systems of one type, each on a host of its own.
    fn inventory() -> Inventory {
        let system = |name: &str, host: &str, alias: &str| {
            let main = HostName::new(host).unwrap();
            let hosts =
                BTreeMap::from([(Role::main(), main), (Role::agent(), HostName::new("here").unwrap())]);
            let system_type = SystemTypeName::new("qfieldcloud").unwrap();
            let name = SystemName::new(name).unwrap();
            let aliases = vec![alias.to_owned()];
            (name.clone(), System { name, system_type, hosts, params: BTreeMap::new(), aliases, mode: None })
        };
        let systems =
            BTreeMap::from([system("north", "qfc-1", "the big one"), system("south", "qfc-2", "süd")]);
        Inventory { systems, ..Inventory::default() }
    }

    fn found(title: &str, body: &str) -> (Option<String>, Vec<String>) {
        let (library, inventory) = (library(), inventory());
        let (system, unknown_names) = find(&AuthoredText::read(title, body), &[], &library, &inventory);
        let unknown_names = unknown_names.into_iter().map(|unknown| unknown.name).collect();
        (system.map(|system| system.name.to_string()), unknown_names)
    }

    #[test]
    fn a_form_chooses_among_known_systems() {
        let form = |fields: &[(&str, &str)]| -> String {
            fields.iter().map(|(label, value)| format!("### {label}\n\n{value}\n\n")).collect()
        };
        for (title, fields, system, unknown_names) in [
            ("sync fails", &[("System", "north")][..], Some("north"), &[][..]),
            ("south fails", &[("System", "North")], Some("north"), &[]),
            ("sync fails", &[("System", "`süd`")], Some("south"), &[]),
            ("sync fails", &[("Host", "qfc-2")], Some("south"), &[]),
            ("sync fails", &[("System", "qfieldcloud"), ("Host", "qfc-2")], Some("south"), &[]),
            ("south fails", &[("System", "qfieldcloud")], Some("south"), &[]),
            ("sync fails", &[("System", "north, south")], None, &[]),
            ("sync fails", &[("System", "north"), ("Host", "qfc-2")], None, &[]),
            ("sync fails", &[("System", "north"), ("System", "south")], None, &[]),
            // An unknown name is reported, and selects nothing.
            ("south fails", &[("System", "west")], Some("south"), &["west"]),
            ("sync fails", &[("Server", "qfc-1.example.org")], None, &["qfc-1.example.org"]),
            ("sync fails", &[("Host", "here")], None, &["here"]),
            ("sync fails", &[("System", "_No response_")], None, &[]),
            ("sync fails", &[("What happens", "it is not north")], Some("north"), &[]),
        ] {
            let expect = (system.map(str::to_owned), unknown_names.iter().map(ToString::to_string).collect());
            assert_eq!(found(title, &form(fields)), expect, "{title} {fields:?}");
        }
        assert_eq!(found("help", "> north\n\nand south").0.as_deref(), Some("south"));
    }

    #[test]
    fn a_ticket_without_a_name_is_about_the_default() {
        let library = library();
        let with_default =
            Inventory { default_system: Some(SystemName::new("south").unwrap()), ..inventory() };
        let found = |title: &str, body: &str| {
            let (system, _) = find(&AuthoredText::read(title, body), &[], &library, &with_default);
            system.map(|system| system.name.to_string())
        };
        assert_eq!(found("sync fails", "since noon").as_deref(), Some("south"));
        assert_eq!(found("north fails", "").as_deref(), Some("north"));
        assert_eq!(found("north and south fail", "").as_deref(), Some("south"));
        // Whoever names a system that nobody knows means no other.
        assert_eq!(found("sync fails", "### System\n\nwest\n"), None);
        assert_eq!(found("sync fails", "### Host\n\nqfc-1\n").as_deref(), Some("north"));
    }

    #[test]
    fn the_labels_of_an_alert_narrow_the_choice_down() {
        let (library, inventory) = (library(), inventory());
        for (values, expect) in [
            (&["north"][..], Some("north")),
            (&["qfc-2:9100", "node", "critical"], Some("south")),
            (&["https://qfc-1/health", "qfieldcloud"], Some("north")),
            // Of two that contradict each other neither counts, and nobody is no system.
            (&["north", "qfc-2"], None),
            (&["qfieldcloud"], None),
            (&["north-2", "qfc-1.example.org"], None),
            (&[], None),
        ] {
            let found = named_in(values.iter().copied(), &library, &inventory);
            assert_eq!(found.map(|system| system.name.as_str()), expect, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn a_form_can_only_choose_what_the_inventory_has(
            label in "(System|Host|Server|[a-z]{1,6})",
            value in "(north|south|qfc-[12]|here|[^\n]{0,12})(, (north|[^\n]{0,9}))?",
        ) {
            let (library, inventory) = (library(), inventory());
            let body = format!("### {label}\n\n{value}\n");
            let text = AuthoredText::read("help", &body);
            let (system, unknown_names) = find(&text, &[], &library, &inventory);
            prop_assert!(system.is_none_or(|system| inventory.systems.contains_key(&system.name)));
            prop_assert!(unknown_names.iter().all(|unknown| unknown.name.len() <= SHOWN));
        }
    }

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
