//! Commands that scripts run by `sudo -n`, held against the list in `system.yaml`: the list is what a host
//! will allow, so it must not be a word behind the scripts.

use crate::core::expr::value_type::ValueType;
use crate::core::gate::sudoers::ANY;
use crate::core::ids::PlaybookName;
use crate::core::playbook::SystemType;
use crate::core::playbook::command::{Piece, Template, TemplateSource};
use crate::library::decode::YamlFile;
use crate::library::node::Node;
use regex::Regex;
use std::sync::LazyLock;

/// One entry of `sudo`.
pub(super) fn decode(page: &YamlFile, node: &Node, system: &SystemType) -> Option<Template> {
    let run = page.text_of(node)?;
    let template = Template::new(TemplateSource { run: Some(&run), ..TemplateSource::default() })
        .map_err(|bad| page.report(node.span, &bad.message, &bad.hint))
        .ok()?;
    let mut names = template.names();
    names.retain(|name| match name.split_once('.') {
        Some((ANY, kind)) => {
            let known: Vec<String> = ValueType::ALL.iter().map(ValueType::to_string).collect();
            if !known.iter().any(|known| known == kind) {
                let hint = format!("there is: {}", known.join(", "));
                page.report(node.span, &format!("there is no type `{kind}`"), &hint);
            }
            false
        }
        _ => true,
    });
    page.check_values(node.span, &names, system);
    Some(template)
}

/// Every `sudo -n` of every script is in the list, and everything in the list is in some script.
pub(super) fn check(system: &SystemType, pages: &[YamlFile]) {
    let mut templates: Vec<(&Template, &YamlFile)> = Vec::new();
    templates.extend(system.probes.values().map(|probe| (&probe.command, &pages[0])));
    let page_of = |name: &PlaybookName| {
        let file = format!("/{name}.yaml");
        pages.iter().find(|page| page.path().ends_with(&file)).unwrap_or(&pages[0])
    };
    for request in &system.requests {
        let page = page_of(&request.name);
        templates.extend(request.extra_probes.values().map(|probe| (&probe.command, page)));
    }
    for fault in &system.faults {
        let page = page_of(&fault.name);
        let of_step =
            fault.remediation.iter().flat_map(|step| std::iter::once(&step.command).chain(&step.rollback));
        templates.extend(of_step.map(|template| (template, page)));
    }
    let mut used = vec![false; system.sudo.len()];
    for (template, page) in templates {
        for command in template.script().map(commands).unwrap_or_default() {
            let mut is_listed = false;
            for (entry, used) in system.sudo.iter().zip(&mut used) {
                if stands_for(entry, command) {
                    *used = true;
                    is_listed = true;
                }
            }
            if !is_listed {
                page.report_at_text(
                    command,
                    &format!("`sudo -n {command}` is not in the list `sudo` of system.yaml"),
                    "add it there, with `{{ … }}` for each word that holds a variable",
                );
            }
        }
    }
    for (entry, _) in system.sudo.iter().zip(&used).filter(|(_, used)| !**used) {
        let text = entry.to_string();
        let first = text.split(' ').next().unwrap_or_default();
        pages[0].report_at_text(
            first,
            &format!("no script runs `{text}` by `sudo -n`"),
            "take it out of the list, or write it as the script does",
        );
    }
}

/// What follows each `sudo -n` of a script, up to the end of that command.
fn commands(script: &str) -> Vec<&str> {
    #[expect(clippy::expect_used, reason = "the pattern is a constant")]
    static SUDO: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\bsudo\s+-n\s+(?:--\s+)?([^\n;|&)]+)").expect("a constant pattern"));
    SUDO.captures_iter(script).filter_map(|found| found.get(1)).map(|found| found.as_str().trim()).collect()
}

/// Word for word: constants are the same, and a variable stands where the entry has a value.
fn stands_for(entry: &Template, command: &str) -> bool {
    let Some(words) = shlex::split(command) else { return false };
    let Some(entry) = entry.words() else { return false };
    let is_same = |word: &String, entry: &&[Piece]| match entry {
        [Piece::Literal(text)] => word == text,
        _ => word.contains('$'),
    };
    words.len() == entry.len() && words.iter().zip(&entry).all(|(word, entry)| is_same(word, entry))
}
