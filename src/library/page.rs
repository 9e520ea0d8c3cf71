//! A page about a system type, in Markdown: what it finds, fixes and answers.

use crate::core::expr::value_type::words;
use crate::core::ids::{ParamName, PlaybookName};
use crate::core::measurement::series_of;
use crate::core::playbook::series::{BoundValue, Side};
use crate::core::playbook::{Fault, Param, SystemType};
use crate::core::policy::mode::Mode;
use crate::core::text::format::one_line;
use crate::render::inline_code as code;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The page of a system type. It is the same for the same playbooks.
pub fn page(system: &SystemType) -> String {
    let mut page = Page::default();
    page.line(&format!("# {}\n", system.name));
    page.line("<!-- Made by `fieldmedic playbook docs`. Change the playbooks, not this page. -->\n");
    page.line(&format!("{}.", system.summary.trim_end_matches('.')));
    if !system.extends.is_empty() {
        let names: Vec<String> = system.extends.iter().map(|name| format!("[{name}]({name}.md)")).collect();
        page.line(&format!(
            "\nIt extends {}: what it does not define itself is as there.",
            names.join(" and ")
        ));
    }
    if !system.aliases.is_empty() {
        page.line(&format!("\nA ticket means it by these words too: {}.", system.aliases.join(", ")));
    }
    faults(&mut page, system);
    commands(&mut page, system);
    params(&mut page, system);
    series(&mut page, system);
    symptoms(&mut page, system);
    sudo(&mut page, system);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }

    fn heading(&mut self, heading: &str, intro: &str) {
        self.line(&format!("\n## {heading}\n\n{intro}\n"));
    }

    fn table<const N: usize>(&mut self, columns: [&str; N]) {
        self.row(columns.map(str::to_owned));
        self.row(columns.map(|_| "---".to_owned()));
    }

    fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }
}

fn faults(page: &mut Page, system: &SystemType) {
    if system.faults.is_empty() {
        return;
    }
    page.heading(
        "Faults",
        "In the order in which they are fixed: a cause before what it causes. What only a person mends holds up the rest, except for what is known to be independent of it.",
    );
    page.table(["fault", "present if", "what is done", "risk"]);
    for fault in &system.faults {
        let name = format!("{}: {}", code(fault.name.as_str()), cell(&fault.title));
        let risk = match fault.is_for_people() {
            true => String::new(),
            false => format!("{:?}", fault.risk).to_lowercase(),
        };
        page.row([name, code(fault.when.source()), action(system, fault), risk]);
    }
}

/// What happens about a fault, in a few words.
fn action(system: &SystemType, fault: &Fault) -> String {
    let reported = if fault.reported_only { "only if reported: " } else { "" };
    if fault.is_for_people() {
        let others = fault.independent_of.iter().filter(|other| !system.is_for_people(other));
        let others: Vec<String> = others.map(|other| code(other.as_str())).collect();
        return match others.is_empty() {
            true => format!("{reported}a person is told"),
            false => format!("{reported}a person is told, after {} was fixed", others.join(", ")),
        };
    }
    let mode = match (fault.mode, &fault.ask_if) {
        (Some(Mode::Observe), _) => "told, and not done: ",
        (Some(Mode::Ask), _) => "after approval: ",
        (_, Some(_)) => "at times after approval: ",
        _ => "",
    };
    // A step may be repeated after others; people need to read it once.
    let mut steps: Vec<&str> = Vec::new();
    for step in &fault.remediation {
        if !steps.contains(&step.name.as_str()) {
            steps.push(&step.name);
        }
    }
    cell(&format!("{reported}{mode}{}", steps.join("; ")))
}

fn commands(page: &mut Page, system: &SystemType) {
    let requests =
        system.requests.iter().map(|request| (&request.name, &request.title, &request.params, "answers"));
    let operations = system.operations.iter().map(|operation| {
        let word = match operation.fault.mode {
            Some(Mode::Ask) => "changes, after approval",
            _ => "changes",
        };
        (&operation.fault.name, &operation.fault.title, &operation.params, word)
    });
    let all: Vec<(&PlaybookName, &String, &BTreeMap<ParamName, Param>, &str)> =
        requests.chain(operations).collect();
    if all.is_empty() {
        return;
    }
    page.heading("Commands", "What a person may order by a comment: the prefix, `run`, and one of these.");
    page.table(["command", "what it does", "", "parameters"]);
    for (name, title, params, word) in all {
        let params: Vec<String> = params
            .iter()
            .map(|(name, param)| {
                let default = match param.optional {
                    true => Some(", optional".to_owned()),
                    false => {
                        param.default.as_ref().map(|value| format!(", {} by default", words(value).join(",")))
                    }
                };
                format!(
                    "{} ({}{}): {}",
                    code(name.as_str()),
                    cell(&param.accepts()),
                    default.unwrap_or_default(),
                    cell(&param.help)
                )
            })
            .collect();
        page.row([code(name.as_str()), cell(title), word.to_owned(), params.join("; ")]);
    }
}

fn params(page: &mut Page, system: &SystemType) {
    if system.params.is_empty() {
        return;
    }
    page.heading("Parameters", "What `[systems.<name>.params]` may set.");
    page.table(["parameter", "takes", "default", "means"]);
    for (name, param) in &system.params {
        page.row([code(name.as_str()), cell(&param.accepts()), default(param), cell(&param.help)]);
    }
}

fn series(page: &mut Page, system: &SystemType) {
    let series = series_of(system);
    if series.is_empty() {
        return;
    }
    page.heading("Measurements", "What each sweep keeps over time. A forecast says when a limit is reached.");
    page.table(["series", "unit", "trouble", "worth a look"]);
    for (name, spec) in series {
        let side = |side: Side| if side == Side::Above { "above" } else { "below" };
        let trouble = spec.bound.as_ref().map_or_else(String::new, |bound| match &bound.value {
            BoundValue::Number(number) => format!("{} {number}", side(bound.side)),
            BoundValue::Param(name) => format!("{} {}", side(bound.side), code(name.as_str())),
        });
        let from = spec.bound.as_ref().map_or("", |bound| side(bound.side));
        let watch = spec.watch.map_or_else(String::new, |watch| format!("{from} {watch}"));
        page.row([code(&name.to_string()), cell(&spec.unit), trouble, watch]);
    }
}

fn symptoms(page: &mut Page, system: &SystemType) {
    let symptoms = system.symptoms.symptoms();
    if symptoms.is_empty() {
        return;
    }
    page.heading(
        "Symptoms",
        "What people notice. A ticket is closed only with a fault that explains its words.",
    );
    page.table(["symptom", "what people notice", "explained by"]);
    for (name, symptom) in symptoms {
        let faults = system.faults.iter().filter(|fault| fault.symptoms.names.contains(name));
        let faults: Vec<String> = faults.map(|fault| code(fault.name.as_str())).collect();
        page.row([code(name.as_str()), cell(&symptom.summary), faults.join(", ")]);
    }
}

fn sudo(page: &mut Page, system: &SystemType) {
    if system.sudo.is_empty() {
        return;
    }
    page.heading(
        "Commands that need root",
        "`fieldmedic host-setup` writes them into a file for `sudoers`. What is denied is skipped, or told as not measured.",
    );
    page.line("```text");
    for command in &system.sudo {
        page.line(&command.to_string());
    }
    page.line("```");
}

fn default(param: &Param) -> String {
    if param.optional {
        return "optional".to_owned();
    }
    param.default.as_ref().map_or_else(|| "required".to_owned(), |value| code(&words(value).join(", ")))
}

/// A text as a cell of a table: on one line.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('<', "&lt;")
}
