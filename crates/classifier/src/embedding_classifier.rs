//! A classifier of embeddings: vectors by which a model of a language stands for texts.

use crate::linear::{LinearModel, Samples, Sparse, Training};

/// Chosen with the wordings for development and the model `multilingual-e5-small`.
const TRAINING: Training = Training { rounds: 20, first_step: 0.5 };
/// The length of a vector, when each of its numbers is one standard deviation from the mean.
const LENGTH: f32 = 4.0;

/// Which class an embedding belongs to.
#[derive(Debug, Clone)]
pub struct EmbeddingClassifier {
    mean: Vec<f32>,
    /// What a difference from the mean is multiplied with.
    scale: Vec<f32>,
    model: LinearModel,
}

impl EmbeddingClassifier {
    /// Trains on vectors with the numbers of their classes, from 0 to `classes` - 1. `None` if there are none, if they
    /// are not of one length, or if a number is not finite.
    pub fn train(classes: usize, examples: &[(Vec<f32>, usize)]) -> Option<Self> {
        let width = examples.first()?.0.len();
        let fits = |vector: &[f32]| vector.len() == width && vector.iter().all(|number| number.is_finite());
        if width == 0 || !examples.iter().all(|(vector, class)| fits(vector) && *class < classes) {
            return None;
        }
        let count = examples.len() as f32;
        let mut mean = vec![0.0_f32; width];
        for (vector, _) in examples {
            mean.iter_mut().zip(vector).for_each(|(mean, number)| *mean += number / count);
        }
        let mut variance = vec![0.0_f32; width];
        for (vector, _) in examples {
            for ((variance, mean), number) in variance.iter_mut().zip(&mean).zip(vector) {
                *variance += (number - mean).powi(2) / count;
            }
        }
        // A number that is always the same says nothing.
        let scale = |variance: &f32| match variance.sqrt() {
            deviation if deviation > f32::EPSILON => LENGTH / deviation / (width as f32).sqrt(),
            _ => 0.0,
        };
        let scale: Vec<f32> = variance.iter().map(scale).collect();
        let mut samples = Samples::default();
        for (vector, class) in examples {
            samples.push(&standardized(vector, &mean, &scale), *class);
        }
        let model = LinearModel::train(classes, width, &samples, TRAINING);
        Some(Self { mean, scale, model })
    }

    /// How likely the vector belongs to each class; together 1. `None` if it is not like those of the examples.
    pub fn classify(&self, vector: &[f32]) -> Option<Vec<f32>> {
        if vector.len() != self.mean.len() || !vector.iter().all(|number| number.is_finite()) {
            return None;
        }
        let likely = self.model.probabilities(&standardized(vector, &self.mean, &self.scale));
        likely.iter().all(|share| share.is_finite()).then_some(likely)
    }
}

fn standardized(vector: &[f32], mean: &[f32], scale: &[f32]) -> Sparse {
    let numbers = vector.iter().zip(mean).zip(scale).map(|((number, mean), scale)| (number - mean) * scale);
    Sparse((0..).zip(numbers).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_told_apart_by_their_direction() {
        let examples: Vec<(Vec<f32>, usize)> = (0..40_u8)
            .map(|number| match number % 2 {
                0 => (vec![0.9, 0.1 + f32::from(number) / 400.0, 0.7], 0),
                _ => (vec![0.1, 0.9 - f32::from(number) / 400.0, 0.7], 1),
            })
            .collect();
        let classifier = EmbeddingClassifier::train(2, &examples).unwrap();
        assert!(classifier.classify(&[0.8, 0.2, 0.7]).unwrap()[0] > 0.9);
        assert!(classifier.classify(&[0.2, 0.8, 0.7]).unwrap()[1] > 0.9);
    }

    #[test]
    fn what_is_no_vector_of_the_model_is_refused() {
        let good = (vec![0.5, 0.1], 0);
        for bad in [vec![], vec![0.5], vec![0.5, f32::NAN], vec![f32::INFINITY, 0.0]] {
            assert!(EmbeddingClassifier::train(2, &[good.clone(), (bad.clone(), 1)]).is_none(), "{bad:?}");
            let classifier = EmbeddingClassifier::train(2, &[good.clone(), (vec![0.1, 0.5], 1)]).unwrap();
            assert_eq!(classifier.classify(&bad), None, "{bad:?}");
        }
        assert!(EmbeddingClassifier::train(2, &[]).is_none());
        assert!(EmbeddingClassifier::train(1, &[(vec![1.0], 1)]).is_none());
        // So far from everything that the shares are no numbers any more.
        let classifier = EmbeddingClassifier::train(2, &[good, (vec![0.1, 0.5], 1)]).unwrap();
        let far = classifier.classify(&[f32::MAX, f32::MIN]);
        assert!(far.is_none_or(|shares| shares.iter().all(|share| share.is_finite())));
    }
}
