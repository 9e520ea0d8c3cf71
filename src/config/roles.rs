//! `[roles]`: who may use which commands.

use crate::core::chatops::access::{AccessPolicy, Capability, Grantees, Permission, Person};
use schemars::JsonSchema;
use serde::Deserialize;

/// The section `[roles]`. A missing key has the default of [`AccessPolicy`].
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolesEntry {
    /// See the state, probe.
    pub view: Option<Who>,
    /// Start work.
    pub run: Option<Who>,
    /// Approve or deny a plan, cancel a case.
    pub approve: Option<Who>,
    /// Pause and resume all changes.
    pub pause: Option<Who>,
}

/// A minimum permission, or a login with `@`, such as `@ada` or `@ada#583231`; or several, of which each is enough.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Who {
    /// A permission such as `write`, or a login such as `@ada`.
    One(String),
    /// Permissions and logins; an empty list is an error.
    Several(Vec<String>),
}

impl RolesEntry {
    fn entries(&self) -> [(Capability, &Option<Who>); 4] {
        [
            (Capability::View, &self.view),
            (Capability::Run, &self.run),
            (Capability::Approve, &self.approve),
            (Capability::Pause, &self.pause),
        ]
    }

    /// Every problem of the section.
    pub(super) fn problems(&self) -> Vec<String> {
        let entries =
            self.entries().into_iter().filter_map(|(capability, who)| Some((capability, who.as_ref()?)));
        let problems = entries.filter_map(|(capability, who)| Some((capability, who.grantees().err()?)));
        problems.map(|(capability, problem)| format!("[roles] {capability}: {problem}")).collect()
    }

    /// Who may use which commands. `approvers` may approve and pause too. The section was checked before, so
    /// that nothing is dropped here.
    pub(super) fn access(&self, approvers: &[Person]) -> AccessPolicy {
        let mut access = AccessPolicy::default();
        for (capability, who) in self.entries() {
            if let Some(who) = who {
                *access.holders_mut(capability) = who.grantees().unwrap_or_default();
            }
        }
        for capability in [Capability::Approve, Capability::Pause] {
            access.holders_mut(capability).people.extend(approvers.iter().cloned());
        }
        access
    }
}

impl Who {
    fn grantees(&self) -> Result<Grantees, String> {
        let words = match self {
            Who::One(word) => std::slice::from_ref(word),
            Who::Several(words) => words,
        };
        let mut grantees = Grantees::default();
        for word in words {
            let person = word.starts_with('@').then(|| word.parse::<Person>());
            match (person, Permission::from_word(word)) {
                (Some(Ok(person)), _) => grantees.people.push(person),
                // Of two permissions, the lower one is enough.
                (None, Some(from)) => {
                    grantees.from = Some(grantees.from.map_or(from, |other| other.min(from)));
                }
                _ => {
                    let words = Permission::GIVEN.map(Permission::word).join(", ");
                    return Err(format!(
                        "`{word}` is not a permission ({words}) and not a login such as \"@ada\""
                    ));
                }
            }
        }
        if grantees == Grantees::default() {
            return Err("the list is empty; to exclude everybody, name a login that does not exist".into());
        }
        Ok(grantees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::chatops::access::Account;

    fn read(text: &str) -> RolesEntry {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn permissions_and_logins_are_accepted() {
        let entry =
            read("view = \"read\"\napprove = [\"maintain\", \"@ada#7\", \"admin\"]\npause = \"@ada#7\"");
        assert_eq!(entry.problems(), Vec::<String>::new());
        let named = |text: &str| text.parse::<Person>().unwrap();
        let roles = entry.access(&[named("night-shift")]);
        assert_eq!(roles.view, Grantees::from(Permission::Read));
        assert_eq!(roles.run, AccessPolicy::default().run);
        let people = vec![named("ada#7"), named("night-shift")];
        assert_eq!(roles.approve, Grantees { from: Some(Permission::Maintain), people: people.clone() });
        assert_eq!(roles.pause, Grantees { from: None, people });
    }

    #[test]
    fn a_wrong_entry_is_reported_and_grants_nothing() {
        let ada = Account { login: "ada".into(), id: None, permission: Permission::Admin };
        for text in [
            "run = \"ada\"",
            "run = \"none\"",
            "run = []",
            "run = \"@\"",
            "run = \"@ada#\"",
            "run = \"Write\"",
        ] {
            let entry = read(text);
            let wrong = entry.problems();
            assert!(wrong.len() == 1 && wrong[0].starts_with("[roles] run: "), "{text}: {wrong:?}");
            assert!(!entry.access(&[]).allow(Capability::Run, &ada), "{text}");
        }
        assert!(toml::from_str::<RolesEntry>("veiw = \"read\"").is_err());
    }
}
