//! Many patterns over one text. One pass over the text finds which of them may match; only those are tried.

use crate::text::pattern::Pattern;
use crate::text::redact::literals::{LiteralSearch, has_folding};
use std::fmt;
use std::sync::OnceLock;

/// An index over the patterns of a system type, built when it is first asked. A clone builds its own, because what it
/// is a part of may be changed then.
#[derive(Default)]
pub struct PatternSet(OnceLock<Option<LiteralSearch>>);

/// Which patterns may match a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates(Option<Vec<usize>>);

impl Candidates {
    /// Any may match.
    pub const ALL: Candidates = Candidates(None);

    /// Whether this one may match.
    pub fn may_match(&self, pattern: &Pattern) -> bool {
        match &self.0 {
            Some(found) => pattern.literals().is_none() || found.binary_search(&pattern.identity()).is_ok(),
            None => true,
        }
    }
}

impl PatternSet {
    /// Which of the patterns may match a text, or a part of it. `patterns` are always the same.
    pub fn candidates<'p, I>(&self, patterns: impl FnOnce() -> I, text: &str) -> Candidates
    where
        I: Iterator<Item = &'p Pattern>,
    {
        if has_folding(text) {
            return Candidates::ALL;
        }
        let search = self.0.get_or_init(|| {
            let of = |pattern: &'p Pattern| {
                pattern.literals().iter().flatten().map(|literal| (literal.as_str(), pattern.identity()))
            };
            LiteralSearch::new(patterns().flat_map(of))
        });
        Candidates(search.as_ref().map(|search| search.owners_in(text)))
    }
}

impl Clone for PatternSet {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for PatternSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatternSet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_match_is_no_candidate() {
        let patterns =
            ["workers? (is|are) down", "disk full|no space left", ".*"].map(|p| Pattern::new(p).unwrap());
        let set = PatternSet::default();
        let candidates = |text| {
            let found = set.candidates(|| patterns.iter(), text);
            patterns.iter().map(|pattern| found.may_match(pattern)).collect::<Vec<_>>()
        };
        assert_eq!(candidates("all is well"), [false, false, true]);
        assert_eq!(candidates("NO SPACE LEFT"), [false, true, true]);
        assert_eq!(candidates("workers"), [true, false, true], "it may, by its literal");
        assert_eq!(candidates("di\u{17f}k full"), [true, true, true]);
        assert!(patterns[1].is_match("di\u{17f}k full"));
    }

    proptest! {
        /// Whatever matches is a candidate.
        #[test]
        fn nothing_is_missed(
            sources in proptest::collection::vec("[a-cA-CkKsSäÄ .?*+|()\\[\\]]{1,12}", 1..20),
            text in "[a-cA-CkKsSäÄßſ\u{212a} ]{0,30}",
        ) {
            let patterns: Vec<Pattern> = sources.iter().filter_map(|source| Pattern::new(source).ok()).collect();
            let candidates = PatternSet::default().candidates(|| patterns.iter(), &text);
            for pattern in &patterns {
                prop_assert!(candidates.may_match(pattern) || !pattern.is_match(&text), "{pattern:?} in {text:?}");
            }
        }
    }
}
