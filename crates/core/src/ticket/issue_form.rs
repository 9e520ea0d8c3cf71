//! Issue forms: a ticket's body as GitHub writes it for an issue form, a heading and a value for each field.
//!
//! ```text
//! ### Affected system
//!
//! qfieldcloud
//!
//! ### Host
//!
//! _No response_
//! ```

use crate::ticket::markdown;

/// What GitHub writes where nothing was filled in.
const NOTHING: &str = "_No response_";

/// No form has more fields; a text that seems to is cut here.
const MAX_FIELDS: usize = 100;

/// What forms call the system that a ticket is about, in lower case.
const LOCATION_LABELS: [&str; 24] = [
    "system",
    "systems",
    "affected system",
    "which system",
    "which system is affected",
    "instance",
    "affected instance",
    "which instance",
    "host",
    "hostname",
    "host name",
    "affected host",
    "which host",
    "server",
    "affected server",
    "which server",
    "machine",
    "betroffenes system",
    "welches system",
    "instanz",
    "rechner",
    "betroffener rechner",
    "betroffener server",
    "welcher server",
];

/// A form that was filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueForm {
    /// In their order.
    pub fields: Vec<Field>,
}

/// A field. Its label is the form's, its value the reporter's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As the form calls it.
    pub label: String,
    /// Empty if nothing was filled in.
    pub value: String,
}

impl IssueForm {
    /// Reads a body whose lines end in `\n`. `None`: it was written by hand.
    pub fn read(body: &str) -> Option<Self> {
        let lines = markdown::lines(body);
        let is_blank = |at: usize| lines.get(at).is_none_or(markdown::Line::is_blank);
        let mut fields: Vec<Field> = Vec::new();
        for (at, markdown::Line { text: line, is_fenced, .. }) in lines.iter().enumerate() {
            let stands_alone = (at == 0 || is_blank(at - 1)) && is_blank(at + 1);
            if let Some(label) = line.strip_prefix("### ").filter(|_| !is_fenced && stands_alone) {
                if fields.len() == MAX_FIELDS {
                    break;
                }
                fields.push(Field { label: label.trim().to_owned(), value: String::new() });
                continue;
            }
            let Some(field) = fields.last_mut() else {
                if line.trim().is_empty() {
                    continue;
                }
                return None;
            };
            if *is_fenced || !is_unchosen(line) {
                field.value.push_str(line);
                field.value.push('\n');
            }
        }
        for field in &mut fields {
            let value = field.value.trim();
            field.value = if value == NOTHING { String::new() } else { value.to_owned() };
        }
        (!fields.is_empty()).then_some(Self { fields })
    }

    /// The filled fields that say which system the ticket is about.
    pub fn location_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.is_location() && !field.value.is_empty())
    }
}

impl Field {
    fn is_location(&self) -> bool {
        let plain = self.label.to_lowercase();
        let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
        LOCATION_LABELS.contains(&plain)
    }
}

/// A checkbox that was not ticked.
fn is_unchosen(line: &str) -> bool {
    line.trim_start().starts_with("- [ ] ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(body: &str) -> Option<Vec<(String, String)>> {
        let form = IssueForm::read(body)?;
        Some(form.fields.into_iter().map(|field| (field.label, field.value)).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_github_writes_is_read_back() {
        let body = "### System\n\nqfieldcloud\n\n### Host\n\n_No response_\n\n### What happens?\n\nSync stops.\n\nAlways.";
        let expect = [("System", "qfieldcloud"), ("Host", ""), ("What happens?", "Sync stops.\n\nAlways.")];
        assert_eq!(fields(body), pairs(&expect));
        let places: Vec<String> =
            IssueForm::read(body).unwrap().location_fields().map(|field| field.value.clone()).collect();
        assert_eq!(places, ["qfieldcloud"]);
    }

    #[test]
    fn code_and_boxes_are_what_they_are() {
        let body =
            "### Log\n\n```shell\n\n### Host\n\nother\n```\n\n### Tried\n\n- [X] a restart\n- [ ] nothing";
        let expect = [("Log", "```shell\n\n### Host\n\nother\n```"), ("Tried", "- [X] a restart")];
        assert_eq!(fields(body), pairs(&expect));
    }

    #[test]
    fn what_is_written_by_hand_is_no_form() {
        for body in ["", "Hello\n\n### System\n\nnorth", "## System\n\nnorth", "### System\nnorth", "####"] {
            assert_eq!(fields(body), None, "{body:?}");
        }
    }

    #[test]
    fn labels_are_known_however_they_are_written() {
        for label in ["System", "HOST", "Which system?", "🖥 Server:", "**Betroffenes System**"] {
            let field = Field { label: label.to_owned(), value: "x".into() };
            assert!(field.is_location(), "{label}");
        }
        for label in ["Operating system", "System log", "", "Ghost"] {
            let field = Field { label: label.to_owned(), value: "x".into() };
            assert!(!field.is_location(), "{label}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(body in "(### |[#`~\\-\\[\\]x \n_a-cé]){0,80}") {
            let form = IssueForm::read(&body);
            prop_assert!(form.is_none_or(|form| !form.fields.is_empty()));
        }
    }
}
