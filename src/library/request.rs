//! A playbook that answers a question.

use crate::core::ids::{PlaybookName, ProbeName};
use crate::core::playbook::{Request, SystemType};
use crate::library::decode::{Map, YamlFile, suggest};
use crate::library::{param, system};
use std::collections::BTreeSet;

pub(super) fn decode(page: &YamlFile, mut map: Map<'_>, system: &SystemType) -> Option<Request> {
    map.take("kind");
    let name = map.require("playbook", "its name, as the file has it");
    let name = name.and_then(|node| page.named(&node, PlaybookName::new));
    let title = map.require("title", "what people read").and_then(|node| page.text_of(&node));
    let asks = map.items("asks", |node| page.regex(node));
    let params = map.take("params").and_then(|node| Some((node.span, page.map(node)?)));
    let params = params.map(|(place, map)| (place, param::decode_request_params(page, map, system)));
    let needs_a_value =
        params.as_ref().filter(|(_, params)| params.values().any(|param| param.default.is_none()));
    if let (Some((place, _)), false) = (needs_a_value, asks.is_empty()) {
        page.report(
            *place,
            "a ticket's words give no values, so a request with `asks` needs a default for each parameter",
            "give the defaults, or leave `asks` out: then the request is made by a command alone",
        );
    }
    let params = params.map(|(_, params)| params).unwrap_or_default();
    let listed = map.items("probes", |node| {
        let probe = page.named(node, ProbeName::new)?;
        if !system.probes.contains_key(&probe) {
            let known = system.probes.keys().map(ProbeName::as_str);
            page.report(
                node.span,
                &format!("`{probe}` is no probe of this system"),
                &suggest(probe.as_str(), known),
            );
        }
        Some(probe)
    });
    // Its own probes are read as if they stood in the system's file, beside its parameters.
    let mut own = system.clone();
    own.params.extend(params.clone());
    if let Some(probes) = map.take("looks").and_then(|node| page.map(node)) {
        system::decode_probes(page, probes, &mut own);
    }
    own.probes.retain(|name, _| !system.probes.contains_key(name));
    let looks = own.probes;
    let probes: BTreeSet<ProbeName> = listed.into_iter().chain(looks.keys().cloned()).collect();
    let health = map.take("health").and_then(|node| page.flag(&node)).unwrap_or(false);
    let answer = map.require("answer", "a Markdown template over the facts").and_then(|node| {
        let text = page.text_of(&node)?;
        if let Err(problem) = crate::render::check_answer(&text) {
            page.report(
                node.span,
                &format!("not a template: {problem}"),
                "values stand in `{{ }}`, blocks in `{% %}`",
            );
            return None;
        }
        Some(text)
    });
    if probes.is_empty() {
        page.report(
            map.place(),
            "there are neither `probes` nor `looks`",
            "name the probes whose facts the answer uses, or write some of its own",
        );
    }
    map.finish();
    Some(Request {
        name: name?,
        title: title?,
        question_patterns: asks,
        params,
        probes,
        extra_probes: looks,
        answer: answer?,
        health,
    })
}

#[cfg(test)]
mod tests {
    use crate::library::{Files, load};

    const SYSTEM: &str = "system: x\nparams:\n  dir: { type: path, default: /srv }\nprobes:\n  disk:\n    run: df -P {{ dir }}\n    facts:\n      used: text\n";
    const REQUEST: &str = "playbook: logs\nkind: request\ntitle: Logs\nparams:\n  service: { type: name, help: which }\n  lines: { type: integer, default: 50, min: 1, max: 500 }\n  only: { type: name, default: all, one_of: [all, failed] }\nprobes: [disk]\nlooks:\n  log:\n    in: \"{{ dir }}\"\n    run: logs {{ service }} {{ lines }} {{ only }}\n    facts: { text: text }\nanswer: \"{{ log.text }}\"\n";

    fn problems(request: &str) -> Vec<String> {
        let files = [("x/system.yaml", SYSTEM), ("x/logs.yaml", request)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let told = load(&Files::from_map(files.into())).err();
        let told = told.iter().flat_map(|problems| problems.list());
        told.map(|problem| format!("{} ({})", problem.message, problem.hint)).collect()
    }

    #[test]
    fn a_request_has_parameters_and_probes_of_its_own() {
        assert_eq!(problems(REQUEST), Vec::<String>::new());
        let files = [("x/system.yaml", SYSTEM), ("x/logs.yaml", REQUEST)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let library = load(&Files::from_map(files.into())).expect("a sound library");
        let system = &library.systems["x"];
        let request = &system.requests[0];
        assert_eq!(request.probes.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["disk", "log"]);
        assert!(!system.probes.contains_key("log") && !system.params.contains_key("lines"));
        let asked = system.asked(request);
        assert!(asked.probes.contains_key("log") && asked.params.contains_key("lines"));
    }

    #[test]
    fn what_a_request_cannot_have_is_told() {
        for (from, to, expect) in [
            ("type: integer", "type: intger", "`intger` is not known here"),
            ("default: 50", "default: 501", "501 is more than 500"),
            ("min: 1", "min: 900", "`min` is more than `max`"),
            ("type: name, help: which", "type: name, min: 1", "a name has no bounds"),
            ("default: all, one_of", "default: any, one_of", "any is none of all, failed"),
            ("[all, failed]", "[all, -f]", "is not a name"),
            ("service:", "system:", "`system` names the system"),
            ("service:", "dir:", "has a parameter or a probe `dir` already"),
            ("service:", "disk:", "has a parameter or a probe `disk` already"),
            ("\n  log:", "\n  disk:", "the system has a probe `disk` already"),
            ("{{ service }}", "{{ servce }}", "(did you mean `service`?)"),
            ("{{ service }}", "{{ log.text }}", "uses its own facts"),
            ("logs {{ service }}", "logs | sh", "`|` in `run` needs a shell"),
            ("title: Logs", "title: Logs\nasks: ['logs']", "a ticket's words give no values"),
        ] {
            let told = problems(&REQUEST.replace(from, to));
            assert!(told.iter().any(|line| line.contains(expect)), "{to:?}: {expect:?} is not in {told:#?}");
        }
        let bare = REQUEST.split("params:").next().unwrap_or_default();
        let told = problems(&format!("{bare}answer: x\n"));
        assert!(told.iter().any(|line| line.contains("neither `probes` nor `looks`")), "{told:#?}");
    }
}
