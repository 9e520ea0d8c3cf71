//! Rights: who may say what to the agent.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a person may do in a repository, as GitHub has it. Ordered from none to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

impl Permission {
    /// All that a person can be given.
    pub const GIVEN: [Permission; 5] =
        [Permission::Read, Permission::Triage, Permission::Write, Permission::Maintain, Permission::Admin];

    /// By GitHub's word for it; a word that is new to this program is none.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::GIVEN.into_iter().find(|permission| permission.word() == word)
    }

    pub fn word(self) -> &'static str {
        match self {
            Permission::None => "none",
            Permission::Read => "read",
            Permission::Triage => "triage",
            Permission::Write => "write",
            Permission::Maintain => "maintain",
            Permission::Admin => "admin",
        }
    }
}

/// What an order needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// To be told, and to have the agent look.
    View,
    /// To set it to work.
    Run,
    /// To say yes or no to what it is about to do, and to call it off.
    Approve,
    /// To halt all changes, and to lift that.
    Pause,
}

impl Capability {
    pub const ALL: [Capability; 4] =
        [Capability::View, Capability::Run, Capability::Approve, Capability::Pause];
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::View => "look",
            Capability::Run => "run",
            Capability::Approve => "approve",
            Capability::Pause => "pause",
        })
    }
}

/// Who has a right: everybody with at least this permission, and these people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grantees {
    /// Without one, only the people have the right.
    pub from: Option<Permission>,
    /// By their logins.
    pub people: Vec<String>,
}

impl Grantees {
    pub fn from(permission: Permission) -> Self {
        Self { from: Some(permission), people: Vec::new() }
    }

    /// Whether a person who has this permission is one of them.
    pub fn include(&self, login: &str, permission: Permission) -> bool {
        let by_name = self.people.iter().any(|person| person.eq_ignore_ascii_case(login));
        let is_given = permission > Permission::None;
        by_name || is_given && self.from.is_some_and(|from| permission >= from)
    }
}

/// Who may say what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    pub view: Grantees,
    pub run: Grantees,
    pub approve: Grantees,
    pub pause: Grantees,
}

impl Default for AccessPolicy {
    /// Anybody may read a public repository, and a look costs the servers something.
    fn default() -> Self {
        Self {
            view: Grantees::from(Permission::Triage),
            run: Grantees::from(Permission::Write),
            approve: Grantees::from(Permission::Write),
            pause: Grantees::from(Permission::Write),
        }
    }
}

impl AccessPolicy {
    pub fn holders(&self, right: Capability) -> &Grantees {
        match right {
            Capability::View => &self.view,
            Capability::Run => &self.run,
            Capability::Approve => &self.approve,
            Capability::Pause => &self.pause,
        }
    }

    pub fn holders_mut(&mut self, right: Capability) -> &mut Grantees {
        match right {
            Capability::View => &mut self.view,
            Capability::Run => &mut self.run,
            Capability::Approve => &mut self.approve,
            Capability::Pause => &mut self.pause,
        }
    }

    /// Whether a person who has this permission has the right.
    pub fn allow(&self, right: Capability, login: &str, permission: Permission) -> bool {
        self.holders(right).include(login, permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what_unless_it_is_configured() {
        use Permission::{Admin, Maintain, None, Read, Triage, Write};
        let roles = AccessPolicy::default();
        for (permission, allowed) in [
            (None, &[][..]),
            (Read, &[]),
            (Triage, &[Capability::View]),
            (Write, &Capability::ALL),
            (Maintain, &Capability::ALL),
            (Admin, &Capability::ALL),
        ] {
            let has: Vec<Capability> =
                Capability::ALL.into_iter().filter(|right| roles.allow(*right, "ada", permission)).collect();
            assert_eq!(has, allowed, "{permission:?}");
        }
    }

    #[test]
    fn people_are_named_beside_a_permission_or_in_its_place() {
        let people = vec!["Night-Shift".to_owned()];
        for (holders, login, permission, is_one) in [
            (
                Grantees { from: Some(Permission::Write), people: people.clone() },
                "night-shift",
                Permission::None,
                true,
            ),
            (
                Grantees { from: Some(Permission::Write), people: people.clone() },
                "ada",
                Permission::Triage,
                false,
            ),
            (Grantees { from: None, people }, "ada", Permission::Admin, false),
            (Grantees::default(), "ada", Permission::Admin, false),
            (Grantees::from(Permission::None), "ada", Permission::None, false),
        ] {
            assert_eq!(holders.include(login, permission), is_one, "{holders:?} {login} {permission:?}");
        }
    }

    #[test]
    fn permissions_are_ordered_as_they_grow() {
        assert!(Permission::GIVEN.is_sorted());
        for permission in Permission::GIVEN {
            assert_eq!(Permission::from_word(permission.word()), Some(permission));
        }
        for word in ["none", "owner", "", "Write"] {
            assert_eq!(Permission::from_word(word), None, "{word}");
        }
    }
}
