//! Makes the edits in the text by byte ranges, and compares the result with the original.

use super::names::{ROLLBACK, VARIABLE, format_mark};
use super::plan::{Edit, Plan};
use super::tree::{Document, NodeId};
use super::types::{Change, Migrated, Problem};
use super::variable;
use granit_parser::{Event, StructureStyle};
use std::borrow::Cow;
use std::ops::Range;

/// The text with the edits of a plan.
///
/// # Errors
/// The first edit that cannot be made in the text as it is written.
pub(super) fn apply(document: &Document<'_>, plan: &Plan) -> Result<Migrated, Problem> {
    let text = document.text;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut changes = Vec::new();
    let mut last_line = LineCounter::default();
    if plan.adds_format {
        let (at, line) = format_line(document).ok_or_else(|| by_hand(0))?;
        let (key, value) = format_mark();
        changes.push(Change {
            line: last_line.of(text, at),
            from: String::new(),
            to: format!("{key}: {value}"),
        });
        edits.push((at..at, line));
    }
    for (index, edit) in &plan.edits {
        let Some((event, range)) = document.events.get(*index) else { continue };
        let (place, new) = replacement(text, event, range, edit).ok_or_else(|| by_hand(range.start))?;
        let (from, to) = names_of(event, edit);
        let first = text.get(place.clone()).and_then(variable::first_use).filter(|_| *edit == Edit::Variable);
        let at = place.start + first.unwrap_or(0);
        changes.push(Change { line: last_line.of(text, at), from, to });
        edits.push((place, new));
    }
    let mut result = text.to_owned();
    // From the end, so that the ranges before stay right. The line with the format is added before the first
    // key, after that key is renamed.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse((range.start, range.end)));
    for (range, new) in edits {
        result.replace_range(range, &new);
    }
    compare(document, plan, &result)?;
    Ok(Migrated { text: result, changes })
}

fn by_hand(at: usize) -> Problem {
    Problem::new(
        at,
        "this cannot be renamed automatically as it is written",
        "write it plainly, without tags and escapes, or rename it by hand",
    )
}

/// What a change is called for people.
fn names_of(event: &Event<'_>, edit: &Edit) -> (String, String) {
    let value = event.scalar().map_or("", |(value, _)| value);
    match edit {
        Edit::Word(new) => (value.to_owned(), new.clone()),
        Edit::Variable => (format!("${}", VARIABLE.0), format!("${}", VARIABLE.1)),
        Edit::Rollback => (value.to_owned(), edited(value, edit).into_owned()),
    }
}

/// A value after the edit; the same rules hold for the text of a script in its file.
fn edited<'v>(value: &'v str, edit: &Edit) -> Cow<'v, str> {
    match edit {
        Edit::Word(new) => Cow::Owned(new.clone()),
        Edit::Rollback => match value.strip_prefix(ROLLBACK.0) {
            Some(rest) => Cow::Owned(format!("{}{rest}", ROLLBACK.1)),
            None => Cow::Borrowed(value),
        },
        Edit::Variable => variable::renamed(value),
    }
}

/// The bytes that an edit replaces, and by what. The range of a scalar has its quotes in it, and leaves the
/// header of a block scalar out; quotes stay.
fn replacement(
    text: &str,
    event: &Event<'_>,
    range: &Range<usize>,
    edit: &Edit,
) -> Option<(Range<usize>, String)> {
    let (value, _) = event.scalar()?;
    let source = text.get(range.clone())?;
    let within = |from: usize, length: usize| range.start + from..range.start + from + length;
    match edit {
        Edit::Word(new) => match source.find(value) {
            Some(from) => Some((within(from, value.len()), new.clone())),
            // It is written with escapes.
            None => Some((range.clone(), new.clone())),
        },
        Edit::Rollback => Some((within(source.find(ROLLBACK.0)?, ROLLBACK.0.len()), ROLLBACK.1.to_owned())),
        Edit::Variable => Some((range.clone(), edited(source, edit).into_owned())),
    }
}

/// Where the line with the format begins, and the line.
fn format_line(document: &Document<'_>) -> Option<(usize, String)> {
    let text = document.text;
    let (key, value) = format_mark();
    let root: NodeId = document.root()?;
    let (event, range) = document.events.get(document.event_of(root)?)?;
    if let Event::MappingStart(StructureStyle::Flow, ..) = event {
        let after = if document.entries(root).is_empty() { "" } else { ", " };
        return Some((range.start + 1, format!("{key}: {value}{after}")));
    }
    let first = document.start_of(document.entries(root).first()?.0);
    let line = text.get(..first)?.rfind('\n').map_or(0, |end| end + 1);
    let line = if text.get(line..)?.starts_with('\u{feff}') { line + '\u{feff}'.len_utf8() } else { line };
    let rest = text.get(line..)?;
    let indent: String = rest.chars().take_while(|c| matches!(c, ' ')).collect();
    let end = if text.lines().next().is_some_and(|first| text.contains(&format!("{first}\r\n"))) {
        "\r\n"
    } else {
        "\n"
    };
    Some((line, format!("{indent}{key}: {value}{end}")))
}

/// The result has the events of the original, except for what was to change, and all its comments.
fn compare(document: &Document<'_>, plan: &Plan, result: &str) -> Result<(), Problem> {
    let after = Document::read(result);
    let root = document.root().and_then(|root| document.event_of(root));
    let mut found = after.events.iter().map(|(event, _)| event).filter(|event| !is_comment(event));
    let (key, value) = format_mark();
    for (index, (event, range)) in document.events.iter().enumerate() {
        if is_comment(event) {
            continue;
        }
        let is_same = found.next().is_some_and(|found| match plan.edits.get(&index) {
            Some(edit) => is_edited(event, found, edit),
            None => event == found,
        });
        let is_marked = !(plan.adds_format && root == Some(index))
            || [key, value.as_str()]
                .into_iter()
                .all(|wanted| found.next().and_then(Event::scalar).is_some_and(|(value, _)| value == wanted));
        if !is_same || !is_marked {
            return Err(by_hand(range.start));
        }
    }
    if found.next().is_some() || after.problem().is_some() || comments(document) != comments(&after) {
        return Err(by_hand(0));
    }
    Ok(())
}

fn is_edited(event: &Event<'_>, found: &Event<'_>, edit: &Edit) -> bool {
    match (event, found) {
        (Event::Scalar(old, _, anchor, tag), Event::Scalar(new, _, new_anchor, new_tag)) => {
            edited(old, edit) == *new && anchor == new_anchor && tag == new_tag
        }
        _ => false,
    }
}

fn is_comment(event: &Event<'_>) -> bool {
    matches!(event, Event::Comment(..))
}

fn comments<'d>(document: &'d Document<'_>) -> Vec<&'d str> {
    let text = |event: &'d Event<'_>| match event {
        Event::Comment(text, _) => Some(text.as_ref()),
        _ => None,
    };
    document.events.iter().filter_map(|(event, _)| text(event)).collect()
}

/// Counts lines up to places that are asked for in the order of the text.
#[derive(Default)]
struct LineCounter {
    at: usize,
    lines: usize,
}

impl LineCounter {
    /// The line of a byte, from 1.
    fn of(&mut self, text: &str, at: usize) -> usize {
        let between = text.get(self.at.min(at)..at).unwrap_or_default();
        self.lines += between.matches('\n').count();
        self.at = self.at.max(at);
        self.lines + 1
    }
}
