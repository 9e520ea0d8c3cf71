//! Decodes one YAML file field by field. A wrong field is reported and decoding goes on, so that an author
//! sees every problem at once.

use crate::core::diagnosis::plan::BACKUP;
use crate::core::expr::{Expr, MessageTemplate};
use crate::core::ids::NameError;
use crate::core::playbook::SystemType;
use crate::core::playbook::command::{Template, TemplateSource};
use crate::core::text::pattern::Pattern;
use crate::core::text::suggest::closest_match;
use crate::library::backup;
use crate::library::backup::BackupWrapper;
use crate::library::forbidden::forbidden;
use crate::library::migrate::new_name_of;
use crate::library::node::{Content, MapKey, Node, Span, options};
use crate::library::optional;
use crate::library::problem::Problem;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// One file being read, with the problems found in it so far.
pub(super) struct YamlFile {
    path: String,
    text: String,
    problems: RefCell<Vec<Problem>>,
}

/// A map of a file. Fields are taken out of it; the fields that are left over are unknown.
pub(super) struct Map<'p> {
    file: &'p YamlFile,
    span: Span,
    entries: Vec<(MapKey, Node)>,
    known: Vec<&'static str>,
}

impl YamlFile {
    /// A file without problems so far; the text is not parsed yet.
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), problems: RefCell::default() }
    }

    /// The file's path in its library, such as `qfieldcloud/system.yaml`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The problems found, in the order of their reports.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// Reports a problem at a range of the file. An empty hint advises nothing.
    pub(super) fn report(&self, span: Span, message: &str, hint: &str) {
        let problem = Problem::at(&self.path, &self.text, span.start, span.length, message, hint);
        self.problems.borrow_mut().push(problem);
    }

    /// Reports a problem at the beginning of the file.
    pub(super) fn report_file(&self, message: &str, hint: &str) {
        self.report(Span { start: 0, length: 0 }, message, hint);
    }

    /// The last occurrence of a text; the beginning of the file if there is none.
    pub(super) fn span_of(&self, text: &str) -> Span {
        self.text.rfind(text).map_or(Span::default(), |start| Span { start, length: text.len() })
    }

    /// Reports at the last occurrence of a text.
    pub(super) fn report_at_text(&self, text: &str, message: &str, hint: &str) {
        let start = self.text.rfind(text).unwrap_or(0);
        self.report(Span { start, length: text.len() }, message, hint);
    }

    /// The byte at a line and a column, both from 1, the column in characters; the end of the line if the column
    /// is behind it.
    fn offset_of(&self, line: u64, column: u64) -> usize {
        let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or_default();
        let before: usize = self.text.split_inclusive('\n').take(index(line)).map(str::len).sum();
        let (_, rest) = self.text.split_at_checked(before).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let in_line = line.char_indices().nth(index(column)).map_or(line.len(), |(at, _)| at);
        before + in_line
    }

    /// Parses the whole file as one map.
    pub(super) fn parse(&self) -> Option<Map<'_>> {
        match serde_saphyr::from_str_with_options::<Node>(&self.text, options()) {
            Ok(node) => self.map(node),
            Err(error) => {
                // An error of the syntax has a line and a column, and no offset.
                let start = error.location().map_or(0, |at| self.offset_of(at.line(), at.column()));
                let message = error.to_string();
                let message = message.lines().next().unwrap_or("not YAML");
                let message = message.split(" at line ").next().unwrap_or(message);
                self.report(Span { start, length: 1 }, message, "see docs/PLAYBOOKS.md for the format");
                None
            }
        }
    }

    /// The node as a map; `None`, and a problem, if it is none.
    pub(super) fn map(&self, node: Node) -> Option<Map<'_>> {
        match node.content {
            Content::Map(entries) => Some(Map { file: self, span: node.span, entries, known: Vec::new() }),
            _ => {
                self.report(
                    node.span,
                    &format!("expected a map, found {}", node.describe()),
                    "write `key: value` lines",
                );
                None
            }
        }
    }

    /// The items of a list; `None`, and a problem, if it is none.
    pub(super) fn list(&self, node: Node) -> Option<Vec<Node>> {
        match node.content {
            Content::List(items) => Some(items),
            _ => {
                self.report(
                    node.span,
                    &format!("expected a list, found {}", node.describe()),
                    "write `- item` lines, or [a, b]",
                );
                None
            }
        }
    }

    /// The node as a text. A number, `true` and `false` are taken as they are spelt in JSON; `None`, and a
    /// problem, for anything else.
    pub(super) fn text_of(&self, node: &Node) -> Option<String> {
        match &node.content {
            Content::Text(text) => Some(text.clone()),
            Content::Plain(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => {
                self.report(
                    node.span,
                    &format!("expected a text, found {}", node.describe()),
                    "put it in quotes",
                );
                None
            }
        }
    }

    /// The node as a name, which `new` checks; `None`, and a problem, if it is not valid.
    pub(super) fn named<N>(
        &self,
        node: &Node,
        new: impl FnOnce(String) -> Result<N, NameError>,
    ) -> Option<N> {
        let text = self.text_of(node)?;
        new(text).map_err(|bad| self.report(node.span, &bad.to_string(), "")).ok()
    }

    /// The node as an expression; `None`, and a problem, if it is none. Its names are not checked.
    pub(super) fn expr(&self, node: &Node) -> Option<Expr> {
        let text = self.text_of(node)?;
        let bad = |bad: crate::core::expr::ExprError| {
            self.report(
                node.span,
                &format!("not an expression: {}", bad.message),
                "for example `workers.running < 4`",
            );
        };
        Expr::new(&text).map_err(bad).ok()
    }

    /// The node as a text with values in `{{ }}`; `None`, and a problem, if it is none. Its names are not
    /// checked.
    pub(super) fn message(&self, node: &Node) -> Option<MessageTemplate> {
        let text = self.text_of(node)?;
        let bad = |bad: crate::core::expr::ExprError| {
            self.report(node.span, &bad.message, "write values in `{{ }}`");
        };
        MessageTemplate::new(&text).map_err(bad).ok()
    }

    /// The node as a regular expression that ignores case; `None`, and a problem, if it is none.
    pub(super) fn regex(&self, node: &Node) -> Option<Pattern> {
        let text = self.text_of(node)?;
        Pattern::new(&text)
            .map_err(|error| {
                let message = error.to_string();
                let last = message.lines().next_back().unwrap_or("").trim_start_matches("error: ");
                self.report(node.span, &format!("not a regular expression: {last}"), "");
            })
            .ok()
    }

    /// The node as a duration, such as `30s` or `1h 30m`; `None`, and a problem, if it is none.
    pub(super) fn duration(&self, node: &Node) -> Option<Duration> {
        let text = self.text_of(node)?;
        let parsed = humantime::parse_duration(&text).ok();
        if parsed.is_none() {
            self.report(node.span, &format!("`{text}` is not a duration"), "for example 30s, 5m or 1h");
        }
        parsed
    }

    /// The node as a whole number from 0 to 4,294,967,295; `None`, and a problem, if it is none.
    pub(super) fn number(&self, node: &Node) -> Option<u32> {
        let number = node.value().as_u64().and_then(|n| u32::try_from(n).ok());
        if number.is_none() {
            self.report(node.span, &format!("expected a whole number, found {}", node.describe()), "");
        }
        number
    }

    /// The node as `true` or `false`; `None`, and a problem, if it is neither.
    pub(super) fn flag(&self, node: &Node) -> Option<bool> {
        let flag = node.value().as_bool();
        if flag.is_none() {
            self.report(node.span, &format!("expected true or false, found {}", node.describe()), "");
        }
        flag
    }

    /// One of a closed set of words.
    pub(super) fn one_of<T: serde::de::DeserializeOwned>(&self, node: &Node, words: &[&str]) -> Option<T> {
        let text = self.text_of(node)?;
        let parsed = serde_json::from_value(Value::String(text.clone())).ok();
        if parsed.is_none() {
            let hint = format!("one of {}{}", words.join(", "), suggest_key(&text, words.iter().copied()));
            self.report(node.span, &format!("`{text}` is not a valid value here"), &hint);
        }
        parsed
    }

    /// Checks that every name in an expression exists: a name of `plain`, a parameter or a fact.
    pub(super) fn check_names(
        &self,
        span: Span,
        names: &BTreeSet<String>,
        plain: &[&str],
        system: &SystemType,
    ) {
        for name in names {
            let mut parts = name.split('.');
            let (first, second) = (parts.next().unwrap_or(""), parts.next());
            if plain.contains(&first) || system.params.contains_key(first) || is_function(first) {
                continue;
            }
            match (system.probes.get(first), second) {
                (Some(probe), Some(fact)) if probe.facts.iter().any(|f| f.name.as_str() == fact) => {}
                (Some(probe), Some(fact)) => {
                    let facts = probe.facts.iter().map(|fact| fact.name.as_str());
                    self.report(
                        span,
                        &format!("the probe `{first}` has no fact `{fact}`"),
                        &suggest(fact, facts),
                    );
                }
                (Some(_), None) => {
                    self.report(
                        span,
                        &format!("`{first}` is a probe, not a value"),
                        &format!("use one of its facts, `{first}.…`"),
                    );
                }
                (None, _) => {
                    let all = system
                        .probes
                        .keys()
                        .map(|p| p.as_str())
                        .chain(system.params.keys().map(|p| p.as_str()));
                    let all: Vec<&str> = all.chain(plain.iter().copied()).collect();
                    self.report(
                        span,
                        &format!("`{name}` is neither a parameter nor a fact"),
                        &suggest(first, all),
                    );
                }
            }
        }
    }

    /// Checks that every value in a command is a parameter or a fact with a type.
    pub(super) fn check_values(&self, span: Span, names: &BTreeSet<&str>, system: &SystemType) {
        for name in names {
            let known: BTreeSet<String> = BTreeSet::from([(*name).to_owned()]);
            self.check_names(span, &known, &[], system);
            let Some((probe, fact)) = name.split_once('.') else { continue };
            let found =
                system.probes.get(probe).and_then(|p| p.facts.iter().find(|f| f.name.as_str() == fact));
            if found.is_some_and(|fact| fact.value_type.is_none()) {
                self.report(
                    span,
                    &format!("`{name}` has no type, so commands cannot use it"),
                    &format!("in system.yaml: `{fact}: {{ value: …, type: name }}`"),
                );
            }
        }
    }
}

impl<'p> Map<'p> {
    /// The value of a key, without taking it.
    pub(super) fn peek(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    /// The text under a key, without taking it.
    pub(super) fn peek_text(&self, key: &str) -> Option<&str> {
        match &self.peek(key)?.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The range of the whole map in its file.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// Takes a field that may be missing.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let index = self.entries.iter().position(|(k, _)| k.name == key)?;
        let node = self.entries.remove(index).1;
        (!matches!(node.content, Content::Plain(Value::Null))).then_some(node)
    }

    /// Takes a field that must be there.
    pub(super) fn require(&mut self, key: &'static str, hint: &str) -> Option<Node> {
        let node = self.take(key);
        if node.is_none() {
            let span = Span { start: self.span.start, length: self.span.length.min(1) };
            self.file.report(span, &format!("`{key}` is missing"), hint);
        }
        node
    }

    /// All entries, for maps whose keys are names.
    pub(super) fn into_entries(self) -> Vec<(MapKey, Node)> {
        self.entries
    }

    /// Takes the items of a list, decoded one by one; missing is empty.
    pub(super) fn items<T>(
        &mut self,
        key: &'static str,
        mut decode: impl FnMut(&Node) -> Option<T>,
    ) -> Vec<T> {
        let list = self.take(key).and_then(|node| self.file.list(node)).unwrap_or_default();
        list.iter().filter_map(&mut decode).collect()
    }

    /// Takes `run` or `script` and what goes with them, as a command.
    pub(super) fn command(
        &mut self,
        name: &str,
        timeout: Duration,
        system: &SystemType,
        wrapper: BackupWrapper<'_>,
    ) -> Option<Template> {
        let file = self.file;
        let run = self.take("run");
        let script = self.take("script");
        let env = self.take("env").and_then(|node| file.map(node));
        let cwd = self.take("cwd");
        let sudo = self.take("sudo").and_then(|node| file.flag(&node)).unwrap_or(false);
        let timeout = self.take("timeout").and_then(|node| file.duration(&node)).unwrap_or(timeout);
        let span = run.as_ref().or(script.as_ref()).map_or(self.span, |node| node.span);
        let text = |node: &Option<Node>| node.as_ref().and_then(|node| file.text_of(node));
        let (run, script, cwd) = (text(&run), text(&script), text(&cwd));
        let mut env: Vec<(String, String)> = env.map_or_else(Vec::new, |map| {
            let entries = map.into_entries();
            entries.into_iter().filter_map(|(key, node)| Some((key.name, file.text_of(&node)?))).collect()
        });
        let mut whole = script.clone();
        if !matches!(wrapper, BackupWrapper::None) {
            if let Some((name, _)) = env.iter().find(|(key, _)| backup::RESERVED.contains(&key.as_str())) {
                file.report(
                    span,
                    &format!("the variable `{name}` is reserved in a step with `backup`"),
                    "give the variable another name",
                );
            }
            if run.is_some() {
                file.report(
                    span,
                    "`backup` needs `script`, and this command is a `run`",
                    "write the command as a `script`",
                );
            }
            env.push((backup::VARIABLE.into(), format!("{{{{ {BACKUP} }}}}")));
            whole = script.as_deref().map(|own| wrapper.script(own));
        }
        let source = TemplateSource {
            run: run.as_deref(),
            script: whole.as_deref(),
            name,
            env: env.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            cwd: cwd.as_deref(),
            sudo,
            timeout,
        };
        let template = match Template::new(source.clone()) {
            Ok(template) => template,
            Err(bad) => {
                file.report(span, &bad.message, &bad.hint);
                return None;
            }
        };
        if let Some(why) = run.as_deref().or(script.as_deref()).and_then(forbidden) {
            file.report(span, why, "clean up what is known to be unused, by name or label");
        }
        let mut names = template.names();
        if !matches!(wrapper, BackupWrapper::None) {
            names.remove(BACKUP);
        }
        file.check_values(span, &names, system);
        let guard = self.peek_text("only_if").unwrap_or("");
        for (problem, hint) in optional::problems(&template, guard, &source, system) {
            file.report(span, &problem, &hint);
        }
        Some(template)
    }

    /// Reports every field that was not taken.
    pub(super) fn finish(self) {
        for (key, _) in &self.entries {
            let known = |name: &&str| self.known.contains(name);
            let hint = match new_name_of(&key.name).filter(known) {
                Some(new) => format!("format 1 calls it `{new}`"),
                None => suggest(&key.name, self.known.iter().copied()),
            };
            self.file.report(key.span, &format!("unknown key `{}`", key.name), &hint);
        }
    }
}

fn is_function(name: &str) -> bool {
    ["range", "dict", "namespace", "debug", "loop", "true", "false", "none"].contains(&name)
}

/// "did you mean", or the list of what is known.
pub(super) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match closest_match(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => String::new(),
        None => format!("known are: {}", known.join(", ")),
    }
}

fn suggest_key<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let hint = suggest(word, known);
    if hint.starts_with("did you mean") { format!("; {hint}") } else { String::new() }
}
