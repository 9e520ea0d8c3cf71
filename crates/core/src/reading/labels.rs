//! Labels: the closed lists that a reader chooses from, and its choice with how sure it is.

use crate::ids::SymptomName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How sure a reader is, from 0 to 1.
pub type Confidence = f32;

/// What a reader made of a ticket's words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The language of the text.
    pub language: Language,
    /// How sure it is that the text reports a present trouble of the system.
    pub problem: Confidence,
    /// The symptoms that the text may name, the surest first. Their confidences add up to 1: they say which symptom
    /// it is if it is one at all.
    pub symptoms: Vec<ReadSymptom>,
    /// What else the text may be about, the surest first. Their confidences add up to 1: they say what it is if it
    /// reports no trouble of the system.
    pub topics: Vec<ReadTopic>,
    /// What single words say about how many are concerned, when, and how urgent it is.
    pub cues: Vec<ReadCue>,
    /// The sentences that may be about something by themselves, in the order of the text.
    pub sentences: Vec<ReadSentence>,
    /// The model that gave a second opinion; `None` if the built-in reader alone has read it.
    pub model: Option<String>,
}

/// A sentence that may be about something else than the rest of its ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadSentence {
    /// The sentence, cut if it is long.
    pub words: String,
    /// Whether it says by a word or by its form that it adds something.
    pub adds: bool,
    /// How sure it is that it reports a present trouble of the system.
    pub problem: Confidence,
    /// The symptoms that it may name, as in [`Reading::symptoms`].
    pub symptoms: Vec<SymptomShare>,
    /// What else it is likeliest about, as in [`Reading::topics`].
    pub topic: Option<TopicShare>,
}

/// A symptom with how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymptomShare {
    /// The symptom.
    pub name: SymptomName,
    /// How sure it is.
    pub confidence: Confidence,
}

/// A topic with how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TopicShare {
    /// The topic.
    pub topic: Topic,
    /// How sure it is.
    pub confidence: Confidence,
}

/// A symptom that the words of a ticket may name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadSymptom {
    /// The symptom, as the system type declares it.
    pub name: SymptomName,
    /// How sure it is.
    pub confidence: Confidence,
    /// The words that speak most for it, in the order of the text.
    pub words: Vec<String>,
}

/// Something else that a ticket may be about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadTopic {
    /// The topic.
    pub topic: Topic,
    /// How sure it is.
    pub confidence: Confidence,
    /// The words that speak most for it, in the order of the text.
    pub words: Vec<String>,
}

/// A cue that stands in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadCue {
    /// What it says.
    pub cue: Cue,
    /// The words, as they were written.
    pub words: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The word that files and records use.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a ticket is about that reports no present trouble of the system.
    Topic {
        /// A plain question about the state of the system.
        StatusQuestion = "status-question",
        /// One tablet, phone or computer of the reporter's.
        Device = "device",
        /// Another system, or a machine such as a printer.
        OtherSystem = "other-system",
        /// The reporter's own way to the internet.
        Network = "network",
        /// A mistake in somebody's data or in the configuration of a project.
        DataMistake = "data-mistake",
        /// How something is done, and whether it is possible.
        HowTo = "how-to",
        /// A wish for something new.
        FeatureRequest = "feature-request",
        /// An account, a password, a right.
        AccessRequest = "access-request",
        /// Work that people are to do: a report, an export, a deletion by law.
        ServiceRequest = "service-request",
        /// Something planned, or made known.
        Announcement = "announcement",
        /// Something that is over, and thanks.
        PastEvent = "past-event",
        /// A question or a report of security.
        Security = "security",
        /// An order to the agent, or a wish that would do harm.
        Instruction = "instruction",
    }
}

words! {
    /// What single words say.
    Cue {
        /// It cannot wait.
        Urgent = "urgent",
        /// Everybody is concerned.
        Everyone = "everyone",
        /// One project is concerned.
        OneProject = "one-project",
        /// One person is concerned.
        OnePerson = "one-person",
        /// One device is concerned.
        OneDevice = "one-device",
        /// It was, and may be over.
        Past = "past",
        /// It is to come.
        Future = "future",
        /// Something is added to what was said before.
        Addition = "addition",
    }
}

words! {
    /// The languages that readers know and that people are answered in.
    Language {
        /// Also whatever is in no known language.
        English = "en",
        /// German.
        German = "de",
        /// French.
        French = "fr",
        /// Spanish.
        Spanish = "es",
        /// Portuguese.
        Portuguese = "pt",
        /// Afrikaans.
        Afrikaans = "af",
    }
}

impl Reading {
    /// How sure it is that the text names one of these symptoms, if it reports trouble of the system at all.
    pub fn symptoms_among<'s>(&self, names: impl IntoIterator<Item = &'s SymptomName>) -> Confidence {
        let names: Vec<&SymptomName> = names.into_iter().collect();
        self.symptoms.iter().filter(|read| names.contains(&&read.name)).map(|read| read.confidence).sum()
    }

    /// Whether a text says this.
    pub fn says(&self, cue: Cue) -> bool {
        self.cues.iter().any(|read| read.cue == cue)
    }

    /// The topic that is likeliest if the text reports no trouble of the system.
    pub fn topic(&self) -> Option<Topic> {
        self.topics.first().map(|read| read.topic)
    }
}
