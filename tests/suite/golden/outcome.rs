//! What the fold of a journal gives, in words of its own: a type that is renamed changes the patterns of
//! this file, and never its strings.

use chrono::{DateTime, SecondsFormat, Utc};
use fieldmedic::core::case::detail::Detail;
use fieldmedic::core::case::dispute::{CloseDispute, Via};
use fieldmedic::core::case::event::{ChangeId, Direction, Event, ProbeReason, Publication, Source};
use fieldmedic::core::case::inquiry::{InquiryPurpose, ReporterAnswer};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::case::published::Published;
use fieldmedic::core::case::record::Record;
use fieldmedic::core::case::signal::{QueuedSignal, SignalKind};
use fieldmedic::core::case::{
    Case, ChangeState, PendingApproval, Phase, Remediation, RemediationResult, Stage, StepState,
};
use fieldmedic::core::chatops::scope::CaseScope;
use fieldmedic::core::decide::action::Action;
use fieldmedic::core::diagnosis::diagnose::Diagnosis;
use fieldmedic::core::diagnosis::evidence::{Evidence, Exit, Observation, Output, ProbeStatus};
use fieldmedic::core::diagnosis::plan::{Plan, PlannedStep};
use fieldmedic::core::diagnosis::verify::{Progress, Streak};
use fieldmedic::core::expr::Truth;
use fieldmedic::core::playbook::command::Command;
use fieldmedic::core::playbook::inventory::System;
use fieldmedic::core::policy::limits::{Deferral, ExceededLimit};
use fieldmedic::core::policy::permit::{Mode, Pause, Risk};
use fieldmedic::core::policy::run_history::{RemediationRun, RunHistory, RunResult};
use fieldmedic::core::reading::ReadSentence;
use fieldmedic::core::ticket::triage::{DetectedFault, Intent, Triage};
use fieldmedic::core::ticket::{Ticket, TicketState};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Everything that matters for going on with the case, or for telling of it.
pub fn outcome(case: &Case, records: &[Record], past: &RunHistory, next: &Action) -> Value {
    let parts = [beginning(case), knowledge(case), people(case), deeds(case), publications(case, records)];
    let mut whole = Map::new();
    for part in parts {
        let Value::Object(part) = part else { panic!("not an object: {part}") };
        whole.extend(part);
    }
    whole.insert("records".into(), json!(records.len()));
    whole.insert("next".into(), json!(action(next)));
    whole.insert("budgets".into(), budgets(past));
    Value::Object(whole)
}

fn beginning(case: &Case) -> Value {
    json!({
        "case": case.id.as_str(),
        "next_record": case.next_seq,
        "opened_at": moment(case.opened_at),
        "updated_at": moment(case.updated_at),
        "playbooks": case.library.0,
        "ticket": ticket(&case.ticket),
        "opened": opened(&case.source),
        "stage": stage(case.stage),
        "triage": case.triage.as_ref().map(triage),
    })
}

/// What was seen of the system.
fn knowledge(case: &Case) -> Value {
    json!({
        "facts": known(&case.evidence),
        "probed": probed(&case.evidence),
        "probed_at": moment(case.evidence.at),
        "probed_since_the_last_change": case.current_probes,
        "probed_for": case.probed_for.map(purpose),
        "diagnoses": case.diagnoses.iter().map(diagnosis).collect::<Vec<_>>(),
        "hosts_held": case.leased_hosts,
        "issue_checked": case.ticket_confirmed_open,
    })
}

/// What people said, and what the case waits for.
fn people(case: &Case) -> Value {
    let requested =
        |asked: &PendingApproval| json!({ "plan": plan(&asked.plan), "until": moment(asked.until) });
    json!({
        "paused": case.paused.as_ref().map(pause),
        "paused_alone": case.ticket_pause.as_ref().map(pause),
        "messages_read": case.processed_signals,
        "approval_requested": case.pending_approval.as_ref().map(requested),
        "approvals_requested": case.approval_requests,
        "approved": case.approval.as_ref().map(|yes| json!({ "by": yes.by, "plan": yes.plan })),
        "denied_by": case.denied_by,
        "cancelled_by": case.cancelled_by,
        "recurrence": case.recurrence.as_ref().map(|recurred| json!({
            "playbook": recurred.playbook, "hosts": recurred.hosts, "count": recurred.count,
        })),
        "disputed_close": case.dispute.as_ref().map(objection),
        "linked": case.related.as_ref().map(|kin| json!({
            "case": kin.case, "ticket": kin.ticket, "playbook": kin.playbook, "since": moment(kin.since),
            "waits": kin.is_awaited,
        })),
        "deferred": case.deferral.as_ref().map(delay),
        "deferred_since": case.deferred_at.map(moment),
    })
}

/// What was done, and what came of it.
fn deeds(case: &Case) -> Value {
    let is_fixed =
        |it: &&Remediation| matches!(it.phase, Phase::Finished { result: RemediationResult::Fixed, .. });
    let fixed = case.remediations.iter().filter(is_fixed).map(|it| it.plan.playbook.as_str());
    let (outcome, code, reason) = ending(case.outcome.as_ref());
    json!({
        "remediations": case.remediations.iter().map(remediation).collect::<Vec<_>>(),
        "fixed": fixed.collect::<Vec<_>>(),
        "changes_made": case.changes_made(),
        "outcome": outcome,
        "code": code,
        "reason": reason,
        "closes": case.closes(),
        "spent_ms": {
            "connections": case.timings.connect, "probes": case.timings.probes, "changes": case.timings.changes,
            "verification": case.timings.verification, "forge": case.timings.forge,
        },
    })
}

/// What was written on the forge.
fn publications(case: &Case, records: &[Record]) -> Value {
    let talk = &case.publishing;
    json!({
        "shown": {
            "status": shown(talk.status.as_ref(), &case.status_key()),
            "label": shown(talk.label.as_ref(), &case.label_state()),
            "status_edited_at": talk.edited_at.map(moment),
            "approval_requested": talk.approval_request, "reopened": talk.reopened, "problem_ticket": talk.problem,
            "report": talk.reported, "report_refused": talk.refused_report, "people_called": talk.called,
            "closed": talk.closed, "closed_at": talk.closed_at.map(moment),
            "failing": talk.failure.as_ref().map(|trouble| json!({
                "what": publication(trouble.publication), "attempts": trouble.attempts, "at": moment(trouble.at),
            })),
        },
        "published": count(records, |event| match event {
            Event::Published { what, .. } => Some(publication(what.publication())),
            _ => None,
        }),
        "not_published": count(records, |event| match event {
            Event::PublishFailed { publication: what, .. } => Some(publication(*what)),
            _ => None,
        }),
    })
}

/// Whether people see what is so. The words themselves may become others, in old records too.
fn shown<T: PartialEq>(there: Option<&T>, due: &T) -> Option<&'static str> {
    there.map(|there| if there == due { "up to date" } else { "out of date" })
}

/// What budgets are reckoned from, in later cases too.
fn budgets(history: &RunHistory) -> Value {
    let changes = history.changes.iter().map(|(host, at)| json!([host, moment(*at)]));
    json!({
        "runs": history.runs.iter().map(run).collect::<Vec<_>>(), "changes": changes.collect::<Vec<_>>(),
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn count(records: &[Record], what: impl Fn(&Event) -> Option<&'static str>) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for word in records.iter().filter_map(|record| what(&record.event)) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

fn ticket(ticket: &Ticket) -> Value {
    let Ticket { id, title, body, author, labels, state, locked, created_at, updated_at, url } = ticket;
    json!({
        "address": id.to_string(), "title": title.as_str(), "text": body.as_str(), "author": author,
        "labels": labels, "open": *state == TicketState::Open, "locked": locked, "created_at": moment(*created_at),
        "updated_at": moment(*updated_at), "url": url,
    })
}

fn opened(source: &Source) -> Value {
    match source {
        Source::Webhook => json!({ "by": "webhook" }),
        Source::Poll => json!({ "by": "poll" }),
        Source::Command { user, comment, scope } => {
            json!({ "by": "command", "who": user, "comment": comment, "to": order(scope) })
        }
        Source::Terminal => json!({ "by": "terminal" }),
        Source::Sweep { suspect } => json!({ "by": "sweep", "found": suspect.as_ref().map(found) }),
        Source::Recurrence { of, suspect } => {
            json!({ "by": "recurrence", "of": of.as_str(), "found": found(suspect) })
        }
        Source::CloseDispute(it) => json!({ "by": "disputed-close", "close": objection(it) }),
        Source::Schedule { schedule, scope } => {
            json!({ "by": "schedule", "name": schedule.as_str(), "to": order(scope) })
        }
        Source::Alert { by, scope } => json!({ "by": "alert", "who": by, "to": order(scope) }),
    }
}

fn order(scope: &CaseScope) -> Value {
    match scope {
        CaseScope::FullTicket => json!({ "do": "resolve-the-ticket" }),
        CaseScope::Diagnose { system } => json!({ "do": "diagnose", "system": system }),
        CaseScope::FixOne { system, playbook } => {
            json!({ "do": "fix", "system": system, "playbook": playbook })
        }
        CaseScope::AnswerRequest { system, request, values } => {
            json!({ "do": "answer", "system": system, "request": request, "values": values })
        }
        CaseScope::Operate { system, operation, values } => {
            json!({ "do": "operate", "system": system, "operation": operation, "values": values })
        }
    }
}

fn found(suspect: &DetectedFault) -> Value {
    json!({ "system": suspect.system, "playbook": suspect.playbook })
}

fn objection(objection: &CloseDispute) -> Value {
    let how = match objection.via {
        Via::Reopened => "reopened",
        Via::Comment => "said",
        Via::Confirmation => "answered",
    };
    json!({ "of": objection.case.as_str(), "who": objection.by, "how": how })
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Opened => "opened",
        Stage::Probing => "to-be-probed",
        Stage::Probed => "probed",
        Stage::Diagnosed => "diagnosed",
        Stage::Remediating => "remediation",
        Stage::Decided => "concluded",
        Stage::Ended => "ended",
    }
}

/// The kind of the next action, and what distinguishes it from others of its kind.
fn action(action: &Action) -> String {
    match action {
        Action::Record(event) => format!("record {}", kind(event)),
        Action::ReadTicket { .. } => "read the words".into(),
        Action::AskReporter => "publish question-to-reporter".into(),
        Action::RemindReporter => "publish reminder-of-reporter".into(),
        Action::RunProbes { purpose: why, .. } => format!("probe for {}", purpose(*why)),
        Action::RefreshTicket => "check the issue".into(),
        Action::LeaseHosts { .. } => "hold hosts".into(),
        Action::Change(order) => format!("make {}", change(order.change)),
        Action::RequestApproval => "publish approval-request".into(),
        Action::ShowStatus => "publish status".into(),
        Action::SetLabel => "publish label".into(),
        Action::Reopen => "publish reopening".into(),
        Action::OpenProblemTicket => "publish problem-ticket".into(),
        Action::PostReport => "publish report".into(),
        Action::CallPeople => "publish call".into(),
        Action::Close => "publish close".into(),
        Action::Wait { .. } => "wait".into(),
        Action::Suspend(_) => "wait without a worker".into(),
        Action::Done => "nothing".into(),
    }
}

fn publication(act: Publication) -> &'static str {
    match act {
        Publication::TicketRefresh => "issue-check",
        Publication::ApprovalRequest => "approval-request",
        Publication::Inquiry => "question-to-reporter",
        Publication::InquiryReminder => "reminder-of-reporter",
        Publication::Reopen => "reopening",
        Publication::Problem => "problem-ticket",
        Publication::Status => "status",
        Publication::Label => "label",
        Publication::Report => "report",
        Publication::Assign => "call",
        Publication::Close => "close",
    }
}

fn sentence(it: &ReadSentence) -> Value {
    json!({
        "words": it.words, "adds": it.adds, "trouble": it.problem,
        "symptoms": it.symptoms.iter().map(|it| json!([it.name, it.confidence])).collect::<Vec<_>>(),
        "topic": it.topic.map(|it| json!([it.topic.as_str(), it.confidence])),
    })
}

fn triage(triage: &Triage) -> Value {
    let Triage { system, intent, matched_faults, unknown_names } = triage;
    json!({
        "system": system.as_ref().map(managed_system),
        "asks": match intent {
            Intent::Problem => json!("complaint"),
            Intent::Question { request, health, in_doubt: false } => {
                json!({ "question": request, "about_health": health })
            }
            Intent::Question { request, health, in_doubt: true } => {
                json!({ "question": request, "about_health": health, "in_doubt": true })
            }
            Intent::Operation { operation } => json!({ "operation": operation }),
        },
        "explained_by": matched_faults.iter().map(|it| json!([it.playbook, it.words])).collect::<Vec<_>>(),
        "unknown_names": unknown_names.iter().map(|it| json!([it.field, it.name])).collect::<Vec<_>>(),
    })
}

fn managed_system(site: &System) -> Value {
    let System { name, system_type, hosts, params, aliases, mode } = site;
    let mode = mode.map(|mode| match mode {
        Mode::Observe => "observe",
        Mode::Ask => "ask",
        Mode::Act => "act",
    });
    json!({
        "name": name, "type": system_type, "hosts": hosts, "parameters": params, "aliases": aliases, "mode": mode,
    })
}

/// The same in short, for the many facts of a real system: how many of a probe's facts are known, how many
/// are not, and all of them by their hash.
fn known(evidence: &Evidence) -> Value {
    let probes = evidence.facts.iter().map(|(probe, facts)| {
        let known = facts.values().filter(|known| known.is_ok()).count();
        let mut all = String::new();
        for (name, fact) in facts {
            match fact {
                Ok(value) => all.push_str(&format!("{name} is {}\n", canonical(value))),
                Err(why) => all.push_str(&format!("{name} is unknown: {why}\n")),
            }
        }
        (probe.to_string(), json!([known, facts.len() - known, digest(&all)]))
    });
    Value::Object(probes.collect())
}

/// JSON in one spelling, whatever order its names have in memory.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, String> =
                map.iter().map(|(name, value)| (name, canonical(value))).collect();
            let parts: Vec<String> = sorted.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn facts(evidence: &Evidence) -> Value {
    let probes = evidence.facts.iter().map(|(probe, facts)| {
        let facts = facts.iter().map(|(name, known)| {
            let value = match known {
                Ok(value) => json!({ "is": value }),
                Err(why) => json!({ "unknown": why }),
            };
            (name.to_string(), value)
        });
        (probe.to_string(), Value::Object(facts.collect()))
    });
    Value::Object(probes.collect())
}

/// Each probe with all that is kept of it.
fn sights(evidence: &Evidence) -> Value {
    let probes = evidence.probes.iter().map(|(probe, sight)| {
        let result = match &sight.status {
            ProbeStatus::Completed(it) => json!({ "returned": observation(it) }),
            ProbeStatus::Unreachable(why) => json!({ "unreachable": why.as_str() }),
            ProbeStatus::Interrupted(why) => json!({ "lost": why.as_str() }),
            ProbeStatus::Skipped(why) => json!({ "not_run": why.as_str() }),
        };
        (probe.to_string(), json!([sight.host, sight.command.as_str(), result]))
    });
    Value::Object(probes.collect())
}

/// What became of each probe, its host and its command.
fn probed(evidence: &Evidence) -> Value {
    let probes = evidence.probes.iter().map(|(probe, sight)| {
        let result = match &sight.status {
            ProbeStatus::Completed(it) => format!("{}, {} bytes", exit(&it.exit), it.stdout.length),
            ProbeStatus::Unreachable(why) => format!("unreachable: {why}"),
            ProbeStatus::Interrupted(why) => format!("lost: {why}"),
            ProbeStatus::Skipped(why) => format!("not run: {why}"),
        };
        (probe.to_string(), json!([sight.host, digest(sight.command.as_str()), result]))
    });
    Value::Object(probes.collect())
}

fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit {code}"),
        Exit::Signal(name) => format!("signal {name}"),
        Exit::Unknown => "no exit status".into(),
    }
}

/// A long text by the beginning of its hash.
fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..6])
}

fn output(output: &Output) -> Value {
    let Output { text, length, sha256, cut, binary } = output;
    json!({
        "text": digest(text.as_str()), "bytes": length, "sha256": sha256, "cut": cut, "binary": binary,
    })
}

fn observation(observation: &Observation) -> Value {
    let Observation { exit: how, stdout, stderr, took_ms } = observation;
    json!({ "ended": exit(how), "stdout": output(stdout), "stderr": output(stderr), "took_ms": took_ms })
}

fn diagnosis(diagnosis: &Diagnosis) -> Value {
    let Diagnosis { findings, ruled_out, unknown } = diagnosis;
    json!({
        "confirmed": findings.iter().map(|it| json!([it.playbook, it.title, it.summary])).collect::<Vec<_>>(),
        "ruled_out": ruled_out,
        "unknown": unknown.iter().map(|it| json!([it.playbook, it.why])).collect::<Vec<_>>(),
    })
}

/// The sentence that a record of version 2 holds, or the data of a later one.
fn written(reason: &impl serde::Serialize) -> String {
    let data = serde_json::to_value(reason).expect("a reason is data");
    data["text"].as_str().map_or_else(|| data.to_string(), str::to_owned)
}

fn pause(pause: &Pause) -> Value {
    json!({ "by": pause.by, "at": moment(pause.at), "why": pause.why.as_str() })
}

fn delay(delay: &Deferral) -> Value {
    let mut over = match &delay.exceeded {
        ExceededLimit::Cooldown { playbook, at } => {
            json!({ "limit": "cooldown", "playbook": playbook, "at": moment(*at) })
        }
        ExceededLimit::Failures { playbook, count } => {
            json!({ "limit": "failures", "playbook": playbook, "count": count })
        }
        ExceededLimit::Recurrences { playbook, count } => {
            json!({ "limit": "recurrences", "playbook": playbook, "count": count })
        }
        ExceededLimit::Runs { host, count } => {
            json!({ "limit": "runs-an-hour", "host": host, "count": count })
        }
        ExceededLimit::Changes { host, count } => {
            json!({ "limit": "changes-an-hour", "host": host, "count": count })
        }
        ExceededLimit::BlastRadius { group, allowed, changed, window } => json!({
            "limit": "blast-radius", "group": group, "allowed": allowed, "changed": changed,
            "window_s": window.as_secs_f64(),
        }),
        ExceededLimit::ChangeFreeze { why } => json!({ "limit": "freeze", "why": why }),
    };
    over["until"] = json!(moment(delay.until));
    over
}

fn plan(plan: &Plan) -> Value {
    let Plan { playbook, risk, steps, hash } = plan;
    let risk = match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    };
    json!({
        "playbook": playbook, "risk": risk, "hash": hash, "steps": steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &PlannedStep) -> Value {
    let PlannedStep { name, host, command: run, rollback, backup } = step;
    let run = match run {
        Ok(run) => command(run),
        Err(why) => json!({ "not_rendered": why.to_string() }),
    };
    json!({ "name": name, "host": host, "run": run, "rollback": rollback.as_ref().map(command), "keeps": backup })
}

/// A plan's hash is over its command lines, so a line is never worded anew for a plan that was approved.
fn command(command: &Command) -> Value {
    let timeout_s = command.timeout().as_secs_f64();
    json!({ "summary": command.summary(), "line": digest(&command.line()), "timeout_s": timeout_s })
}

fn remediation(remediation: &Remediation) -> Value {
    let Remediation { plan: planned, started_at, phase, steps, rollbacks, proof } = remediation;
    let (state, detail) = match phase {
        Phase::Applying => ("applying", Value::Null),
        Phase::Verifying(progress) => ("verifying", verification(progress)),
        Phase::RollingBack { why } => ("rolling-back", json!(written(why))),
        Phase::Finished { result, at } => match result {
            RemediationResult::Fixed => ("fixed", json!({ "at": moment(*at) })),
            RemediationResult::NotFixed { why } => {
                ("not-fixed", json!({ "at": moment(*at), "why": written(why) }))
            }
            RemediationResult::RollbackFailed { why } => {
                ("rollback-failed", json!({ "at": moment(*at), "why": written(why) }))
            }
            RemediationResult::InDoubt { why, change: which } => {
                ("in-doubt", json!({ "at": moment(*at), "why": written(why), "change": change(*which) }))
            }
        },
    };
    let proof = proof
        .as_ref()
        .map(|proof| proof.iter().map(|it| json!([it.condition, it.since, it.seconds])).collect::<Vec<_>>());
    json!({
        "plan": plan(planned), "started_at": moment(*started_at), "state": state, "detail": detail,
        "steps": steps.iter().map(track).collect::<Vec<_>>(),
        "rollbacks": rollbacks.iter().map(track).collect::<Vec<_>>(), "proof": proof,
    })
}

fn verification(progress: &Progress) -> Value {
    let Progress { since, rounds, probed_at, streaks } = progress;
    let conditions = streaks.iter().map(|streak| match streak {
        Streak::Holding(at) => json!({ "held_since": moment(*at) }),
        Streak::Broken(why) => json!({ "not_held": why.as_deref().unwrap_or("it is not so") }),
    });
    json!({
        "since": moment(*since), "looks": rounds, "looked_at": moment(*probed_at),
        "conditions": conditions.collect::<Vec<_>>(),
    })
}

fn track(track: &StepState) -> Value {
    let StepState { state, attempts, failed_starts, may_still_run, observation: seen, at } = track;
    let (state, why) = match state {
        ChangeState::Pending => ("pending", None),
        ChangeState::Started => ("started", None),
        ChangeState::NotStarted(why) => ("not-started", Some(why.clone())),
        ChangeState::InDoubt(why) => ("in-doubt", Some(why.clone())),
        ChangeState::Done => ("done", None),
        ChangeState::Failed(why) => ("failed", Some(why.clone())),
        ChangeState::Skipped(why) => ("skipped", Some(written(why))),
    };
    json!({
        "state": state, "why": why, "attempts": attempts, "could_not_be_asked": failed_starts,
        "may_still_run": may_still_run, "returned": seen.as_ref().map(observation), "at": at.map(moment),
    })
}

fn run(run: &RemediationRun) -> Value {
    let (end, at) = match run.end {
        None => ("under-way", None),
        Some(RunResult::Fixed(at)) => ("fixed", Some(moment(at))),
        Some(RunResult::Failed(at)) => ("failed", Some(moment(at))),
    };
    json!({
        "case": run.case.as_str(), "system": run.system, "playbook": run.playbook, "hosts": run.hosts,
        "at": moment(run.at), "end": end, "ended_at": at,
    })
}

/// The word for an outcome, an escalation's code, and what was said of it.
fn ending(outcome: Option<&Outcome>) -> (Option<&'static str>, Option<&'static str>, Option<String>) {
    match outcome {
        None => (None, None, None),
        Some(Outcome::Resolved) => (Some("resolved"), None, None),
        Some(Outcome::Confirmed { by }) => (Some("confirmed"), None, by.clone()),
        Some(Outcome::Partial { rest }) => {
            let rest: Vec<String> = rest.iter().map(|it| format!("{}: {}", it.topic, it.words)).collect();
            (Some("partial"), None, Some(rest.join("; ")))
        }
        Some(Outcome::Unrelated { topic }) => (Some("unrelated"), None, Some(topic.to_string())),
        Some(Outcome::Answered { request }) => (Some("answered"), None, Some(request.to_string())),
        Some(Outcome::Escalated(it)) => {
            (Some("escalated"), Some(it.code.as_str()), Some(written(&it.detail)))
        }
        // Version 2 could store `healthy`, which no case ever had.
        Some(Outcome::Declined { detail: Detail::NothingFound }) => (Some("healthy"), None, None),
        Some(Outcome::Declined { detail }) => (Some("declined"), None, Some(written(detail))),
        Some(Outcome::Cancelled) => (Some("cancelled"), None, None),
    }
}

fn purpose(purpose: ProbeReason) -> String {
    match purpose {
        ProbeReason::Diagnose => "diagnosis".into(),
        ProbeReason::OnlyIf(which) => format!("need of {}", change(which)),
        ProbeReason::ResolveDoubt(which, attempt) => {
            format!("doubt about {}, attempt {attempt}", change(which))
        }
        ProbeReason::Verify => "verification".into(),
    }
}

fn change(change: ChangeId) -> String {
    let way = match change.direction {
        Direction::Forward => "change",
        Direction::Rollback => "rollback",
    };
    format!("{way} {}.{}", change.remediation, change.step)
}

fn message(QueuedSignal { key, signal }: &QueuedSignal) -> Value {
    let (says, plan) = match &signal.kind {
        SignalKind::Approve { plan } => ("approve", Some(plan)),
        SignalKind::Deny => ("deny", None),
        SignalKind::Cancel => ("cancel", None),
        SignalKind::Pause => ("pause", None),
        SignalKind::Resume => ("resume", None),
        SignalKind::Answer(ReporterAnswer::Works) => ("works", None),
        SignalKind::Answer(ReporterAnswer::Broken) => ("broken", None),
        SignalKind::Answer(ReporterAnswer::Details) => ("answer", None),
    };
    json!({ "key": key, "by": signal.by, "at": moment(signal.at), "says": says, "plan": plan })
}

/// The kind of an event.
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::Opened { .. } => "opened",
        Event::TicketRead(_) => "words-read",
        Event::ReporterAsked { .. } => "reporter-asked",
        Event::Triaged(_) => "triaged",
        Event::Probed { .. } => "probed",
        Event::Diagnosed(_) => "diagnosed",
        Event::HostsLeased { .. } => "hosts-held",
        Event::Rechecked { .. } => "issue-checked",
        Event::Paused(_) => "paused",
        Event::Resumed => "resumed",
        Event::ApprovalRequested { .. } => "approval-requested",
        Event::Deferred(_) => "deferred",
        Event::RecurrenceDetected { .. } => "recurrence-counted",
        Event::CloseDisputed(_) => "close-disputed",
        Event::Linked { .. } => "linked",
        Event::SignalReceived(_) => "message-read",
        Event::RemediationStarted(_) => "planned",
        Event::ChangeStarted { .. } => "change-started",
        Event::ChangeEnded { .. } => "change-ended",
        Event::ChangeNotStarted { .. } => "change-not-started",
        Event::ChangeBlocked { .. } => "change-not-allowed",
        Event::ChangeInDoubt { .. } => "change-in-doubt",
        Event::ChangeSkipped { .. } => "change-skipped",
        Event::ChangeConfirmed { .. } => "change-found-done",
        Event::ChangeAbandoned { .. } => "change-given-up",
        Event::StepsCompleted => "all-changes-made",
        Event::ConditionsChecked { .. } => "conditions-checked",
        Event::VerificationPassed { .. } => "verified",
        Event::VerificationFailed { .. } => "not-verified",
        Event::RemediationFailed { .. } => "remediation-failed",
        Event::RolledBack { .. } => "rolled-back",
        Event::OutcomeDecided(_) => "concluded",
        Event::Published { .. } => "published",
        Event::PublishFailed { .. } => "not-published",
        Event::Ended => "ended",
    }
}

/// One record with all that it says.
pub fn meaning(record: &Record) -> Value {
    let mut said = match &record.event {
        Event::Opened { ticket: it, source, library } => {
            json!({ "ticket": ticket(it), "opened": opened(source), "playbooks": library.0 })
        }
        Event::TicketRead(it) => json!({
            "language": it.language.as_str(), "trouble": it.problem,
            "symptoms": it.symptoms.iter().map(|it| json!([it.name, it.confidence, it.words])).collect::<Vec<_>>(),
            "topics": it.topics.iter().map(|it| json!([it.topic.as_str(), it.confidence, it.words])).collect::<Vec<_>>(),
            "cues": it.cues.iter().map(|it| json!([it.cue.as_str(), it.words])).collect::<Vec<_>>(),
            "sentences": it.sentences.iter().map(sentence).collect::<Vec<_>>(), "model": it.model,
        }),
        Event::ReporterAsked { purpose, remind_at, until } => json!({
            "asked": match purpose {
                InquiryPurpose::ConfirmFix => "works-now",
                InquiryPurpose::ConfirmAnswer => "answered",
                InquiryPurpose::Details => "details",
            },
            "reminder": moment(*remind_at), "until": moment(*until),
        }),
        Event::Triaged(it) => triage(it),
        Event::Probed { reason: why, evidence, .. } => json!({
            "for": purpose(*why), "at": moment(evidence.at), "took_ms": evidence.took_ms,
            "connections_ms": evidence.connect_ms, "facts": facts(evidence), "probes": sights(evidence),
        }),
        Event::Diagnosed(it) => diagnosis(it),
        Event::HostsLeased { hosts, waited } => json!({ "hosts": hosts, "waited": waited }),
        Event::Rechecked { open } => json!({ "open": open }),
        Event::Paused(it) => pause(it),
        Event::Resumed | Event::StepsCompleted | Event::Ended => json!({}),
        Event::ApprovalRequested { plan: it, until } => json!({ "plan": plan(it), "until": moment(*until) }),
        Event::Deferred(it) => delay(it),
        Event::RecurrenceDetected { playbook, hosts, count } => {
            json!({ "playbook": playbook, "hosts": hosts, "count": count })
        }
        Event::CloseDisputed(it) => objection(it),
        Event::Linked { case, ticket, playbook } => {
            json!({ "case": case.as_str(), "ticket": ticket.to_string(), "playbook": playbook })
        }
        Event::SignalReceived(it) => message(it),
        Event::RemediationStarted(it) => plan(it),
        Event::ChangeStarted { change: which, attempt, host, command } => {
            json!({ "change": change(*which), "attempt": attempt, "host": host, "command": command.as_str() })
        }
        Event::ChangeEnded { change: which, observation: it, success } => {
            json!({ "change": change(*which), "returned": observation(it), "success": success })
        }
        Event::ChangeNotStarted { change: which, why } | Event::ChangeBlocked { change: which, why } => {
            json!({ "change": change(*which), "why": why.as_str() })
        }
        Event::ChangeInDoubt { change: which, why, may_still_run } => {
            json!({ "change": change(*which), "why": why.as_str(), "may_still_run": may_still_run })
        }
        Event::ChangeSkipped { change: which, why } => {
            json!({ "change": change(*which), "why": written(why) })
        }
        Event::ChangeAbandoned { change: which, why } => {
            json!({ "change": change(*which), "why": written(why) })
        }
        Event::ChangeConfirmed { change: which } => json!({ "change": change(*which) }),
        Event::ConditionsChecked { truths } => {
            json!({ "conditions": truths.iter().map(truth).collect::<Vec<_>>() })
        }
        Event::VerificationPassed { conditions } => json!({ "conditions": conditions }),
        Event::VerificationFailed { why } | Event::RemediationFailed { why } => {
            json!({ "why": written(why) })
        }
        Event::RolledBack { clean } => json!({ "clean": clean }),
        Event::OutcomeDecided(it) => {
            let (outcome, code, reason) = ending(Some(it));
            json!({ "outcome": outcome, "code": code, "reason": reason })
        }
        Event::Published { what, took_ms } => {
            json!({ "what": publication(what.publication()), "state": state(what), "took_ms": took_ms })
        }
        Event::PublishFailed { publication: what, why, lasting } => {
            json!({ "what": publication(*what), "why": why.as_str(), "lasting": lasting })
        }
    };
    said["kind"] = json!(kind(&record.event));
    said
}

/// What was published, as far as it says whether it is up to date.
fn state(what: &Published) -> Option<String> {
    match what {
        Published::ApprovalRequest { plan } => Some(plan.clone()),
        Published::Problem { ticket } => ticket.as_ref().map(ToString::to_string),
        Published::Status(key) => Some(key.to_string()),
        Published::Label(label) => Some(label.as_str().to_owned()),
        Published::TicketRefresh
        | Published::Inquiry
        | Published::InquiryReminder
        | Published::Reopen
        | Published::Report
        | Published::Assign
        | Published::Close => None,
    }
}

fn truth(truth: &Truth) -> Value {
    match truth {
        Truth::True => json!(true),
        Truth::False => json!(false),
        Truth::Unknown(why) => json!({ "unknown": why }),
    }
}

/// Where `got` does not say what `expected` says. What only `got` says came with a later version.
pub fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", expected, got, &mut found);
    found
}

fn compare(at: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (name, expected) in expected {
                // Version 2 has one string for all publications. Its sample of every kind says `ended` for
                // each of them, which no case ever wrote for a publication without a state or for a label.
                if name == "state" && expected == "ended" && got["what"] != "status" {
                    continue;
                }
                let missing = &Value::Null;
                compare(&format!("{at}/{name}"), expected, Map::get(got, name).unwrap_or(missing), found);
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{at}/{index}"), expected, got, found);
            }
        }
        _ if expected == got => {}
        _ => found.push(format!("{at}: {got}, and it was {expected}")),
    }
}
