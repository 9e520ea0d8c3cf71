//! Decodes the text of a configuration: old keys are renamed, and every unknown key is reported with a hint.

#![expect(clippy::disallowed_methods, reason = "reads the configuration file")]

use crate::config::migrate::{Renamed, Upgraded, unknown_key, upgrade};
use crate::config::problem::{ConfigError, ConfigProblems};
use serde::de::DeserializeOwned;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How many unknown keys are reported at once.
const MAX_UNKNOWN_KEYS: usize = 50;

/// A decoded configuration, and the old keys in its text.
pub(super) struct Decoded<T> {
    pub config: T,
    pub renamed: Vec<Renamed>,
}

/// Reads and decodes a file.
///
/// # Errors
/// The file cannot be read, is not TOML, has unknown keys, keys by two names, or values of a wrong type.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Decoded<T>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ConfigError::Missing { path: path.to_owned() },
        _ => ConfigError::Unreadable { path: path.to_owned(), error },
    })?;
    let both_names = |keys| ConfigError::BothNames { path: path.to_owned(), keys };
    let Upgraded { text: upgraded, renamed } = upgrade(&text).map_err(both_names)?;
    let malformed = |problem: String| ConfigError::Malformed { path: path.to_owned(), problem };
    let mut table = DeTable::parse(&upgraded).map_err(|error| malformed(error.to_string()))?;
    let mut unknown = Vec::new();
    loop {
        match T::deserialize(toml::de::Deserializer::from(table.clone())) {
            Ok(config) if unknown.is_empty() => return Ok(Decoded { config, renamed }),
            Ok(_) => break,
            Err(error) => match remove_unknown_key(&mut table, &error) {
                Some(problem) if unknown.len() < MAX_UNKNOWN_KEYS => {
                    unknown.push((line_of(&upgraded, &error), problem));
                }
                _ if unknown.is_empty() => return Err(malformed(shown(&text, &upgraded, &error))),
                // The unknown keys come first: one of them may be what is missing.
                _ => break,
            },
        }
    }
    unknown.sort();
    let problems = unknown.into_iter().map(|(line, problem)| format!("line {line}: {problem}")).collect();
    Err(ConfigError::Wrong { path: path.to_owned(), problems: ConfigProblems(problems) })
}

/// Removes the key that an error calls unknown, so that the next error can be found; returns its problem.
fn remove_unknown_key(table: &mut Spanned<DeTable<'_>>, error: &toml::de::Error) -> Option<String> {
    if !error.message().starts_with("unknown field") {
        return None;
    }
    // The message quotes the unknown key, then every known one.
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    let key = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    let mut path = Vec::new();
    if !remove_at(table.get_mut(), error.span()?.start, &mut path) {
        return None;
    }
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    Some(unknown_key(&path, key, &known))
}

/// Removes the key that begins at a byte; `path` becomes the names of the tables around it.
fn remove_at(table: &mut DeTable<'_>, start: usize, path: &mut Vec<String>) -> bool {
    if let Some(key) = table.keys().find(|key| key.span().start == start).cloned() {
        table.remove(&key);
        return true;
    }
    for (key, value) in table.iter_mut() {
        path.push(key.get_ref().to_string());
        let is_removed = match value.get_mut() {
            DeValue::Table(table) => remove_at(table, start, path),
            DeValue::Array(items) => items.iter_mut().any(|item| match item.get_mut() {
                DeValue::Table(table) => remove_at(table, start, path),
                _ => false,
            }),
            _ => false,
        };
        if is_removed {
            return true;
        }
        path.pop();
    }
    false
}

/// Counted from 1. A rename never adds or removes a line, so it is the same in the file as written.
fn line_of(text: &str, error: &toml::de::Error) -> usize {
    let start = error.span().map_or(0, |span| span.start);
    text.get(..start).unwrap_or_default().matches('\n').count() + 1
}

/// An error with the line that the author wrote.
fn shown(written: &str, upgraded: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return error.message().to_owned() };
    let line = line_of(upgraded, error);
    let source = written.lines().nth(line - 1).unwrap_or_default();
    match upgraded.lines().nth(line - 1) == Some(source) {
        true => {
            let mut error = error.clone();
            error.set_input(Some(upgraded).filter(|text| span.end <= text.len()));
            error.to_string()
        }
        false => format!("line {line}: {}\n  {source}", error.message()),
    }
}
