//! The form in which a command line travels to a host without a gate: every login shell hands it on
//! unchanged, whatever its quoting rules are.
//!
//! An SSH server gives the text of a command to the login shell of the account, as `$SHELL -c TEXT`. POSIX
//! shells, csh, tcsh and fish agree on very little. They agree on words in single quotes that hold
//! neither a single quote, nor `!`, nor a line break, nor a backslash before one of these. So the line is put
//! into such words, everything else in it as an octal escape, and a POSIX `sh` puts it together again:
//!
//! ```text
//! exec sh -c '…' sh 'docker ps --format \0047{{json .}}\0047'
//! ```
//!
//! That `sh` sets the locale, and writes [`MARKER`] to both streams before the command can write anything.
//! So what start-up files print is told from output, and a missing marker says that the command never began.

use std::fmt::Write as _;

/// What both streams of a command begin with; what comes before it is noise of the login.
pub const MARKER: &str = "fieldmedic-output-begins-";

/// Writes the marker to both streams, as shell text; it fails if either cannot be written. The marker
/// is not part of this text, so that a shell that prints what it runs (`set -x`) does not print the marker.
pub const BEGIN: &str = "printf %s-output-begins- fieldmedic && printf %s-output-begins- fieldmedic >&2";

/// A longer text is not sent: Linux takes 128 KiB for one argument of a program. In bytes.
pub const LONGEST: usize = 120_000;

/// One word of an encoded line has no more bytes: the original csh refuses long words.
const WORD: usize = 900;

/// What decodes the words, and becomes the command.
fn decoder() -> String {
    format!(r#"LC_ALL=C; export LC_ALL; {BEGIN} && exec sh -c "$(printf %b "$@")" sh"#)
}

/// How the login shell starts the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It becomes the decoder, so that how a command ends is told as it is, signals too.
    Exec,
    /// It starts the decoder and waits: a restricted shell forbids `exec`.
    Child,
}

/// The line as text for any login shell.
pub fn seal(line: &str, start: Start) -> String {
    let mut text = match start {
        Start::Exec => "exec ".to_owned(),
        Start::Child => String::new(),
    };
    let _ = write!(text, "sh -c '{}' sh", decoder());
    let mut word = String::new();
    for byte in line.bytes() {
        let length = word.len();
        match byte {
            b'\'' | b'!' | b'\\' | 0..=0x1f | 0x7f.. => {
                let _ = write!(word, "\\0{byte:03o}");
            }
            plain => word.push(char::from(plain)),
        }
        if word.len() > WORD {
            let next = word.split_off(length);
            let _ = write!(text, " '{word}'");
            word = next;
        }
    }
    let _ = write!(text, " '{word}'");
    text
}

/// The line in such a text; `None` if it is another text. For a host that is simulated.
pub fn open(text: &str) -> Option<String> {
    let words = shlex::split(text.strip_prefix("exec ").unwrap_or(text))?;
    let [sh, c, program, name, words @ ..] = words.as_slice() else { return None };
    if (sh.as_str(), c.as_str(), name.as_str()) != ("sh", "-c", "sh") || *program != decoder() {
        return None;
    }
    let mut bytes = Vec::new();
    let words = words.concat();
    let mut rest = words.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => {
                let digits: String = rest.by_ref().take(4).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 8).ok()?);
            }
            plain => bytes.push(plain),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_of_harmless_characters_and_comes_back() {
        let all: String = (1..=0x2ff_u32).filter_map(char::from_u32).collect();
        let long = "cd -- '/a b' && echo \"it's\" \\\n!".repeat(100);
        for line in ["", "true", "docker ps --format '{{json .}}'", "é\\0041\n", &all, &long] {
            for start in [Start::Exec, Start::Child] {
                let sealed = seal(line, start);
                assert!(sealed.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'!'), "{sealed}");
                assert!(!sealed.contains(MARKER), "{sealed}");
                assert!(sealed.split('\'').all(|word| word.len() <= WORD), "{sealed}");
                assert_eq!(open(&sealed).as_deref(), Some(line));
            }
        }
        for other in ["", "true", "sh -c true sh 'x'", "exec sh -c '"] {
            assert_eq!(open(other), None, "{other}");
        }
    }

    #[test]
    fn a_plain_line_stays_readable() {
        let sealed = seal("docker ps --format '{{json .}}'", Start::Exec);
        assert!(sealed.ends_with(r" sh 'docker ps --format \0047{{json .}}\0047'"), "{sealed}");
    }
}
