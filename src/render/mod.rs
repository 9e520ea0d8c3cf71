//! Rendering: from data and the sentences in `prompts/` to Markdown.
//!
//! Whatever a template prints is escaped, so that no value can ping a person, link an issue, open a
//! tag, forge a marker or break a table. What is code goes through `code` or `block`.

#![expect(clippy::disallowed_methods, reason = "reads the folder of prompts")]

pub(crate) mod html;
mod markdown;
pub mod operations_log;
pub mod pages;
pub mod terminal;

pub use crate::render::markdown::{BREAK, escape, shorten};

pub(crate) use crate::render::markdown::inline_code;
use crate::render::markdown::{code_block, recent_lines};
use chrono::{DateTime, Utc};
use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/prompts");

/// Every sentence that Fieldmedic says.
#[derive(Debug, Clone)]
pub struct Prompts {
    env: Environment<'static>,
    /// The built-in ones, for an operator's own prompt that cannot be filled.
    spare: Environment<'static>,
    /// The same sentences without Markdown, for a terminal.
    plain: Environment<'static>,
    /// The built-in ones of those.
    plain_spare: Environment<'static>,
}

/// Why a prompt cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PromptError {
    /// The folder or a prompt in it cannot be read, or a prompt is not UTF-8.
    #[error("cannot read {path}: {error}")]
    #[diagnostic(help("`prompts` in the configuration names this folder"))]
    Unreadable {
        /// The folder or the prompt.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A prompt has a syntax error. `name` is its file name, such as `called.md`.
    #[error("the prompt {name} is not a template: {error}")]
    Broken {
        /// The prompt's file name, such as `called.md`.
        name: String,
        /// What is wrong, and in which line.
        error: String,
    },
}

impl Prompts {
    /// The prompts that travel inside the binary.
    ///
    /// # Errors
    /// [`PromptError::Broken`] if one of them is not a template.
    pub fn built_in() -> Result<Self, PromptError> {
        Self::with(BTreeMap::new())
    }

    /// The built-in prompts, with those of a folder in their place.
    /// Files whose name does not end in `.md` are ignored.
    ///
    /// # Errors
    /// The first prompt that cannot be read, or is not a template.
    pub fn from_dir(dir: &Path) -> Result<Self, PromptError> {
        let unreadable = |path: &Path, error| PromptError::Unreadable { path: path.to_owned(), error };
        let mut own = BTreeMap::new();
        for entry in std::fs::read_dir(dir).map_err(|error| unreadable(dir, error))? {
            let path = entry.map_err(|error| unreadable(dir, error))?.path();
            let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            if name.ends_with(".md") {
                own.insert(name, std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?);
            }
        }
        Self::with(own)
    }

    fn with(own: BTreeMap<String, String>) -> Result<Self, PromptError> {
        Ok(Self {
            plain: Self::environment(plain(), own.clone())?,
            plain_spare: Self::environment(plain(), BTreeMap::new())?,
            env: Self::environment(markdown(), own)?,
            spare: Self::environment(markdown(), BTreeMap::new())?,
        })
    }

    fn environment(
        mut env: Environment<'static>,
        own: BTreeMap<String, String>,
    ) -> Result<Environment<'static>, PromptError> {
        let built_in = BUILT_IN.files().filter_map(|file| {
            let name = file.path().to_string_lossy().into_owned();
            Some((name, file.contents_utf8()?.to_owned()))
        });
        let all: BTreeMap<String, String> = built_in.chain(own).collect();
        for (name, text) in all.into_iter().filter(|(name, _)| name.ends_with(".md")) {
            env.add_template_owned(name.clone(), text)
                .map_err(|error| PromptError::Broken { name, error: problem(&error) })?;
        }
        Ok(env)
    }

    /// One line of `prompts/_line.md` for a terminal: what `what` names, filled with `data`. Nothing in it is
    /// escaped; whoever prints it removes control characters.
    pub fn line(&self, what: &str, data: impl Serialize) -> String {
        self.plain_line("_line.md", what, data)
    }

    /// One line of `prompts/_notice.md`. Nothing in it is escaped; each channel escapes for itself.
    pub fn notice(&self, what: &str, data: impl Serialize) -> String {
        self.plain_line("_notice.md", what, data)
    }

    fn plain_line(&self, prompt: &str, what: &str, data: impl Serialize) -> String {
        let data = minijinja::context! { what => what, data => Value::from(Serde(data)) };
        let filled = fill(&self.plain, prompt, &data).or_else(|error| {
            tracing::warn!(prompt, error = problem(&error), "the built-in prompt is used instead");
            fill(&self.plain_spare, prompt, &data)
        });
        let line =
            filled.unwrap_or_else(|error| format!("`{what}` could not be put in words: {}", problem(&error)));
        line.trim_end().to_owned()
    }

    /// Fills a prompt. A report must not be lost for the sake of its looks: where an operator's own prompt
    /// fails the built-in one takes its place, and where that fails too a plain sentence says so.
    pub fn fill(&self, name: &str, data: impl Serialize) -> String {
        let data = Value::from(Serde(data));
        let filled = fill(&self.env, name, &data).or_else(|error| {
            tracing::warn!(prompt = name, error = problem(&error), "the built-in prompt is used instead");
            fill(&self.spare, name, &data)
        });
        filled.unwrap_or_else(|error| {
            format!("The prompt `{name}` could not be filled: {}", escape(&problem(&error)))
        })
    }
}

fn fill(env: &Environment<'_>, name: &str, data: &Value) -> Result<String, minijinja::Error> {
    Ok(tidy(&env.get_template(name)?.render(data)?))
}

/// Fills the answer of a request.
///
/// # Errors
/// What the template stumbled on, for the report.
pub fn answer(template: &str, facts: &BTreeMap<String, serde_json::Value>) -> Result<String, String> {
    let env = markdown();
    let filled = env.render_str(template, Value::from(Serde(facts)));
    filled.map(|text| tidy(&text)).map_err(|error| problem(&error))
}

/// Whether a text is a template.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn check_answer(template: &str) -> Result<(), String> {
    markdown().template_from_str(template).map(|_| ()).map_err(|error| problem(&error))
}

/// What a template prints is Markdown: every value is escaped, unless it is marked as safe.
fn markdown() -> Environment<'static> {
    let mut env = environment();
    env.set_formatter(|out, _, value| {
        if value.is_undefined() {
            return Err(minijinja::Error::from(minijinja::ErrorKind::UndefinedError));
        }
        let text = value.to_string();
        let result = if value.is_safe() { out.write_str(&text) } else { out.write_str(&escape(&text)) };
        result.map_err(minijinja::Error::from)
    });
    env.add_filter("code", |text: String| Value::from_safe_string(inline_code(&text)));
    env.add_filter("recent", |text: String, count: usize| recent_lines(&text, count));
    env.add_filter("block", |text: String| Value::from_safe_string(code_block(&text)));
    env
}

/// What a template prints is text for a terminal.
fn plain() -> Environment<'static> {
    let mut env = environment();
    env.set_formatter(|out, _, value| {
        if value.is_undefined() {
            return Err(minijinja::Error::from(minijinja::ErrorKind::UndefinedError));
        }
        out.write_str(&value.to_string()).map_err(minijinja::Error::from)
    });
    env.add_filter("code", |text: String| format!("`{text}`"));
    env.add_filter("block", |text: String| text);
    env
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line that holds only a block leaves no trace.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    // The formatter escapes. With this, what a macro has printed counts as escaped.
    env.set_auto_escape_callback(|_| AutoEscape::Custom("fieldmedic".into()));
    env.add_filter("minute", |text: String| moment(&text, "%Y-%m-%d %H:%M UTC"));
    env.add_filter("clock", |text: String| moment(&text, "%H:%M UTC"));
    env.add_filter("duration", |value: Value| {
        let seconds = value.get_attr("secs")?;
        let seconds = u64::try_from(seconds).unwrap_or_default();
        Ok::<_, minijinja::Error>(humantime::format_duration(Duration::from_secs(seconds)).to_string())
    });
    env
}

/// A moment as the data has it, in another form.
fn moment(text: &str, form: &str) -> String {
    match text.parse::<DateTime<Utc>>() {
        Ok(at) => at.format(form).to_string(),
        Err(_) => text.to_owned(),
    }
}

fn problem(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
    format!("{}{line}", error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
}

/// One blank line at most, no space at the end of a line: templates leave holes.
fn tidy(text: &str) -> String {
    let mut out = String::new();
    let mut blank = 0;
    for line in text.lines().map(str::trim_end) {
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_escaped_and_strict() {
        let facts = BTreeMap::from([("disk".to_owned(), json!({"used": 91, "by": "@x"}))]);
        assert_eq!(answer("{{ disk.used }} % by {{ disk.by }}", &facts).unwrap(), "91 % by @\u{200B}x\n");
        assert!(answer("{{ disk.gone }}", &facts).is_err());
        assert!(check_answer("{% for %}").is_err());
    }

    #[test]
    fn an_own_prompt_that_fails_makes_way_for_the_built_in_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("called.md"), "{{ peopel }}, please look.").unwrap();
        std::fs::write(dir.path().join("returned.md"), "{{ title }} again").unwrap();
        let prompts = Prompts::from_dir(dir.path()).unwrap();
        let data = json!({ "people": "@ops-lead", "title": "Down", "system": "north" });
        assert!(prompts.fill("called.md", &data).starts_with("@ops-lead: this ticket needs a person"));
        assert_eq!(prompts.fill("returned.md", &data), "Down again\n");
    }

    #[test]
    fn a_macro_prints_each_value_escaped_once() {
        let prompts = Prompts::built_in().unwrap();
        let detail = json!({ "kind": "answer_not_filled", "problem": "@x *y*" });
        let text =
            fill(&prompts.env, "_line.md", &Value::from(Serde(json!({ "what": "detail", "data": detail }))));
        assert_eq!(text.unwrap(), "the answer could not be filled: @\u{200B}x \\*y\\*\n");
        assert_eq!(prompts.line("detail", &detail), "the answer could not be filled: @x *y*");
    }

    #[test]
    fn the_built_in_prompts_are_templates() {
        Prompts::built_in().unwrap();
    }
}
