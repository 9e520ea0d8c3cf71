//! `[roles]`: who may say what to the agent, as the file says it.

use crate::core::chatops::access::{AccessPolicy, Capability, Grantees, Permission};
use serde::Deserialize;

/// What is missing has its default, [`Roles::default`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolesEntry {
    pub view: Option<Who>,
    pub run: Option<Who>,
    pub approve: Option<Who>,
    pub pause: Option<Who>,
}

/// A permission, or a login behind an `@`; or several, each of which is enough.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Who {
    One(String),
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

    /// Everything that is wrong with it.
    pub(super) fn wrongs(&self) -> Vec<String> {
        let entries = self.entries().into_iter().filter_map(|(right, who)| Some((right, who.as_ref()?)));
        let wrong = entries.filter_map(|(right, who)| Some((right, who.read().err()?)));
        wrong.map(|(right, why)| format!("[roles] {right}: {why}")).collect()
    }

    /// The roles. `approvers` may approve and pause beside those that are named here. What is wrong was
    /// told when the configuration was checked.
    pub(super) fn read(&self, approvers: &[String]) -> AccessPolicy {
        let mut roles = AccessPolicy::default();
        for (right, who) in self.entries() {
            if let Some(who) = who {
                *roles.holders_mut(right) = who.read().unwrap_or_default();
            }
        }
        for right in [Capability::Approve, Capability::Pause] {
            roles.holders_mut(right).people.extend(approvers.iter().cloned());
        }
        roles
    }
}

impl Who {
    fn read(&self) -> Result<Grantees, String> {
        let words = match self {
            Who::One(word) => std::slice::from_ref(word),
            Who::Several(words) => words,
        };
        let mut holders = Grantees::default();
        for word in words {
            match (word.strip_prefix('@'), Permission::from_word(word)) {
                (Some(login), _) if !login.is_empty() => holders.people.push(login.to_owned()),
                // Of two, the lesser is enough.
                (None, Some(from)) => {
                    holders.from = Some(holders.from.map_or(from, |other| other.min(from)));
                }
                _ => {
                    let words = Permission::GIVEN.map(Permission::word).join(", ");
                    return Err(format!("`{word}` is none of {words}, and no login such as \"@ada\""));
                }
            }
        }
        if holders == Grantees::default() {
            return Err("nobody is named; to let nobody, name a login that nobody has".into());
        }
        Ok(holders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> RolesEntry {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn rights_are_for_permissions_and_for_people() {
        let entry = read("look = \"read\"\napprove = [\"maintain\", \"@ada\", \"admin\"]\npause = \"@ada\"");
        assert_eq!(entry.wrongs(), Vec::<String>::new());
        let roles = entry.read(&["night-shift".into()]);
        assert_eq!(roles.view, Grantees::from(Permission::Read));
        assert_eq!(roles.run, AccessPolicy::default().run);
        let people = vec!["ada".into(), "night-shift".into()];
        assert_eq!(roles.approve, Grantees { from: Some(Permission::Maintain), people: people.clone() });
        assert_eq!(roles.pause, Grantees { from: None, people });
    }

    #[test]
    fn what_is_wrong_is_told_and_lets_nobody_in() {
        for text in ["run = \"ada\"", "run = \"none\"", "run = []", "run = \"@\"", "run = \"Write\""] {
            let entry = read(text);
            let wrong = entry.wrongs();
            assert!(wrong.len() == 1 && wrong[0].starts_with("[roles] run: "), "{text}: {wrong:?}");
            assert!(!entry.read(&[]).allow(Capability::Run, "ada", Permission::Admin), "{text}");
        }
        assert!(toml::from_str::<RolesEntry>("lok = \"read\"").is_err());
    }
}
