//! Symptoms: what people notice when something does not work, with examples of how they put it.

use crate::ids::SymptomName;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A symptom of a system type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symptom {
    /// The symptom for people, in one sentence.
    pub summary: String,
    /// How people report it, in any language.
    pub examples: Vec<String>,
    /// What sounds like it and is about something else: the word of the topic, and the text.
    pub counter_examples: Vec<(String, String)>,
}

/// The symptoms of a system type: a closed vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SymptomCatalogue {
    symptoms: BTreeMap<SymptomName, Symptom>,
    digest: String,
}

impl SymptomCatalogue {
    /// Takes the symptoms of a system type.
    pub fn new(symptoms: BTreeMap<SymptomName, Symptom>) -> Self {
        let mut hash = Sha256::new();
        for (name, symptom) in &symptoms {
            let counter = symptom.counter_examples.iter().flat_map(|(topic, text)| [topic, text]);
            for part in
                [name.as_str()].into_iter().chain(symptom.examples.iter().chain(counter).map(String::as_str))
            {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        Self { symptoms, digest: hex::encode(hash.finalize()) }
    }

    /// The symptoms by name.
    pub fn symptoms(&self) -> &BTreeMap<SymptomName, Symptom> {
        &self.symptoms
    }

    /// SHA-256 over all examples, in hex: what a reader learns from them is the same if this is the same.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}
