//! Decodes a playbook of a fault.

use crate::core::expr::{Expr, MessageTemplate};
use crate::core::ids::{PlaybookName, Role, SymptomName, SystemTypeName};
use crate::core::playbook::command::Template;
use crate::core::playbook::{Check, Fault, IfInterrupted, Step, Symptoms, SystemType};
use crate::core::policy::permit::Risk;
use crate::library::backup::{BackupWrapper, reads_backup};
use crate::library::decode::{Map, YamlFile, suggest};
use crate::library::node::{Content, Node};
use std::collections::BTreeSet;
use std::time::Duration;

/// The deadline of a step without `timeout`.
const STEP_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a condition of `verify` may take without `timeout`.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(120);

/// What a fault says about others. It is noted there when all are decoded.
pub(super) struct Relations {
    /// The faults that cause it.
    pub(super) caused_by: Vec<PlaybookName>,
    /// The faults that have nothing to do with it.
    pub(super) independent_of: Vec<PlaybookName>,
}

/// Decodes a fault, and what it says about others.
pub(super) fn decode(file: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<(Fault, Relations)> {
    let name = map.require("playbook", "the playbook's name, the same as the file's");
    let name = name.and_then(|node| file.named(&node, PlaybookName::new));
    map.take("kind");
    let base = map.take("refines").and_then(|node| refined(file, &node, name.as_ref(), system));
    let base = base.as_ref();
    let mut required = |key, hint: &str| match base {
        Some(_) => map.take(key),
        None => map.require(key, hint),
    };
    let title = required("title", "what people read, such as `Worker containers are not running`");
    let title = title.and_then(|node| file.text_of(&node)).or_else(|| Some(base?.title.clone()));
    let when = required("when", "the condition that proves the fault");
    let when = when.and_then(|node| checked_expr(file, &node, system)).or_else(|| Some(base?.when.clone()));
    let summary = required("summary", "the evidence in one sentence");
    let summary =
        summary.and_then(|node| message(file, &node, system)).or_else(|| Some(base?.summary.clone()));
    let symptoms = map.take("symptoms").and_then(|node| file.map(node));
    let symptoms = symptoms.map(|map| decode_symptoms(file, map, system)).unwrap_or_default();
    let symptoms = base.map_or_else(Symptoms::default, |base| base.symptoms.clone()).and(symptoms);
    let mut causes = base.map_or_else(BTreeSet::new, |base| base.causes.clone());
    causes.extend(map.items("causes", |node| file.named(node, PlaybookName::new)));
    let relations = Relations {
        caused_by: map.items("caused_by", |node| file.named(node, PlaybookName::new)),
        independent_of: map.items("independent_of", |node| file.named(node, PlaybookName::new)),
    };
    let risks = ["low", "medium", "high"];
    let default_risk = base.map_or(Risk::Low, |base| base.risk);
    let risk = map.take("risk").map_or(Some(default_risk), |node| file.one_of(&node, &risks));
    let ask_if = map.take("ask_if").and_then(|node| checked_expr(file, &node, system));
    let mode = map.take("mode").and_then(|node| file.one_of(&node, &["observe", "ask"]));
    let reported_only = map.take("reported_only").and_then(|node| file.flag(&node));
    let span = map.span();
    let remediation = base.filter(|_| map.peek("remediation").is_none()).map(|base| base.remediation.clone());
    let own = map.items("remediation", |node| decode_step(file, file.map(node.clone())?, system));
    let remediation = remediation.unwrap_or(own);
    let verify = base.filter(|_| map.peek("verify").is_none()).map(|base| base.verify.clone());
    let own = map.items("verify", |node| decode_check(file, file.map(node.clone())?, system));
    let verify = verify.unwrap_or(own);
    let advice = map.take("escalate").and_then(|node| file.map(node)).and_then(|mut map| {
        let advice = map.require("advice", "what a person should do").and_then(|node| file.text_of(&node));
        map.finish();
        advice
    });
    let advice = advice.or_else(|| Some(base?.advice.clone()));
    let reporter_message = map.take("reporter_message").and_then(|node| file.text_of(&node));
    let prevention = map.take("prevention").and_then(|node| message(file, &node, system));
    if !remediation.is_empty() && verify.is_empty() {
        file.report(
            span,
            "there is a `remediation`, but no `verify`",
            "add at least one condition that proves the fix",
        );
    }
    if advice.is_none() {
        file.report(
            span,
            "`escalate: { advice: … }` is missing",
            "say what a person should do if the fault is not fixed",
        );
    }
    map.finish();
    let mut fault = Fault {
        needs: BTreeSet::new(),
        name: name?,
        title: title?,
        symptoms,
        when: when?,
        summary: summary?,
        reported_only: reported_only.unwrap_or(base.is_some_and(|base| base.reported_only)),
        causes,
        independent_of: base.map_or_else(BTreeSet::new, |base| base.independent_of.clone()),
        risk: risk?,
        mode: mode.or_else(|| base?.mode),
        ask_if: ask_if.or_else(|| base?.ask_if.clone()),
        remediation,
        verify,
        advice: advice?,
        reporter_message: reporter_message.or_else(|| base?.reporter_message.clone()),
        prevention: prevention.or_else(|| base?.prevention.clone()),
    };
    fault.needs = system.probes_named(names(&fault).iter().map(String::as_str));
    Some((fault, relations))
}

/// The facts and parameters that a fault uses.
fn names(fault: &Fault) -> BTreeSet<String> {
    let mut exprs: Vec<&Expr> = std::iter::once(&fault.when).chain(&fault.ask_if).collect();
    exprs.extend(fault.verify.iter().map(|check| &check.that));
    let messages = std::iter::once(&fault.summary).chain(&fault.prevention);
    let mut names: BTreeSet<String> = messages.flat_map(MessageTemplate::names).collect();
    for step in &fault.remediation {
        let templates = std::iter::once(&step.command).chain(&step.rollback);
        names.extend(templates.flat_map(Template::names).map(str::to_owned));
        exprs.extend(&step.only_if);
        if let IfInterrupted::Check(check) = &step.if_interrupted {
            exprs.push(check);
        }
    }
    names.extend(exprs.into_iter().flat_map(Expr::names));
    names
}

/// The inherited fault that a playbook of the same name refines: what it does not say stays as it is.
fn refined(file: &YamlFile, node: &Node, name: Option<&PlaybookName>, system: &SystemType) -> Option<Fault> {
    let base = file.named(node, SystemTypeName::new)?;
    let name = name?;
    let fault = system.fault(name).filter(|_| system.extends.contains(&base));
    if fault.is_none() {
        file.report(
            node.span,
            &format!("this system type has no fault `{name}` from `{base}`"),
            "`refines` names an extended type, and the playbook has the name of one of its faults",
        );
    }
    fault.cloned()
}

fn decode_symptoms(file: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Symptoms {
    let known = system.symptoms.symptoms();
    let names = map.items("names", |node| {
        let name = file.named(node, SymptomName::new)?;
        if !known.contains_key(&name) {
            file.report(
                node.span,
                &format!("`{name}` is not a symptom of this system type"),
                &suggest(name.as_str(), known.keys().map(SymptomName::as_str)),
            );
        }
        Some(name)
    });
    let symptoms = Symptoms {
        names: names.into_iter().collect(),
        patterns: map.items("patterns", |node| file.regex(node)),
        labels: map.items("labels", |node| file.text_of(node)),
    };
    map.finish();
    symptoms
}

fn decode_step(file: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Step> {
    let name = map.require("name", "what people read while the step runs");
    let name = name.and_then(|node| file.text_of(&node));
    let host = map.take("host").and_then(|node| file.named(&node, Role::new)).unwrap_or_else(Role::main);
    let label = name.clone().unwrap_or_default();
    let backup = map.take("backup").and_then(|node| Some((node.span, file.text_of(&node)?)));
    let wrapper = backup.as_ref().map_or(BackupWrapper::None, |(_, text)| BackupWrapper::Save(text));
    let command = map.command(&label, STEP_TIMEOUT, system, wrapper);
    let if_interrupted = map.require(
        "if_interrupted",
        "what to do after an interruption: `rerun_now`, `rerun`, `{ check: … }` or `escalate`",
    );
    let if_interrupted = if_interrupted.and_then(|node| decode_if_interrupted(file, node, system));
    let optional = map.take("optional").and_then(|node| file.flag(&node)).unwrap_or(false);
    let only_if = map.take("only_if").and_then(|node| checked_expr(file, &node, system));
    let over_output = |node: Node| {
        let expr = file.expr(&node)?;
        file.check_names(node.span, &expr.names(), &["exit", "text", "stderr"], system);
        Some(expr)
    };
    let expect = map.take("expect").and_then(over_output);
    let did_nothing = map.take("did_nothing").and_then(over_output);
    let rollback = map.take("rollback").and_then(|node| file.map(node));
    let reads = rollback.as_ref().and_then(|map| map.peek_text("script")).is_some_and(reads_backup);
    match (&backup, &rollback) {
        (Some((span, _)), _) if !reads => file.report(
            *span,
            "nothing reads the backup",
            "read the file \"$BACKUP\" in the `script` of this step's `rollback`, or remove `backup`",
        ),
        (None, Some(rollback)) if reads => file.report(
            rollback.span(),
            "this rollback reads `$BACKUP`, but its step makes no backup",
            "give the step `backup: |` with a script that prints what the step changes",
        ),
        _ => {}
    }
    let rollback = rollback
        .and_then(|map| decode_rollback(file, map, &label, backup.is_some(), command.as_ref(), system));
    map.finish();
    Some(Step {
        name: name?,
        host,
        command: command?,
        if_interrupted: if_interrupted?,
        optional,
        only_if,
        expect,
        did_nothing,
        rollback,
    })
}

fn decode_rollback(
    file: &YamlFile,
    mut map: Map<'_>,
    label: &str,
    has_backup: bool,
    command: Option<&Template>,
    system: &SystemType,
) -> Option<Template> {
    let span = map.span();
    let wrapper = if has_backup { BackupWrapper::Restore } else { BackupWrapper::None };
    let rollback = map.command(&format!("rollback {label}"), STEP_TIMEOUT, system, wrapper);
    map.finish();
    let sudo = (command.map(Template::is_root), rollback.as_ref().map(Template::is_root));
    if has_backup && matches!(sudo, (Some(step), Some(rollback)) if step != rollback) {
        file.report(
            span,
            "the step and its rollback have different `sudo`, so the rollback cannot find the backup",
            "give both the same `sudo`: a backup is stored in the home directory of the user who runs the step",
        );
    }
    rollback
}

fn decode_if_interrupted(file: &YamlFile, node: Node, system: &SystemType) -> Option<IfInterrupted> {
    let span = node.span;
    if let Content::Map(_) = node.content {
        let mut map = file.map(node)?;
        let check = map.require("check", "`if_interrupted: { check: … }`");
        let check = check.and_then(|node| checked_expr(file, &node, system));
        map.finish();
        return check.map(IfInterrupted::Check);
    }
    match file.text_of(&node)?.as_str() {
        "rerun_now" => Some(IfInterrupted::RerunNow),
        "rerun" => Some(IfInterrupted::Rerun),
        "escalate" => Some(IfInterrupted::Escalate),
        other => {
            file.report(
                span,
                &format!("`{other}` is not a valid value of `if_interrupted`"),
                "use rerun_now, rerun, escalate, or { check: … }",
            );
            None
        }
    }
}

fn decode_check(file: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Check> {
    let that = map.require("that", "the condition").and_then(|node| checked_expr(file, &node, system));
    let timeout = map.take("timeout").and_then(|node| file.duration(&node)).unwrap_or(VERIFY_TIMEOUT);
    let hold_for = map.take("for").and_then(|node| file.duration(&node)).unwrap_or_default();
    map.finish();
    Some(Check { that: that?, timeout, hold_for })
}

pub(super) fn checked_expr(file: &YamlFile, node: &Node, system: &SystemType) -> Option<Expr> {
    let expr = file.expr(node)?;
    file.check_names(node.span, &expr.names(), &[], system);
    Some(expr)
}

pub(super) fn message(file: &YamlFile, node: &Node, system: &SystemType) -> Option<MessageTemplate> {
    let message = file.message(node)?;
    file.check_names(node.span, &message.names(), &[], system);
    Some(message)
}
