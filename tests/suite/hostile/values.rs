//! Hostile values in commands: every template of the library, with every hostile text in every place.

use super::corpus::texts;
use fieldmedic::core::expr::value_type::ValueType;
use fieldmedic::core::playbook::SystemType;
use fieldmedic::core::playbook::command::{Template, Values};
use fieldmedic::library;
use fieldmedic::library::Files;
use serde_json::{Value, json};
use std::process::Command;

/// Gives one text for everything, as the type that the place has.
struct Same<'a> {
    system: &'a SystemType,
    text: &'a str,
}

impl Values for Same<'_> {
    fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
        let kind = match name.split_once('.') {
            // Where a capture is kept: the agent's own word, which nobody else chooses.
            None if !self.system.params.contains_key(name) => return Ok((json!("kept"), ValueType::Name)),
            None => self.system.params[name].value_type,
            Some((probe, fact)) => {
                let facts = &self.system.probes[probe].facts;
                facts
                    .iter()
                    .find(|f| f.name.as_str() == fact)
                    .and_then(|fact| fact.value_type)
                    .expect("a type")
            }
        };
        let is_list =
            matches!(kind, ValueType::Names | ValueType::Paths | ValueType::Images | ValueType::Uuids);
        Ok((if is_list { json!([self.text]) } else { json!(self.text) }, kind))
    }
}

/// A harmless value of each type.
struct Harmless<'a>(&'a SystemType);

impl Values for Harmless<'_> {
    fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
        let (value, kind) = Same { system: self.0, text: "x" }.value(name)?;
        let value = match kind {
            _ if value == "kept" => value,
            ValueType::Name => json!("CLEAN"),
            ValueType::Names => json!(["CLEAN"]),
            ValueType::Path => json!("/CLEAN"),
            ValueType::Paths => json!(["/CLEAN"]),
            ValueType::Image => json!("CLEAN"),
            ValueType::Images => json!(["CLEAN"]),
            ValueType::Uuids => json!(["7b1c0f5e-4d5a-4c57-9d0e-100000000000"]),
            ValueType::Integer | ValueType::Percent => json!(7),
            ValueType::Host => json!("CLEAN"),
        };
        Ok((value, kind))
    }
}

/// A shell reads the line without running it.
fn is_read_by_a_shell(line: &str) -> bool {
    Command::new("sh").args(["-n", "-c", line]).status().expect("sh").success()
}

#[test]
fn a_value_is_one_word_or_is_refused() {
    let library = library::load(&Files::built_in()).expect("the built-in playbooks are right");
    let (mut refused, mut taken) = (0, 0);
    for system in library.systems.values() {
        let steps = system.faults.iter().flat_map(|fault| &fault.remediation);
        let undos = steps.clone().filter_map(|step| step.rollback.as_ref());
        let probes = system.probes.values().map(|probe| &probe.command);
        let templates: Vec<&Template> = probes.chain(steps.map(|step| &step.command)).chain(undos).collect();
        for template in templates.into_iter().filter(|template| !template.names().is_empty()) {
            let clean = template.render(&Harmless(system)).expect("it renders").line();
            let words = shlex::split(&clean).expect("words");
            for entry in texts() {
                let text = entry.text().expect("text");
                let Ok(command) = template.render(&Same { system, text }) else {
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
                    assert!(got == &expect || is_number, "{}: {got:?} where {expect:?} was due", entry.id);
                }
                assert!(is_read_by_a_shell(&line), "{}: {line}", entry.id);
            }
        }
    }
    assert!(refused > 10_000 && taken > 0, "{refused} refused, {taken} taken");
    println!("{refused} values were refused, {taken} stayed one word");
}
