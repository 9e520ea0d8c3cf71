//! Expressions with three values: true, false, unknown.
//!
//! An expression that touches anything that could not be read is unknown, whatever its operators
//! would make of it. minijinja's strict mode alone is not enough: it lets an undefined value be
//! compared. So names are looked up through [`Scope`], which notes every miss.

pub mod value_type;

use crate::text::cache::Cache;
use crate::text::pattern::{Matching, compile};
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde, Value as Jinja, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};

/// The answer to a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// It could not be told, and why. Never selects a remedy, passes a verification or closes a ticket.
    Unknown(String),
}

impl Truth {
    /// Whether it is [`Truth::True`]; unknown is not.
    pub fn is_true(&self) -> bool {
        *self == Truth::True
    }

    /// Kleene's negation.
    pub fn negate(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            unknown => unknown,
        }
    }
}

/// A name's value, or why it has none.
pub type FactValue = Result<Value, String>;

/// What an expression can see: plain names, and namespaces of facts.
///
/// Clones share their entries: an expression reads what it names and nothing else, however much there is.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    entries: Arc<BTreeMap<String, Arc<Entry>>>,
}

#[derive(Debug)]
enum Entry {
    Plain(FactValue),
    Namespace(BTreeMap<String, FactValue>),
}

impl Scope {
    /// Sets a plain name, in place of what had this name before.
    pub fn set(&mut self, name: impl Into<String>, known: FactValue) {
        self.insert(name.into(), Entry::Plain(known));
    }

    /// Sets the facts behind `name.`, in place of what had this name before.
    pub fn set_namespace(&mut self, name: impl Into<String>, facts: BTreeMap<String, FactValue>) {
        self.insert(name.into(), Entry::Namespace(facts));
    }

    fn insert(&mut self, name: String, entry: Entry) {
        Arc::make_mut(&mut self.entries).insert(name, Arc::new(entry));
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name).map(|entry| &**entry)
    }

    /// The value behind `name` or `namespace.name`.
    ///
    /// # Errors
    /// The name is not in this scope, or its value is unknown.
    pub fn get(&self, path: &str) -> FactValue {
        let unheard = || Err(format!("`{path}` is not known here"));
        match path.split_once('.') {
            None => match self.entry(path) {
                Some(Entry::Plain(known)) => known.clone(),
                _ => unheard(),
            },
            Some((space, name)) => match self.entry(space) {
                Some(Entry::Namespace(facts)) => facts.get(name).cloned().unwrap_or_else(unheard),
                _ => unheard(),
            },
        }
    }
}

/// An expression that compiles.
///
/// The compiled form takes ten kilobytes, and a library holds thousands of expressions, most of which are seldom
/// asked. So the text is kept, and the compiled form of those that were asked lately.
#[derive(Clone)]
pub struct Expr {
    source: String,
}

type Compiled = Arc<minijinja::Expression<'static, 'static>>;

/// So many compiled expressions are kept: those of a look at some systems. To compile one takes some microseconds.
const KEPT: usize = 256;

static COMPILED: LazyLock<Cache<String, Compiled>> = LazyLock::new(|| Cache::new(KEPT));

fn compiled_expression(source: &str) -> Result<Compiled, Error> {
    COMPILED.get_or_build(source, || Ok(Arc::new(LANGUAGE.compile_expression_owned(source.to_owned())?)))
}

/// What is wrong with an expression's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// What the parser says, in a few words.
    pub message: String,
}

static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.add_filter("number", to_number);
    env.add_filter("bytes", to_bytes);
    env.add_filter("matching", keep_matching);
    env.add_test("matching", is_matching);
    env.add_filter("first", |list: Jinja| pick(list, |items| items.into_iter().next()));
    env.add_filter("last", |list: Jinja| pick(list, |items| items.into_iter().next_back()));
    env.add_filter("min", |list: Jinja| pick(list, |items| items.into_iter().min()));
    env.add_filter("max", |list: Jinja| pick(list, |items| items.into_iter().max()));
    env
});

impl Expr {
    /// Compiles a text in the expression language of minijinja.
    ///
    /// # Errors
    /// The text is not one expression.
    pub fn new(source: &str) -> Result<Self, ExprError> {
        compiled_expression(source).map_err(|error| ExprError { message: explain(&error) })?;
        Ok(Self { source: source.to_owned() })
    }

    /// The text that it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names it refers to, as `name` or `namespace.name`.
    pub fn names(&self) -> BTreeSet<String> {
        // It was compiled before, so it compiles.
        compiled_expression(&self.source)
            .map(|it| it.undeclared_variables(true).into_iter().collect())
            .unwrap_or_default()
    }

    /// The value in this scope, or why it is unknown.
    ///
    /// # Errors
    /// It touches something unknown, has no value, or an operator or filter fails.
    pub fn value(&self, scope: &Scope) -> FactValue {
        let misses = UnresolvedNames::default();
        let names = TrackedScope { level: ScopeLevel::Root(scope.clone()), misses: misses.clone() };
        let result = compiled_expression(&self.source).and_then(|it| it.eval(Jinja::from_object(names)));
        if let Some(reason) = misses.first() {
            return Err(reason);
        }
        match result {
            Err(error) => Err(explain(&error)),
            Ok(value) if value.is_undefined() || value.is_none() => {
                Err(format!("`{}` gave no value", self.source))
            }
            Ok(value) => serde_json::to_value(&value).map_err(|error| error.to_string()),
        }
    }

    /// Whether it holds. Anything but `true` or `false` is unknown: a condition must be a question.
    pub fn truth(&self, scope: &Scope) -> Truth {
        match self.value(scope) {
            Ok(Value::Bool(true)) => Truth::True,
            Ok(Value::Bool(false)) => Truth::False,
            Ok(other) => Truth::Unknown(format!("`{}` gave {other}, not true or false", self.source)),
            Err(reason) => Truth::Unknown(reason),
        }
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({:?})", self.source)
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// A sentence with `{{ expressions }}` in it, for people to read; never for a command.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageTemplate {
    parts: Vec<Part>,
    source: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Value(Expr),
}

impl MessageTemplate {
    /// Compiles a text with `{{ expressions }}` in it.
    ///
    /// # Errors
    /// A `{{` is not closed, or what stands in it is not one expression.
    pub fn new(source: &str) -> Result<Self, ExprError> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, opened)) = rest.split_once("{{") {
            let (expr, behind) = opened
                .split_once("}}")
                .ok_or_else(|| ExprError { message: "`{{` is not closed by `}}`".into() })?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Value(Expr::new(expr.trim())?));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts, source: source.to_owned() })
    }

    /// The text that it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names that its expressions refer to, as `name` or `namespace.name`.
    pub fn names(&self) -> BTreeSet<String> {
        self.exprs().flat_map(Expr::names).collect()
    }

    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(expr) => Some(expr),
            Part::Text(_) => None,
        })
    }

    /// The sentence with its values; what is unknown reads `unknown`.
    pub fn fill(&self, scope: &Scope) -> String {
        self.spans(scope).into_iter().map(|span| span.text).collect()
    }

    /// The same in pieces, so that the author's own words can be told from values.
    pub fn spans(&self, scope: &Scope) -> Vec<MessageSpan> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => MessageSpan { authored: true, text: text.clone() },
                Part::Value(expr) => {
                    let text = expr.value(scope).map(|value| value_type::words(&value).join(", "));
                    MessageSpan { authored: false, text: text.unwrap_or_else(|_| "unknown".into()) }
                }
            })
            .collect()
    }
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageSpan {
    /// The playbook's author wrote it, so its Markdown is meant.
    pub authored: bool,
    /// The author's words; or a value, which reads `unknown` where it is that.
    pub text: String,
}

/// Names that were looked up and had no value.
#[derive(Debug, Clone, Default)]
struct UnresolvedNames(Arc<Mutex<Vec<String>>>);

impl UnresolvedNames {
    fn note(&self, reason: String) {
        if let Ok(mut list) = self.0.lock() {
            list.push(reason);
        }
    }

    fn first(&self) -> Option<String> {
        self.0.lock().ok().and_then(|list| list.first().cloned())
    }
}

/// One level of names; reads through it note their misses.
#[derive(Debug)]
struct TrackedScope {
    level: ScopeLevel,
    misses: UnresolvedNames,
}

#[derive(Debug)]
enum ScopeLevel {
    /// The outermost names; one that is not here may be a function of the language.
    Root(Scope),
    /// The facts of a probe.
    Facts(Scope, String),
    /// A map inside a value. `map.get('key', default)` reads an optional key without a miss.
    Data { path: String, values: BTreeMap<String, Result<Jinja, String>> },
}

impl TrackedScope {
    /// The value under a key, or why there is none; `None` where the language itself may have it.
    fn read(&self, key: &str) -> Option<Result<Jinja, String>> {
        let unheard = |path: &str| format!("{path}{key} is not known here");
        let told = |path: &str, known: &FactValue| match known {
            Ok(value) => Ok(tracked(value, &format!("{path}{key}"), &self.misses)),
            Err(reason) => Err(format!("{path}{key} is unknown: {reason}")),
        };
        Some(match &self.level {
            ScopeLevel::Root(scope) => match scope.entry(key) {
                Some(Entry::Plain(known)) => told("", known),
                Some(Entry::Namespace(_)) => {
                    let level = ScopeLevel::Facts(scope.clone(), key.to_owned());
                    Ok(Jinja::from_object(TrackedScope { level, misses: self.misses.clone() }))
                }
                None if LANGUAGE.globals().any(|(name, _)| name == key) => return None,
                None => Err(unheard("")),
            },
            ScopeLevel::Facts(scope, space) => {
                let path = format!("{space}.");
                match scope.entry(space) {
                    Some(Entry::Namespace(facts)) => {
                        facts.get(key).map_or_else(|| Err(unheard(&path)), |known| told(&path, known))
                    }
                    _ => Err(unheard(&path)),
                }
            }
            ScopeLevel::Data { path, values } => match values.get(key) {
                Some(Ok(value)) => Ok(value.clone()),
                Some(Err(reason)) => Err(format!("{path}.{key} is unknown: {reason}")),
                None => Err(unheard(&format!("{path}."))),
            },
        })
    }

    fn keys(&self) -> Vec<String> {
        match &self.level {
            ScopeLevel::Root(scope) => scope.entries.keys().cloned().collect(),
            ScopeLevel::Facts(scope, space) => match scope.entry(space) {
                Some(Entry::Namespace(facts)) => facts.keys().cloned().collect(),
                _ => Vec::new(),
            },
            ScopeLevel::Data { values, .. } => values.keys().cloned().collect(),
        }
    }
}

impl Object for TrackedScope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        match self.read(key.as_str()?)? {
            Ok(value) => Some(value),
            Err(reason) => {
                self.misses.note(reason);
                None
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.keys().into_iter().map(Jinja::from).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut minijinja::State<'_, '_>,
        method: &str,
        args: &[Jinja],
    ) -> Result<Jinja, Error> {
        match (&self.level, method, args) {
            (ScopeLevel::Data { values, .. }, "get", [key, default]) => {
                let found = key.as_str().and_then(|key| values.get(key));
                Ok(found.and_then(|value| value.clone().ok()).unwrap_or_else(|| default.clone()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// A list inside a value; an index beyond its end is a miss.
#[derive(Debug)]
struct Items {
    path: String,
    values: Vec<Jinja>,
    misses: UnresolvedNames,
}

impl Object for Items {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let found = key.as_usize().and_then(|index| self.values.get(index)).cloned();
        if found.is_none() {
            self.misses.note(format!("{}[{key}] is not there", self.path.trim_end_matches('.')));
        }
        found
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.values.len())
    }
}

/// A JSON value whose every level notes misses. A null is a miss where it is read.
fn tracked(value: &Value, path: &str, misses: &UnresolvedNames) -> Jinja {
    match value {
        Value::Object(entries) => {
            let values = entries.iter().map(|(key, entry)| {
                let tracked = match entry {
                    Value::Null => Err("it is null".to_owned()),
                    entry => Ok(tracked(entry, &format!("{path}.{key}"), misses)),
                };
                (key.clone(), tracked)
            });
            let level = ScopeLevel::Data { path: path.to_owned(), values: values.collect() };
            Jinja::from_object(TrackedScope { level, misses: misses.clone() })
        }
        Value::Array(items) => {
            let values = items.iter().enumerate();
            let values = values.map(|(index, item)| tracked(item, &format!("{path}[{index}]"), misses));
            Jinja::from_object(Items {
                path: path.to_owned(),
                values: values.collect(),
                misses: misses.clone(),
            })
        }
        plain => Jinja::from(Serde(plain)),
    }
}

/// The smallest, largest, first or last of nothing is an error: undefined would compare silently.
fn pick(value: Jinja, choose: fn(Vec<Jinja>) -> Option<Jinja>) -> Result<Jinja, Error> {
    choose(value.try_iter()?.collect())
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the list is empty"))
}

fn explain(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// `"91%" | number`: the number at the start of a text, with an optional unit of `%` behind it.
fn to_number(value: Jinja) -> Result<Jinja, Error> {
    let refuse = || Error::new(ErrorKind::InvalidOperation, format!("{value} is not a number"));
    if value.kind() == ValueKind::Number {
        return Ok(value);
    }
    let text = value.as_str().ok_or_else(refuse)?.trim();
    let text = text.strip_suffix('%').unwrap_or(text).trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Jinja::from(whole));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Jinja::from(number)),
        _ => Err(refuse()),
    }
}

/// `"1.5GB" | bytes`: a size with a unit, as Docker, `du -h` and `journalctl` print them, in bytes.
fn to_bytes(value: Jinja) -> Result<Jinja, Error> {
    let refuse = || Error::new(ErrorKind::InvalidOperation, format!("{value} is not a size"));
    if value.kind() == ValueKind::Number {
        return Ok(value);
    }
    let text = value.as_str().ok_or_else(refuse)?.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| refuse())?;
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "kb" => 1e3,
        "m" | "mib" => 1024.0 * 1024.0,
        "mb" => 1e6,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "gb" => 1e9,
        "t" | "tib" => 1024.0_f64.powi(4),
        "tb" => 1e12,
        _ => return Err(refuse()),
    };
    Ok(Jinja::from((number * factor) as i64))
}

/// `lines | matching("regex")`: the texts in which the pattern is found.
fn keep_matching(value: Jinja, pattern: String) -> Result<Vec<Jinja>, Error> {
    let regex = compiled(&pattern)?;
    Ok(value.try_iter()?.filter(|item| item.as_str().is_some_and(|text| regex.is_match(text))).collect())
}

/// `row.Labels is matching("regex")`, `rows | selectattr("Labels", "matching", "regex")`.
fn is_matching(value: Jinja, pattern: String) -> Result<bool, Error> {
    let regex = compiled(&pattern)?;
    Ok(value.as_str().is_some_and(|text| regex.is_match(text)))
}

fn compiled(pattern: &str) -> Result<regex::Regex, Error> {
    compile(pattern, Matching::Plain)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.set("limit", Ok(json!(90)));
        scope.set("rows", Ok(json!([{"State": "running", "n": 1}, {"State": "exited", "n": 2}])));
        scope.set_namespace(
            "workers",
            BTreeMap::from([
                ("running".into(), Ok(json!(3))),
                ("expected".into(), Ok(json!(4))),
                ("lost".into(), Err("exit 1".into())),
            ]),
        );
        scope
    }

    #[test]
    fn truth_has_three_values() {
        let unknown = "unknown";
        for (source, expect) in [
            ("workers.running < workers.expected", "true"),
            ("workers.running > limit", "false"),
            ("workers.lost < 3", unknown),
            ("workers.lost == 3", unknown),
            ("not workers.lost", unknown),
            ("workers.nothing > 1", unknown),
            ("nowhere > 1", unknown),
            ("nowhere.at.all > 1", unknown),
            ("workers.lost is defined", unknown),
            ("workers.lost | default(0) == 0", unknown),
            ("true or workers.lost", "true"),
            ("workers.lost or true", unknown),
            ("workers.running", unknown),
            ("'yes'", unknown),
            ("rows[7].State == 'x'", unknown),
            ("rows[0].Missing > 3", unknown),
            ("rows[0].get('Missing', 9) > 3", "true"),
            ("workers.get('lost', 9) > 3", unknown),
            ("([] | first) != 3", unknown),
            ("(rows | map(attribute='n') | max) == 2", "true"),
            ("rows[1].State in ['exited', 'dead']", "true"),
            ("rows | selectattr('Gone', 'eq', 1) | list | length == 0", unknown),
            ("rows | selectattr('State', 'eq', 'running') | list | length == 1", "true"),
            ("rows | map(attribute='n') | sum == 3", "true"),
            ("'12%' | number > 11", "true"),
            ("'abc' | number > 11", unknown),
            ("'1.5GB' | bytes == 1500000000", "true"),
            ("range(3) | length == 3", "true"),
            ("['a1', 'b2'] | matching('^b') | length == 1", "true"),
            ("rows | selectattr('State', 'matching', '^exi') | list | length == 1", "true"),
            ("rows | rejectattr('Gone', 'matching', '^exi') | list | length == 2", unknown),
        ] {
            let truth = match Expr::new(source).unwrap().truth(&scope()) {
                Truth::True => "true",
                Truth::False => "false",
                Truth::Unknown(_) => unknown,
            };
            assert_eq!(truth, expect, "{source}");
        }
    }

    #[test]
    fn unknown_says_why() {
        let truth = Expr::new("workers.lost > 1").unwrap().truth(&scope());
        assert_eq!(truth, Truth::Unknown("workers.lost is unknown: exit 1".into()));
    }

    #[test]
    fn names_are_found() {
        let names = Expr::new("workers.running < limit and rows[0].n > 1").unwrap().names();
        assert!(names.contains("workers.running") && names.contains("limit"), "{names:?}");
    }

    #[test]
    fn sentences_show_what_is_unknown() {
        let sentence = MessageTemplate::new("{{ workers.running }} of {{ workers.lost }} run").unwrap();
        assert_eq!(sentence.fill(&scope()), "3 of unknown run");
        assert!(MessageTemplate::new("{{ open").is_err());
    }
}
