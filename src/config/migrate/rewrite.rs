//! Renames keys in the text of a configuration.

use super::keys::rename_of;
use super::report::{BothNames, Renamed, Upgraded};
use std::collections::HashMap;
use std::ops::Range;
use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, parse_document};

/// Where a key stands, with today's names; the elements of arrays are counted.
type KeyPath = Vec<Segment>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    Key(String),
    Index(usize),
}

/// The text with today's keys, if it is TOML.
///
/// # Errors
/// Every key that stands there by both of its names.
pub(super) fn rewrite(text: &str, with_comments: bool) -> Result<Upgraded, Vec<BothNames>> {
    let mut rewriter = Rewriter { with_comments, ..Rewriter::new(text) };
    rewriter.run(text, 0, &mut Cursor::default());
    let Rewriter { mut edits, renamed, both, .. } = rewriter;
    if !both.is_empty() {
        return Err(both);
    }
    let mut result = text.to_owned();
    // From the end, so that the ranges before stay right.
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, new) in edits {
        result.replace_range(range, new);
    }
    Ok(Upgraded { text: result, renamed })
}

struct Rewriter<'t> {
    text: &'t str,
    with_comments: bool,
    edits: Vec<(Range<usize>, &'static str)>,
    renamed: Vec<Renamed>,
    both: Vec<BothNames>,
    /// By the table and the new name: the name that was found first, and its line.
    found: HashMap<(KeyPath, &'static str), (String, usize)>,
    /// How many tables `[[…]]` there are of each name so far.
    arrays: HashMap<KeyPath, usize>,
}

/// Where a reader of events is.
#[derive(Default)]
struct Cursor {
    /// The table of the last header.
    table: KeyPath,
    /// The table of the last header that was commented out, if nothing real came after it.
    commented: Option<KeyPath>,
    /// The key that is being read.
    key: Option<KeyPath>,
    /// Inline tables and arrays that are open.
    open: Vec<Open>,
    is_header: bool,
    is_comment: bool,
}

enum Open {
    Table(KeyPath),
    Array(KeyPath, usize),
}

impl Cursor {
    /// Where the next key or value stands.
    fn base(&self) -> KeyPath {
        match self.open.last() {
            None => self.table.clone(),
            Some(Open::Table(path)) => path.clone(),
            Some(Open::Array(path, index)) => path.iter().cloned().chain([Segment::Index(*index)]).collect(),
        }
    }
}

impl<'t> Rewriter<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            with_comments: false,
            edits: Vec::new(),
            renamed: Vec::new(),
            both: Vec::new(),
            found: HashMap::new(),
            arrays: HashMap::new(),
        }
    }

    /// Goes through a part of the text, which begins at `offset`.
    fn run(&mut self, part: &str, offset: usize, cursor: &mut Cursor) {
        let source = Source::new(part);
        let tokens: Vec<_> = source.lex().into_vec();
        let mut events = Vec::new();
        parse_document(&tokens, &mut |event| events.push(event), &mut ());
        for event in events {
            self.take(&source, event, offset, cursor);
        }
    }

    fn take(&mut self, source: &Source<'_>, event: Event, offset: usize, cursor: &mut Cursor) {
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                cursor.key = Some(KeyPath::new());
                cursor.is_header = true;
                cursor.commented = None;
            }
            EventKind::StdTableClose => {
                cursor.table = cursor.key.take().unwrap_or_default();
                cursor.is_header = false;
            }
            EventKind::ArrayTableClose => {
                let table = cursor.key.take().unwrap_or_default();
                cursor.table = self.next_of(table, cursor.is_comment);
                cursor.is_header = false;
            }
            EventKind::SimpleKey => self.take_key(source, event, offset, cursor),
            EventKind::Scalar => cursor.key = None,
            EventKind::InlineTableOpen => {
                let path = cursor.key.take().unwrap_or_else(|| cursor.base());
                cursor.open.push(Open::Table(path));
            }
            EventKind::ArrayOpen => {
                let path = cursor.key.take().unwrap_or_else(|| cursor.base());
                cursor.open.push(Open::Array(path, 0));
            }
            EventKind::InlineTableClose | EventKind::ArrayClose => {
                cursor.open.pop();
            }
            EventKind::ValueSep => {
                if let Some(Open::Array(_, index)) = cursor.open.last_mut() {
                    *index += 1;
                }
            }
            EventKind::Comment if self.with_comments && !cursor.is_comment && cursor.open.is_empty() => {
                let span = event.span();
                self.take_comment(span.start()..span.end(), cursor);
            }
            _ => {}
        }
    }

    fn take_key(&mut self, source: &Source<'_>, event: Event, offset: usize, cursor: &mut Cursor) {
        let Some(raw) = source.get(event) else { return };
        let mut name = String::new();
        raw.decode_key(&mut name, &mut ());
        let span = event.span();
        let range = offset + span.start()..offset + span.end();
        let mut path = cursor.key.take().unwrap_or_else(|| cursor.base());
        let table: Vec<&str> = names(&path);
        let rename = rename_of(&table, &name);
        if !cursor.is_comment && !cursor.is_header && cursor.open.is_empty() {
            cursor.commented = None;
        }
        if let Some(rename) = rename {
            let line = self.line_of(range.start);
            if !cursor.is_comment {
                self.check(&path, rename.old, rename.new, &name, line);
            }
            if name == rename.old {
                self.renamed.push(Renamed {
                    line,
                    table: table.join("."),
                    old: name.clone(),
                    new: rename.new.to_owned(),
                    is_comment: cursor.is_comment,
                });
                // The quotes around a key stay, unless it is written with escapes.
                let within = raw.as_str().find(&name).map(|at| range.start + at);
                let range = within.map_or(range, |start| start..start + name.len());
                self.edits.push((range, rename.new));
            }
            rename.new.clone_into(&mut name);
        }
        path.push(Segment::Key(name));
        if let (true, Some(count)) = (cursor.is_header, self.arrays.get(&path)) {
            path.push(Segment::Index(count.saturating_sub(1)));
        }
        cursor.key = Some(path);
    }

    /// A key may stand in a table by one name only. The header of a table may stand there several times.
    fn check(&mut self, table: &KeyPath, old: &'static str, new: &'static str, name: &str, line: usize) {
        let first = self.found.entry((table.clone(), new)).or_insert_with(|| (name.to_owned(), line));
        let (first, first_line) = (first.0.clone(), first.1);
        let is_told = self.both.iter().any(|both| both.old == old && both.table == names(table).join("."));
        if first == name || is_told {
            return;
        }
        let (old_line, new_line) = if first == old { (first_line, line) } else { (line, first_line) };
        let table = names(table).join(".");
        self.both.push(BothNames { table, old: old.to_owned(), old_line, new: new.to_owned(), new_line });
    }

    /// The path of the table that a header `[[…]]` begins.
    fn next_of(&mut self, mut table: KeyPath, is_comment: bool) -> KeyPath {
        if let Some(Segment::Index(_)) = table.last() {
            table.pop();
        }
        if is_comment {
            return table;
        }
        let count = self.arrays.entry(table.clone()).or_default();
        table.push(Segment::Index(*count));
        *count += 1;
        table
    }

    /// A comment that stands alone on its line may be an entry or a header that is commented out.
    fn take_comment(&mut self, range: Range<usize>, cursor: &mut Cursor) {
        let text = self.text;
        let before = text.get(..range.start).and_then(|before| before.rsplit('\n').next());
        let is_alone = before.is_some_and(|before| before.trim().is_empty());
        let comment = text.get(range.clone()).unwrap_or_default();
        let body = comment.trim_start_matches('#').trim_start();
        let is_toml = toml::from_str::<toml::Table>(body).is_ok_and(|table| !table.is_empty());
        if !is_alone || !is_toml {
            return;
        }
        let table = cursor.commented.clone().unwrap_or_else(|| cursor.table.clone());
        let mut inner = Cursor { table, is_comment: true, ..Cursor::default() };
        self.run(body, range.end - body.len(), &mut inner);
        if body.starts_with('[') {
            cursor.commented = Some(inner.table);
        }
    }

    fn line_of(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or_default().matches('\n').count() + 1
    }
}

/// The keys of a path.
fn names(path: &[Segment]) -> Vec<&str> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Key(name) => Some(name.as_str()),
            Segment::Index(_) => None,
        })
        .collect()
}
