//! Labels: the state of a ticket, for those who read lists of issues.

use crate::core::case::Case;
use crate::core::playbook::Library;
use crate::engine::context::Context;
use crate::engine::publish::error::PublishError;
use crate::ports::{Label, Urgency};

/// The label of a ticket that a person has.
pub(crate) const NEEDS_HUMAN: &str = "medic:needs-human";

const LABELS: [(&str, &str, &str); 5] = [
    ("working", "1d76db", "Fieldmedic is working on this"),
    ("needs-approval", "fbca04", "Fieldmedic waits for approval of its plan"),
    ("please-confirm", "c5def5", "Fieldmedic asks the reporter whether it works now"),
    ("resolved", "0e8a16", "Resolved or answered by Fieldmedic, with proof"),
    ("needs-human", "d93f0b", "Fieldmedic has handed this to a person"),
];

pub(crate) async fn set_label(context: &Context, case: &Case, _: &Library) -> Result<(), PublishError> {
    let wanted = case.label_state().as_str();
    let (add, remove): (Vec<_>, Vec<_>) = LABELS.iter().partition(|(state, ..)| *state == wanted);
    let add: Vec<Label> = add.into_iter().map(label).collect();
    let remove: Vec<String> = remove.into_iter().map(|of| label(of).name).collect();
    let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
    Ok(context.forge.update_labels(&case.ticket.id, &add, &remove, status_urgency(case)).await?)
}

/// The labels of a ticket that is opened for a person.
pub(crate) fn needs_human() -> Vec<Label> {
    LABELS.iter().map(label).filter(|label| label.name == NEEDS_HUMAN).collect()
}

fn label((state, color, description): &(&str, &'static str, &'static str)) -> Label {
    Label { name: format!("medic:{state}"), color, description }
}

/// How urgent the status comment and the label of a case are.
pub(crate) fn status_urgency(case: &Case) -> Urgency {
    if case.status_key().passes() { Urgency::Passing } else { Urgency::Status }
}
