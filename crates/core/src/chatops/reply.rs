//! Replies: the answers to commands, as data. The sentences stand in `prompts/`.

use crate::chatops::access::Permission;
use crate::chatops::arguments::ArgumentError;
use crate::chatops::command::CommandName;
use crate::ids::{CaseId, ParamName, SystemName};
use crate::policy::pause_order::PauseOrigin;
use crate::policy::permit::{Mode, Pause};
use crate::text::format::cut_at;
use crate::text::redact::Redacted;
use crate::view::explain::FaultExplanation;
use crate::view::report::Report;
use serde::Serialize;

/// An answer to a command.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Reply {
    /// The ticket has no running case that could take the signal.
    NoCase,
    /// The case does not wait for an approval.
    NothingPending,
    /// The approval names a plan other than the one that waits.
    OtherPlan,
    /// The answer was written before the question.
    OlderThanQuestion,
    /// The author ordered the change, and somebody else has to approve it.
    OwnOrder,
    /// The ticket has a running case; commands are not queued.
    Busy {
        /// What the case is doing.
        stage: String,
    },
    /// The issue is closed, and the command would change something.
    Closed,
    /// The conversation is locked.
    Locked,
    /// The comment was edited before it was read.
    Edited,
    /// The ticket has no case that could be tried again.
    NothingToRetry,
    /// The ticket has no case that could be explained.
    NothingToExplain,
    /// The journal of the ticket's case cannot be read.
    Unreadable { case: CaseId },
    /// All changes are paused now.
    Paused {
        /// May be empty.
        reason: Redacted,
    },
    /// The pause is lifted.
    Resumed,
    /// A pause or resume command that was written later is in force already.
    Superseded,
    /// The pause was set elsewhere, and is lifted there only.
    PausedElsewhere { origin: PauseOrigin },
    /// The ticket names no system, or several.
    SystemUnclear { known: Vec<SystemName> },
    /// The inventory has no system of this name.
    UnknownSystem { said: String, near: Option<String>, known: Vec<SystemName> },
    /// No command has this name.
    UnknownCommand { said: String, near: Option<&'static str>, known: Vec<&'static str> },
    /// The command does not take these words.
    Usage {
        said: String,
        name: CommandName,
        /// A `run` command that works here.
        example: Option<String>,
    },
    /// The system has no playbook of this name.
    UnknownPlaybook {
        said: String,
        near: Option<String>,
        system: SystemName,
        known: Vec<String>,
        /// A `run` command that works here.
        example: Option<String>,
    },
    /// A playbook that fixes a fault was given values.
    TakesNoValues { playbook: String },
    /// The values do not fit the playbook's parameters.
    InvalidArguments {
        playbook: String,
        errors: Vec<ArgumentError>,
        params: Vec<ParamUsage>,
        /// A command that works.
        example: String,
    },
    /// How the ticket stands.
    Status(Box<StatusReply>),
    /// Why the case did what it did.
    Explanation(Box<ExplanationReply>),
    /// Which commands the author may give.
    Help(HelpReply),
}

/// How a ticket stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReply {
    /// Of the running case, or else the newest; `None` if there is none.
    pub report: Option<Report>,
    /// How many other cases are running.
    pub others: usize,
    /// The pause of all changes.
    pub pause: Option<Pause>,
}

/// Why a case did what it did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplanationReply {
    pub report: Report,
    pub explained: Vec<FaultExplanation>,
    pub mode: Mode,
}

/// What a person may write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HelpReply {
    pub commands: Vec<CommandName>,
    pub playbooks: Vec<PlaybookUsage>,
    pub systems: Vec<SystemName>,
}

/// A playbook, and the command that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaybookUsage {
    pub title: String,
    /// The command without its prefix.
    pub run: String,
    pub params: Vec<ParamUsage>,
    /// It fixes a fault; else it answers a request and changes nothing.
    pub fixes: bool,
}

/// A parameter of a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParamUsage {
    pub name: ParamName,
    /// What values it accepts, in words.
    pub accepts: String,
    pub default: Option<String>,
    pub help: String,
}

/// A refusal: the author may not give the command. It is explained once for each author, command and
/// ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The command's name; `None` if the command is unknown.
    pub name: Option<CommandName>,
    /// Everybody with at least this permission may give it.
    pub permission: Option<Permission>,
    /// These people may give it, too.
    pub people: Vec<String>,
}

/// Text that a person wrote, short enough to repeat in a reply.
pub(crate) fn shown(text: &str) -> String {
    cut_at(text, 60).to_owned()
}
