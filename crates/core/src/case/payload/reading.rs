//! Payloads of what a reader made of a ticket, and of what its reporter is asked.

use crate::case::inquiry::InquiryPurpose;
use crate::case::payload::convert::{payload, payload_enum};
use crate::ids::SymptomName;
use crate::reading::{
    Cue, Language, ReadCue, ReadSentence, ReadSymptom, ReadTopic, Reading, SymptomShare, Topic, TopicShare,
};

payload! {
    /// What the words of a ticket say.
    struct ReadingPayload for Reading {
        language: Language,
        problem: f32,
        symptoms: Vec<ReadSymptomPayload>,
        topics: Vec<ReadTopicPayload>,
        cues: Vec<ReadCuePayload>,
        #[serde(default)]
        sentences: Vec<ReadSentencePayload>,
        #[serde(default)]
        model: Option<String>,
    }

    /// A sentence that may be about something else than the rest.
    struct ReadSentencePayload for ReadSentence {
        words: String,
        adds: bool,
        problem: f32,
        symptoms: Vec<SymptomSharePayload>,
        topic: Option<TopicSharePayload>,
    }

    /// A symptom with how sure it is.
    struct SymptomSharePayload for SymptomShare {
        name: SymptomName,
        confidence: f32,
    }

    /// A topic with how sure it is.
    struct TopicSharePayload for TopicShare {
        topic: Topic,
        confidence: f32,
    }

    /// A symptom that the words may name.
    struct ReadSymptomPayload for ReadSymptom {
        name: SymptomName,
        confidence: f32,
        words: Vec<String>,
    }

    /// What else the words may be about.
    struct ReadTopicPayload for ReadTopic {
        topic: Topic,
        confidence: f32,
        words: Vec<String>,
    }

    /// A cue that stands in the text.
    struct ReadCuePayload for ReadCue {
        cue: Cue,
        words: String,
    }
}

payload_enum! {
    /// What the reporter is asked.
    enum InquiryPurposePayload for InquiryPurpose {
        ConfirmFix,
        ConfirmAnswer,
        Details,
    }
}
