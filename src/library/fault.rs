//! A playbook for a fault.

use crate::core::expr::Expr;
use crate::core::ids::{PlaybookName, Role};
use crate::core::playbook::command::Template;
use crate::core::playbook::{Check, Fault, IfInterrupted, Step, Symptoms, SystemType};
use crate::core::policy::permit::Risk;
use crate::library::decode::{Map, YamlFile};
use crate::library::keep::{BackupWrapper, reads_backup};
use crate::library::node::{Content, Node};
use std::time::Duration;

/// The deadline of a change that names none.
const STEP_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a verification may take that names no time.
const WITHIN: Duration = Duration::from_secs(120);

pub(super) fn decode(page: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Fault> {
    let name = map.require("playbook", "its name, as the file has it");
    let name = name.and_then(|node| page.named(&node, PlaybookName::new));
    map.take("kind");
    let title = map.require("title", "what people read, such as `Worker containers are not running`");
    let title = title.and_then(|node| page.text_of(&node));
    let explains = map.take("explains").and_then(|node| page.map(node)).map(|map| decode_symptoms(page, map));
    let when = map
        .require("when", "the condition that proves the fault")
        .and_then(|node| checked_expr(page, &node, system));
    let because =
        map.require("because", "the evidence in one sentence").and_then(|node| sentence(page, &node, system));
    let before = map.items("before", |node| page.named(node, PlaybookName::new)).into_iter().collect();
    let risk = map.take("risk").map_or(Some(Risk::Low), |node| page.word(&node, &["low", "medium", "high"]));
    let mode = map.take("mode").and_then(|node| page.word(&node, &["observe", "act"]));
    let place = map.place();
    let remedy = map.items("remedy", |node| decode_step(page, page.map(node.clone())?, system));
    let verify = map.items("verify", |node| decode_check(page, page.map(node.clone())?, system));
    let advice = map.take("escalate").and_then(|node| page.map(node)).and_then(|mut map| {
        let advice = map.require("advice", "what a person should do").and_then(|node| page.text_of(&node));
        map.finish();
        advice
    });
    let says = map.take("says").and_then(|node| page.text_of(&node));
    let note = map.take("note").and_then(|node| sentence(page, &node, system));
    if !remedy.is_empty() && verify.is_empty() {
        page.report(
            place,
            "there is a remedy, but no `verify`",
            "name at least one condition that proves that it worked",
        );
    }
    if advice.is_none() {
        page.report(
            place,
            "`escalate: { advice: … }` is missing",
            "say what a person should do when the agent cannot mend it",
        );
    }
    map.finish();
    Some(Fault {
        name: name?,
        title: title?,
        symptoms: explains.unwrap_or_default(),
        when: when?,
        summary: because?,
        causes: before,
        risk: risk?,
        mode,
        remediation: remedy,
        verify,
        advice: advice?,
        reporter_message: says,
        prevention: note,
    })
}

fn decode_symptoms(page: &YamlFile, mut map: Map<'_>) -> Symptoms {
    let explains = Symptoms {
        patterns: map.items("any", |node| page.regex(node)),
        labels: map.items("labels", |node| page.text_of(node)),
    };
    map.finish();
    explains
}

fn decode_step(page: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Step> {
    let name = map.require("name", "what people read while it runs").and_then(|node| page.text_of(&node));
    let on = map.take("on").and_then(|node| page.named(&node, Role::new)).unwrap_or_else(Role::main);
    let label = name.clone().unwrap_or_default();
    let keep = map.take("keep").and_then(|node| Some((node.span, page.text_of(&node)?)));
    let around = keep.as_ref().map_or(BackupWrapper::None, |(_, text)| BackupWrapper::Save(text));
    let command = map.command(&label, STEP_TIMEOUT, system, around);
    let replay = map.require(
        "replay",
        "after a crash in the middle: `anytime` and `safe` run it again, `{ check: … }` asks, `never` hands over",
    );
    let replay = replay.and_then(|node| decode_if_interrupted(page, node, system));
    let optional = map.take("optional").and_then(|node| page.flag(&node)).unwrap_or(false);
    let only_if = map.take("only_if").and_then(|node| checked_expr(page, &node, system));
    let expect = map.take("expect").and_then(|node| {
        let expr = page.expr(&node)?;
        page.check_names(node.span, &expr.names(), &["exit", "text", "stderr"], system);
        Some(expr)
    });
    let undo = map.take("undo").and_then(|node| page.map(node));
    let reads = undo.as_ref().and_then(|map| map.peek_text("script")).is_some_and(reads_backup);
    match (&keep, &undo) {
        (Some((place, _)), _) if !reads => page.report(
            *place,
            "nothing reads what is kept",
            "the `script` of this step's `undo` finds it in the file \"$KEPT\"; without need for it, leave `keep` out",
        ),
        (None, Some(undo)) if reads => page.report(
            undo.place(),
            "this undo reads `$KEPT`, but its step keeps nothing",
            "give the step `keep: |`, a script that prints what is there before the change",
        ),
        _ => {}
    }
    let undo = undo.and_then(|mut map| {
        let place = map.place();
        let around = if keep.is_some() { BackupWrapper::Restore } else { BackupWrapper::None };
        let undo = map.command(&format!("undo {label}"), STEP_TIMEOUT, system, around);
        map.finish();
        let roots = (command.as_ref().map(Template::is_root), undo.as_ref().map(Template::is_root));
        if keep.is_some() && matches!(roots, (Some(step), Some(undo)) if step != undo) {
            page.report(
                place,
                "of a step and its undo, one has `sudo` and the other has not",
                "what the one keeps in its home the other does not find: give both the same `sudo`",
            );
        }
        undo
    });
    map.finish();
    Some(Step {
        name: name?,
        host: on,
        command: command?,
        if_interrupted: replay?,
        optional,
        only_if,
        expect,
        rollback: undo,
    })
}

fn decode_if_interrupted(page: &YamlFile, node: Node, system: &SystemType) -> Option<IfInterrupted> {
    let place = node.span;
    if let Content::Map(_) = node.content {
        let mut map = page.map(node)?;
        let check =
            map.require("check", "`replay: { check: … }`").and_then(|node| checked_expr(page, &node, system));
        map.finish();
        return check.map(IfInterrupted::Check);
    }
    match page.text_of(&node)?.as_str() {
        "anytime" => Some(IfInterrupted::RerunNow),
        "safe" => Some(IfInterrupted::Rerun),
        "never" => Some(IfInterrupted::Escalate),
        other => {
            page.report(place, &format!("`{other}` is no replay"), "anytime, safe, never, or { check: … }");
            None
        }
    }
}

fn decode_check(page: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Check> {
    let holds = map.require("holds", "the condition").and_then(|node| checked_expr(page, &node, system));
    let within = map.take("within").and_then(|node| page.duration(&node)).unwrap_or(WITHIN);
    let steady = map.take("steady").and_then(|node| page.duration(&node)).unwrap_or_default();
    map.finish();
    Some(Check { that: holds?, timeout: within, hold_for: steady })
}

fn checked_expr(page: &YamlFile, node: &Node, system: &SystemType) -> Option<Expr> {
    let expr = page.expr(node)?;
    page.check_names(node.span, &expr.names(), &[], system);
    Some(expr)
}

fn sentence(page: &YamlFile, node: &Node, system: &SystemType) -> Option<crate::core::expr::MessageTemplate> {
    let sentence = page.sentence(node)?;
    page.check_names(node.span, &sentence.names(), &[], system);
    Some(sentence)
}
