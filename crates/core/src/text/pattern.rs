//! Regular expressions that playbooks hold, compiled once.

use regex::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// So many are kept. The playbooks of an installation hold a few hundred.
const KEPT: usize = 4096;

/// How a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matching {
    /// As it stands.
    Plain,
    /// Upper and lower case are the same: for what people write.
    AnyCase,
    /// `^` and `$` match at each line: for the output of programs.
    Lines,
}

static COMPILED: LazyLock<Mutex<HashMap<(Matching, String), Regex>>> = LazyLock::new(Mutex::default);

/// Compiles a pattern, or gives the one that was compiled from the same text before. Compiling is most of the
/// work of loading playbooks, and expressions use their patterns again and again.
///
/// # Errors
/// If it is no regular expression, or too large a one.
pub fn compile(pattern: &str, reading: Matching) -> Result<Regex, regex::Error> {
    let key = (reading, pattern.to_owned());
    if let Some(known) = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(known.clone());
    }
    let built = RegexBuilder::new(pattern)
        .case_insensitive(reading == Matching::AnyCase)
        .multi_line(reading == Matching::Lines)
        .build()?;
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    // Only a program that makes patterns without end gets here.
    if compiled.len() >= KEPT {
        compiled.clear();
    }
    compiled.insert(key, built.clone());
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_read_as_asked_whatever_was_compiled_before() {
        for _ in 0..2 {
            for (reading, expect) in [
                (Matching::Plain, [true, false, false]),
                (Matching::AnyCase, [true, true, false]),
                (Matching::Lines, [true, false, true]),
            ] {
                let regex = compile("^disk full", reading).unwrap();
                let found = ["disk full", "Disk full", "no\ndisk full"].map(|text| regex.is_match(text));
                assert_eq!(found, expect, "{reading:?}");
            }
        }
        assert!(compile("(", Matching::Plain).is_err());
        assert!(compile(r"\w{900}{900}", Matching::Plain).is_err(), "it is too large");
    }

    #[test]
    fn patterns_without_end_do_not_fill_the_memory() {
        for number in 0..KEPT + 10 {
            compile(&number.to_string(), Matching::Plain).unwrap();
        }
        assert!(COMPILED.lock().unwrap().len() <= KEPT);
    }
}
