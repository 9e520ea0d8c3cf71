//! A playbook that answers a question.

use super::decode::{Map, Page, suggest};
use crate::core::name::{PlaybookName, ProbeName};
use crate::core::playbook::{Request, System};

pub(super) fn decode(page: &Page, mut map: Map<'_>, system: &System) -> Option<Request> {
    map.take("kind");
    let name = map.need("playbook", "its name, as the file has it");
    let name = name.and_then(|node| page.named(&node, PlaybookName::new));
    let title = map.need("title", "what people read").and_then(|node| page.text_of(&node));
    let asks = map.items("asks", |node| page.regex(node));
    let probes = map.items("probes", |node| {
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
            "`probes` is missing or empty",
            "name the probes whose facts the answer uses",
        );
    }
    map.finish();
    Some(Request {
        name: name?,
        title: title?,
        asks,
        probes: probes.into_iter().collect(),
        answer: answer?,
        health,
    })
}
