//! The state of a fake host: a tree of values, changed through paths, read by expressions.

use chrono::{DateTime, Utc};
use fieldmedic_core::expr::{Expr, Scope, Truth};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names that expressions have beside the state.
pub(super) const RESERVED: [&str; 4] = ["now", "args", "env", "cwd"];

#[derive(Debug, Clone)]
pub(super) struct HostState {
    tree: Map<String, Value>,
    /// The same, as expressions see it.
    names: Scope,
}

/// The names that a command adds for its expressions and templates.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestNames {
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub cwd: String,
}

/// A value to be written: as it stands, or to be computed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    Fixed(Value),
    Computed(Expr),
}

/// Paths and what they become.
pub(super) type Settings = Vec<(String, Source)>;

impl HostState {
    /// A state with these values, by the first name of their paths.
    pub(super) fn new(tree: Map<String, Value>) -> Self {
        let mut names = Scope::default();
        for (name, value) in &tree {
            names.set(name, Ok(value.clone()));
        }
        Self { tree, names }
    }

    /// All values, as one object.
    pub(super) fn tree(&self) -> Value {
        Value::Object(self.tree.clone())
    }

    /// The value at a path of names and list indices, parted by dots.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        let (first, rest) = parts(path);
        rest.into_iter().try_fold(self.tree.get(first)?, |value, part| match value {
            Value::Object(map) => map.get(part),
            Value::Array(list) => list.get(part.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Writes a value where there is one.
    pub(super) fn set(&mut self, path: &str, new: Value) -> Result<(), String> {
        let (first, rest) = parts(path);
        let missing = || format!("the state has no `{path}`");
        let whole = self.tree.get_mut(first).ok_or_else(missing)?;
        let found = rest.into_iter().try_fold(&mut *whole, |value, part| match value {
            Value::Object(map) => map.get_mut(part),
            Value::Array(list) => list.get_mut(part.parse::<usize>().ok()?),
            _ => None,
        });
        *found.ok_or_else(missing)? = new;
        self.names.set(first, Ok(whole.clone()));
        Ok(())
    }

    /// Computes all the values, then writes them.
    pub(super) fn apply(
        &mut self,
        settings: &Settings,
        now: DateTime<Utc>,
        request: &RequestNames,
    ) -> Result<(), String> {
        let scope = self.scope(now, request);
        let values: Vec<(&String, Value)> = settings
            .iter()
            .map(|(path, source)| match source {
                Source::Fixed(value) => Ok((path, value.clone())),
                Source::Computed(expr) => match expr.value(&scope) {
                    Ok(value) => Ok((path, value)),
                    Err(reason) => Err(format!("`{path}: {}`: {reason}", expr.source())),
                },
            })
            .collect::<Result<_, _>>()?;
        values.into_iter().try_for_each(|(path, value)| self.set(path, value))
    }

    /// Whether a condition holds; there is none if it holds always.
    pub(super) fn holds(
        &self,
        when: Option<&Expr>,
        now: DateTime<Utc>,
        request: &RequestNames,
    ) -> Result<bool, String> {
        let Some(when) = when else { return Ok(true) };
        match when.truth(&self.scope(now, request)) {
            Truth::True => Ok(true),
            Truth::False => Ok(false),
            Truth::Unknown(reason) => Err(format!("`{}`: {reason}", when.source())),
        }
    }

    /// Fills a template.
    pub(super) fn fill(
        &self,
        templates: &Templates,
        name: &str,
        now: DateTime<Utc>,
        request: &RequestNames,
    ) -> Result<String, String> {
        let mut context = self.tree.clone();
        context.extend(self.extras(now, request));
        let template = templates.0.get_template(name).map_err(|error| error.to_string())?;
        template.render(Serde(context)).map_err(|error| format!("{error:#}"))
    }

    fn scope(&self, now: DateTime<Utc>, request: &RequestNames) -> Scope {
        let mut scope = self.names.clone();
        for (name, value) in self.extras(now, request) {
            scope.set(name, Ok(value));
        }
        scope
    }

    fn extras(&self, now: DateTime<Utc>, request: &RequestNames) -> impl Iterator<Item = (String, Value)> {
        let values: [Value; 4] = [
            now.timestamp().into(),
            request.args.clone().into(),
            request.env.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))).collect(),
            request.cwd.clone().into(),
        ];
        RESERVED.into_iter().map(str::to_owned).zip(values)
    }
}

fn parts(path: &str) -> (&str, Vec<&str>) {
    let mut parts = path.split('.');
    (parts.next().unwrap_or_default(), parts.collect())
}

/// The compiled templates of a file, by name.
pub(super) struct Templates(Environment<'static>);

impl Templates {
    /// No templates yet. They are strict: an undefined name is an error when a template is filled.
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // A line that holds only a tag leaves no line behind.
        let syntax =
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(syntax.unwrap_or_default());
        environment.add_filter("time", |seconds: i64| {
            DateTime::<Utc>::from_timestamp(seconds, 0)
                .map(|time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
                .unwrap_or_default()
        });
        Self(environment)
    }

    /// Compiles a template. One with the same name is replaced.
    ///
    /// # Errors
    /// Why the source is not a template, in a few words.
    pub(super) fn add(&mut self, name: String, source: String) -> Result<(), String> {
        self.0.add_template_owned(name, source).map_err(|error| format!("{error:#}"))
    }
}
