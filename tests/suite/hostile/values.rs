//! Hostile values in commands: every template of the library, with every hostile text in every position.

use super::corpus::texts;
use fieldmedic::core::expr::value_type::ValueType;
use fieldmedic::core::playbook::SystemType;
use fieldmedic::core::playbook::command::{Template, Values};
use fieldmedic::library;
use fieldmedic::library::Files;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

/// Gives the same text for every value, with the type of its position.
struct Same<'a> {
    system_type: &'a SystemType,
    text: &'a str,
}

impl Values for Same<'_> {
    fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
        let value_type = match name.split_once('.') {
            // The name of a capture, which the agent chooses.
            None if !self.system_type.params.contains_key(name) => {
                return Ok((json!("kept"), ValueType::Name));
            }
            None => self.system_type.params[name].value_type,
            Some((probe, fact)) => {
                let facts = &self.system_type.probes[probe].facts;
                facts
                    .iter()
                    .find(|f| f.name.as_str() == fact)
                    .and_then(|fact| fact.value_type)
                    .expect("a type")
            }
        };
        let is_list = matches!(
            value_type,
            ValueType::Names | ValueType::Paths | ValueType::Images | ValueType::Uuids | ValueType::Units
        );
        Ok((if is_list { json!([self.text]) } else { json!(self.text) }, value_type))
    }
}

/// A harmless value of each type.
struct Harmless<'a>(&'a SystemType);

impl Values for Harmless<'_> {
    fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
        let (value, value_type) = Same { system_type: self.0, text: "x" }.value(name)?;
        let value = match value_type {
            _ if value == "kept" => value,
            ValueType::Name => json!("CLEAN"),
            ValueType::Names => json!(["CLEAN"]),
            ValueType::Path => json!("/CLEAN"),
            ValueType::Paths => json!(["/CLEAN"]),
            ValueType::Image => json!("CLEAN"),
            ValueType::Images => json!(["CLEAN"]),
            ValueType::Uuids => json!(["7b1c0f5e-4d5a-4c57-9d0e-100000000000"]),
            ValueType::Integer | ValueType::Percent => json!(7),
            ValueType::Host | ValueType::Unit => json!("CLEAN"),
            ValueType::Units => json!(["CLEAN"]),
        };
        Ok((value, value_type))
    }
}

/// Whether a shell can parse the line. It does not run it.
fn is_shell_syntax(line: &str) -> bool {
    Command::new("sh").args(["-n", "-c", line]).status().expect("sh").success()
}

#[test]
fn a_value_is_one_word_or_is_refused() {
    let library = library::load(&Files::built_in()).expect("the built-in playbooks are right");
    let texts = texts();
    let (mut refused, mut taken) = (0, 0);
    // Requests and operations add parameters and probes to their system type.
    let extended = library.systems.values().flat_map(|system| {
        let asked = system.requests.iter().map(|request| system.asked(request));
        let operated = system.operations.iter().map(|operation| system.operated(operation));
        [system.clone()].into_iter().chain(asked).chain(operated)
    });
    let mut seen = BTreeSet::new();
    for system_type in &extended.collect::<Vec<_>>() {
        let steps = system_type.faults.iter().flat_map(|fault| &fault.remediation);
        let rollbacks = steps.clone().filter_map(|step| step.rollback.as_ref());
        let probes = system_type.probes.values().map(|probe| &probe.command);
        let templates: Vec<&Template> =
            probes.chain(steps.map(|step| &step.command)).chain(rollbacks).collect();
        let templates = templates.into_iter().filter(|template| !template.names().is_empty());
        for template in
            templates.filter(|template| seen.insert((system_type.name.clone(), template.to_string())))
        {
            let clean = template.render(&Harmless(system_type)).expect("it renders").line();
            let words = shlex::split(&clean).expect("words");
            for entry in &texts {
                let text = entry.text().expect("text");
                let Ok(command) = template.render(&Same { system_type, text }) else {
                    refused += 1;
                    continue;
                };
                taken += 1;
                let line = command.line();
                let got = shlex::split(&line).unwrap_or_else(|| panic!("{}: {line}", entry.id));
                assert_eq!(got.len(), words.len(), "{}: {line}", entry.id);
                for (got, word) in got.iter().zip(&words) {
                    let expect = word.replace("/CLEAN", text).replace("CLEAN", text);
                    let is_number = word.contains('7') && got.contains(text.trim_start_matches('0'));
                    assert!(got == &expect || is_number, "{}: {got:?} in place of {expect:?}", entry.id);
                }
                assert!(is_shell_syntax(&line), "{}: {line}", entry.id);
            }
        }
    }
    assert!(refused > 10_000 && taken > 0, "{refused} refused, {taken} taken");
    println!("{refused} values were refused, {taken} stayed one word");
}
