//! Reading: what the words of a ticket say. A reader sees a text and gives labels with how sure it is. It selects
//! nothing but labels of closed lists: it names no command, approves nothing and closes nothing.

mod cues;
mod example_reader;
mod labels;
mod relevance;
mod sentences;

pub use crate::reading::cues::Cues;
pub use crate::reading::example_reader::{ExampleReader, Examples, NumberedExamples, language};
pub use crate::reading::labels::{
    Confidence, Cue, Language, ReadCue, ReadSentence, ReadSymptom, ReadTopic, Reading, SymptomShare, Topic,
    TopicShare,
};
pub use crate::reading::relevance::{
    Besides, Relevance, asks_for_state, asks_nothing_else, besides, complains, may_ask_for_state,
    names_symptom, relevance,
};
pub use fieldmedic_classifier::{EmbeddingClassifier, plain_words};
