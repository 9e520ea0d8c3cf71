//! A YAML document as a tree in which every node has its position.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};
use serde_saphyr::Spanned;
use std::fmt;

/// The parser's options for YAML that people write. The depth is limited, so that no file can exhaust the
/// stack.
pub(crate) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: 24 },
    }
}

/// A range of bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub start: usize,
    pub length: usize,
}

/// A node and its position.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub span: Span,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Map(Vec<(MapKey, Node)>),
    List(Vec<Node>),
    Text(String),
    Plain(Value),
}

#[derive(Debug, Clone)]
pub(super) struct MapKey {
    pub span: Span,
    pub name: String,
}

impl Node {
    /// The content as a plain value.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Map(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), node.value())).collect()
            }
            Content::List(items) => items.iter().map(Node::value).collect(),
            Content::Text(text) => json!(text),
            Content::Plain(value) => value.clone(),
        }
    }

    /// What it is, for "expected a list, found …".
    pub(super) fn describe(&self) -> &'static str {
        match &self.content {
            Content::Map(_) => "a map",
            Content::List(_) => "a list",
            Content::Text(_) => "a text",
            Content::Plain(Value::Bool(_)) => "true or false",
            Content::Plain(Value::Number(_)) => "a number",
            Content::Plain(_) => "nothing",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned: Spanned<Content> = Spanned::deserialize(deserializer)?;
        Ok(Node { span: span(&spanned.referenced), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for MapKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned: Spanned<String> = Spanned::deserialize(deserializer)?;
        Ok(MapKey { span: span(&spanned.referenced), name: spanned.value })
    }
}

fn span(location: &serde_saphyr::Location) -> Span {
    let span = location.span();
    let bytes = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    Span { start: bytes(span.byte_offset()), length: bytes(span.byte_len()) }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Plain(json!(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Plain(json!(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Plain(json!(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Plain(json!(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Plain(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Plain(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Content::Map(entries))
    }
}
