//! What is fuzzed: each takes any bytes and must neither panic, nor go on for ever, nor break what it
//! promises. `fuzz/` feeds them what libFuzzer makes up, the test suite what was kept of that.

use super::judge::{judge, lively, render};
use fieldmedic::core::chatops::{ChatCommand, CommandName, ParseError, command, parse_arguments};
use fieldmedic::core::expr::value_type::ValueType;
use fieldmedic::core::expr::{Expr, MessageTemplate, Scope};
use fieldmedic::core::ids::ParamName;
use fieldmedic::core::playbook::parse::OutputParser;
use fieldmedic::core::playbook::{Bounds, Param};
use fieldmedic::core::text::redact::{MASK, Redactor};
use fieldmedic::core::text::sanitize::visible;
use fieldmedic::core::ticket::Repo;
use fieldmedic::github::webhook::{self as deliveries, Delivery, Parsed};
use fieldmedic::library;
use fieldmedic::library::Files;
use fieldmedic::render as agent;
use fieldmedic::render::BREAK;
use fieldmedic::sandbox::host::{FakeHost, HostSpec};
use fieldmedic::scenario::TicketFile;
use fieldmedic::ssh::HostKeys;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

pub type Target = fn(&[u8]);

/// Each with its name, which is that of its corpus.
pub const ALL: [(&str, Target); 10] = [
    ("webhook", webhook),
    ("slash", slash),
    ("playbook", playbook),
    ("reading", reading),
    ("host_file", host_file),
    ("expression", expression),
    ("redact", redact),
    ("markdown", markdown),
    ("front_matter", front_matter),
    ("known_hosts", known_hosts),
];

const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

fn text(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The first byte chooses, the rest is the input.
fn choose<'a, T>(data: &'a [u8], among: &'a [T]) -> Option<(&'a T, &'a [u8])> {
    let (first, rest) = data.split_first()?;
    Some((&among[usize::from(*first) % among.len()], rest))
}

/// A signed body, to a delivery.
pub fn webhook(data: &[u8]) {
    let Some((event, body)) = choose(data, &["issues", "issue_comment", "ping", "push"]) else { return };
    let Ok(Parsed::Delivery(delivery)) = deliveries::parse(event, body) else { return };
    let ticket = match &delivery.redact(&Redactor::default()) {
        Delivery::IssueChanged { ticket, .. } | Delivery::CommentCreated { ticket, .. } => ticket.clone(),
    };
    assert_eq!(ticket.id.repo.to_string().parse::<Repo>().as_ref(), Ok(&ticket.id.repo));
    assert!(!ticket.title.as_str().contains(TOKEN) && !ticket.body.as_str().contains(TOKEN));
}

/// A comment, to an order; what was not said plainly is none.
pub fn slash(data: &[u8]) {
    const PREFIX: &str = "/qfield:support";
    let body = text(data);
    let found = command(&body, PREFIX);
    let lower = body.to_ascii_lowercase();
    assert!(found.is_none() || lower.lines().any(|line| line.contains(PREFIX)), "heard what nobody said");
    if let Some(order) = &found {
        // Whatever it is, somebody needs a right for it.
        let verb = order.as_ref().map_or_else(ParseError::command, |slash| Some(slash.name()));
        assert!(
            verb.is_none_or(|verb| verb == CommandName::Help || verb.capability().is_some()),
            "{order:?}"
        );
    }
    if let Some(Ok(ChatCommand::Run(run))) = &found {
        let params = params();
        let values = parse_arguments(&params, &run.values).unwrap_or_default();
        for (name, value) in &values {
            assert_eq!(params[name].check(value).as_ref(), Ok(value), "{name}");
        }
    }
    // Below a signature nothing is said, and nothing above it is said otherwise.
    let signed = command(&format!("{body}\n\n-- \n{PREFIX} pause"), PREFIX);
    assert!(signed.is_none() || signed == found, "{signed:?}");
    let lines = || body.split(['\n', '\r']);
    let quoted: String = lines().map(|line| format!("> {line}\n")).collect();
    assert_eq!(command(&quoted, PREFIX), None, "a quote was heard");
    let indented: String = lines().map(|line| format!("    {line}\n")).collect();
    assert_eq!(command(&indented, PREFIX), None, "code was heard");
    let fence = "`".repeat(body.split(|c| c != '`').map(str::len).max().unwrap_or(0).max(2) + 1);
    assert_eq!(command(&format!("{fence}\n{body}\n{fence}\n"), PREFIX), None, "code was heard");
    if !body.contains("-->") {
        assert_eq!(command(&format!("<!--\n{body}\n-->"), PREFIX), None, "a comment was heard");
    }
}

/// A parameter of each type, some with limits.
fn params() -> BTreeMap<ParamName, Param> {
    let limits = |kind| match kind {
        ValueType::Integer => Bounds { min: Some(1), max: Some(500), one_of: Vec::new() },
        ValueType::Host => Bounds { one_of: vec!["a".into(), "b".into()], ..Bounds::default() },
        _ => Bounds::default(),
    };
    let param = |kind| Param {
        value_type: kind,
        default: Some(json!(0)),
        optional: false,
        bounds: limits(kind),
        help: String::new(),
    };
    let named = ValueType::ALL
        .into_iter()
        .filter_map(|kind| Some((ParamName::new(kind.to_string()).ok()?, param(kind))));
    named.collect()
}

/// `system.yaml`, then, behind a line of `=====`, a playbook.
pub fn playbook(data: &[u8]) {
    let all = text(data);
    let (system, fault) = all.split_once("\n=====\n").unwrap_or((&all, ""));
    let mut files = BTreeMap::from([("x/system.yaml".to_owned(), system.to_owned())]);
    if !fault.is_empty() {
        files.insert("x/full.yaml".to_owned(), fault.to_owned());
    }
    match library::load(&Files::from_map(files)) {
        // A library that was taken can be spoken of.
        Ok(library) => drop(format!("{library:?}")),
        Err(problems) => assert!(!problems.to_string().is_empty(), "refused without a word"),
    }
}

/// An output, read in every way.
pub fn reading(data: &[u8]) {
    let named = Regex::new(r"(?P<key>\w+) is (?P<value>[^\n]*)").expect("a constant pattern");
    let ways = [
        OutputParser::Text,
        OutputParser::Lines,
        OutputParser::Number,
        OutputParser::Json,
        OutputParser::JsonLines,
        OutputParser::Table,
        OutputParser::KeyValue,
        OutputParser::Regex(named),
    ];
    let Some((way, output)) = choose(data, &ways) else { return };
    let Ok(output) = std::str::from_utf8(output) else { return };
    let mut scope = Scope::default();
    let read = way.parse(output, &mut scope);
    for name in way.names() {
        let value = scope.get(name);
        assert!(read.is_ok() || value.is_err(), "{way:?} failed and gave {value:?}");
        if let Ok(Value::Number(number)) = &value {
            assert!(number.as_f64().is_some_and(f64::is_finite));
        }
    }
}

/// A `host.yaml`, and what the host answers.
pub fn host_file(data: &[u8]) {
    let Ok(file) = HostSpec::parse(&text(data)) else { return };
    let start = chrono_start();
    let mut host = FakeHost::new(&file, start);
    for (second, line) in
        ["docker ps", "cd -- /a && sudo -n -- x", "env A=b sh -euc 'y' look", "a 'b"].iter().enumerate()
    {
        host.respond(line, start + std::time::Duration::from_secs(second as u64));
        host.is_unreachable(start + std::time::Duration::from_secs(second as u64));
    }
}

fn chrono_start() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH + std::time::Duration::from_secs(1_790_000_000)
}

/// A condition over what a look may have seen; what touches the unknown is unknown.
pub fn expression(data: &[u8]) {
    let source = text(data);
    let mut scope = Scope::default();
    scope.set("limit", Ok(json!(90)));
    scope.set("names", Ok(json!(["a", "b", "12%", "1.5GB"])));
    scope.set("rows", Ok(json!([{ "State": "running", "n": 1, "none": null }, { "State": "exited" }])));
    scope.set("gone", Err("not read".into()));
    scope.set_namespace(
        "disk",
        BTreeMap::from([("used".to_owned(), Ok(json!(91))), ("free".to_owned(), Err("not read".to_owned()))]),
    );
    if let Ok(expr) = Expr::new(&source) {
        let names = expr.names();
        let value = expr.value(&scope);
        // A lone name that is unknown has no value, whatever surrounds it.
        if source.trim() == "gone" || source.trim() == "disk.free" {
            assert!(value.is_err());
        }
        drop((expr.truth(&scope), names));
    }
    if let Ok(sentence) = MessageTemplate::new(&source) {
        sentence.fill(&scope);
    }
}

/// Any text: twice is as good as once, and a token that was planted is gone.
pub fn redact(data: &[u8]) {
    let body = text(data);
    let redactor = Redactor::new(
        ["correct-horse-battery".to_owned()],
        vec![Regex::new(r"CUST-\d+").expect("a constant pattern")],
    );
    let once = redactor.text(&body);
    assert_eq!(redactor.text(once.as_str()), once, "redacting twice changed something");
    for secret in ["correct-horse-battery", TOKEN] {
        let middle = (0..=body.len() / 2).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
        let planted = format!("{}{secret}{}", &body[..middle], &body[middle..]);
        assert!(!redactor.text(&planted).as_str().contains(secret), "a planted secret stayed");
    }
    if let Ok(value) = serde_json::from_str::<Value>(&body) {
        let kept = redactor.value(value).to_string();
        assert!(!kept.contains("correct-horse-battery"), "a secret stayed in {kept}");
    }
}

/// Any text, in every place of a prompt: it shows itself, and nothing more.
pub fn markdown(data: &[u8]) {
    let body = text(data);
    let facts = BTreeMap::from([("x".to_owned(), json!(body)), ("w".to_owned(), json!("word"))]);
    let fill = |template: &str, name: &str| {
        agent::answer(&template.replace("NAME", name), &facts).expect("a constant template")
    };
    let is_blank = visible(&body).trim().is_empty();
    for template in [
        "{{ NAME }}",
        "before {{ NAME }} after",
        "({{ NAME }})",
        "**t**: {{ NAME }}.",
        "- {{ NAME }}",
        "1. a: {{ NAME }}",
        "| a | b |\n|---|---|\n| {{ NAME }} | c |",
        "> {{ NAME }}",
        "Ruled out: {{ NAME }}; {{ NAME }}.",
        "{{ NAME | code }}",
        "before {{ NAME | code }} after",
        "| a | b |\n|---|---|\n| {{ NAME | code }} | c |",
        "x\n\n{{ NAME | block }}\n\ny",
    ] {
        let (said, plain) = (fill(template, "x"), fill(template, "w"));
        let wrongs = judge(&said, &[]);
        assert!(wrongs.is_empty(), "{template}: {wrongs:?} in {said:?}");
        let is_code = template.contains("code") || template.contains("block");
        let (mut said, plain) = (render(&said), render(&plain));
        if is_blank {
            continue;
        }
        if !is_code {
            // Outside code only ids are code.
            let is_id = |span: &String| span.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            assert!(said.spans.iter().all(is_id), "{template} became something else: {said:?}");
            said.skeleton.retain(|part| part != "code");
            let expect = plain.shown.replace("word", &squeezed(&visible(&body)));
            assert_eq!(squeezed(&said.shown), squeezed(&expect), "{template} does not show it");
        }
        assert_eq!(said.skeleton, plain.skeleton, "{template} became something else: {said:?}");
    }
    // However it is cut, what was shown as code stays code.
    let limit = 160 + data.len() % 97;
    let long = format!(
        "<!-- fieldmedic case=c1 kind=report -->\n<details><summary>x</summary>\n\n{}\n\n{}\n{}</details>\n",
        fill("{{ NAME | code }}", "x"),
        fill("{{ NAME | block }}", "x"),
        fill("- {{ NAME }}\n", "x").repeat(3),
    );
    let short = agent::shorten(&long, limit);
    assert!(short.chars().count() <= limit, "{} for {limit}: {short:?}", short.chars().count());
    let wrongs = judge(&short, &[]);
    assert!(wrongs.is_empty(), "cut at {limit}: {wrongs:?} in {short:?}");
    assert!(lively("word").is_empty() && !MASK.is_empty());
}

/// White space is not what counts.
fn squeezed(text: &str) -> String {
    text.replace(BREAK, "").split_whitespace().collect()
}

/// A `ticket.md`.
pub fn front_matter(data: &[u8]) {
    if let Ok(paper) = TicketFile::parse(&text(data)) {
        assert!(paper.labels.contains(&"support".to_owned()) && !paper.title.contains('\n'));
    }
}

/// A `known_hosts` file.
pub fn known_hosts(data: &[u8]) {
    let file = text(data);
    for (address, port) in [("host.example.org", 22), ("203.0.113.5", 2222), ("::1", 22)] {
        let pinned = HostKeys::find(&file, Path::new("/etc/known"), address, port);
        assert!(!format!("{pinned:?}").is_empty());
    }
}
