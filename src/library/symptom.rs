//! Decodes a symptom: what people notice, with examples of how they put it.

use crate::core::ids::SymptomName;
use crate::core::playbook::Symptom;
use crate::core::reading::{Language, Topic};
use crate::library::decode::{Map, YamlFile, suggest};

pub(super) fn decode(file: &YamlFile, mut map: Map<'_>) -> Option<(SymptomName, Symptom)> {
    let name = map.require("symptom", "the symptom's name, the same as the file's");
    let name = name.and_then(|node| file.named(&node, SymptomName::new));
    let summary = map.require("summary", "what people notice, in one sentence");
    let summary = summary.and_then(|node| file.text_of(&node));
    let languages = Language::ALL.iter().map(|language| language.as_str());
    let examples = map
        .require("examples", "texts by language, such as `en: [nothing syncs]`")
        .map_or_else(Vec::new, |node| texts_by_key(file, file.map(node), languages.collect()));
    let topics = Topic::ALL.iter().map(|topic| topic.as_str());
    let counter_examples = map
        .take("counter_examples")
        .map_or_else(Vec::new, |node| texts_by_key(file, file.map(node), topics.collect()));
    map.finish();
    let examples = examples.into_iter().map(|(_, text)| text).collect();
    Some((name?, Symptom { summary: summary?, examples, counter_examples }))
}

/// The texts of a map from known words to lists.
pub(super) fn texts_by_key(file: &YamlFile, map: Option<Map<'_>>, known: Vec<&str>) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (key, node) in map.map(Map::into_entries).unwrap_or_default() {
        if !known.contains(&key.name.as_str()) {
            let hint = suggest(&key.name, known.iter().copied());
            file.report(key.span, &format!("`{}` is not known here", key.name), &hint);
            continue;
        }
        let listed = file.list(node).unwrap_or_default();
        let listed = listed.iter().filter_map(|node| file.text_of(node));
        texts.extend(listed.map(|text| (key.name.clone(), text)));
    }
    texts
}
