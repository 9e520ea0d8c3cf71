//! Cues: words that say by themselves how many are concerned, when, and how urgent it is.

use crate::reading::features::{Word, words};
use crate::reading::labels::{Cue, ReadCue};
use std::collections::HashMap;

/// The phrases of every cue, in all languages.
#[derive(Debug, Clone, Default)]
pub struct Cues {
    /// By the first word of the phrase, in its plain form.
    phrases: HashMap<String, Vec<(Cue, Vec<String>)>>,
}

impl Cues {
    /// Takes phrases of one or more words each.
    pub fn new<'p>(phrases: impl IntoIterator<Item = (Cue, &'p str)>) -> Self {
        let mut cues = Self::default();
        for (cue, phrase) in phrases {
            let mut plain = words(phrase).into_iter().map(|word| word.plain);
            if let Some(first) = plain.next() {
                cues.phrases.entry(first).or_default().push((cue, plain.collect()));
            }
        }
        cues
    }

    /// The cues of a text, each once, with the words that hold it first.
    pub(super) fn find(&self, text: &str) -> Vec<ReadCue> {
        let words = words(text);
        let mut found: Vec<ReadCue> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            for (cue, rest) in self.phrases.get(&word.plain).into_iter().flatten() {
                let following = words.get(at + 1..).unwrap_or_default();
                let is_same = following.len() >= rest.len()
                    && following.iter().zip(rest).all(|(word, plain)| word.plain == *plain);
                if is_same && found.iter().all(|read| read.cue != *cue) {
                    let written =
                        words.iter().skip(at).take(rest.len() + 1).map(|word: &Word<'_>| word.written);
                    found.push(ReadCue { cue: *cue, words: written.collect::<Vec<_>>().join(" ") });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cue_is_a_whole_phrase_in_any_writing() {
        let cues =
            Cues::new([(Cue::Everyone, "for everyone"), (Cue::Everyone, "alle"), (Cue::Urgent, "asap")]);
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
    }
}
