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
    Unreadable {
        /// The case's number.
        case: CaseId,
    },
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
    PausedElsewhere {
        /// Where the pause was set.
        origin: PauseOrigin,
    },
    /// The ticket names no system, or several.
    SystemUnclear {
        /// Every system of the inventory, by name.
        known: Vec<SystemName>,
    },
    /// The inventory has no system of this name.
    UnknownSystem {
        /// The name as written, at most 60 bytes of it.
        said: String,
        /// A similar name; `None` if none is similar.
        near: Option<String>,
        /// Every system of the inventory, by name.
        known: Vec<SystemName>,
    },
    /// No command has this name.
    UnknownCommand {
        /// The word as written, at most 60 bytes of it.
        said: String,
        /// The similar command's name; `None` if none is similar.
        near: Option<&'static str>,
        /// The names of all commands, in the order of help.
        known: Vec<&'static str>,
    },
    /// The command does not take these words.
    Usage {
        /// Everything behind the prefix, at most 60 bytes of it.
        said: String,
        /// The command that was meant.
        name: CommandName,
        /// A `run` command that works here.
        example: Option<String>,
    },
    /// The system has no playbook of this name.
    UnknownPlaybook {
        /// The name as written, at most 60 bytes of it.
        said: String,
        /// A similar name; `None` if none is similar.
        near: Option<String>,
        /// The system that was named, or that the ticket is about.
        system: SystemName,
        /// All playbooks of the system: its requests, then its faults.
        known: Vec<String>,
        /// A `run` command that works here.
        example: Option<String>,
    },
    /// A playbook that fixes a fault was given values.
    TakesNoValues {
        /// The playbook's name.
        playbook: String,
    },
    /// The values do not fit the playbook's parameters.
    InvalidArguments {
        /// The playbook's name.
        playbook: String,
        /// Everything that is wrong with the values; never empty.
        errors: Vec<ArgumentError>,
        /// What the playbook takes; empty if it takes nothing.
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
    /// The report of the case.
    pub report: Report,
    /// What the first diagnosis said of each fault; empty if none was made.
    pub explained: Vec<FaultExplanation>,
    /// The configured mode of the policy, as it is now.
    pub mode: Mode,
}

/// What a person may write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HelpReply {
    /// The commands that the author may give, in the order of [`CommandName::ALL`].
    pub commands: Vec<CommandName>,
    /// What can be run on the ticket's system, or on the first of the inventory if that is unclear.
    pub playbooks: Vec<PlaybookUsage>,
    /// Every system of the inventory, by name.
    pub systems: Vec<SystemName>,
}

/// A playbook, and the command that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaybookUsage {
    /// The playbook's title.
    pub title: String,
    /// The command without its prefix.
    pub run: String,
    /// The parameters of a request; empty for a fix.
    pub params: Vec<ParamUsage>,
    /// It fixes a fault; else it answers a request and changes nothing.
    pub fixes: bool,
}

/// A parameter of a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParamUsage {
    /// The key that a person writes before `=`.
    pub name: ParamName,
    /// What values it accepts, in words.
    pub accepts: String,
    /// No value need be given.
    pub optional: bool,
    /// The default as a person writes it, a list with commas; `None` if a value must be given, empty if none need be.
    pub default: Option<String>,
    /// What it means, in the words of the playbook; may be empty.
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
