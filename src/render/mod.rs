//! Rendering: from data and the sentences in `prompts/` to Markdown.
//!
//! Whatever a template prints is escaped, so that no value can ping a person, link an issue, open a
//! tag, forge a marker or break a table. What is code goes through `code` or `block`.

#![expect(clippy::disallowed_methods, reason = "reads the folder of prompts")]

mod markdown;

pub use crate::render::markdown::{BREAK, escape, shorten};

use crate::render::markdown::{code_block, inline_code, recent_lines};
use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/prompts");

/// Every sentence that the agent says.
#[derive(Debug, Clone)]
pub struct Prompts {
    env: Environment<'static>,
    /// The built-in ones, for what an operator's own prompt turns out not to say.
    spare: Environment<'static>,
}

/// Why a prompt cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PromptError {
    #[error("cannot read {path}: {error}")]
    #[diagnostic(help("`prompts` in the configuration names this folder"))]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("the prompt {name} is not a template: {error}")]
    Broken { name: String, error: String },
}

impl Prompts {
    /// The prompts that travel inside the binary.
    pub fn built_in() -> Result<Self, PromptError> {
        Self::with(BTreeMap::new())
    }

    /// The built-in prompts, with those of a folder in their place.
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
        Ok(Self { env: Self::environment(own)?, spare: Self::environment(BTreeMap::new())? })
    }

    fn environment(own: BTreeMap<String, String>) -> Result<Environment<'static>, PromptError> {
        let mut env = markdown();
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
pub fn check_answer(template: &str) -> Result<(), String> {
    markdown().template_from_str(template).map(|_| ()).map_err(|error| problem(&error))
}

fn markdown() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line that holds only a block leaves no trace.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    env.set_auto_escape_callback(|_| AutoEscape::None);
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
    fn the_built_in_prompts_are_templates() {
        Prompts::built_in().unwrap();
    }
}
