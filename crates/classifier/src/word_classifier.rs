//! A linear classifier: multinomial logistic regression, trained from examples. It is small, the same on every
//! machine, and can say which words led it.

use crate::features::{Feature, FeatureKind, Word, counts, features, words};
use crate::linear::{LinearModel, Samples, Sparse, Training};
use rustc_hash::FxHashMap;

const TRAINING: Training = Training { rounds: 8, first_step: 1.0 };
/// A feature that fewer examples have says nothing about others.
const MIN_EXAMPLES: u32 = 2;

/// Which class a text belongs to.
#[derive(Debug, Clone)]
pub struct WordClassifier {
    /// Of each feature that is known: its row in the model, and how rare it is. Only examples put something into it.
    vocabulary: FxHashMap<Feature, Known>,
    model: LinearModel,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    row: u32,
    rarity: f32,
}

/// A text that is taken apart.
pub struct PreparedText<'t> {
    words: Vec<Word<'t>>,
    sparse: Sparse,
}

impl WordClassifier {
    /// Trains on texts with the numbers of their classes, from 0 to `classes` - 1. The same examples in the same
    /// order give the same classifier.
    pub fn train<'t>(classes: usize, examples: impl IntoIterator<Item = (&'t str, usize)>) -> Self {
        let examples: Vec<(&str, usize)> = examples.into_iter().collect();
        let vocabulary = vocabulary(&examples);
        // The features are found twice: to keep those of all texts would take a hundred times the memory of the texts.
        let mut samples = Samples::default();
        for (text, class) in &examples {
            samples.push(&sparse(&vocabulary, &counts(&words(text))), *class);
        }
        let model = LinearModel::train(classes, vocabulary.len(), &samples, TRAINING);
        Self { vocabulary, model }
    }

    /// Takes a text apart, for everything that is asked of it.
    pub fn prepare<'t>(&self, text: &'t str) -> PreparedText<'t> {
        let words = words(text);
        let sparse = sparse(&self.vocabulary, &counts(&words));
        PreparedText { words, sparse }
    }

    /// How likely the text belongs to each class; together 1.
    pub fn classify(&self, text: &PreparedText<'_>) -> Vec<f32> {
        self.model.probabilities(&text.sparse)
    }

    /// The words that speak most for a class, in the order of the text; at most `count` of them.
    pub fn words_for<'t>(&self, text: &PreparedText<'t>, class: usize, count: usize) -> Vec<&'t str> {
        let mut shares = vec![0.0_f32; text.words.len()];
        let value_of = |row| {
            let found = text.sparse.0.binary_search_by_key(&row, |(row, _)| *row).ok();
            found.and_then(|at| text.sparse.0.get(at)).map_or(0.0, |(_, value)| *value)
        };
        for (feature, at) in features(&text.words) {
            let Some(known) = self.vocabulary.get(&feature) else { continue };
            let value = value_of(known.row);
            let row = self.model.row(known.row);
            let mean = row.iter().sum::<f32>() / row.len().max(1) as f32;
            let weight = row.get(class).copied().unwrap_or_default() - mean;
            if let Some(share) = shares.get_mut(at) {
                *share += weight * value;
            }
        }
        let mut best: Vec<(usize, f32)> =
            shares.into_iter().enumerate().filter(|(_, share)| *share > 0.0).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1));
        best.truncate(count);
        best.sort_by_key(|(at, _)| *at);
        best.iter().filter_map(|(at, _)| text.words.get(*at)).map(|word| word.written).collect()
    }
}

/// The known features of a text, each kind with the length 1.
fn sparse(vocabulary: &FxHashMap<Feature, Known>, counts: &[(Feature, u32)]) -> Sparse {
    // In the order of the rows, which is that of the features.
    let values: Vec<(FeatureKind, u32, f32)> = counts
        .iter()
        .filter_map(|(feature, count)| {
            let known = vocabulary.get(feature)?;
            Some((feature.kind, known.row, (1.0 + (*count as f32).ln()) * known.rarity))
        })
        .collect();
    let length = |kind| {
        let squares = values.iter().filter(|(of, ..)| *of == kind).map(|(.., value)| value * value);
        squares.sum::<f32>().sqrt().max(f32::MIN_POSITIVE)
    };
    let (word, piece) = (length(FeatureKind::Word), length(FeatureKind::Piece));
    let values = values.into_iter().map(|(kind, row, value)| match kind {
        FeatureKind::Word => (row, value / word),
        FeatureKind::Piece => (row, value / piece),
    });
    Sparse(values.collect())
}

/// The features that enough examples have, with their inverse document frequency.
fn vocabulary(examples: &[(&str, usize)]) -> FxHashMap<Feature, Known> {
    let mut frequency: FxHashMap<Feature, u32> = FxHashMap::default();
    for (text, _) in examples {
        for (feature, _) in counts(&words(text)) {
            *frequency.entry(feature).or_default() += 1;
        }
    }
    let total = examples.len() as f32;
    let mut known: Vec<(Feature, u32)> =
        frequency.into_iter().filter(|(_, count)| *count >= MIN_EXAMPLES).collect();
    // The rows are numbered in the order of the features, the same way in every run.
    known.sort_unstable();
    let known = known.into_iter().enumerate().map(|(row, (feature, count))| {
        let rarity = ((1.0 + total) / (1.0 + count as f32)).ln() + 1.0;
        (feature, Known { row: u32::try_from(row).unwrap_or(u32::MAX), rarity })
    });
    known.collect()
}
