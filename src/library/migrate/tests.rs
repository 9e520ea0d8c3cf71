//! Tables and properties of the migration, and every file of the repository.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn migrated(kind: FileKind, text: &str) -> String {
    match migrate_file(kind, "x.yaml", text) {
        Ok(migrated) => migrated.text,
        Err(errors) => panic!("{text}\n{errors:?}"),
    }
}

fn problems(kind: FileKind, text: &str) -> Vec<String> {
    let errors = migrate_file(kind, "x/full.yaml", text).err();
    let list = errors.map(|errors| errors.list).unwrap_or_default();
    list.iter().map(|error| format!("{error} ({})", error.hint)).collect()
}

/// Every YAML file and ticket of the repository, by its path.
fn repository() -> BTreeMap<String, String> {
    fn collect(dir: &Path, into: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "md") {
                into.insert(path.to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    for folder in ["playbooks", "fixtures", "tests/data/playbooks/format-0"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    files
}

/// A library of format 0 in which every key of its playbooks stands.
const SYSTEM: &str = r#"# About it.
system: x   # its name
summary: In and on it
aliases: [in, on]
trouble:
  - '\bnever\b'
params:
  on: { type: path, default: /in, help: read it }
sudo: ['stat -c %s {{ any.name }}']

probes:
  # Before it.
  on:
    on: main
    in: "{{ on }}"
    script: |
      read keep; echo "$KEPT" # says
    env: { in: a }
    exits: [0, 1]
    read: { regex: "in: (.*)" }
    retries: 1
    timeout: 5s
    facts:
      is: text
      read: { is: "text", type: name }
      in:
        type: name
        is: >-
          text | trim
"#;
const SYSTEM_AFTER: &str = r#"# About it.
format: 1
system_type: x   # its name
summary: In and on it
aliases: [in, on]
problem_patterns:
  - '\bnever\b'
params:
  on: { type: path, default: /in, help: read it }
sudo: ['stat -c %s {{ any.name }}']

probes:
  # Before it.
  on:
    host: main
    cwd: "{{ on }}"
    script: |
      read keep; echo "$KEPT" # says
    env: { in: a }
    ok_exits: [0, 1]
    parse: { regex: "in: (.*)" }
    retries: 1
    timeout: 5s
    facts:
      is: text
      read: { value: "text", type: name }
      in:
        type: name
        value: >-
          text | trim
"#;
const FAULT: &str = r#"playbook: full
title: note
explains:
  any: ['\bsafe\b', any]
  labels: [any]
when: on.in > 90
because: "{{ on.in }} %" # note
before: [before, safe]
risk: low
mode: act
remedy:
  # Keep it.
  - name: clean
    on: main
    in: /srv
    env: { KEEP: never, on: anytime }
    keep: |
      # $KEPT is not there yet
      cat state $KEPT_ELSEWHERE
    script: "grep -q . \"$KEPT\" && cat ${KEPT%/*}/x '$KEPT' ${#KEPT}"
    replay: "safe"  # never
    timeout: 2m
    undo:
      in: /srv
      script: |
        cp "$KEPT" state

        # $KEPT: done
  - { name: undo, 'on': main, run: echo $KEPT, replay: anytime, undo: { "in": /, run: 'echo $KEPT' } }
  - name: on
    script: echo $KEPT
    only_if: in.on
    expect: exit == 0
    optional: true
    sudo: false
    replay: { check: on.is }
  - {name: b,run: b,replay: never}
verify:
  - { holds: on.in < 90, within: 12m }
  - holds: >-
      on.in
      > 1
    steady: 5s
escalate: { advice: note }
says: holds
note: says
"#;
const FAULT_AFTER: &str = r#"playbook: full
title: note
symptoms:
  patterns: ['\bsafe\b', any]
  labels: [any]
when: on.in > 90
summary: "{{ on.in }} %" # note
causes: [before, safe]
risk: low
mode: act
remediation:
  # Keep it.
  - name: clean
    host: main
    cwd: /srv
    env: { KEEP: never, on: anytime }
    backup: |
      # $BACKUP is not there yet
      cat state $KEPT_ELSEWHERE
    script: "grep -q . \"$BACKUP\" && cat ${BACKUP%/*}/x '$BACKUP' ${#BACKUP}"
    if_interrupted: "rerun"  # never
    timeout: 2m
    rollback:
      cwd: /srv
      script: |
        cp "$BACKUP" state

        # $BACKUP: done
  - { name: undo, 'host': main, run: echo $KEPT, if_interrupted: rerun_now, rollback: { "cwd": /, run: 'echo $KEPT' } }
  - name: on
    script: echo $KEPT
    only_if: in.on
    expect: exit == 0
    optional: true
    sudo: false
    if_interrupted: { check: on.is }
  - {name: b,run: b,if_interrupted: escalate}
verify:
  - { that: on.in < 90, timeout: 12m }
  - that: >-
      on.in
      > 1
    for: 5s
escalate: { advice: note }
reporter_message: holds
prevention: says
"#;
const REQUEST: &str = "kind: request\nplaybook: logs\nasks: [never]\nprobes: [in]\nlooks:\n  looks: { in: /, run: a, read: lines, facts: { on: { is: a } } }\nanswer: |\n  in: {{ looks.on }}\nhealth: true\n";
const REQUEST_AFTER: &str = "kind: request\nplaybook: logs\nquestion_patterns: [never]\nprobes: [in]\nextra_probes:\n  looks: { cwd: /, run: a, parse: lines, facts: { on: { value: a } } }\nanswer: |\n  in: {{ looks.on }}\nhealth: true\n";
const EXPECT: &str = "outcome: resolved\nmended: [never]\nstate: [says]\nasked: ['undo set', 'echo undo x', undo]\nnever:\n  - \"undo retry\"\nsays:\n- undo it\nparams: { never: 1 }\n";
const EXPECT_AFTER: &str = "outcome: resolved\nremediated: [never]\nstate: [says]\ncommands_include: ['rollback set', 'echo undo x', undo]\ncommands_exclude:\n  - \"rollback retry\"\ncomments_include:\n- undo it\nparams: { never: 1 }\n";
const HOST: &str = "summary: every\nbase: ../healthy.yaml\nunreachable: in == 1\nstate:\n  later: { in: 1, takes: 2, each: 3 }\ncommands:\n  - script: undo start it\n    in: /srv\n    takes: 2s\n    when: in > 1\n    set: { later.in: 1 }\n    later:\n      - { after: 5s, when: later.in, set: { later.takes: 1 } }\n  - run: undo start it\n    stdout: |\n      in: {{ later.in }}\nevery:\n  - { each: 1m, set: { later.each: 1 } }\n";
const HOST_AFTER: &str = "summary: every\nbase: ../healthy.yaml\nunreachable: in == 1\nstate:\n  later: { in: 1, takes: 2, each: 3 }\ncommands:\n  - script: rollback start it\n    cwd: /srv\n    duration: 2s\n    when: in > 1\n    set: { later.in: 1 }\n    after:\n      - { delay: 5s, when: later.in, set: { later.takes: 1 } }\n  - run: undo start it\n    stdout: |\n      in: {{ later.in }}\nticks:\n  - { interval: 1m, set: { later.each: 1 } }\n";
const TICKET: &str =
    "---\nlabels: [order]\norder: run logs order=1\n---\n# order: x\n\norder: y\n---\norder: z\n";
const TICKET_AFTER: &str =
    "---\nlabels: [order]\ncommand: run logs order=1\n---\n# order: x\n\norder: y\n---\norder: z\n";

const EXAMPLES: [(FileKind, &str, &str); 6] = [
    (FileKind::SystemType, SYSTEM, SYSTEM_AFTER),
    (FileKind::Playbook, FAULT, FAULT_AFTER),
    (FileKind::Playbook, REQUEST, REQUEST_AFTER),
    (FileKind::Expect, EXPECT, EXPECT_AFTER),
    (FileKind::HostSpec, HOST, HOST_AFTER),
    (FileKind::Ticket, TICKET, TICKET_AFTER),
];

#[test]
fn keys_are_renamed_where_they_are_keys() {
    for (kind, before, after) in EXAMPLES {
        let found = migrated(kind, before);
        for (found, wanted) in found.lines().zip(after.lines()) {
            assert_eq!(found, wanted, "{kind:?}");
        }
        assert_eq!(found, after);
        assert_eq!(migrated(kind, after), after, "a second migration changes nothing");
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_stay() {
    for (kind, before, after) in EXAMPLES {
        let (before, after) = (before.replace('\n', "\r\n"), after.replace('\n', "\r\n"));
        assert_eq!(migrated(kind, &before), after);
        if kind != FileKind::Ticket {
            assert_eq!(migrated(kind, &format!("\u{feff}{before}")), format!("\u{feff}{after}"));
        }
    }
    assert_eq!(migrated(FileKind::SystemType, "\u{feff}system: x\n"), "\u{feff}format: 1\nsystem_type: x\n");
}

#[test]
fn every_style_of_yaml_keeps_its_style() {
    use FileKind::{Expect, HostSpec, Playbook, SystemType};
    for (kind, before, after) in [
        (SystemType, "{system: x, probes: {}}", "{format: 1, system_type: x, probes: {}}"),
        (
            SystemType,
            "--- # first\n  system: x\n  trouble: []\n...\n",
            "--- # first\n  format: 1\n  system_type: x\n  problem_patterns: []\n...\n",
        ),
        (SystemType, "format: 0\nsystem: x\n", "format: 1\nsystem_type: x\n"),
        (SystemType, "%YAML 1.2\n---\n&s system: x", "%YAML 1.2\n---\nformat: 1\n&s system_type: x"),
        (SystemType, "? system\n: x\n", "format: 1\n? system_type\n: x\n"),
        (Playbook, "\"because\": x\n'note' : y\n", "\"summary\": x\n'prevention' : y\n"),
        (Playbook, "!!str because: x\n", "!!str summary: x\n"),
        (Playbook, "? because\n: x\n", "? summary\n: x\n"),
        (Playbook, "remedy: [{on: a}, {\"on\": b,in: c}]", "remediation: [{host: a}, {\"host\": b,cwd: c}]"),
        (
            Playbook,
            "remedy:\n- replay: >-\n    safe\n- replay: 'never'\n",
            "remediation:\n- if_interrupted: >-\n    rerun\n- if_interrupted: 'escalate'\n",
        ),
        // Written with an escape, a word is written anew.
        (Playbook, "\"be\\x63ause\": x\n", "summary: x\n"),
        (
            Playbook,
            "remedy: [{keep: a, script: \"\\$KEPT\"}]".replace("\\$", "$").leak(),
            "remediation: [{backup: a, script: \"$BACKUP\"}]",
        ),
        (
            Playbook,
            "remedy:\n- keep: a\n  script: >\n    b $KEPT\n    c\n  # $KEPT\n",
            "remediation:\n- backup: a\n  script: >\n    b $BACKUP\n    c\n  # $KEPT\n",
        ),
        (
            Playbook,
            "remedy:\n- keep: |2-\n      a\n     $KEPT\n",
            "remediation:\n- backup: |2-\n      a\n     $BACKUP\n",
        ),
        (
            HostSpec,
            "commands:\n- script: >-\n    undo\n    it\n",
            "commands:\n- script: >-\n    rollback\n    it\n",
        ),
        (Expect, "", ""),
        (Expect, "# nothing\n", "# nothing\n"),
        (Expect, "says\n", "says\n"),
    ] {
        assert_eq!(migrated(kind, before), after);
    }
}

#[test]
fn aliases_stand_for_what_they_name() {
    use FileKind::{HostSpec, Playbook};
    for (kind, before, after) in [
        (
            Playbook,
            "remedy:\n- &a\n  on: b\n  replay: &r safe\n- *a\n- { replay: *r }\n",
            "remediation:\n- &a\n  host: b\n  if_interrupted: &r rerun\n- *a\n- { if_interrupted: *r }\n",
        ),
        (
            Playbook,
            "remedy:\n- &a { in: x }\n- { <<: *a, on: b }\n- { <<: [*a], on: b }\n",
            "remediation:\n- &a { cwd: x }\n- { <<: *a, host: b }\n- { <<: [*a], host: b }\n",
        ),
        (
            Playbook,
            "remedy:\n- &a { keep: x }\n- { <<: *a, script: $KEPT }\n",
            "remediation:\n- &a { backup: x }\n- { <<: *a, script: $BACKUP }\n",
        ),
        (
            Playbook,
            "remedy:\n- { &k on: x }\n- { *k : y }\n",
            "remediation:\n- { &k host: x }\n- { *k : y }\n",
        ),
        (
            HostSpec,
            "state: { free: &f [in, takes] }\ncommands:\n- run: a\n  in: &d /srv\n- run: b\n  in: *d\n",
            "state: { free: &f [in, takes] }\ncommands:\n- run: a\n  cwd: &d /srv\n- run: b\n  cwd: *d\n",
        ),
        // What names itself ends too.
        (HostSpec, "state: &s { in: *s }\nevery: []\n", "state: &s { in: *s }\nticks: []\n"),
    ] {
        assert_eq!(migrated(kind, before), after);
        assert_eq!(migrated(kind, after), after);
    }
    let shared = "an alias uses this text at a place where format 1 spells it differently";
    for text in [
        "remedy:\n- { keep: a, script: &s \"cat $KEPT\" }\n- { script: *s }\n",
        "remedy:\n- &a { on: b, env: *a }\n",
        "because: &k remedy\n*k : []\n",
    ] {
        let told = problems(Playbook, text);
        assert!(told.iter().any(|line| line.contains(shared)), "{text}{told:?}");
    }
}

#[test]
fn what_cannot_be_migrated_is_told_with_its_place() {
    use FileKind::{Expect, Playbook, SystemType, Ticket};
    for (kind, text, expect) in [
        (Playbook, "title: [\nbecause: x\n", "x/full.yaml:1:8: the YAML cannot be read: "),
        (
            Playbook,
            "because: a\ntitle: b\nsummary: c\n",
            "x/full.yaml:3:1: `because` and `summary` are the old and the new name of one key (keep one of them, as `summary`)",
        ),
        (
            Playbook,
            "remedy:\n  - { if_interrupted: rerun, replay: safe }\n",
            "x/full.yaml:2:30: `replay` and `if_interrupted`",
        ),
        (
            Playbook,
            "remedy: []\nverify:\n- within: 1m\n  timeout: 1m\n",
            "x/full.yaml:4:3: `within` and `timeout`",
        ),
        (
            Playbook,
            "remedy:\n- keep: a\n  script: |\n    BACKUP=1\n",
            "x/full.yaml:4:5: `BACKUP` is a variable here",
        ),
        (
            Playbook,
            "remedy:\n- keep: a\n  undo: { script: 'rm \"${BACKUP:-}\"' }\n",
            "x/full.yaml:3:19: `BACKUP` is a variable here",
        ),
        (
            Playbook,
            "remedy:\n- keep: a\n  env: { BACKUP: b }\n",
            "x/full.yaml:3:10: `BACKUP` is a variable here",
        ),
        (
            Playbook,
            "remedy:\n- keep: a\n  script: read -r A KEPT; echo $KEPT\n",
            "x/full.yaml:3:11: the script gives `KEPT` a value of its own",
        ),
        (Playbook, "playbook: a\n---\nplaybook: b\n", "x/full.yaml:2:1: a second document begins here"),
        (
            Playbook,
            "remedy:\n- { keep: a, script: \"\\x24KEPT\" }\n",
            "x/full.yaml:2:22: this cannot be renamed automatically",
        ),
        (
            SystemType,
            "format: 2\nsystem: x\n",
            "x/full.yaml:1:9: the format is `2`, and this version knows formats 0 and 1",
        ),
        (SystemType, "format: [1]\n", "the format is `a list or a map`"),
        (SystemType, "- system\n", "x/full.yaml:1:1: expected a map"),
        (SystemType, "", "expected a map"),
        (
            Ticket,
            "---\nlabels: []\norder: a\ncommand: b\n---\n# x\n",
            "x/full.yaml:4:1: `order` and `command`",
        ),
        (Expect, "says: *nothing\n", "x/full.yaml:1:7: the YAML cannot be read: "),
    ] {
        let told = problems(kind, text);
        assert!(
            told.iter().any(|line| line.starts_with(expect) || line.contains(expect)),
            "{text}\n{told:#?}"
        );
    }
    let both = problems(Playbook, "because: a\nsummary: b\nsays: c\nreporter_message: d\n");
    assert_eq!(both.len(), 2, "every problem is told at once: {both:#?}");
    let deep = "[".repeat(100) + &"]".repeat(100);
    assert_eq!(problems(Expect, &deep).len(), 1);
    let mut bomb = String::from("a0: &a0 [in]\n");
    for n in 1..200 {
        bomb += &format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1);
    }
    let told = problems(Expect, &bomb);
    assert!(told.is_empty() || told[0].contains("nested more than"), "{told:?}");
    let merged = bomb.replace("[in]", "{ in: a }").replace("[*", "{ <<: [*").replace("]\n", "] }\n");
    let step = merged.replace("a0: &a0", "remedy:\n- &a0");
    let step = step.lines().map(|line| match line.split_once(": &") {
        Some((_, rest)) => format!("- &{rest}\n"),
        None => format!("{line}\n"),
    });
    let text = step.collect::<String>();
    assert!(
        migrated(FileKind::Playbook, &text).contains("- &a0 { cwd: a }\n- &a1 { <<: [*a0, *a0, *a0] }\n")
    );
}

#[test]
fn changes_are_told_by_line() {
    let told = |kind, text| {
        let changes = migrate_file(kind, "x", text).unwrap().changes;
        changes.iter().map(Change::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(FileKind::SystemType, "# x\nsystem: x\ntrouble: []\n"),
        [
            "line 2: `format: 1` added",
            "line 2: `system` → `system_type`",
            "line 3: `trouble` → `problem_patterns`"
        ]
    );
    assert_eq!(
        told(FileKind::Playbook, "remedy:\n- keep: a\n  replay: safe\n  script: |\n    b\n    cat $KEPT\n"),
        [
            "line 1: `remedy` → `remediation`",
            "line 2: `keep` → `backup`",
            "line 3: `replay` → `if_interrupted`",
            "line 3: `safe` → `rerun`",
            "line 6: `$KEPT` → `$BACKUP`",
        ]
    );
    assert_eq!(
        told(FileKind::Ticket, "---\nlabels: []\norder: x\n---\n# x\n"),
        ["line 3: `order` → `command`"]
    );
    assert_eq!(
        told(FileKind::HostSpec, "commands:\n- script: undo it\n"),
        ["line 2: `undo it` → `rollback it`"]
    );
}

#[test]
fn a_file_is_known_by_its_name_and_its_keys() {
    for (path, text, kind) in [
        ("x/system.yaml", "system: x\n", Some(FileKind::SystemType)),
        ("system.yml", "format: 1\nsystem_type: x\n", Some(FileKind::SystemType)),
        ("x/system.yaml", "version: 1\n", None),
        ("x/full.yaml", "title: x\nplaybook: full\n", Some(FileKind::Playbook)),
        ("x/full.yaml", "playbook: full\ntitle: [\n", Some(FileKind::Playbook)),
        ("x/full.yml", "{\"playbook\": full}", Some(FileKind::Playbook)),
        ("f/x/a/expect.yaml", "", Some(FileKind::Expect)),
        ("f/x/a/host.yaml", "", Some(FileKind::HostSpec)),
        ("f/x/a/ticket.md", "", Some(FileKind::Ticket)),
        ("f/x/healthy.yaml", "summary: a\nstate: {}\ncommands: []\n", Some(FileKind::HostSpec)),
        ("f/x/other.yaml", "base: healthy.yaml\nticks: []\n", Some(FileKind::HostSpec)),
        ("f/x/words.yaml", "summary: a\n", None),
        ("f/x/ci.yml", "on: push\nstate: {}\n", None),
        ("f/x/compose.yaml", "services: {}\n", None),
        ("README.md", "---\norder: 1\n---\n", None),
        ("x/list.yaml", "[playbook]", None),
    ] {
        assert_eq!(FileKind::of(path, text), kind, "{path} {text}");
    }
}

#[test]
fn the_format_of_a_folder_is_in_its_system_file() {
    // In format 1 a script may have a variable of any name.
    let playbook = "playbook: full\nremediation:\n- { keep: a, script: 'KEPT=1; echo $KEPT' }\n";
    let files = |system: &str| {
        [("a/system.yaml", system), ("a/full.yaml", playbook), ("b/full.yaml", "playbook: full\nnote: a\n")]
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into()
    };
    let current = migrate_files(&files("format: 1\nsystem_type: a\n")).unwrap();
    assert_eq!(current.files["a/full.yaml"], playbook);
    assert_eq!(current.changes.keys().collect::<Vec<_>>(), ["b/full.yaml"]);
    let errors = migrate_files(&files("system: a\n")).unwrap_err();
    assert_eq!(errors.to_string(), "a/full.yaml cannot be migrated");
}

#[test]
fn every_file_of_the_repository_is_migrated_once() {
    let files = repository();
    assert!(files.len() > 100);
    let once = migrate_files(&files).unwrap();
    let twice = migrate_files(&once.files).unwrap();
    assert_eq!(twice.files, once.files);
    assert!(twice.changes.is_empty(), "{:#?}", twice.changes);
    let changed = |path: &&String| path.contains("/format-0/");
    assert_eq!(once.changes.keys().filter(changed).count(), once.changes.len(), "the rest is of format 1");
    for (path, text) in &files {
        assert_eq!(
            text.lines().filter(|line| line.trim_start().starts_with('#')).count(),
            once.files[path].lines().filter(|line| line.trim_start().starts_with('#')).count(),
            "{path}"
        );
    }
}

proptest! {
    /// Whatever the text: it stays, or what comes of it is migrated for good.
    #[test]
    fn a_second_migration_changes_nothing(
        (kind, before, _) in proptest::sample::select(EXAMPLES.to_vec()),
        noise in "[ -~\n]{0,20}",
        at in any::<proptest::sample::Index>(),
        length in 0..6usize,
    ) {
        let mut text = before.to_owned();
        let from = at.index(text.len());
        text.replace_range(from..(from + length).min(text.len()), &noise);
        if let Ok(once) = migrate_file(kind, "x", &text) {
            let twice = migrate_file(kind, "x", &once.text);
            prop_assert_eq!(twice.map(|twice| twice.text), Ok(once.text));
        }
    }

    /// Comments, and what is no key, stay byte for byte.
    #[test]
    fn comments_and_values_survive(
        comment in "[ -~äß→]{0,30}",
        value in "[a-zA-Z0-9_ äß→$]{0,30}",
        key in "[a-z_]{1,12}",
        spaces in " {0,5}",
    ) {
        for name in ["because", "summary"] {
            let text = format!(
                "# {comment}\n{name}:{spaces} '{value}'{spaces} # {comment}\nx_{key}: \"{value}\"\nremedy:{spaces}\n#{comment}\n- {{ {key}_y: '{value}' }}\n"
            );
            let found = migrated(FileKind::Playbook, &text);
            let wanted = text.replacen("\nbecause:", "\nsummary:", 1).replacen("\nremedy:", "\nremediation:", 1);
            prop_assert_eq!(found, wanted);
        }
    }

    /// No text makes the migration panic.
    #[test]
    fn any_text_is_migrated_or_refused(text in "[-a-z:{}\\[\\]&*!|>'\"#%,? \\r\n\u{feff}]{0,60}") {
        for (kind, ..) in EXAMPLES {
            let _ = FileKind::of("x/a.yaml", &text);
            let _ = migrate_file(kind, "x", &text);
        }
    }
}

#[test]
fn the_recorded_playbooks_of_format_0_become_those_of_format_1() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/playbooks");
    let read = |format: &str| crate::library::Files::from_dir(&data.join(format)).unwrap().as_map().clone();
    assert_eq!(migrate_files(&read("format-0")).unwrap().files, read("format-1"));
}
