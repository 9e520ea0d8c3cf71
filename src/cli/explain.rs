//! A playbook in plain words.

use crate::core::expr::value_type::words;
use crate::core::ids::ParamName;
use crate::core::playbook::{Fault, IfInterrupted, Library, Param, Probe, Request, SystemType};
use miette::{Result, miette};
use std::collections::BTreeMap;

/// A text, line by line.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

/// A playbook in plain words.
///
/// # Errors
/// If there is no such playbook.
pub(super) fn explained(library: &Library, name: &str) -> Result<String> {
    let mut out = Text::default();
    let (system_type, playbook) =
        name.rsplit_once('/').map_or((None, name), |(system_type, playbook)| (Some(system_type), playbook));
    let systems = library
        .systems
        .values()
        .filter(|system| system_type.is_none_or(|wanted| system.name.as_str() == wanted));
    for system in systems {
        if let Some(fault) = system.faults.iter().find(|fault| fault.name.as_str() == playbook) {
            explain_fault(&mut out, system, fault);
            return Ok(out.0);
        }
        if let Some(request) = system.requests.iter().find(|request| request.name.as_str() == playbook) {
            explain_request(&mut out, system, request);
            return Ok(out.0);
        }
        let operation = system.operations.iter().find(|operation| operation.fault.name.as_str() == playbook);
        if let Some(operation) = operation {
            explain_fault(&mut out, &system.operated(operation), &operation.fault);
            explain_params(&mut out, &operation.params);
            out.line("Only a command orders this operation.");
            return Ok(out.0);
        }
    }
    Err(miette!("there is no playbook `{name}`. `fieldmedic playbook list` lists them"))
}

fn explain_fault(out: &mut Text, system: &SystemType, fault: &Fault) {
    out.line(&format!("{}/{}: {}\n", system.name, fault.name, fault.title));
    out.line(&format!("The fault is present if\n  {}\n", fault.when.source()));
    let names = fault.when.names();
    let probes = system.probes_of(names.iter().map(String::as_str));
    probes.iter().filter_map(|name| system.probes.get(name)).for_each(|probe| explain_probe(out, probe));
    if !fault.causes.is_empty() {
        let names: Vec<&str> = fault.causes.iter().map(|name| name.as_str()).collect();
        out.line(&format!("\nIt can cause {}, so it is fixed first.", names.join(", ")));
    }
    if !fault.independent_of.is_empty() {
        let names: Vec<&str> = fault.independent_of.iter().map(|name| name.as_str()).collect();
        out.line(&format!("\nIt has nothing to do with {}.", names.join(", ")));
    }
    if fault.is_for_people() {
        out.line("\nNothing is changed. The ticket goes to a person.");
    } else {
        let risk = format!("{:?}", fault.risk).to_lowercase();
        out.line(&format!("\nIf the policy allows {risk} risk, these steps run in order:"));
    }
    for (index, step) in fault.remediation.iter().enumerate() {
        out.line(&format!("  {}. {} (on {})", index + 1, step.name, step.host));
        out.line(&format!("     {}", indented(&step.command.to_string())));
        if let Some(only_if) = &step.only_if {
            out.line(&format!("     only if {}", only_if.source()));
        }
        let if_interrupted = match &step.if_interrupted {
            IfInterrupted::RerunNow => "the step runs again".to_owned(),
            IfInterrupted::Rerun => "the step runs again after its timeout".to_owned(),
            IfInterrupted::Check(expr) => format!("the step runs again unless {}", expr.source()),
            IfInterrupted::Escalate => "the ticket goes to a person".to_owned(),
        };
        out.line(&format!("     if interrupted: {if_interrupted}"));
        if let Some(rollback) = &step.rollback {
            out.line(&format!("     rollback: {}", indented(&rollback.to_string())));
        }
    }
    if !fault.verify.is_empty() {
        out.line("\nThe fault is fixed if the condition above has turned false and stays false, and");
        for check in &fault.verify {
            let timeout = humantime::format_duration(check.timeout);
            let hold_for = match check.hold_for.is_zero() {
                true => String::new(),
                false => format!(", for {}", humantime::format_duration(check.hold_for)),
            };
            out.line(&format!("  {} (within {timeout}{hold_for})", check.that.source()));
        }
    }
    out.line(&format!("\nIf it is not fixed, a person gets this advice: {}", fault.advice));
}

fn explain_request(out: &mut Text, system: &SystemType, request: &Request) {
    out.line(&format!("{}/{}: {}\n", system.name, request.name, request.title));
    if request.question_patterns.is_empty() {
        out.line("Only a command asks this request.");
    } else {
        out.line("It answers a ticket that reports no problem and matches one of these patterns:");
    }
    for pattern in &request.question_patterns {
        out.line(&format!("  {}", pattern.as_str()));
    }
    explain_params(out, &request.params);
    let probes: Vec<&str> = request.probes.iter().map(|probe| probe.as_str()).collect();
    out.line(&format!("\nThe answer uses the probes {}.", probes.join(", ")));
    request.extra_probes.values().for_each(|probe| explain_probe(out, probe));
    if request.health {
        out.line("It asks about health: faults that are found are fixed first.");
    }
}

fn explain_params(out: &mut Text, params: &BTreeMap<ParamName, Param>) {
    if !params.is_empty() {
        out.line("\nParameters:");
    }
    for (name, param) in params {
        let default = match param.optional {
            true => Some(" (optional)".to_owned()),
            false => param.default.as_ref().map(|value| format!(" (default: {})", words(value).join(","))),
        };
        out.line(&format!("  {name}={}{}: {}", param.accepts(), default.unwrap_or_default(), param.help));
    }
}

fn explain_probe(out: &mut Text, probe: &Probe) {
    let command = indented(&probe.command.to_string());
    out.line(&format!("  `{}` is read on {} with\n    {command}", probe.name, probe.host));
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n       ")
}
