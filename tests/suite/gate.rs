//! Properties of the gate. It admits every command that the playbooks can render, and no other. The shell
//! script decides as the binary does, in every shell that is installed.

use fieldmedic::core::diagnosis::plan::BACKUP;
use fieldmedic::core::expr::value_type::ValueType;
use fieldmedic::core::gate::{
    DENIED, GateAnswer, HostedSystem, KeyScope, LONGEST, QUESTION, REFUSED, Rules, script,
};
use fieldmedic::core::ids::{HostName, Role, SystemName, SystemTypeName};
use fieldmedic::core::playbook::command::envelope::MARKER;
use fieldmedic::core::playbook::command::{PatternPart, Template, Values};
use fieldmedic::core::playbook::inventory::System;
use fieldmedic::core::playbook::{Library, SystemType};
use fieldmedic::library;
use fieldmedic::library::Files;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A system type with every value type, every position of a value in a command, and texts that need quotes.
const ODD: &str = r#"
format: 1
system_type: odd
params:
  dir: { type: path, default: /srv/a b }
  flat: { type: path, default: /srv/c/ }
  none: { type: names, default: [] }
probes:
  look:
    run: look {{ none }} 'it, s' "{{ dir }}"
    parse: json
    facts:
      name: { value: json.a, type: name }
      names: { value: json.b, type: names }
      path: { value: json.c, type: path }
      paths: { value: json.d, type: paths }
      near: { value: json.j, type: path below dir }
      nears: { value: json.k, type: paths below flat }
      image: { value: json.e, type: image }
      images: { value: json.f, type: images }
      uuids: { value: json.g, type: uuids }
      number: { value: json.h, type: integer }
      host: { value: json.i, type: host }
  words: { cwd: "{{ look.path }}", run: "one {{ look.name }} a{{ look.path }}/b {{ look.host }}:x {{ look.names }}", facts: { x: text } }
  paths: { run: "ls {{ look.paths }}", sudo: true, facts: { x: text } }
  near: { run: "du a{{ look.near }}/b {{ look.nears }}", facts: { x: text } }
  ids: { run: "kill -9 {{ look.number }} {{ look.uuids }}", facts: { x: text } }
  quoted: { run: "echo \"don't {{ look.name }}'s; x\" \"it's !\"", facts: { x: text } }
  script:
    cwd: "{{ dir }}"
    env: { G: "{{ look.near }}", H: "{{ look.nears }}", A: "{{ look.images }}", B: "x y {{ look.image }}'z'", C: "{{ look.paths }}", D: "{{ look.uuids }}", E: "{{ look.path }}/", F: "" }
    script: |
      printf '%s\n' "$A" | grep -c '\n' && cd "$E"
    facts: { x: text }
"#;

/// A request whose parameters stand in every position of a value.
const ASKED: &str = r#"
playbook: asked
kind: request
title: Asked
params:
  one: { type: name }
  many: { type: names }
  count: { type: integer, max: 500 }
  place: { type: path }
extra_probes:
  asked: { cwd: "{{ place }}", run: "tail -n {{ count }} a{{ one }} {{ look.name }} {{ many }}", facts: { x: text } }
  said: { env: { A: "{{ many }}", B: "{{ one }}", C: "{{ dir }}" }, script: "echo $A $B $C", facts: { x: text } }
answer: "{{ asked.x }}"
"#;

struct Installation {
    library: Library,
    system: System,
    host: HostName,
}

impl Installation {
    fn of(system_type: &str, files: &Files) -> Self {
        let library = library::load(files).unwrap_or_else(|problems| panic!("{:#?}", problems.list()));
        let host = HostName::new("main").expect("a name");
        let system = System {
            name: SystemName::new(system_type).expect("a name"),
            system_type: SystemTypeName::new(system_type).expect("a name"),
            hosts: BTreeMap::from([(Role::main(), host.clone())]),
            params: BTreeMap::new(),
            aliases: Vec::new(),
            mode: None,
        };
        Self { library, system, host }
    }

    fn system_type(&self) -> &SystemType {
        &self.library.systems[&self.system.system_type]
    }

    fn rules(&self, admits: KeyScope) -> Rules {
        let hosted = HostedSystem { system_type: self.system_type(), system: &self.system };
        Rules::new(&self.host, admits, &[hosted]).expect("every command is unambiguous")
    }

    fn probes(&self) -> Vec<&Template> {
        let of_requests =
            self.system_type().requests.iter().flat_map(|request| request.extra_probes.values());
        self.system_type().probes.values().chain(of_requests).map(|probe| &probe.command).collect()
    }

    fn changes(&self) -> Vec<&Template> {
        let steps = self.system_type().faults.iter().flat_map(|fault| &fault.remediation);
        steps.flat_map(|step| std::iter::once(&step.command).chain(&step.rollback)).collect()
    }
}

fn installations() -> [Installation; 2] {
    let odd = [("odd/system.yaml", ODD), ("odd/asked.yaml", ASKED)];
    let odd = Files::from_map(odd.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
    [Installation::of("qfieldcloud", &Files::built_in()), Installation::of("odd", &odd)]
}

/// Configured parameters, and values for facts and for the parameters of requests.
struct Given<'a> {
    installation: &'a Installation,
    facts: &'a BTreeMap<String, Value>,
}

impl Values for Given<'_> {
    fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
        let system = self.installation.system_type();
        if name == BACKUP {
            return Ok((json!("c0123456789ab-0-1"), ValueType::Name));
        }
        match open_type(system, name) {
            None => Ok((
                system.params(&self.installation.system.params)[name].clone(),
                system.params[name].value_type,
            )),
            Some((value_type, _)) => Ok((self.facts[name].clone(), value_type)),
        }
    }
}

/// The type of a value that the gate does not know in advance: a fact, or a parameter of a request. For a path
/// below a directory, that directory too.
fn open_type(system: &SystemType, name: &str) -> Option<(ValueType, Option<String>)> {
    let Some((probe, fact)) = name.split_once('.') else {
        return system
            .requests
            .iter()
            .find_map(|request| request.params.get(name))
            .map(|param| (param.value_type, None));
    };
    let facts = &system.probes.get(probe).expect("a probe").facts;
    let fact = facts.iter().find(|known| known.name.as_str() == fact);
    let fact = fact.expect("a fact");
    let default = |param| system.params[param].default.as_ref().and_then(Value::as_str).map(str::to_owned);
    Some((fact.value_type.expect("a typed fact"), fact.below.as_ref().and_then(default)))
}

/// Any value of a type.
fn any((value_type, directory): (ValueType, Option<String>)) -> BoxedStrategy<Value> {
    let one = |pattern: &'static str| pattern.prop_map(Value::from).boxed();
    let name = || one("[A-Za-z0-9_][A-Za-z0-9._-]{0,20}");
    let unit = || one(r"([A-Za-z0-9_]|\\x[0-9a-f]{2})([A-Za-z0-9:_.@-]|\\x[0-9a-f]{2}){0,20}");
    let image = || one("[A-Za-z0-9][A-Za-z0-9._/:@-]{0,30}");
    let uuid = || one("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
    // No part of a path ends in a dot, so none is `..`.
    let path = || one("(/[A-Za-z0-9_@:+,-][A-Za-z0-9._@:+, -]{0,8}[a-z]){1,4}");
    let path_in_list = one("(/[A-Za-z0-9_@:+,-][A-Za-z0-9._@:+,-]{0,8}[a-z]){1,4}");
    let below = move |path: BoxedStrategy<Value>| match directory {
        None => path,
        Some(directory) => {
            let directory = directory.trim_end_matches('/').to_owned();
            let inner = path
                .prop_map(move |path| Value::from(format!("{directory}{}", path.as_str().expect("a path"))));
            inner.boxed()
        }
    };
    let several = |one: BoxedStrategy<Value>| prop::collection::vec(one, 0..5).prop_map(Value::from).boxed();
    match value_type {
        ValueType::Name => name(),
        ValueType::Names => several(name()),
        ValueType::Path => below(path()),
        ValueType::Paths => several(below(path_in_list)),
        ValueType::Image => image(),
        ValueType::Images => several(image()),
        ValueType::Uuids => several(uuid()),
        ValueType::Integer => prop_oneof![0..=20_u64, 0..=(1_u64 << 53)].prop_map(Value::from).boxed(),
        ValueType::Percent => (0..=100_u64).prop_map(Value::from).boxed(),
        ValueType::Host => one("[A-Za-z0-9]([A-Za-z0-9.-]{0,20}[A-Za-z0-9])?(:[0-9]{1,5})?"),
        ValueType::Unit => unit(),
        ValueType::Units => several(unit()),
    }
}

/// A command line as the agent would send it, with any values in it.
fn rendered<'a>(installation: &'a Installation, template: &'a Template) -> BoxedStrategy<String> {
    let names = template.names();
    let open = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), open_type(installation.system_type(), name)?)));
    let (names, types): (Vec<String>, Vec<_>) = open.unzip();
    let values: Vec<_> = types.into_iter().map(any).collect();
    let facts =
        values.prop_map(move |values| names.clone().into_iter().zip(values).collect::<BTreeMap<_, _>>());
    // The strategy outlives the borrow of the template, so the lines are rendered here.
    let mut runner = TestRunner::deterministic();
    // A path with a blank is refused where a script would read it as two.
    let lines: Vec<String> = std::iter::repeat_with(|| {
        let tree = facts.new_tree(&mut runner).expect("a value");
        let facts = proptest::strategy::ValueTree::current(&tree);
        template.render(&Given { installation, facts: &facts }).ok().map(|command| command.line())
    })
    .take(4000)
    .flatten()
    .take(40)
    .collect();
    prop::sample::select(lines).boxed()
}

/// A mutation of a command line.
#[derive(Debug, Clone)]
enum Mutation {
    Insert(usize, u8),
    Replace(usize, u8),
    Remove(usize),
    Append(&'static str),
    Prepend(&'static str),
    Twice,
    Nothing,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let byte =
        || prop_oneof![prop::sample::select(b"'\"\\;&|$`()<>\n\r\t *?~#! -/.=0aZ".to_vec()), 1..=255_u8];
    let tail = vec![
        "\nid", "\n", ";id", " && id", "$(id)", "`id`", "'", "''", " ", " x", "\r", "|id", " #", "\\",
        "\u{202e}",
    ];
    prop_oneof![
        3 => (any_index(), byte()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        3 => (any_index(), byte()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        2 => any_index().prop_map(Mutation::Remove),
        2 => prop::sample::select(tail).prop_map(Mutation::Append),
        1 => prop::sample::select(vec![" ", "id;", "id\n", "A=b ", "sudo -n -- ", "cd / && "]).prop_map(Mutation::Prepend),
        1 => Just(Mutation::Twice),
        2 => Just(Mutation::Nothing),
    ]
}

fn any_index() -> impl Strategy<Value = usize> {
    0..1_000_000_usize
}

impl Mutation {
    /// The mutated line, and the bytes of the old one that the mutation touched.
    fn apply(&self, line: &str) -> (Vec<u8>, std::ops::RangeInclusive<usize>) {
        let mut bytes = line.as_bytes().to_vec();
        let place = |at: usize| at % line.len();
        let touched = match self {
            Mutation::Insert(at, byte) => {
                bytes.insert(place(*at), *byte);
                place(*at)..=place(*at)
            }
            Mutation::Replace(at, byte) => {
                bytes[place(*at)] = *byte;
                place(*at)..=place(*at)
            }
            Mutation::Remove(at) => {
                bytes.remove(place(*at));
                place(*at)..=place(*at)
            }
            Mutation::Append(tail) => {
                bytes.extend_from_slice(tail.as_bytes());
                line.len()..=line.len()
            }
            Mutation::Prepend(head) => {
                bytes.splice(0..0, head.bytes());
                0..=0
            }
            Mutation::Twice => {
                bytes.extend_from_slice(line.as_bytes());
                line.len()..=line.len()
            }
            Mutation::Nothing => line.len()..=line.len(),
        };
        (bytes, touched)
    }
}

fn admits(rules: &Rules, line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|line| matches!(rules.answer(line), GateAnswer::Run(_)))
}

/// The constants of a rule, as ranges of the line that it admits.
fn constants(rules: &Rules, line: &str) -> Vec<std::ops::Range<usize>> {
    let GateAnswer::Run(rule) = rules.answer(line) else { panic!("not admitted: {line}") };
    let mut found = Vec::new();
    let mut at = 0;
    for part in &rule.parts {
        match part {
            PatternPart::Text(text) => {
                let start = at + line[at..].find(text.as_str()).expect("the constant is there");
                at = start + text.len();
                found.push(start..at);
            }
            // The next constant begins with the blank behind this word, quoted or not.
            PatternPart::Value { .. } | PatternPart::List { .. } => {
                let word = line[at..].strip_prefix('\'');
                at += match word {
                    Some(inner) => 2 + inner.replace(r"'\''", "____").find('\'').expect("a closing quote"),
                    None => line[at..].find(' ').unwrap_or(line.len() - at),
                };
            }
            PatternPart::Words(_) => at = line.len(),
        }
    }
    found
}

fn ends_in_list(rules: &Rules, line: &str) -> bool {
    match rules.answer(line) {
        GateAnswer::Run(rule) => matches!(rule.parts.last(), Some(PatternPart::Words(_))),
        _ => false,
    }
}

/// The gate as a script, in each shell. It prints the command in place of running it.
struct Shells {
    dir: TempDir,
    shells: Vec<Vec<&'static str>>,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Ran(Vec<u8>),
    Refused,
    Other(String),
}

impl Shells {
    fn found() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in [("show", "#!/bin/sh\nprintf '%s' \"$2\"\n"), ("logger", "#!/bin/sh\n:\n")] {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        let all = [vec!["sh"], vec!["bash"], vec!["busybox", "sh"]];
        let is_here = |shell: &Vec<&str>| {
            Command::new(shell[0])
                .args(&shell[1..])
                .args(["-c", ":"])
                .status()
                .is_ok_and(|ended| ended.success())
        };
        let shells: Vec<_> = all.into_iter().filter(is_here).collect();
        assert!(shells.contains(&vec!["sh"]), "there is no sh");
        Self { dir, shells }
    }

    fn write(&self, name: &str, rules: &Rules) -> PathBuf {
        let show = self.dir.path().join("show");
        let text = script::script(rules).replace("/bin/sh -c", &format!("{} -c", show.display()));
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("the script");
        path
    }

    fn ask(&self, shell: &[&str], gate: &Path, line: &[u8]) -> Answer {
        let path = format!("{}:/usr/bin:/bin", self.dir.path().display());
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg(gate).env_clear().env("PATH", path).stdin(Stdio::null());
        command.env("SSH_ORIGINAL_COMMAND", std::ffi::OsStr::from_bytes(line)).env("LC_ALL", "C.UTF-8");
        let said = command.output().expect("a shell");
        let (code, stderr) = (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned());
        match code {
            Some(0) if stderr.is_empty() => Answer::Ran(said.stdout), // its version
            Some(0) if stderr == MARKER && said.stdout.starts_with(MARKER.as_bytes()) => {
                Answer::Ran(said.stdout[MARKER.len()..].to_vec())
            }
            Some(REFUSED) if said.stdout.is_empty() && stderr == format!("{DENIED}\n") => Answer::Refused,
            _ => Answer::Other(format!("{code:?} {stderr} {}", String::from_utf8_lossy(&said.stdout))),
        }
    }

    /// Asserts that all shells decide as the binary does.
    fn assert_same(&self, gate: &Path, rules: &Rules, line: &[u8]) {
        let expect = if admits(rules, line) { Answer::Ran(line.to_vec()) } else { Answer::Refused };
        for shell in &self.shells {
            let said = self.ask(shell, gate, line);
            assert_eq!(said, expect, "{} on {:?}", shell[0], String::from_utf8_lossy(line));
        }
    }
}

fn run(cases: u32, strategy: impl Strategy<Value = (String, Mutation)>, test: impl Fn(&str, &Mutation)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |(line, mutation)| {
        test(&line, &mutation);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn rendered_commands_are_admitted_and_others_are_not() {
    for installation in installations() {
        let rules = installation.rules(KeyScope::All);
        for template in installation.probes().into_iter().chain(installation.changes()) {
            run(120, (rendered(&installation, template), mutation()), |line, mutation| {
                assert!(admits(&rules, line.as_bytes()), "not admitted: {line}");
                let (other, touched) = mutation.apply(line);
                if other == line.as_bytes() {
                    return;
                }
                let at = *touched.start();
                let is_constant = constants(&rules, line).iter().any(|range| match mutation {
                    // A byte at the edge of a value becomes a part of the value.
                    Mutation::Insert(..) => range.start < at && at < range.end,
                    // A list at the end of the line takes one more item.
                    Mutation::Append(" x") | Mutation::Twice => !ends_in_list(&rules, line),
                    // Without the blank between them, or with a letter in its place, two items of a list are one.
                    Mutation::Remove(_) | Mutation::Replace(..) if line.as_bytes().get(at) == Some(&b' ') => {
                        range.contains(&at) && !ends_in_list(&rules, line)
                    }
                    Mutation::Append(_) | Mutation::Prepend(_) => range.contains(&at) || at >= range.end,
                    _ => range.contains(&at),
                });
                let text = String::from_utf8_lossy(&other);
                if is_constant {
                    assert!(!admits(&rules, &other), "{mutation:?} is admitted: {text}");
                }
                // If the mutated line is admitted, it differs in values alone, and these hold nothing that a
                // shell interprets.
                if admits(&rules, &other) {
                    let (old, new) = (shlex::split(line), shlex::split(&text));
                    let (old, new) = (old.expect("words"), new.expect("words"));
                    // The whole line twice is a longer list.
                    let is_list = matches!(mutation, Mutation::Twice) && ends_in_list(&rules, line);
                    assert!(
                        is_list || old.len().abs_diff(new.len()) <= 1,
                        "{mutation:?} changes the words: {text}"
                    );
                    let evil =
                        |word: &&String| word.contains(['\n', '\r', ';', '|', '&', '$', '`', '\'', '"']);
                    let count = |words: &[String]| words.iter().filter(evil).count();
                    assert_eq!(count(&old), count(&new), "{mutation:?} adds shell syntax: {text}");
                }
            });
        }
    }
}

#[test]
fn every_shell_decides_as_the_binary_does() {
    let shells = Shells::found();
    for (number, installation) in installations().into_iter().enumerate() {
        let rules = installation.rules(KeyScope::All);
        let gate = shells.write(&format!("gate-{number}"), &rules);
        let templates = installation.probes().into_iter().chain(installation.changes());
        let lines: Vec<_> = templates.map(|template| rendered(&installation, template)).collect();
        let any_line = prop::strategy::Union::new(lines);
        run(100, (any_line, mutation()), |line, mutation| {
            shells.assert_same(&gate, &rules, &mutation.apply(line).0);
        });
    }
}

#[test]
fn a_key_admits_only_its_scope() {
    let [installation, _] = installations();
    let facts: BTreeMap<String, Value> = BTreeMap::from([
        ("stuck.ids".into(), json!(["0190e0a0-0000-7000-8000-000000000001"])),
        ("settings.database".into(), json!("db")),
        ("settings.database_user".into(), json!("admin")),
    ]);
    let system = installation.system_type();
    let probe = system.probes["docker"]
        .command
        .render(&Given { installation: &installation, facts: &facts })
        .unwrap()
        .line();
    let fault = system.faults.iter().find(|fault| fault.name.as_str() == "queue-stuck").unwrap();
    let given = Given { installation: &installation, facts: &facts };
    let step = fault.remediation[0].command.render(&given).unwrap().line();
    let undo = fault.remediation[0].rollback.as_ref().unwrap().render(&given).unwrap().line();
    for (admitted, of) in [(KeyScope::Probes, [true, false, false]), (KeyScope::Changes, [false, true, true])]
    {
        let rules = installation.rules(admitted);
        for (line, expect) in [&probe, &step, &undo].into_iter().zip(of) {
            assert_eq!(admits(&rules, line.as_bytes()), expect, "{admitted:?}: {line}");
        }
    }
}

#[test]
fn binary_and_shells_agree_at_the_limits_of_every_type() {
    let shells = Shells::found();
    let [_, odd] = installations();
    let rules = odd.rules(KeyScope::All);
    let gate = shells.write("gate", &rules);
    let long = |count: usize| "a".repeat(count);
    let uuid = "0190e0a0-0000-7000-8000-000000000001";
    let mut lines =
        vec![QUESTION.to_owned() + " ", String::new(), "ls".into(), "ls /a".into(), "ls /a\nid".into()];
    for number in
        ["0", "00", "01", "9007199254740992", "9007199254740993", "99999999999999999999", "", "-1", "1e3"]
    {
        lines.push(format!("kill -9 {number}"));
    }
    for ids in [
        uuid,
        &uuid.to_uppercase(),
        &uuid[1..],
        &uuid.replace('-', "a"),
        &format!("{uuid}a"),
        &"-".repeat(36),
    ] {
        lines.push(format!("kill -9 1 {ids}"));
        lines.push(format!("kill -9 1 {uuid} {ids}"));
        lines.push(format!("kill -9 1  {ids}"));
    }
    for path in [
        "/",
        "/..",
        "/a/../b",
        "/a/..b",
        "/a/.. /b",
        "a",
        "/a'b",
        "/a//b",
        &format!("/{}", long(1023)),
        &format!("/{}", long(1024)),
    ] {
        for quoted in [path.to_owned(), format!("'{path}'")] {
            lines.push(format!("sudo -n -- ls {quoted}"));
            lines.push(format!("sudo -n -- ls /x {quoted}"));
            lines.push(format!("cd -- {quoted} && one n a/p/b h:x"));
        }
    }
    for (near, is_admitted) in [
        ("/srv/a b", true),
        ("/srv/a b/", true),
        ("/srv/a b/c", true),
        ("/srv/a bc", false),
        ("/srv/a b.c/d", false),
        ("/srv/a b/../c", false),
        ("/x/srv/a b", false),
        ("/home/u x", false),
    ] {
        let line = format!("du 'a{near}/b' /srv/c/d");
        assert_eq!(admits(&rules, line.as_bytes()), is_admitted, "{line}");
        lines.push(line);
    }
    for (nears, is_admitted) in
        [("/srv/c", true), ("/srv/c /srv/c/d/e", true), ("/srv/c /srv/d", false), ("/srv/cd", false)]
    {
        let line = format!("du 'a/srv/a b/b' {nears}");
        assert_eq!(admits(&rules, line.as_bytes()), is_admitted, "{line}");
        lines.push(line);
    }
    for host in ["h", "h-", "-h", "h.", "a.b:80", "a:123456", "a:", "a:b", "a:1:2", &long(253), &long(254)] {
        lines.push(format!("cd -- /p && one n a/p/b {host}:x"));
    }
    for name in ["a", "_a", ".a", "-a", "a\u{e9}", "", &long(128), &long(129)] {
        lines.push(format!("cd -- /p && one {name} a/p/b h:x"));
        lines.push(format!("cd -- /p && one n a/p/b h:x {name}"));
        lines.push(format!(r"echo 'don'\''t {name}'\''s; x' 'it'\''s !'"));
    }
    lines.push(format!("cd -- /p && one n a/p/b h:x{}", " a".repeat(1000)));
    lines.push(format!("cd -- /p && one n a/p/b h:x{}", " a".repeat(1001)));
    lines.push(format!("cd -- /p && one n a/p/b h:x {}", "a".repeat(LONGEST)));
    let admitted = lines.iter().filter(|line| admits(&rules, line.as_bytes())).count();
    assert!(admitted > 20 && lines.len() - admitted > 40, "{admitted} of {}", lines.len());
    for line in &lines {
        shells.assert_same(&gate, &rules, line.as_bytes());
    }
    for shell in &shells.shells {
        let version = format!("{}\n", rules.version()).into_bytes();
        assert_eq!(shells.ask(shell, &gate, QUESTION.as_bytes()), Answer::Ran(version));
    }
}

#[test]
fn an_ambiguous_template_gives_no_rule() {
    for (probe, expect) in [
        ("run: 'x {{ p.a }}{{ p.a }}'", "second fact in one word"),
        ("run: 'x {{ p.list }} y'", "must be the last word"),
        ("run: 'x {{ p.percent }}'", "is a percentage"),
    ] {
        let system = format!(
            "format: 1\nsystem_type: s\nprobes:\n  p:\n    run: look\n    parse: json\n    facts:\n      a: {{ value: json, type: name }}\n      \
             list: {{ value: json, type: names }}\n      percent: {{ value: json, type: percent }}\n  q: {{ {probe}, facts: {{ x: text }} }}\n"
        );
        let installation =
            Installation::of("s", &Files::from_map([("s/system.yaml".to_owned(), system)].into()));
        let hosted = HostedSystem { system_type: installation.system_type(), system: &installation.system };
        let bad = Rules::new(&installation.host, KeyScope::All, &[hosted]).unwrap_err();
        assert!(bad[0].to_string().contains(expect), "{expect:?} is not in {}", bad[0]);
    }
}

fn fieldmedic() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
    command.stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("FIELDMEDIC_CONFIG");
    command
}

#[test]
fn the_binary_becomes_the_command_or_runs_nothing() {
    let system = "format: 1\nsystem_type: s\nprobes:\n  p: { run: fieldmedic-x, facts: { a: { value: text, type: name } } }\n  \
                  q: { run: 'printf %s {{ p.a }}', facts: { x: text } }\n  \
                  r: { run: printenv SSH_ORIGINAL_COMMAND, facts: { x: text } }\n  \
                  s: { run: printenv LC_ALL, facts: { x: text } }\n";
    let installation =
        Installation::of("s", &Files::from_map([("s/system.yaml".to_owned(), system.to_owned())].into()));
    let rules = installation.rules(KeyScope::Probes);
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("rules.json");
    std::fs::write(&file, serde_json::to_vec(&rules).expect("rules are data")).expect("a file");
    let broken = dir.path().join("broken.json");
    std::fs::write(&broken, "{}").expect("a file");
    let ask = |file: &Path, line: &[u8]| {
        let mut gate = fieldmedic();
        gate.arg("gate").arg(file).env("SSH_ORIGINAL_COMMAND", std::ffi::OsStr::from_bytes(line));
        let said = gate.output().expect("the binary runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (said.status.code(), text(&said.stdout), text(&said.stderr))
    };
    assert_eq!(ask(&file, b"printf %s a.b"), (Some(0), format!("{MARKER}a.b"), MARKER.into()));
    assert_eq!(ask(&file, b"printenv LC_ALL").1, format!("{MARKER}C\n"), "one language for every command");
    assert_eq!(ask(&file, QUESTION.as_bytes()).1, format!("{}\n", rules.version()));
    let (code, said, _) = ask(&file, b"printenv SSH_ORIGINAL_COMMAND");
    assert_eq!((code, said.as_str()), (Some(1), MARKER), "the command sees nothing of the gate");
    let refused = (Some(REFUSED), String::new(), format!("{DENIED}\n"));
    for line in
        [&b""[..], b"id", b"printf %s a.b\nid", b"printf %s a;id", b"printf %s 'a'", b"printf %s \xff"]
    {
        assert_eq!(ask(&file, line), refused, "{:?}", String::from_utf8_lossy(line));
    }
    for file in [&broken, &dir.path().join("missing.json")] {
        assert_eq!(ask(file, b"printf %s a.b"), refused, "{}", file.display());
    }
}

const CONFIG: &str = "[github]\nrepos = [\"example/tickets\"]\n\
    [hosts.gis]\naddress = \"203.0.113.10\"\nuser = \"medic\"\nkey = \"looks\"\nchange_key = \"changes\"\n\
    [hosts.here]\nlocal = true\n\
    [systems.qfieldcloud]\nhosts = { main = \"gis\", agent = \"here\" }\n";

#[test]
fn host_setup_prints_a_script_for_the_server() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("fieldmedic.toml");
    std::fs::write(&config, CONFIG).expect("a file");
    let body = "AAAAC3NzaC1lZDI1NTE5AAAAIExvb2tzTG9va3NMb29rc0xvb2tzTG9va3NMb29rc0w=";
    std::fs::write(dir.path().join("looks.pub"), format!("ssh-ed25519 {body} me\n")).expect("a file");
    let run = |arguments: &[&str]| {
        let said = fieldmedic().arg("--config").arg(&config).arg("host-setup").args(arguments).output();
        let said = said.expect("the binary runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (said.status.code(), text(&said.stdout), text(&said.stderr))
    };
    for (form, command) in [
        (&["--sh"][..], "/usr/local/lib/fieldmedic/medic-probes"),
        (&[][..], "/usr/local/bin/fieldmedic gate /usr/local/lib/fieldmedic/medic-probes.json"),
    ] {
        let (code, text, hints) = run(&[&["qfieldcloud"], form].concat());
        assert_eq!(code, Some(0), "{hints}");
        let script = dir.path().join("setup");
        std::fs::write(&script, &text).expect("a file");
        let read = Command::new("sh").arg("-n").arg(&script).status().expect("sh is here");
        assert!(read.success(), "it is no shell script");
        let line = format!("restrict,command=\"{command}\" ssh-ed25519 {body} fieldmedic-probes");
        assert!(text.lines().any(|known| known == line), "{line} is not in it");
        // The public half of the other key is missing.
        assert!(text.contains("# restrict,command=") && hints.contains("ssh-keygen -y -f"), "{hints}");
        let grants: Vec<&str> =
            text.lines().filter(|line| line.starts_with("medic ALL=(root) NOPASSWD: ")).collect();
        assert_eq!(grants.len(), 10, "{grants:#?}");
        assert!(grants.iter().all(|line| line.contains(" ^") && line.ends_with('$')), "{grants:#?}");
    }
    let (_, text, hints) = run(&["qfieldcloud", "--host", "main"]);
    let name = "[A-Za-z0-9_][A-Za-z0-9._-]*";
    let line = format!("/usr/bin/truncate ^-s 0 /var/lib/docker/containers/{name}/{name}-json\\.log$");
    assert!(text.contains(&line), "{line} is not in {text}");
    assert!(!hints.contains("any path"), "{hints}");
    for (arguments, expect) in [
        (&["nothing"][..], "known are: qfieldcloud"),
        (&["qfieldcloud", "--host", "db"], "main (the host gis)"),
        (&["qfieldcloud", "--host", "agent"], "the machine that Fieldmedic runs on"),
    ] {
        let (code, _, told) = run(arguments);
        let words: Vec<&str> = told.split_whitespace().filter(|word| *word != "│").collect();
        let told = words.join(" ");
        assert!(code == Some(1) && told.contains(expect), "{arguments:?}: {expect:?} is not in {told}");
    }
}
