//! Decides what happens to each scalar of a file, by its place in the tree.

use super::names::{BACKUP_KEY, ROLLBACK, Shape, format_mark};
use super::tree::{Content, Document, MERGE, NodeId};
use super::types::Problem;
use super::variable;
use std::collections::{BTreeMap, HashSet};

/// Aliases may nest what the text does not; this bounds the recursion over both.
const DEEPEST: usize = 64;

/// The edits of one file.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// By the index of the scalar's event.
    pub edits: BTreeMap<usize, Edit>,
    /// Whether the file gets a `format` as its first key.
    pub adds_format: bool,
}

/// What happens to a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// The whole scalar is replaced.
    Word(String),
    /// The first word of the text, which is the name of a command.
    Rollback,
    /// The variable with the backup, wherever a script uses it.
    Variable,
}

impl Plan {
    /// Whether the file stays as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty() && !self.adds_format
    }
}

/// Plans the edits of a file whose root has this shape.
///
/// # Errors
/// Everything that stands in the way.
pub(super) fn plan(document: &Document<'_>, shape: Shape) -> Result<Plan, Vec<Problem>> {
    let mut planner = Planner {
        document,
        decisions: BTreeMap::new(),
        visited: HashSet::new(),
        problems: Vec::new(),
        is_too_deep: false,
    };
    let format = if shape == Shape::System { planner.format() } else { Format::Old };
    let adds_format = match format {
        Format::Current => return Ok(Plan::default()),
        Format::Missing => true,
        Format::Old => false,
    };
    if let (Some(root), true) = (document.root(), planner.problems.is_empty()) {
        planner.visit(root, shape, 0);
        if let (Shape::System, Some(old)) = (shape, document.get(root, format_mark().0)) {
            planner.decisions.insert(old, Some(Edit::Word(format_mark().1)));
        }
    }
    let Planner { decisions, mut problems, .. } = planner;
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.at);
        return Err(problems);
    }
    let edits = decisions.into_iter().filter_map(|(node, edit)| Some((document.event_of(node)?, edit?)));
    Ok(Plan { edits: edits.collect(), adds_format })
}

/// What a `system.yaml` says about its format.
enum Format {
    Missing,
    Old,
    Current,
}

struct Planner<'d> {
    document: &'d Document<'d>,
    /// By scalar; `None` keeps it.
    decisions: BTreeMap<NodeId, Option<Edit>>,
    visited: HashSet<(NodeId, Shape)>,
    problems: Vec<Problem>,
    is_too_deep: bool,
}

impl Planner<'_> {
    fn format(&mut self) -> Format {
        let document = self.document;
        let (key, current) = format_mark();
        let root = document.root().filter(|root| matches!(document.content(*root), Some(Content::Map(_))));
        let Some(root) = root else {
            self.report(document.root(), "expected a map", "write `key: value` lines");
            return Format::Missing;
        };
        let Some(node) = document.get(root, key) else { return Format::Missing };
        match document.scalar(node) {
            Some(value) if value == current => Format::Current,
            Some("0") => Format::Old,
            other => {
                let found = other.unwrap_or("a list or a map");
                self.report(
                    Some(node),
                    format!("the format is `{found}`, and this version knows formats 0 and {current}"),
                    "use the version of Fieldmedic that these playbooks were written for",
                );
                Format::Old
            }
        }
    }

    fn report(&mut self, node: Option<NodeId>, message: impl Into<String>, hint: impl Into<String>) {
        let at = node.map_or(0, |node| self.document.start_of(node));
        self.problems.push(Problem::new(at, message, hint));
    }

    fn visit(&mut self, node: NodeId, shape: Shape, depth: usize) {
        if depth > DEEPEST {
            if !std::mem::replace(&mut self.is_too_deep, true) {
                let message = format!("lists and maps are nested more than {DEEPEST} deep here");
                self.report(Some(node), message, "write the file without aliases that name each other");
            }
            return;
        }
        // A node with an alias is visited once for each shape, however often it is named.
        if !self.visited.insert((node, shape)) {
            return;
        }
        let document = self.document;
        match document.content(node) {
            Some(Content::Scalar) => {
                let edit = document.scalar(node).and_then(|value| edit_of(value, shape));
                self.decide(node, edit);
            }
            Some(Content::List(items)) => {
                for item in items {
                    self.visit(*item, shape, depth + 1);
                }
            }
            Some(Content::Map(entries)) => self.visit_map(node, entries, shape, depth + 1),
            None => {}
        }
    }

    fn visit_map(&mut self, map: NodeId, entries: &[(NodeId, NodeId)], shape: Shape, depth: usize) {
        let shape = match shape {
            Shape::Step if self.document.get(map, BACKUP_KEY).is_some() => {
                self.problems.extend(variable::problems(self.document, map));
                Shape::BackupStep
            }
            shape => shape,
        };
        for (key, value) in entries {
            let Some(name) = self.document.scalar(*key) else {
                self.visit(*key, Shape::Free, depth);
                self.visit(*value, Shape::Free, depth);
                continue;
            };
            let known = shape.keys().iter().find(|key| key.old == name || key.new == name);
            let (edit, inner) = match (known, shape.of_each_value()) {
                _ if name == MERGE => (None, shape),
                (Some(key), _) if key.old == name && key.new != name => {
                    (Some(Edit::Word(key.new.to_owned())), key.value)
                }
                (Some(key), _) => (None, key.value),
                (None, Some(each)) => (None, each),
                (None, None) => (None, Shape::Free),
            };
            self.decide(*key, edit);
            self.visit(*value, inner, depth);
        }
        self.check_spellings(entries, shape);
    }

    /// A key may stand in a map in one spelling only.
    fn check_spellings(&mut self, entries: &[(NodeId, NodeId)], shape: Shape) {
        let document = self.document;
        let find = |name: &str| entries.iter().find(|(key, _)| document.scalar(*key) == Some(name));
        for key in shape.keys().iter().filter(|key| key.old != key.new) {
            if let (Some((old, _)), Some((new, _))) = (find(key.old), find(key.new)) {
                let later = if document.start_of(*old) > document.start_of(*new) { old } else { new };
                let message =
                    format!("`{}` and `{}` are the old and the new name of one key", key.old, key.new);
                self.report(Some(*later), message, format!("keep one of them, as `{}`", key.new));
            }
        }
    }

    fn decide(&mut self, node: NodeId, edit: Option<Edit>) {
        match self.decisions.get(&node) {
            Some(decided) if *decided != edit => self.report(
                Some(node),
                "an alias uses this text at a place where format 1 spells it differently",
                "write the text out at both places, without the anchor",
            ),
            Some(_) => {}
            None => {
                self.decisions.insert(node, edit);
            }
        }
    }
}

/// What happens to a scalar that is a value.
fn edit_of(value: &str, shape: Shape) -> Option<Edit> {
    match shape {
        Shape::BackupScript => variable::is_used(value).then_some(Edit::Variable),
        Shape::ScriptName | Shape::CommandPatterns => {
            let rest = value.strip_prefix(ROLLBACK.0)?;
            rest.starts_with(' ').then_some(Edit::Rollback)
        }
        _ => {
            let (_, new) = shape.words().iter().find(|(old, _)| *old == value)?;
            Some(Edit::Word((*new).to_owned()))
        }
    }
}
