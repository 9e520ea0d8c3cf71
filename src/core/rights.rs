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
pub enum Right {
    /// To be told, and to have the agent look.
    Look,
    /// To set it to work.
    Run,
    /// To say yes or no to what it is about to do, and to call it off.
    Approve,
    /// To halt all changes, and to lift that.
    Pause,
}

impl Right {
    pub const ALL: [Right; 4] = [Right::Look, Right::Run, Right::Approve, Right::Pause];
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Right::Look => "look",
            Right::Run => "run",
            Right::Approve => "approve",
            Right::Pause => "pause",
        })
    }
}

/// Who has a right: everybody with at least this permission, and these people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Without one, only the people have the right.
    pub from: Option<Permission>,
    /// By their logins.
    pub people: Vec<String>,
}

impl Holders {
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
pub struct Roles {
    pub look: Holders,
    pub run: Holders,
    pub approve: Holders,
    pub pause: Holders,
}

impl Default for Roles {
    /// Anybody may read a public repository, and a look costs the servers something.
    fn default() -> Self {
        Self {
            look: Holders::from(Permission::Triage),
            run: Holders::from(Permission::Write),
            approve: Holders::from(Permission::Write),
            pause: Holders::from(Permission::Write),
        }
    }
}

impl Roles {
    pub fn holders(&self, right: Right) -> &Holders {
        match right {
            Right::Look => &self.look,
            Right::Run => &self.run,
            Right::Approve => &self.approve,
            Right::Pause => &self.pause,
        }
    }

    pub fn holders_mut(&mut self, right: Right) -> &mut Holders {
        match right {
            Right::Look => &mut self.look,
            Right::Run => &mut self.run,
            Right::Approve => &mut self.approve,
            Right::Pause => &mut self.pause,
        }
    }

    /// Whether a person who has this permission has the right.
    pub fn allow(&self, right: Right, login: &str, permission: Permission) -> bool {
        self.holders(right).include(login, permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what_unless_it_is_configured() {
        use Permission::{Admin, Maintain, None, Read, Triage, Write};
        let roles = Roles::default();
        for (permission, allowed) in [
            (None, &[][..]),
            (Read, &[]),
            (Triage, &[Right::Look]),
            (Write, &Right::ALL),
            (Maintain, &Right::ALL),
            (Admin, &Right::ALL),
        ] {
            let has: Vec<Right> =
                Right::ALL.into_iter().filter(|right| roles.allow(*right, "ada", permission)).collect();
            assert_eq!(has, allowed, "{permission:?}");
        }
    }

    #[test]
    fn people_are_named_beside_a_permission_or_in_its_place() {
        let people = vec!["Night-Shift".to_owned()];
        for (holders, login, permission, is_one) in [
            (
                Holders { from: Some(Permission::Write), people: people.clone() },
                "night-shift",
                Permission::None,
                true,
            ),
            (
                Holders { from: Some(Permission::Write), people: people.clone() },
                "ada",
                Permission::Triage,
                false,
            ),
            (Holders { from: None, people }, "ada", Permission::Admin, false),
            (Holders::default(), "ada", Permission::Admin, false),
            (Holders::from(Permission::None), "ada", Permission::None, false),
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
