//! Secrets leave by no door: whatever is recorded or published has the type [`Redacted`].
//!
//! A [`Redacted`] can only be made by a [`Redactor`], or from text that stands in the program itself.
//!
//! - `token_formats`: secrets that can be told by themselves: tokens, hashes, logins in URLs.
//! - `key_material`: private keys, whole or cut.
//! - `key_value`, with `names`, `vocabulary`, `values`, `quote`, `value_reader` and `containers`: values whose name says
//!   that they are secret, in every notation.
//! - `tables`: the same in tables.
//! - `command_line`, with `command_rules`: secrets that a program takes by their place.
//! - `wrapped`: all of these in base64.
//! - `entropy`: words that look like chance, in what is published.
//! - `encodings`: the secrets that the program itself holds, in the forms in which they travel.
//! - `views`: other readings of a text, in which all of these are looked for.
//! - `sanitize`: characters that are not seen.
//! - `mask`, `cursor`: masks over places of a text, and pieces of a text.
//! - `literals`: what a text must hold, if a pattern matches it. Patterns of playbooks are sought by it as well.

#![cfg_attr(test, allow(clippy::string_slice))]

mod command_line;
mod command_rules;
mod containers;
mod cursor;
mod encodings;
mod entropy;
mod key_material;
mod key_value;
pub mod literals;
mod mask;
mod names;
mod quote;
pub mod sanitize;
mod tables;
mod token_formats;
mod value_reader;
mod values;
mod views;
mod vocabulary;
mod wrapped;

pub use crate::mask::MASK;

use crate::mask::Places;
use crate::names::{Strength, holds_name, holds_value, meaning_of};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Text that has passed a [`Redactor`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted(String);

impl Redacted {
    /// Text written in this program, which holds no secret.
    pub fn constant(text: &'static str) -> Self {
        Self(text.into())
    }

    /// The text, with a mask in place of each secret.
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

/// Base64 within base64 is followed so far.
const DEPTH: usize = 3;

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
        let forms = known.flat_map(|secret| encodings::forms(&secret));
        let mut literals: Vec<String> = forms.filter(|form| form.len() >= SHORTEST).collect();
        literals.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        literals.dedup();
        Self { literals, patterns }
    }

    /// The same text with every secret replaced by [`MASK`].
    pub fn text(&self, text: &str) -> Redacted {
        // Data is full of short strings, and nothing so short is a secret unless an operator says so.
        if text.len() < SHORTEST && self.patterns.is_empty() {
            return Redacted(text.to_owned());
        }
        Redacted(self.repeat(text, |text| self.hide(text)))
    }

    /// The same for what is published, where readers are strangers: words that look like chance are hidden
    /// as well, unless they have a shape that is known to be harmless.
    pub fn publish(&self, text: &str) -> Redacted {
        let known = self.text(text);
        Redacted(self.repeat(known.as_str(), |text| {
            let mut places = Places::default();
            let view = views::as_shown(text);
            let mut shown = Places::default();
            self.find(&view.text, &mut shown, 0);
            entropy::find(&view.text, &mut shown);
            places.add_translated(shown, &view.origin);
            places.put_masks(text)
        }))
    }

    fn repeat(&self, text: &str, hide: impl Fn(&str) -> Option<String>) -> String {
        let mut out = text.to_owned();
        for _ in 0..PASSES {
            match hide(&out) {
                Some(less) => out = less,
                None => break,
            }
        }
        out
    }

    /// The same value with every string in it, keys included, redacted. A string or a long number under a
    /// key that names a secret is hidden whole.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text).0),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(entries) => {
                let is_pair = names_secret(&entries);
                let entries = entries.into_iter().map(|(key, entry)| {
                    let entry = match meaning_of(&key) {
                        _ if is_pair && holds_value(&key) => hide_leaves(entry, false),
                        Some(meaning) if meaning.strength == Strength::Certain => {
                            hide_leaves(entry, meaning.is_plural)
                        }
                        Some(meaning) => self.likely(&key, meaning.strength, entry),
                        None => self.value(entry),
                    };
                    (self.text(&key).0, entry)
                });
                entries.collect()
            }
            other => other,
        }
    }

    /// A value whose key may name a secret: it is hidden if it does not look like something else.
    fn likely(&self, key: &str, strength: Strength, value: Value) -> Value {
        match &value {
            Value::String(text) if strength == Strength::Likely && !values::is_words(text) => {
                Value::String(MASK.into())
            }
            Value::String(text) => {
                let named = self.text(&format!("{key}={text}"));
                let own = self.text(text);
                let is_hidden = named.as_str() == format!("{key}={MASK}");
                Value::String(if is_hidden { MASK.into() } else { own.0 })
            }
            Value::Number(number) if meaning_of(key).is_some_and(|meaning| meaning.is_code) => {
                if number.to_string().len() >= 4 { Value::String(MASK.into()) } else { value }
            }
            _ => self.value(value),
        }
    }

    /// `None` if there is nothing to hide.
    fn hide(&self, text: &str) -> Option<String> {
        let mut places = Places::default();
        for view in views::views(text) {
            let mut own = Places::default();
            self.find(&view.text, &mut own, DEPTH);
            places.add_translated(own, &view.origin);
        }
        // And as it is: what looks like a sequence may be none.
        self.find(text, &mut places, DEPTH);
        places.put_masks(text)
    }

    /// `depth`: how many layers of base64 are still taken off.
    fn find(&self, text: &str, places: &mut Places, depth: usize) {
        for secret in &self.literals {
            text.match_indices(secret.as_str()).for_each(|(at, found)| places.hide(at..at + found.len()));
        }
        for pattern in &self.patterns {
            pattern.find_iter(text).for_each(|found| places.hide(found.range()));
        }
        key_material::find(text, places);
        token_formats::find(text, places);
        key_value::find(text, places);
        tables::find(text, places);
        command_line::find(text, places);
        if depth > 0 {
            wrapped::find(text, places, |inner| {
                let mut places = Places::default();
                self.find(inner, &mut places, depth - 1);
                !places.is_empty()
            });
        }
    }
}

/// `{"name": "PASSWORD", "value": "x"}`: whether a name in an object is one of a secret.
fn names_secret(entries: &Map<String, Value>) -> bool {
    let names = entries.iter().filter(|(key, _)| holds_name(key)).filter_map(|(_, name)| name.as_str());
    names.filter_map(meaning_of).any(|meaning| meaning.strength == Strength::Certain)
}

/// Every text in a value that is secret as a whole, and numbers too long to count something.
fn hide_leaves(value: Value, is_plural: bool) -> Value {
    match value {
        Value::String(text)
            if !text.is_empty() && !values::is_literal(&text) && !values::is_reference(&text) =>
        {
            Value::String(MASK.into())
        }
        Value::Number(number) if !is_plural && number.to_string().len() >= 4 => Value::String(MASK.into()),
        Value::Array(items) => items.into_iter().map(|item| hide_leaves(item, is_plural)).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, entry)| (key, hide_leaves(entry, is_plural))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
