//! Sentences: the parts of a text that can be about different things.

use unicode_segmentation::UnicodeSegmentation;

/// A sentence of fewer words says nothing by itself: a greeting, a name.
const MIN_WORDS: usize = 5;
/// So many words are the beginning of a sentence.
const BEGINNING: usize = 4;

/// One sentence of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sentence<'t> {
    /// Its words, without blanks around them.
    pub(super) text: &'t str,
    /// Whether it stands in an item of a list.
    pub(super) in_list: bool,
}

/// The sentences of a text, without those that are too short. A line ends a sentence.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = Sentence<'_>> {
    let sentences = text.lines().flat_map(|line| {
        let in_list = is_list_item(line);
        line.unicode_sentences().map(move |text| Sentence { text: text.trim(), in_list })
    });
    sentences.filter(|sentence| sentence.text.unicode_words().count() >= MIN_WORDS)
}

/// The first words of a sentence, where it says how it goes on from the one before.
pub(super) fn beginning(sentence: &str) -> &str {
    let end = sentence.unicode_word_indices().nth(BEGINNING).map_or(sentence.len(), |(at, _)| at);
    sentence.get(..end).unwrap_or(sentence)
}

/// Whether a line begins with the mark or the number of a list. A box that is ticked is an answer to a question of a
/// form.
fn is_list_item(line: &str) -> bool {
    let line = line.trim_start();
    if ["- [", "* [", "+ ["].iter().any(|mark| line.starts_with(mark)) {
        return false;
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = rest.len() < line.len() && (rest.starts_with(". ") || rest.starts_with(')'));
    is_numbered || ["- ", "* ", "+ ", "• ", "– "].iter().any(|mark| line.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_a_full_stop_end_a_sentence() {
        let text = "Sync hangs since half past ten\nHi all,\n1. Nothing is uploaded any more. Please help us!\n\
                    - And how do I add a layer?";
        let read: Vec<_> = sentences(text).map(|sentence| (sentence.text, sentence.in_list)).collect();
        let expect = [
            ("Sync hangs since half past ten", false),
            ("Nothing is uploaded any more.", true),
            ("- And how do I add a layer?", true),
        ];
        assert_eq!(read, expect);
        assert_eq!(sentences("").count(), 0);
    }

    #[test]
    fn a_sentence_has_a_beginning() {
        assert_eq!(beginning("P.S.: how do I add a layer?"), "P.S.: how do I ");
        assert_eq!(beginning("Jobs wait"), "Jobs wait");
    }

    #[test]
    fn a_mark_or_a_number_begins_an_item() {
        for (line, expect) in [
            ("1. Nothing is uploaded", true),
            (" 2) how do I", true),
            ("- the tablet", true),
            ("• la tablette", true),
            ("10.30 is when it began", false),
            ("- [x] The app was restarted", false),
            ("4 tablets wait", false),
            ("-- ", false),
            ("Nothing is uploaded", false),
            ("", false),
        ] {
            assert_eq!(is_list_item(line), expect, "{line}");
        }
    }
}
