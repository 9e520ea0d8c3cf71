//! The gate as a POSIX shell script, for hosts without the binary. It decides as `Rules::answer` does.
//!
//! Only `case` and prefixes are used to compare: `grep -x` would admit a line that has another one behind
//! it. Nothing is evaluated that was not compared to its last byte.

use crate::gate::{DENIED, LONGEST, QUESTION, REFUSED, Rule, Rules};
use crate::playbook::command::envelope::BEGIN;
use crate::playbook::command::{PatternPart, ValueShape, always_quoted, escaped};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The part that is the same in every gate.
const FRAME: &str = include_str!("gate.sh");

/// Writes the rules out as a script.
pub fn script(rules: &Rules) -> String {
    let mut text = String::new();
    for rule in &rules.rules {
        let _ = writeln!(text, "{}\n", write_rule(rule));
    }
    FRAME
        .replace("@BEGIN@", &format!("{{ {BEGIN}; }}"))
        .replace("@REFUSAL@", DENIED)
        .replace("@REFUSED@", &REFUSED.to_string())
        .replace("@LONGEST@", &LONGEST.to_string())
        .replace("@QUESTION@", QUESTION)
        .replace("@VERSION@", &rules.version())
        .replace("@RULES@\n", &text)
}

fn write_rule(rule: &Rule) -> String {
    let of: String = rule.of.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let parts: Vec<String> = rule.parts.iter().map(write_part).collect();
    format!("# {of}\nrest=$line\nif {} && over; then run {}; fi", parts.join(" && "), rule.limit_s)
}

fn write_part(part: &PatternPart) -> String {
    match part {
        PatternPart::Text(text) => format!("text {}", quoted(text)),
        PatternPart::Words(shape) => format!("words {}", quoted(&word(shape))),
        PatternPart::List { before, shape } => value(before, &format!("list-{}", word(shape)), ""),
        PatternPart::Value { before, shape, after } => value(before, &word(shape), after),
    }
}

fn value(before: &str, shape: &str, after: &str) -> String {
    let shape = quoted(shape);
    if !always_quoted(before) && !always_quoted(after) {
        return format!("word {shape} {} {}", quoted(before), quoted(after));
    }
    // The text behind the value up to its own first quote, and what is left of it.
    let after = format!("{}'", escaped(after));
    let (near, far) = after.split_at(after.find('\'').unwrap_or(0));
    format!(
        "text {} && inner {shape} {} && text {}",
        quoted(&format!("'{}", escaped(before))),
        quoted(near),
        quoted(far)
    )
}

/// The name of a shape in `is`.
fn word(shape: &ValueShape) -> Cow<'static, str> {
    Cow::Borrowed(match shape {
        ValueShape::PathBelow(directory) => return Cow::Owned(format!("path:{directory}")),
        ValueShape::Name => "name",
        ValueShape::Path => "path",
        ValueShape::Image => "image",
        ValueShape::Uuid => "uuid",
        ValueShape::Integer => "integer",
        ValueShape::Host => "host",
        ValueShape::Unit => "unit",
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", escaped(text))
}
