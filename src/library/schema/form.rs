//! The form of the YAML files: which keys there are, and what they hold. The decoders beside it read them.

#![expect(dead_code, reason = "only the schemas of these types are used")]

use crate::core::expr::value_type::ValueType;
use crate::core::ids::{FactName, ParamName, PlaybookName, ProbeName, Role, SymptomName, SystemTypeName};
use crate::core::policy::permit::Risk;
use crate::core::reading::{Language, Topic};
use crate::library::migrate::FORMAT;
use crate::library::schema::duration::DurationText;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A text. A number, `true` and `false` are taken as they are spelt.
struct Text;

/// An expression over parameters and facts, such as `workers.running < 4`.
type Expression = Text;
/// A text with values in `{{ }}`.
type Message = Text;
/// A regular expression that ignores case.
type Pattern = Text;

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// Defines a type with the keys of a command beside its own.
macro_rules! with_command {
    ($(#[$outer:meta])* pub(super) struct $name:ident { $($(#[$inner:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $(#[$outer])*
        #[schemars(extend("oneOf" = [{ "required": ["run"] }, { "required": ["script"] }]))]
        pub(super) struct $name {
            $($(#[$inner])* $field: $type,)*
            /// One program with its arguments, without a shell. `{{ param }}` and `{{ probe.fact }}` are whole values.
            run: Option<Text>,
            /// A constant script for `sh -euc`. Values come in through `env` only.
            script: Option<Text>,
            /// Environment variables of the script, each with a text such as `{{ project_path }}`.
            env: Option<BTreeMap<String, Text>>,
            /// The working directory; the login directory by default.
            cwd: Option<Text>,
            /// Run it with `sudo -n`; `false` by default.
            sudo: Option<bool>,
            /// The deadline, such as `30s`.
            timeout: Option<DurationText>,
        }
    };
}

/// `system.yaml`: parameters and probes of a system type, shared by the playbooks beside it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("if" = { "required": ["extends"] }, "else" = { "required": ["probes"] }))]
pub(super) struct SystemFile {
    /// The version of the playbook format, on the first line.
    #[schemars(extend("const" = FORMAT))]
    format: u32,
    /// The name of the system type, the same as the folder's.
    system_type: SystemTypeName,
    /// A description for people.
    summary: Option<Text>,
    /// A system type, or a list of them, that this one builds on.
    extends: Option<OneOrMany<SystemTypeName>>,
    /// The inherited playbooks, probes and symptoms that this type does not have.
    without: Option<Vec<Text>>,
    /// Words in a ticket that mean this system type.
    aliases: Option<Vec<Text>>,
    /// Regular expressions, case-insensitive: a text that matches one reports a problem.
    problem_patterns: Option<Vec<Pattern>>,
    /// Regular expressions, case-insensitive, of what a host says while something starts or restarts.
    transient_patterns: Option<Vec<Pattern>>,
    /// What the configuration may set.
    params: Option<BTreeMap<ParamName, ParamEntry>>,
    /// Read-only commands, by their names.
    probes: Option<BTreeMap<ProbeName, ProbeEntry>>,
    /// The commands that scripts run with `sudo -n`, word for word.
    sudo: Option<Vec<Text>>,
    /// A command that looks for systems of this type on a new host. It has no values and no sudo.
    discover: Option<CommandEntry>,
}

/// One value, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

/// A parameter. One that refines an inherited parameter keeps what it does not say anew.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ParamEntry {
    /// The type of its values. A parameter that is not inherited needs it.
    #[schemars(rename = "type")]
    value_type: Option<ValueType>,
    /// The value where the configuration gives none. Without it, the configuration must give one.
    default: Option<Value>,
    /// It may have no value: then it is the empty text. Such a parameter has no `default`.
    optional: Option<bool>,
    /// The smallest number.
    min: Option<u32>,
    /// The largest number.
    max: Option<u32>,
    /// The values that are allowed.
    one_of: Option<Vec<Text>>,
    /// What it is for.
    help: Option<Text>,
}

with_command! {
/// A command.
pub(super) struct CommandEntry {}
}

with_command! {
/// A probe: a read-only command, and the facts that are read from its output.
pub(super) struct ProbeEntry {
    /// The role of the host: `main`, or `agent` for the machine that runs Fieldmedic; `main` by default.
    host: Option<Role>,
    /// How often to retry if it could not be started on a host that is connected; 0 by default.
    retries: Option<u32>,
    /// Sweeps run it no more often, a week at most. For expensive probes.
    sweep_every: Option<DurationText>,
    /// Exit codes with readable output; `[0]` by default.
    ok_exits: Option<Vec<u32>>,
    /// How to parse the output; `text` by default.
    parse: Option<ParseEntry>,
    /// Values of keys that a row may lack.
    row_defaults: Option<BTreeMap<String, Value>>,
    /// An expression over `row`: which rows count.
    row_if: Option<Expression>,
    /// An expression over the output: what it reports as wrong. Unless it is empty, every fact is unknown.
    error: Option<Expression>,
    /// Names, each with an expression over the parsed output.
    facts: BTreeMap<FactName, FactEntry>,
}
}

/// How an output is parsed, and what expressions read of it.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ParseEntry {
    /// One of the usual forms.
    Form(ParseForm),
    /// Gives `groups` of the first match, and `matches`.
    Regex(RegexEntry),
}

/// The usual forms of output.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum ParseForm {
    /// `text`, trimmed.
    Text,
    /// `lines`, without blank ones.
    Lines,
    /// `number`.
    Number,
    /// `json`.
    Json,
    /// `rows`: one JSON object in each line, or one array.
    JsonLines,
    /// `rows`: a header, and columns separated by blanks.
    Table,
    /// `values`: one `key=value` or `key: value` in each line.
    KeyValue,
}

/// A regular expression over the output.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RegexEntry {
    /// Case-sensitive; `^` and `$` match at each line. Named groups are read as `groups.name`.
    regex: Text,
}

/// A fact: an expression, or an expression with more about it.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum FactEntry {
    /// An expression over the parsed output.
    Plain(Expression),
    /// An expression whose value commands use, or sweeps keep.
    Typed(TypedFact),
}

/// A fact that commands use, or that sweeps keep.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TypedFact {
    /// An expression over the parsed output.
    value: Expression,
    /// Its type; commands need one. `path below <parameter>` is a path in a known directory.
    #[schemars(rename = "type")]
    value_type: Option<FactType>,
    /// Sweeps keep its numbers over time.
    keep_series: Option<SeriesEntry>,
}

/// The type of a fact.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum FactType {
    /// A type of parameters too.
    Plain(ValueType),
    /// The value of a parameter, or a path below it.
    Below(#[schemars(regex(pattern = r"^\s*paths?\s+below\s+[a-z][a-z0-9_]*\s*$"))] String),
}

/// What sweeps keep of a fact.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum SeriesEntry {
    /// `true` keeps it.
    Kept(bool),
    /// Keeps it, and says what the numbers mean.
    Described(DescribedSeries),
}

/// What the numbers of a series mean.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct DescribedSeries {
    /// What they count, such as `%`, `jobs` or `days`.
    unit: Option<Text>,
    /// Trouble is above this: a number, or a parameter that holds one.
    limit: Option<BoundEntry>,
    /// Trouble is below this: a number, or a parameter that holds one.
    floor: Option<BoundEntry>,
    /// From here on it is worth a look.
    watch: Option<f64>,
    /// Unless it is true, the value is unknown.
    only_if: Option<Expression>,
}

/// A number, or the name of a parameter that holds one.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum BoundEntry {
    /// A number.
    Number(f64),
    /// The name of a parameter.
    Param(ParamName),
}

/// A playbook: a fault, or with `kind` a request or an operation.
pub(super) struct PlaybookFile;

impl JsonSchema for PlaybookFile {
    fn schema_name() -> Cow<'static, str> {
        "Playbook".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kind =
            |word: &str| json_schema!({ "properties": { "kind": { "const": word } }, "required": ["kind"] });
        json_schema!({
            "description": "A playbook: a fault, or with `kind` a request or an operation.",
            "if": kind("request"),
            "then": generator.subschema_for::<RequestFile>(),
            "else": {
                "if": kind("operation"),
                "then": generator.subschema_for::<OperationFile>(),
                "else": generator.subschema_for::<FaultFile>(),
            },
        })
    }
}

/// Defines a type with the keys of a change beside its own.
macro_rules! with_change {
    ($(#[$outer:meta])* struct $name:ident { $($(#[$inner:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $(#[$outer])*
        struct $name {
            /// The playbook's name, the same as the file's.
            playbook: PlaybookName,
            $($(#[$inner])* $field: $type,)*
            /// What people read.
            title: Option<Text>,
            /// The condition that proves the fault, or under which the operation makes sense.
            when: Option<Expression>,
            /// The evidence in one sentence, with `{{ expressions }}`.
            summary: Option<Message>,
            /// How much a fix may break; `low` by default. Above `[policy] max_risk`, it needs approval.
            risk: Option<Risk>,
            /// `ask`: always needs approval. `observe`: only reports what it would do.
            mode: Option<PlaybookMode>,
            /// A condition under which the fix needs approval.
            ask_if: Option<Expression>,
            /// The steps.
            remediation: Option<Vec<StepEntry>>,
            /// The conditions that prove the fix.
            verify: Option<Vec<CheckEntry>>,
            /// What a person should do if it did not work.
            escalate: Option<AdviceEntry>,
            /// The first sentence of the report after a fix, in the reporters' words.
            reporter_message: Option<Text>,
            /// A sentence for the report: how to keep the fault from coming back.
            prevention: Option<Message>,
        }
    };
}

with_change! {
/// A fault: how it is recognised, what to change, and how to prove that the change worked.
#[schemars(extend(
    "if" = { "required": ["refines"] },
    "else" = { "required": ["title", "when", "summary", "escalate"] },
))]
struct FaultFile {
    /// What kind of playbook it is; a fault by default.
    kind: Option<FaultKind>,
    /// The extended system type whose fault of this name is changed; keys that are left out stay as they are.
    refines: Option<SystemTypeName>,
    /// The reported problems that this fault explains.
    symptoms: Option<SymptomsEntry>,
    /// The faults that this one causes. They are fixed after it, if they are still there.
    causes: Option<Vec<PlaybookName>>,
    /// The faults that cause this one.
    caused_by: Option<Vec<PlaybookName>>,
    /// The faults that have nothing to do with this one: neither causes the other.
    independent_of: Option<Vec<PlaybookName>>,
    /// The fault counts only for a ticket whose words it explains, while nothing else was fixed.
    reported_only: Option<bool>,
}
}

with_change! {
/// An operation: a change that only a command orders.
#[schemars(extend("required" = ["playbook", "kind", "title", "when", "summary", "remediation", "escalate"]))]
struct OperationFile {
    /// `operation`.
    kind: OperationKind,
    /// Parameters of the operation, which the command gives.
    params: Option<BTreeMap<ParamName, ParamEntry>>,
    /// Probes that only this operation runs.
    extra_probes: Option<BTreeMap<ProbeName, ProbeEntry>>,
}
}

/// A request: a question, and a template that answers it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RequestFile {
    /// The playbook's name, the same as the file's.
    playbook: PlaybookName,
    /// `request`.
    kind: RequestKind,
    /// What people read.
    title: Text,
    /// Regular expressions, case-insensitive, of tickets that ask it.
    question_patterns: Option<Vec<Pattern>>,
    /// Parameters of the request, which the command gives.
    params: Option<BTreeMap<ParamName, ParamEntry>>,
    /// The probes of the system type that the answer uses.
    probes: Option<Vec<ProbeName>>,
    /// Probes that only this request runs.
    extra_probes: Option<BTreeMap<ProbeName, ProbeEntry>>,
    /// Whether the answer also says which faults are present.
    health: Option<bool>,
    /// What is not well although no fault is present.
    not_well: Option<Vec<NotWellEntry>>,
    /// A Markdown template over the facts.
    answer: Text,
}

/// The kind of a fault.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum FaultKind {
    /// A fault.
    Fault,
}

/// The kind of an operation.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum OperationKind {
    /// An operation.
    Operation,
}

/// The kind of a request.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum RequestKind {
    /// A request.
    Request,
}

/// The mode of a playbook; the strictest mode applies.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum PlaybookMode {
    /// Only report what it would do.
    Observe,
    /// Wait for approval in the ticket.
    Ask,
}

/// The reported problems that a fault explains.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SymptomsEntry {
    /// Symptoms of the system type.
    names: Option<Vec<SymptomName>>,
    /// Regular expressions, case-insensitive, for words that say it beyond doubt.
    patterns: Option<Vec<Pattern>>,
    /// Labels of a ticket.
    labels: Option<Vec<Text>>,
}

with_command! {
/// A step: one change.
pub(super) struct StepEntry {
    /// What people read while it runs.
    name: Text,
    /// The role of the host; `main` by default.
    host: Option<Role>,
    /// What to do if nobody knows whether the step ran.
    if_interrupted: InterruptedEntry,
    /// Skip the step unless this is true; evaluated again after each change.
    only_if: Option<Expression>,
    /// A failure does not end the remediation; the verification decides.
    optional: Option<bool>,
    /// What success means, if not exit 0: an expression over `exit`, `text` and `stderr`.
    expect: Option<Expression>,
    /// The step succeeded, and there was nothing to change: an expression over the same names.
    did_nothing: Option<Expression>,
    /// Reverses the step.
    rollback: Option<CommandEntry>,
    /// A script whose output is saved on the host before the step's `script` runs; `rollback` reads it.
    backup: Option<Text>,
}
}

/// What to do if nobody knows whether a step ran.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum InterruptedEntry {
    /// What is known beforehand.
    Word(InterruptedWord),
    /// Evidence can tell.
    Check(InterruptedCheck),
}

/// What to do after an interruption, without evidence.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum InterruptedWord {
    /// Two runs equal one run, even in parallel.
    RerunNow,
    /// Two runs equal one run, but not in parallel.
    Rerun,
    /// A person gets the exact command.
    Escalate,
}

/// Evidence that tells whether a change was made.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct InterruptedCheck {
    /// True: the change was made. Unknown escalates.
    check: Expression,
}

/// A condition that proves the fix.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CheckEntry {
    /// The condition.
    that: Expression,
    /// How long it may take until it is true; 2m by default.
    timeout: Option<DurationText>,
    /// How long it must stay true.
    #[schemars(rename = "for")]
    hold_for: Option<DurationText>,
}

/// What a person should do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AdviceEntry {
    /// What a person should do if the fix did not work.
    advice: Text,
}

/// Something that is not well although no fault is present.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NotWellEntry {
    /// The condition under which something is not well.
    when: Expression,
    /// What is not well, in one sentence.
    summary: Message,
}

/// A symptom: what people notice, with examples of how they put it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SymptomFile {
    /// The symptom's name, the same as the file's.
    symptom: SymptomName,
    /// What people notice, in one sentence.
    summary: Text,
    /// How people put it, by language.
    examples: BTreeMap<Language, Vec<Text>>,
    /// What sounds like it and is about something else, by topic.
    counter_examples: Option<BTreeMap<Topic, Vec<Text>>>,
}
