//! Reminders: people are reminded twice of an escalated ticket that nobody takes. The times are computed
//! from the journal, so a restart forgets nothing.

use crate::core::case::Case;
use crate::core::case::event::{Event, EventKind};
use crate::core::case::outcome::{Escalation, Outcome};
use crate::core::text::format::format_minute;
use crate::core::ticket::{TicketId, TicketState};
use crate::engine::case::history::skip_unreadable;
use crate::engine::case::load::load_case;
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;
use crate::engine::monitor::recurrence::due;
use crate::engine::publish::once::{once, people, write};
use crate::ports::{DedupeKey, ForgeError, Marker, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

/// How long after the first reminder the last one follows.
const SECOND_REMINDER_AFTER: TimeDelta = TimeDelta::hours(24);

/// After a downtime, Fieldmedic makes up for reminders that were due so long ago.
const MAX_LATENESS: TimeDelta = TimeDelta::hours(24);

/// Reminds people of every ticket that they were called to and that nobody has taken. Gives the tickets.
///
/// # Errors
/// If GitHub or the journal cannot be used. The next round sends what was not sent.
pub async fn remind(context: &Context) -> Result<Vec<TicketId>, IntakeError> {
    let Some(after) = context.forge_settings.remind_after.and_then(|after| TimeDelta::from_std(after).ok())
    else {
        return Ok(Vec::new());
    };
    let now = context.clock.now();
    let latest = after + SECOND_REMINDER_AFTER;
    let delays = [after, latest];
    let mut reminded = Vec::new();
    let since = now - latest - MAX_LATENESS;
    let history = context.journal.history(&[EventKind::OutcomeDecided], since).await?;
    for (id, record) in skip_unreadable(context, history) {
        let Event::OutcomeDecided(Outcome::Escalated(escalation)) = record.event else { continue };
        let mark = DedupeKey::Reminder(id.clone());
        let done_at = context.journal.done_at(&mark).await?;
        let Some((number, delay)) = due(record.at, &delays, done_at, now) else { continue };
        let is_final = |error: &ForgeError| error.is_final_after(now - (record.at + delay));
        let Some(case) = load_case(context, &id).await? else { continue };
        // Where nobody was called yet, for want of GitHub, nobody has let it lie.
        if !case.publishing.called {
            continue;
        }
        let told = match is_acknowledged(context, &case, record.at).await {
            Ok(false) => send_reminder(context, &case, &escalation, record.at, number).await,
            Ok(true) => Ok(Told::NotNeeded),
            Err(error) => Err(error),
        };
        match told {
            Ok(Told::ByPeer) => continue,
            Ok(Told::Here) => reminded.push(case.ticket.id),
            Ok(Told::NotNeeded) => {}
            Err(IntakeError::Forge(error)) if is_final(&error) => {}
            // It is tried again in the next round, and others are not held up by it.
            Err(IntakeError::Forge(error)) if error.is_permanent() => {
                tracing::warn!(case = %id, %error, "the reminder waits");
                continue;
            }
            Err(error) => return Err(error),
        }
        context.journal.mark_done(&mark, now).await?;
    }
    Ok(reminded)
}

/// Who reminds people.
enum Told {
    Here,
    /// Another replica is about to.
    ByPeer,
    /// Somebody has taken the ticket.
    NotNeeded,
}

/// Whether anybody has done anything about it since: worked on the issue, or started the agent again. That
/// the reporter asks how it goes on is not that, unless the reporter is on call.
async fn is_acknowledged(context: &Context, case: &Case, since: DateTime<Utc>) -> Result<bool, IntakeError> {
    let cases = context.journal.cases_of(&case.ticket.id).await?;
    if cases.iter().any(|line| line.opened_at > since) {
        return Ok(true);
    }
    let ticket = context.forge.ticket(&case.ticket.id).await?;
    if ticket.state == TicketState::Closed || ticket.locked {
        return Ok(true);
    }
    let people = context.forge.participants_since(&case.ticket.id, since).await?;
    let is_on_call =
        |login: &str| context.forge_settings.on_call.iter().any(|other| other.eq_ignore_ascii_case(login));
    let counts = |login: &String| !login.eq_ignore_ascii_case(&ticket.author) || is_on_call(login);
    Ok(people.iter().any(counts))
}

/// Sends the reminder, unless another replica is about to.
async fn send_reminder(
    context: &Context,
    case: &Case,
    escalation: &Escalation,
    since: DateTime<Utc>,
    number: usize,
) -> Result<Told, IntakeError> {
    let marker = Marker::new(&format!("case={} kind=reminder number={}", case.id, number + 1));
    let data = json!({
        "people": people(context),
        "since": format_minute(since),
        "code": escalation.code,
        "detail": escalation.detail,
        "last": number > 0,
    });
    let text = context.prompts.fill("reminder.md", data);
    let reminder = async {
        write(context, &case.ticket.id, &marker, &text, Urgency::HandOver).await.map_err(IntakeError::from)
    };
    Ok(if once(context, marker.as_str(), reminder).await?.is_some() { Told::Here } else { Told::ByPeer })
}
