//! Relevance: whether a ticket asks for what was fixed, and for what else.

use crate::ids::SymptomName;
use crate::reading::labels::{Confidence, ReadSentence, Reading, SymptomShare, Topic};

/// From here on the words report a trouble of the system, and no doubt is left that matters.
const REPORTS_TROUBLE: Confidence = 0.65;
/// From here on the words name one of the symptoms that the fault causes.
const NAMES_SYMPTOM: Confidence = 0.4;
/// From here on words that ask may complain as well.
const MAY_COMPLAIN: Confidence = 0.2;
/// From here on a fault with such symptoms may be what the words are about.
const MAY_REPORT_TROUBLE: Confidence = 0.3;
/// Below this the words are about something else.
const ABOUT_SOMETHING_ELSE: Confidence = 0.1;

/// From here on the words may ask for the state of the system, all in all.
const MAY_ASK: Confidence = 0.3;
/// From here on the words ask for the state of the system.
const ASKS: Confidence = 0.5;
/// From here on they ask for nothing else.
const ASKS_NOTHING_ELSE: Confidence = 0.8;

/// Below this a sentence is not about what was fixed.
const NOT_ABOUT_THE_FIX: Confidence = 0.1;
/// From here on a sentence names a symptom by itself.
const NAMES_OTHER_SYMPTOM: Confidence = 0.8;
/// From here on a sentence that reports no trouble of the system is about one topic.
const ABOUT_ONE_TOPIC: Confidence = 0.8;
/// From here on it may be, in a ticket that says itself that it is about several things.
const MAY_BE_ABOUT_TOPIC: Confidence = 0.4;

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

/// Whether the words complain, as a whole or in one sentence, even if they also ask.
pub fn complains(reading: &Reading) -> bool {
    // A question among questions may name what would be a trouble: "A good time to upload 20 GB?"
    let states = |sentence: &&ReadSentence| !sentence.words.ends_with('?');
    reading.problem >= MAY_COMPLAIN || reading.sentences.iter().filter(states).any(names_symptom_clearly)
}

/// Whether the words may ask for the state of the system, and complain no more than they ask.
pub fn may_ask_for_state(reading: &Reading) -> bool {
    let first = reading.topics.first().filter(|read| read.topic == Topic::StatusQuestion);
    first.is_some_and(|read| (1.0 - reading.problem) * read.confidence >= reading.problem.max(MAY_ASK))
}

fn names_symptom_clearly(sentence: &ReadSentence) -> bool {
    let first = sentence.symptoms.first();
    first.is_some_and(|first| sentence.problem * first.confidence >= NAMES_OTHER_SYMPTOM)
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

/// What a sentence is about besides what was fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Besides {
    /// About something that Fieldmedic does not handle, and added to the rest.
    Topic(Topic),
    /// Perhaps about something else.
    Unclear,
}

/// The sentences of a ticket that are not about a fault that causes these symptoms, or perhaps not. Most sentences
/// are neither: they tell when, where and how.
pub fn besides<'r, 's>(
    reading: &'r Reading,
    symptoms: impl IntoIterator<Item = &'s SymptomName>,
) -> Vec<(&'r ReadSentence, Besides)> {
    let symptoms: Vec<&SymptomName> = symptoms.into_iter().collect();
    let sentences = &reading.sentences;
    let has_several = sentences.iter().any(|sentence| sentence.adds);
    let read = sentences
        .iter()
        .filter_map(|sentence| Some((sentence, besides_in(sentence, has_several, &symptoms)?)));
    read.collect()
}

/// `has_several`: some sentence of the ticket adds something to the others.
fn besides_in(sentence: &ReadSentence, has_several: bool, symptoms: &[&SymptomName]) -> Option<Besides> {
    let topic = sentence.topic.filter(|share| is_wish(share.topic));
    let is_about = |problem, topic_at_least| {
        let share = topic.filter(|share| share.confidence >= topic_at_least)?;
        (sentence.problem < problem).then_some(share.topic)
    };
    let is_clear = is_about(ABOUT_SOMETHING_ELSE, ABOUT_ONE_TOPIC).is_some();
    let may_be = is_about(MAY_REPORT_TROUBLE, MAY_BE_ABOUT_TOPIC);
    if let Some(topic) = may_be.filter(|_| sentence.adds) {
        return Some(Besides::Topic(topic));
    }
    let of_fix = |share: &&SymptomShare| symptoms.contains(&&share.name);
    let about_fix: f32 = sentence.symptoms.iter().filter(of_fix).map(|share| share.confidence).sum();
    if sentence.problem * about_fix >= NOT_ABOUT_THE_FIX {
        return None;
    }
    let is_other_symptom = names_symptom_clearly(sentence);
    let is_other_topic = is_clear || has_several && may_be.is_some();
    (sentence.adds || is_other_symptom || is_other_topic).then_some(Besides::Unclear)
}

/// Whether somebody who writes of this waits for something to be done. A question about the state is answered by
/// the report, and what is over, is announced or is ordered from the agent leaves nothing to do.
fn is_wish(topic: Topic) -> bool {
    !matches!(topic, Topic::StatusQuestion | Topic::PastEvent | Topic::Announcement | Topic::Instruction)
}
