//! Tables: a column whose head names a secret, and a row that begins with the name of one.
//!
//! A table is read in four notations: cells between bars (psql, MySQL, Markdown), cells between commas,
//! semicolons or tabs (CSV), and columns that blanks align (docker, kubectl, `column -t`).

use crate::cursor::{lines, piece};
use crate::mask::{MASK, Places};
use crate::names::{Meaning, Strength, meaning_of};
use crate::values::{is_literal, is_plain, is_reference};
use std::ops::Range;

/// A line with more cells than this is no row of a table.
const CELLS: usize = 100;

/// The longest cell that can be a name, in bytes.
const NAME: usize = 60;

/// How the cells of a table are parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Border {
    Bar,
    Char(char),
    /// Two blanks or more.
    Blanks,
}

/// A column whose head names a secret.
#[derive(Debug)]
struct Column {
    border: Border,
    index: usize,
    /// How many cells the head has.
    cells: usize,
    /// From where to where the column goes, in characters.
    span: Range<usize>,
    meaning: Meaning,
}

/// The places of the cells.
pub(super) fn find(text: &str, places: &mut Places) {
    let mut columns: Vec<Column> = Vec::new();
    let mut lines = lines(text).peekable();
    while let Some((start, line)) = lines.next() {
        if line.len() > 20_000 {
            columns.clear();
            continue;
        }
        if is_rule(line) {
            continue;
        }
        if !columns.is_empty() {
            if read_row(start, line, &columns, places) {
                continue;
            }
            columns.clear();
        }
        let next = lines.peek().map_or("", |(_, next)| *next);
        columns = columns_of(line, next);
        if columns.is_empty() || !is_rule(next) {
            named_rows(start, line, places);
        }
    }
}

/// `---+---`, `|:--|--:|`, `+-----+`.
fn is_rule(line: &str) -> bool {
    line.len() >= 3
        && line.chars().all(|c| {
            matches!(
                c,
                '-' | '+'
                    | '|'
                    | ':'
                    | ' '
                    | '='
                    | '─'
                    | '┼'
                    | '├'
                    | '┤'
                    | '┬'
                    | '┴'
                    | '│'
                    | '╪'
                    | '╞'
                    | '╡'
                    | '┌'
                    | '┐'
                    | '└'
                    | '┘'
                    | '━'
                    | '┏'
                    | '┓'
                    | '┳'
                    | '╇'
                    | '┡'
                    | '┩'
                    | '\t'
            )
        })
        && line.contains(['-', '─', '=', '━'])
}

fn borders(line: &str) -> impl Iterator<Item = Border> {
    let (mut bar, mut blanks, mut before) = (false, false, b'.');
    let mut chars = [(b'\t', false), (b',', false), (b';', false)];
    for byte in line.bytes() {
        match byte {
            b'|' => bar = true,
            b' ' => blanks |= before == b' ',
            _ => chars.iter_mut().filter(|(c, _)| *c == byte).for_each(|(_, is_there)| *is_there = true),
        }
        before = byte;
    }
    let bar = (bar || !line.is_ascii() && line.contains(['│', '┃'])).then_some(Border::Bar);
    let chars = chars.into_iter().filter(|(_, is_there)| *is_there).map(|(c, _)| Border::Char(char::from(c)));
    bar.into_iter().chain(chars).chain(blanks.then_some(Border::Blanks))
}

/// The cells of a line, without the blanks and the quotes around them.
fn cells(line: &str, border: Border) -> Vec<Range<usize>> {
    let mut cells = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut blanks = 0;
    for (at, c) in line.char_indices() {
        quoted ^= c == '"' && matches!(border, Border::Char(_));
        let is_border = match border {
            Border::Bar => matches!(c, '|' | '│' | '┃'),
            Border::Char(border) => c == border && !quoted,
            Border::Blanks => {
                blanks = if c == ' ' { blanks + 1 } else { 0 };
                if c != ' '
                    && line.get(..at).is_some_and(|head| head.ends_with("  "))
                    && !line.get(start..at).unwrap_or_default().trim().is_empty()
                {
                    cells.push(trimmed(line, start..at));
                    start = at;
                }
                false
            }
        };
        if is_border {
            cells.push(trimmed(line, start..at));
            start = at + c.len_utf8();
        }
        if cells.len() > CELLS {
            return Vec::new();
        }
    }
    cells.push(trimmed(line, start..line.len()));
    cells
}

fn trimmed(line: &str, place: Range<usize>) -> Range<usize> {
    let cell = piece(line, place.clone());
    let around = [' ', '\t', '"', '\'', '`', '*'];
    let start = place.start + (cell.len() - cell.trim_start_matches(around).len());
    let inner = cell.trim_matches(around);
    start..start + inner.len()
}

/// What a cell says, if it is the name of a secret and nothing else.
fn named(line: &str, cell: &Range<usize>) -> Option<Meaning> {
    let name = piece(line, cell.clone()).trim_end_matches(':');
    let is_name = name.len() <= NAME
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
        && name.split(' ').count() <= 3;
    // `PASS` is the result of a test, as well.
    let is_result = matches!(name, "PASS" | "Pass" | "pass");
    meaning_of(&name.replace(' ', "_"))
        .filter(|meaning| is_name && !is_result && meaning.strength >= Strength::Likely)
}

/// The columns of secrets of a line that is the head of a table.
fn columns_of(line: &str, next: &str) -> Vec<Column> {
    for border in borders(line) {
        let cells = cells(line, border);
        let is_head = match border {
            Border::Bar => {
                is_rule(next)
                    || next.matches(['|', '│', '┃']).count() == line.matches(['|', '│', '┃']).count()
            }
            Border::Char(c) => {
                next.matches(c).count() + 1 >= cells.len()
                    && cells.len() > 1
                    && cells.iter().all(|cell| is_label(line, cell))
            }
            // Columns of blanks have heads in capitals, or a rule below them.
            Border::Blanks => {
                is_rule(next)
                    || cells.iter().all(|cell| !piece(line, cell.clone()).contains(char::is_lowercase))
            }
        };
        if !is_head || cells.len() < 2 {
            continue;
        }
        // A row of two cells under no rule is a name and its value.
        let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
        if border == Border::Bar && filled <= 2 && !is_rule(next) {
            continue;
        }
        let offsets: Vec<usize> =
            cells.iter().map(|cell| piece(line, 0..cell.start).chars().count()).collect();
        let columns: Vec<Column> = cells
            .iter()
            .enumerate()
            .filter_map(|(index, cell)| {
                let meaning = named(line, cell)?;
                let end = offsets.get(index + 1).copied().unwrap_or(usize::MAX);
                let start = offsets.get(index).copied().unwrap_or_default();
                Some(Column { border, index, cells: cells.len(), span: start..end, meaning })
            })
            .collect();
        if !columns.is_empty() {
            return columns;
        }
    }
    Vec::new()
}

/// The head of a column in CSV: one or two words.
fn is_label(line: &str, cell: &Range<usize>) -> bool {
    let label = piece(line, cell.clone());
    label.len() <= NAME
        && label.split(' ').count() <= 3
        && label.chars().all(|c| c.is_alphanumeric() || " _-.()".contains(c))
}

/// Hides the cells of a row. False if the line is no row of the table.
fn read_row(start: usize, line: &str, columns: &[Column], places: &mut Places) -> bool {
    let Some(first) = columns.first() else { return false };
    if line.trim().is_empty() {
        return false;
    }
    let cells = cells(line, first.border);
    if first.border != Border::Blanks && (cells.len() + 1 < first.cells || cells.len() < 2) {
        return false;
    }
    for column in columns {
        let cell = match column.border {
            Border::Blanks => cell_at(line, &column.span, &cells, column),
            _ => cells.get(column.index).cloned(),
        };
        if let Some(cell) = cell {
            hide(start, line, cell, column.meaning, places);
        }
    }
    true
}

/// The words of a line that stand below a head.
fn cell_at(line: &str, span: &Range<usize>, cells: &[Range<usize>], column: &Column) -> Option<Range<usize>> {
    // A table whose columns are not aligned is read by the number of the cell.
    if cells.len() == column.cells {
        return cells.get(column.index).cloned();
    }
    let offset = |at: usize| line.char_indices().nth(at).map_or(line.len(), |(at, _)| at);
    let (start, end) =
        (offset(span.start), if span.end == usize::MAX { line.len() } else { offset(span.end) });
    let cell = trimmed(line, start..end.max(start));
    (!cell.is_empty()).then_some(cell)
}

/// `password | x`: a row whose first cell is a name.
fn named_rows(start: usize, line: &str, places: &mut Places) {
    if !line.contains(['|', '│', '┃', '\t']) {
        return;
    }
    for border in borders(line).filter(|border| matches!(border, Border::Bar | Border::Char('\t'))) {
        let cells = cells(line, border);
        for pair in cells.windows(2) {
            let [name, value] = pair else { continue };
            if is_in_parentheses(line, value.start) {
                continue;
            }
            if let Some(meaning) = named(line, name).filter(|_| cells.len() <= 12) {
                hide(start, line, value.clone(), meaning, places);
            }
        }
    }
}

/// `(PASSWORD|SECRET|KEY)`: the alternatives of a pattern are no row.
fn is_in_parentheses(line: &str, at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    before.matches('(').count() > before.matches(')').count()
}

fn hide(start: usize, line: &str, cell: Range<usize>, meaning: Meaning, places: &mut Places) {
    let value = piece(line, cell.clone());
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let counts = is_number && (value.len() < 4 || meaning.is_plural);
    let is_name = named(line, &cell).is_some();
    let is_likely = meaning.strength < Strength::Certain || is_name;
    if value.is_empty()
        || value == MASK
        || is_literal(value)
        || is_reference(value)
        || counts
        || (is_likely && is_plain(value))
    {
        return;
    }
    places.hide(start + cell.start..start + cell.end);
}
