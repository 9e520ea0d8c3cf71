//! Reading: what the words of a ticket say. A reader sees a text and gives labels with how sure it is. It selects
//! nothing but labels of closed lists: it names no command, approves nothing and closes nothing.

mod classifier;
mod cues;
mod example_reader;
mod features;
mod labels;
mod relevance;

pub use crate::reading::cues::Cues;
pub use crate::reading::example_reader::{ExampleReader, Examples, language};
pub use crate::reading::features::plain_words;
pub use crate::reading::labels::{
    Confidence, Cue, Language, ReadCue, ReadSymptom, ReadTopic, Reading, Topic,
};
pub use crate::reading::relevance::{
    Relevance, asks_for_state, asks_nothing_else, complains, names_symptom, relevance,
};
