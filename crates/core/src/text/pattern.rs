//! Regular expressions that playbooks hold, compiled once.
//!
//! A library holds thousands of them, and most tickets match none. To compile one takes a tenth of a millisecond and
//! some 50 KB, so a [`Pattern`] does it when a text may match, which its literals tell.

use crate::text::cache::Cache;
use crate::text::redact::literals::{Literals, required_literals};
use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

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

// Only a program that makes patterns without end fills it.
static COMPILED: LazyLock<Cache<(Matching, String), Regex>> = LazyLock::new(|| Cache::new(KEPT));

/// Compiles a pattern, or gives the one that was compiled from the same text before. Compiling is most of the
/// work of loading playbooks, and expressions use their patterns again and again.
///
/// # Errors
/// If it is no regular expression, or too large a one.
pub fn compile(pattern: &str, reading: Matching) -> Result<Regex, regex::Error> {
    COMPILED.get_or_build(&(reading, pattern.to_owned()), || {
        RegexBuilder::new(pattern)
            .case_insensitive(reading == Matching::AnyCase)
            .multi_line(reading == Matching::Lines)
            .build()
    })
}

/// A pattern over what people write: upper and lower case are the same. Clones share what was compiled.
#[derive(Clone)]
pub struct Pattern(Arc<Inner>);

struct Inner {
    source: String,
    literals: Literals,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern that is compiled when it is first needed. One that may be too large is compiled at once.
    ///
    /// # Errors
    /// If it is no regular expression, or too large a one.
    pub fn new(source: &str) -> Result<Self, regex::Error> {
        let syntax = |error: regex_syntax::Error| regex::Error::Syntax(error.to_string());
        let whole = ParserBuilder::new().case_insensitive(true).build().parse(source).map_err(syntax)?;
        let compiled = OnceLock::new();
        if size(&whole) > SMALL {
            let _ = compiled.set(Some(compile(source, Matching::AnyCase)?));
        }
        Ok(Self(Arc::new(Inner { source: source.to_owned(), literals: required_literals(&whole), compiled })))
    }

    /// The text that it was made from.
    pub fn as_str(&self) -> &str {
        &self.0.source
    }

    /// Whether a text has a match.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// The first match in a text.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        Some(self.regex()?.find(text)?.as_str())
    }

    pub(crate) fn literals(&self) -> &Literals {
        &self.0.literals
    }

    /// Tells it and its clones from all others, for as long as one of them is there.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// `None` cannot come about: the syntax was checked, and what is large was compiled at once.
    fn regex(&self) -> Option<&Regex> {
        self.0.compiled.get_or_init(|| compile(&self.0.source, Matching::AnyCase).ok()).as_ref()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.0.source)
    }
}

/// A pattern below this size surely compiles: each unit takes less than 100 bytes, and 10 MB are allowed.
const SMALL: u64 = 50_000;

/// An upper bound of the states of a compiled pattern. A range of characters has up to eight bytes in sequences.
fn size(hir: &Hir) -> u64 {
    let all = |parts: &[Hir]| parts.iter().map(size).fold(1, u64::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => 8 * class.ranges().len() as u64 + 1,
        HirKind::Class(regex_syntax::hir::Class::Bytes(class)) => class.ranges().len() as u64 + 1,
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min).max(repeated.min).max(1);
            size(&repeated.sub).saturating_add(1).saturating_mul(u64::from(times))
        }
        HirKind::Capture(group) => size(&group.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => all(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compiled_when_it_is_needed() {
        let pattern = Pattern::new(r"worker\w* (is|are) down").unwrap();
        assert!(pattern.0.compiled.get().is_none());
        assert_eq!(pattern.find("The WORKERS are down."), Some("WORKERS are down"));
        assert!(!pattern.is_match("all is well"));
        for wrong in ["(", r"\w{900}{900}", r"[a-z]{1000}{1000}"] {
            let error = Pattern::new(wrong).unwrap_err();
            let same = compile(wrong, Matching::AnyCase).unwrap_err();
            assert_eq!(error.to_string(), same.to_string(), "{wrong}");
        }
    }

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
        assert!(COMPILED.len() <= KEPT);
    }
}
