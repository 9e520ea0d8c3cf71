//! Output to people: data on stdout, everything else on stderr. All of it is redacted, and none of it
//! controls a terminal, whatever a host, a ticket or a library put into it.

use crate::core::text::redact::Redactor;
use crate::core::text::sanitize::{is_hidden, is_terminal_control};
use miette::{IntoDiagnostic, Result};
use serde_json::Value;
use std::io;
use std::io::Write;
use std::sync::OnceLock;

/// The secrets that must not be printed. Until the configuration is read, only their shapes are known.
static SECRETS: OnceLock<Redactor> = OnceLock::new();

/// From now on these secrets are hidden too.
pub(crate) fn add_secrets(secrets: &Redactor) {
    // The first configuration of a process is its only one.
    let _ = SECRETS.set(secrets.clone());
}

fn redactor() -> &'static Redactor {
    static SHAPES: OnceLock<Redactor> = OnceLock::new();
    SECRETS.get().unwrap_or_else(|| SHAPES.get_or_init(Redactor::default))
}

fn redact(text: &str) -> String {
    redactor().text(text).as_str().to_owned()
}

/// The same value with every string in it redacted.
pub(crate) fn redact_value(value: Value) -> Value {
    redactor().value(value)
}

/// Prints a line of data. A reader that went away is no error.
pub(crate) fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{}", sanitize(&redact(text)));
}

/// Prints a program that Fieldmedic has written, without redaction: one that is changed does something else. It
/// is made from playbooks, public keys and parameters.
pub(crate) fn print_program(text: &str) {
    let _ = writeln!(io::stdout(), "{}", sanitize(text));
}

/// Says something on stderr. Whoever read it may be gone: a daemon lives on, and `eprintln!` would panic.
pub(crate) fn eprint(text: &str) {
    let _ = writeln!(io::stderr(), "{}", sanitize(&redact(text)));
}

/// How a mark before a line is painted, where the stream takes colour: in a terminal, unless `NO_COLOR` is set, or
/// anywhere with `CLICOLOR_FORCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Somebody should look at it.
    Warn,
    /// It matters less; the line is painted as well.
    Dim,
}

impl Paint {
    fn style(self) -> ::console::Style {
        match self {
            Self::Good => ::console::Style::new().green(),
            Self::Bad => ::console::Style::new().red().bold(),
            Self::Warn => ::console::Style::new().yellow(),
            Self::Dim => ::console::Style::new().dim(),
        }
    }

    /// A mark and a line. Only what is painted here can hold codes of a terminal.
    fn line(self, mark: &str, text: &str, style: ::console::Style) -> String {
        let (mark, text) = (sanitize(mark), sanitize(&redact(text)));
        match self {
            Self::Dim => style.apply_to(format!("{mark}{text}")).to_string(),
            _ => format!("{}{text}", style.apply_to(mark)),
        }
    }
}

/// Prints a line of data with a mark before it.
pub(crate) fn print_marked(mark: &str, paint: Paint, text: &str) {
    let _ = writeln!(io::stdout(), "{}", paint.line(mark, text, paint.style().for_stdout()));
}

/// The same on stderr.
pub(crate) fn eprint_marked(mark: &str, paint: Paint, text: &str) {
    let _ = writeln!(io::stderr(), "{}", paint.line(mark, text, paint.style().for_stderr()));
}

/// A mark, painted if stderr takes colour.
pub(crate) fn painted_for_stderr(mark: &str, paint: Paint) -> String {
    paint.style().for_stderr().apply_to(sanitize(mark)).to_string()
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let value = redact_value(serde_json::to_value(value).into_diagnostic()?);
    let text = serde_json::to_string_pretty(&value).into_diagnostic()?;
    let _ = writeln!(io::stdout(), "{}", in_ascii(&text));
    Ok(())
}

/// JSON may hold any character as it is, and a terminal obeys some of them.
pub(crate) fn in_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) && c != '\n' {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Says why a command failed, as miette paints it.
pub fn fail(error: &miette::Report) {
    let _ = writeln!(io::stderr(), "{}", coloured(&redact(&format!("{error:?}"))));
}

/// Outputs of hosts and words of strangers must not steer a terminal. The breaks that a report has for
/// GitHub's sake go too: what is copied from a terminal is to be what it looks like.
pub fn sanitize(text: &str) -> String {
    let is_kept = |c: &char| *c != crate::render::BREAK;
    let tame = |c| if is_terminal_control(c) && c != '\n' && c != '\t' { '\u{FFFD}' } else { c };
    text.chars().filter(is_kept).map(tame).collect()
}

/// The same, but for colours: what is painted here keeps its paint.
fn coloured(text: &str) -> String {
    let mut parts = text.split("\u{1B}[");
    let mut out = sanitize(parts.next().unwrap_or_default());
    for part in parts {
        let paint = part.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        let is_paint = part.get(paint..).is_some_and(|rest| rest.starts_with('m'));
        out.push_str(if is_paint { "\u{1B}[" } else { "\u{FFFD}[" });
        out.push_str(&sanitize(part));
    }
    out
}

/// Writes each record of the text log to stderr in one piece, redacted.
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = coloured(&redact(&String::from_utf8_lossy(entry)));
        io::stderr().write_all(text.as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_paint_of_this_program_reaches_a_terminal() {
        let forced = Paint::Bad.style().force_styling(true);
        let line = Paint::Bad.line("✗ ", "host \u{1B}[2Jx", forced);
        assert_eq!(line, "\u{1B}[31m\u{1B}[1m✗ \u{1B}[0mhost \u{FFFD}[2Jx");
        let plain = Paint::Good.line("✓ ", "y", Paint::Good.style().force_styling(false));
        assert_eq!(plain, "✓ y");
    }

    #[test]
    fn nothing_steers_a_terminal() {
        for (text, expect) in [
            ("a\tb\nc", "a\tb\nc"),
            ("\u{1B}]0;title\u{7}", "\u{FFFD}]0;title\u{FFFD}"),
            ("\u{9B}31m", "\u{FFFD}31m"),
            ("a\u{202E}b\u{200B}c\r", "a\u{FFFD}bc\u{FFFD}"),
        ] {
            assert_eq!(sanitize(text), expect);
        }
        assert_eq!(
            coloured("\u{1B}[31mred\u{1B}[2J\u{1B}]0;x\u{7}"),
            "\u{1B}[31mred\u{FFFD}[2J\u{FFFD}]0;x\u{FFFD}"
        );
        assert_eq!(in_ascii("\"\u{9B}\u{202E}\u{E0041}é\"\n"), "\"\\u009b\\u202e\\udb40\\udc41é\"\n");
    }
}
