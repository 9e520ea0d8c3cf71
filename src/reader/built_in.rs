//! The reader that is built in. It learns from the examples in `reading/`, which hold for every kind of system, and from
//! those of the system type's symptoms.

use crate::core::playbook::SymptomCatalogue;
use crate::core::reading::{ExampleReader, Language, Reading, language as read_language};
use crate::core::ticket::close_feedback::{Feedback, FeedbackPhrases};
use crate::ports::Reader;
use crate::reader::examples::{examples, feedback_phrases};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Reads tickets by their likeness to examples. It learns when it is first asked, once for each set of examples in
/// the whole process.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltInReader;

/// So many sets of examples are kept: the playbooks of now, and some to which older cases are pinned.
pub(super) const KEPT: usize = 8;

static LEARNT: LazyLock<Mutex<HashMap<String, Arc<ExampleReader>>>> = LazyLock::new(Mutex::default);

#[async_trait]
impl Reader for BuiltInReader {
    async fn read(&self, catalogue: &SymptomCatalogue, text: &str) -> Option<Reading> {
        (!catalogue.symptoms().is_empty()).then(|| reader_of(catalogue).read(text))
    }

    fn feedback(&self, comment: &str, language: Option<Language>, is_answer: bool) -> Option<Feedback> {
        // Whoever comments may write in another language than the reporter did.
        let languages: Vec<Language> = language.into_iter().chain([read_language(comment)]).collect();
        FEEDBACK.read(comment, &languages, is_answer)
    }
}

static FEEDBACK: LazyLock<FeedbackPhrases> = LazyLock::new(feedback_phrases);

/// The reader for these symptoms.
pub(super) fn reader_of(catalogue: &SymptomCatalogue) -> Arc<ExampleReader> {
    // Whoever needs the same reader waits while it learns: to learn twice would take longer.
    let mut learnt = LEARNT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(reader) = learnt.get(catalogue.digest()) {
        return Arc::clone(reader);
    }
    if learnt.len() >= KEPT {
        learnt.clear();
    }
    let reader = Arc::new(ExampleReader::new(examples(catalogue)));
    learnt.insert(catalogue.digest().to_owned(), Arc::clone(&reader));
    reader
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reporter_is_understood_in_every_language() {
        let feedback = |comment, language, is_answer| BuiltInReader.feedback(comment, language, is_answer);
        for (language, works, broken, neither) in [
            (Language::English, "works again, thanks!", "still the same error", "I will try on Monday"),
            (Language::German, "geht wieder, danke!", "funktioniert immer noch nicht", "Ich teste es morgen"),
            (Language::French, "ça marche de nouveau", "toujours la même erreur", "Je vais tester demain"),
            (Language::Spanish, "ya funciona, gracias", "sigue sin funcionar", "Lo pruebo mañana"),
            (Language::Portuguese, "voltou a funcionar", "continua com erro", "Vou testar amanhã"),
            (Language::Afrikaans, "dit werk weer", "werk nog nie", "Ek sal môre toets"),
        ] {
            assert_eq!(feedback(works, Some(language), true), Some(Feedback::Works), "{works}");
            assert_eq!(feedback(broken, Some(language), true), Some(Feedback::StillBroken), "{broken}");
            assert_eq!(feedback(neither, Some(language), true), None, "{neither}");
            for question in ["Does it work for you?", "¿Funciona?", "Geht es wieder?"] {
                assert_eq!(feedback(question, Some(language), true), None, "{question}");
            }
        }
    }
}
