//! The variable that names the file with the backup, in the scripts of a step that makes one.

use super::names::{BACKUP_KEY, VARIABLE};
use super::tree::{Document, NodeId};
use super::types::Problem;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Where a script uses the variable; the group is what stands before the name.
static OLD_USE: LazyLock<Option<Regex>> = LazyLock::new(|| use_of(VARIABLE.0));
/// Where a script uses a variable of its own by the name that this one gets.
static NEW_USE: LazyLock<Option<Regex>> = LazyLock::new(|| use_of(VARIABLE.1));
/// Where a script gives a variable a value, or takes it away.
static OLD_SET: LazyLock<Option<Regex>> = LazyLock::new(|| set_of(VARIABLE.0));
static NEW_SET: LazyLock<Option<Regex>> = LazyLock::new(|| set_of(VARIABLE.1));

fn use_of(name: &str) -> Option<Regex> {
    Regex::new(&format!(r"(\$|\$\{{[#!]?){name}(?-u:\b)")).ok()
}

fn set_of(name: &str) -> Option<Regex> {
    let builtins = r"\b(?:export|unset|readonly|read|local)\b[^\n;|&]*\s";
    Regex::new(&format!(r"(?m)(?:^|[\s;&|({{]){name}=|{builtins}{name}(?-u:\b)")).ok()
}

fn matches(regex: &LazyLock<Option<Regex>>, text: &str) -> bool {
    regex.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// Whether a script uses the variable by its old name.
pub(super) fn is_used(script: &str) -> bool {
    matches(&OLD_USE, script)
}

/// The byte of the first use.
pub(super) fn first_use(script: &str) -> Option<usize> {
    OLD_USE.as_ref()?.find(script).map(|found| found.start())
}

/// The script with the new name.
pub(super) fn renamed(script: &str) -> Cow<'_, str> {
    match OLD_USE.as_ref() {
        Some(regex) => regex.replace_all(script, format!("${{1}}{}", VARIABLE.1)),
        None => Cow::Borrowed(script),
    }
}

/// What stands in the way in a step that makes a backup: its scripts must leave both names alone.
pub(super) fn problems(document: &Document<'_>, step: NodeId) -> Vec<Problem> {
    let mut found = Vec::new();
    let rollback = document.get(step, "undo").or_else(|| document.get(step, "rollback"));
    for map in [Some(step), rollback].into_iter().flatten() {
        let env = document.get(map, "env").map(|env| document.entries(env)).unwrap_or_default();
        let own = env.iter().map(|(key, _)| *key).find(|key| document.scalar(*key) == Some(VARIABLE.1));
        found.extend(own.map(|key| is_taken(document, key)));
        for script in [BACKUP_KEY, "script"].into_iter().filter_map(|key| document.get(map, key)) {
            let text = document.scalar(script).unwrap_or_default();
            if matches(&NEW_USE, text) || matches(&NEW_SET, text) {
                found.push(is_taken(document, script));
            }
            if matches(&OLD_SET, text) {
                let old = VARIABLE.0;
                found.push(Problem::new(
                    document.start_of(script),
                    format!("the script gives `{old}` a value of its own, so its uses cannot be told apart"),
                    format!("use another variable for it; `{old}` names the file with the backup"),
                ));
            }
        }
    }
    found
}

fn is_taken(document: &Document<'_>, node: NodeId) -> Problem {
    let (old, new) = VARIABLE;
    Problem::new(
        document.start_of(node),
        format!("`{new}` is a variable here, and format 1 calls `${old}` by that name"),
        "give your variable another name; then migrate the file",
    )
}
