//! `extends` and `without` of `system.yaml`: what a system type has from others.
//!
//! A type begins with all that the extended types have. What it defines itself under the same name takes the place of
//! what is inherited, and `without` switches off. Inherited playbooks go on working, because a replaced probe must give
//! the facts that it gave before.

use crate::core::ids::{PlaybookName, ProbeName, SymptomName, SystemTypeName};
use crate::core::playbook::{Probe, Symptom, SymptomCatalogue, SystemType};
use crate::core::text::pattern_set::PatternSet;
use crate::library::decode::{Map, YamlFile, suggest};
use crate::library::node::{Content, Node, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The names under `extends`, each with its place: one name, or a list.
pub(super) fn decode_names(file: &YamlFile, map: &mut Map<'_>) -> Vec<(SystemTypeName, Span)> {
    let Some(node) = map.take("extends") else { return Vec::new() };
    let nodes = match node.content {
        Content::List(nodes) => nodes,
        _ => vec![node],
    };
    let named = |node: &Node| Some((file.named(node, SystemTypeName::new)?, node.span));
    nodes.iter().filter_map(named).collect()
}

/// The same names, without their places and without a report of mistakes.
pub(super) fn peek_names<'m>(map: &'m Map<'_>) -> Vec<&'m str> {
    let nodes = match map.peek("extends") {
        Some(Node { content: Content::List(nodes), .. }) => &nodes[..],
        Some(node) => std::slice::from_ref(node),
        None => &[],
    };
    let text = |node: &'m Node| match &node.content {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    };
    nodes.iter().filter_map(text).collect()
}

/// A system type that has all of `bases` and nothing of its own yet. Two of them may not differ in what they call the
/// same.
pub(super) fn inherit(file: &YamlFile, name: SystemTypeName, bases: Vec<(&SystemType, Span)>) -> SystemType {
    let mut system = SystemType {
        name,
        summary: String::new(),
        extends: bases.iter().map(|(base, _)| base.name.clone()).collect(),
        aliases: Vec::new(),
        problem_patterns: Vec::new(),
        transient_patterns: Vec::new(),
        symptoms: Arc::default(),
        params: BTreeMap::new(),
        probes: BTreeMap::new(),
        sudo: Vec::new(),
        discover: None,
        faults: Vec::new(),
        requests: Vec::new(),
        operations: Vec::new(),
        pattern_set: PatternSet::default(),
    };
    let mut symptoms = BTreeMap::new();
    // A type that comes by two ways brings its playbooks once.
    let mut origins: BTreeMap<PlaybookName, &SystemTypeName> = BTreeMap::new();
    for (base, span) in bases {
        let conflict = |what: &str, name: &str| {
            file.report(
                span,
                &format!("`{}` and another extended type differ in the {what} `{name}`", base.name),
                "extend one of them, or rename one",
            );
        };
        for (name, param) in &base.params {
            let other = system.params.insert(name.clone(), param.clone());
            if other.is_some_and(|other| other != *param) {
                conflict("parameter", name.as_str());
            }
        }
        for (name, probe) in &base.probes {
            let other = system.probes.insert(name.clone(), probe.clone());
            if other.is_some_and(|other| other != *probe) {
                conflict("probe", name.as_str());
            }
        }
        for (name, symptom) in base.symptoms.symptoms() {
            add_symptom(&mut symptoms, name, symptom);
        }
        for name in playbooks(base) {
            if let Some(other) = origins.insert(name.clone(), &base.name) {
                file.report(
                    span,
                    &format!("`{}` and `{other}` both have a playbook `{name}`", base.name),
                    "extend one of them, or rename one",
                );
            }
        }
        system.problem_patterns.extend(base.problem_patterns.iter().cloned());
        system.transient_patterns.extend(base.transient_patterns.iter().cloned());
        system.sudo.extend(base.sudo.iter().cloned());
        system.faults.extend(base.faults.iter().cloned());
        system.requests.extend(base.requests.iter().cloned());
        system.operations.extend(base.operations.iter().cloned());
    }
    system.symptoms = Arc::new(SymptomCatalogue::new(symptoms));
    system
}

/// The names of all playbooks.
fn playbooks(system: &SystemType) -> impl Iterator<Item = &PlaybookName> {
    let requests = system.requests.iter().map(|request| &request.name);
    system.faults_and_operations().map(|fault| &fault.name).chain(requests)
}

/// Adds a symptom; one of the same name gets its examples.
pub(super) fn add_symptom(
    symptoms: &mut BTreeMap<SymptomName, Symptom>,
    name: &SymptomName,
    symptom: &Symptom,
) {
    match symptoms.get_mut(name) {
        Some(known) if known == symptom => {}
        Some(known) => {
            known.summary.clone_from(&symptom.summary);
            known.examples.extend(symptom.examples.iter().cloned());
            known.counter_examples.extend(symptom.counter_examples.iter().cloned());
        }
        None => drop(symptoms.insert(name.clone(), symptom.clone())),
    }
}

/// Takes the key `without`, and switches off the inherited playbooks, probes and symptoms that it lists.
pub(super) fn leave_out(file: &YamlFile, map: &mut Map<'_>, system: &mut SystemType) {
    let listed = map.items("without", |node| Some((file.text_of(node)?, node.span)));
    let mut symptoms = system.symptoms.symptoms().clone();
    for (name, span) in &listed {
        let count = |system: &SystemType, symptoms: &BTreeMap<SymptomName, Symptom>| {
            playbooks(system).count() + system.probes.len() + symptoms.len()
        };
        let before = count(system, &symptoms);
        system.faults.retain(|fault| fault.name.as_str() != name);
        system.requests.retain(|request| request.name.as_str() != name);
        system.operations.retain(|operation| operation.fault.name.as_str() != name);
        system.probes.retain(|probe, _| probe.as_str() != name);
        symptoms.retain(|symptom, _| symptom.as_str() != name);
        if before == count(system, &symptoms) {
            let known = playbooks(system).map(PlaybookName::as_str);
            let known = known.chain(system.probes.keys().map(ProbeName::as_str));
            let known: Vec<&str> = known.chain(symptoms.keys().map(SymptomName::as_str)).collect();
            file.report(*span, &format!("`{name}` is not inherited"), &suggest(name, known));
        }
    }
    for fault in &mut system.faults {
        let is_left = |other: &PlaybookName| !listed.iter().any(|(name, _)| name == other.as_str());
        fault.causes.retain(is_left);
        fault.independent_of.retain(is_left);
        fault.symptoms.names.retain(|symptom| symptoms.contains_key(symptom));
    }
    system.symptoms = Arc::new(SymptomCatalogue::new(symptoms));
}

/// Checks that whoever relies on an inherited probe that is replaced can go on doing so: it gives the same facts.
pub(super) fn check_probes(file: &YamlFile, inherited: &BTreeMap<ProbeName, Probe>, system: &SystemType) {
    for (name, before) in inherited {
        let Some(now) = system.probes.get(name) else { continue };
        for fact in &before.facts {
            let same = now.facts.iter().find(|own| own.name == fact.name);
            let is_kept =
                same.is_some_and(|own| fact.value_type.is_none() || own.value_type == fact.value_type);
            if !is_kept {
                let of_type =
                    fact.value_type.map_or_else(String::new, |known| format!(" of the type {known}"));
                file.report_at_text(
                    &format!("{name}:"),
                    &format!(
                        "the inherited probe `{name}` gives a fact `{}`{of_type}, and this one does not",
                        fact.name
                    ),
                    "inherited playbooks may use it: add the fact, or give the probe a name of its own",
                );
            }
        }
    }
}

/// Checks that nobody needs an inherited probe that is left out. The playbooks of the folder are decoded by then: one
/// that replaces or refines an inherited one may have ended its need.
pub(super) fn check_unneeded(file: &YamlFile, inherited: &BTreeSet<ProbeName>, system: &SystemType) {
    for name in inherited.iter().filter(|name| !system.probes.contains_key(*name)) {
        report_user(file, name, system);
    }
}

fn report_user(file: &YamlFile, name: &ProbeName, system: &SystemType) {
    let fault = system.faults_and_operations().find(|fault| fault.needs.contains(name));
    let fault = fault.map(|fault| fault.name.as_str());
    let request = system.requests.iter().find(|request| {
        request.probes.contains(name) || request.extra_probes.values().any(|probe| probe.needs.contains(name))
    });
    let request = request.map(|request| request.name.as_str());
    let probe = system.probes.values().find(|probe| probe.needs.contains(name));
    let probe = probe.map(|probe| probe.name.as_str());
    if let Some(user) = fault.or(request).or(probe) {
        file.report_at_text(
            name.as_str(),
            &format!("`{user}` needs the probe `{name}`, which `without` switches off"),
            &format!("switch off `{user}` too, refine it, or replace the probe"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::core::ids::PlaybookName;
    use crate::core::playbook::{Library, SystemType};
    use crate::library::{Files, load};

    const BASE: &str = "format: 1\nsystem_type: base\naliases: [unit]\nproblem_patterns: ['broken']\nparams:\n  unit: { type: name, default: app, help: the unit }\n  limit: { type: percent, default: 90, help: how full }\nprobes:\n  state:\n    run: show {{ unit }}\n    parse: keyvalue\n    facts:\n      active: values.ActiveState\n      unit: { value: values.Id, type: name }\n  disk:\n    run: df\n    facts: { used: text | number }\n";
    const DEAD: &str = "playbook: dead\ntitle: Dead\nsymptoms: { names: [silent] }\nwhen: state.active == 'failed'\nsummary: it is {{ state.active }}\nremediation:\n  - { name: start, run: \"start {{ state.unit }}\", if_interrupted: rerun }\nverify: [{ that: state.active == 'active' }]\nescalate: { advice: look }\n";
    const FULL: &str = "playbook: full\ntitle: Full\nwhen: disk.used > limit\nsummary: x\ncauses: [dead]\nescalate: { advice: look }\n";
    const SILENT: &str = "symptom: silent\nsummary: Nothing answers\nexamples: { en: [nothing answers] }\n";
    const DERIVED: &str =
        "format: 1\nsystem_type: derived\nextends: base\nparams:\n  unit: { default: web }\n";

    fn loaded(derived: &[(&str, &str)]) -> Result<Library, Vec<String>> {
        let base = [("system", BASE), ("dead", DEAD), ("full", FULL), ("symptoms/silent", SILENT)];
        let base = base.iter().map(|(name, text)| (format!("base/{name}.yaml"), (*text).to_owned()));
        let derived = derived.iter().map(|(name, text)| (format!("derived/{name}.yaml"), (*text).to_owned()));
        load(&Files::from_map(base.chain(derived).collect())).map_err(|problems| {
            problems.list().iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
        })
    }

    fn derived(files: &[(&str, &str)]) -> SystemType {
        loaded(files).expect("a sound library").systems["derived"].clone()
    }

    fn faults(system: &SystemType) -> Vec<&str> {
        system.faults.iter().map(|fault| fault.name.as_str()).collect()
    }

    #[test]
    fn a_type_has_what_it_extends_except_for_its_names() {
        let system = derived(&[("system", DERIVED)]);
        assert_eq!(faults(&system), ["full", "dead"]);
        assert_eq!(system.params["unit"].default, Some("web".into()));
        assert_eq!(system.params["unit"].help, "the unit");
        assert_eq!(system.probes.len(), 2);
        assert!(system.symptoms.symptoms().contains_key("silent"));
        assert_eq!(system.problem_patterns.len(), 1);
        assert!(system.aliases.is_empty());
    }

    #[test]
    fn a_refined_fault_keeps_what_is_not_said_anew() {
        let refined =
            "playbook: dead\nrefines: base\ntitle: Very dead\nmode: ask\nsymptoms: { labels: [down] }\n";
        let own = "playbook: own\ntitle: Own\nwhen: disk.used > 50\nsummary: x\ncaused_by: [dead]\nescalate: { advice: x }\n";
        let system = derived(&[("system", DERIVED), ("dead", refined), ("own", own)]);
        assert_eq!(faults(&system), ["full", "dead", "own"]);
        let dead = system.fault(&PlaybookName::new("dead").unwrap()).expect("the fault");
        assert_eq!((dead.title.as_str(), dead.remediation.len(), dead.verify.len()), ("Very dead", 1, 1));
        assert!(dead.mode.is_some() && dead.advice == "look");
        assert_eq!((dead.symptoms.names.len(), dead.symptoms.labels.len()), (1, 1));
    }

    #[test]
    fn a_refined_fault_no_longer_needs_a_probe_that_is_switched_off() {
        let refined = "playbook: full\nrefines: base\nwhen: state.active == 'full'\n";
        let system = derived(&[("system", &format!("{DERIVED}without: [disk]\n")), ("full", refined)]);
        assert_eq!((faults(&system), system.probes.len()), (vec!["full", "dead"], 1));
    }

    #[test]
    fn a_playbook_of_the_same_name_takes_the_place_of_the_inherited_one() {
        let system = derived(&[("system", DERIVED), ("dead", &DEAD.replace("== 'failed'", "== 'inactive'"))]);
        assert_eq!(faults(&system), ["full", "dead"]);
        assert!(system.faults[1].when.source().contains("inactive"));
        let as_request = "playbook: dead\nkind: request\ntitle: Dead?\nprobes: [state]\nanswer: x\n";
        let system = derived(&[("system", &format!("{DERIVED}without: [dead]\n")), ("dead", as_request)]);
        assert_eq!((faults(&system), system.requests.len()), (vec!["full"], 1));
    }

    #[test]
    fn what_is_switched_off_is_gone_everywhere() {
        let system = derived(&[("system", &format!("{DERIVED}without: [dead, silent]\n"))]);
        assert_eq!(faults(&system), ["full"]);
        assert!(system.faults[0].causes.is_empty() && system.symptoms.symptoms().is_empty());
        let system = derived(&[("system", &format!("{DERIVED}without: [silent]\n"))]);
        assert!(system.faults.iter().all(|fault| fault.symptoms.names.is_empty()));
    }

    #[test]
    fn mistakes_of_an_extension_are_reported() {
        let probe = "probes:\n  state:\n    run: show\n    parse: keyvalue\n    facts: { active: values.ActiveState }\n";
        for (files, expect) in [
            (
                vec![("system", DERIVED.replace("extends: base", "extends: bse"))],
                "there is no system type `bse`",
            ),
            (vec![("system", DERIVED.replace("extends: base", "extends: derived"))], "cannot be extended"),
            (vec![("system", format!("{DERIVED}without: [deat]\n"))], "`deat` is not inherited"),
            (vec![("system", format!("{DERIVED}without: [disk]\n"))], "`full` needs the probe `disk`"),
            (vec![("system", format!("{DERIVED}{probe}"))], "gives a fact `unit` of the type name"),
            (
                vec![("system", DERIVED.replace("{ default: web }", "{ type: path, default: /web }"))],
                "the inherited parameter is a name",
            ),
            (
                vec![("system", DERIVED.to_owned()), ("dead", "playbook: dead\nrefines: other\n".to_owned())],
                "has no fault `dead` from `other`",
            ),
            (
                vec![("system", DERIVED.to_owned()), ("ded", "playbook: ded\nrefines: base\n".to_owned())],
                "has no fault `ded` from `base`",
            ),
            (
                vec![
                    ("system", DERIVED.to_owned()),
                    ("dead", "playbook: dead\nrefines: base\ncaused_by: [flood]\n".to_owned()),
                ],
                "`caused_by` names `flood`",
            ),
        ] {
            let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let problems = loaded(&files).expect_err(expect);
            assert!(problems.iter().any(|line| line.contains(expect)), "{expect:?} is not in {problems:#?}");
        }
    }
}
