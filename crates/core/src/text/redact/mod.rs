//! Secrets leave by no door: whatever is recorded or published has the type [`Redacted`].
//!
//! A [`Redacted`] can only be made by a [`Redactor`], or from text that stands in the program itself.
//!
//! - `shape`: secrets that can be told by themselves: tokens, keys, logins in URLs.
//! - `named`: values whose name says that they are secret.
//! - `disguise`: the secrets that the program itself holds, in the forms in which they travel.

mod encodings;
mod key_value;
mod mask;
mod token_formats;

pub use crate::text::redact::mask::MASK;

use crate::text::sanitize;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::ops::Range;

/// Text that has passed a [`Redactor`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted(String);

impl Redacted {
    /// Text written in this program, which holds no secret.
    pub fn constant(text: &'static str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shorter secrets would hide ordinary words.
const SHORTEST: usize = 6;

/// What is hidden may lay open what it stood beside; after so many times nothing new was ever found.
const PASSES: usize = 8;

/// Hides secrets: known shapes, named values, and the secrets and patterns it was given.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    literals: Vec<String>,
    patterns: Vec<Regex>,
}

impl Redactor {
    /// `secrets`: values the program itself holds (tokens); those under 6 characters are left out,
    /// because hiding them would hide ordinary words. `patterns`: the operator's own.
    pub fn new(secrets: impl IntoIterator<Item = String>, patterns: Vec<Regex>) -> Self {
        let known = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
        let forms = known.flat_map(|secret| crate::text::redact::encodings::forms(&secret));
        let mut literals: Vec<String> = forms.filter(|form| form.len() >= SHORTEST).collect();
        literals.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        literals.dedup();
        Self { literals, patterns }
    }

    /// The same text with every secret replaced by [`MASK`].
    pub fn text(&self, text: &str) -> Redacted {
        let mut out = text.to_owned();
        for _ in 0..PASSES {
            match self.hide(&out) {
                Some(less) => out = less,
                None => break,
            }
        }
        Redacted(out)
    }

    /// The same value with every string in it, keys included, redacted. A string under a key that
    /// names a secret is hidden whole.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text).0),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, entry)| {
                    let entry = if crate::text::redact::key_value::is_secret(&key) {
                        hide_strings(entry)
                    } else {
                        self.value(entry)
                    };
                    (self.text(&key).0, entry)
                })
                .collect(),
            other => other,
        }
    }

    /// `None` if there is nothing to hide.
    fn hide(&self, text: &str) -> Option<String> {
        // What is not seen could part a secret, and whoever reads it sees it whole.
        if sanitize::has_no_hidden(text) {
            return replace(text, self.places(text));
        }
        let seen: Vec<(usize, char)> = sanitize::visible_chars(text).collect();
        let bare: String = seen.iter().map(|(_, c)| c).collect();
        let mut whence: Vec<usize> = Vec::with_capacity(bare.len());
        for (place, c) in &seen {
            whence.extend((0..c.len_utf8()).map(|byte| place + byte));
        }
        let bare = self.places(&bare).into_iter().filter(|place| !place.is_empty());
        let mut places: Vec<_> = bare.map(|place| whence[place.start]..whence[place.end - 1] + 1).collect();
        // And as it is: what looks like a sequence may be none.
        places.extend(self.places(text));
        replace(text, places)
    }

    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for secret in &self.literals {
            places.extend(text.match_indices(secret.as_str()).map(|(at, found)| at..at + found.len()));
        }
        for pattern in &self.patterns {
            places.extend(pattern.find_iter(text).map(|found| found.range()));
        }
        crate::text::redact::token_formats::find(text, &mut places);
        crate::text::redact::key_value::find(text, &mut places);
        places
    }
}

/// Every text in a value that is secret as a whole.
fn hide_strings(value: Value) -> Value {
    match value {
        Value::String(text) if !text.is_empty() && !crate::text::redact::key_value::is_no_secret(&text) => {
            Value::String(MASK.into())
        }
        Value::Array(items) => items.into_iter().map(hide_strings).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, entry)| (key, hide_strings(entry))).collect()
        }
        other => other,
    }
}

/// Puts masks over places, one over those that meet. `None` if nothing changes.
fn replace(text: &str, mut places: Vec<Range<usize>>) -> Option<String> {
    places.retain(|place| !place.is_empty());
    if places.is_empty() {
        return None;
    }
    // A mask that is there already is one thing: what touches its inside takes it whole.
    let masks: Vec<Range<usize>> = text.match_indices(MASK).map(|(at, found)| at..at + found.len()).collect();
    let cut = |place: &Range<usize>| masks.partition_point(|mask| mask.end <= place.start);
    for place in &mut places {
        let (first, end) = (cut(place), place.end);
        for mask in masks[first..].iter().take_while(|mask| mask.start < end) {
            *place = place.start.min(mask.start)..place.end.max(mask.end);
        }
    }
    places.sort_by_key(|place| (place.start, place.end));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut places = places.into_iter().peekable();
    while let Some(mut place) = places.next() {
        while let Some(next) = places.next_if(|next| next.start <= place.end) {
            place.end = place.end.max(next.end);
        }
        out.push_str(&text[done..place.start]);
        out.push_str(MASK);
        done = place.end;
    }
    out.push_str(&text[done..]);
    (out != text).then_some(out)
}

#[cfg(test)]
mod tests;
