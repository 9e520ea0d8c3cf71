//! Templates: commands with placeholders, as a playbook has them, and how their values go in.

use crate::expr::value_type;
use crate::expr::value_type::{ValueError, ValueType};
use crate::playbook::command::quote::quote;
use crate::playbook::command::rendered::{Command, CommandForm};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A command with placeholders, as a playbook has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub(super) form: TemplateForm,
    pub(super) cwd: Option<Word>,
    pub(super) sudo: bool,
    timeout: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TemplateForm {
    Words(Vec<Word>),
    Script { name: String, text: String, env: BTreeMap<String, Word> },
}

/// One word of a command line: literal text around whole values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word(pub(super) Vec<Piece>);

/// A piece of a word.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Constant text.
    Literal(String),
    /// `name` of a parameter, or `probe.fact`.
    Value(String),
}

/// What is wrong with a command's text, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong, in a few words.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

/// Why a command could not be rendered; nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Unrenderable {
    /// A placeholder has no value.
    #[error("`{name}` is unknown: {reason}")]
    Unknown {
        /// The placeholder: a parameter, or `probe.fact`.
        name: String,
        /// Why it has no value.
        reason: String,
    },
    /// A placeholder has a value that cannot stand there: it is not of its type, it is a list where one value
    /// fits, or an item of a list for a script holds a space.
    #[error("`{name}`: {problem}")]
    Refused {
        /// The placeholder: a parameter, or `probe.fact`.
        name: String,
        /// Why the value cannot stand there.
        problem: String,
    },
}

/// Where placeholders get their values: the value and its type, or why there is none.
pub trait Values {
    /// `name` is a parameter's, or `probe.fact`. Null: the parameter is optional, and no value was given.
    ///
    /// # Errors
    /// Why there is no value, in words.
    fn value(&self, name: &str) -> Result<(Value, ValueType), String>;
}

/// How a template is made; fields as in a playbook file.
#[derive(Debug, Clone, Default)]
pub struct TemplateSource<'a> {
    /// One program with its arguments, which may have placeholders. Either this or `script` is given.
    pub run: Option<&'a str>,
    /// The text of a script for `sh -euc`, without placeholders.
    pub script: Option<&'a str>,
    /// Names the script in process lists, as its `$0`.
    pub name: &'a str,
    /// The script's environment variables; their values may have placeholders. Empty with `run`.
    pub env: BTreeMap<&'a str, &'a str>,
    /// The working directory, which may have placeholders; `None` is the login directory.
    pub cwd: Option<&'a str>,
    /// Whether it runs with `sudo -n`.
    pub sudo: bool,
    /// The deadline, counted from the moment the host was asked to start it.
    pub timeout: Duration,
}

impl Template {
    /// Checks the texts of a command, and splits them into words and placeholders.
    ///
    /// # Errors
    /// `run` and `script` are both given or both missing, `run` has an `env` or needs a shell, the name of a
    /// variable or of a placeholder has another form, or a text is empty or holds a control character that it
    /// must not have.
    pub fn new(source: TemplateSource<'_>) -> Result<Self, TemplateError> {
        let form = match (source.run, source.script) {
            (Some(run), None) if source.env.is_empty() => TemplateForm::Words(split(run)?),
            (Some(_), None) => {
                return Err(bad("`env` goes with `script`", "`run` takes its values as placeholders"));
            }
            (None, Some(text)) => TemplateForm::Script {
                name: source.name.to_owned(),
                text: script(text)?,
                env: environment(&source.env)?,
            },
            (Some(_), Some(_)) => return Err(bad("both `run` and `script`", "keep one of them")),
            (None, None) => return Err(bad("neither `run` nor `script`", "say what to run")),
        };
        let cwd = source.cwd.map(Word::new).transpose()?;
        Ok(Self { form, cwd, sudo: source.sudo, timeout: source.timeout })
    }

    /// A command that does nothing, for a probe whose own is not read yet.
    pub fn nothing() -> Self {
        let form = TemplateForm::Words(vec![Word(vec![Piece::Literal("true".into())])]);
        Self { form, cwd: None, sudo: false, timeout: Duration::ZERO }
    }

    /// The deadline of what it renders to.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether it runs by `sudo`.
    pub fn is_root(&self) -> bool {
        self.sudo
    }

    /// The names of all placeholders.
    pub fn names(&self) -> BTreeSet<&str> {
        let words: Vec<&Word> = match &self.form {
            TemplateForm::Words(words) => words.iter().collect(),
            TemplateForm::Script { env, .. } => env.values().collect(),
        };
        words.into_iter().chain(&self.cwd).flat_map(Word::names).collect()
    }

    /// The words of `run`; `None` for a script.
    pub fn words(&self) -> Option<Vec<&[Piece]>> {
        match &self.form {
            TemplateForm::Words(words) => Some(words.iter().map(|word| &word.0[..]).collect()),
            TemplateForm::Script { .. } => None,
        }
    }

    /// The text of a script.
    pub fn script(&self) -> Option<&str> {
        match &self.form {
            TemplateForm::Words(_) => None,
            TemplateForm::Script { text, .. } => Some(text),
        }
    }

    /// The command with its values in place.
    ///
    /// # Errors
    /// A value is unknown, is not of its type, or is a list where one value fits.
    pub fn render(&self, values: &dyn Values) -> Result<Command, Unrenderable> {
        let form = match &self.form {
            TemplateForm::Words(words) => {
                let mut line = Vec::new();
                for word in words {
                    line.extend(word.render(values)?);
                }
                CommandForm::Words(line)
            }
            TemplateForm::Script { name, text, env } => {
                let env = env
                    .iter()
                    .map(|(key, word)| Ok((key.clone(), word.render_variable(values)?)))
                    .collect::<Result<_, Unrenderable>>()?;
                CommandForm::Script { name: name.clone(), text: text.clone(), env }
            }
        };
        let cwd = match &self.cwd {
            Some(word) => Some(word.render(values)?.join(" ")),
            None => None,
        };
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        Ok(Command { form, cwd, sudo: self.sudo, timeout_ms })
    }
}

/// As an author wrote it, for people.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sudo {
            f.write_str("sudo ")?;
        }
        match &self.form {
            TemplateForm::Words(words) => {
                let words: Vec<String> = words.iter().map(Word::to_string).collect();
                f.write_str(&words.join(" "))
            }
            TemplateForm::Script { text, .. } => f.write_str(text),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Value(name) => format!("<{name}>"),
            })
            .collect();
        f.write_str(&if text.contains(' ') { quote(&text) } else { text })
    }
}

impl Word {
    fn new(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, opened)) = rest.split_once("{{") {
            let (name, behind) = opened
                .split_once("}}")
                .ok_or_else(|| bad("`{{` is not closed", "close the placeholder with `}}`"))?;
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.to_owned()));
            }
            let name = name.trim();
            rest = behind;
            if is_go_template(name) {
                pieces.push(Piece::Literal(format!("{{{{{name}}}}}")));
                continue;
            }
            if !is_reference(name) {
                return Err(bad(
                    &format!("`{{{{ {name} }}}}` is not a plain name"),
                    "a command takes `{{ parameter }}` or `{{ probe.fact }}`; compute in a fact",
                ));
            }
            pieces.push(Piece::Value(name.to_owned()));
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// The words this becomes: one, or as many as a list has where the list is the whole word.
    fn render(&self, values: &dyn Values) -> Result<Vec<String>, Unrenderable> {
        if let [Piece::Value(name)] = &self.0[..] {
            return resolve(values, name);
        }
        let mut word = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => word.push_str(text),
                Piece::Value(name) => match &resolve(values, name)?[..] {
                    [one] => word.push_str(one),
                    several => {
                        return Err(Unrenderable::Refused {
                            name: name.clone(),
                            problem: format!("{} values where one fits", several.len()),
                        });
                    }
                },
            }
        }
        Ok(vec![word])
    }
}

impl Word {
    /// The value of a script's variable. A script takes a list apart at its spaces, so that no item may
    /// hold one: it would be two.
    fn render_variable(&self, values: &dyn Values) -> Result<String, Unrenderable> {
        if let [Piece::Value(name)] = &self.0[..]
            && matches!(values.value(name), Ok((Value::Null, _)))
        {
            return Ok(String::new());
        }
        let words = self.render(values)?;
        if let [Piece::Value(name)] = &self.0[..]
            && let Ok((Value::Array(_), _)) = values.value(name)
            && let Some(parted) = words.iter().find(|word| word.contains(char::is_whitespace))
        {
            let problem = format!("{parted:?} holds a space, and a script parts a list at spaces");
            return Err(Unrenderable::Refused { name: name.clone(), problem });
        }
        Ok(words.join(" "))
    }
}

/// The checked words behind a name. The type is checked here again, whatever the source did.
fn resolve(values: &dyn Values, name: &str) -> Result<Vec<String>, Unrenderable> {
    let unknown = |reason| Unrenderable::Unknown { name: name.to_owned(), reason };
    let (raw, kind) = values.value(name).map_err(unknown)?;
    if raw.is_null() {
        return Err(unknown("no value was given for it".to_owned()));
    }
    let checked = kind.check(&raw).map_err(|problem: ValueError| Unrenderable::Refused {
        name: name.to_owned(),
        problem: problem.to_string(),
    })?;
    Ok(value_type::words(&checked))
}

/// `{{.Names}}` and `{{json .}}` are for the program that is run: Docker's formats are Go templates.
fn is_go_template(inside: &str) -> bool {
    inside.split_whitespace().any(|word| word.starts_with('.'))
}

fn is_reference(name: &str) -> bool {
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let parts: Vec<&str> = name.split('.').collect();
    parts.len() <= 2 && parts.into_iter().all(is_part)
}

/// Splits `run` into words. What only a shell understands is refused.
fn split(run: &str) -> Result<Vec<Word>, TemplateError> {
    let to_script = "`run` starts one program without a shell; use `script: |` for shell syntax";
    if let Some(c) = run.chars().find(|c| c.is_control() && *c != '\n') {
        return Err(bad(&format!("control character {c:?} in `run`"), "remove it"));
    }
    let folded = run.trim().replace('\n', " ");
    let masked = mask_placeholders(&folded);
    if let Some(found) = unquoted_shell_syntax(&masked) {
        return Err(bad(&format!("`{found}` in `run` needs a shell"), to_script));
    }
    let words = shlex::split(&masked)
        .ok_or_else(|| bad("a quote in `run` is not closed", "close it, or escape it"))?;
    if words.is_empty() {
        return Err(bad("`run` is empty", "say what to run"));
    }
    words.iter().map(|word| Word::new(&word.replace(OPEN, "{{").replace(CLOSE, "}}"))).collect()
}

/// Private-use characters that stand for `{{` and `}}` while words are split, so that the spaces inside
/// a placeholder do not part it.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

fn mask_placeholders(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, tail)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        out.push(OPEN);
        out.push_str(name.trim());
        out.push(CLOSE);
        rest = tail;
    }
    out + rest
}

fn unquoted_shell_syntax(text: &str) -> Option<char> {
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (None | Some('"'), '$' | '`') => return Some(c),
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | ']' | '~' | '#' | '!') => {
                return Some(c);
            }
            _ => {}
        }
    }
    None
}

/// A script's text is constant: a placeholder in it would be text pasted into a shell.
fn script(text: &str) -> Result<String, TemplateError> {
    if text.trim().is_empty() {
        return Err(bad("`script` is empty", "say what to run"));
    }
    if text.contains('\0') {
        return Err(bad("a NUL character in `script`", "remove it"));
    }
    Ok(text.trim_end().to_owned())
}

fn environment(env: &BTreeMap<&str, &str>) -> Result<BTreeMap<String, Word>, TemplateError> {
    env.iter()
        .map(|(key, value)| {
            let is_variable = key.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
                && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            if !is_variable {
                return Err(bad(
                    &format!("`{key}` is not an environment variable"),
                    "use A-Z, 0-9 and `_`, beginning with a letter",
                ));
            }
            let word = Word::new(value)?;
            Ok(((*key).to_owned(), word))
        })
        .collect()
}

fn bad(message: &str, hint: &str) -> TemplateError {
    TemplateError { message: message.into(), hint: hint.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Table(Vec<(&'static str, Value, ValueType)>);

    impl Values for Table {
        fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
            let found = self.0.iter().find(|(known, ..)| *known == name);
            found.map(|(_, value, kind)| (value.clone(), *kind)).ok_or_else(|| "not read".into())
        }
    }

    fn table() -> Table {
        Table(vec![
            ("path", json!("/opt/q c"), ValueType::Path),
            ("names", json!(["a", "b"]), ValueType::Names),
            ("none", json!([]), ValueType::Names),
            ("evil", json!("x; rm -rf /"), ValueType::Name),
            ("limit", json!(90), ValueType::Percent),
        ])
    }

    fn run(run: &str) -> Result<Template, TemplateError> {
        Template::new(TemplateSource { run: Some(run), ..TemplateSource::default() })
    }

    #[test]
    fn lines_are_quoted() {
        for (text, expect) in [
            ("df -P {{ path }}", "df -P '/opt/q c'"),
            ("du {{path}}/sub", "du '/opt/q c/sub'"),
            ("docker start {{ names }}", "docker start a b"),
            ("docker start {{ none }}", "docker start"),
            ("echo 'a b' \"c d\"", "echo 'a b' 'c d'"),
            ("docker ps --format '{{json .}}'", "docker ps --format '{{json .}}'"),
            ("docker info -f '{{ .DockerRootDir }}'", "docker info -f '{{.DockerRootDir}}'"),
            ("docker info -f '{{ \"x\" }}'", ""),
            ("test {{ limit }} -gt 1", "test 90 -gt 1"),
        ] {
            match run(text) {
                Ok(template) => assert_eq!(template.render(&table()).unwrap().line(), expect),
                Err(_) => assert_eq!(expect, "", "{text}"),
            }
        }
    }

    #[test]
    fn shell_syntax_in_run_is_refused() {
        for text in
            ["a | b", "a > b", "a; b", "a && b", "a $HOME", "a `b`", "a \"$b\"", "ls *", "a 'b", "", "a\tb"]
        {
            assert!(run(text).is_err(), "{text:?} should be refused");
        }
        for text in ["psql -c 'select 1; select 2'", "docker ps --filter 'label=a|b'", "a\\;b"] {
            assert!(run(text).is_ok(), "{text:?} should be taken");
        }
    }

    #[test]
    fn values_are_checked_whatever_they_came_from() {
        let error = run("docker start {{ evil }}").unwrap().render(&table()).unwrap_err();
        assert!(matches!(error, Unrenderable::Refused { .. }), "{error}");
        let error = run("docker start {{ nowhere }}").unwrap().render(&table()).unwrap_err();
        assert!(matches!(error, Unrenderable::Unknown { .. }), "{error}");
        let error = run("docker start x{{ names }}").unwrap().render(&table()).unwrap_err();
        assert!(matches!(error, Unrenderable::Refused { .. }), "{error}");
    }

    #[test]
    fn an_item_of_a_list_in_a_variable_stays_one() {
        let script = |name| TemplateSource {
            script: Some("for x in $LIST; do :; done"),
            name: "each",
            env: BTreeMap::from([("LIST", name)]),
            ..TemplateSource::default()
        };
        let values = |paths: Value| {
            Table(vec![("paths", paths, ValueType::Paths), ("path", json!("/a b"), ValueType::Path)])
        };
        let render = |name, paths| Template::new(script(name)).unwrap().render(&values(paths));
        assert!(render("{{ paths }}", json!(["/a", "/b"])).is_ok());
        let error = render("{{ paths }}", json!(["/a -o /etc"])).unwrap_err();
        assert!(matches!(error, Unrenderable::Refused { .. }), "{error}");
        assert!(render("{{ path }}", json!([])).is_ok(), "a single value may hold a space");
    }

    #[test]
    fn scripts_are_constant_and_take_environment() {
        let template = Template::new(TemplateSource {
            script: Some("cd \"$DIR\"\nls | wc -l\n"),
            name: "count",
            env: BTreeMap::from([("DIR", "{{ path }}"), ("ALL", "{{ names }}")]),
            cwd: Some("{{ path }}"),
            sudo: true,
            ..TemplateSource::default()
        })
        .unwrap();
        assert_eq!(
            template.render(&table()).unwrap().line(),
            "cd -- '/opt/q c' && sudo -n -- env 'ALL=a b' 'DIR=/opt/q c' sh -euc 'cd \"$DIR\"\nls | wc -l' count"
        );
    }
}
