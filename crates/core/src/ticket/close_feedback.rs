//! Feedback to a close: what a person says about a closed ticket in a comment without a command. Only a few
//! plain phrases are understood; a person who is not understood can reopen the issue.

use crate::ticket::authored_text::AuthoredText;

/// What a comment says about a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback {
    /// The fault is not fixed.
    StillBroken,
    /// It is.
    Thanks,
}

/// Whole words, in lower case, without signs; `cant` is how `can't` is read.
const STILL_BROKEN: [&str; 60] = [
    "still broken",
    "still not working",
    "still not fixed",
    "still not solved",
    "still not resolved",
    "still not syncing",
    "still not possible",
    "still fails",
    "still failing",
    "still happens",
    "still happening",
    "still hangs",
    "still stuck",
    "still down",
    "still the same",
    "still doesnt work",
    "still does not work",
    "still dont work",
    "still isnt working",
    "still cant sync",
    "still cannot sync",
    "still doesnt sync",
    "still does not sync",
    "still get the error",
    "still getting the error",
    "still have the problem",
    "not fixed",
    "not solved",
    "not resolved",
    "isnt fixed",
    "does not work",
    "doesnt work",
    "did not help",
    "didnt help",
    "did not work",
    "didnt work",
    "happens again",
    "happened again",
    "broken again",
    "fails again",
    "failed again",
    "stuck again",
    "down again",
    "problem is back",
    "error is back",
    "problem persists",
    "error persists",
    "issue persists",
    "immer noch nicht",
    "noch immer nicht",
    "weiterhin nicht",
    "wieder nicht",
    "immer noch kaputt",
    "immer noch fehler",
    "immer noch derselbe fehler",
    "immer noch das gleiche",
    "immer noch dasselbe",
    "nicht behoben",
    "nicht gelöst",
    "problem besteht",
];

const THANKS: [&str; 12] = [
    "thanks",
    "thank you",
    "thx",
    "works now",
    "works again",
    "working again",
    "danke",
    "dankeschön",
    "läuft wieder",
    "geht wieder",
    "funktioniert wieder",
    "geht jetzt",
];

/// A sentence with one of these speaks of the past, a condition or a doubt.
const ASIDE: [&str; 19] = [
    "if",
    "whether",
    "unless",
    "when",
    "once",
    "was",
    "were",
    "had",
    "yesterday",
    "earlier",
    "before",
    "wenn",
    "falls",
    "ob",
    "sobald",
    "war",
    "hatte",
    "gestern",
    "vorher",
];

/// What a comment says; `None` if it is not understood.
pub fn feedback(comment: &str) -> Option<Feedback> {
    let own = AuthoredText::read("", comment).own;
    let mut thanks = false;
    for sentence in sentences(&own) {
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| sentence.contains(&format!(" {phrase} ")));
        let is_fixed = says(&THANKS);
        if says(&STILL_BROKEN) && !is_fixed && !says(&ASIDE) {
            return Some(Feedback::StillBroken);
        }
        thanks |= is_fixed;
    }
    thanks.then_some(Feedback::Thanks)
}

/// The sentences of a text without its questions: their words in lower case, with a blank around each.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut words = String::from(" ");
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '\'' | '’' => {}
            '.' | '!' | '?' | '\n' | ';' | ',' => {
                let sentence = std::mem::replace(&mut words, " ".into());
                if c != '?' {
                    sentences.push(sentence);
                }
            }
            c if c.is_alphanumeric() || c == '-' => words.push(c),
            _ if words.ends_with(' ') => {}
            _ => words.push(' '),
        }
    }
    sentences.push(words);
    // The last word needs a blank too.
    sentences.iter().map(|sentence| format!("{} ", sentence.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_phrases_are_understood() {
        use Feedback::{StillBroken, Thanks};
        for (comment, expect) in [
            ("still broken", Some(StillBroken)),
            ("It's STILL not working!", Some(StillBroken)),
            ("Hi,\nunfortunately it still doesn’t work.\nRegards", Some(StillBroken)),
            ("Thanks! But the upload still fails.", Some(StillBroken)),
            ("Das ist nicht behoben.", Some(StillBroken)),
            ("Geht immer noch nicht :(", Some(StillBroken)),
            ("It happens again since noon", Some(StillBroken)),
            ("thanks, works", Some(Thanks)),
            ("Danke, läuft wieder!", Some(Thanks)),
            ("Thanks, it was still broken this morning", Some(Thanks)),
            ("> still broken\n\nthank you", Some(Thanks)),
            ("> still broken", None),
            ("thx\n-- \nnot fixed", Some(Thanks)),
            ("merci\n\nLe 1 juin 2026 à 10:00, Ada a écrit :\n\nstill broken", None),
            ("thanks\n\n1.6.2026 klo 10.00 Ada <ada@example.org> kirjoitti:\n\nstill broken", Some(Thanks)),
            ("```\nnot fixed\n```", Some(StillBroken)),
            ("Is it still broken?", None),
            ("If it is still broken I will tell you", None),
            ("Sag Bescheid, wenn es immer noch nicht geht", None),
            ("It is not still-lifebroken", None),
            ("the distillstill brokenness", None),
            ("not-fixed-width font", None),
            ("Any news?", None),
            ("", None),
        ] {
            assert_eq!(feedback(comment), expect, "{comment:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(comment in "(still broken|if|[?.,'\n> İßé\u{0}a-z]){0,40}") {
            feedback(&comment);
        }

        #[test]
        fn what_is_quoted_says_nothing(words in "[a-z ]{0,20}still broken[a-z ]{0,20}") {
            prop_assert_eq!(feedback(&format!("> {words}")), None);
        }
    }
}
