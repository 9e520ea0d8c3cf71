//! Slash commands: what a person orders in a comment, and what only looks like it.
//!
//! A command stands at the beginning of a line of plain text, as GitHub shows it. What is quoted, shown
//! as code, crossed out, in a list, in HTML or below a mail's signature was not said to the agent. In
//! doubt there is no command: a person who is not heard says it again, but nothing takes back what was
//! done by mistake.
//!
//! - `plain`: where a comment has a command.
//! - `mail`: what a mail client puts below an answer.
//! - `order`: what the words mean.
//! - `values`: whether the values given to a playbook are such that it can have.

pub mod access;
pub mod arguments;
pub mod locate;
pub mod parse;
pub mod reply_quoting;
pub mod scope;

pub use crate::chatops::arguments::{ArgumentError, parse_arguments};

use crate::case::signal::SignalKind;
use crate::chatops::access::Capability;
use serde::Serialize;

/// An order to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    /// The command alone: take this ticket.
    Work,
    /// How does this ticket stand?
    Status,
    /// Look at a system, or the one that the ticket is about.
    Diagnose {
        system: Option<String>,
    },
    Run(RunRequest),
    /// Something to say to the case of this ticket.
    Signal(SignalKind),
    /// Begin afresh.
    Retry,
    /// Change nothing on any system, for this reason, which may be empty.
    Pause(String),
    /// Lift the halt.
    Resume,
    /// Why was that done, or not done?
    Explain,
    Help,
}

/// A playbook to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    pub playbook: String,
    pub system: Option<String>,
    /// As written; nothing of them is checked yet.
    pub values: Vec<(String, String)>,
}

impl RunRequest {
    /// The key that names the system; no parameter is called so.
    pub const SYSTEM: &'static str = "system";
}

/// Words behind the command that are no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    Unknown {
        word: String,
        near: Option<CommandName>,
    },
    /// The order is known, and what follows it is not what it takes.
    Syntax {
        command: CommandName,
        said: String,
    },
}

macro_rules! verbs {
    ($($name:ident = $word:literal, $right:expr;)*) => {
        /// The orders that there are.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum CommandName {
            $($name,)*
        }

        impl CommandName {
            pub const ALL: &[CommandName] = &[$(CommandName::$name,)*];

            /// As people write it; the command alone has none.
            pub fn word(self) -> &'static str {
                match self {
                    $(CommandName::$name => $word,)*
                }
            }

            /// What one needs for it; `None`: any right at all.
            pub fn right(self) -> Option<Capability> {
                match self {
                    $(CommandName::$name => $right,)*
                }
            }
        }
    };
}

verbs! {
    Take = "", Some(Capability::Run);
    Status = "status", Some(Capability::View);
    Diagnose = "diagnose", Some(Capability::View);
    Run = "run", Some(Capability::Run);
    Approve = "approve", Some(Capability::Approve);
    Deny = "deny", Some(Capability::Approve);
    Cancel = "cancel", Some(Capability::Approve);
    Retry = "retry", Some(Capability::Run);
    Pause = "pause", Some(Capability::Pause);
    Resume = "resume", Some(Capability::Pause);
    Explain = "explain", Some(Capability::View);
    Help = "help", None;
}

impl CommandName {
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verb| !word.is_empty() && verb.word() == word)
    }
}

impl ChatCommand {
    pub fn name(&self) -> CommandName {
        match self {
            ChatCommand::Work => CommandName::Take,
            ChatCommand::Status => CommandName::Status,
            ChatCommand::Diagnose { .. } => CommandName::Diagnose,
            ChatCommand::Run(_) => CommandName::Run,
            ChatCommand::Signal(SignalKind::Approve { .. }) => CommandName::Approve,
            ChatCommand::Signal(SignalKind::Deny) => CommandName::Deny,
            ChatCommand::Signal(SignalKind::Cancel) => CommandName::Cancel,
            ChatCommand::Retry => CommandName::Retry,
            ChatCommand::Pause(_) | ChatCommand::Signal(SignalKind::Pause) => CommandName::Pause,
            ChatCommand::Resume | ChatCommand::Signal(SignalKind::Resume) => CommandName::Resume,
            ChatCommand::Explain => CommandName::Explain,
            ChatCommand::Help => CommandName::Help,
        }
    }
}

impl ParseError {
    /// The order that it was, if that is known.
    pub fn verb(&self) -> Option<CommandName> {
        match self {
            ParseError::Unknown { .. } => None,
            ParseError::Syntax { command: verb, .. } => Some(*verb),
        }
    }
}

/// The first command in a text. `prefix` is the whole of the command's name, slash included, and its
/// letters may be written in either case.
pub fn command(body: &str, prefix: &str) -> Option<Result<ChatCommand, ParseError>> {
    crate::chatops::locate::words(body, prefix).map(|words| crate::chatops::parse::parse(&words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PREFIX: &str = "/qfield:support";

    #[test]
    fn what_is_an_order_and_what_is_not() {
        let take = || Some(Ok(ChatCommand::Work));
        let unknown = |word: &str| Some(Err(ParseError::Unknown { word: word.to_owned(), near: None }));
        for (body, expect) in [
            ("/qfield:support", take()),
            ("/QField:Support  \r\n", take()),
            ("   /qfield:support", take()),
            ("Please look.\n/qfield:support\nThank you", take()),
            (
                "/qfield:support Approve 7F3A",
                Some(Ok(ChatCommand::Signal(SignalKind::Approve { plan: "7f3a".into() }))),
            ),
            ("/qfield:support\tpause  a  migration ", Some(Ok(ChatCommand::Pause("a  migration".into())))),
            ("/qfield:support one\n/qfield:support two", unknown("one")),
            ("", None),
            ("please run /qfield:support", None),
            ("/qfield:supporter", None),
            ("/qfield:support.", None),
            ("/qfield", None),
            ("- /qfield:support", None),
            // Quotes.
            ("> /qfield:support", None),
            ("  >/qfield:support", None),
            ("> said\n\n/qfield:support", take()),
            // GitHub shows this within the quote; mail clients wrap long quoted lines so.
            ("> said\n/qfield:support", None),
            // Code.
            ("    /qfield:support", None),
            ("\t/qfield:support", None),
            ("`/qfield:support`", None),
            ("`a\n/qfield:support\n`", None),
            ("a ` b\n/qfield:support", take()),
            ("``a ` b\n/qfield:support ``", None),
            ("```\n/qfield:support\n```", None),
            ("~~~ sh\n/qfield:support\n```\n/qfield:support\n~~~", None),
            ("````\n```\n/qfield:support\n````\n/qfield:support go", unknown("go")),
            ("1. do\n   ```\n   /qfield:support\n   ```", None),
            ("```\n    ```\n/qfield:support\n```", None),
            ("      ```\n```\n/qfield:support\n```", None),
            ("a\r```\r/qfield:support\r```", None),
            ("a\r/qfield:support go\rb", unknown("go")),
            ("```\n/qfield:support", None),
            ("```x```\n/qfield:support", take()),
            // Comments.
            ("<!-- /qfield:support -->", None),
            ("<!--\n\n/qfield:support\n-->", None),
            ("<!--\n/qfield:support", None),
            ("a <!--\n/qfield:support\n--> b", None),
            ("a <!-- b\n/qfield:support", take()),
            ("<!-- a -->\n/qfield:support", take()),
            ("größer\n/qfield:support ünï", unknown("ünï")),
            // Whatever else is not plain text.
            ("\\/qfield:support", None),
            ("&#47;qfield:support", None),
            ("~~a\n/qfield:support\nb~~", None),
            ("[a\n/qfield:support\nb](c)", None),
            ("# /qfield:support", None),
            ("a | b\n--|--\n/qfield:support | c", None),
            ("<details><summary>x</summary>\n\n/qfield:support\n\n</details>", None),
            ("<blockquote>\n\n/qfield:support\n\n</blockquote>\n\n/qfield:support go", unknown("go")),
            ("a<br>\n/qfield:support", take()),
            // Below a signature, or the mail that is answered.
            ("Thanks\n-- \n/qfield:support", None),
            ("Thanks\n\nSent from my iPhone\n\n/qfield:support", None),
            ("On Mon, 1 Jun 2026, Ada wrote:\n\n/qfield:support", None),
            ("/qfield:support\n\nOn Mon, 1 Jun 2026, Ada wrote:\n> /qfield:support go", take()),
            // What is below a signature still closes what was opened above it.
            ("a <!--\n/qfield:support\n-- \n-->", None),
            ("`a\n/qfield:support\n-- \n`", None),
            ("Thanks\n\n-----Original Message-----\n/qfield:support", None),
            ("/qfield:support\n-- \nAda", take()),
            // Letters that look alike, and letters that are not seen.
            ("/qfield\u{2236}support", None),
            ("/qfi\u{435}ld:support", None),
            ("\u{200B}/qfield:support", None),
            ("/qfield:support\u{200B}", None),
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
