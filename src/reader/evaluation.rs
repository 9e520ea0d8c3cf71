//! Evaluation: what the agent would make of given wordings, and how often that is right.
//!
//! Each wording belongs to a situation: a fault that is really there and is fixed, a plain question about a healthy
//! system, or something else while an unrelated fault is fixed.

use crate::core::ids::SymptomName;
use crate::core::playbook::SystemType;
use crate::core::reading::{Besides, Reading, Relevance, asks_nothing_else, besides, relevance};
use crate::core::ticket::authored_text::AuthoredText;
use crate::core::ticket::triage::{Intent, read_intent};
use crate::ports::Reader;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The situation of a ticket that is about something else.
const LOOK_ALIKE: &str = "look-alike";
/// The situation of a plain question about a healthy system.
const STATUS_QUESTION: &str = "status-question";

/// A ticket as somebody wrote it, and what was really the matter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Wording {
    /// A name of the map of situations, a playbook, a symptom, `look-alike` or `status-question`.
    pub situation: String,
    /// The language, such as `en`.
    pub lang: String,
    /// The title of the ticket.
    pub title: String,
    /// The text of the ticket.
    pub body: String,
    /// What the ticket is about besides: a topic, or a symptom of another fault.
    #[serde(default)]
    pub rest: Option<String>,
}

/// By situation: the playbooks whose faults are fixed in it, or the symptoms of faults that have no playbook.
pub type Situations = BTreeMap<String, Vec<String>>;

/// What follows for a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The fault is fixed, and the ticket is closed.
    Closed,
    /// The fault is fixed, and the ticket stays open for what else it is about.
    Partial,
    /// The fault is fixed, or the question is answered, and the reporter is asked.
    Asked,
    /// The ticket is taken to be about something else, and is left open.
    LeftOpen,
    /// The question is answered.
    Answered,
    /// The ticket is taken for a complaint, or for nothing that can be answered.
    NotAnswered,
}

/// What was made of one wording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The situation.
    pub situation: String,
    /// The language that its author wrote in.
    pub lang: String,
    /// The title.
    pub title: String,
    /// Whether it is about something else besides.
    pub has_rest: bool,
    /// What follows. For a look-alike, the worst that follows for any fault.
    pub verdict: Verdict,
    /// For a look-alike: of the faults that could be fixed meanwhile, the share for which it would be closed.
    pub closed_share: f32,
    /// Whether it would be taken for a question and answered.
    pub answered: bool,
    /// What a reader made of it.
    pub reading: Reading,
}

/// Counts of one situation, or of one language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Tally {
    /// How many wordings there are.
    pub wordings: usize,
    /// How many are closed outright.
    pub closed: usize,
    /// How many are closed outright or after the reporter's yes.
    pub closed_or_asked: usize,
    /// How many stay open for what else they are about.
    pub partial: usize,
    /// How many are answered as a question.
    pub answered: usize,
    /// The sum of the shares of faults for which they would be closed wrongly.
    pub closed_wrongly: f32,
}

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Every wording, in its order.
    pub wordings: Vec<Judged>,
}

/// Why wordings cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum EvaluationError {
    /// The system type has no symptoms.
    #[error("the system type `{0}` has no symptoms, so no reader can read for it")]
    NoSymptoms(String),
    /// A situation is neither mapped nor the name of something.
    #[error("the situation `{0}` is neither a playbook nor a symptom")]
    #[diagnostic(help("map it with --situations FILE: `{0}: [a-playbook, or-a-symptom]`"))]
    UnknownSituation(String),
}

/// Evaluates wordings for the playbooks of a system type.
///
/// # Errors
/// [`EvaluationError`].
pub async fn evaluate(
    reader: &dyn Reader,
    system_type: &SystemType,
    wordings: &[Wording],
    situations: &Situations,
) -> Result<Evaluation, EvaluationError> {
    let no_symptoms = || EvaluationError::NoSymptoms(system_type.name.to_string());
    let mut judged = Vec::new();
    for wording in wordings {
        let text = AuthoredText::read(&wording.title, &wording.body);
        let reading = reader.read(&system_type.symptoms, &text.own).await.ok_or_else(no_symptoms)?;
        let (answered, in_doubt) = match read_intent(&text, system_type, Some(&reading)) {
            Intent::Question { in_doubt, .. } => (!in_doubt, in_doubt),
            Intent::Problem | Intent::Operation { .. } => (false, false),
        };
        let after_fix = |symptoms: &BTreeSet<SymptomName>| verdict_of_fix(&reading, symptoms, answered);
        let mut closed_share = 0.0;
        let verdict = match wording.situation.as_str() {
            STATUS_QUESTION if answered => Verdict::Answered,
            STATUS_QUESTION if in_doubt => Verdict::Asked,
            STATUS_QUESTION => Verdict::NotAnswered,
            LOOK_ALIKE => {
                let faults: Vec<_> = system_type.faults.iter().map(|fault| &fault.symptoms.names).collect();
                let closed = faults.iter().filter(|symptoms| after_fix(symptoms) == Verdict::Closed).count();
                closed_share = closed as f32 / faults.len().max(1) as f32;
                match relevance(&reading, []) {
                    _ if closed > 0 => Verdict::Closed,
                    Relevance::Unrelated => Verdict::LeftOpen,
                    _ => Verdict::Asked,
                }
            }
            situation => verdict_of_fix(&reading, &symptoms_of(situation, system_type, situations)?, false),
        };
        let Wording { situation, lang, title, rest, .. } = wording.clone();
        let has_rest = rest.is_some();
        judged.push(Judged { situation, lang, title, has_rest, verdict, closed_share, answered, reading });
    }
    Ok(Evaluation { wordings: judged })
}

/// What follows for a ticket if a fault is fixed that causes these symptoms.
fn verdict_of_fix(reading: &Reading, symptoms: &BTreeSet<SymptomName>, answered: bool) -> Verdict {
    let is_asked_for = match answered {
        true => asks_nothing_else(reading),
        false => relevance(reading, symptoms) == Relevance::AskedFor,
    };
    let besides: Vec<Besides> = besides(reading, symptoms).into_iter().map(|(_, besides)| besides).collect();
    match relevance(reading, []) {
        Relevance::Unrelated if !answered => Verdict::LeftOpen,
        _ if !is_asked_for => Verdict::Asked,
        _ if besides.contains(&Besides::Unclear) => Verdict::Asked,
        _ if besides.is_empty() => Verdict::Closed,
        _ => Verdict::Partial,
    }
}

/// The symptoms of the faults of a situation.
fn symptoms_of(
    situation: &str,
    system_type: &SystemType,
    situations: &Situations,
) -> Result<BTreeSet<SymptomName>, EvaluationError> {
    let unknown = || EvaluationError::UnknownSituation(situation.to_owned());
    let named = situations.get(situation).cloned().unwrap_or_else(|| vec![situation.to_owned()]);
    let mut symptoms = BTreeSet::new();
    for name in &named {
        let fault = system_type.faults.iter().find(|fault| fault.name.as_str() == name);
        match (fault, system_type.symptoms.symptoms().get_key_value(name.as_str())) {
            (Some(fault), _) => symptoms.extend(fault.symptoms.names.iter().cloned()),
            (None, Some((symptom, _))) => drop(symptoms.insert(symptom.clone())),
            (None, None) => return Err(unknown()),
        }
    }
    Ok(symptoms)
}

impl Evaluation {
    /// The counts of the wordings that a filter takes.
    pub fn tally(&self, filter: impl Fn(&Judged) -> bool) -> Tally {
        let mut tally = Tally::default();
        for judged in self.wordings.iter().filter(|judged| filter(judged)) {
            tally.wordings += 1;
            tally.closed += usize::from(judged.verdict == Verdict::Closed);
            tally.closed_or_asked += usize::from(matches!(judged.verdict, Verdict::Closed | Verdict::Asked));
            tally.partial += usize::from(judged.verdict == Verdict::Partial);
            tally.answered += usize::from(judged.answered);
            tally.closed_wrongly += judged.closed_share;
        }
        tally
    }

    /// The situations, each once.
    pub fn situations(&self) -> BTreeSet<&str> {
        self.wordings.iter().map(|judged| judged.situation.as_str()).collect()
    }
}

impl Judged {
    /// Whether the wording reports a fault that is really there.
    pub fn is_fault(&self) -> bool {
        !self.is_look_alike() && !self.is_question() && !self.has_rest
    }

    /// Whether the wording is about something else.
    pub fn is_look_alike(&self) -> bool {
        self.situation == LOOK_ALIKE
    }

    /// Whether the wording is a plain question.
    pub fn is_question(&self) -> bool {
        self.situation == STATUS_QUESTION
    }

    /// Whether something follows that should not.
    pub fn is_wrong(&self) -> bool {
        match self.verdict {
            Verdict::Closed => self.is_look_alike() || self.has_rest,
            Verdict::Partial => !self.has_rest,
            Verdict::LeftOpen => self.is_fault() || self.has_rest,
            Verdict::NotAnswered => true,
            Verdict::Asked | Verdict::Answered => self.answered && !self.is_question(),
        }
    }
}
