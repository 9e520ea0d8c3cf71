//! Payloads of the reasons why a case, a remediation or a step ended as it did.

use crate::case::detail::{Detail, Doubt, DoubtCause, Failure, HostProblem, NowSeen, SkipReason};
use crate::case::payload::convert::{payload, payload_enum};
use crate::case::payload::ticket::ViaPayload;
use crate::case::payload::triage::DeferralPayload;
use crate::diagnosis::verify::NotVerified;
use crate::ids::{HostName, PlaybookName, ProbeName, SystemTypeName};
use crate::policy::refusal::NotPermitted;
use crate::ticket::TicketId;
use chrono::{DateTime, Utc};

payload_enum! {
    /// Why a case ended with its outcome.
    #[serde(tag = "kind")]
    enum DetailPayload for Detail {
        Text { text: String },
        NoSystem,
        NoPlaybooks { system_type: SystemTypeName },
        PlaybookGone { playbook: PlaybookName },
        PlaybooksMissing,
        PlaybooksUnreadable { problem: String },
        IssueClosed,
        ClosedMeanwhile,
        Locked,
        Unreachable { hosts: Vec<HostProblemPayload> },
        FaultUnknown { playbook: PlaybookName, problem: String },
        CauseUnknown { cause: PlaybookName, playbook: PlaybookName, problem: String },
        CausePresent { cause: PlaybookName, summary: String },
        ProbeNotRun { probe: ProbeName },
        FactUnknown { fact: String, problem: String },
        AnswerNotFilled { problem: String },
        NothingFound,
        WentAway { title: String, summary: String },
        NotExplained,
        RuledOut { playbook: PlaybookName },
        NothingToDo { playbook: PlaybookName },
        NeedsPerson { playbook: PlaybookName, summary: String },
        NotWell { what: Vec<String> },
        NoPlan { playbook: PlaybookName, problem: String },
        NotPermitted { playbook: PlaybookName, summary: String, refusal: NotPermittedPayload },
        TooManyRemediations { count: usize },
        CameBack { playbook: PlaybookName },
        Denied { by: String },
        NoAnswer { plan: String },
        PlanKeepsChanging { playbook: PlaybookName },
        LimitsUnknown,
        HeldBack { playbook: PlaybookName, deferral: DeferralPayload },
        NotFixed { playbook: PlaybookName, failure: FailurePayload },
        RollbackFailed { playbook: PlaybookName, failure: FailurePayload },
        InDoubt { playbook: PlaybookName, step: String, doubt: DoubtPayload },
        RelatedFailed { playbook: PlaybookName, ticket: TicketId },
        RelatedUnfinished { playbook: PlaybookName, ticket: TicketId, since: DateTime<Utc> },
        StillBroken { by: Option<String>, via: ViaPayload, now: NowSeenPayload },
        Cancelled { by: String },
    }

    /// What probes say after a close was disputed.
    #[serde(tag = "kind")]
    enum NowSeenPayload for NowSeen {
        Unreachable { hosts: Vec<HostProblemPayload> },
        Fault { title: String, summary: String },
        Unknown { playbook: PlaybookName, problem: String },
        Nothing,
    }

    /// Why a remediation failed.
    #[serde(tag = "kind")]
    enum FailurePayload for Failure {
        Text { text: String },
        Step { step: String, problem: String },
        StepNotPermitted { step: String, refusal: NotPermittedPayload },
        NeedUnknown { step: String, problem: String },
        NothingApplied,
        NothingToChange { step: String, output: String },
        NoSuchStep,
        Cancelled { by: String },
        NotVerified { reason: NotVerifiedPayload },
    }

    /// Why a verification did not pass.
    #[serde(tag = "kind")]
    enum NotVerifiedPayload for NotVerified {
        ConditionFalse { condition: String },
        ConditionUnknown { condition: String, problem: String },
        NotSteady,
    }

    /// Why a step was skipped.
    #[serde(tag = "kind")]
    enum SkipReasonPayload for SkipReason {
        Text { text: String },
        NotNeeded { condition: String },
        NeedUnknown { problem: String },
        Unrenderable { problem: String },
    }

    /// Why it is unknown whether a change ran.
    #[serde(tag = "kind")]
    enum DoubtPayload for Doubt {
        Text { text: String },
        Once { cause: DoubtCausePayload },
        Repeated { cause: DoubtCausePayload, attempts: u32 },
        CheckUnknown { cause: DoubtCausePayload, problem: String },
    }

    /// What made a change doubtful.
    #[serde(tag = "kind")]
    enum DoubtCausePayload for DoubtCause {
        Stopped,
        Lost { problem: String },
    }

    /// Why policy issued no permit.
    #[serde(tag = "kind")]
    enum NotPermittedPayload for NotPermitted {
        Observing,
        DryRun,
        NeedsApproval,
        TooManyChanges { changes: usize, allowed: usize },
    }
}

payload! {
    /// A host that could not be reached.
    struct HostProblemPayload for HostProblem {
        host: HostName,
        problem: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::outcome::{Code, Escalation, Outcome};
    use crate::case::payload::{decode_outcome, encode_outcome};

    #[test]
    fn a_sentence_of_version_2_is_read_as_text() {
        let old = r#"{"kind":"escalated","code":"not-fixed","why":"it stayed full"}"#;
        let detail = Detail::from("it stayed full".to_owned());
        let outcome = Outcome::Escalated(Escalation { code: Code::NotFixed, detail });
        assert_eq!(decode_outcome(old), Ok(outcome));
        let old = r#"{"kind":"declined","why":"the issue is closed"}"#;
        let detail = Detail::from("the issue is closed".to_owned());
        assert_eq!(decode_outcome(old), Ok(Outcome::Declined { detail }));
    }

    #[test]
    fn data_is_read_as_it_was_written() {
        let playbook = PlaybookName::new("disk-full").unwrap();
        let failure = Failure::Step { step: "prune".into(), problem: "exit 1".into() };
        for (code, detail) in [
            (Code::NotFixed, Detail::NotFixed { playbook: playbook.clone(), failure }),
            (Code::NoAnswer, Detail::NoAnswer { plan: "7f3a".into() }),
            (
                Code::StillBroken,
                Detail::StillBroken {
                    by: None,
                    via: crate::case::dispute::Via::Reopened,
                    now: NowSeen::Nothing,
                },
            ),
        ] {
            let outcome = Outcome::Escalated(Escalation { code, detail });
            let text = encode_outcome(&outcome).unwrap();
            assert_eq!(decode_outcome(&text), Ok(outcome));
        }
    }
}
