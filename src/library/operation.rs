//! Decodes a playbook of an operation, which changes something because a person orders it.

use crate::core::playbook::{Operation, SystemType};
use crate::library::decode::{Map, YamlFile};
use crate::library::{fault, param, system};

/// Keys of a fault that say how it is recognised; an operation is ordered.
const OF_FAULTS: [&str; 6] =
    ["symptoms", "causes", "caused_by", "independent_of", "reported_only", "refines"];

pub(super) fn decode(file: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Operation> {
    for key in OF_FAULTS {
        if let Some(node) = map.peek(key) {
            file.report(
                node.span,
                &format!("an operation has no `{key}`"),
                "only a command orders an operation",
            );
        }
    }
    let params = map.take("params").and_then(|node| file.map(node));
    let params = params.map(|map| param::decode_request_params(file, map, system)).unwrap_or_default();
    let (extended, extra_probes) = system::decode_extra_probes(file, &mut map, &params, system);
    let span = map.span();
    let (fault, _) = fault::decode(file, map, &extended)?;
    if fault.remediation.is_empty() {
        file.report(
            span,
            "`remediation` is missing",
            "list the steps; a playbook that changes nothing is a request",
        );
    }
    Some(Operation { fault, params, extra_probes })
}

#[cfg(test)]
mod tests {
    use crate::library::{Files, load};

    const SYSTEM: &str = "format: 1\nsystem_type: x\nparams:\n  dir: { type: path, default: /srv }\nprobes:\n  disk:\n    run: df -P {{ dir }}\n    facts:\n      used: text\n";
    const OPERATION: &str = "playbook: restart\nkind: operation\ntitle: Restart a service\nparams:\n  service: { type: name, help: which }\nextra_probes:\n  state:\n    run: state {{ service }}\n    parse: keyvalue\n    facts: { up_s: values.up_s | number }\nwhen: state.up_s > 60\nsummary: \"{{ service }} runs for {{ state.up_s }} s\"\nremediation:\n  - { name: restart, run: \"restart {{ service }}\", if_interrupted: escalate }\nverify: [{ that: state.up_s < 60 }]\nescalate: { advice: look }\n";

    fn found(operation: &str) -> Vec<String> {
        let files = [("x/system.yaml", SYSTEM), ("x/restart.yaml", operation)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let problems = load(&Files::from_map(files.into())).err();
        let problems = problems.iter().flat_map(|problems| problems.list());
        problems.map(|problem| format!("{} ({})", problem.message, problem.hint)).collect()
    }

    #[test]
    fn an_operation_has_parameters_and_probes_of_its_own_and_is_no_fault() {
        assert_eq!(found(OPERATION), Vec::<String>::new());
        let files = [("x/system.yaml", SYSTEM), ("x/restart.yaml", OPERATION)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let library = load(&Files::from_map(files.into())).expect("a sound library");
        let system = &library.systems["x"];
        assert!(system.faults.is_empty() && !system.probes.contains_key("state"));
        let operated = system.operated(&system.operations[0]);
        assert!(operated.params.contains_key("service") && operated.probes.contains_key("disk"));
        assert_eq!(operated.fault_probes().iter().map(|probe| probe.as_str()).collect::<Vec<_>>(), ["state"]);
    }

    #[test]
    fn mistakes_of_an_operation_are_reported() {
        for (from, to, expect) in [
            ("title:", "symptoms: { labels: [x] }\ntitle:", "an operation has no `symptoms`"),
            ("title:", "reported_only: true\ntitle:", "an operation has no `reported_only`"),
            ("service:", "dir:", "already has a parameter or a probe `dir`"),
            ("restart {{ service }}", "restart {{ servce }}", "(did you mean `service`?)"),
            ("restart {{ service }}", "docker volume prune", "deleting volumes deletes data"),
            (
                "remediation:\n  - { name: restart, run: \"restart {{ service }}\", if_interrupted: escalate }\n",
                "",
                "`remediation` is missing",
            ),
        ] {
            let problems = found(&OPERATION.replace(from, to));
            assert!(
                problems.iter().any(|line| line.contains(expect)),
                "{to:?}: {expect:?} is not in {problems:#?}"
            );
        }
    }
}
