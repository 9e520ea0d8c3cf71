//! The reader that is built in: deterministic, offline, and trained from examples.

use crate::ids::SymptomName;
use crate::reading::cues::Cues;
use crate::reading::labels::{
    Confidence, Cue, Language, ReadSentence, ReadSymptom, ReadTopic, Reading, SymptomShare, Topic, TopicShare,
};
use crate::reading::sentences::{Sentence, beginning, sentences};
use fieldmedic_classifier::{PreparedText, WordClassifier};
use std::iter;
use whatlang::{Detector, Lang};

/// So many symptoms and topics of a reading are kept; the rest is noise.
const KEPT: usize = 6;
/// So many words are given as the reason for a label.
const WORDS: usize = 6;
/// A sentence is kept if it adds something, or if it is so likely about something else, or names one symptom so
/// clearly.
const KEPT_SENTENCE: Confidence = 0.6;
/// So many sentences of a text are read one by one.
const MAX_SENTENCES: usize = 40;
/// So many sentences are kept.
const KEPT_SENTENCES: usize = 8;
/// So many characters of a sentence are shown.
const SHOWN: usize = 120;

/// What a reader learns from.
#[derive(Debug, Clone, Default)]
pub struct Examples {
    /// Texts that report a symptom.
    pub symptoms: Vec<(SymptomName, String)>,
    /// Texts that are about something else.
    pub topics: Vec<(Topic, String)>,
    /// Phrases that say how many are concerned, when, and how urgent it is.
    pub cues: Cues,
}

/// Reads tickets by their likeness to examples.
#[derive(Debug, Clone)]
pub struct ExampleReader {
    /// The classes are the symptoms, in their order, and after them the topics.
    classifier: WordClassifier,
    symptoms: Vec<SymptomName>,
    cues: Cues,
}

/// Examples with the numbers of their classes. The classes are the symptoms, in their order, and after them the topics.
#[derive(Debug, Clone)]
pub struct NumberedExamples<'e> {
    symptoms: Vec<SymptomName>,
    /// Each text with the number of its class.
    pub texts: Vec<(&'e str, usize)>,
}

impl NumberedExamples<'_> {
    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.symptoms.len() + Topic::ALL.len()
    }
}

impl Examples {
    /// Numbers the classes.
    pub fn numbered(&self) -> NumberedExamples<'_> {
        let mut symptoms: Vec<SymptomName> = self.symptoms.iter().map(|(name, _)| name.clone()).collect();
        symptoms.sort();
        symptoms.dedup();
        let of_symptoms = self
            .symptoms
            .iter()
            .filter_map(|(name, text)| Some((text.as_str(), symptoms.binary_search(name).ok()?)));
        let of_topics = self.topics.iter().filter_map(|(topic, text)| {
            let at = Topic::ALL.iter().position(|known| known == topic)?;
            Some((text.as_str(), symptoms.len() + at))
        });
        let texts = of_symptoms.chain(of_topics).collect();
        NumberedExamples { symptoms, texts }
    }
}

impl ExampleReader {
    /// Learns from the examples. It takes about a second for some thousand examples.
    pub fn new(examples: Examples) -> Self {
        let numbered = examples.numbered();
        let classifier = WordClassifier::train(numbered.classes(), numbered.texts);
        Self { classifier, symptoms: numbered.symptoms, cues: examples.cues }
    }

    /// What is classified of a text: the whole, and then each of its sentences.
    pub fn parts(text: &str) -> Vec<&str> {
        let sentences = sentences(text).take(MAX_SENTENCES).map(|sentence| sentence.text);
        [text].into_iter().chain(sentences).collect()
    }

    /// Reads a text. An empty one says nothing: every class is as likely as another.
    pub fn read(&self, text: &str) -> Reading {
        self.read_with(text, &[])
    }

    /// Reads a text with a second opinion: how likely each class is for each of [`parts`](Self::parts). Where there is
    /// one, both count the same.
    pub fn read_with(&self, text: &str, second: &[Vec<f32>]) -> Reading {
        let prepared = self.classifier.prepare(text);
        let likely = self.likely(&prepared, second.first());
        let (of_symptoms, of_topics) = likely.split_at_checked(self.symptoms.len()).unwrap_or_default();
        let problem: f32 = of_symptoms.iter().sum();
        let words = |class: usize| {
            self.classifier
                .words_for(&prepared, class, WORDS)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let symptoms = best(of_symptoms).into_iter().filter_map(|(at, confidence)| {
            Some(ReadSymptom { name: self.symptoms.get(at)?.clone(), confidence, words: words(at) })
        });
        let topics = best(of_topics).into_iter().filter_map(|(at, confidence)| {
            let topic = *Topic::ALL.get(at)?;
            Some(ReadTopic { topic, confidence, words: words(self.symptoms.len() + at) })
        });
        let language = language(text);
        Reading {
            language,
            problem: rounded(problem),
            symptoms: symptoms.collect(),
            topics: topics.collect(),
            cues: self.cues.find(text).into_iter().filter(|read| read.cue != Cue::Addition).collect(),
            sentences: self.sentences(text, language, second),
            model: None,
        }
    }

    fn likely(&self, text: &PreparedText<'_>, second: Option<&Vec<f32>>) -> Vec<f32> {
        let mut likely = self.classifier.classify(text);
        if let Some(second) = second.filter(|second| second.len() == likely.len()) {
            likely.iter_mut().zip(second).for_each(|(own, other)| *own = (*own + other) / 2.0);
        }
        likely
    }

    /// The sentences that may be about something by themselves.
    fn sentences(&self, text: &str, language: Language, second: &[Vec<f32>]) -> Vec<ReadSentence> {
        // The first opinion is about the whole.
        let second = second.iter().skip(1).map(Some).chain(iter::repeat(None));
        let read = sentences(text).take(MAX_SENTENCES).zip(second);
        let read = read.map(|(sentence, second)| self.sentence(sentence, language, second));
        let mut kept: Vec<(u8, usize, ReadSentence)> = read
            .enumerate()
            .filter_map(|(at, read)| {
                let first = read.symptoms.first().map_or(0.0, |share| share.confidence);
                let rank = match () {
                    () if read.adds => 0,
                    () if read.problem * first >= KEPT_SENTENCE => 1,
                    () if 1.0 - read.problem >= KEPT_SENTENCE => 2,
                    () => return None,
                };
                Some((rank, at, read))
            })
            .collect();
        // An introduction that says nothing must not crowd out what is added at the end.
        kept.sort_by_key(|(rank, at, _)| (*rank, *at));
        kept.truncate(KEPT_SENTENCES);
        kept.sort_by_key(|(_, at, _)| *at);
        kept.into_iter().map(|(.., read)| read).collect()
    }

    fn sentence(
        &self,
        Sentence { text, in_list }: Sentence<'_>,
        language: Language,
        second: Option<&Vec<f32>>,
    ) -> ReadSentence {
        let likely = self.likely(&self.classifier.prepare(text), second);
        let (of_symptoms, of_topics) = likely.split_at_checked(self.symptoms.len()).unwrap_or_default();
        let symptoms = best(of_symptoms).into_iter().filter_map(|(at, confidence)| {
            Some(SymptomShare { name: self.symptoms.get(at)?.clone(), confidence })
        });
        let topic = best(of_topics).first().and_then(|(at, confidence)| {
            Some(TopicShare { topic: *Topic::ALL.get(*at)?, confidence: *confidence })
        });
        ReadSentence {
            words: text.chars().take(SHOWN).collect(),
            // Facts and steps stand in lists too; a question among them is a thing of its own.
            adds: in_list && text.ends_with('?') || self.cues.says(beginning(text), Cue::Addition, language),
            problem: rounded(of_symptoms.iter().sum()),
            symptoms: symptoms.collect(),
            topic,
        }
    }
}

/// The greatest shares of these classes with their numbers; the shares of all add up to 1.
fn best(shares: &[f32]) -> Vec<(usize, f32)> {
    let sum: f32 = shares.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mut best: Vec<(usize, f32)> = shares.iter().map(|share| rounded(share / sum)).enumerate().collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    best.truncate(KEPT);
    best
}

/// To three digits: more would be noise in the journal.
fn rounded(confidence: f32) -> f32 {
    (confidence * 1000.0).round() / 1000.0
}

/// The language of a text, of those that are known; English for a text too short to tell.
pub fn language(text: &str) -> Language {
    let known = [Lang::Eng, Lang::Deu, Lang::Fra, Lang::Spa, Lang::Por, Lang::Afr];
    match Detector::with_allowlist(known.to_vec()).detect_lang(text) {
        Some(Lang::Deu) => Language::German,
        Some(Lang::Fra) => Language::French,
        Some(Lang::Spa) => Language::Spanish,
        Some(Lang::Por) => Language::Portuguese,
        Some(Lang::Afr) => Language::Afrikaans,
        _ => Language::English,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::relevance::{Relevance, relevance};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    fn symptom(name: &str) -> SymptomName {
        SymptomName::new(name).unwrap()
    }

    static READER: LazyLock<ExampleReader> = LazyLock::new(|| {
        let symptoms = [
            ("jobs-wait", "jobs stay pending for hours"),
            ("jobs-wait", "the sync stays pending, nothing is processed"),
            ("jobs-wait", "all jobs are pending since this morning"),
            ("no-space", "the disk is full"),
            ("no-space", "no space left on the disk of the server"),
            ("no-space", "the disk is nearly full, no space"),
        ];
        let topics = [
            (Topic::HowTo, "how do I add a layer to a project"),
            (Topic::HowTo, "how can I export a layer, is it possible"),
            (Topic::Device, "my tablet does not charge"),
            (Topic::Device, "the camera of my tablet is broken"),
        ];
        ExampleReader::new(Examples {
            symptoms: symptoms.map(|(name, text)| (symptom(name), text.to_owned())).into(),
            topics: topics.map(|(topic, text)| (topic, text.to_owned())).into(),
            cues: Cues::default(),
        })
    });

    #[test]
    fn a_text_is_read_by_its_likeness_to_examples() {
        let reading = READER.read("Jobs pending since hours");
        assert_eq!(reading.symptoms[0].name, symptom("jobs-wait"));
        assert!(reading.symptoms[0].words.contains(&"pending".to_owned()), "{reading:?}");
        assert_eq!(relevance(&reading, [&symptom("jobs-wait")]), Relevance::AskedFor);
        assert_eq!(relevance(&reading, [&symptom("no-space")]), Relevance::Unclear);
        assert_eq!(READER.read("how do I add layers?").topic(), Some(Topic::HowTo));
    }

    #[test]
    fn the_language_is_told() {
        for (text, expect) in [
            ("Nothing is synchronised since this morning", Language::English),
            ("Seit heute früh wird nichts mehr synchronisiert", Language::German),
            ("Depuis ce matin rien ne se synchronise", Language::French),
            ("Desde esta mañana no se sincroniza nada", Language::Spanish),
            ("Desde hoje de manhã nada sincroniza, não sei porquê", Language::Portuguese),
            ("Niks word sedert vanoggend gesinkroniseer nie", Language::Afrikaans),
            ("", Language::English),
        ] {
            assert_eq!(language(text), expect, "{text:?}");
        }
    }

    #[test]
    fn the_same_examples_give_the_same_reading() {
        let again = ExampleReader::new(Examples {
            symptoms: vec![(symptom("a"), "b c".into()), (symptom("d"), "b e".into())],
            ..Examples::default()
        });
        let twice = ExampleReader::new(Examples {
            symptoms: vec![(symptom("a"), "b c".into()), (symptom("d"), "b e".into())],
            ..Examples::default()
        });
        assert_eq!(again.read("b c e"), twice.read("b c e"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,60}") {
            let reading = READER.read(&text);
            prop_assert!((0.0..=1.001).contains(&reading.problem), "{}", reading.problem);
        }
    }
}
