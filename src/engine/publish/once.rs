//! Publishing once: a comment or a ticket that is found by its marker.

use crate::core::ticket::{Repo, TicketId};
use crate::engine::context::Context;
use crate::ports::{ForgeError, JournalError, Marker, NewTicket, Urgency};
use std::time::Duration;

/// How long something new may take until it is found by its marker.
pub(crate) const CREATE_LOCK_TTL: Duration = Duration::from_secs(60);

/// Publishes something that is found by its marker. `None`: another replica is publishing it right now,
/// because two that look for the marker at the same moment would both not find it.
///
/// # Errors
/// The journal cannot be used, or whatever `publish` fails with.
pub(crate) async fn once<T, E: From<JournalError>>(
    context: &Context,
    key: &str,
    publish: impl Future<Output = Result<T, E>>,
) -> Result<Option<T>, E> {
    if !context.journal.try_once_every(key, context.clock.now(), CREATE_LOCK_TTL).await? {
        return Ok(None);
    }
    publish.await.map(Some)
}

/// A ticket that is found by its marker, without labels.
pub(crate) fn new_ticket(
    context: &Context,
    repo: &Repo,
    marker: Marker,
    title: &str,
    text: &str,
) -> NewTicket {
    NewTicket {
        repo: repo.clone(),
        title: context.redactor.publish(title.trim()),
        body: context.redactor.publish(&format!("{}\n{text}", marker.as_str())),
        marker,
        labels: Vec::new(),
    }
}

/// Writes the comment with this marker, or edits it.
///
/// # Errors
/// The forge does not take it.
pub(crate) async fn write(
    context: &Context,
    ticket: &TicketId,
    marker: &Marker,
    text: &str,
    urgency: Urgency,
) -> Result<(), ForgeError> {
    let body = context.redactor.publish(&format!("{}\n{text}", marker.as_str()));
    context.forge.upsert_comment(ticket, marker, &body, urgency).await
}

/// The people on call, mentioned.
pub(crate) fn people(context: &Context) -> String {
    let people: Vec<String> =
        context.forge_settings.on_call.iter().map(|login| format!("@{login}")).collect();
    people.join(" ")
}
