//! Feedback: what a person says in a comment without a command, about a closed ticket or when asked whether it works
//! now. Only plain words are understood; a person who is not understood can react to the question or reopen the
//! issue.

use crate::reading::{Language, plain_words};
use crate::ticket::authored_text::AuthoredText;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a comment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback {
    /// It does not work.
    StillBroken,
    /// It works.
    Works,
    /// Thanks, and nothing else.
    Thanks,
}

/// Phrases by their language.
type Phrases = BTreeMap<Language, Vec<Phrase>>;

/// The plain words of a phrase.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
struct Phrase(Vec<String>);

impl From<String> for Phrase {
    fn from(text: String) -> Self {
        Self(plain_words(&text))
    }
}

/// The words by which feedback is understood; `reading/feedback.yaml` holds them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedbackPhrases {
    /// It works. With a word of `not`, it does not.
    works: Phrases,
    /// It does not work. With a word of `not`, it does.
    trouble: Phrases,
    /// A negation.
    not: Phrases,
    /// What was so goes on.
    still: Phrases,
    /// The sentence speaks of the past, the future, a condition, or of what others say.
    aside: Phrases,
    /// Whatever works, something else does not.
    but: Phrases,
    /// Yes to a question.
    affirmative: Phrases,
    /// No to a question.
    negative: Phrases,
    /// Thanks.
    thanks: Phrases,
}

impl FeedbackPhrases {
    /// What a comment says; `None` if it is not understood. `languages` are tried in turn, and English at the end.
    /// `is_answer`: a question was asked, so that a bare yes or no says something.
    pub fn read(&self, comment: &str, languages: &[Language], is_answer: bool) -> Option<Feedback> {
        let own = AuthoredText::read("", comment).own;
        if let Some(thumb) = thumb(&own) {
            return Some(thumb);
        }
        let mut languages = languages.iter().chain([&Language::English]);
        languages.find_map(|language| self.read_in(&own, *language, is_answer))
    }

    fn read_in(&self, own: &str, language: Language, is_answer: bool) -> Option<Feedback> {
        let mut heard = Vec::new();
        let mut is_limited = false;
        let mut thanks = false;
        for clause in clauses(own) {
            let words = plain_words(&clause);
            let says = |phrases: &Phrases| {
                let mut phrases = phrases.get(&language).into_iter().flatten();
                phrases.any(|phrase| contains(&words, &phrase.0))
            };
            thanks |= says(&self.thanks);
            is_limited |= says(&self.but);
            if says(&self.aside) {
                continue;
            }
            let is_short = words.len() <= 2;
            let (works, trouble) = (says(&self.works), says(&self.trouble));
            let (not, still) = (says(&self.not), says(&self.still));
            match (works, trouble) {
                (false, false) if is_answer && is_short && says(&self.negative) => {
                    heard.push(Feedback::StillBroken);
                }
                (false, false) if is_answer && is_short && says(&self.affirmative) => {
                    heard.push(Feedback::Works);
                }
                (false, false) if not && still => heard.push(Feedback::StillBroken),
                (false, false) => is_limited |= not || still,
                // "The problem is solved", "no error any more".
                (true, true) if !not && !still => heard.push(Feedback::Works),
                (false, true) if not && !still => heard.push(Feedback::Works),
                (true, false) if !not => heard.push(Feedback::Works),
                _ => heard.push(Feedback::StillBroken),
            }
        }
        if heard.contains(&Feedback::StillBroken) {
            return Some(Feedback::StillBroken);
        }
        match heard.first() {
            // A yes with a limit is none, and a no neither.
            Some(_) if is_limited => None,
            Some(first) => Some(*first),
            None => (thanks && !is_limited).then_some(Feedback::Thanks),
        }
    }
}

/// A thumb says it without words.
fn thumb(text: &str) -> Option<Feedback> {
    match (text.contains('\u{1F44D}'), text.contains('\u{1F44E}')) {
        (true, false) => Some(Feedback::Works),
        (false, true) => Some(Feedback::StillBroken),
        _ => None,
    }
}

fn contains(words: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && words.windows(phrase.len()).any(|part| part == phrase)
}

/// The clauses of a text, without its questions.
fn clauses(text: &str) -> Vec<String> {
    let mut clauses = Vec::new();
    let mut sentence: Vec<String> = Vec::new();
    let mut clause = String::new();
    for c in text.chars() {
        match c {
            ',' | ';' | ':' => sentence.push(std::mem::take(&mut clause)),
            '?' => {
                clause.clear();
                sentence.clear();
            }
            '.' | '!' | '\n' => {
                sentence.push(std::mem::take(&mut clause));
                clauses.append(&mut sentence);
            }
            c => clause.push(c),
        }
    }
    sentence.push(clause);
    clauses.append(&mut sentence);
    clauses.retain(|clause| !clause.trim().is_empty());
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static PHRASES: LazyLock<FeedbackPhrases> = LazyLock::new(|| {
        let english = |words: &[&str]| {
            Phrases::from([(Language::English, words.iter().map(|word| (*word).to_owned().into()).collect())])
        };
        FeedbackPhrases {
            works: english(&["works", "work", "working", "fixed", "solved"]),
            trouble: english(&["broken", "error", "problem", "same error", "fails"]),
            not: english(&["not", "doesn't", "no"]),
            still: english(&["still"]),
            aside: english(&["if", "was"]),
            but: english(&["but"]),
            affirmative: english(&["yes"]),
            negative: english(&["no"]),
            thanks: english(&["thanks"]),
        }
    });

    fn read(comment: &str, is_answer: bool) -> Option<Feedback> {
        PHRASES.read(comment, &[], is_answer)
    }

    #[test]
    fn plain_words_are_understood() {
        use Feedback::{StillBroken, Thanks, Works};
        for (comment, expect) in [
            ("It works", Some(Works)),
            ("thanks, works again!", Some(Works)),
            ("The problem is solved.", Some(Works)),
            ("No error any more", Some(Works)),
            ("still broken", Some(StillBroken)),
            ("Hi,\nunfortunately it still doesn’t work.\nRegards", Some(StillBroken)),
            ("Thanks! But the upload fails.", Some(StillBroken)),
            ("It works for me but not for him", Some(StillBroken)),
            ("it works, but slowly", None),
            ("thanks", Some(Thanks)),
            ("Does it work?", None),
            ("If it works I will tell you", None),
            ("It was broken", None),
            ("> still broken\n\nthanks", Some(Thanks)),
            ("> still broken", None),
            ("\u{1F44D}", Some(Works)),
            ("\u{1F44E} again", Some(StillBroken)),
            ("\u{1F44D} \u{1F44E}", None),
            ("Any news?", None),
            ("", None),
        ] {
            assert_eq!(read(comment, false), expect, "{comment:?}");
        }
    }

    #[test]
    fn a_bare_yes_answers_a_question_only() {
        assert_eq!(read("Yes.", true), Some(Feedback::Works));
        assert_eq!(read("No!", true), Some(Feedback::StillBroken));
        assert_eq!(read("Yes.", false), None);
        assert_eq!(read("no, I mean that other ticket", true), Some(Feedback::StillBroken));
        assert_eq!(read("yes I am here", true), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(comment in "(still broken|if|[?.,'\n> İßé\u{0}a-z]){0,40}") {
            read(&comment, true);
        }

        #[test]
        fn what_is_quoted_says_nothing(words in "[a-z ]{0,20}still broken[a-z ]{0,20}") {
            prop_assert_eq!(read(&format!("> {words}"), true), None);
        }
    }
}
