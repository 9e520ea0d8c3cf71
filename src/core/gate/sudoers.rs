//! What the login user may do by `sudo`: the steps that say so, and the commands that `system.yaml` lists
//! for its scripts.
//!
//! Arguments are regular expressions over whole words (sudo 1.9.10 and later). sudo's own `*` matches
//! blanks too, and so any number of further arguments.

use super::{Admits, BadRule, Standing};
use crate::core::command::{Known, Piece, Template};
use crate::core::name::HostName;
use crate::core::value::{self, Kind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// `{{ any.name }}` in a system's `sudo` list: any one value of this type. No probe has this name.
pub const ANY: &str = "any";

/// The text of a file for `/etc/sudoers.d`; `None` if nothing needs `sudo`.
///
/// # Errors
/// Every command that no rule could tell from others.
pub fn sudoers(
    user: &str,
    host: &HostName,
    standing: &[Standing<'_>],
) -> Result<Option<String>, Vec<BadRule>> {
    let (mut lines, mut bad) = (BTreeSet::new(), Vec::new());
    for one in standing {
        let steps = one.commands(host, Admits::All);
        let roots = steps.into_iter().filter(|(_, template)| template.is_root());
        let listed = one.system.sudo.iter().map(|template| (format!("{}: sudo", one.system.kind), template));
        for (of, template) in roots.chain(listed) {
            match line(template, one) {
                Ok(line) => drop(lines.insert(line)),
                Err(why) => bad.push(BadRule { of, why }),
            }
        }
    }
    if !bad.is_empty() {
        return Err(bad);
    }
    let mut text =
        String::from("# Made by `fieldmedic host-setup`: what its playbooks need root for, and no more.\n");
    for line in &lines {
        let _ = writeln!(text, "{user} ALL=(root) NOPASSWD: {line}");
    }
    Ok((!lines.is_empty()).then_some(text))
}

/// A program and a regular expression for its arguments.
fn line(template: &Template, standing: &Standing<'_>) -> Result<String, String> {
    let words = template.words().ok_or(
        "the whole script runs as root, and sudo cannot tell it from another one; write `sudo -n` before the one \
         command that needs it, and list that under `sudo` in system.yaml",
    )?;
    let mut patterns = Vec::new();
    for word in words {
        patterns.extend(pattern(word, standing)?);
    }
    let (program, arguments) = patterns.split_first().ok_or("there is no program")?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/_.+-\\".contains(&b);
    if !program.bytes().all(is_plain) {
        return Err(format!("the program `{program}` must be a plain name or path"));
    }
    let program = program.replace('\\', "");
    let place = if program.starts_with('/') { "" } else { "/usr/bin/" };
    Ok(match arguments {
        [] => format!("{place}{program} \"\""),
        _ => format!("{place}{program} ^{}$", arguments.join(" ")),
    })
}

/// The regular expressions for the words that a word of the command becomes.
fn pattern(word: &[Piece], standing: &Standing<'_>) -> Result<Vec<String>, String> {
    let mut patterns = vec![String::new()];
    for piece in word {
        let texts = match piece {
            Piece::Literal(text) => vec![literal(text)?],
            Piece::Value(name) => match known(name, standing)? {
                Known::Kind(kind) => vec![any(kind, name)?],
                Known::Value(value, kind) => {
                    let value = kind.check(&value).map_err(|bad| format!("`{name}`: {bad}"))?;
                    value::words(&value).iter().map(|text| literal(text)).collect::<Result<_, _>>()?
                }
            },
        };
        match &texts[..] {
            [one] => patterns.iter_mut().for_each(|pattern| pattern.push_str(one)),
            _ if word.len() == 1 => patterns = texts,
            several => return Err(format!("{} values where one fits", several.len())),
        }
    }
    Ok(patterns)
}

fn known(name: &str, standing: &Standing<'_>) -> Result<Known, String> {
    match name.split_once('.') {
        Some((ANY, kind)) => serde_json::from_value(Value::String(kind.to_owned()))
            .map(Known::Kind)
            .map_err(|_| format!("`{name}`: there is no type `{kind}`")),
        _ => standing.known(name),
    }
}

/// Any value of a type that has no blank in it: sudo joins the arguments by blanks before it compares.
fn any(kind: Kind, name: &str) -> Result<String, String> {
    Ok(match kind {
        Kind::Name => "[A-Za-z0-9_][A-Za-z0-9._-]*",
        Kind::Path => "/[A-Za-z0-9._/@:+,-]*",
        Kind::Image => "[A-Za-z0-9][A-Za-z0-9._/:@-]*",
        Kind::Integer => "[0-9]+",
        Kind::Host => "[A-Za-z0-9][A-Za-z0-9.:-]*",
        _ => return Err(format!("`{name}`: a list or a percentage is no single argument")),
    }
    .to_owned())
}

/// A text as a regular expression that matches it alone.
fn literal(text: &str) -> Result<String, String> {
    if let Some(c) = text.chars().find(|c| c.is_control() || *c == ' ') {
        return Err(format!("{c:?} in an argument of sudo: it could not be told from the next argument"));
    }
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && !"/_-=:,@%".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(out)
}
