//! The commands that people can write, and what a comment that holds one says.

use crate::case::signal::SignalKind;
use crate::chatops::access::Capability;
use crate::ticket::TicketId;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// A comment that holds a command, as far as a decision needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRequest {
    /// The ticket that the comment is on.
    pub ticket: TicketId,
    /// The comment's number on the forge.
    pub comment: u64,
    /// The author's login.
    pub author: String,
    /// When the comment was written, by the forge's clock.
    pub written_at: DateTime<Utc>,
    /// The comment was changed after it was written. Whoever edits a comment need not be its author, and
    /// what it said before is unknown.
    pub is_edited: bool,
    /// A machine wrote it, or it carries a marker of Fieldmedic's own comments.
    pub is_automated: bool,
    /// The first command of the comment, or why it cannot be understood.
    pub command: Result<ChatCommand, ParseError>,
}

impl CommandRequest {
    /// The dedupe key: whatever the command does is done once for it.
    pub fn key(&self) -> String {
        format!("comment {} {}", self.ticket, self.comment)
    }

    /// The command's name, if that much was understood.
    pub fn name(&self) -> Option<CommandName> {
        match &self.command {
            Ok(command) => Some(command.name()),
            Err(error) => error.command(),
        }
    }
}

/// A command to Fieldmedic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    /// The prefix alone: work on this ticket.
    Work,
    /// Say how this ticket stands.
    Status,
    /// Probe a system, or the one that the ticket is about. Nothing is changed.
    Diagnose {
        /// As written; without one, the ticket decides.
        system: Option<String>,
    },
    /// Run one playbook.
    Run(RunRequest),
    /// A signal to the running case of this ticket.
    Signal(SignalKind),
    /// Work on this ticket again, after its case has ended.
    Retry,
    /// Change nothing on any system, for this reason, which may be empty.
    Pause(String),
    /// Lift the pause.
    Resume,
    /// Say why the case did what it did.
    Explain,
    /// Say which commands the author may give.
    Help,
}

/// A playbook to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// The name of the playbook, as written, in lower case. It need not exist.
    pub playbook: String,
    /// As written; without one, the ticket decides.
    pub system: Option<String>,
    /// Keys and values as written; nothing of them is checked yet.
    pub values: Vec<(String, String)>,
}

impl RunRequest {
    /// The key that names the system; no parameter may have this name.
    pub const SYSTEM: &'static str = "system";
}

/// Why the words behind the prefix are no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// No command has this name.
    Unknown {
        /// The first word behind the prefix, as written.
        word: String,
        /// The command whose name is similar.
        near: Option<CommandName>,
    },
    /// The command is known, and does not take the words that follow its name.
    Syntax {
        /// The command that the first word names.
        command: CommandName,
        /// Everything behind the prefix.
        said: String,
    },
}

impl ParseError {
    /// The command that was meant, if that is known.
    pub fn command(&self) -> Option<CommandName> {
        match self {
            ParseError::Unknown { .. } => None,
            ParseError::Syntax { command, .. } => Some(*command),
        }
    }
}

macro_rules! commands {
    ($($name:ident = $word:literal, $capability:expr;)*) => {
        /// The names of the commands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum CommandName {
            $(
                #[doc = concat!("`", $word, "`")]
                $name,
            )*
        }

        impl CommandName {
            /// Every command, in the order in which help lists them.
            pub const ALL: &[CommandName] = &[$(CommandName::$name,)*];

            /// The name as people write it; empty for the prefix alone.
            pub fn word(self) -> &'static str {
                match self {
                    $(CommandName::$name => $word,)*
                }
            }

            /// The capability that it needs; `None`: any capability at all.
            pub fn capability(self) -> Option<Capability> {
                match self {
                    $(CommandName::$name => $capability,)*
                }
            }
        }
    };
}

commands! {
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
    /// The command with this name, which is in lower case.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| !word.is_empty() && name.word() == word)
    }
}

impl ChatCommand {
    /// The command's name.
    pub fn name(&self) -> CommandName {
        match self {
            ChatCommand::Work => CommandName::Take,
            // An answer to a question is written in free words, so no command makes one.
            ChatCommand::Status | ChatCommand::Signal(SignalKind::Answer(_)) => CommandName::Status,
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
