//! A YAML text as events with byte ranges, and a tree over them. An alias is the node that it names, so
//! that one node may stand at several places.

use super::types::Problem;
use granit_parser::{Event, Parser, Span};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What nests deeper was not written by people; the loader of playbooks refuses it too.
const DEEPEST: usize = 32;

/// The index of a node.
pub(super) type NodeId = usize;

pub(super) struct Document<'t> {
    pub text: &'t str,
    /// In the order of the text; comments are among them.
    pub events: Vec<(Event<'t>, Range<usize>)>,
    nodes: Vec<Node>,
    root: Option<NodeId>,
    problem: Option<(usize, String)>,
}

struct Node {
    /// The index of the event that it begins with.
    event: usize,
    content: Content,
}

pub(super) enum Content {
    Scalar,
    List(Vec<NodeId>),
    /// Keys and values.
    Map(Vec<(NodeId, NodeId)>),
}

/// A list or a map that has begun; a map that waits for the value of a key.
struct Open {
    node: NodeId,
    key: Option<NodeId>,
}

impl<'t> Document<'t> {
    /// Reads a text up to its end, or up to the first problem.
    pub(super) fn read(text: &'t str) -> Self {
        let mut document = Self { text, events: Vec::new(), nodes: Vec::new(), root: None, problem: None };
        let options = granit_parser::options! {
            flow_nesting_limit: DEEPEST,
            block_nesting_limit: DEEPEST,
        };
        let mut open: Vec<Open> = Vec::new();
        let mut anchors: HashMap<usize, NodeId> = HashMap::new();
        let mut has_document = false;
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = match next {
                Ok(next) => next,
                Err(error) => {
                    let at = error.marker().byte_offset().unwrap_or(text.len());
                    document.problem = Some((at, format!("the YAML cannot be read: {}", error.info())));
                    break;
                }
            };
            if let Event::DocumentStart(..) = event {
                if has_document {
                    let message = "a second document begins here, and the file can only hold one";
                    document.problem = Some((start_of(&span), message.to_owned()));
                    break;
                }
                has_document = true;
            }
            document.take(event, &span, &mut open, &mut anchors);
        }
        document
    }

    fn take(
        &mut self,
        event: Event<'t>,
        span: &Span,
        open: &mut Vec<Open>,
        anchors: &mut HashMap<usize, NodeId>,
    ) {
        let content = match &event {
            Event::Scalar(..) => Some(Content::Scalar),
            Event::SequenceStart(..) => Some(Content::List(Vec::new())),
            Event::MappingStart(..) => Some(Content::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                None
            }
            Event::Alias(anchor) => {
                if let Some(node) = anchors.get(anchor) {
                    self.place(*node, open);
                }
                None
            }
            _ => None,
        };
        if let Some(content) = content {
            let node = self.nodes.len();
            let is_open = !matches!(content, Content::Scalar);
            self.nodes.push(Node { event: self.events.len(), content });
            if let Some(anchor) = event.anchor_id() {
                anchors.insert(anchor, node);
            }
            self.place(node, open);
            if is_open {
                open.push(Open { node, key: None });
            }
        }
        self.events.push((event, span.byte_range().unwrap_or_default()));
    }

    /// Puts a node into the list or map that is open.
    fn place(&mut self, node: NodeId, open: &mut [Open]) {
        let Some(parent) = open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match self.nodes.get_mut(parent.node).map(|node| &mut node.content) {
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries)) => match parent.key.take() {
                None => parent.key = Some(node),
                Some(key) => entries.push((key, node)),
            },
            _ => {}
        }
    }

    /// Why the text could not be read to its end.
    pub(super) fn problem(&self) -> Option<Problem> {
        let (at, message) = self.problem.as_ref()?;
        Some(Problem::new(*at, message, "correct the file first; then migrate it"))
    }

    /// The node that is the whole file; `None` if the file holds none.
    pub(super) fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// What a node holds; `None` if there is no such node.
    pub(super) fn content(&self, node: NodeId) -> Option<&Content> {
        self.nodes.get(node).map(|node| &node.content)
    }

    /// The index of the event that a node begins with.
    pub(super) fn event_of(&self, node: NodeId) -> Option<usize> {
        self.nodes.get(node).map(|node| node.event)
    }

    /// The byte at which a node begins.
    pub(super) fn start_of(&self, node: NodeId) -> usize {
        let event = self.event_of(node).and_then(|event| self.events.get(event));
        event.map_or(0, |(_, range)| range.start)
    }

    /// The value of a scalar, after quotes and escapes.
    pub(super) fn scalar(&self, node: NodeId) -> Option<&str> {
        let (event, _) = self.events.get(self.event_of(node)?)?;
        event.scalar().map(|(value, _)| value)
    }

    /// The keys and values of a map, in the order of the text; empty if the node is no map.
    pub(super) fn entries(&self, node: NodeId) -> &[(NodeId, NodeId)] {
        match self.content(node) {
            Some(Content::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// The value of a key, of a map or of one that is merged into it by `<<`.
    pub(super) fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        let mut open = vec![map];
        // Maps may be merged into each other again and again; each is looked into once.
        let mut seen = HashSet::new();
        while let Some(map) = open.pop() {
            if !seen.insert(map) {
                continue;
            }
            let value_of = |wanted: &str| {
                let found = self.entries(map).iter().find(|(key, _)| self.scalar(*key) == Some(wanted));
                found.map(|(_, value)| *value)
            };
            if let Some(value) = value_of(key) {
                return Some(value);
            }
            if let Some(merged) = value_of(MERGE) {
                match self.content(merged) {
                    Some(Content::List(maps)) => open.extend(maps.iter().rev()),
                    _ => open.push(merged),
                }
            }
        }
        None
    }

    /// The keys of the whole file, as far as it could be read.
    pub(super) fn root_keys(&self) -> Vec<&str> {
        let entries = self.root.map(|root| self.entries(root)).unwrap_or_default();
        entries.iter().filter_map(|(key, _)| self.scalar(*key)).collect()
    }

    /// The scalar under a key of the whole file.
    pub(super) fn root_value(&self, key: &str) -> Option<&str> {
        self.scalar(self.get(self.root?, key)?)
    }
}

/// The key that merges another map into the one where it stands.
pub(super) const MERGE: &str = "<<";

fn start_of(span: &Span) -> usize {
    span.byte_range().map_or(0, |range| range.start)
}
