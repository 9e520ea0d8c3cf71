//! A linear model: multinomial logistic regression, trained by stochastic gradient descent.

/// How much a weight costs, so that rare features do not decide alone.
const PENALTY: f32 = 1e-6;
/// How fast the steps shrink: after so many of them to half of their length.
const HALVED_AFTER: f32 = 25_000.0;
/// Every example moves the bias, and only some move a weight, so its steps are shorter.
const BIAS_STEP: f32 = 0.1;

/// The features of a text that are not zero: their rows, in ascending order, and values.
pub(super) struct Sparse(pub(super) Vec<(u32, f32)>);

/// Texts to learn from, with the numbers of their classes. All of them in one piece, which the operating system gets
/// back when it is freed: many small pieces would stay with the process.
#[derive(Default)]
pub(super) struct Samples {
    features: Vec<(u32, f32)>,
    /// Of each text: where its features end, and its class.
    ends: Vec<(usize, usize)>,
}

impl Samples {
    /// Adds a text.
    pub(super) fn push(&mut self, features: &Sparse, class: usize) {
        self.features.extend(&features.0);
        self.ends.push((self.features.len(), class));
    }

    /// The features of a text, and its class.
    fn get(&self, number: usize) -> Option<(&[(u32, f32)], usize)> {
        let (end, class) = *self.ends.get(number)?;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(end, _)| *end);
        Some((self.features.get(start..end)?, class))
    }
}

/// How long a model is trained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Training {
    /// How often all examples are gone through.
    pub(super) rounds: u32,
    /// The length of the first steps.
    pub(super) first_step: f32,
}

/// Weights by which features speak for classes.
#[derive(Debug, Clone)]
pub(super) struct LinearModel {
    /// One row for each feature, with one weight for each class.
    weights: Vec<f32>,
    /// One for each class.
    bias: Vec<f32>,
}

impl LinearModel {
    /// Trains on samples with the numbers of their classes, from 0 to `classes` - 1, and features from 0 to `rows` - 1.
    /// The same samples in the same order give the same model.
    ///
    /// Stochastic gradient descent with steps that shrink (Bottou, "Stochastic Gradient Descent Tricks", 2012).
    pub(super) fn train(classes: usize, rows: usize, samples: &Samples, training: Training) -> Self {
        let mut model = Self { weights: vec![0.0; rows * classes], bias: vec![0.0; classes] };
        let mut order: Vec<usize> = (0..samples.ends.len()).collect();
        let mut random = Lcg(samples.ends.len() as u64);
        // All weights shrink in every step; one factor stands for all of them.
        let mut scale = 1.0_f32;
        let mut step_number = 0.0_f32;
        for _ in 0..training.rounds {
            random.shuffle(&mut order);
            for (sparse, class) in order.iter().filter_map(|index| samples.get(*index)) {
                let step = training.first_step / (1.0 + step_number / HALVED_AFTER);
                step_number += 1.0;
                let mut errors = model.scaled_probabilities(sparse, scale);
                if let Some(own) = errors.get_mut(class) {
                    *own -= 1.0;
                }
                scale *= 1.0 - step * PENALTY;
                for (row, value) in sparse {
                    let change = step * value / scale;
                    for (weight, error) in model.row_mut(*row).iter_mut().zip(&errors) {
                        *weight -= change * error;
                    }
                }
                for (bias, error) in model.bias.iter_mut().zip(&errors) {
                    *bias -= step * BIAS_STEP * error;
                }
            }
        }
        model.weights.iter_mut().for_each(|weight| *weight *= scale);
        model
    }

    /// How likely each class is; together 1.
    pub(super) fn probabilities(&self, sparse: &Sparse) -> Vec<f32> {
        self.scaled_probabilities(&sparse.0, 1.0)
    }

    fn scaled_probabilities(&self, sparse: &[(u32, f32)], scale: f32) -> Vec<f32> {
        let mut scores = vec![0.0_f32; self.bias.len()];
        for (row, value) in sparse {
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

    /// The weights of a feature, one for each class.
    pub(super) fn row(&self, row: u32) -> &[f32] {
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
