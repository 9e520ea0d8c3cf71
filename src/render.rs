//! Rendering: from data and the sentences in `prompts/` to Markdown.
//!
//! Whatever a template prints is escaped, so that no value can ping a person, link an issue, open a
//! tag, forge a marker or break a table. What is code goes through `code` or `block`.

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
        Ok(Self { env })
    }

    /// Fills a prompt. A prompt that fails yields a plain sentence that says so: a report must not be
    /// lost for the sake of its looks.
    pub fn fill(&self, name: &str, data: impl Serialize) -> String {
        let filled =
            self.env.get_template(name).and_then(|template| template.render(Value::from(Serde(data))));
        filled.map(|text| tidy(&text)).unwrap_or_else(|error| {
            format!("The prompt `{name}` could not be filled: {}", escape(&problem(&error)))
        })
    }
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

/// Characters that are not shown, or that change the direction of text.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Text as inline Markdown that shows exactly itself.
pub fn escape(text: &str) -> String {
    const BREAK: char = '\u{200B}';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(' '),
            c if is_hidden(c) => {}
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            // A mention, an issue's number and a bare address are links on GitHub unless they are broken.
            '@' | '#' => {
                out.push(c);
                out.push(BREAK);
            }
            '/' if out.ends_with(':') => {
                out.push(BREAK);
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // `GH-12` links to an issue, `www.` to a site.
    out.replace("GH-", "GH\u{200B}-").replace("www.", "www\u{200B}.")
}

/// The longest run of backticks, plus one, but at least `least`.
fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat((longest + 1).max(least))
}

fn inline_code(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect();
    if clean.trim().is_empty() {
        return String::new();
    }
    // In a table even code must not hold a bare `|`.
    let clean = clean.replace('|', "\\|");
    let fence = fence(&clean, 1);
    let pad = if clean.starts_with('`') || clean.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{clean}{pad}{fence}")
}

fn code_block(text: &str) -> String {
    let clean: String = text.chars().filter(|c| *c == '\n' || *c == '\t' || !is_hidden(*c)).collect();
    let fence = fence(&clean, 3);
    format!("{fence}text\n{}\n{fence}", clean.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hostile_text_stays_text() {
        for (text, expect) in [
            ("plain words, 3 of 4.", "plain words, 3 of 4."),
            ("@everyone #12", "@\u{200B}everyone #\u{200B}12"),
            ("<!-- fieldmedic -->", "&lt;\\!-- fieldmedic --&gt;"),
            ("a|b\nc", "a\\|b c"),
            ("[x](https://example.org)", "\\[x\\](https:\u{200B}//example.org)"),
            ("\u{202E}evil\u{0}", "evil"),
        ] {
            assert_eq!(escape(text), expect);
        }
        assert_eq!(inline_code("a `b` c"), "``a `b` c``");
        assert_eq!(inline_code("`"), "`` ` ``");
        assert_eq!(code_block("```\n@x"), "````text\n```\n@x\n````");
    }

    #[test]
    fn answers_are_escaped_and_strict() {
        let facts = BTreeMap::from([("disk".to_owned(), json!({"used": 91, "by": "@x"}))]);
        assert_eq!(answer("{{ disk.used }} % by {{ disk.by }}", &facts).unwrap(), "91 % by @\u{200B}x\n");
        assert!(answer("{{ disk.gone }}", &facts).is_err());
        assert!(check_answer("{% for %}").is_err());
    }

    #[test]
    fn the_built_in_prompts_are_templates() {
        Prompts::built_in().unwrap();
    }
}
