//! Authored text: which words of a text its author wrote. What is quoted, signed or commented out was not
//! written now, and a form's labels were written by nobody. This is the one reader of whose words a text holds:
//! symptoms, feedback and commands all rest on it.

use crate::ticket::issue_form::IssueForm;
use crate::ticket::mail;
use crate::ticket::markdown;

/// A ticket's text, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthoredText {
    /// The title, and what its author wrote.
    pub own: String,
    /// What others wrote, and the author quotes or forwards.
    pub quoted: String,
    /// The issue form that the author filled in.
    pub form: Option<IssueForm>,
}

impl AuthoredText {
    /// Takes an issue or a comment apart; a comment has no title.
    pub fn read(title: &str, body: &str) -> Self {
        let body = markdown::without_comments(&markdown::normalize(body));
        let form = IssueForm::read(&body);
        let mut text = Self { own: format!("{title}\n"), ..Self::default() };
        match &form {
            Some(form) => form.fields.iter().for_each(|field| text.add(&field.value)),
            None => text.add(&body),
        }
        Self { form, ..text }
    }

    /// Everything that may report a problem, whoever wrote it.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.own, self.quoted)
    }

    fn add(&mut self, text: &str) {
        let lines = markdown::lines(text);
        let mail = mail::find(&lines);
        let is_older = |at: usize| mail.older_message.is_some_and(|older| at >= older);
        for (at, line) in lines.iter().enumerate() {
            if mail.signature == Some(at) {
                return;
            }
            let is_quoted = line.is_quoted || is_older(at) || mail.announcements.contains(&at);
            let part = if is_quoted { &mut self.quoted } else { &mut self.own };
            part.push_str(line.text);
            part.push('\n');
        }
    }
}

/// The lines of a comment that can hold a command: its author wrote them, and GitHub shows them as plain text
/// of a paragraph. In doubt a line is not among them.
pub(crate) fn plain_lines(body: &str) -> Vec<String> {
    let mut body = markdown::normalize(body);
    let hidden = markdown::comments(&body);
    let lines = markdown::lines(&body);
    let sign = mail::find(&lines).first_sign.and_then(|sign| lines.get(sign));
    let (end, is_signature) = sign.map_or((body.len(), false), |line| (line.start, line.text == "-- "));
    if is_signature {
        // The mark of a signature would make a heading of the line above it. What is below still counts for
        // what is shown above: it may close a comment or a piece of code.
        body.replace_range(end..end + 2, "xx");
    }
    let lines = markdown::lines(&body);
    let line_at = |place: &usize| {
        let index = lines.partition_point(|line| line.start <= *place).checked_sub(1)?;
        lines.get(index).filter(|line| line.start < end && !line.is_quoted)
    };
    let is_hidden = |place: &usize| hidden.iter().any(|part| part.contains(place));
    let plain = markdown::plain_lines(&body).into_iter().filter(|place| !is_hidden(place));
    plain.filter_map(|place| line_at(&place)).map(|line| line.text.to_owned()).collect()
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
            ("`<!--` hides <!-- nothing --> here", "`<!--` hides  here"),
            ("a <!-- b\nworkers are down", "a |workers are down"),
            ("<!-- b\nworkers are down", ""),
            // Below an announcement without marks everything is the older message, in whatever language.
            ("merci\n\nLe 1 juin 2026 à 10:00, Ada a écrit :\n\nworkers are down", "merci"),
            ("ok\n\nпн, 1 июн. 2026 г. в 10:00, Ада <ada@example.org>:\n\nworkers are down", "ok"),
            // Below marks the author goes on.
            ("W dniu 1.06.2026 o 10:00, Ada pisze:\n> still broken?\n\nyes", "yes"),
            // A mail program has wrapped the quoted line.
            (
                "> We have restarted the workers on both of the servers; tell us whether they\nare down\n\nno",
                "no",
            ),
        ] {
            assert_eq!(own(body), expect, "{body:?}");
        }
    }

    #[test]
    fn the_labels_of_a_form_are_nobodys_words() {
        let text = AuthoredText::read("Help", "### Are workers down?\n\nno idea\n\n### Log\n\n> old\nnew");
        assert_eq!(text.own, "Help\nno idea\nnew\n");
        assert!(text.quoted.contains("old") && text.form.is_some());
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(title in ".{0,10}", body in "(### |-- |From:|wrote:1|<!--|-->|[>`~\\- \n\ra-cé]){0,60}") {
            let text = AuthoredText::read(&title, &body);
            prop_assert!(text.own.starts_with(&title));
        }

        #[test]
        fn a_quoted_text_is_nobodys_own(body in "[`~<>!\\- \ta-z]{0,60}(\nworkers are down)?") {
            let quoted: String = body.lines().map(|line| format!("> {line}\n")).collect();
            prop_assert_eq!(own(&quoted), "");
        }
    }
}
