//! Every command in every situation of its ticket.

use super::*;
use crate::case::PendingApproval;
use crate::case::event::{Event, Source};
use crate::case::outcome::Outcome;
use crate::chatops::access::{Grantees, Permission};
use crate::chatops::parse::command;
use crate::diagnosis::plan::Plan;
use crate::expr::value_type::ValueType;
use crate::expr::{Expr, MessageTemplate};
use crate::ids::{HostName, ParamName, PlaybookName, Role, SystemTypeName};
use crate::playbook::{Bounds, Fault, LibraryHash, Param, Request, Symptoms, SystemType};
use crate::policy::permit::Risk;
use crate::text::redact::Redacted;
use chrono::TimeDelta;
use serde_json::Value;
use std::collections::BTreeMap;

const PLAN: &str = "7f3a09c2b15d8e4600";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_780_000_000 + seconds)
}

fn playbook(name: &str) -> PlaybookName {
    PlaybookName::new(name).unwrap()
}

fn library() -> Library {
    let service = Param {
        value_type: ValueType::Name,
        default: None,
        optional: false,
        bounds: Bounds::default(),
        help: "a service".into(),
    };
    let logs = Request {
        name: playbook("logs"),
        title: "Logs".into(),
        question_patterns: Vec::new(),
        not_well: Vec::new(),
        params: BTreeMap::from([(ParamName::new("service").unwrap(), service)]),
        probes: BTreeSet::new(),
        extra_probes: BTreeMap::new(),
        answer: String::new(),
        health: false,
    };
    let fault = Fault {
        needs: BTreeSet::new(),
        name: playbook("worker-down"),
        title: "Workers not running".into(),
        symptoms: Symptoms::default(),
        when: Expr::new("true").unwrap(),
        summary: MessageTemplate::new("down").unwrap(),
        reported_only: false,
        causes: BTreeSet::new(),
        independent_of: BTreeSet::new(),
        risk: Risk::Low,
        mode: None,
        ask_if: None,
        remediation: Vec::new(),
        verify: Vec::new(),
        advice: String::new(),
        reporter_message: None,
        prevention: None,
    };
    let name = SystemTypeName::new("app").unwrap();
    let system_type = SystemType {
        name: name.clone(),
        summary: String::new(),
        extends: Vec::new(),
        aliases: Vec::new(),
        problem_patterns: Vec::new(),
        symptoms: Default::default(),
        transient_patterns: Vec::new(),
        params: BTreeMap::new(),
        probes: BTreeMap::new(),
        sudo: Vec::new(),
        discover: None,
        faults: vec![fault],
        requests: vec![logs],
        pattern_set: Default::default(),
        operations: Vec::new(),
    };
    Library { hash: LibraryHash(String::new()), systems: BTreeMap::from([(name, system_type)]) }
}

fn inventory(names: &[&str]) -> Inventory {
    let system = |name: &&str| {
        let name = SystemName::new(*name).unwrap();
        let system = System {
            name: name.clone(),
            system_type: SystemTypeName::new("app").unwrap(),
            hosts: BTreeMap::from([(Role::main(), HostName::new("host-1").unwrap())]),
            params: BTreeMap::new(),
            aliases: vec!["big-one".into()],
            mode: None,
        };
        (name, system)
    };
    Inventory { systems: names.iter().map(system).collect(), ..Inventory::default() }
}

fn ticket() -> Ticket {
    Ticket {
        id: "example/tickets#7".parse().unwrap(),
        title: Redacted::constant("Sync fails"),
        body: Redacted::constant(""),
        author: "ada".into(),
        labels: Vec::new(),
        state: TicketState::Open,
        locked: false,
        created_at: at(0),
        updated_at: at(0),
        url: String::new(),
    }
}

/// A case that was opened by something else than the command.
fn case() -> LoadedCase {
    let id = CaseId::derive(&ticket().id, "another key");
    let event = Event::Opened { ticket: ticket(), source: Source::Poll, library: LibraryHash(String::new()) };
    let records = vec![Record { seq: 0, at: at(1), event }];
    let case = Case::fold(&id, &records).unwrap();
    LoadedCase { case, records, library: Arc::new(library()) }
}

fn waiting() -> LoadedCase {
    let plan =
        Plan { playbook: playbook("worker-down"), risk: Risk::Low, steps: Vec::new(), hash: PLAN.into() };
    let mut loaded = case();
    loaded.case.pending_approval = Some(PendingApproval { plan, asked_at: at(50), until: at(9000) });
    loaded
}

fn ended() -> LoadedCase {
    let mut loaded = case();
    loaded.case.outcome = Some(Outcome::Cancelled);
    loaded
}

fn request(words: &str) -> CommandRequest {
    CommandRequest {
        ticket: ticket().id,
        comment: 12,
        author: "olive".into(),
        written_at: at(100),
        is_edited: false,
        is_automated: false,
        command: command(&format!("/x {words}"), "/x").unwrap(),
    }
}

fn context(case: Option<LoadedCase>) -> CommandContext {
    CommandContext {
        now: at(101),
        author: Author { is_machine: false, capabilities: Capability::ALL.into() },
        ticket: ticket(),
        running: case.iter().filter(|it| it.case.outcome.is_none()).map(|it| it.case.id.clone()).collect(),
        case,
        unreadable: None,
        pause_order: None,
        library: Arc::new(library()),
        inventory: Arc::new(inventory(&["north"])),
        access: AccessPolicy::default(),
        mode: Mode::Act,
        four_eyes: false,
        redactor: Arc::new(Redactor::default()),
    }
}

fn kind(reply: &Reply) -> String {
    serde_json::to_value(reply).unwrap()["kind"].as_str().unwrap().to_owned()
}

/// The effects in words. Every decision has one of these frames; any other order is a mistake.
fn outline(effects: &[Effect]) -> String {
    use Effect::{MarkDone, OpenCase, OrderPause, React, Refuse, Reply, SendSignal};
    use Progress::{Done, Failed, Seen};
    match effects {
        [] => "nothing".into(),
        [Refuse(_), MarkDone] => "refused".into(),
        [React(Failed), Reply(reply), MarkDone] => format!("unread {}", kind(reply)),
        [React(Seen), React(Failed), Reply(reply), MarkDone] => format!("rejects {}", kind(reply)),
        [React(Seen), Reply(reply), React(Done), MarkDone] => format!("answers {}", kind(reply)),
        [React(Seen), OpenCase { scope, .. }, MarkDone] => match scope {
            CaseScope::FullTicket => "opens full".into(),
            CaseScope::Diagnose { system } => format!("opens diagnose {system}"),
            CaseScope::FixOne { playbook, .. } => format!("opens fix {playbook}"),
            CaseScope::Operate { operation, .. } => format!("opens operation {operation}"),
            CaseScope::AnswerRequest { request, values, .. } => {
                let values: Vec<String> =
                    values.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("opens answer {request} {}", values.join(" "))
            }
        },
        [React(Seen), SendSignal { signal, .. }, React(Done), MarkDone] => {
            assert_eq!((signal.by.as_str(), signal.at), ("olive", at(100)));
            format!("signals {:?}", signal.kind).split([' ', '{']).take(2).collect::<Vec<_>>().join(" ")
        }
        [React(Seen), OrderPause(order), Reply(reply), React(Done), MarkDone] => {
            let verb = if order.pause().is_some() { "sets" } else { "lifts" };
            format!("{verb} {}", kind(reply))
        }
        [React(Seen), MarkDone] => "repeats".into(),
        [React(Seen), React(Done), MarkDone] => "repeats signal".into(),
        other => panic!("no known frame: {other:?}"),
    }
}

fn check(words: &str, context: &CommandContext, expect: &str, situation: &str) {
    assert_eq!(outline(&decide(&request(words), context)), expect, "`/x {words}`, {situation}");
}

/// What opens a case; all of it is treated alike once its arguments are right.
const CHANGING: [(&str, &str); 2] = [("", "opens full"), ("run worker-down", "opens fix worker-down")];
const READING: [(&str, &str); 3] = [
    ("diagnose", "opens diagnose north"),
    ("diagnose BIG-ONE", "opens diagnose north"),
    ("run logs service=app", "opens answer logs service=\"app\""),
];

#[test]
fn a_case_is_opened_unless_one_is_running_or_the_issue_forbids_it() {
    let closed = |case| {
        let mut context = context(case);
        context.ticket.state = TicketState::Closed;
        context
    };
    let locked = |case| {
        let mut context = context(case);
        context.ticket.locked = true;
        context
    };
    for (words, opens) in CHANGING {
        check(words, &context(None), opens, "no case");
        check(words, &context(Some(ended())), opens, "ended case");
        check(words, &context(Some(case())), "rejects busy", "running case");
        check(words, &closed(None), "rejects closed", "closed issue");
        check(words, &locked(None), "rejects locked", "locked issue");
    }
    for (words, opens) in READING {
        check(words, &context(None), opens, "no case");
        check(words, &context(Some(ended())), opens, "ended case");
        check(words, &context(Some(waiting())), "rejects busy", "running case");
        check(words, &closed(Some(ended())), opens, "closed issue");
        check(words, &locked(None), "rejects locked", "locked issue");
    }
    for (case, expect) in
        [(None, "rejects nothing-to-retry"), (Some(ended()), "opens full"), (Some(case()), "rejects busy")]
    {
        check("retry", &context(case), expect, "retry");
    }
}

#[test]
fn a_signal_reaches_the_running_case_and_an_approval_names_its_plan() {
    for (words, none, running, pending, over) in [
        ("approve 7F3A09C2B15D8E46", "no-case", "nothing-pending", "signals Approve", "no-case"),
        ("approve 7f3a09c2b15d8e4600", "no-case", "nothing-pending", "signals Approve", "no-case"),
        ("approve 0000000000000000", "no-case", "nothing-pending", "rejects other-plan", "no-case"),
        ("approve 7f3a", "no-case", "nothing-pending", "rejects other-plan", "no-case"),
        ("deny", "no-case", "nothing-pending", "signals Deny", "no-case"),
    ] {
        check(words, &context(None), &format!("rejects {none}"), "no case");
        check(words, &context(Some(case())), &format!("rejects {running}"), "running case");
        check(words, &context(Some(waiting())), pending, "waiting case");
        check(words, &context(Some(ended())), &format!("rejects {over}"), "ended case");
    }
    check("cancel", &context(None), "rejects no-case", "no case");
    check("cancel", &context(Some(case())), "signals Cancel", "running case");
    check("cancel", &context(Some(waiting())), "signals Cancel", "waiting case");
    check("cancel", &context(Some(ended())), "rejects no-case", "ended case");
}

#[test]
fn a_comment_that_was_carried_out_is_not_carried_out_again() {
    // Its case is running, or has ended and closed the ticket.
    for outcome in [None, Some(Outcome::Resolved)] {
        let mut own = case();
        own.case.id = CaseId::derive(&ticket().id, &request("").key());
        own.case.outcome = outcome;
        let mut context = context(Some(own));
        context.ticket.state = TicketState::Closed;
        for (words, _) in CHANGING.into_iter().chain(READING) {
            check(words, &context, "repeats", "its own case");
        }
    }
    // Its signal was read, and the case has ended by it.
    for mut loaded in [case(), waiting(), ended()] {
        loaded.case.processed_signals.insert(request("").key());
        for words in ["approve 7f3a09c2b15d8e46", "deny", "cancel"] {
            check(words, &context(Some(loaded.clone())), "repeats signal", "its own signal");
        }
    }
}

#[test]
fn a_case_that_was_opened_meanwhile_is_busy_unless_it_is_the_commands_own() {
    let own = CaseId::derive(&ticket().id, &request("").key());
    assert_eq!(already_running(&request(""), &own), [Effect::MarkDone]);
    let other = case().case.id;
    let effects = already_running(&request(""), &other);
    assert_eq!(outline(&effects), "unread busy");
}

#[test]
fn an_answer_that_is_older_than_the_question_does_not_count() {
    // GitHub's times are whole seconds: the second of the question counts.
    for (asked_at, expect) in
        [(at(100) + TimeDelta::milliseconds(900), None), (at(101), Some("rejects older-than-question"))]
    {
        let mut loaded = waiting();
        loaded.case.pending_approval.as_mut().unwrap().asked_at = asked_at;
        let context = context(Some(loaded));
        check("approve 7f3a09c2b15d8e46", &context, expect.unwrap_or("signals Approve"), "old answer");
        check("deny", &context, expect.unwrap_or("signals Deny"), "old answer");
    }
}

#[test]
fn with_four_eyes_nobody_approves_what_they_ordered() {
    let ordered_by = |user: &str| {
        let mut loaded = waiting();
        let scope = CaseScope::FullTicket;
        loaded.case.source = Source::Command { user: user.into(), comment: Some(1), scope };
        CommandContext { four_eyes: true, ..context(Some(loaded)) }
    };
    let approve = "approve 7f3a09c2b15d8e46";
    check(approve, &ordered_by("Olive"), "rejects own-order", "own order");
    check("deny", &ordered_by("Olive"), "signals Deny", "own order");
    check(approve, &ordered_by("max"), "signals Approve", "another's order");
    let off = CommandContext { four_eyes: false, ..ordered_by("olive") };
    check(approve, &off, "signals Approve", "own order, without four eyes");
}

fn ordered(kind: PauseOrderKind, seconds: i64, origin: PauseOrigin) -> Option<PauseOrder> {
    Some(PauseOrder { by: "max".into(), given_at: at(seconds), origin, kind })
}

#[test]
fn the_newest_pause_command_counts() {
    let why = || Redacted::constant("a migration");
    let comment = |id| PauseOrigin::Comment { repo: ticket().id.repo, id };
    let elsewhere = PauseOrigin::Comment { repo: "example/other".parse().unwrap(), id: 1 };
    for case in [None, Some(case()), Some(ended())] {
        for (standing, pause, resume) in [
            (None, "sets paused", "lifts resumed"),
            (ordered(PauseOrderKind::Pause { why: why() }, 99, comment(1)), "sets paused", "lifts resumed"),
            (ordered(PauseOrderKind::Resume, 99, comment(1)), "sets paused", "lifts resumed"),
            // The same comment, once more.
            (ordered(PauseOrderKind::Resume, 100, comment(12)), "sets paused", "lifts resumed"),
            (
                ordered(PauseOrderKind::Pause { why: why() }, 100, comment(13)),
                "rejects superseded",
                "rejects superseded",
            ),
            (ordered(PauseOrderKind::Resume, 101, comment(1)), "rejects superseded", "rejects superseded"),
            // A pause that was set elsewhere stays.
            (
                ordered(PauseOrderKind::Pause { why: why() }, 99, elsewhere.clone()),
                "sets paused",
                "rejects paused-elsewhere",
            ),
            (
                ordered(PauseOrderKind::Pause { why: why() }, 99, PauseOrigin::Terminal),
                "sets paused",
                "rejects paused-elsewhere",
            ),
            (
                ordered(PauseOrderKind::Pause { why: why() }, 100, PauseOrigin::Terminal),
                "sets paused",
                "rejects superseded",
            ),
        ] {
            let context = CommandContext { pause_order: standing, ..context(case.clone()) };
            check("pause for the migration", &context, pause, "pause");
            check("resume", &context, resume, "resume");
        }
    }
    let effects = decide(&request("pause password=hunter2"), &context(None));
    let [_, Effect::OrderPause(order), ..] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((order.by.as_str(), order.given_at), ("olive", at(100)));
    assert!(!format!("{effects:?}").contains("hunter2"), "{effects:?}");
}

#[test]
fn a_case_that_cannot_be_read_is_not_taken_for_none() {
    let unreadable = |has_outcome| {
        let id = CaseId::derive(&ticket().id, "unreadable");
        CommandContext { unreadable: Some(UnreadableCase { id, has_outcome }), ..context(None) }
    };
    for words in ["status", "explain", "approve 7f3a", "deny", "cancel"] {
        for has_outcome in [false, true] {
            check(words, &unreadable(has_outcome), "rejects unreadable", "damaged case");
        }
    }
    for words in ["", "retry", "diagnose", "run worker-down", "run logs service=app"] {
        check(words, &unreadable(false), "rejects unreadable", "damaged case that runs");
    }
    for (words, opens) in CHANGING.into_iter().chain(READING).chain([("retry", "opens full")]) {
        check(words, &unreadable(true), opens, "damaged case that has ended");
    }
    check("pause", &unreadable(false), "sets paused", "damaged case");
    check("help", &unreadable(false), "answers help", "damaged case");
    let mut own = unreadable(false);
    let request = request("");
    own.unreadable =
        Some(UnreadableCase { id: CaseId::derive(&request.ticket, &request.key()), has_outcome: false });
    assert_eq!(outline(&decide(&request, &own)), "repeats", "the case that this very comment opened");
}

#[test]
fn questions_are_answered_in_every_state_of_the_ticket() {
    for (loaded, explain) in [
        (None, "rejects nothing-to-explain"),
        (Some(case()), "answers explanation"),
        (Some(waiting()), "answers explanation"),
        (Some(ended()), "answers explanation"),
    ] {
        for (state, locked) in [(TicketState::Open, false), (TicketState::Closed, true)] {
            let mut context = context(loaded.clone());
            (context.ticket.state, context.ticket.locked) = (state, locked);
            check("status", &context, "answers status", "status");
            check("explain", &context, explain, "explain");
            check("help", &context, "answers help", "help");
        }
    }
    let mut context = context(Some(case()));
    context.running.push(CaseId::derive(&ticket().id, "of another ticket"));
    let effects = decide(&request("status"), &context);
    let [_, Effect::Reply(Reply::Status(status)), ..] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((status.others, status.report.is_some()), (1, true));
}

#[test]
fn each_command_needs_its_capability() {
    let all = [
        "",
        "retry",
        "diagnose",
        "run worker-down",
        "approve 7f3a09c2b15d8e46",
        "deny",
        "cancel",
        "pause",
        "resume",
    ];
    let others = ["status", "explain", "help", "nonsense", "approve", "status now"];
    for words in all.into_iter().chain(others) {
        let request = request(words);
        let needed = request.name().and_then(CommandName::capability);
        for capability in Capability::ALL {
            let mut context = context(None);
            context.author.capabilities = BTreeSet::from([capability]);
            let refused = outline(&decide(&request, &context)) == "refused";
            assert_eq!(refused, needed.is_some_and(|needed| needed != capability), "{words} {capability}");
        }
        let mut context = context(None);
        context.author.capabilities.clear();
        assert_eq!(outline(&decide(&request, &context)), "refused", "{words}");
    }
    let access = AccessPolicy {
        approve: Grantees { from: Some(Permission::Admin), people: vec!["max".parse().unwrap()] },
        ..AccessPolicy::default()
    };
    let nobody = Author { is_machine: false, capabilities: BTreeSet::new() };
    for (words, permission, people) in
        [("deny", Permission::Admin, vec!["max".to_owned()]), ("nonsense", Permission::Triage, Vec::new())]
    {
        let request = request(words);
        let refusal = Refusal { name: request.name(), permission: Some(permission), people };
        let effects = screen(&request, &nobody, &access).unwrap();
        assert!(effects.contains(&Effect::Refuse(refusal)), "{effects:?}");
    }
}

#[test]
fn machines_and_edited_comments_give_no_commands() {
    for words in ["", "diagnose", "approve 7f3a", "pause", "resume", "help", "nonsense"] {
        for loaded in [None, Some(waiting()), Some(ended())] {
            let plain = request(words);
            let mut context = context(loaded);
            let edited = CommandRequest { is_edited: true, ..plain.clone() };
            assert_eq!(outline(&decide(&edited, &context)), "unread edited", "{words}");
            let automated = CommandRequest { is_automated: true, ..plain.clone() };
            assert_eq!(decide(&automated, &context), [], "{words}");
            context.author.is_machine = true;
            assert_eq!(decide(&plain, &context), [], "{words}");
            // A refusal comes before the edit, and a machine gets not even that.
            context.author = Author { is_machine: false, capabilities: BTreeSet::new() };
            assert_eq!(outline(&decide(&edited, &context)), "refused", "{words}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_command_is_answered() {
    for (words, systems, expect) in [
        ("nonsense", &["north"][..], "unread unknown-command"),
        ("approve", &["north"], "unread usage"),
        ("run", &["north"], "unread usage"),
        ("diagnose west", &["north"], "rejects unknown-system"),
        ("run logs service=app system=west", &["north"], "rejects unknown-system"),
        ("run worker-down", &["north", "south"], "rejects system-unclear"),
        ("diagnose", &[], "rejects system-unclear"),
        ("run log service=app", &["north"], "rejects unknown-playbook"),
        ("run worker-down lines=5", &["north"], "rejects takes-no-values"),
        ("run logs", &["north"], "rejects invalid-arguments"),
        ("run logs servce=app", &["north"], "rejects invalid-arguments"),
        ("run logs service=a;b", &["north"], "rejects invalid-arguments"),
        (
            "run logs service=ghp_0123456789abcdefghijABCDEFGHIJ012345",
            &["north"],
            "rejects invalid-arguments",
        ),
    ] {
        let context = CommandContext { inventory: Arc::new(inventory(systems)), ..context(None) };
        check(words, &context, expect, "wrong");
    }
    let reply = |words: &str| {
        let effects = decide(&request(words), &context(None));
        let reply = effects.iter().find_map(|effect| match effect {
            Effect::Reply(reply) => Some(serde_json::to_value(reply).unwrap()),
            _ => None,
        });
        reply.unwrap()
    };
    assert_eq!(reply("run log")["near"], "logs");
    assert_eq!(reply("run log")["known"], serde_json::json!(["logs", "worker-down"]));
    assert_eq!(reply("statsu")["near"], "status");
    assert_eq!(reply("diagnose nort")["near"], "north");
    assert_eq!(reply("run logs")["example"], "run logs service=app");
    let secret = reply("run logs service=ghp_0123456789abcdefghijABCDEFGHIJ012345");
    assert_eq!(secret["errors"][0]["wrong"], Value::from("secret"), "{secret}");
    assert!(!secret.to_string().contains("ghp_"), "{secret}");
}
