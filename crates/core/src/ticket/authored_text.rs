//! Letters: which words of a ticket are its author's own. What is quoted, signed or commented out was not
//! said now, and a form's labels were not said by anybody.

use crate::ticket::issue_form::{Fence, IssueForm};

/// A ticket's text, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthoredText {
    /// The title, and what its author wrote.
    pub own: String,
    /// What others wrote, and its author only carries along.
    pub quoted: String,
    pub form: Option<IssueForm>,
}

/// What mail programs put over a message that is answered or passed on, without the dashes around it.
const HEADINGS: [&str; 6] = [
    "original message",
    "forwarded message",
    "begin forwarded message:",
    "ursprüngliche nachricht",
    "weitergeleitete nachricht",
    "originalnachricht",
];

/// The lines of a message's head, each with what it may be called.
const HEADS: [&[&str]; 4] = [
    &["from:", "von:"],
    &["sent:", "date:", "gesendet:", "datum:"],
    &["to:", "an:"],
    &["subject:", "betreff:"],
];

/// A word of the line by which a mail program announces a quotation, beside its date.
const ANNOUNCES: [&str; 3] = ["wrote", "schrieb", "writes"];

impl AuthoredText {
    pub fn read(title: &str, body: &str) -> Self {
        let body = without_comments(&body.replace("\r\n", "\n").replace('\r', "\n"));
        let form = IssueForm::read(&body);
        let mut letter = Self { own: format!("{title}\n"), ..Self::default() };
        match &form {
            Some(form) => form.fields.iter().for_each(|field| letter.take(&field.value)),
            None => letter.take(&body),
        }
        Self { form, ..letter }
    }

    /// Everything that may be a complaint, whoever makes it.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.own, self.quoted)
    }

    fn take(&mut self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let mut fence = Fence::default();
        let mut of_others = false;
        for (at, line) in lines.iter().enumerate() {
            let is_plain = !fence.takes(line);
            if is_plain && is_signature(&lines, at) {
                return;
            }
            of_others |= is_plain && is_older_message(&lines, at);
            let is_quote = is_plain && (line.trim_start().starts_with('>') || announces(line));
            let part = if of_others || is_quote { &mut self.quoted } else { &mut self.own };
            part.push_str(line);
            part.push('\n');
        }
    }
}

/// The mark over a signature; mail programs may lose the space at its end.
fn is_signature(lines: &[&str], at: usize) -> bool {
    let after_blank = at > 0 && lines[at - 1].trim().is_empty();
    lines[at] == "-- " || lines[at] == "--" && after_blank
}

/// From here on stands the message that is answered or passed on.
fn is_older_message(lines: &[&str], at: usize) -> bool {
    let plain = lines[at].trim_matches(|c: char| c == '-' || c == '_' || c.is_whitespace()).to_lowercase();
    if HEADINGS.contains(&plain.as_str()) {
        return true;
    }
    let is_head = |line: &str, names: &[&str]| {
        let line = line.trim_start_matches(['*', ' ']).to_lowercase();
        names.iter().any(|name| line.starts_with(name))
    };
    let head = lines.iter().skip(at).take(HEADS.len()).collect::<Vec<_>>();
    is_head(lines[at], HEADS[0])
        && HEADS.iter().filter(|names| head.iter().any(|line| is_head(line, names))).count() >= 3
}

fn announces(line: &str) -> bool {
    let Some(line) = line.trim_end().strip_suffix(':') else { return false };
    let has_word = line.split_whitespace().any(|word| ANNOUNCES.contains(&word));
    has_word && line.contains(|c: char| c.is_ascii_digit())
}

/// A text without its HTML comments, in which templates explain themselves. One that is never closed
/// reaches to the end; code has none.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fence = Fence::default();
    let mut hidden = false;
    for line in text.lines() {
        if !hidden && fence.takes(line) {
            out.push_str(line);
        } else {
            let mut rest = line;
            loop {
                let mark = if hidden { "-->" } else { "<!--" };
                let Some((before, behind)) = rest.split_once(mark) else { break };
                out.push_str(if hidden { "" } else { before });
                (hidden, rest) = (!hidden, behind);
            }
            out.push_str(if hidden { "" } else { rest });
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own(body: &str) -> String {
        let own = AuthoredText::read("title", body).own;
        own.strip_prefix("title\n").unwrap().trim().replace('\n', "|")
    }

    #[test]
    fn own_words_are_neither_quoted_nor_signed() {
        for (body, expect) in [
            ("sync fails\n> workers are down", "sync fails"),
            ("sync fails\n-- \nACME, no disk is ever full", "sync fails"),
            ("sync fails\n\n--\nACME", "sync fails"),
            ("a | b\n--\nsync fails", "a | b|--|sync fails"),
            ("look:\n```sql\n-- \nselect 1\n> x\n```\nplease", "look:|```sql|-- |select 1|> x|```|please"),
            ("thanks\n\nOn Tue, 3 Mar 2026 at 10:00, Ada wrote:\n> sync fails", "thanks"),
            ("danke\n\nAm 03.03.2026 um 10:00 schrieb Ada Lovelace:\n> geht nicht", "danke"),
            ("as she wrote: it fails", "as she wrote: it fails"),
            ("fyi\n\n-----Original Message-----\nsync fails", "fyi"),
            ("fyi\n\n---------- Forwarded message ---------\nFrom: Ada\nsync fails", "fyi"),
            ("fyi\n\nVon: Ada\nGesendet: heute\nAn: Bob\nBetreff: Sync\n\ngeht nicht", "fyi"),
            ("From: the new phone it fails", "From: the new phone it fails"),
            ("a <!-- workers are down --> b", "a  b"),
            ("a <!-- workers are down", "a"),
            ("a <!--\n```\n--> b", "a || b"),
            ("```\n<!--\n```\nb", "```|<!--|```|b"),
            ("a\r\n> b\rc", "a|c"),
        ] {
            assert_eq!(own(body), expect, "{body:?}");
        }
    }

    #[test]
    fn the_labels_of_a_form_are_nobodys_words() {
        let letter = AuthoredText::read("Help", "### Are workers down?\n\nno idea\n\n### Log\n\n> old\nnew");
        assert_eq!(letter.own, "Help\nno idea\nnew\n");
        assert!(letter.quoted.contains("old") && letter.form.is_some());
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(title in ".{0,10}", body in "(### |-- |From:|wrote:1|<!--|-->|[>`~\\- \n\ra-cé]){0,60}") {
            let letter = AuthoredText::read(&title, &body);
            prop_assert!(letter.own.starts_with(&title));
        }

        #[test]
        fn a_quoted_text_is_nobodys_own(body in "[`~<>!\\- \ta-z]{0,60}(\nworkers are down)?") {
            let quoted: String = body.lines().map(|line| format!("> {line}\n")).collect();
            prop_assert_eq!(own(&quoted), "");
        }
    }
}
