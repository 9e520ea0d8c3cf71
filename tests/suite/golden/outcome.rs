//! What the fold of a journal gives, in words of its own: a type that is renamed changes the patterns of
//! this file, and never its strings.

use chrono::{DateTime, SecondsFormat, Utc};
use fieldmedic::core::action::Action;
use fieldmedic::core::budget::{Delay, Over};
use fieldmedic::core::case::{Asked, Case, ChangeState, Phase, Stage, Track, Treated, Treatment};
use fieldmedic::core::command::Command;
use fieldmedic::core::diagnosis::Diagnosis;
use fieldmedic::core::errand::Errand;
use fieldmedic::core::event::{Act, CaseId, ChangeId, Door, Event, Purpose, Record, Way};
use fieldmedic::core::evidence::{Evidence, Exit, Observation, Output, Seen};
use fieldmedic::core::expr::Truth;
use fieldmedic::core::history::{End, History, Run};
use fieldmedic::core::inventory::Site;
use fieldmedic::core::objection::{How, Objection};
use fieldmedic::core::outcome::Outcome;
use fieldmedic::core::policy::{Mode, Pause, Risk};
use fieldmedic::core::remedy::{Plan, PlannedStep};
use fieldmedic::core::ticket::{State, Ticket};
use fieldmedic::core::triage::{Asks, Suspect, Triage};
use fieldmedic::core::verification::{Held, Progress};
use fieldmedic::core::word::{Posted, Says};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Everything that matters for going on with the case, or for telling of it.
pub fn outcome(case: &Case, records: &[Record], past: &[(CaseId, Record)], next: &Action) -> Value {
    let parts = [beginning(case), knowledge(case), people(case), deeds(case), publications(case, records)];
    let mut whole = Map::new();
    for part in parts {
        let Value::Object(part) = part else { panic!("not an object: {part}") };
        whole.extend(part);
    }
    whole.insert("records".into(), json!(records.len()));
    whole.insert("next".into(), json!(action(next)));
    whole.insert("budgets".into(), budgets(&History::fold(past)));
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
        "opened": opened(&case.door),
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
        "probed_since_the_last_change": case.fresh,
        "probed_for": case.looked_for.map(purpose),
        "diagnoses": case.diagnoses.iter().map(diagnosis).collect::<Vec<_>>(),
        "hosts_held": case.held,
        "issue_checked": case.rechecked,
    })
}

/// What people said, and what the case waits for.
fn people(case: &Case) -> Value {
    let requested = |asked: &Asked| json!({ "plan": plan(&asked.plan), "until": moment(asked.until) });
    json!({
        "paused": case.paused.as_ref().map(pause),
        "paused_alone": case.halt.as_ref().map(pause),
        "messages_read": case.heard,
        "approval_requested": case.asked.as_ref().map(requested),
        "approvals_requested": case.questions,
        "approved": case.approval.as_ref().map(|yes| json!({ "by": yes.by, "plan": yes.plan })),
        "denied_by": case.denied_by,
        "cancelled_by": case.cancelled_by,
        "recurrence": case.recurred.as_ref().map(|recurred| json!({
            "playbook": recurred.playbook, "hosts": recurred.hosts, "count": recurred.count,
        })),
        "disputed_close": case.objection.as_ref().map(objection),
        "linked": case.kin.as_ref().map(|kin| json!({
            "case": kin.case, "ticket": kin.ticket, "playbook": kin.playbook, "since": moment(kin.since),
            "waits": kin.is_awaited,
        })),
        "deferred": case.delay.as_ref().map(delay),
        "deferred_since": case.delayed_at.map(moment),
    })
}

/// What was done, and what came of it.
fn deeds(case: &Case) -> Value {
    let is_fixed = |it: &&Treatment| matches!(it.phase, Phase::Over { result: Treated::Mended, .. });
    let fixed = case.treatments.iter().filter(is_fixed).map(|it| it.plan.playbook.as_str());
    let (outcome, code, reason) = ending(case.outcome.as_ref());
    json!({
        "remediations": case.treatments.iter().map(remediation).collect::<Vec<_>>(),
        "fixed": fixed.collect::<Vec<_>>(),
        "changes_made": case.changes_made(),
        "outcome": outcome,
        "code": code,
        "reason": reason,
        "closes": case.closes(),
        "spent_ms": {
            "connections": case.spent.connect, "probes": case.spent.probes, "changes": case.spent.remedy,
            "verification": case.spent.verification, "forge": case.spent.forge,
        },
    })
}

/// What was written on the forge.
fn publications(case: &Case, records: &[Record]) -> Value {
    let talk = &case.talk;
    json!({
        "shown": {
            "status": shown(talk.status.as_deref(), &case.stage_word()),
            "label": shown(talk.label.as_deref(), case.label_word()),
            "status_edited_at": talk.edited_at.map(moment),
            "approval_requested": talk.question, "reopened": talk.reopened, "problem_ticket": talk.problem,
            "report": talk.reported, "report_refused": talk.refused_report, "people_called": talk.called,
            "closed": talk.closed, "closed_at": talk.closed_at.map(moment),
            "failing": talk.trouble.as_ref().map(|trouble| json!({
                "what": publication(trouble.act), "attempts": trouble.attempts, "at": moment(trouble.at),
            })),
        },
        "published": count(records, |event| match event {
            Event::Told { act, .. } => Some(publication(*act)),
            _ => None,
        }),
        "not_published": count(records, |event| match event {
            Event::NotTold { act, .. } => Some(publication(*act)),
            _ => None,
        }),
    })
}

/// Whether people see what is so. The words themselves may become others, in old records too.
fn shown(there: Option<&str>, due: &str) -> Option<&'static str> {
    there.map(|there| if there == due { "up to date" } else { "out of date" })
}

/// What budgets are reckoned from, in later cases too.
fn budgets(history: &History) -> Value {
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
        "labels": labels, "open": *state == State::Open, "locked": locked, "created_at": moment(*created_at),
        "updated_at": moment(*updated_at), "url": url,
    })
}

fn opened(door: &Door) -> Value {
    match door {
        Door::Webhook => json!({ "by": "webhook" }),
        Door::Poll => json!({ "by": "poll" }),
        Door::Command { user, comment, errand } => {
            json!({ "by": "command", "who": user, "comment": comment, "to": order(errand) })
        }
        Door::Terminal => json!({ "by": "terminal" }),
        Door::Sweep { suspect } => json!({ "by": "sweep", "found": suspect.as_ref().map(found) }),
        Door::Recurrence { of, suspect } => {
            json!({ "by": "recurrence", "of": of.as_str(), "found": found(suspect) })
        }
        Door::Objection(it) => json!({ "by": "disputed-close", "close": objection(it) }),
    }
}

fn order(errand: &Errand) -> Value {
    match errand {
        Errand::Treat => json!({ "do": "resolve-the-ticket" }),
        Errand::Look { system } => json!({ "do": "diagnose", "system": system }),
        Errand::Mend { system, playbook } => json!({ "do": "fix", "system": system, "playbook": playbook }),
        Errand::Answer { system, request, values } => {
            json!({ "do": "answer", "system": system, "request": request, "values": values })
        }
    }
}

fn found(suspect: &Suspect) -> Value {
    json!({ "system": suspect.system, "playbook": suspect.playbook })
}

fn objection(objection: &Objection) -> Value {
    let how = match objection.how {
        How::Reopened => "reopened",
        How::Said => "said",
    };
    json!({ "of": objection.of.as_str(), "who": objection.who, "how": how })
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Opened => "opened",
        Stage::Looking => "to-be-probed",
        Stage::Looked => "probed",
        Stage::Diagnosed => "diagnosed",
        Stage::Treating => "remediation",
        Stage::Concluded => "concluded",
        Stage::Ended => "ended",
    }
}

/// The kind of the next action, and what distinguishes it from others of its kind.
fn action(action: &Action) -> String {
    match action {
        Action::Note(event) => format!("record {}", kind(event)),
        Action::Look { purpose: why, .. } => format!("probe for {}", purpose(*why)),
        Action::Recheck => "check the issue".into(),
        Action::Hold { .. } => "hold hosts".into(),
        Action::Change(order) => format!("make {}", change(order.change)),
        Action::AskPeople => "publish approval-request".into(),
        Action::ShowStatus => "publish status".into(),
        Action::SetLabel => "publish label".into(),
        Action::Reopen => "publish reopening".into(),
        Action::OpenProblem => "publish problem-ticket".into(),
        Action::PostReport => "publish report".into(),
        Action::CallPeople => "publish call".into(),
        Action::Close => "publish close".into(),
        Action::Wait { .. } => "wait".into(),
        Action::Park { .. } => "wait without a worker".into(),
        Action::Rest => "nothing".into(),
    }
}

fn publication(act: Act) -> &'static str {
    match act {
        Act::Recheck => "issue-check",
        Act::Question => "approval-request",
        Act::Reopen => "reopening",
        Act::Problem => "problem-ticket",
        Act::Status => "status",
        Act::Label => "label",
        Act::Report => "report",
        Act::Assign => "call",
        Act::Close => "close",
    }
}

fn triage(triage: &Triage) -> Value {
    let Triage { site, asks, explained_by, strangers } = triage;
    json!({
        "system": site.as_ref().map(system),
        "asks": match asks {
            Asks::Complaint => json!("complaint"),
            Asks::Question { request, health } => json!({ "question": request, "about_health": health }),
        },
        "explained_by": explained_by.iter().map(|it| json!([it.playbook, it.words])).collect::<Vec<_>>(),
        "unknown_names": strangers.iter().map(|it| json!([it.field, it.name])).collect::<Vec<_>>(),
    })
}

fn system(site: &Site) -> Value {
    let Site { name, kind, hosts, params, aliases, mode } = site;
    let mode = mode.map(|mode| match mode {
        Mode::Observe => "observe",
        Mode::Ask => "ask",
        Mode::Act => "act",
    });
    json!({
        "name": name, "type": kind, "hosts": hosts, "parameters": params, "aliases": aliases, "mode": mode,
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
    let probes = evidence.sights.iter().map(|(probe, sight)| {
        let result = match &sight.seen {
            Seen::Observed(it) => json!({ "returned": observation(it) }),
            Seen::Unreached(why) => json!({ "unreachable": why.as_str() }),
            Seen::Lost(why) => json!({ "lost": why.as_str() }),
            Seen::NotRun(why) => json!({ "not_run": why.as_str() }),
        };
        (probe.to_string(), json!([sight.host, sight.command.as_str(), result]))
    });
    Value::Object(probes.collect())
}

/// What became of each probe, its host and its command.
fn probed(evidence: &Evidence) -> Value {
    let probes = evidence.sights.iter().map(|(probe, sight)| {
        let result = match &sight.seen {
            Seen::Observed(it) => format!("{}, {} bytes", exit(&it.exit), it.stdout.length),
            Seen::Unreached(why) => format!("unreachable: {why}"),
            Seen::Lost(why) => format!("lost: {why}"),
            Seen::NotRun(why) => format!("not run: {why}"),
        };
        (probe.to_string(), json!([sight.host, digest(sight.command.as_str()), result]))
    });
    Value::Object(probes.collect())
}

fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit {code}"),
        Exit::Signal(name) => format!("signal {name}"),
        Exit::Unsaid => "no exit status".into(),
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
        "confirmed": findings.iter().map(|it| json!([it.playbook, it.title, it.because])).collect::<Vec<_>>(),
        "ruled_out": ruled_out,
        "unknown": unknown.iter().map(|it| json!([it.playbook, it.why])).collect::<Vec<_>>(),
    })
}

fn pause(pause: &Pause) -> Value {
    json!({ "by": pause.by, "at": moment(pause.at), "why": pause.why.as_str() })
}

fn delay(delay: &Delay) -> Value {
    let mut over = match &delay.over {
        Over::Cooldown { playbook, at } => {
            json!({ "limit": "cooldown", "playbook": playbook, "at": moment(*at) })
        }
        Over::Failures { playbook, count } => {
            json!({ "limit": "failures", "playbook": playbook, "count": count })
        }
        Over::Recurrences { playbook, count } => {
            json!({ "limit": "recurrences", "playbook": playbook, "count": count })
        }
        Over::Runs { host, count } => json!({ "limit": "runs-an-hour", "host": host, "count": count }),
        Over::Changes { host, count } => json!({ "limit": "changes-an-hour", "host": host, "count": count }),
        Over::BlastRadius { group, allowed, changed, window } => json!({
            "limit": "blast-radius", "group": group, "allowed": allowed, "changed": changed,
            "window_s": window.as_secs_f64(),
        }),
        Over::Freeze { why } => json!({ "limit": "freeze", "why": why }),
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
    let PlannedStep { name, host, command: run, undo, kept } = step;
    let run = match run {
        Ok(run) => command(run),
        Err(why) => json!({ "not_rendered": why.to_string() }),
    };
    json!({ "name": name, "host": host, "run": run, "rollback": undo.as_ref().map(command), "keeps": kept })
}

/// A plan's hash is over its command lines, so a line is never worded anew for a plan that was approved.
fn command(command: &Command) -> Value {
    let timeout_s = command.timeout().as_secs_f64();
    json!({ "summary": command.summary(), "line": digest(&command.line()), "timeout_s": timeout_s })
}

fn remediation(treatment: &Treatment) -> Value {
    let Treatment { plan: planned, started_at, phase, steps, undos, proof } = treatment;
    let (state, detail) = match phase {
        Phase::Applying => ("applying", Value::Null),
        Phase::Verifying(progress) => ("verifying", verification(progress)),
        Phase::Undoing { why } => ("rolling-back", json!(why)),
        Phase::Over { result, at } => match result {
            Treated::Mended => ("fixed", json!({ "at": moment(*at) })),
            Treated::NotFixed { why } => ("not-fixed", json!({ "at": moment(*at), "why": why })),
            Treated::UndoFailed { why } => ("rollback-failed", json!({ "at": moment(*at), "why": why })),
            Treated::InDoubt { why, change: which } => {
                ("in-doubt", json!({ "at": moment(*at), "why": why, "change": change(*which) }))
            }
        },
    };
    let proof = proof
        .as_ref()
        .map(|proof| proof.iter().map(|it| json!([it.condition, it.since, it.seconds])).collect::<Vec<_>>());
    json!({
        "plan": plan(planned), "started_at": moment(*started_at), "state": state, "detail": detail,
        "steps": steps.iter().map(track).collect::<Vec<_>>(),
        "rollbacks": undos.iter().map(track).collect::<Vec<_>>(), "proof": proof,
    })
}

fn verification(progress: &Progress) -> Value {
    let Progress { since, looks, looked_at, held } = progress;
    let conditions = held.iter().map(|held| match held {
        Held::Since(at) => json!({ "held_since": moment(*at) }),
        Held::Not(why) => json!({ "not_held": why }),
    });
    json!({
        "since": moment(*since), "looks": looks, "looked_at": moment(*looked_at),
        "conditions": conditions.collect::<Vec<_>>(),
    })
}

fn track(track: &Track) -> Value {
    let Track { state, attempts, misses, may_still_run, observation: seen, at } = track;
    let (state, why) = match state {
        ChangeState::Pending => ("pending", None),
        ChangeState::Started => ("started", None),
        ChangeState::NotStarted(why) => ("not-started", Some(why)),
        ChangeState::InDoubt(why) => ("in-doubt", Some(why)),
        ChangeState::Done => ("done", None),
        ChangeState::Failed(why) => ("failed", Some(why)),
        ChangeState::Skipped(why) => ("skipped", Some(why)),
    };
    json!({
        "state": state, "why": why, "attempts": attempts, "could_not_be_asked": misses,
        "may_still_run": may_still_run, "returned": seen.as_ref().map(observation), "at": at.map(moment),
    })
}

fn run(run: &Run) -> Value {
    let (end, at) = match run.end {
        None => ("under-way", None),
        Some(End::Mended(at)) => ("fixed", Some(moment(at))),
        Some(End::Failed(at)) => ("failed", Some(moment(at))),
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
        Some(Outcome::Answered { request }) => (Some("answered"), None, Some(request.to_string())),
        Some(Outcome::Healthy) => (Some("healthy"), None, None),
        Some(Outcome::Escalated(it)) => (Some("escalated"), Some(it.code.as_str()), Some(it.why.clone())),
        Some(Outcome::Declined { why }) => (Some("declined"), None, Some(why.clone())),
        Some(Outcome::Cancelled) => (Some("cancelled"), None, None),
    }
}

fn purpose(purpose: Purpose) -> String {
    match purpose {
        Purpose::Diagnose => "diagnosis".into(),
        Purpose::OnlyIf(which) => format!("need of {}", change(which)),
        Purpose::Replay(which, attempt) => format!("doubt about {}, attempt {attempt}", change(which)),
        Purpose::Verify => "verification".into(),
    }
}

fn change(change: ChangeId) -> String {
    let way = match change.way {
        Way::Do => "change",
        Way::Undo => "rollback",
    };
    format!("{way} {}.{}", change.treatment, change.step)
}

fn message(Posted { key, word }: &Posted) -> Value {
    let (says, plan) = match &word.says {
        Says::Approve { plan } => ("approve", Some(plan)),
        Says::Deny => ("deny", None),
        Says::Cancel => ("cancel", None),
        Says::Pause => ("pause", None),
        Says::Resume => ("resume", None),
    };
    json!({ "key": key, "by": word.by, "at": moment(word.at), "says": says, "plan": plan })
}

/// The kind of an event.
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::Opened { .. } => "opened",
        Event::Triaged(_) => "triaged",
        Event::Looked { .. } => "probed",
        Event::Diagnosed(_) => "diagnosed",
        Event::Held { .. } => "hosts-held",
        Event::Rechecked { .. } => "issue-checked",
        Event::Paused(_) => "paused",
        Event::Resumed => "resumed",
        Event::Asked { .. } => "approval-requested",
        Event::Delayed(_) => "deferred",
        Event::Recurred { .. } => "recurrence-counted",
        Event::FalselyClosed(_) => "close-disputed",
        Event::Linked { .. } => "linked",
        Event::Heard(_) => "message-read",
        Event::Planned(_) => "planned",
        Event::ChangeStarted { .. } => "change-started",
        Event::ChangeEnded { .. } => "change-ended",
        Event::ChangeNotStarted { .. } => "change-not-started",
        Event::ChangeBarred { .. } => "change-not-allowed",
        Event::ChangeInDoubt { .. } => "change-in-doubt",
        Event::ChangeSkipped { .. } => "change-skipped",
        Event::ChangeFound { .. } => "change-found-done",
        Event::ChangeFrozen { .. } => "change-given-up",
        Event::Applied => "all-changes-made",
        Event::Checked { .. } => "conditions-checked",
        Event::Verified { .. } => "verified",
        Event::NotVerified { .. } => "not-verified",
        Event::RemedyFailed { .. } => "remediation-failed",
        Event::Undone { .. } => "rolled-back",
        Event::Concluded(_) => "concluded",
        Event::Told { .. } => "published",
        Event::NotTold { .. } => "not-published",
        Event::Ended => "ended",
    }
}

/// One record with all that it says.
pub fn meaning(record: &Record) -> Value {
    let mut said = match &record.event {
        Event::Opened { ticket: it, door, library } => {
            json!({ "ticket": ticket(it), "opened": opened(door), "playbooks": library.0 })
        }
        Event::Triaged(it) => triage(it),
        Event::Looked { purpose: why, evidence } => json!({
            "for": purpose(*why), "at": moment(evidence.at), "took_ms": evidence.took_ms,
            "connections_ms": evidence.connect_ms, "facts": facts(evidence), "probes": sights(evidence),
        }),
        Event::Diagnosed(it) => diagnosis(it),
        Event::Held { hosts, waited } => json!({ "hosts": hosts, "waited": waited }),
        Event::Rechecked { open } => json!({ "open": open }),
        Event::Paused(it) => pause(it),
        Event::Resumed | Event::Applied | Event::Ended => json!({}),
        Event::Asked { plan: it, until } => json!({ "plan": plan(it), "until": moment(*until) }),
        Event::Delayed(it) => delay(it),
        Event::Recurred { playbook, hosts, count } => {
            json!({ "playbook": playbook, "hosts": hosts, "count": count })
        }
        Event::FalselyClosed(it) => objection(it),
        Event::Linked { case, ticket, playbook } => {
            json!({ "case": case.as_str(), "ticket": ticket.to_string(), "playbook": playbook })
        }
        Event::Heard(it) => message(it),
        Event::Planned(it) => plan(it),
        Event::ChangeStarted { change: which, attempt, host, command } => {
            json!({ "change": change(*which), "attempt": attempt, "host": host, "command": command.as_str() })
        }
        Event::ChangeEnded { change: which, observation: it, success } => {
            json!({ "change": change(*which), "returned": observation(it), "success": success })
        }
        Event::ChangeNotStarted { change: which, why } | Event::ChangeBarred { change: which, why } => {
            json!({ "change": change(*which), "why": why.as_str() })
        }
        Event::ChangeInDoubt { change: which, why, may_still_run } => {
            json!({ "change": change(*which), "why": why.as_str(), "may_still_run": may_still_run })
        }
        Event::ChangeSkipped { change: which, why } | Event::ChangeFrozen { change: which, why } => {
            json!({ "change": change(*which), "why": why })
        }
        Event::ChangeFound { change: which } => json!({ "change": change(*which) }),
        Event::Checked { truths } => json!({ "conditions": truths.iter().map(truth).collect::<Vec<_>>() }),
        Event::Verified { conditions } => json!({ "conditions": conditions }),
        Event::NotVerified { why } | Event::RemedyFailed { why } => json!({ "why": why }),
        Event::Undone { clean } => json!({ "clean": clean }),
        Event::Concluded(it) => {
            let (outcome, code, reason) = ending(Some(it));
            json!({ "outcome": outcome, "code": code, "reason": reason })
        }
        Event::Told { act, stage, took_ms } => {
            json!({ "what": publication(*act), "state": stage, "took_ms": took_ms })
        }
        Event::NotTold { act, why, lasting } => {
            json!({ "what": publication(*act), "why": why.as_str(), "lasting": lasting })
        }
    };
    said["kind"] = json!(kind(&record.event));
    said
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
