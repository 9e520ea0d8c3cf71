//! Reminders: a ticket that was handed over and that nobody takes is called out again, twice and never
//! more often. When is reckoned from the journal, so a restart forgets nothing.

use crate::core::case::Case;
use crate::core::case::event::{Event, EventKind};
use crate::core::case::outcome::{Escalation, Outcome};
use crate::core::text::format::format_minute;
use crate::core::ticket::{TicketId, TicketState};
use crate::engine::Context;
use crate::engine::intake::open::IntakeError;
use crate::engine::monitor::recurrence::due;
use crate::engine::monitor::sweep::OPENING;
use crate::engine::publish::{people, write};
use crate::ports::{DedupeKey, Marker};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

/// How long after the first reminder the last one follows.
const AGAIN: TimeDelta = TimeDelta::hours(24);

/// An agent that was stopped makes up for reminders that were due so long ago.
const LATE: TimeDelta = TimeDelta::hours(24);

/// Reminds people of every ticket that they were called to and that nobody has taken. Gives the tickets.
pub async fn remind(agent: &Context) -> Result<Vec<TicketId>, IntakeError> {
    let Some(after) = agent.forge_settings.remind_after.and_then(|after| TimeDelta::from_std(after).ok())
    else {
        return Ok(Vec::new());
    };
    let now = agent.clock.now();
    let delays = [after, after + AGAIN];
    let mut reminded = Vec::new();
    for (id, record) in agent.journal.history(&[EventKind::OutcomeDecided], now - delays[1] - LATE).await? {
        let Event::OutcomeDecided(Outcome::Escalated(escalation)) = record.event else { continue };
        let mark = DedupeKey::Reminder(id.clone());
        let done_at = agent.journal.done_at(&mark).await?;
        let Some(due) = due(record.at, &delays, done_at, now) else { continue };
        let Ok(case) = Case::fold(&id, &agent.journal.load(&id).await?) else { continue };
        // Where nobody was called yet, for want of GitHub, nobody has let it lie.
        if !case.publishing.called {
            continue;
        }
        match is_acknowledged(agent, &case, record.at).await {
            Ok(false) if !send_reminder(agent, &case, &escalation, record.at, due).await? => continue,
            Ok(false) => reminded.push(case.ticket.id),
            Ok(true) => {}
            Err(IntakeError::Forge(error)) if error.is_permanent() => {}
            Err(error) => return Err(error),
        }
        agent.journal.mark_done(&mark, now).await?;
    }
    Ok(reminded)
}

/// Whether anybody has done anything about it since: worked on the issue, or started the agent again. That
/// the reporter asks how it goes on is not that, unless the reporter is on call.
async fn is_acknowledged(agent: &Context, case: &Case, since: DateTime<Utc>) -> Result<bool, IntakeError> {
    let cases = agent.journal.cases_of(&case.ticket.id).await?;
    if cases.iter().any(|line| line.opened_at > since) {
        return Ok(true);
    }
    let ticket = agent.forge.ticket(&case.ticket.id).await?;
    if ticket.state == TicketState::Closed || ticket.locked {
        return Ok(true);
    }
    let people = agent.forge.participants_since(&case.ticket.id, since).await?;
    let is_on_call =
        |login: &str| agent.forge_settings.on_call.iter().any(|other| other.eq_ignore_ascii_case(login));
    let counts = |login: &String| !login.eq_ignore_ascii_case(&ticket.author) || is_on_call(login);
    Ok(people.iter().any(counts))
}

/// `false`: another replica is about to.
async fn send_reminder(
    agent: &Context,
    case: &Case,
    escalation: &Escalation,
    since: DateTime<Utc>,
    number: usize,
) -> Result<bool, IntakeError> {
    let marker = Marker::new(&format!("case={} kind=reminder number={}", case.id, number + 1));
    // Two that look for the marker at the same moment would both not find it.
    if !agent.journal.try_once_every(marker.as_str(), agent.clock.now(), OPENING).await? {
        return Ok(false);
    }
    let data = json!({
        "people": people(agent),
        "since": format_minute(since),
        "code": escalation.code,
        "why": escalation.why,
        "last": number > 0,
    });
    let text = agent.prompts.fill("reminder.md", data);
    match write(agent, &case.ticket.id, &marker, &text).await {
        Err(error) if !error.is_permanent() => Err(error.into()),
        _ => Ok(true),
    }
}
