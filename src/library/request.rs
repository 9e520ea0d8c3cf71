//! A playbook that answers a question.

use super::decode::{Map, Page, suggest};
use super::{param, system};
use crate::core::name::{PlaybookName, ProbeName};
use crate::core::playbook::{Request, System};
use std::collections::BTreeSet;

pub(super) fn decode(page: &Page, mut map: Map<'_>, system: &System) -> Option<Request> {
    map.take("kind");
    let name = map.need("playbook", "its name, as the file has it");
    let name = name.and_then(|node| page.named(&node, PlaybookName::new));
    let title = map.need("title", "what people read").and_then(|node| page.text_of(&node));
    let asks = map.items("asks", |node| page.regex(node));
    let params = map.take("params").and_then(|node| Some((node.place, page.map(node)?)));
    let params = params.map(|(place, map)| (place, param::decode_asked(page, map, system)));
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
                node.place,
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
    let answer = map.need("answer", "a Markdown template over the facts").and_then(|node| {
        let text = page.text_of(&node)?;
        if let Err(problem) = crate::render::check_answer(&text) {
            page.report(
                node.place,
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
    Some(Request { name: name?, title: title?, asks, params, probes, looks, answer: answer?, health })
}
