//! Alerts: a monitor says that something is wrong, or that it is over. An alert has one open ticket, found by its
//! fingerprint. What it says opens cases and changes one comment; it closes nothing.

use crate::core::case::event::{CaseId, Source};
use crate::core::chatops::scope::CaseScope;
use crate::core::ids::SystemName;
use crate::core::ticket::alert::{Alert, AlertState};
use crate::core::ticket::{Repo, Ticket, TicketId, TicketState};
use crate::engine::context::Context;
use crate::engine::intake::cases::TicketCases;
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open, open_case, opened_case};
use crate::engine::publish::once::{new_ticket, once, write};
use crate::ports::{DedupeKey, JournalError, Marker, NewTicket, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::time::Duration;

/// The ticket of an alert that comes and goes is edited, and its system looked at, once in so long.
const CHANGE_EVERY: Duration = Duration::from_secs(300);

/// A monitor repeats what it said. So often it is asked of GitHub whether the ticket of a repeated alert is still open.
const REPEAT_EVERY: Duration = Duration::from_secs(3600);

/// So many tickets a source may open within [`OPEN_WITHIN`]; further alerts wait.
const OPEN_AT_MOST: u32 = 10;

/// See [`OPEN_AT_MOST`].
const OPEN_WITHIN: TimeDelta = TimeDelta::hours(1);

/// So long after an alert was admitted, its ticket may still be being opened.
const OPENED_WITHIN: TimeDelta = TimeDelta::minutes(2);

/// What became of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertIntake {
    /// It is dealt with. Gives the case that has something to do.
    Done(Option<CaseId>),
    /// It is not its turn; it is to be handed in again.
    Later,
}

/// Takes in what a monitor says. Each message may be handed in again, and two at once do no harm.
///
/// # Errors
/// If GitHub or the journal cannot be used. The alert can be handed in again.
pub async fn accept_alert(context: &Context, alert: &Alert) -> Result<AlertIntake, IntakeError> {
    let Some(place) = Place::of(context, alert) else {
        tracing::warn!(source = %alert.source, "an alert has no repository: no [github] repos reaches its system");
        return Ok(AlertIntake::Done(None));
    };
    match note_state(context, alert).await? {
        Noted::Superseded => Ok(AlertIntake::Done(None)),
        noted => match alert.state {
            AlertState::Firing => fire(context, alert, &place, noted).await,
            AlertState::Resolved if noted == Noted::Repeated => Ok(AlertIntake::Done(None)),
            AlertState::Resolved => resolve(context, alert, &place).await,
        },
    }
}

/// Where the ticket of an alert is, and what it is about.
struct Place {
    repo: Repo,
    system: Option<SystemName>,
    marker: Marker,
}

impl Place {
    fn of(context: &Context, alert: &Alert) -> Option<Self> {
        let system = alert.system(&context.library, &context.inventory).map(|system| system.name.clone());
        let repo = match &system {
            Some(system) => context.ticket_repo(system),
            None => context.forge_settings.repos.first(),
        };
        let marker = Marker::new(&format!("alert source={} fingerprint={}", alert.source, alert.fingerprint));
        Some(Self { repo: repo?.clone(), system, marker })
    }
}

/// What a message adds to what is known of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noted {
    /// Something newer is known.
    Superseded,
    /// Nothing: the alert was in this state before.
    Repeated,
    /// The alert is known, and was in the other state.
    Changed,
    /// The alert is new.
    New,
}

/// Notes the state of an alert. The later of its two moments is the state that it is in. A message that was noted
/// before, and not dealt with, is what it was then.
async fn note_state(context: &Context, alert: &Alert) -> Result<Noted, JournalError> {
    let key = |state| DedupeKey::AlertState {
        source: alert.source.clone(),
        fingerprint: alert.fingerprint.clone(),
        state,
    };
    let same = context.journal.done_at(&key(alert.state)).await?;
    let other = context.journal.done_at(&key(alert.state.other())).await?;
    let at = alert.received_at;
    if same.max(other).is_some_and(|newest| is_after(newest, at)) {
        return Ok(Noted::Superseded);
    }
    if same.is_some_and(|same| is_after(at, same) && other.is_none_or(|other| is_after(same, other))) {
        return Ok(Noted::Repeated);
    }
    context.journal.mark_done(&key(alert.state), at).await?;
    Ok(if other.is_some() { Noted::Changed } else { Noted::New })
}

/// A store keeps milliseconds at least.
fn is_after(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    one.timestamp_millis() > other.timestamp_millis()
}

/// An alert fires: it has a ticket, and the ticket a case.
async fn fire(
    context: &Context,
    alert: &Alert,
    place: &Place,
    noted: Noted,
) -> Result<AlertIntake, IntakeError> {
    match noted {
        Noted::Repeated if !take_turn(context, place, "repeat", REPEAT_EVERY).await? => {
            return Ok(AlertIntake::Done(None));
        }
        Noted::Changed if !take_turn(context, place, "change", CHANGE_EVERY).await? => {
            return Ok(AlertIntake::Later);
        }
        _ => {}
    }
    let known = match noted {
        Noted::New => None,
        _ => context.forge.find(&place.repo, &place.marker).await?,
    };
    if noted == Noted::Repeated && known.is_some() {
        return Ok(AlertIntake::Done(None));
    }
    let id = match known {
        Some(id) => {
            write_state(context, alert, place, &id).await?;
            id
        }
        None => match open_ticket(context, alert, place).await? {
            Some(id) => id,
            None => return Ok(AlertIntake::Later),
        },
    };
    let ticket = context.forge.ticket(&id).await?;
    if ticket.state == TicketState::Closed || ticket.locked {
        return Ok(AlertIntake::Done(None));
    }
    let source = Source::Alert { by: alert.source.to_string(), scope: CaseScope::FullTicket };
    let opened = open_case(context, ticket, source, &issue_dedupe_key(&id)).await?;
    Ok(AlertIntake::Done(opened_case(opened)))
}

/// Opens the ticket of an alert, or finds the one that is open. `None` if the source has opened too many, or another
/// replica is opening it right now.
async fn open_ticket(
    context: &Context,
    alert: &Alert,
    place: &Place,
) -> Result<Option<TicketId>, IntakeError> {
    if !is_admitted(context, alert).await? {
        tracing::warn!(source = %alert.source, "too many new alerts within an hour: one waits for its ticket");
        return Ok(None);
    }
    let view = json!({ "alert": alert, "system": place.system });
    let title = context.prompts.line("alert_title", json!({ "system": place.system, "title": alert.title }));
    let text = context.prompts.fill("alert.md", view);
    let new = NewTicket {
        labels: vec![context.forge_settings.label.clone()],
        ..new_ticket(context, &place.repo, place.marker.clone(), &title, &text)
    };
    let opened =
        once(context, new.marker.as_str(), async { Ok::<_, IntakeError>(context.forge.open(&new).await?) });
    let opened = opened.await?;
    if let Some(id) = &opened {
        // The monitor repeats itself soon; that needs no look at GitHub.
        take_turn(context, place, "repeat", REPEAT_EVERY).await?;
        tracing::info!(source = %alert.source, ticket = %id, "an alert has a ticket");
    }
    Ok(opened)
}

/// What is noted of an alert that may have a ticket opened.
fn admitted(alert: &Alert) -> DedupeKey {
    DedupeKey::AlertAdmitted { source: alert.source.clone(), fingerprint: alert.fingerprint.clone() }
}

/// Whether an alert may have a ticket opened. One that may is not counted again while GitHub fails.
async fn is_admitted(context: &Context, alert: &Alert) -> Result<bool, JournalError> {
    let (source, now) = (&alert.source, context.clock.now());
    let key = admitted(alert);
    if context.journal.done_at(&key).await?.is_some_and(|at| now - at < OPEN_WITHIN) {
        return Ok(true);
    }
    for slot in 0..OPEN_AT_MOST {
        let slot = format!("alerts {source} {slot}");
        if context.journal.try_once_every(&slot, now, OPEN_WITHIN.to_std().unwrap_or_default()).await? {
            context.journal.mark_done(&key, now).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// An alert is over, says the monitor: the ticket says so, and the system is looked at. Nothing is closed.
async fn resolve(context: &Context, alert: &Alert, place: &Place) -> Result<AlertIntake, IntakeError> {
    if !take_turn(context, place, "change", CHANGE_EVERY).await? {
        return Ok(AlertIntake::Later);
    }
    let Some(id) = context.forge.find(&place.repo, &place.marker).await? else {
        // Another replica may be opening the ticket right now. It is to say that the alert is over.
        let begun = context.journal.done_at(&admitted(alert)).await?;
        let may_come = begun.is_some_and(|begun| context.clock.now() - begun < OPENED_WITHIN);
        return Ok(if may_come { AlertIntake::Later } else { AlertIntake::Done(None) });
    };
    write_state(context, alert, place, &id).await?;
    let ticket = context.forge.ticket(&id).await?;
    let key = format!("alert over {} {}", place.marker.as_str(), alert.received_at.timestamp_millis());
    let look = start_look(context, ticket, alert.source.as_str(), place.system.clone(), &key);
    Ok(AlertIntake::Done(look.await?))
}

/// Opens the case of a look at the system of a ticket, of which a monitor says that it is well again. `None` if no
/// system is known, or a case is at work on the ticket, which looks for itself. `key` names what the monitor said.
pub(super) async fn start_look(
    context: &Context,
    ticket: Ticket,
    by: &str,
    system: Option<SystemName>,
    key: &str,
) -> Result<Option<CaseId>, IntakeError> {
    let cases = TicketCases::load(context, &ticket.id).await?;
    let of_case = || Some(cases.latest()?.triage.as_ref()?.system.as_ref()?.name.clone());
    let Some(system) = of_case().or(system) else { return Ok(None) };
    let source = Source::Alert { by: by.to_owned(), scope: CaseScope::Diagnose { system } };
    Ok(opened_case(open(context, ticket, source, key, Vec::new()).await?))
}

/// Writes what the monitor says now into the one comment about it.
async fn write_state(
    context: &Context,
    alert: &Alert,
    place: &Place,
    ticket: &TicketId,
) -> Result<(), IntakeError> {
    let text = context.prompts.fill("alert_state.md", json!({ "alert": alert, "system": place.system }));
    let marker = Marker::new("alert kind=alert-state");
    Ok(write(context, ticket, &marker, &text, Urgency::Status).await?)
}

/// Whether something about this alert may be done now that may not be done often.
async fn take_turn(
    context: &Context,
    place: &Place,
    what: &str,
    every: Duration,
) -> Result<bool, JournalError> {
    let name = format!("{what} {} {}", place.repo, place.marker.as_str());
    context.journal.try_once_every(&name, context.clock.now(), every).await
}
