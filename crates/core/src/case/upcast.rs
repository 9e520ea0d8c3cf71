//! Upcasts: what older versions wrote, brought step by step to the form of today's payloads.
//!
//! Only the form changes here. The hash of a record stays over its body as it was written.

use crate::case::event::{CaseId, Event, EventKind};
use crate::ticket::TicketId;
use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

/// Why a body cannot be brought to today's form. To try again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    /// A later program wrote it.
    #[error(
        "a later version of fieldmedic wrote it: it has record version {version}, and this one reads up to \
         {}. Run the version that wrote it",
        Event::VERSION
    )]
    Later {
        /// The version of the record.
        version: u32,
    },
    /// No program wrote this version.
    #[error("there is no record version {version}")]
    NoSuchVersion {
        /// The version of the record.
        version: u32,
    },
    /// A part of it is not what its version says.
    #[error("it does not have the form of record version {version}: `{part}` is missing or of another type")]
    Malformed {
        /// The version of the record.
        version: u32,
        /// The part.
        part: &'static str,
    },
}

/// The kinds of events that have other words in versions 1 and 2.
const KINDS_2: &[(&str, EventKind)] = &[
    ("looked", EventKind::Probed),
    ("held", EventKind::HostsLeased),
    ("asked", EventKind::ApprovalRequested),
    ("delayed", EventKind::Deferred),
    ("recurred", EventKind::RecurrenceDetected),
    ("falsely_closed", EventKind::CloseDisputed),
    ("heard", EventKind::SignalReceived),
    ("planned", EventKind::RemediationStarted),
    ("change_barred", EventKind::ChangeBlocked),
    ("change_found", EventKind::ChangeConfirmed),
    ("change_frozen", EventKind::ChangeAbandoned),
    ("applied", EventKind::StepsCompleted),
    ("checked", EventKind::ConditionsChecked),
    ("verified", EventKind::VerificationPassed),
    ("not_verified", EventKind::VerificationFailed),
    ("remedy_failed", EventKind::RemediationFailed),
    ("undone", EventKind::RolledBack),
    ("concluded", EventKind::OutcomeDecided),
    ("told", EventKind::Published),
    ("not_told", EventKind::PublishFailed),
];

/// Every word by which records of any version store these kinds.
pub fn stored_words(kinds: &[EventKind]) -> Vec<&'static str> {
    let older = KINDS_2.iter().filter(|(_, kind)| kinds.contains(kind)).map(|(word, _)| *word);
    kinds.iter().map(|kind| kind.as_str()).chain(older).collect()
}

/// Brings the body of a record of any version to the form of today's version.
///
/// # Errors
/// The version is later than today's, or the body does not have the form of its version.
pub fn upcast(version: u32, body: Value) -> Result<Value, UpcastError> {
    match version {
        // The two versions differ in what is hashed, not in form.
        1 | 2 => from_2(body),
        // Versions 4, 6 and 7 only added kinds and variants, and version 5 names probes whose results are not repeated.
        3..=6 => Ok(body),
        Event::VERSION => Ok(body),
        0 => Err(UpcastError::NoSuchVersion { version }),
        _ => Err(UpcastError::Later { version }),
    }
}

/// Brings a signal of version 2 to the form of version 3.
pub(crate) fn upcast_signal(mut signal: Value) -> Result<Value, UpcastError> {
    signal_from_2(object(&mut signal, "signal")?)?;
    Ok(signal)
}

/// Brings the pause of version 2 to the order of version 3. Where it was ordered is not known, so that only the
/// terminal lifts it.
pub(crate) fn upcast_pause(mut pause: Value) -> Result<Value, UpcastError> {
    let fields = object(&mut pause, "pause")?;
    rename(fields, "at", "given_at")?;
    let why = fields.remove("why").ok_or_else(|| malformed("why"))?;
    fields.insert("kind".into(), json!({ "pause": { "why": why } }));
    fields.insert("origin".into(), json!("terminal"));
    Ok(pause)
}

/// Brings an outcome of version 2 to the form of version 3.
pub(crate) fn upcast_outcome(mut outcome: Value) -> Result<Value, UpcastError> {
    outcome_from_2(object(&mut outcome, "outcome")?)?;
    Ok(outcome)
}

type Fields = Map<String, Value>;

fn malformed(part: &'static str) -> UpcastError {
    UpcastError::Malformed { version: 2, part }
}

fn object<'v>(value: &'v mut Value, part: &'static str) -> Result<&'v mut Fields, UpcastError> {
    value.as_object_mut().ok_or_else(|| malformed(part))
}

fn part<'v>(fields: &'v mut Fields, name: &'static str) -> Result<&'v mut Value, UpcastError> {
    fields.get_mut(name).ok_or_else(|| malformed(name))
}

fn inner<'v>(fields: &'v mut Fields, name: &'static str) -> Result<&'v mut Fields, UpcastError> {
    object(part(fields, name)?, name)
}

fn items<'v>(fields: &'v mut Fields, name: &'static str) -> Result<&'v mut Vec<Value>, UpcastError> {
    part(fields, name)?.as_array_mut().ok_or_else(|| malformed(name))
}

fn text<'v>(fields: &'v Fields, name: &'static str) -> Result<&'v str, UpcastError> {
    fields.get(name).and_then(Value::as_str).ok_or_else(|| malformed(name))
}

/// Gives a field another name; one that is missing gets a value.
fn rename_or(fields: &mut Fields, from: &str, to: &str, missing: impl FnOnce() -> Value) {
    let value = fields.remove(from).unwrap_or_else(missing);
    fields.insert(to.into(), value);
}

fn rename(fields: &mut Fields, from: &'static str, to: &str) -> Result<(), UpcastError> {
    let value = fields.remove(from).ok_or_else(|| malformed(from))?;
    fields.insert(to.into(), value);
    Ok(())
}

/// Gives a word of a closed set its new spelling; other words stay.
fn reword(word: &mut Value, words: &[(&str, &str)]) {
    let new = word.as_str().and_then(|old| words.iter().find(|(from, _)| *from == old));
    if let Some((_, new)) = new {
        *word = Value::from(*new);
    }
}

/// Gives the variant of an externally tagged enum its new name: a word, or an object with one field.
fn retag(value: &mut Value, names: &[(&str, &str)]) {
    reword(value, names);
    let Some(fields) = value.as_object_mut() else { return };
    for (from, to) in names {
        if let Some(inner) = fields.remove(*from) {
            fields.insert((*to).into(), inner);
        }
    }
}

fn from_2(mut body: Value) -> Result<Value, UpcastError> {
    let event = object(&mut body, "event")?;
    let old = text(event, "event")?.to_owned();
    if let Some((_, kind)) = KINDS_2.iter().find(|(word, _)| *word == old) {
        event.insert("event".into(), kind.as_str().into());
    }
    if let Some(with) = event.get_mut("with") {
        fields_from_2(&old, object(with, "with")?)?;
    }
    Ok(body)
}

fn fields_from_2(kind: &str, with: &mut Fields) -> Result<(), UpcastError> {
    match kind {
        "opened" => {
            rename(with, "door", "source")?;
            source_from_2(inner(with, "source")?)?;
        }
        "triaged" => triage_from_2(with)?,
        "looked" => {
            rename(with, "purpose", "reason")?;
            reason_from_2(part(with, "reason")?)?;
            evidence_from_2(inner(with, "evidence")?)?;
        }
        "diagnosed" => {
            for finding in items(with, "findings")? {
                rename(object(finding, "findings")?, "because", "summary")?;
            }
        }
        "asked" => plan_from_2(inner(with, "plan")?)?,
        "planned" => plan_from_2(with)?,
        "delayed" => {
            rename(with, "over", "exceeded")?;
            let exceeded = inner(with, "exceeded")?;
            rename(exceeded, "budget", "limit")?;
            reword(part(exceeded, "limit")?, &[("freeze", "change_freeze")]);
        }
        "falsely_closed" => dispute_from_2(with)?,
        "heard" => {
            rename(with, "word", "signal")?;
            signal_from_2(inner(with, "signal")?)?;
        }
        "change_skipped" | "change_frozen" | "not_verified" | "remedy_failed" => {
            sentence_to_text(part(with, "why")?)?;
        }
        "concluded" => outcome_from_2(with)?,
        "told" => published_from_2(with)?,
        "not_told" => {
            rename(with, "act", "publication")?;
            reword(part(with, "publication")?, ACTS_2);
        }
        _ => {}
    }
    if with.contains_key("change") {
        change_from_2(inner(with, "change")?)?;
    }
    if with.contains_key("observation") {
        observation_from_2(inner(with, "observation")?)?;
    }
    if kind == "change_in_doubt" {
        with.entry("may_still_run").or_insert(false.into());
    }
    Ok(())
}

fn source_from_2(source: &mut Fields) -> Result<(), UpcastError> {
    rename(source, "by", "kind")?;
    match text(source, "kind")? {
        "command" => {
            source.entry("comment").or_insert(Value::Null);
            rename_or(source, "errand", "scope", || json!({ "do": "treat" }));
            scope_from_2(inner(source, "scope")?)
        }
        "objection" => {
            source.insert("kind".into(), "close_dispute".into());
            dispute_from_2(source)
        }
        _ => Ok(()),
    }
}

fn scope_from_2(scope: &mut Fields) -> Result<(), UpcastError> {
    rename(scope, "do", "kind")?;
    const KINDS: &[(&str, &str)] =
        &[("treat", "full_ticket"), ("look", "diagnose"), ("mend", "fix_one"), ("answer", "answer_request")];
    reword(part(scope, "kind")?, KINDS);
    Ok(())
}

fn triage_from_2(triage: &mut Fields) -> Result<(), UpcastError> {
    rename(triage, "site", "system")?;
    if let Some(system) = part(triage, "system")?.as_object_mut() {
        rename(system, "kind", "system_type")?;
    }
    rename(triage, "asks", "intent")?;
    reword(part(inner(triage, "intent")?, "kind")?, &[("complaint", "problem")]);
    rename(triage, "explained_by", "matched_faults")?;
    rename_or(triage, "strangers", "unknown_names", || json!([]));
    Ok(())
}

fn change_from_2(change: &mut Fields) -> Result<(), UpcastError> {
    rename(change, "treatment", "remediation")?;
    rename(change, "way", "direction")?;
    reword(part(change, "direction")?, &[("do", "forward"), ("undo", "rollback")]);
    Ok(())
}

fn reason_from_2(reason: &mut Value) -> Result<(), UpcastError> {
    retag(reason, &[("onlyif", "only_if"), ("replay", "resolve_doubt")]);
    let Some(fields) = reason.as_object_mut() else { return Ok(()) };
    if let Some(change) = fields.get_mut("only_if") {
        change_from_2(object(change, "onlyif")?)?;
    }
    if fields.contains_key("resolve_doubt") {
        let change = items(fields, "resolve_doubt")?.first_mut().ok_or_else(|| malformed("replay"))?;
        change_from_2(object(change, "replay")?)?;
    }
    Ok(())
}

fn evidence_from_2(evidence: &mut Fields) -> Result<(), UpcastError> {
    rename(evidence, "sights", "probes")?;
    for probe in inner(evidence, "probes")?.values_mut() {
        let probe = object(probe, "sights")?;
        rename(probe, "seen", "status")?;
        let status = part(probe, "status")?;
        const STATUS: &[(&str, &str)] = &[
            ("observed", "completed"),
            ("unreached", "unreachable"),
            ("lost", "interrupted"),
            ("notrun", "skipped"),
        ];
        retag(status, STATUS);
        if let Some(observation) = status.get_mut("completed") {
            observation_from_2(object(observation, "observed")?)?;
        }
    }
    for facts in inner(evidence, "facts")?.values_mut() {
        for fact in object(facts, "facts")?.values_mut() {
            retag(fact, &[("Ok", "value"), ("Err", "unknown")]);
        }
    }
    Ok(())
}

fn observation_from_2(observation: &mut Fields) -> Result<(), UpcastError> {
    reword(part(observation, "exit")?, &[("unsaid", "unknown")]);
    Ok(())
}

fn plan_from_2(plan: &mut Fields) -> Result<(), UpcastError> {
    for step in items(plan, "steps")? {
        let step = object(step, "steps")?;
        let command = part(step, "command")?;
        retag(command, &[("Ok", "ready"), ("Err", "unrenderable")]);
        if let Some(why) = command.get_mut("unrenderable") {
            retag(why, &[("Unknown", "unknown"), ("Refused", "refused")]);
        }
        rename(step, "undo", "rollback")?;
        rename_or(step, "kept", "backup", || Value::Null);
    }
    Ok(())
}

fn dispute_from_2(dispute: &mut Fields) -> Result<(), UpcastError> {
    rename(dispute, "of", "case")?;
    rename(dispute, "who", "by")?;
    rename(dispute, "how", "via")?;
    reword(part(dispute, "via")?, &[("said", "comment")]);
    Ok(())
}

fn signal_from_2(signal: &mut Fields) -> Result<(), UpcastError> {
    rename(signal, "says", "kind")?;
    // Version 2 tags what is said with `word`, version 3 as all untagged data, by its name.
    let says = inner(signal, "kind")?;
    let word = text(says, "word")?.to_owned();
    says.remove("word");
    let kind = if says.is_empty() { Value::from(word) } else { json!({ word: says.clone() }) };
    signal.insert("kind".into(), kind);
    Ok(())
}

/// Version 2 has a finished sentence where version 3 has data.
fn sentence_to_text(why: &mut Value) -> Result<(), UpcastError> {
    let sentence = why.as_str().ok_or_else(|| malformed("why"))?;
    *why = json!({ "kind": "text", "text": sentence });
    Ok(())
}

fn outcome_from_2(outcome: &mut Fields) -> Result<(), UpcastError> {
    match text(outcome, "kind")? {
        "escalated" | "declined" => {
            rename(outcome, "why", "detail")?;
            sentence_to_text(part(outcome, "detail")?)
        }
        // An outcome that version 2 could read, and that it gave no case: all is well, nobody asked.
        "healthy" => {
            outcome.insert("kind".into(), "declined".into());
            outcome.insert("detail".into(), json!({ "kind": "nothing_found" }));
            Ok(())
        }
        _ => Ok(()),
    }
}

const ACTS_2: &[(&str, &str)] = &[("recheck", "ticket_refresh"), ("question", "approval_request")];

/// Version 2 has one string, `stage`, which means something else for each act.
fn published_from_2(told: &mut Fields) -> Result<(), UpcastError> {
    rename(told, "act", "what")?;
    reword(part(told, "what")?, ACTS_2);
    let stage = told.remove("stage").ok_or_else(|| malformed("stage"))?;
    let stage = stage.as_str().ok_or_else(|| malformed("stage"))?;
    let data = match text(told, "what")? {
        "approval_request" => json!({ "plan": stage }),
        // Anything but an address means that there is no ticket.
        "problem" => json!({ "ticket": stage.parse::<TicketId>().ok().map(|ticket| ticket.to_string()) }),
        "status" => status_from_2(stage),
        "label" => label_from_2(stage),
        _ => return Ok(()),
    };
    let what = text(told, "what")?.to_owned();
    told.insert("what".into(), json!({ what: data }));
    Ok(())
}

/// What the status comment showed. A text that no version wrote becomes `looking`: the comment is then
/// edited once more, which does no harm.
fn status_from_2(stage: &str) -> Value {
    let (word, rest) = stage.split_once(' ').unwrap_or((stage, ""));
    let data = match word {
        "ended" => return "ended".into(),
        "paused" => rest.parse::<u64>().ok().map(|count| json!({ "remediations": count })),
        "asking" => Some(json!({ "plan": rest })),
        "linked" => CaseId::from_text(rest).map(|case| json!({ "case": case.as_str() })),
        "delayed" => rest
            .strip_prefix("until ")
            .and_then(|at| NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M:%S%.f UTC").ok())
            .map(|at| json!({ "until": at.and_utc() })),
        "treating" | "verifying" | "undoing" => rest
            .split_once('.')
            .and_then(|(number, settled)| Some((number.parse::<u64>().ok()?, settled.parse::<u64>().ok()?)))
            .map(|(number, settled)| json!({ "number": number, "settled": settled })),
        _ => None,
    };
    data.map_or_else(|| "looking".into(), |data| json!({ word: data }))
}

/// The label. A text that no version wrote becomes `none`: the label is then set once more.
fn label_from_2(stage: &str) -> Value {
    match stage {
        "working" => "working",
        "needs-approval" => "needs_approval",
        "resolved" => "resolved",
        "needs-human" => "needs_human",
        _ => "none",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_version_2_is_read() {
        for (stage, expected) in [
            ("looking", json!("looking")),
            ("ended", json!("ended")),
            ("paused 1", json!({ "paused": { "remediations": 1 } })),
            ("asking 7f3a", json!({ "asking": { "plan": "7f3a" } })),
            ("linked cd30e567e6f42", json!({ "linked": { "case": "cd30e567e6f42" } })),
            (
                "delayed until 2026-09-21 14:18:20.500 UTC",
                json!({ "delayed": { "until": "2026-09-21T14:18:20.500Z" } }),
            ),
            ("treating 1.2", json!({ "treating": { "number": 1, "settled": 2 } })),
            ("undoing 2.0", json!({ "undoing": { "number": 2, "settled": 0 } })),
            ("delayed until tomorrow", json!("looking")),
            ("", json!("looking")),
        ] {
            assert_eq!(status_from_2(stage), expected, "{stage}");
        }
    }

    #[test]
    fn versions_that_cannot_be_read_are_named() {
        let body = || json!({ "event": "ended" });
        let later = Event::VERSION + 1;
        assert_eq!(upcast(later, body()), Err(UpcastError::Later { version: later }));
        assert_eq!(upcast(3, body()), Ok(body()));
        assert_eq!(upcast(0, body()), Err(UpcastError::NoSuchVersion { version: 0 }));
        let opened = json!({ "event": "opened", "with": { "ticket": {} } });
        assert_eq!(upcast(2, opened), Err(UpcastError::Malformed { version: 2, part: "door" }));
    }

    #[test]
    fn keys_of_facts_and_parameters_are_data() {
        let old = json!({ "event": "looked", "with": { "purpose": "verify", "evidence": {
            "sights": {}, "facts": { "told": { "door": { "Ok": { "act": "x" } }, "way": { "Err": "no route" } } },
        } } });
        let new = json!({ "event": "probed", "with": { "reason": "verify", "evidence": {
            "probes": {}, "facts": { "told": { "door": { "value": { "act": "x" } }, "way": { "unknown": "no route" } } },
        } } });
        assert_eq!(upcast(2, old), Ok(new));
    }

    #[test]
    fn kinds_have_one_meaning_in_all_versions() {
        let words = stored_words(EventKind::ALL);
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), words.len(), "{words:?}");
        assert_eq!(stored_words(&[EventKind::Probed]), ["probed", "looked"]);
    }
}
