//! What format 1 calls the keys of format 0, for each place where a key may stand.

use super::types::FORMAT;

/// What a node of a file is. The same key has another name at another place, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// Nothing in it is renamed.
    Free,
    System,
    /// A map from names to probes.
    Probes,
    Probe,
    /// A map from names to facts.
    Facts,
    Fact,
    Playbook,
    Symptoms,
    Step,
    /// A step that keeps what it changes; its scripts find that in a variable.
    BackupStep,
    Rollback,
    BackupRollback,
    /// A script that finds what was kept in a variable.
    BackupScript,
    /// What happens to a step that was interrupted: a word, or a map.
    Interruption,
    Check,
    Expect,
    /// Regular expressions over commands, whose names may begin with `undo`.
    CommandPatterns,
    Host,
    HostCommand,
    /// The name of a script, which may begin with `undo`.
    ScriptName,
    /// The exit status of a command: a number, or a word.
    ExitStatus,
    After,
    Tick,
    FrontMatter,
}

/// A key of a map: its old and its new name, and what its value is.
pub(super) struct Key {
    pub old: &'static str,
    pub new: &'static str,
    pub value: Shape,
}

const fn key(old: &'static str, new: &'static str, value: Shape) -> Key {
    Key { old, new, value }
}

/// The variable that names the file with the backup, before and after.
pub(super) const VARIABLE: (&str, &str) = ("KEPT", "BACKUP");
/// What the name of a command begins with that reverses a step, before and after.
pub(super) const ROLLBACK: (&str, &str) = ("undo", "rollback");
/// The key that makes a step keep what it changes.
pub(super) const BACKUP_KEY: &str = "keep";

/// The key and the value that mark the format.
pub(super) fn format_mark() -> (&'static str, String) {
    ("format", FORMAT.to_string())
}

/// All keys that a host file may have.
pub(super) const HOST_KEYS: &[&str] =
    &["summary", "base", "unreachable", "state", "commands", "every", "ticks"];
/// Those of them that tell a host file from other files with a summary.
pub(super) const HOST_MARKS: &[&str] = &["base", "state", "commands", "every", "ticks"];

const SYSTEM: &[Key] = &[
    key("system", "system_type", Shape::Free),
    key("trouble", "problem_patterns", Shape::Free),
    key("probes", "probes", Shape::Probes),
];

const PROBE: &[Key] = &[
    key("on", "host", Shape::Free),
    key("in", "cwd", Shape::Free),
    key("exits", "ok_exits", Shape::Free),
    key("read", "parse", Shape::Free),
    key("facts", "facts", Shape::Facts),
];

const FACT: &[Key] = &[key("is", "value", Shape::Free)];

/// Of faults and of requests.
const PLAYBOOK: &[Key] = &[
    key("explains", "symptoms", Shape::Symptoms),
    key("because", "summary", Shape::Free),
    key("before", "causes", Shape::Free),
    key("remedy", "remediation", Shape::Step),
    key("verify", "verify", Shape::Check),
    key("says", "reporter_message", Shape::Free),
    key("note", "prevention", Shape::Free),
    key("asks", "question_patterns", Shape::Free),
    key("looks", "extra_probes", Shape::Probes),
];

const SYMPTOMS: &[Key] = &[key("any", "patterns", Shape::Free)];

const STEP: &[Key] = &[
    key("on", "host", Shape::Free),
    key("in", "cwd", Shape::Free),
    key("replay", "if_interrupted", Shape::Interruption),
    key("undo", "rollback", Shape::Rollback),
];

const BACKUP_STEP: &[Key] = &[
    key("on", "host", Shape::Free),
    key("in", "cwd", Shape::Free),
    key("replay", "if_interrupted", Shape::Interruption),
    key(BACKUP_KEY, "backup", Shape::BackupScript),
    key("script", "script", Shape::BackupScript),
    key("undo", "rollback", Shape::BackupRollback),
];

const ROLLBACK_KEYS: &[Key] = &[key("on", "host", Shape::Free), key("in", "cwd", Shape::Free)];

const BACKUP_ROLLBACK: &[Key] = &[
    key("on", "host", Shape::Free),
    key("in", "cwd", Shape::Free),
    key("script", "script", Shape::BackupScript),
];

const CHECK: &[Key] = &[
    key("holds", "that", Shape::Free),
    key("within", "timeout", Shape::Free),
    key("steady", "for", Shape::Free),
];

const EXPECT: &[Key] = &[
    key("mended", "remediated", Shape::Free),
    key("asked", "commands_include", Shape::CommandPatterns),
    key("never", "commands_exclude", Shape::CommandPatterns),
    key("says", "comments_include", Shape::Free),
];

const HOST: &[Key] = &[key("commands", "commands", Shape::HostCommand), key("every", "ticks", Shape::Tick)];

const HOST_COMMAND: &[Key] = &[
    key("script", "script", Shape::ScriptName),
    key("in", "cwd", Shape::Free),
    key("exit", "exit", Shape::ExitStatus),
    key("takes", "duration", Shape::Free),
    key("later", "after", Shape::After),
];

const AFTER: &[Key] = &[key("after", "delay", Shape::Free)];

const TICK: &[Key] = &[key("each", "interval", Shape::Free)];

const FRONT_MATTER: &[Key] = &[key("order", "command", Shape::Free)];

impl Shape {
    /// The keys of a map of this shape; other keys keep their names, and their values are free.
    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Shape::System => SYSTEM,
            Shape::Probe => PROBE,
            Shape::Fact => FACT,
            Shape::Playbook => PLAYBOOK,
            Shape::Symptoms => SYMPTOMS,
            Shape::Step => STEP,
            Shape::BackupStep => BACKUP_STEP,
            Shape::Rollback => ROLLBACK_KEYS,
            Shape::BackupRollback => BACKUP_ROLLBACK,
            Shape::Check => CHECK,
            Shape::Expect => EXPECT,
            Shape::Host => HOST,
            Shape::HostCommand => HOST_COMMAND,
            Shape::After => AFTER,
            Shape::Tick => TICK,
            Shape::FrontMatter => FRONT_MATTER,
            Shape::Free
            | Shape::Probes
            | Shape::Facts
            | Shape::BackupScript
            | Shape::Interruption
            | Shape::CommandPatterns
            | Shape::ExitStatus
            | Shape::ScriptName => &[],
        }
    }

    /// The shape of every value, where the keys of a map are names that an author chose.
    pub(super) fn of_each_value(self) -> Option<Shape> {
        match self {
            Shape::Probes => Some(Shape::Probe),
            Shape::Facts => Some(Shape::Fact),
            _ => None,
        }
    }

    /// Words that are renamed where they are the whole value.
    pub(super) fn words(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Shape::Interruption => &[("anytime", "rerun_now"), ("safe", "rerun"), ("never", "escalate")],
            Shape::ExitStatus => &[("unsaid", "unknown")],
            _ => &[],
        }
    }
}

/// What format 1 calls a key of format 0, wherever the key may stand; `None` if the key has no other name.
pub(crate) fn new_name_of(old: &str) -> Option<&'static str> {
    let tables = [
        SYSTEM,
        PROBE,
        FACT,
        PLAYBOOK,
        SYMPTOMS,
        BACKUP_STEP,
        CHECK,
        EXPECT,
        HOST,
        HOST_COMMAND,
        AFTER,
        TICK,
        FRONT_MATTER,
    ];
    let mut keys = tables.into_iter().flatten();
    keys.find(|key| key.old == old && key.new != old).map(|key| key.new)
}
