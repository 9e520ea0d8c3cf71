//! Reads `host.yaml`: everything is checked and compiled before the host answers a command.

use crate::host::command_line::Pattern;
use crate::host::spec_file::{CommandSpec, DelayedSet, HostFault, Sets, SpecFile, Sudo, TickSpec};
use crate::host::state::{HostState, RESERVED, Settings, Source, Templates};
use fieldmedic_core::diagnosis::evidence::Exit;
use fieldmedic_core::expr::Expr;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A checked `host.yaml`. Cheap to clone, so that each run begins with a fresh host.
#[derive(Clone)]
pub struct HostSpec(pub(super) Arc<HostRules>);

/// A problem of a `host.yaml`, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct HostSpecError {
    /// Counted from 1; 0 if the place is unknown.
    pub line: u64,
    /// Counted from 1.
    pub column: u64,
    /// What is wrong, without the place.
    pub message: String,
}

/// The form of the file, as it is written.
impl JsonSchema for HostSpec {
    fn schema_name() -> Cow<'static, str> {
        "HostSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        SpecFile::json_schema(generator)
    }
}

pub(super) struct HostRules {
    pub state: HostState,
    pub unreachable: Down,
    pub commands: Vec<Arc<CommandRule>>,
    pub ticks: Vec<Tick>,
    pub templates: Templates,
}

/// When the host refuses connections.
pub(super) enum Down {
    Always,
    Never,
    While(Expr),
}

/// One entry of `commands`.
pub(super) struct CommandRule {
    /// Where it begins in the file.
    pub line: u64,
    pub pattern: Pattern,
    pub cwd: Option<String>,
    pub when: Option<Expr>,
    pub times: Option<u32>,
    pub sudo: Option<Sudo>,
    /// Names of templates.
    pub stdout: Option<String>,
    pub stderr: Option<String>,
    pub exit: Exit,
    pub duration: Duration,
    pub set: Settings,
    pub after: Vec<Arc<DelayedChange>>,
    pub fault: Option<HostFault>,
}

pub(super) struct DelayedChange {
    pub delay: Duration,
    pub when: Option<Expr>,
    pub set: Settings,
}

pub(super) struct Tick {
    pub interval: Duration,
    pub when: Option<Expr>,
    pub set: Settings,
}

/// Scenarios nest a handful of times; deeper YAML would take more of the stack than there is.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: 24 },
    }
}

impl HostSpec {
    /// Reads and checks the text of a `host.yaml`.
    ///
    /// # Errors
    /// The first problem, with its place.
    pub fn parse(text: &str) -> Result<Self, HostSpecError> {
        let file: SpecFile = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            HostSpecError { line, column, message: error.without_snippet().to_string() }
        })?;
        let state = state(file.state)?;
        let mut templates = Templates::new();
        let commands = file.commands.into_iter().enumerate();
        let commands =
            commands.map(|(index, entry)| rule(index, entry, &state, &mut templates).map(Arc::new));
        let commands = commands.collect::<Result<_, _>>()?;
        let ticks = file.ticks.into_iter().map(|spec| tick(spec, &state)).collect::<Result<_, _>>()?;
        let unreachable = down(file.unreachable)?;
        Ok(Self(Arc::new(HostRules { state, unreachable, commands, ticks, templates })))
    }
}

fn state(tree: Option<Spanned<Map<String, Value>>>) -> Result<HostState, HostSpecError> {
    let Some(tree) = tree else { return Ok(HostState::new(Map::new())) };
    match RESERVED.iter().find(|name| tree.value.contains_key(**name)) {
        Some(name) => Err(bad(&tree, format!("`{name}` is reserved and cannot be a name in `state`"))),
        None => Ok(HostState::new(tree.value)),
    }
}

fn rule(
    index: usize,
    entry: Spanned<CommandSpec>,
    state: &HostState,
    templates: &mut Templates,
) -> Result<CommandRule, HostSpecError> {
    let place = Spanned { value: (), referenced: entry.referenced, defined: entry.defined };
    let entry = entry.value;
    let pattern = match (entry.run, entry.script) {
        (Some(run), None) => Pattern::words(&run.value).map_err(|problem| bad(&run, problem))?,
        (None, Some(name)) => Pattern::Script(name),
        _ => return Err(bad(&place, "a command needs either `run` or `script`")),
    };
    let mut compile = |stream: &str, text: Option<Spanned<String>>| {
        text.map(|text| {
            let name = format!("{stream} of command {}", index + 1);
            templates.add(name.clone(), text.value.clone()).map_err(|problem| bad(&text, problem))?;
            Ok(name)
        })
        .transpose()
    };
    let stdout = compile("stdout", entry.stdout)?;
    let stderr = compile("stderr", entry.stderr)?;
    Ok(CommandRule {
        line: place.referenced.line(),
        pattern,
        cwd: entry.cwd,
        when: condition(entry.when)?,
        times: entry.times,
        sudo: entry.sudo,
        stdout,
        stderr,
        exit: exit(entry.exit, entry.signal)?,
        duration: entry.duration.as_ref().map(duration).transpose()?.unwrap_or_default(),
        set: settings(entry.set, state)?,
        after: entry
            .after
            .into_iter()
            .map(|spec| delayed(spec, state).map(Arc::new))
            .collect::<Result<_, _>>()?,
        fault: entry.fault,
    })
}

fn delayed(spec: DelayedSet, state: &HostState) -> Result<DelayedChange, HostSpecError> {
    Ok(DelayedChange {
        delay: duration(&spec.delay)?,
        when: condition(spec.when)?,
        set: settings(spec.set, state)?,
    })
}

fn tick(spec: TickSpec, state: &HostState) -> Result<Tick, HostSpecError> {
    let interval = duration(&spec.interval)?;
    // After a day of virtual time, a day of ticks is applied.
    if interval < Duration::from_millis(100) {
        return Err(bad(&spec.interval, "`interval` must be at least 100ms"));
    }
    Ok(Tick { interval, when: condition(spec.when)?, set: settings(spec.set, state)? })
}

fn down(unreachable: Option<Spanned<Value>>) -> Result<Down, HostSpecError> {
    let Some(unreachable) = unreachable else { return Ok(Down::Never) };
    match &unreachable.value {
        Value::Bool(true) => Ok(Down::Always),
        Value::Bool(false) => Ok(Down::Never),
        Value::String(text) => Ok(Down::While(expression(text, &unreachable)?)),
        _ => Err(bad(&unreachable, "`unreachable` must be true, false or an expression")),
    }
}

fn exit(exit: Option<Spanned<Value>>, signal: Option<String>) -> Result<Exit, HostSpecError> {
    match (exit, signal) {
        (None, None) => Ok(Exit::Code(0)),
        (None, Some(name)) => Ok(Exit::Signal(name.trim_start_matches("SIG").to_owned())),
        (Some(exit), Some(_)) => Err(bad(&exit, "a command has `exit` and `signal`; keep one of them")),
        (Some(exit), None) => {
            match (exit.value.as_u64().and_then(|code| u8::try_from(code).ok()), &exit.value) {
                (Some(code), _) => Ok(Exit::Code(code.into())),
                (None, Value::String(word)) if word == "unknown" => Ok(Exit::Unknown),
                _ => Err(bad(&exit, "`exit` must be a number from 0 to 255, or `unknown`")),
            }
        }
    }
}

fn settings(sets: Sets, state: &HostState) -> Result<Settings, HostSpecError> {
    sets.into_iter()
        .map(|(path, value)| {
            if state.get(&path).is_none() {
                return Err(bad(
                    &value,
                    format!("`state` has no `{path}`. Add it to `state` with its first value"),
                ));
            }
            let source = match &value.value {
                Value::String(text) => Source::Computed(expression(text, &value)?),
                fixed => Source::Fixed(fixed.clone()),
            };
            Ok((path, source))
        })
        .collect()
}

fn condition(text: Option<Spanned<String>>) -> Result<Option<Expr>, HostSpecError> {
    text.map(|text| expression(&text.value, &text)).transpose()
}

fn expression<T>(text: &str, place: &Spanned<T>) -> Result<Expr, HostSpecError> {
    Expr::new(text).map_err(|error| bad(place, format!("`{text}` is not an expression: {error}")))
}

/// `500ms`, `2s`, `5m`, `1h`.
fn duration(text: &Spanned<String>) -> Result<Duration, HostSpecError> {
    let digits = text.value.chars().take_while(char::is_ascii_digit).count();
    let (count, unit) = text.value.split_at(digits);
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let length = count.parse::<u64>().ok().zip(millis).and_then(|(count, unit)| count.checked_mul(unit));
    length
        .map(Duration::from_millis)
        .ok_or_else(|| bad(text, format!("`{}` is not a duration. Write 500ms, 2s, 5m or 1h", text.value)))
}

fn bad<T>(place: &Spanned<T>, message: impl fmt::Display) -> HostSpecError {
    let at = &place.referenced;
    HostSpecError { line: at.line(), column: at.column(), message: message.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        HostSpec::parse(text).err().unwrap().to_string()
    }

    #[test]
    fn problems_have_their_place() {
        for (text, expect) in [
            ("stat: {}\n", "line 1, column 1: unknown field `stat`"),
            (
                "state: { a: 1 }\ncommands:\n  - run: x\n    exti: 3\n",
                "line 4, column 5: unknown field `exti`",
            ),
            ("commands:\n  - run: x\n    when: a >\n", "line 3, column 11: `a >` is not an expression"),
            ("commands:\n  - run: x\n    set: { b: 1 }\n", "line 3, column 15: `state` has no `b`"),
            ("commands:\n  - run: x\n    duration: 2\n", "line 3, column 15: `2` is not a duration"),
            ("commands:\n  - run: x\n    stdout: '{{ x'\n", "line 3, column 13: syntax error"),
            ("commands:\n  - stdout: x\n", "line 2, column 5: a command needs either"),
            ("commands:\n  - run: x\n    exit: 300\n", "line 3, column 11: `exit` must be a number"),
            ("state: { now: 1 }\n", "line 1, column 8: `now` is reserved"),
            ("ticks: [{ interval: 1ms, set: {} }]\n", "line 1, column 21: `interval` must be at least"),
        ] {
            let error = error(text);
            assert!(error.starts_with(expect), "{text}\n{error}");
        }
    }
}
