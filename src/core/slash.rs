//! Slash commands: what a person orders in a comment, and what only looks like it.
//!
//! A command stands at the beginning of a line. What is quoted, shown as code or hidden in an HTML
//! comment was not said to the agent. In doubt there is no command: a person who is not heard says it
//! again, but nothing takes back what was done by mistake.

use super::word::Says;

/// An order to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slash {
    /// The command alone: take this ticket.
    Support,
    /// Something to say to the case of this ticket.
    Say(Says),
    /// Change nothing on any system, for this reason, which may be empty.
    Halt(String),
    /// Lift the halt.
    Resume,
    /// The words behind it, as written, without the space around them.
    Other(String),
}

/// The first command in a text. `prefix` is the whole of the command's name, slash included, and its
/// letters may be written in either case.
pub fn command(body: &str, prefix: &str) -> Option<Slash> {
    let mut fence: Option<Fence> = None;
    let mut comment = false;
    let mut paragraph: Vec<&str> = Vec::new();
    for line in body.lines().chain([""]) {
        if let Some(open) = &fence {
            if open.is_closed_by(line) {
                fence = None;
            }
            continue;
        }
        if comment {
            comment = !line.contains("-->");
            continue;
        }
        let opening = Fence::open(line);
        let hides = indent(line) < 4 && line.trim_start().starts_with("<!--");
        let quotes = indent(line) < 4 && line.trim_start().starts_with('>');
        if opening.is_none() && !hides && !quotes && !line.trim().is_empty() {
            paragraph.push(line);
            continue;
        }
        let found = in_paragraph(&paragraph, prefix);
        if found.is_some() {
            return found;
        }
        paragraph.clear();
        fence = opening;
        comment = hides && !line.contains("-->");
    }
    None
}

/// The mark that a block of code opened with.
struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    /// At any indent: within a list, code is indented as deep as its item.
    fn open(line: &str) -> Option<Fence> {
        let line = line.trim_start();
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let length = line.chars().take_while(|&char| char == mark).count();
        // "```x```" is code within a line.
        let within = mark == '`' && line[length..].contains('`');
        (length >= 3 && !within).then_some(Fence { mark, length })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        line.chars().all(|char| char == self.mark) && line.len() >= self.length
    }
}

/// How far a line is indented, a tab counting to the next four.
fn indent(line: &str) -> usize {
    let mut columns = 0;
    for char in line.chars() {
        match char {
            ' ' => columns += 1,
            '\t' => columns = (columns / 4 + 1) * 4,
            _ => break,
        }
    }
    columns
}

/// The first command among the lines of a paragraph, past the code and the comments in it, which may
/// go over several lines.
fn in_paragraph(lines: &[&str], prefix: &str) -> Option<Slash> {
    let text = lines.join("\n");
    // Looked for once: a text full of openings without an end must not be searched for each of them.
    let last_close = text.rfind("-->").unwrap_or_default();
    let mut at = 0;
    let mut fresh_line = true;
    while at < text.len() {
        let rest = &text[at..];
        if fresh_line {
            let line = rest.lines().next().unwrap_or_default();
            let found = on_line(line, prefix);
            if found.is_some() {
                return found;
            }
        }
        let step = code_length(rest)
            .or_else(|| if at < last_close { comment_length(rest) } else { None })
            .unwrap_or_else(|| one(rest));
        fresh_line = step == 1 && rest.starts_with('\n');
        at += step;
    }
    None
}

/// Code within a line is closed by as many backticks as opened it; without them they are only
/// backticks.
fn code_length(text: &str) -> Option<usize> {
    let ticks = |text: &str| text.bytes().take_while(|&byte| byte == b'`').count();
    let opening = ticks(text);
    if opening == 0 {
        return None;
    }
    let mut at = opening;
    while let Some(next) = text[at..].find('`') {
        at += next;
        let run = ticks(&text[at..]);
        at += run;
        if run == opening {
            return Some(at);
        }
    }
    Some(opening)
}

fn comment_length(text: &str) -> Option<usize> {
    text.starts_with("<!--").then(|| text.find("-->").map(|end| end + "-->".len()))?
}

fn one(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

fn on_line(line: &str, prefix: &str) -> Option<Slash> {
    if prefix.is_empty() || indent(line) >= 4 {
        return None;
    }
    let line = line.trim();
    let head = line.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
    let words = &line[head.len()..];
    match words.chars().next() {
        None => Some(Slash::Support),
        Some(next) if next.is_whitespace() => Some(order(words.trim())),
        // Another, longer command.
        Some(_) => None,
    }
}

/// What the words behind the command mean.
fn order(words: &str) -> Slash {
    let (verb, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    match (verb.to_ascii_lowercase().as_str(), rest) {
        ("approve", plan) if is_hex(plan) => Slash::Say(Says::Approve { plan: plan.to_ascii_lowercase() }),
        ("deny", "") => Slash::Say(Says::Deny),
        ("cancel", "") => Slash::Say(Says::Cancel),
        ("pause", why) => Slash::Halt(why.to_owned()),
        ("resume", "") => Slash::Resume,
        _ => Slash::Other(words.to_owned()),
    }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PREFIX: &str = "/qfield:support";

    #[test]
    fn what_is_an_order_and_what_is_not() {
        let other = |words: &str| Some(Slash::Other(words.to_owned()));
        for (body, expect) in [
            ("/qfield:support", Some(Slash::Support)),
            ("/QField:Support  \r\n", Some(Slash::Support)),
            ("   /qfield:support", Some(Slash::Support)),
            ("Please look.\n/qfield:support\nThank you", Some(Slash::Support)),
            ("/qfield:support Approve 7F3A", Some(Slash::Say(Says::Approve { plan: "7f3a".into() }))),
            ("/qfield:support approve", other("approve")),
            ("/qfield:support approve all", other("approve all")),
            ("/qfield:support approve 7f3a now", other("approve 7f3a now")),
            ("/qfield:support deny", Some(Slash::Say(Says::Deny))),
            ("/qfield:support deny it", other("deny it")),
            ("/qfield:support cancel", Some(Slash::Say(Says::Cancel))),
            ("/qfield:support pause", Some(Slash::Halt(String::new()))),
            ("/qfield:support pause a  migration", Some(Slash::Halt("a  migration".into()))),
            ("/qfield:support resume", Some(Slash::Resume)),
            ("/qfield:support\trun logs  lines=100 ", other("run logs  lines=100")),
            ("/qfield:support one\n/qfield:support two", other("one")),
            ("", None),
            ("please run /qfield:support", None),
            ("/qfield:supporter", None),
            ("/qfield:support.", None),
            ("/qfield", None),
            ("- /qfield:support", None),
            // Quotes.
            ("> /qfield:support", None),
            ("  >/qfield:support", None),
            ("> said\n/qfield:support", Some(Slash::Support)),
            // Code.
            ("    /qfield:support", None),
            ("\t/qfield:support", None),
            ("`/qfield:support`", None),
            ("`a\n/qfield:support\n`", None),
            ("a ` b\n/qfield:support", Some(Slash::Support)),
            ("``a ` b\n/qfield:support ``", None),
            ("```\n/qfield:support\n```", None),
            ("~~~ sh\n/qfield:support\n```\n/qfield:support\n~~~", None),
            ("````\n```\n/qfield:support\n````\n/qfield:support go", other("go")),
            ("1. do\n   ```\n/qfield:support\n   ```", None),
            ("```\n/qfield:support", None),
            ("```x```\n/qfield:support", Some(Slash::Support)),
            // Comments.
            ("<!-- /qfield:support -->", None),
            ("<!--\n\n/qfield:support\n-->", None),
            ("<!--\n/qfield:support", None),
            ("a <!--\n/qfield:support\n--> b", None),
            ("a <!-- b\n/qfield:support", Some(Slash::Support)),
            ("<!-- a -->\n/qfield:support", Some(Slash::Support)),
            ("größer\n/qfield:support ünï", other("ünï")),
        ] {
            assert_eq!(command(body, PREFIX), expect, "{body:?}");
        }
        assert_eq!(command("anything", ""), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(body in "[`~<>!\\- \t\n/a-cé]{0,60}", prefix in "[/a-cé]{0,4}") {
            command(&body, &prefix);
        }

        #[test]
        fn a_quoted_text_orders_nothing(body in "[`~<>!\\- \t/qfield:suport]{0,80}(\n/qfield:support)?") {
            let quoted: String = body.lines().map(|line| format!("> {line}\n")).collect();
            prop_assert_eq!(command(&quoted, PREFIX), None);
        }
    }
}
