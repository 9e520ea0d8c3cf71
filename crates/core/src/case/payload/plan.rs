//! Payloads of plans and of the commands in them.

use crate::case::payload::convert::{Payload, payload, payload_enum};
use crate::diagnosis::plan::{Plan, PlannedStep};
use crate::ids::{HostName, PlaybookName};
use crate::playbook::command::{Command, CommandForm, Unrenderable};
use crate::policy::permit::Risk;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

payload! {
    /// The changes of one playbook.
    struct PlanPayload for Plan {
        playbook: PlaybookName,
        risk: RiskPayload,
        steps: Vec<PlannedStepPayload>,
        hash: String,
    }

    /// One change of a plan.
    struct PlannedStepPayload for PlannedStep {
        name: String,
        host: HostName,
        command: StepCommandPayload,
        rollback: Option<CommandPayload>,
        backup: Option<String>,
    }

    /// A command with every value in place.
    struct CommandPayload for Command {
        form: CommandFormPayload,
        cwd: Option<String>,
        sudo: bool,
        timeout_ms: u64,
    }
}

payload_enum! {
    /// Words, or a script.
    enum CommandFormPayload for CommandForm {
        Words(words: Vec<String>),
        Script { name: String, text: String, env: BTreeMap<String, String> },
    }

    /// How much a remediation may break.
    enum RiskPayload for Risk {
        Low,
        Medium,
        High,
    }

    /// Why a command has no text.
    enum UnrenderablePayload for Unrenderable {
        Unknown { name: String, reason: String },
        Refused { name: String, problem: String },
    }
}

/// The command of a step, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepCommandPayload {
    /// The command.
    Ready(CommandPayload),
    /// The reason.
    Unrenderable(UnrenderablePayload),
}

impl Payload for StepCommandPayload {
    type Domain = Result<Command, Unrenderable>;

    fn encode(domain: &Self::Domain) -> Self {
        match domain {
            Ok(command) => StepCommandPayload::Ready(CommandPayload::encode(command)),
            Err(why) => StepCommandPayload::Unrenderable(UnrenderablePayload::encode(why)),
        }
    }

    fn decode(self) -> Self::Domain {
        match self {
            StepCommandPayload::Ready(command) => Ok(command.decode()),
            StepCommandPayload::Unrenderable(why) => Err(why.decode()),
        }
    }
}
