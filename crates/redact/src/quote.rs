//! Quotes, with the backslashes that stand before them where JSON stands within JSON.

use crate::cursor::{before, rest};

/// The most backslashes that are looked at.
const DEEPEST: usize = 100;

/// A quote and the backslashes before it: `"`, or `\"` where JSON stands within JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    pub mark: u8,
    pub slashes: usize,
}

impl Quote {
    /// In bytes, with its backslashes.
    pub(super) fn length(self) -> usize {
        self.slashes + 1
    }

    /// As it stands in the text.
    pub(super) fn as_text(self) -> String {
        format!("{}{}", "\\".repeat(self.slashes), char::from(self.mark))
    }
}

/// The quote that begins there.
pub(super) fn quote_at(text: &str, at: usize) -> Option<Quote> {
    let tail = rest(text, at).as_bytes();
    let slashes = tail.iter().take(DEEPEST).take_while(|byte| **byte == b'\\').count();
    let mark = *tail.get(slashes)?;
    matches!(mark, b'"' | b'\'' | b'`').then_some(Quote { mark, slashes })
}

/// The quote that ends there.
pub(super) fn quote_before(text: &str, at: usize) -> Option<Quote> {
    let (mark, head) = before(text, at).as_bytes().split_last()?;
    let slashes = head.iter().rev().take(DEEPEST).take_while(|byte| **byte == b'\\').count();
    matches!(mark, b'"' | b'\'' | b'`').then_some(Quote { mark: *mark, slashes })
}
