//! Compares the commands that scripts run with `sudo -n` with the list in `system.yaml`. A host allows what
//! is listed, so the list must match the scripts.

use crate::core::expr::value_type::ValueType;
use crate::core::gate::sudoers::{ANY, any_value};
use crate::core::ids::PlaybookName;
use crate::core::playbook::SystemType;
use crate::core::playbook::command::{Piece, Template, TemplateSource};
use crate::library::decode::YamlFile;
use crate::library::files::stem;
use crate::library::node::Node;
use crate::library::optional;
use regex::Regex;
use std::sync::LazyLock;

/// Decodes one entry of `sudo`.
pub(super) fn decode(file: &YamlFile, node: &Node, system: &SystemType) -> Option<Template> {
    let run = file.text_of(node)?;
    let source = TemplateSource { run: Some(&run), ..TemplateSource::default() };
    let template =
        Template::new(source.clone()).map_err(|bad| file.report(node.span, &bad.message, &bad.hint)).ok()?;
    let mut names = template.names();
    names.retain(|name| match name.split_once('.') {
        Some((ANY, value_type)) => {
            let known = ValueType::ALL.into_iter().filter(|known| any_value(*known).is_some());
            let known: Vec<String> = known.map(|known| known.to_string()).collect();
            if !known.iter().any(|known| known == value_type) {
                let hint = format!("known are: {}", known.join(", "));
                file.report(node.span, &format!("an argument of sudo cannot be any {value_type}"), &hint);
            }
            false
        }
        _ => true,
    });
    file.check_values(node.span, &names, system);
    for (problem, hint) in optional::problems(&template, "", &source, system) {
        file.report(node.span, &problem, &hint);
    }
    Some(template)
}

/// Checks that every `sudo -n` of every script is in the list, and that a script uses every entry. The first
/// `inherited` entries are those of the extended types; the ones that no script uses any more are removed.
pub(super) fn check(system: &mut SystemType, inherited: usize, system_file: &YamlFile, files: &[YamlFile]) {
    let used = used_entries(system, system_file, files);
    for (entry, _) in system.sudo.iter().zip(&used).skip(inherited).filter(|(_, used)| !**used) {
        let text = entry.to_string();
        let first = text.split(' ').next().unwrap_or_default();
        system_file.report_at_text(
            first,
            &format!("no script runs `{text}` with `sudo -n`"),
            "remove it from the list, or write it as the script does",
        );
    }
    let mut used = used.into_iter();
    system.sudo.retain(|_| used.next().unwrap_or(true));
}

/// Which entries of the list a script uses. Reports commands that are in none.
fn used_entries(system: &SystemType, system_file: &YamlFile, files: &[YamlFile]) -> Vec<bool> {
    let mut templates: Vec<(&Template, &YamlFile)> = Vec::new();
    templates.extend(system.probes.values().map(|probe| (&probe.command, system_file)));
    let file_of = |name: &PlaybookName| {
        files.iter().find(|file| stem(file.path()) == name.as_str()).unwrap_or(system_file)
    };
    for request in &system.requests {
        let file = file_of(&request.name);
        templates.extend(request.extra_probes.values().map(|probe| (&probe.command, file)));
    }
    for operation in &system.operations {
        let file = file_of(&operation.fault.name);
        templates.extend(operation.extra_probes.values().map(|probe| (&probe.command, file)));
    }
    for fault in system.faults_and_operations() {
        let file = file_of(&fault.name);
        let of_step =
            fault.remediation.iter().flat_map(|step| std::iter::once(&step.command).chain(&step.rollback));
        templates.extend(of_step.map(|template| (template, file)));
    }
    let mut used = vec![false; system.sudo.len()];
    for (template, file) in templates {
        for command in template.script().map(commands).unwrap_or_default() {
            let mut is_listed = false;
            for (entry, used) in system.sudo.iter().zip(&mut used) {
                if matches_entry(entry, command) {
                    *used = true;
                    is_listed = true;
                }
            }
            if !is_listed {
                file.report_at_text(
                    command,
                    &format!("`sudo -n {command}` is not in the list `sudo` of system.yaml"),
                    "add it there, with `{{ … }}` for each word that contains a variable",
                );
            }
        }
    }
    used
}

/// The command after each `sudo -n` of a script.
fn commands(script: &str) -> Vec<&str> {
    #[expect(clippy::expect_used, reason = "the pattern is a constant")]
    static SUDO: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\bsudo\s+-n\s+(?:--\s+)?([^\n;|&)]+)").expect("a constant pattern"));
    let found = SUDO.captures_iter(script).filter_map(|found| found.get(1));
    found.map(|found| without_redirections(found.as_str()).trim()).collect()
}

/// The command up to its first redirection, which the shell takes and not the program.
fn without_redirections(command: &str) -> &str {
    #[expect(clippy::expect_used, reason = "the pattern is a constant")]
    static REDIRECTION: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\s[0-9]?(?:>>?|<)").expect("a constant pattern"));
    let end = REDIRECTION.find(command).map_or(command.len(), |found| found.start());
    command.get(..end).unwrap_or(command)
}

/// Whether they match word for word: constants are equal, and the command has a variable where the entry has
/// a value.
fn matches_entry(entry: &Template, command: &str) -> bool {
    let Some(words) = shlex::split(command) else { return false };
    let Some(pieces) = entry.words() else { return false };
    let is_same = |word: &String, pieces: &&[Piece]| match pieces {
        [Piece::Literal(text)] => word == text,
        _ => word.contains('$'),
    };
    words.len() == pieces.len() && words.iter().zip(&pieces).all(|(word, pieces)| is_same(word, pieces))
}
