//! Access: who may give which command.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

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

/// An account as GitHub shows it today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its login. Who renames an account frees its login for anybody.
    pub login: String,
    /// Its number, which stays; `None` if GitHub shows none.
    pub id: Option<u64>,
    /// What it may do in the repository.
    pub permission: Permission,
}

/// A person whom the configuration names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
pub struct Person {
    /// The login; upper and lower case are the same.
    pub login: String,
    /// GitHub's number of the account; without one, the login alone counts.
    pub id: Option<u64>,
}

impl Person {
    /// What a named person needs in the repository. Whoever takes over the login of somebody who has left has
    /// less.
    pub const LEAST: Permission = Permission::Triage;

    /// Whether the account is this person's.
    fn is(&self, account: &Account) -> bool {
        self.login.eq_ignore_ascii_case(&account.login) && (self.id.is_none() || self.id == account.id)
    }
}

impl FromStr for Person {
    type Err = ParsePersonError;

    /// Reads `ada`, or `ada#583231` with the number of the account; with or without an `@` before it.
    fn from_str(text: &str) -> Result<Self, ParsePersonError> {
        let text = text.strip_prefix('@').unwrap_or(text);
        let (login, id) = match text.split_once('#') {
            Some((login, id)) => (login, Some(id.parse().map_err(|_| ParsePersonError)?)),
            None => (text, None),
        };
        let is_login = !login.is_empty()
            && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_[]".contains(&byte));
        if is_login { Ok(Self { login: login.to_owned(), id }) } else { Err(ParsePersonError) }
    }
}

impl TryFrom<String> for Person {
    type Error = ParsePersonError;

    fn try_from(text: String) -> Result<Self, ParsePersonError> {
        text.parse()
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "{}#{id}", self.login),
            None => f.write_str(&self.login),
        }
    }
}

/// It is neither a login, nor a login with `#` and the number of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a login, such as `ada`, or `ada#583231` with the number of the account")]
pub struct ParsePersonError;

/// Who has a capability: everybody with at least this permission, and these people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grantees {
    /// Without one, only the named people have the capability.
    pub from: Option<Permission>,
    /// The named people. Each needs [`Person::LEAST`] as well.
    pub people: Vec<Person>,
}

impl Grantees {
    /// Everybody with at least this permission.
    pub fn from(permission: Permission) -> Self {
        Self { from: Some(permission), people: Vec::new() }
    }

    /// Whether the account is one of them.
    pub fn include(&self, account: &Account) -> bool {
        let by_name =
            account.permission >= Person::LEAST && self.people.iter().any(|person| person.is(account));
        let is_given = account.permission > Permission::None;
        by_name || is_given && self.from.is_some_and(|from| account.permission >= from)
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

    /// Whether the account has the capability.
    pub fn allow(&self, capability: Capability, account: &Account) -> bool {
        self.holders(capability).include(account)
    }

    /// Every capability of the account.
    pub fn capabilities(&self, account: &Account) -> BTreeSet<Capability> {
        Capability::ALL.into_iter().filter(|capability| self.allow(*capability, account)).collect()
    }

    /// Everybody whom the policy names, once.
    pub fn people(&self) -> Vec<&Person> {
        let mut people: Vec<&Person> = Vec::new();
        for person in Capability::ALL.into_iter().flat_map(|capability| &self.holders(capability).people) {
            if !people.contains(&person) {
                people.push(person);
            }
        }
        people
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
            let has = access.capabilities(&Account { login: "ada".into(), id: Option::None, permission });
            assert!(has.iter().eq(allowed), "{permission:?}: {has:?}");
        }
    }

    #[test]
    fn people_are_named_beside_or_instead_of_a_permission() {
        use Permission::{Admin, None as Nothing, Read, Triage, Write};
        let named = |text: &str| vec![text.parse::<Person>().unwrap()];
        let both = Grantees { from: Some(Write), people: named("Night-Shift") };
        let person = Grantees { from: None, people: named("Night-Shift") };
        let numbered = Grantees { from: None, people: named("night-shift#7") };
        for (holders, login, id, permission, is_one) in [
            (&both, "night-shift", None, Triage, true),
            (&both, "ada", None, Triage, false),
            (&both, "ada", None, Write, true),
            (&person, "ada", None, Admin, false),
            // A login that somebody else has registered since.
            (&person, "night-shift", Some(8), Nothing, false),
            (&person, "night-shift", Some(8), Read, false),
            (&numbered, "night-shift", Some(7), Triage, true),
            (&numbered, "night-shift", Some(8), Admin, false),
            (&numbered, "night-shift", None, Admin, false),
            (&Grantees::default(), "ada", None, Admin, false),
            (&Grantees::from(Nothing), "ada", None, Nothing, false),
        ] {
            let account = Account { login: login.into(), id, permission };
            assert_eq!(holders.include(&account), is_one, "{holders:?} {account:?}");
        }
    }

    #[test]
    fn a_person_is_a_login_with_or_without_a_number() {
        for (text, login, id) in
            [("ada", "ada", None), ("ada#583231", "ada", Some(583_231)), ("deploy[bot]", "deploy[bot]", None)]
        {
            let person: Person = text.parse().unwrap();
            assert_eq!((person.login.as_str(), person.id), (login, id));
            assert_eq!(person.to_string(), text);
            assert_eq!(format!("@{text}").parse(), Ok(person));
        }
        for text in ["", "#7", "ada#", "ada#x", "ada lovelace", "https://github.com/ada", "@@ada", "@"] {
            assert_eq!(text.parse::<Person>(), Err(ParsePersonError), "{text}");
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
