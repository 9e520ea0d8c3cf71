//! The keys of `fieldmedic.toml` that have new names. One table serves the rewriting of files, the reading
//! of old ones, and the hints for unknown keys.

use crate::core::text::suggest::closest_match;

/// A key with a new name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rename {
    /// The table where it stands, with today's names; `*` is a name that the operator chose.
    pub table: &'static str,
    pub old: &'static str,
    pub new: &'static str,
}

const fn rename(table: &'static str, old: &'static str, new: &'static str) -> Rename {
    Rename { table, old, new }
}

pub(super) const RENAMES: &[Rename] = &[
    rename("systems.*", "kind", "type"),
    rename("github", "pace", "write_interval"),
    rename("github", "poll", "poll_interval"),
    rename("webhook", "old_secret_env", "previous_secret_env"),
    rename("sweep", "zone", "timezone"),
    rename("policy", "patience", "approval_timeout"),
    rename("policy", "max_remedies", "max_remediations"),
    rename("policy", "budgets", "limits"),
    rename("policy.limits", "failures", "failure_breaker"),
    rename("policy.limits.failure_breaker", "count", "threshold"),
    rename("policy.limits.failure_breaker", "pause", "open_for"),
    rename("policy.limits", "recurrences", "recurrence_breaker"),
    rename("policy.limits.recurrence_breaker", "count", "threshold"),
    rename("policy.limits.recurrence_breaker", "pause", "open_for"),
    rename("policy.limits", "runs_an_hour", "max_remediations_per_hour"),
    rename("policy.limits", "changes_an_hour", "max_changes_per_hour"),
    rename("policy.limits", "longest_wait", "max_wait"),
    rename("policy", "freeze", "change_freeze"),
    rename("policy.change_freeze", "why", "reason"),
    rename("policy.change_freeze", "begins", "starts"),
    rename("policy.change_freeze", "lasts", "duration"),
    rename("policy.change_freeze", "zone", "timezone"),
    rename("groups.*", "share", "max_percent"),
    rename("roles", "look", "view"),
];

impl Rename {
    fn stands_in(&self, table: &[&str]) -> bool {
        let mut parts = self.table.split('.');
        let is_same = table.iter().all(|name| parts.next().is_some_and(|part| part == "*" || part == *name));
        is_same && parts.next().is_none()
    }
}

/// The rename of a key, if its old or its new name stands in a table.
pub(super) fn rename_of(table: &[&str], key: &str) -> Option<&'static Rename> {
    RENAMES.iter().find(|rename| (rename.old == key || rename.new == key) && rename.stands_in(table))
}

/// What to say about a key that nobody knows. `table` has today's names; `known` are all keys of the table.
pub fn unknown_key(table: &[&str], key: &str, known: &[&str]) -> String {
    let place = if table.is_empty() { String::new() } else { format!(" in [{}]", table.join(".")) };
    let here = || RENAMES.iter().filter(|rename| rename.stands_in(table));
    let near = closest_match(key, known.iter().copied().chain(here().map(|rename| rename.old)));
    let advice = match (near, elsewhere(table, key)) {
        (Some(near), _) => match here().find(|rename| rename.old == near) {
            Some(Rename { old, new, .. }) if !known.contains(&near) => {
                format!("did you mean `{new}`, which was called `{old}`?")
            }
            _ => format!("did you mean `{near}`?"),
        },
        (None, Some(Rename { table, new, .. })) => format!("did you mean `{new}` in [{table}]?"),
        (None, None) if known.is_empty() => "there are no keys here".into(),
        (None, None) => format!("the keys here are: {}", known.join(", ")),
    };
    format!("unknown key `{key}`{place}; {advice}")
}

/// The rename of a key that stands in exactly one other table.
fn elsewhere(table: &[&str], key: &str) -> Option<&'static Rename> {
    let named = |rename: &&Rename| (rename.old == key || rename.new == key) && !rename.stands_in(table);
    let mut found = RENAMES.iter().filter(named);
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_hint_names_what_was_meant() {
        const GITHUB: &[&str] = &["repos", "label", "write_interval", "poll_interval"];
        for (table, key, known, hint) in [
            (
                &["github"][..],
                "pase",
                GITHUB,
                "unknown key `pase` in [github]; did you mean `write_interval`, which was called `pace`?",
            ),
            (
                &["github"],
                "pace",
                GITHUB,
                "unknown key `pace` in [github]; did you mean `write_interval`, which was called `pace`?",
            ),
            (&["github"], "lable", GITHUB, "unknown key `lable` in [github]; did you mean `label`?"),
            (
                &["github"],
                "poll_intervall",
                GITHUB,
                "unknown key `poll_intervall` in [github]; did you mean `poll_interval`?",
            ),
            (
                &["github"],
                "patience",
                GITHUB,
                "unknown key `patience` in [github]; did you mean `approval_timeout` in [policy]?",
            ),
            // A time zone has two tables.
            (&["github"], "zone", &["repos"], "unknown key `zone` in [github]; the keys here are: repos"),
            (
                &["systems", "north"],
                "kindd",
                &["type", "hosts"],
                "unknown key `kindd` in [systems.north]; did you mean `type`, which was called `kind`?",
            ),
            (
                &["policy", "change_freeze"],
                "beginns",
                &["starts"],
                "unknown key `beginns` in [policy.change_freeze]; did you mean `starts`, which was called `begins`?",
            ),
            (&[], "gihtub", &["github", "hosts"], "unknown key `gihtub`; did you mean `github`?"),
            (&["x"], "y", &[], "unknown key `y` in [x]; there are no keys here"),
        ] {
            assert_eq!(unknown_key(table, key, known), hint);
        }
    }

    #[test]
    fn no_name_means_two_things_in_one_table() {
        let names =
            || RENAMES.iter().flat_map(|rename| [(rename.table, rename.old), (rename.table, rename.new)]);
        assert_eq!(names().collect::<BTreeSet<_>>().len(), names().count());
    }
}
