//! Relevance: whether a ticket asks for what was fixed.

use crate::ids::SymptomName;
use crate::reading::labels::{Confidence, Reading, Topic};

/// From here on the words report a trouble of the system, and no doubt is left that matters.
const REPORTS_TROUBLE: Confidence = 0.65;
/// From here on the words name one of the symptoms that the fault causes.
const NAMES_SYMPTOM: Confidence = 0.4;
/// From here on a fault with such symptoms may be what the words are about.
const MAY_REPORT_TROUBLE: Confidence = 0.3;
/// Below this the words are about something else.
const ABOUT_SOMETHING_ELSE: Confidence = 0.1;

/// From here on the words ask for the state of the system.
const ASKS: Confidence = 0.5;
/// From here on they ask for nothing else.
const ASKS_NOTHING_ELSE: Confidence = 0.8;

/// What a ticket has to do with a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relevance {
    /// The words ask for it.
    AskedFor,
    /// They may, or may not.
    Unclear,
    /// They are about something else.
    Unrelated,
}

/// Whether the words ask for the fix of a fault that causes these symptoms.
pub fn relevance<'s>(reading: &Reading, symptoms: impl IntoIterator<Item = &'s SymptomName>) -> Relevance {
    if reading.problem < ABOUT_SOMETHING_ELSE {
        return Relevance::Unrelated;
    }
    let is_named = reading.symptoms_among(symptoms) >= NAMES_SYMPTOM;
    match reading.problem >= REPORTS_TROUBLE && is_named {
        true => Relevance::AskedFor,
        false => Relevance::Unclear,
    }
}

/// Whether the words may be about a fault that causes these symptoms.
pub fn names_symptom<'s>(reading: &Reading, symptoms: impl IntoIterator<Item = &'s SymptomName>) -> bool {
    reading.problem >= MAY_REPORT_TROUBLE && reading.symptoms_among(symptoms) >= NAMES_SYMPTOM
}

/// Whether the words complain, even if they also ask.
pub fn complains(reading: &Reading) -> bool {
    reading.problem >= MAY_REPORT_TROUBLE
}

/// Whether the words ask for the state of the system.
pub fn asks_for_state(reading: &Reading) -> bool {
    asks(reading, ASKS)
}

/// Whether the words ask for the state of the system and for nothing else.
pub fn asks_nothing_else(reading: &Reading) -> bool {
    asks(reading, ASKS_NOTHING_ELSE)
}

fn asks(reading: &Reading, at_least: Confidence) -> bool {
    let first = reading.topics.first();
    first.is_some_and(|read| read.topic == Topic::StatusQuestion && read.confidence >= at_least)
}
