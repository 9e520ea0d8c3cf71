//! The examples that are built in: texts that report no trouble of the system, and cues.

use crate::core::playbook::SymptomCatalogue;
use crate::core::reading::{Cue, Cues, Examples, Language, Topic};
use crate::core::ticket::close_feedback::FeedbackPhrases;
use include_dir::{Dir, include_dir};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

static READING: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/reading");

/// Texts by their language.
type Texts = BTreeMap<String, Vec<String>>;

/// What a reader of these symptoms learns from.
pub(super) fn examples(catalogue: &SymptomCatalogue) -> Examples {
    let symptoms = catalogue
        .symptoms()
        .iter()
        .flat_map(|(name, symptom)| symptom.examples.iter().map(move |text| (name.clone(), text.clone())));
    let of_topic = |topic: Topic| {
        let texts: Texts = file(&format!("topics/{topic}.yaml")).unwrap_or_default();
        texts.into_values().flatten().map(move |text| (topic, text))
    };
    let counter_examples = catalogue.symptoms().values().flat_map(|symptom| &symptom.counter_examples);
    let counter_examples = counter_examples.filter_map(|(topic, text)| {
        let topic = Topic::ALL.iter().find(|known| known.as_str() == topic)?;
        Some((*topic, text.clone()))
    });
    Examples {
        symptoms: symptoms.collect(),
        topics: Topic::ALL.iter().copied().flat_map(of_topic).chain(counter_examples).collect(),
        cues: cues(),
    }
}

/// The words by which feedback is understood.
pub(super) fn feedback_phrases() -> FeedbackPhrases {
    file("feedback.yaml").unwrap_or_default()
}

fn cues() -> Cues {
    let phrases: BTreeMap<Cue, BTreeMap<Language, Vec<String>>> = file("cues.yaml").unwrap_or_default();
    let phrases = phrases.iter().flat_map(|(cue, by_language)| {
        let texts =
            by_language.iter().flat_map(|(language, texts)| texts.iter().map(move |it| (language, it)));
        texts.map(move |(language, phrase)| (*cue, *language, phrase.as_str()))
    });
    Cues::new(phrases)
}

/// A file of `reading/`; `None` if it is not there or cannot be read, which the tests rule out.
fn file<T: DeserializeOwned>(path: &str) -> Option<T> {
    let text = READING.get_file(path)?.contents_utf8()?;
    serde_saphyr::from_str_with_options(text, crate::library::yaml()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_there_and_has_every_language() {
        let languages: Vec<&str> = Language::ALL.iter().map(|language| language.as_str()).collect();
        let topics = Topic::ALL.iter().map(|topic| format!("topics/{topic}.yaml"));
        let all = topics.map(|path| (path.clone(), file::<Texts>(&path).unwrap()));
        let cues: BTreeMap<Cue, Texts> = file("cues.yaml").unwrap();
        assert_eq!(cues.keys().copied().collect::<Vec<_>>(), Cue::ALL);
        for (path, texts) in all.chain(cues.into_iter().map(|(cue, texts)| (cue.to_string(), texts))) {
            for language in &languages {
                assert!(texts.get(*language).is_some_and(|texts| texts.len() >= 3), "{path}: {language}");
            }
            assert_eq!(texts.len(), languages.len(), "{path}: a language that is not known");
        }
    }
}
