//! The optional reader: the built-in one, with the second opinion of a language model's embeddings.
//!
//! The model sees texts and gives vectors. What they mean is learnt here, from the same examples as the built-in reader
//! learns from. So it can give no label that is not in the closed lists, and a wrong vector is one wrong opinion. Where
//! it gives none, the built-in reader has read alone.

use crate::core::playbook::SymptomCatalogue;
use crate::core::reading::{EmbeddingClassifier, ExampleReader, Language, Reading};
use crate::core::text::redact::Redactor;
use crate::core::ticket::close_feedback::Feedback;
use crate::ports::{Clock, Reader};
use crate::reader::built_in::{BuiltInReader, KEPT, reader_of};
use crate::reader::endpoint::{Endpoint, EndpointError};
use crate::reader::examples::examples;
use async_trait::async_trait;
use chrono::NaiveDate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many texts go into one request: a small server on one machine answers them within the time-out.
const BATCH: usize = 16;
/// So many characters of a text are sent. What matters stands at its beginning.
const LONGEST_TEXT: usize = 2_000;

/// How much is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingLimits {
    /// So many examples are sent when the reader learns.
    pub examples: usize,
    /// So many characters are sent in a day, in UTC. After that the built-in reader reads alone.
    pub characters_per_day: u64,
}

/// Reads tickets with a second opinion.
pub struct EmbeddingReader {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Endpoint,
    limits: EmbeddingLimits,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the digest of the catalogue.
    learnt: HashMap<String, Learnt>,
    /// How many characters were sent on a day.
    sent: (NaiveDate, u64),
    /// Whether the last request failed, so that only a change is logged.
    is_failing: bool,
}

enum Learnt {
    /// It is under way.
    Learning,
    /// With the classifier.
    Ready(Arc<EmbeddingClassifier>),
}

/// Why there is no second opinion.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// The endpoint gives no embeddings.
    #[error("{0}")]
    Endpoint(#[from] EndpointError),
    /// The characters of this day are used up.
    #[error("the limit of {0} characters a day is reached")]
    Limit(u64),
    /// The vectors are not of one length, or no numbers.
    #[error("its vectors cannot be used")]
    Vectors,
}

impl EmbeddingReader {
    /// A reader that asks this endpoint. It learns when it first reads for a catalogue, in the background.
    pub fn new(
        endpoint: Endpoint,
        limits: EmbeddingLimits,
        redactor: Redactor,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Mutex::new(State::default());
        Self { shared: Arc::new(Shared { endpoint, limits, redactor, clock, state }) }
    }

    /// Asks the endpoint for one embedding. Returns how many numbers it has.
    ///
    /// # Errors
    /// [`EmbeddingError`].
    pub async fn check(&self) -> Result<usize, EmbeddingError> {
        let vectors = self.shared.embed(&["jobs stay pending"]).await?;
        Ok(vectors.first().map_or(0, Vec::len))
    }

    /// Learns for a catalogue and waits for it. Returns how many texts it has learnt from.
    ///
    /// # Errors
    /// [`EmbeddingError`].
    pub async fn learn(&self, catalogue: &SymptomCatalogue) -> Result<usize, EmbeddingError> {
        self.shared.learn(catalogue).await
    }
}

#[async_trait]
impl Reader for EmbeddingReader {
    async fn read(&self, catalogue: &SymptomCatalogue, text: &str) -> Option<Reading> {
        if catalogue.symptoms().is_empty() {
            return None;
        }
        let built_in = reader_of(catalogue);
        let Some(classifier) = self.classifier(catalogue) else { return Some(built_in.read(text)) };
        let read = self.shared.read(&built_in, &classifier, text).await;
        self.shared.note(&read);
        Some(read.unwrap_or_else(|_| built_in.read(text)))
    }

    fn feedback(&self, comment: &str, language: Option<Language>, is_answer: bool) -> Option<Feedback> {
        BuiltInReader.feedback(comment, language, is_answer)
    }
}

impl EmbeddingReader {
    /// What was learnt for a catalogue; starts to learn if nothing was.
    fn classifier(&self, catalogue: &SymptomCatalogue) -> Option<Arc<EmbeddingClassifier>> {
        let mut state = self.shared.state();
        match state.learnt.get(catalogue.digest()) {
            Some(Learnt::Ready(classifier)) => return Some(Arc::clone(classifier)),
            Some(Learnt::Learning) => return None,
            None => {}
        }
        if state.learnt.len() >= KEPT {
            state.learnt.clear();
        }
        state.learnt.insert(catalogue.digest().to_owned(), Learnt::Learning);
        drop(state);
        let (shared, catalogue) = (Arc::clone(&self.shared), catalogue.clone());
        tokio::spawn(async move {
            let learnt = shared.learn(&catalogue).await;
            if learnt.is_err() {
                // The next ticket is another try.
                shared.state().learnt.remove(catalogue.digest());
            }
            shared.note(&learnt);
        });
        None
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn learn(&self, catalogue: &SymptomCatalogue) -> Result<usize, EmbeddingError> {
        let examples = examples(catalogue);
        let numbered = examples.numbered();
        let texts = spread(&numbered.texts, self.limits.examples);
        let only_texts: Vec<&str> = texts.iter().map(|(text, _)| *text).collect();
        // Counted as a whole before the first is sent: half of the examples would be of no use.
        let vectors = self.embed(&only_texts).await?;
        let learnt: Vec<(Vec<f32>, usize)> =
            vectors.into_iter().zip(texts.iter().map(|(_, class)| *class)).collect();
        let classes = numbered.classes();
        let count = learnt.len();
        let train = move || EmbeddingClassifier::train(classes, &learnt);
        let classifier =
            tokio::task::spawn_blocking(train).await.ok().flatten().ok_or(EmbeddingError::Vectors)?;
        let ready = Learnt::Ready(Arc::new(classifier));
        self.state().learnt.insert(catalogue.digest().to_owned(), ready);
        Ok(count)
    }

    async fn read(
        &self,
        built_in: &ExampleReader,
        classifier: &EmbeddingClassifier,
        text: &str,
    ) -> Result<Reading, EmbeddingError> {
        let parts = ExampleReader::parts(text);
        let vectors = self.embed(&parts).await?;
        let likely: Option<Vec<Vec<f32>>> =
            vectors.iter().map(|vector| classifier.classify(vector)).collect();
        let reading = built_in.read_with(text, &likely.ok_or(EmbeddingError::Vectors)?);
        Ok(Reading { model: Some(self.endpoint.model().to_owned()), ..reading })
    }

    /// Embeds texts, each of them redacted and cut, within the limit of the day.
    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let texts: Vec<String> = texts
            .iter()
            .map(|text| self.redactor.publish(text).to_string().chars().take(LONGEST_TEXT).collect())
            .collect();
        self.spend(texts.iter().map(|text| text.chars().count() as u64).sum())?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.endpoint.embed(batch).await?);
        }
        Ok(vectors)
    }

    /// Counts characters before they are sent.
    fn spend(&self, characters: u64) -> Result<(), EmbeddingError> {
        let today = self.clock.now().date_naive();
        let mut state = self.state();
        if state.sent.0 != today {
            state.sent = (today, 0);
        }
        let limit = self.limits.characters_per_day;
        if state.sent.1.saturating_add(characters) > limit {
            return Err(EmbeddingError::Limit(limit));
        }
        state.sent.1 += characters;
        Ok(())
    }

    /// Logs a change between success and failure.
    fn note<T>(&self, result: &Result<T, EmbeddingError>) {
        let mut state = self.state();
        match result {
            Ok(_) if state.is_failing => tracing::info!("the endpoint of [reader] gives embeddings again"),
            Err(error) if !state.is_failing => {
                tracing::warn!(%error, "no embeddings from the endpoint of [reader]; tickets are read without");
            }
            _ => {}
        }
        state.is_failing = result.is_err();
    }
}

/// At most so many texts, spread over all of them. They stand in the order of their labels and languages, so that each
/// keeps its share.
fn spread<'t>(texts: &[(&'t str, usize)], kept: usize) -> Vec<(&'t str, usize)> {
    let kept = kept.min(texts.len());
    (0..kept).filter_map(|number| texts.get(number * texts.len() / kept).copied()).collect()
}

#[cfg(test)]
mod tests;
