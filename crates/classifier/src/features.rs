//! Features of a text: its words, its pairs of words, and the pieces of its words. Pieces make words of one
//! stem alike, in any language, and forgive a wrong letter.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// So many words of a text are read. What matters to a reader stands in the first hundreds.
const MAX_WORDS: usize = 600;
/// The length of a piece of a word, in characters. A blank stands before and after each word.
const PIECE: usize = 4;

/// A word as it stands in the text, and in its plain form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word<'t> {
    /// As it was written.
    pub written: &'t str,
    /// Lower case, without marks above or below letters; every number is `0`.
    pub plain: String,
}

/// What a feature is made of. Each kind is weighed by itself, so that a long word with many pieces counts no more
/// than a short one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum FeatureKind {
    /// A word, or two words in a row.
    Word,
    /// A piece of a word.
    Piece,
}

/// One feature of a text: a stable number that stands for its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Feature {
    pub(super) kind: FeatureKind,
    id: u64,
}

impl Feature {
    /// FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>): the same on every machine, and quick for
    /// a few bytes. Two features of one number would be taken for one, which does no harm.
    fn new(kind: FeatureKind, letters: impl Iterator<Item = char>) -> Self {
        let mut id = 0xcbf2_9ce4_8422_2325_u64;
        for letter in letters {
            for byte in u32::from(letter).to_le_bytes() {
                id = (id ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Self { kind, id }
    }
}

/// The words of a text. Letters and digits make a word, in any script, and so does what an apostrophe joins.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let is_part = |c: char| c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\'' | '’');
    let parts = text.split(|c| !is_part(c)).map(|part| part.trim_matches(['\'', '’']));
    let words = parts.filter(|part| !part.is_empty()).take(MAX_WORDS);
    words.map(|written| Word { written, plain: plain(written) }).collect()
}

fn plain(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let letters = word.chars().flat_map(char::to_lowercase).nfkd().filter(|c| !is_combining_mark(*c));
    for letter in letters {
        match letter {
            '’' => plain.push('\''),
            digit if digit.is_numeric() => {
                if !plain.ends_with('0') {
                    plain.push('0');
                }
            }
            letter => plain.push(letter),
        }
    }
    plain
}

/// The words of a text in plain form: lower case, without marks above or below letters, every number as `0`.
pub fn plain_words(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.plain).collect()
}

/// All features of these words, each with the index of the word that it begins in. A feature that occurs twice
/// is given twice.
pub(super) fn features<'w>(words: &'w [Word<'_>]) -> impl Iterator<Item = (Feature, usize)> + 'w {
    words.iter().enumerate().flat_map(|(at, word)| {
        let pair = words.get(at + 1).map(|next| {
            let letters = word.plain.chars().chain([' ']).chain(next.plain.chars());
            Feature::new(FeatureKind::Word, letters)
        });
        let single = Feature::new(FeatureKind::Word, word.plain.chars());
        let padded: Vec<char> = [' '].into_iter().chain(word.plain.chars()).chain([' ']).collect();
        let pieces: Vec<Feature> = padded
            .windows(PIECE.min(padded.len()))
            .map(|piece| Feature::new(FeatureKind::Piece, piece.iter().copied()))
            .collect();
        pair.into_iter().chain([single]).chain(pieces).map(move |feature| (feature, at))
    })
}

/// How often each feature occurs in these words, in the order of the features. They are sorted, and not put into a map
/// without a secret: words could be chosen that all fall into one place of it.
pub(super) fn counts(words: &[Word<'_>]) -> Vec<(Feature, u32)> {
    let mut all: Vec<Feature> = features(words).map(|(feature, _)| feature).collect();
    all.sort_unstable();
    let runs = all.chunk_by(|a, b| a == b);
    runs.filter_map(|run| Some((*run.first()?, u32::try_from(run.len()).unwrap_or(u32::MAX)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_however_they_are_written() {
        let plain = |text| words(text).into_iter().map(|word| word.plain).collect::<Vec<_>>();
        assert_eq!(plain("Sync’s STUCK, 3 hrs!"), ["sync's", "stuck", "0", "hrs"]);
        assert_eq!(plain("sincronização à 'água'"), ["sincronizacao", "a", "agua"]);
        assert_eq!(plain("203.0.113.45 §"), ["0", "0", "0", "0"]);
        assert_eq!(plain("worker_wrapper-2"), ["worker", "wrapper", "0"]);
        assert_eq!(plain(""), [""; 0]);
    }

    #[test]
    fn a_wrong_letter_leaves_most_pieces_as_they_were() {
        let pieces = |word| -> Vec<Feature> {
            let words = words(word);
            let all = features(&words).map(|(feature, _)| feature);
            all.filter(|feature| feature.kind == FeatureKind::Piece).collect()
        };
        let right = pieces("synchronisation");
        let wrong = pieces("synchronsation");
        let same = wrong.iter().filter(|piece| right.contains(piece)).count();
        assert!(same * 3 >= wrong.len() * 2, "{same} of {}", wrong.len());
    }
}
