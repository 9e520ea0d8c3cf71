//! Questions to a person. A bad answer is asked for again, with the reason.
//!
//! In a terminal the line can be edited. Where stdin is something else, each line of it is an answer, so that a script
//! can give them.

use crate::console::{eprint, sanitize};
use dialoguer::Input;
use dialoguer::theme::ColorfulTheme;
use miette::{Diagnostic, IntoDiagnostic, Result, bail};
use std::io::{BufRead, IsTerminal, Write};

/// The input ended, and the question was not answered.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("the input ended before this was answered: {question}")]
#[diagnostic(help(
    "run it in a terminal, give one line of input for each question, or use --answers with a file; --help shows one"
))]
struct InputEnded {
    question: String,
}

/// Asks until the answer can be used. Where nothing is answered, the default counts.
///
/// # Errors
/// If the input ends before there is an answer, or cannot be read.
pub(super) fn ask<T>(
    question: &str,
    default: &str,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Result<T> {
    loop {
        let Some(answer) = line(question, default)? else {
            bail!(InputEnded { question: sanitize(question) });
        };
        match read(&answer) {
            Ok(value) => return Ok(value),
            Err(why) => eprint(&format!("  {why}")),
        }
    }
}

/// The same; `None` if the input has ended, where nobody has to answer.
///
/// # Errors
/// If the input cannot be read.
pub(super) fn ask_optional<T>(
    question: &str,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    while let Some(answer) = line(question, "")? {
        match read(&answer) {
            Ok(value) => return Ok(Some(value)),
            Err(why) => eprint(&format!("  {why}")),
        }
    }
    Ok(None)
}

/// Asks for a yes or a no. `default` counts where nothing is answered; without one, an answer is needed.
///
/// # Errors
/// If the input ends before there is an answer, or cannot be read.
pub(super) fn confirm(question: &str, default: Option<bool>) -> Result<bool> {
    let default = match default {
        Some(true) => "y",
        Some(false) => "n",
        None => "",
    };
    ask(&format!("{question} (y/n)"), default, |answer| match answer.to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err(format!("`{answer}` is neither y nor n")),
    })
}

/// One answer; `None` if the input has ended.
fn line(question: &str, default: &str) -> Result<Option<String>> {
    let question = sanitize(question);
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        let theme = ColorfulTheme::default();
        let input = Input::<String>::with_theme(&theme).with_prompt(question).allow_empty(true);
        let input = if default.is_empty() { input } else { input.default(default.to_owned()) };
        return Ok(Some(input.interact_text().into_diagnostic()?.trim().to_owned()));
    }
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    let mut terminal = std::io::stderr();
    let _ = write!(terminal, "{question}{shown}: ").and_then(|()| terminal.flush());
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).into_diagnostic()? == 0 {
        let _ = writeln!(terminal);
        return Ok(None);
    }
    let answer = line.trim();
    Ok(Some(if answer.is_empty() { default } else { answer }.to_owned()))
}
