//! Labels: in which state a ticket is, for those who read lists of issues.

use crate::core::case::Case;
use crate::core::playbook::Library;
use crate::engine::Context;
use crate::ports::{ForgeError, Label};

/// The label of a ticket that a person has.
pub(crate) const NEEDS_HUMAN: &str = "medic:needs-human";

const LABELS: [(&str, &str, &str); 4] = [
    ("working", "1d76db", "Fieldmedic is working on this"),
    ("needs-approval", "fbca04", "Fieldmedic asks whether it may carry out its plan"),
    ("resolved", "0e8a16", "Resolved or answered by Fieldmedic, with proof"),
    ("needs-human", "d93f0b", "Fieldmedic has handed this to a person"),
];

pub(crate) async fn set_label(agent: &Context, case: &Case, _: &Library) -> Result<(), ForgeError> {
    let name = |word: &str| format!("medic:{word}");
    let wanted = case.label_state().as_str();
    let add: Vec<Label> = LABELS
        .iter()
        .filter(|(word, ..)| *word == wanted)
        .map(|(word, color, description)| Label { name: name(word), color, description })
        .collect();
    let remove: Vec<String> =
        LABELS.iter().filter(|(word, ..)| *word != wanted).map(|(word, ..)| name(word)).collect();
    let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
    agent.forge.update_labels(&case.ticket.id, &add, &remove).await
}
