//! Forms: a ticket's body as GitHub writes it for an issue form, a heading and a value for each field.
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

/// What GitHub writes where nothing was filled in.
const NOTHING: &str = "_No response_";

/// More fields than this have no form, and a text that looks like one is cut here.
const MOST_FIELDS: usize = 100;

/// What forms call the place that a ticket is about, in lower case.
const PLACES: [&str; 24] = [
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

/// The fields of a form, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueForm {
    pub fields: Vec<Field>,
}

/// One field. Its label is the form's, its value the reporter's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub label: String,
    /// Empty if nothing was filled in.
    pub value: String,
}

impl IssueForm {
    /// Reads a body whose lines end in `\n`. `None`: it is no form, but what somebody wrote by hand.
    pub fn read(body: &str) -> Option<Self> {
        let lines: Vec<&str> = body.lines().collect();
        let is_blank = |at: usize| lines.get(at).is_none_or(|line| line.trim().is_empty());
        let mut fields: Vec<Field> = Vec::new();
        let mut fence = Fence::default();
        for (at, line) in lines.iter().enumerate() {
            let in_code = fence.takes(line);
            let stands_alone = (at == 0 || is_blank(at - 1)) && is_blank(at + 1);
            if let Some(label) = line.strip_prefix("### ").filter(|_| !in_code && stands_alone) {
                if fields.len() == MOST_FIELDS {
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
            if in_code || !is_unchosen(line) {
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

    /// The filled fields that say where the trouble is.
    pub fn location_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.is_location() && !field.value.is_empty())
    }
}

impl Field {
    fn is_location(&self) -> bool {
        let plain = self.label.to_lowercase();
        let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
        PLACES.contains(&plain)
    }
}

/// A box of a list that was not ticked.
fn is_unchosen(line: &str) -> bool {
    line.trim_start().starts_with("- [ ] ")
}

/// Whether lines are within a block of code, told one after another.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    open: Option<(char, usize)>,
}

impl Fence {
    /// Whether this line belongs to code, the lines that open and close it included.
    pub(crate) fn takes(&mut self, line: &str) -> bool {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let line = line.trim();
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~')).filter(|_| indent < 4);
        let length = mark.map_or(0, |mark| line.chars().take_while(|c| *c == mark).count());
        match self.open {
            Some((opened, least)) => {
                if mark == Some(opened) && length >= least && line.chars().count() == length {
                    self.open = None;
                }
                true
            }
            None if length >= 3 => {
                // What follows in the line must not close it there.
                let rest = &line[length..];
                self.open =
                    mark.filter(|mark| *mark == '~' || !rest.contains('`')).map(|mark| (mark, length));
                self.open.is_some()
            }
            None => false,
        }
    }
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
