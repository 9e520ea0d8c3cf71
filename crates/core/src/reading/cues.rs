//! Cues: words that say by themselves how many are concerned, when, and how urgent it is.

use crate::reading::labels::{Cue, Language, ReadCue};
use fieldmedic_classifier::{Word, words};
use std::collections::HashMap;

/// The phrases of every cue, in all languages.
#[derive(Debug, Clone, Default)]
pub struct Cues {
    /// By the first word of the phrase, in its plain form.
    phrases: HashMap<String, Vec<Phrase>>,
}

/// A phrase without its first word.
#[derive(Debug, Clone)]
struct Phrase {
    cue: Cue,
    language: Language,
    rest: Vec<String>,
}

impl Cues {
    /// Takes phrases of one or more words each.
    pub fn new<'p>(phrases: impl IntoIterator<Item = (Cue, Language, &'p str)>) -> Self {
        let mut cues = Self::default();
        for (cue, language, phrase) in phrases {
            let mut plain = words(phrase).into_iter().map(|word| word.plain);
            if let Some(first) = plain.next() {
                let phrase = Phrase { cue, language, rest: plain.collect() };
                cues.phrases.entry(first).or_default().push(phrase);
            }
        }
        cues
    }

    /// Whether a text says this in a language. Some words say it in one language and nothing in another.
    pub(super) fn says(&self, text: &str, cue: Cue, language: Language) -> bool {
        let words = words(text);
        self.said(&words).any(|(_, phrase)| phrase.cue == cue && phrase.language == language)
    }

    /// The cues of a text, each once, with the words that hold it first.
    pub(super) fn find(&self, text: &str) -> Vec<ReadCue> {
        let words = words(text);
        let mut found: Vec<ReadCue> = Vec::new();
        for (at, phrase) in self.said(&words) {
            if found.iter().all(|read| read.cue != phrase.cue) {
                let written = words.iter().skip(at).take(phrase.rest.len() + 1).map(|word| word.written);
                found.push(ReadCue { cue: phrase.cue, words: written.collect::<Vec<_>>().join(" ") });
            }
        }
        found
    }

    /// The phrases that stand in these words, each with the place of its first word.
    fn said<'c>(&'c self, words: &'c [Word<'_>]) -> impl Iterator<Item = (usize, &'c Phrase)> {
        words.iter().enumerate().flat_map(move |(at, word)| {
            let following = words.get(at + 1..).unwrap_or_default();
            let phrases = self.phrases.get(&word.plain).into_iter().flatten();
            phrases.filter(move |phrase| phrase.goes_on_in(following)).map(move |phrase| (at, phrase))
        })
    }
}

impl Phrase {
    fn goes_on_in(&self, following: &[Word<'_>]) -> bool {
        following.len() >= self.rest.len()
            && following.iter().zip(&self.rest).all(|(word, plain)| word.plain == *plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cue_is_a_whole_phrase_in_any_writing() {
        let cues = Cues::new([
            (Cue::Everyone, Language::English, "for everyone"),
            (Cue::Everyone, Language::German, "alle"),
            (Cue::Urgent, Language::English, "asap"),
        ]);
        let found = cues.find("ASAP please! It fails for Everyone, ALLE.");
        assert_eq!(
            found,
            [
                ReadCue { cue: Cue::Urgent, words: "ASAP".into() },
                ReadCue { cue: Cue::Everyone, words: "for Everyone".into() },
            ]
        );
        assert_eq!(cues.find("for every one, allegedly"), []);
        assert_eq!(cues.find("it ends with for"), []);
        assert!(cues.says("it fails for everyone", Cue::Everyone, Language::English));
        assert!(!cues.says("it fails for everyone", Cue::Everyone, Language::German));
    }
}
