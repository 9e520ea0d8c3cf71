//! Linear classifiers of texts: multinomial logistic regression, trained from examples. They know nothing of tickets.

mod embedding_classifier;
mod features;
mod linear;
mod word_classifier;

pub use crate::embedding_classifier::EmbeddingClassifier;
pub use crate::features::{Word, plain_words, words};
pub use crate::word_classifier::{PreparedText, WordClassifier};
