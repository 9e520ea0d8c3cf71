//! A linear classifier: multinomial logistic regression, trained from examples. It is small, the same on every
//! machine, and can say which words led it.

use crate::reading::features::{Feature, FeatureKind, Word, counts, features, words};
use std::collections::HashMap;

/// How often all examples are gone through.
const ROUNDS: u32 = 8;
/// How much a weight costs, so that rare words do not decide alone.
const PENALTY: f32 = 1e-6;
/// The length of the first steps of the training.
const FIRST_STEP: f32 = 1.0;
/// How fast the steps shrink: after so many of them to half of their length.
const HALVED_AFTER: f32 = 25_000.0;
/// Every example moves the bias, and only some move a weight, so its steps are shorter.
const BIAS_STEP: f32 = 0.1;
/// A feature that fewer examples have says nothing about others.
const MIN_EXAMPLES: u32 = 2;

/// Which class a text belongs to.
#[derive(Debug, Clone)]
pub(super) struct Classifier {
    /// Of each feature that is known: where its weights begin, and how rare it is.
    vocabulary: HashMap<Feature, Known>,
    /// One row for each feature, with one weight for each class.
    weights: Vec<f32>,
    /// One for each class.
    bias: Vec<f32>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    row: u32,
    rarity: f32,
}

/// A text that is taken apart.
pub(super) struct PreparedText<'t> {
    words: Vec<Word<'t>>,
    sparse: Sparse,
}

/// A text as the classifier sees it.
struct Sparse(Vec<(u32, f32)>);

impl Classifier {
    /// Trains on texts with the numbers of their classes, from 0 to `classes` - 1. The same examples in the same
    /// order give the same classifier.
    pub(super) fn train<'t>(classes: usize, examples: impl IntoIterator<Item = (&'t str, usize)>) -> Self {
        let examples: Vec<(HashMap<Feature, u32>, usize)> =
            examples.into_iter().map(|(text, class)| (counts(&words(text)), class)).collect();
        let mut classifier =
            Self { vocabulary: vocabulary(&examples), weights: Vec::new(), bias: vec![0.0; classes] };
        classifier.weights = vec![0.0; classifier.vocabulary.len() * classes];
        let samples: Vec<(Sparse, usize)> =
            examples.iter().map(|(counts, class)| (classifier.sparse(counts), *class)).collect();
        classifier.descend(&samples);
        classifier
    }

    /// Stochastic gradient descent with steps that shrink (Bottou, "Stochastic Gradient Descent Tricks", 2012).
    fn descend(&mut self, samples: &[(Sparse, usize)]) {
        let mut order: Vec<usize> = (0..samples.len()).collect();
        let mut random = Lcg(samples.len() as u64);
        // All weights shrink in every step; one factor stands for all of them.
        let mut scale = 1.0_f32;
        let mut step_number = 0.0_f32;
        for _ in 0..ROUNDS {
            random.shuffle(&mut order);
            for (sparse, class) in order.iter().filter_map(|index| samples.get(*index)) {
                let step = FIRST_STEP / (1.0 + step_number / HALVED_AFTER);
                step_number += 1.0;
                let mut errors = self.probabilities(sparse, scale);
                if let Some(own) = errors.get_mut(*class) {
                    *own -= 1.0;
                }
                scale *= 1.0 - step * PENALTY;
                for (row, value) in &sparse.0 {
                    let change = step * value / scale;
                    for (weight, error) in self.row_mut(*row).iter_mut().zip(&errors) {
                        *weight -= change * error;
                    }
                }
                for (bias, error) in self.bias.iter_mut().zip(&errors) {
                    *bias -= step * BIAS_STEP * error;
                }
            }
        }
        self.weights.iter_mut().for_each(|weight| *weight *= scale);
    }

    /// Takes a text apart, for everything that is asked of it.
    pub(super) fn prepare<'t>(&self, text: &'t str) -> PreparedText<'t> {
        let words = words(text);
        let sparse = self.sparse(&counts(&words));
        PreparedText { words, sparse }
    }

    /// How likely the text belongs to each class; together 1.
    pub(super) fn classify(&self, text: &PreparedText<'_>) -> Vec<f32> {
        self.probabilities(&text.sparse, 1.0)
    }

    /// The words that speak most for a class, in the order of the text; at most `count` of them.
    pub(super) fn words_for<'t>(&self, text: &PreparedText<'t>, class: usize, count: usize) -> Vec<&'t str> {
        let mut shares = vec![0.0_f32; text.words.len()];
        let values: HashMap<u32, f32> = text.sparse.0.iter().copied().collect();
        for (feature, at) in features(&text.words) {
            let Some(known) = self.vocabulary.get(&feature) else { continue };
            let value = values.get(&known.row).copied().unwrap_or_default();
            let row = self.row(known.row);
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

    /// The known features of a text, each kind with the length 1.
    fn sparse(&self, counts: &HashMap<Feature, u32>) -> Sparse {
        let mut values: Vec<(FeatureKind, u32, f32)> = counts
            .iter()
            .filter_map(|(feature, count)| {
                let known = self.vocabulary.get(feature)?;
                Some((feature.kind, known.row, (1.0 + (*count as f32).ln()) * known.rarity))
            })
            .collect();
        // The order of a hash map differs between runs, and so would the last digits of a sum.
        values.sort_by_key(|(_, row, _)| *row);
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

    fn probabilities(&self, sparse: &Sparse, scale: f32) -> Vec<f32> {
        let mut scores = vec![0.0_f32; self.bias.len()];
        for (row, value) in &sparse.0 {
            for (score, weight) in scores.iter_mut().zip(self.row(*row)) {
                *score += weight * value;
            }
        }
        for (score, bias) in scores.iter_mut().zip(&self.bias) {
            *score = *score * scale + bias;
        }
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        scores.iter_mut().for_each(|score| *score = (*score - highest).exp());
        let sum: f32 = scores.iter().sum();
        scores.iter_mut().for_each(|score| *score /= sum);
        scores
    }

    fn row(&self, row: u32) -> &[f32] {
        let classes = self.bias.len();
        let start = row as usize * classes;
        self.weights.get(start..start + classes).unwrap_or_default()
    }

    fn row_mut(&mut self, row: u32) -> &mut [f32] {
        let classes = self.bias.len();
        let start = row as usize * classes;
        self.weights.get_mut(start..start + classes).unwrap_or_default()
    }
}

/// The features that enough examples have, with their inverse document frequency.
fn vocabulary(examples: &[(HashMap<Feature, u32>, usize)]) -> HashMap<Feature, Known> {
    let mut frequency: HashMap<Feature, u32> = HashMap::new();
    for (counts, _) in examples {
        for feature in counts.keys() {
            *frequency.entry(*feature).or_default() += 1;
        }
    }
    let total = examples.len() as f32;
    let mut known: Vec<(Feature, u32)> =
        frequency.into_iter().filter(|(_, count)| *count >= MIN_EXAMPLES).collect();
    // The rows are numbered the same way in every run.
    known.sort_unstable();
    let known = known.into_iter().enumerate().map(|(row, (feature, count))| {
        let rarity = ((1.0 + total) / (1.0 + count as f32)).ln() + 1.0;
        (feature, Known { row: u32::try_from(row).unwrap_or(u32::MAX), rarity })
    });
    known.collect()
}

/// A linear congruential generator, with the constants of Knuth's MMIX: all that a shuffle needs.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for at in (1..order.len()).rev() {
            let other = usize::try_from(self.next()).unwrap_or_default() % (at + 1);
            order.swap(at, other);
        }
    }
}
