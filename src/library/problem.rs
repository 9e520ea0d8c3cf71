//! A problem of a playbook file: what is wrong, where, and how to fix it.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};
use std::fmt;

/// One problem of one file.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The file's path in its library, such as `qfieldcloud/system.yaml`.
    pub path: String,
    /// Counted from 1; 0 if the problem concerns the whole file.
    pub line: usize,
    /// Counted from 1, in characters; 0 if the problem concerns the whole file.
    pub column: usize,
    /// What is wrong, in one sentence without the place.
    pub message: String,
    /// How to fix it; empty if there is no advice.
    pub hint: String,
    span: Option<SourceSpan>,
    source: NamedSource<String>,
}

impl Problem {
    /// A problem at a range of bytes of a file.
    pub fn at(path: &str, text: &str, start: usize, length: usize, message: &str, hint: &str) -> Self {
        let start = crate::core::diagnosis::evidence::cut_at(text, start).len();
        let before = text.get(..start).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Self {
            path: path.into(),
            line: before.matches('\n').count() + 1,
            column,
            message: message.into(),
            hint: hint.into(),
            span: Some((start, length.min(text.len().saturating_sub(start))).into()),
            source: NamedSource::new(path, text.to_owned()).with_language("YAML"),
        }
    }

    /// A problem at a line and a column that are already known; both are 0 for the whole file.
    pub fn at_line(path: &str, line: usize, column: usize, message: &str, hint: &str) -> Self {
        Self { line, column, ..Self::of_file(path, message, hint) }
    }

    /// A problem of a whole file.
    pub fn of_file(path: &str, message: &str, hint: &str) -> Self {
        Self {
            path: path.into(),
            line: 0,
            column: 0,
            message: message.into(),
            hint: hint.into(),
            span: None,
            source: NamedSource::new(path, String::new()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.span.is_none() {
            return match self.line {
                0 => write!(f, "{}: {}", self.path, self.message),
                line => write!(f, "{}:{line}: {}", self.path, self.message),
            };
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.hint.is_empty()).then(|| Box::new(&self.hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.is_some().then_some(&self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, span))))
    }
}

/// Every problem of a library.
#[derive(Debug, Clone)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn new(mut list: Vec<Problem>) -> Self {
        list.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
        Self(list)
    }

    /// The problems, sorted by path, line and column.
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 problem in the playbooks"),
            several => write!(f, "{several} problems in the playbooks"),
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
