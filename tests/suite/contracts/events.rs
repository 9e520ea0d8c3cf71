//! One record of every kind, as a journal may have to keep it.

use chrono::{DateTime, Utc};
use fieldmedic::core::case::dispute::{CloseDispute, Via};
use fieldmedic::core::case::event::{
    CaseId, ChangeId, Direction, Event, EventKind, ProbeReason, Publication, Source,
};
use fieldmedic::core::case::inquiry::InquiryPurpose;
use fieldmedic::core::case::outcome::{Code, Escalation, Outcome, Remainder};
use fieldmedic::core::case::payload::{decode_event, encode_event};
use fieldmedic::core::case::published::Published;
use fieldmedic::core::case::record::chain;
use fieldmedic::core::case::signal::{QueuedSignal, Signal, SignalKind};
use fieldmedic::core::chatops::scope::CaseScope;
use fieldmedic::core::diagnosis::diagnose::{Diagnosis, Finding, Unknown};
use fieldmedic::core::diagnosis::evidence::{
    Evidence, Exit, Observation, ProbeResult, ProbeStatus, RawObservation, RawOutput,
};
use fieldmedic::core::diagnosis::plan::{Plan, PlannedStep};
use fieldmedic::core::expr::Truth;
use fieldmedic::core::ids::{
    FactName, HostName, ParamName, PlaybookName, ProbeName, Role, ScheduleName, SymptomName, SystemName,
    SystemTypeName,
};
use fieldmedic::core::playbook::LibraryHash;
use fieldmedic::core::playbook::inventory::System;
use fieldmedic::core::policy::limits::{Deferral, ExceededLimit};
use fieldmedic::core::policy::permit::{Pause, Risk};
use fieldmedic::core::reading::{
    Cue, Language, ReadCue, ReadSentence, ReadSymptom, ReadTopic, Reading, SymptomShare, Topic, TopicShare,
};
use fieldmedic::core::text::redact::{Redacted, Redactor};
use fieldmedic::core::ticket::triage::{DetectedFault, Intent, SymptomMatch, Triage, UnknownSystemName};
use fieldmedic::core::ticket::{Ticket, TicketId, TicketState};
use fieldmedic::ports::StoredRecord;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub fn moment() -> DateTime<Utc> {
    "2026-03-01T08:00:00.123456Z".parse().unwrap()
}

pub fn ticket_id(number: u64) -> TicketId {
    format!("example/tickets#{number}").parse().unwrap()
}

pub fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn text(text: &str) -> Redacted {
    Redactor::default().text(text)
}

fn playbook(name: &str) -> PlaybookName {
    PlaybookName::new(name).unwrap()
}

/// The first record of a case.
pub fn opened(ticket: &TicketId) -> Event {
    let ticket = Ticket {
        id: ticket.clone(),
        title: text("Sync failed 🔄 – “Übertragung” bricht ab"),
        body: text("line one\r\nline \"two\"\u{0}\u{7f}'; DROP TABLE event; --\n"),
        author: "maria".into(),
        labels: vec!["support".into()],
        state: TicketState::Open,
        locked: false,
        created_at: moment(),
        updated_at: moment(),
        url: "https://github.com/example/tickets/issues/1".into(),
    };
    Event::Opened { ticket, source: Source::Webhook, library: LibraryHash("ab12".into()) }
}

fn triage(asks: Intent) -> Event {
    let site = System {
        name: SystemName::new("qfieldcloud").unwrap(),
        system_type: SystemTypeName::new("qfieldcloud").unwrap(),
        hosts: BTreeMap::from([(Role::main(), host("qfc-1"))]),
        params: BTreeMap::from([(ParamName::new("disk_limit").unwrap(), json!(90))]),
        aliases: vec!["qfc".into()],
        mode: None,
    };
    let explained_by = vec![SymptomMatch { playbook: playbook("worker-down"), words: "jobs stay".into() }];
    let strangers = vec![UnknownSystemName { field: "Host".into(), name: "qfc-9".into() }];
    Event::Triaged(Triage {
        system: Some(site),
        intent: asks,
        matched_faults: explained_by,
        unknown_names: strangers,
    })
}

fn observation() -> Observation {
    let stream =
        |bytes: &[u8]| RawOutput { kept: bytes.to_vec(), length: bytes.len() as u64, sha256: "cd34".into() };
    let raw = RawObservation {
        exit: Exit::Code(1),
        stdout: stream(b"Filesystem 91% /\n"),
        stderr: stream(b"\xff\x00 not text"),
        took_ms: 12,
    };
    Observation::new(&raw, &Redactor::default())
}

fn evidence() -> Evidence {
    let seen = [
        ("disk", ProbeStatus::Completed(observation())),
        ("queue", ProbeStatus::Unreachable(text("no route"))),
        ("workers", ProbeStatus::Interrupted(text("timed out"))),
        ("image", ProbeStatus::Skipped(text("`disk.free` is unknown"))),
    ];
    let sights = seen.map(|(name, seen)| {
        let host = (name != "image").then(|| host("qfc-1"));
        (ProbeName::new(name).unwrap(), ProbeResult { host, command: text("df -P /"), status: seen })
    });
    let fact = |name: &str| FactName::new(name).unwrap();
    let facts = BTreeMap::from([
        (fact("used_percent"), Ok(json!(91.5))),
        (fact("mounts"), Ok(json!(["/", {"data": null}]))),
        (fact("free"), Err("not a number".into())),
    ]);
    Evidence {
        at: moment(),
        took_ms: 310,
        connect_ms: 45,
        probes: BTreeMap::from(sights),
        facts: BTreeMap::from([(ProbeName::new("disk").unwrap(), facts)]),
    }
}

/// A triage that finds this system.
pub fn about(name: &str) -> Event {
    let Event::Triaged(mut triage) = triage(Intent::Problem) else { panic!("it makes a triage") };
    triage.system.as_mut().unwrap().name = SystemName::new(name).unwrap();
    Event::Triaged(triage)
}

/// The start of a remediation that changes these hosts.
pub fn started(name: &str, hosts: &[&str]) -> Event {
    let mut plan = plan();
    plan.playbook = playbook(name);
    let step = plan.steps.remove(0);
    plan.steps = hosts.iter().map(|name| PlannedStep { host: host(name), ..step.clone() }).collect();
    Event::RemediationStarted(plan)
}

/// A host is asked for a change.
pub fn changed(name: &str) -> Event {
    let change = ChangeId { remediation: 0, step: 0, direction: Direction::Forward };
    Event::ChangeStarted { change, attempt: 1, host: host(name), command: text("docker compose up -d") }
}

/// A look, as it is in memory, and as it is stored after another that saw the same.
pub fn look_again() -> (Event, Event) {
    let whole = evidence();
    let repeats = Evidence { probes: BTreeMap::new(), facts: BTreeMap::new(), ..whole.clone() };
    let unchanged = whole.probes.keys().cloned().collect();
    let reason = ProbeReason::Verify;
    let whole = Event::Probed { reason, evidence: whole, unchanged: BTreeSet::new() };
    (whole, Event::Probed { reason, evidence: repeats, unchanged })
}

fn plan() -> Plan {
    let command = |words: serde_json::Value| {
        let form = json!({"form": {"words": words}, "cwd": "/opt/x y", "sudo": true, "timeout_ms": 5000});
        serde_json::from_value(form).unwrap()
    };
    let step = PlannedStep {
        name: "start the workers".into(),
        host: host("qfc-1"),
        command: Ok(command(json!(["docker", "compose", "up", "-d"]))),
        rollback: Some(command(json!(["docker", "compose", "stop"]))),
        backup: Some("~/.fieldmedic/kept/c0123456789ab-0-0".into()),
    };
    Plan { playbook: playbook("worker-down"), risk: Risk::Low, steps: vec![step], hash: "7f3a".into() }
}

/// Every kind of event that can follow the first, some in several shapes.
pub fn following() -> Vec<Event> {
    let change = ChangeId { remediation: 0, step: 2, direction: Direction::Forward };
    let back = ChangeId { direction: Direction::Rollback, ..change };
    let looks = [
        ProbeReason::Diagnose,
        ProbeReason::OnlyIf(change),
        ProbeReason::ResolveDoubt(back, 2),
        ProbeReason::Verify,
    ];
    let outcomes = [
        Outcome::Resolved,
        Outcome::Confirmed { by: Some("maria".into()) },
        Outcome::Confirmed { by: None },
        Outcome::Partial {
            rest: vec![Remainder { topic: Topic::HowTo, words: "Wie macht man das?".into() }],
        },
        Outcome::Unrelated { topic: Topic::HowTo },
        Outcome::Answered { request: playbook("status-report") },
        Outcome::Declined { detail: "closed already".to_owned().into() },
        Outcome::Cancelled,
        Outcome::Escalated(Escalation { code: Code::NotFixed, detail: "it stayed full".to_owned().into() }),
    ];
    let operation = Intent::Operation { operation: playbook("restart") };
    let question = Intent::Question { request: playbook("status-report"), health: true, in_doubt: true };
    let diagnosis = Diagnosis {
        findings: vec![Finding {
            playbook: playbook("disk-full"),
            title: "The disk is full".into(),
            summary: "91.5 % of / are used".into(),
        }],
        ruled_out: vec![playbook("worker-down")],
        unknown: vec![Unknown { playbook: playbook("queue-stuck"), why: "no route".into() }],
    };
    let reading = Reading {
        language: Language::German,
        problem: 0.913,
        symptoms: vec![ReadSymptom {
            name: SymptomName::new("jobs-wait").unwrap(),
            confidence: 0.7,
            words: vec!["hängt".into()],
        }],
        topics: vec![ReadTopic { topic: Topic::Device, confidence: 0.4, words: Vec::new() }],
        cues: vec![ReadCue { cue: Cue::Everyone, words: "alle".into() }],
        sentences: vec![ReadSentence {
            words: "Wie macht man das?".into(),
            adds: true,
            problem: 0.125,
            symptoms: vec![SymptomShare { name: SymptomName::new("jobs-wait").unwrap(), confidence: 0.5 }],
            topic: Some(TopicShare { topic: Topic::HowTo, confidence: 0.75 }),
        }],
        model: Some("e5-query".into()),
    };
    let purposes = [InquiryPurpose::ConfirmFix, InquiryPurpose::ConfirmAnswer, InquiryPurpose::Details];
    let mut events = vec![Event::TicketRead(reading), triage(Intent::Problem), triage(question)];
    events.extend(purposes.map(|purpose| Event::ReporterAsked {
        purpose,
        remind_at: moment(),
        until: moment(),
    }));
    events.extend(looks.map(|reason| Event::Probed {
        reason,
        evidence: evidence(),
        unchanged: BTreeSet::new(),
    }));
    events.extend([
        Event::Diagnosed(diagnosis),
        Event::HostsLeased { hosts: vec![host("qfc-1"), host("qfc-2")], waited: true },
        Event::RemediationStarted(plan()),
        Event::ChangeStarted { change, attempt: 1, host: host("qfc-1"), command: text("docker compose up") },
        Event::ChangeEnded { change, observation: observation(), success: false },
        Event::ChangeNotStarted { change, why: text("connection refused") },
        Event::ChangeInDoubt { change, why: text("the connection broke"), may_still_run: true },
        Event::ChangeSkipped { change, why: "nothing to do".to_owned().into() },
        Event::ChangeConfirmed { change },
        Event::ChangeAbandoned { change: back, why: "never twice".to_owned().into() },
        Event::StepsCompleted,
        Event::ConditionsChecked {
            truths: vec![Truth::True, Truth::False, Truth::Unknown("no route".into())],
        },
        Event::VerificationPassed { conditions: vec!["no longer: disk.used_percent > 90".into()] },
        Event::VerificationFailed { why: "workers.running >= workers.expected".to_owned().into() },
        Event::RemediationFailed { why: "exit 1".to_owned().into() },
        Event::RolledBack { clean: true },
        Event::Published { what: Published::Report, took_ms: 240 },
        Event::PublishFailed { publication: Publication::Close, why: text("locked"), lasting: true },
    ]);
    events.extend(outcomes.map(Event::OutcomeDecided));
    events.push(Event::Rechecked { open: true });
    events.push(Event::Paused(Pause { by: "ops-lead".into(), at: moment(), why: text("a migration") }));
    events.push(Event::Resumed);
    events.push(Event::ApprovalRequested { plan: plan(), until: moment() });
    let over = ExceededLimit::Cooldown { playbook: playbook("disk-full"), at: moment() };
    events.push(Event::Deferred(Deferral { until: moment(), exceeded: over }));
    let hosts = BTreeSet::from([host("qfc-1")]);
    events.push(Event::RecurrenceDetected { playbook: playbook("disk-full"), hosts, count: 2 });
    let says = SignalKind::Approve { plan: "7f3a".into() };
    let word = Signal { by: "maria".into(), at: moment(), kind: says };
    events.push(Event::SignalReceived(QueuedSignal {
        key: "comment example/tickets#1 7".into(),
        signal: word,
    }));
    events.push(Event::Linked {
        case: CaseId::from_text("c0123456789ab").unwrap(),
        ticket: ticket_id(7),
        playbook: playbook("disk-full"),
    });
    events.push(Event::CloseDisputed(objection(Via::Comment)));
    events.push(Event::ChangeBlocked { change, why: text("another case holds the host") });
    events.push(Event::Ended);
    events.push(triage(operation));
    events
}

fn objection(how: Via) -> CloseDispute {
    CloseDispute { case: CaseId::from_text("c0123456789ab").unwrap(), by: "maria".into(), via: how }
}

/// Openings by every door.
pub fn doors() -> Vec<Source> {
    let suspect =
        DetectedFault { system: SystemName::new("qfieldcloud").unwrap(), playbook: playbook("disk-full") };
    let values = BTreeMap::from([(ParamName::new("lines").unwrap(), json!(20))]);
    let scope =
        CaseScope::AnswerRequest { system: suspect.system.clone(), request: playbook("logs"), values };
    let schedule = ScheduleName::new("daily-logs").unwrap();
    vec![
        Source::Webhook,
        Source::Poll,
        Source::Command { user: "maria".into(), comment: None, scope: CaseScope::FullTicket },
        Source::Command { user: "maria".into(), comment: Some(7), scope: scope.clone() },
        Source::Terminal,
        Source::Sweep { suspect: None },
        Source::Sweep { suspect: Some(suspect.clone()) },
        Source::Recurrence { of: CaseId::from_text("c0123456789ab").unwrap(), suspect },
        Source::CloseDispute(objection(Via::Reopened)),
        Source::Schedule { schedule, scope },
        Source::Alert { by: "alertmanager".into(), scope: CaseScope::FullTicket },
    ]
}

/// A case of every kind of record, as version 1 wrote it: its bodies are those of version 2, and its hashes
/// do not include the version.
pub fn first_version() -> (CaseId, Vec<StoredRecord>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/journals/v2");
    let text = fs::read_to_string(folder.join("every-kind.jsonl")).unwrap();
    let mut lines: Vec<StoredRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let case = CaseId::from_text(&lines[0].case).unwrap();
    let mut prev = String::new();
    for line in &mut lines {
        line.version = 1;
        line.hash = chain(&prev, &case, line.seq, line.at.parse().unwrap(), 1, &line.body);
        prev.clone_from(&line.hash);
    }
    (case, lines)
}

/// A new kind of event, or a new source, must be added to the samples.
#[test]
fn the_samples_hold_every_kind_and_every_source() {
    let first = opened(&ticket_id(1));
    let kinds: BTreeSet<EventKind> = following().iter().chain([&first]).map(Event::kind).collect();
    assert_eq!(kinds, EventKind::ALL.iter().copied().collect());

    let name = |source: &Source| match source {
        Source::Webhook => "webhook",
        Source::Poll => "poll",
        Source::Command { .. } => "command",
        Source::Terminal => "terminal",
        Source::Sweep { .. } => "sweep",
        Source::Recurrence { .. } => "recurrence",
        Source::CloseDispute(_) => "close_dispute",
        Source::Schedule { .. } => "schedule",
        Source::Alert { .. } => "alert",
    };
    let names: BTreeSet<&str> = doors().iter().map(name).collect();
    assert_eq!(names.len(), 9, "{names:?}");
}

/// The store reads the kind of a record from the beginning of its body.
#[test]
fn a_body_begins_with_its_kind_and_gives_its_event_back() {
    for event in following().into_iter().chain([opened(&ticket_id(1))]) {
        let body = encode_event(&event).unwrap();
        assert!(body.starts_with(&format!("{{\"event\":\"{}\"", event.kind())), "{body}");
        assert_eq!(decode_event(Event::VERSION, &body), Ok(event));
    }
}
