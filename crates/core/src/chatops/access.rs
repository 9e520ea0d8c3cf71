//! Access: who may give which command.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What a person may do in a repository, by GitHub's roles. Ordered from none to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// No access, or a role with an unknown name.
    None,
    /// `read`: to see the repository and comment on its issues.
    Read,
    /// `triage`: to manage issues as well.
    Triage,
    /// `write`: to push as well.
    Write,
    /// `maintain`: to manage the repository, without sensitive or destructive actions.
    Maintain,
    /// `admin`: everything.
    Admin,
}

impl Permission {
    /// Every permission that GitHub can grant.
    pub const GIVEN: [Permission; 5] =
        [Permission::Read, Permission::Triage, Permission::Write, Permission::Maintain, Permission::Admin];

    /// The permission with GitHub's name for it; `None` for an unknown name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::GIVEN.into_iter().find(|permission| permission.word() == word)
    }

    /// GitHub's name for it.
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

/// What a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// To read how things are, and to have systems probed.
    View,
    /// To start work on a ticket or a playbook.
    Run,
    /// To approve or deny a plan, and to cancel a case.
    Approve,
    /// To pause and resume all changes.
    Pause,
}

impl Capability {
    /// Every capability.
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

/// Who has a capability: everybody with at least this permission, and these people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grantees {
    /// Without one, only the named people have the capability.
    pub from: Option<Permission>,
    /// Their logins; upper and lower case are the same.
    pub people: Vec<String>,
}

impl Grantees {
    /// Everybody with at least this permission.
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

/// Who has which capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Who has [`Capability::View`]; by default from `triage` on.
    pub view: Grantees,
    /// Who has [`Capability::Run`]; by default from `write` on.
    pub run: Grantees,
    /// Who has [`Capability::Approve`]; by default from `write` on.
    pub approve: Grantees,
    /// Who has [`Capability::Pause`]; by default from `write` on.
    pub pause: Grantees,
}

impl Default for AccessPolicy {
    /// `view` needs more than read permission: everybody can read a public repository, and probes load the
    /// servers.
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
    /// Who has this capability.
    pub fn holders(&self, capability: Capability) -> &Grantees {
        match capability {
            Capability::View => &self.view,
            Capability::Run => &self.run,
            Capability::Approve => &self.approve,
            Capability::Pause => &self.pause,
        }
    }

    /// Who has this capability, to change it.
    pub fn holders_mut(&mut self, capability: Capability) -> &mut Grantees {
        match capability {
            Capability::View => &mut self.view,
            Capability::Run => &mut self.run,
            Capability::Approve => &mut self.approve,
            Capability::Pause => &mut self.pause,
        }
    }

    /// Whether a person who has this permission has the capability.
    pub fn allow(&self, capability: Capability, login: &str, permission: Permission) -> bool {
        self.holders(capability).include(login, permission)
    }

    /// Every capability of a person who has this permission.
    pub fn capabilities(&self, login: &str, permission: Permission) -> BTreeSet<Capability> {
        let has = |capability: &Capability| self.allow(*capability, login, permission);
        Capability::ALL.into_iter().filter(has).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_follows_permissions() {
        use Permission::{Admin, Maintain, None, Read, Triage, Write};
        let access = AccessPolicy::default();
        for (permission, allowed) in [
            (None, &[][..]),
            (Read, &[]),
            (Triage, &[Capability::View]),
            (Write, &Capability::ALL),
            (Maintain, &Capability::ALL),
            (Admin, &Capability::ALL),
        ] {
            let has = access.capabilities("ada", permission);
            assert!(has.iter().eq(allowed), "{permission:?}: {has:?}");
        }
    }

    #[test]
    fn people_are_named_beside_or_instead_of_a_permission() {
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
