//! Reading a page of YAML field by field. A field that is wrong is reported and reading goes on, so
//! that an author sees every problem at once.

use crate::core::diagnosis::plan::BACKUP;
use crate::core::expr::{Expr, MessageTemplate};
use crate::core::ids::NameError;
use crate::core::playbook::SystemType;
use crate::core::playbook::command::{Template, TemplateSource};
use crate::core::text::suggest::closest_match;
use crate::library::keep;
use crate::library::keep::BackupWrapper;
use crate::library::node::{Content, Node, Span};
use crate::library::problem::Problem;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

/// One file being read, with the problems found in it so far.
pub(super) struct YamlFile {
    path: String,
    text: String,
    problems: RefCell<Vec<Problem>>,
}

/// A map of a page; fields are taken out of it, and what is left over is not known.
pub(super) struct Map<'p> {
    file: &'p YamlFile,
    place: Span,
    entries: Vec<(crate::library::node::MapKey, Node)>,
    known: Vec<&'static str>,
}

impl YamlFile {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), problems: RefCell::default() }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    pub fn report(&self, place: Span, message: &str, hint: &str) {
        let problem = Problem::at(&self.path, &self.text, place.start, place.length, message, hint);
        self.problems.borrow_mut().push(problem);
    }

    pub fn report_file(&self, message: &str, hint: &str) {
        self.report(Span { start: 0, length: 0 }, message, hint);
    }

    /// Reports at the last place where a text stands.
    pub fn report_at_text(&self, text: &str, message: &str, hint: &str) {
        let start = self.text.rfind(text).unwrap_or(0);
        self.report(Span { start, length: text.len() }, message, hint);
    }

    /// Reads the whole page as one map.
    pub fn read<T>(&self, decode: impl FnOnce(Map<'_>) -> Option<T>) -> Option<T> {
        match serde_saphyr::from_str_with_options::<Node>(&self.text, crate::library::yaml()) {
            Ok(node) => decode(self.map(node)?),
            Err(error) => {
                let at = error.location().and_then(|at| at.span().byte_offset());
                let start = at.and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
                let message = error.to_string();
                let message = message.lines().next().unwrap_or("not YAML");
                self.report(Span { start, length: 1 }, message, "see docs/PLAYBOOKS.md for the format");
                None
            }
        }
    }

    pub fn map(&self, node: Node) -> Option<Map<'_>> {
        match node.content {
            Content::Map(entries) => Some(Map { file: self, place: node.span, entries, known: Vec::new() }),
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

    pub fn list(&self, node: Node) -> Option<Vec<Node>> {
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

    pub fn text_of(&self, node: &Node) -> Option<String> {
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

    pub fn named<N>(&self, node: &Node, new: impl FnOnce(String) -> Result<N, NameError>) -> Option<N> {
        let text = self.text_of(node)?;
        new(text).map_err(|bad| self.report(node.span, &bad.to_string(), "")).ok()
    }

    pub fn expr(&self, node: &Node) -> Option<Expr> {
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

    pub fn sentence(&self, node: &Node) -> Option<MessageTemplate> {
        let text = self.text_of(node)?;
        let bad = |bad: crate::core::expr::ExprError| {
            self.report(node.span, &bad.message, "values stand in `{{ }}`");
        };
        MessageTemplate::new(&text).map_err(bad).ok()
    }

    pub fn regex(&self, node: &Node) -> Option<Regex> {
        let text = self.text_of(node)?;
        let built = RegexBuilder::new(&text).case_insensitive(true).build();
        built
            .map_err(|error| {
                let message = error.to_string();
                let last = message.lines().next_back().unwrap_or("").trim_start_matches("error: ");
                self.report(node.span, &format!("not a regular expression: {last}"), "");
            })
            .ok()
    }

    pub fn duration(&self, node: &Node) -> Option<Duration> {
        let text = self.text_of(node)?;
        let parsed = humantime::parse_duration(&text).ok();
        if parsed.is_none() {
            self.report(node.span, &format!("`{text}` is not a time"), "for example 30s, 5m or 1h");
        }
        parsed
    }

    pub fn number(&self, node: &Node) -> Option<u32> {
        let number = node.value().as_u64().and_then(|n| u32::try_from(n).ok());
        if number.is_none() {
            self.report(node.span, &format!("expected a whole number, found {}", node.describe()), "");
        }
        number
    }

    pub fn flag(&self, node: &Node) -> Option<bool> {
        let flag = node.value().as_bool();
        if flag.is_none() {
            self.report(node.span, &format!("expected true or false, found {}", node.describe()), "");
        }
        flag
    }

    /// One of a closed set of words.
    pub fn word<T: serde::de::DeserializeOwned>(&self, node: &Node, words: &[&str]) -> Option<T> {
        let text = self.text_of(node)?;
        let parsed = serde_json::from_value(Value::String(text.clone())).ok();
        if parsed.is_none() {
            let hint = format!("one of {}{}", words.join(", "), suggest_key(&text, words.iter().copied()));
            self.report(node.span, &format!("`{text}` is not known here"), &hint);
        }
        parsed
    }

    /// Checks that every name an expression uses is there: `plain` names, or facts of the system.
    pub fn check_names(&self, place: Span, names: &BTreeSet<String>, plain: &[&str], system: &SystemType) {
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
                        place,
                        &format!("the probe `{first}` has no fact `{fact}`"),
                        &suggest(fact, facts),
                    );
                }
                (Some(_), None) => {
                    self.report(
                        place,
                        &format!("`{first}` is a probe, not a value"),
                        &format!("name a fact of it, `{first}.…`"),
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
                        place,
                        &format!("`{name}` is neither a parameter nor a fact"),
                        &suggest(first, all),
                    );
                }
            }
        }
    }

    /// Checks that every value a command uses is a parameter or a typed fact.
    pub fn check_values(&self, place: Span, names: &BTreeSet<&str>, system: &SystemType) {
        for name in names {
            let known: BTreeSet<String> = BTreeSet::from([(*name).to_owned()]);
            self.check_names(place, &known, &[], system);
            let Some((probe, fact)) = name.split_once('.') else { continue };
            let found =
                system.probes.get(probe).and_then(|p| p.facts.iter().find(|f| f.name.as_str() == fact));
            if found.is_some_and(|fact| fact.value_type.is_none()) {
                self.report(
                    place,
                    &format!("`{name}` has no type, so it cannot become part of a command"),
                    &format!("in system.yaml: `{fact}: {{ is: …, type: name }}`"),
                );
            }
        }
    }
}

impl<'p> Map<'p> {
    /// The text under a key, without taking it.
    pub fn peek_text(&self, key: &str) -> Option<&str> {
        let (_, node) = self.entries.iter().find(|(k, _)| k.name == key)?;
        match &node.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn place(&self) -> Span {
        self.place
    }

    /// Takes a field that may be missing.
    pub fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let index = self.entries.iter().position(|(k, _)| k.name == key)?;
        let node = self.entries.remove(index).1;
        (!matches!(node.content, Content::Plain(Value::Null))).then_some(node)
    }

    /// Takes a field that must be there.
    pub fn require(&mut self, key: &'static str, hint: &str) -> Option<Node> {
        let node = self.take(key);
        if node.is_none() {
            let place = Span { start: self.place.start, length: self.place.length.min(1) };
            self.file.report(place, &format!("`{key}` is missing"), hint);
        }
        node
    }

    /// All entries, for maps whose keys are names.
    pub fn into_entries(self) -> Vec<(crate::library::node::MapKey, Node)> {
        self.entries
    }

    /// Takes the items of a list, decoded one by one; missing is empty.
    pub fn items<T>(&mut self, key: &'static str, mut decode: impl FnMut(&Node) -> Option<T>) -> Vec<T> {
        let list = self.take(key).and_then(|node| self.file.list(node)).unwrap_or_default();
        list.iter().filter_map(&mut decode).collect()
    }

    /// Takes `run` or `script` and what goes with them, as a command.
    pub fn command(
        &mut self,
        name: &str,
        timeout: Duration,
        system: &SystemType,
        around: BackupWrapper<'_>,
    ) -> Option<Template> {
        let page = self.file;
        let run = self.take("run");
        let script = self.take("script");
        let env = self.take("env").and_then(|node| page.map(node));
        let cwd = self.take("in");
        let sudo = self.take("sudo").and_then(|node| page.flag(&node)).unwrap_or(false);
        let timeout = self.take("timeout").and_then(|node| page.duration(&node)).unwrap_or(timeout);
        let place = run.as_ref().or(script.as_ref()).map_or(self.place, |node| node.span);
        let text = |node: &Option<Node>| node.as_ref().and_then(|node| page.text_of(node));
        let (run, script, cwd) = (text(&run), text(&script), text(&cwd));
        let mut env: Vec<(String, String)> = env.map_or_else(Vec::new, |map| {
            let entries = map.into_entries();
            entries.into_iter().filter_map(|(key, node)| Some((key.name, page.text_of(&node)?))).collect()
        });
        let mut whole = script.clone();
        if !matches!(around, BackupWrapper::None) {
            if let Some((taken, _)) = env.iter().find(|(key, _)| keep::TAKEN.contains(&key.as_str())) {
                page.report(place, &format!("`{taken}` has a meaning beside `keep`"), "name it otherwise");
            }
            if run.is_some() {
                page.report(place, "`keep` goes with `script`", "make a script of `run`");
            }
            env.push((keep::VARIABLE.into(), format!("{{{{ {BACKUP} }}}}")));
            whole = script.as_deref().map(|own| around.script(own));
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
        let template = match Template::new(source) {
            Ok(template) => template,
            Err(bad) => {
                page.report(place, &bad.message, &bad.hint);
                return None;
            }
        };
        if let Some(why) = run.as_deref().or(script.as_deref()).and_then(forbidden) {
            page.report(place, why, "clean up what is known to be unused, by name or label");
        }
        let mut names = template.names();
        if !matches!(around, BackupWrapper::None) {
            names.remove(BACKUP);
        }
        page.check_values(place, &names, system);
        Some(template)
    }

    /// Reports every field that nobody took.
    pub fn finish(self) {
        for (key, _) in &self.entries {
            let hint = suggest(&key.name, self.known.iter().copied());
            self.file.report(key.span, &format!("`{}` is not known here", key.name), &hint);
        }
    }
}

/// Commands that have destroyed data or images on real servers; no playbook may hold them.
#[expect(clippy::expect_used, reason = "the pattern is a constant")]
static FORBIDDEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\bsystem\s+prune\b", "`docker system prune` deletes images and networks that are only idle"),
        (r"\bvolumes?\s+(prune|rm)\b|\bprune\b[^\n;|&]*--volumes", "deleting volumes deletes data"),
        (
            r"\bimage\s+prune\b[^\n;|&]*(\s-[a-z]*a|\s--all)",
            "`docker image prune -a` deletes images that no container happens to use now",
        ),
        (r"\bdown\b[^\n;|&]*(\s-[a-z]*v\b|\s--volumes)", "`docker compose down -v` deletes data"),
        (r"\brm\s+(-[a-zA-Z]*\s+)*(--\s+)?/(\s|$|\*)", "this deletes the whole file system"),
    ]
    .map(|(pattern, why)| (Regex::new(pattern).expect("a constant pattern"), why))
    .into()
});

fn forbidden(text: &str) -> Option<&'static str> {
    FORBIDDEN.iter().find(|(regex, _)| regex.is_match(text)).map(|(_, why)| *why)
}

fn is_function(name: &str) -> bool {
    ["range", "dict", "namespace", "debug", "loop", "true", "false", "none"].contains(&name)
}

/// "did you mean", or the list of what there is.
pub(super) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match closest_match(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => String::new(),
        None => format!("there is: {}", known.join(", ")),
    }
}

fn suggest_key<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let hint = suggest(word, known);
    if hint.starts_with("did you mean") { format!("; {hint}") } else { String::new() }
}
