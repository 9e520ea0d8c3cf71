//! Decodes a playbook of a request, which answers a question.

use crate::core::ids::{PlaybookName, ProbeName};
use crate::core::playbook::{NotWell, Request, SystemType};
use crate::library::decode::{Map, YamlFile, suggest};
use crate::library::{fault, param, system};
use std::collections::BTreeSet;

pub(super) fn decode(file: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Request> {
    map.take("kind");
    let name = map.require("playbook", "the playbook's name, the same as the file's");
    let name = name.and_then(|node| file.named(&node, PlaybookName::new));
    let title = map.require("title", "what people read").and_then(|node| file.text_of(&node));
    let question_patterns = map.items("question_patterns", |node| file.regex(node));
    let params = map.take("params").and_then(|node| Some((node.span, file.map(node)?)));
    let params = params.map(|(span, map)| (span, param::decode_request_params(file, map, system)));
    let required = params.as_ref().filter(|(_, params)| params.values().any(|param| param.default.is_none()));
    if let (Some((span, _)), false) = (required, question_patterns.is_empty()) {
        file.report(
            *span,
            "a parameter has no default, and a ticket that matches `question_patterns` gives no values",
            "add the defaults, or remove `question_patterns`, so that only a command asks the request",
        );
    }
    let params = params.map(|(_, params)| params).unwrap_or_default();
    let listed = map.items("probes", |node| {
        let probe = file.named(node, ProbeName::new)?;
        if !system.probes.contains_key(&probe) {
            let known = system.probes.keys().map(ProbeName::as_str);
            file.report(
                node.span,
                &format!("`{probe}` is not a probe of this system type"),
                &suggest(probe.as_str(), known),
            );
        }
        Some(probe)
    });
    let (_, extra_probes) = system::decode_extra_probes(file, &mut map, &params, system);
    let probes: BTreeSet<ProbeName> = listed.into_iter().chain(extra_probes.keys().cloned()).collect();
    let health = map.take("health").and_then(|node| file.flag(&node)).unwrap_or(false);
    let not_well = map.items("not_well", |node| {
        let mut map = file.map(node.clone())?;
        let when = map.require("when", "the condition under which something is not well");
        let when = when.and_then(|node| fault::checked_expr(file, &node, system));
        let summary = map.require("summary", "what is not well, in one sentence");
        let summary = summary.and_then(|node| fault::message(file, &node, system));
        map.finish();
        Some(NotWell { when: when?, summary: summary? })
    });
    let answer = map.require("answer", "a Markdown template over the facts").and_then(|node| {
        let text = file.text_of(&node)?;
        if let Err(problem) = crate::render::check_answer(&text) {
            file.report(
                node.span,
                &format!("this is not a template: {problem}"),
                "write values in `{{ }}` and blocks in `{% %}`",
            );
            return None;
        }
        Some(text)
    });
    if probes.is_empty() {
        file.report(
            map.span(),
            "there are neither `probes` nor `extra_probes`",
            "name the probes whose facts the answer uses",
        );
    }
    map.finish();
    Some(Request {
        name: name?,
        title: title?,
        question_patterns,
        params,
        probes,
        extra_probes,
        answer: answer?,
        health,
        not_well,
    })
}

#[cfg(test)]
mod tests {
    use crate::library::{Files, load};

    const SYSTEM: &str = "format: 1\nsystem_type: x\nparams:\n  dir: { type: path, default: /srv }\nprobes:\n  disk:\n    run: df -P {{ dir }}\n    facts:\n      used: text\n";
    const REQUEST: &str = "playbook: logs\nkind: request\ntitle: Logs\nparams:\n  service: { type: name, help: which }\n  lines: { type: integer, default: 50, min: 1, max: 500 }\n  only: { type: name, default: all, one_of: [all, failed] }\nprobes: [disk]\nextra_probes:\n  log:\n    cwd: \"{{ dir }}\"\n    run: logs {{ service }} {{ lines }} {{ only }}\n    facts: { text: text }\nanswer: \"{{ log.text }}\"\n";

    fn found(request: &str) -> Vec<String> {
        let files = [("x/system.yaml", SYSTEM), ("x/logs.yaml", request)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let problems = load(&Files::from_map(files.into())).err();
        let problems = problems.iter().flat_map(|problems| problems.list());
        problems.map(|problem| format!("{} ({})", problem.message, problem.hint)).collect()
    }

    #[test]
    fn a_request_has_parameters_and_probes_of_its_own() {
        assert_eq!(found(REQUEST), Vec::<String>::new());
        let files = [("x/system.yaml", SYSTEM), ("x/logs.yaml", REQUEST)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let library = load(&Files::from_map(files.into())).expect("a sound library");
        let system = &library.systems["x"];
        let request = &system.requests[0];
        assert_eq!(request.probes.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["disk", "log"]);
        assert!(!system.probes.contains_key("log") && !system.params.contains_key("lines"));
        let extended = system.asked(request);
        assert!(extended.probes.contains_key("log") && extended.params.contains_key("lines"));
    }

    #[test]
    fn mistakes_of_a_request_are_reported() {
        for (from, to, expect) in [
            ("type: integer", "type: intger", "`intger` is not a valid value here"),
            ("default: 50", "default: 501", "501 is more than 500"),
            ("min: 1", "min: 900", "`min` is more than `max`"),
            ("type: name, help: which", "type: name, min: 1", "a name cannot have `min` or `max`"),
            ("default: all, one_of", "default: any, one_of", "any is none of all, failed"),
            ("[all, failed]", "[all, -f]", "is not a name"),
            ("service:", "system:", "`system` is reserved"),
            ("service:", "dir:", "already has a parameter or a probe `dir`"),
            ("service:", "disk:", "already has a parameter or a probe `disk`"),
            ("\n  log:", "\n  disk:", "the system type already has a probe `disk`"),
            ("{{ service }}", "{{ servce }}", "(did you mean `service`?)"),
            ("{{ service }}", "{{ log.text }}", "uses its own facts"),
            ("logs {{ service }}", "logs | sh", "`|` in `run` needs a shell"),
            (
                "title: Logs",
                "title: Logs\nquestion_patterns: ['logs']",
                "a ticket that matches `question_patterns` gives no values",
            ),
        ] {
            let problems = found(&REQUEST.replace(from, to));
            assert!(
                problems.iter().any(|line| line.contains(expect)),
                "{to:?}: {expect:?} is not in {problems:#?}"
            );
        }
        let bare = REQUEST.split("params:").next().unwrap_or_default();
        let problems = found(&format!("{bare}answer: x\n"));
        assert!(
            problems.iter().any(|line| line.contains("neither `probes` nor `extra_probes`")),
            "{problems:#?}"
        );
    }
}
