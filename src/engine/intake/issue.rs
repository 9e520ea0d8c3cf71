//! Issues: whether one is accepted, and as what.

use crate::core::case::event::{CaseId, Source};
use crate::core::case::outcome::{Code, Outcome};
use crate::core::case::{Case, Stage};
use crate::core::chatops::scope::CaseScope;
use crate::core::ticket::{Ticket, TicketState};
use crate::engine::chatops::signals;
use crate::engine::context::Context;
use crate::engine::intake::alert::start_look;
use crate::engine::intake::cases::TicketCases;
use crate::engine::intake::feedback::{check_reopened, dispute_reopened, open_reopened};
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open_case, opened_case, should_accept};

/// Accepts an issue: once in its life, in whichever way it comes in first. A running case hears of its pause
/// label; an issue that was edited or reopened may get another case. Fieldmedic's own issues are accepted by
/// the sweep that opened them, which knows what they are about.
///
/// # Errors
/// If GitHub or the journal cannot be used. The issue can be handed in again.
pub async fn accept_issue(
    context: &Context,
    ticket: Ticket,
    source: Source,
) -> Result<Option<CaseId>, IntakeError> {
    let cases = TicketCases::load(context, &ticket.id).await?;
    if let Some(running) = cases.running()
        && let Some(case) = signals::apply_pause_label(context, running, &ticket).await?
    {
        return Ok(Some(case));
    }
    if let Some(latest) = cases.latest() {
        if let Some(case) = accept_edited(context, &ticket, latest).await? {
            return Ok(Some(case));
        }
        if let Some(case) = check_reopened(context, &ticket, latest).await? {
            return Ok(Some(case));
        }
    }
    if !should_accept(context, &ticket) || ticket.author == context.forge.me().await? {
        return Ok(None);
    }
    let key = issue_dedupe_key(&ticket.id);
    let source = source_of(context, &ticket, source);
    Ok(opened_case(open_case(context, ticket, source, &key).await?))
}

/// Where an issue comes from: what a listed monitor opened is an alert, whichever way it came in.
fn source_of(context: &Context, ticket: &Ticket, source: Source) -> Source {
    match context.forge_settings.is_monitor(&ticket.author) {
        true => Source::Alert { by: ticket.author.clone(), scope: CaseScope::FullTicket },
        false => source,
    }
}

/// Takes in that a listed monitor has closed an issue: its monitor says that all is well. The system is looked at, and
/// nothing follows from the close itself.
///
/// # Errors
/// If GitHub or the journal cannot be used. The close can be handed in again.
pub async fn accept_monitor_close(
    context: &Context,
    snapshot: &Ticket,
    login: &str,
) -> Result<Option<CaseId>, IntakeError> {
    let ticket = context.forge.ticket(&snapshot.id).await?;
    if ticket.state == TicketState::Open || !context.forge_settings.is_ticket(&ticket) {
        return Ok(None);
    }
    let key = format!("{} closed by a monitor at {}", ticket.id, snapshot.updated_at.timestamp());
    start_look(context, ticket, login, None, &key).await
}

/// Accepts an issue of which a delivery tells; `reopened_by` is who reopened it, if that is what it tells.
///
/// A delivery is a hint, not evidence: it may be late, repeated or out of order. What follows is decided on the
/// issue as GitHub shows it now. Only the pause label counts in the delivery's own snapshot too, so that a pause
/// does not wait for GitHub.
///
/// # Errors
/// If GitHub or the journal cannot be used. The issue can be handed in again.
pub async fn accept_delivered_issue(
    context: &Context,
    snapshot: Ticket,
    reopened_by: Option<&str>,
) -> Result<Option<CaseId>, IntakeError> {
    let ticket = match context.forge.ticket(&snapshot.id).await {
        Ok(ticket) => ticket,
        Err(error) => {
            apply_pause_label(context, &snapshot).await?;
            return Err(error.into());
        }
    };
    match reopened_by {
        Some(login) if ticket.state == TicketState::Open => accept_reopening(context, ticket, login).await,
        Some(_) => Ok(None),
        None => accept_issue(context, ticket, Source::Webhook).await,
    }
}

/// Accepts an issue that this person, or this monitor, has reopened. `ticket` is as GitHub shows it now.
async fn accept_reopening(
    context: &Context,
    ticket: Ticket,
    login: &str,
) -> Result<Option<CaseId>, IntakeError> {
    let is_monitor = context.forge_settings.is_monitor(login);
    let source = match is_monitor {
        true => Source::Alert { by: login.to_owned(), scope: CaseScope::FullTicket },
        false => Source::Webhook,
    };
    let cases = TicketCases::load(context, &ticket.id).await?;
    match cases.latest() {
        None => open_reopened(context, ticket, source, "the beginning").await,
        // A late delivery; the reopening came in another way before.
        Some(latest) if latest.opened_at >= ticket.updated_at => Ok(None),
        // A monitor says that it is down again, and disputes nothing.
        Some(latest) if has_closed(latest) && !is_monitor => {
            dispute_reopened(context, ticket, latest, login).await
        }
        Some(latest) => open_reopened(context, ticket, source, latest.id.as_str()).await,
    }
}

/// Signals to a ticket's running case that the pause label was added or removed. Gives the case if there
/// was something to signal.
///
/// # Errors
/// If GitHub or the journal cannot be used.
pub async fn apply_pause_label(context: &Context, ticket: &Ticket) -> Result<Option<CaseId>, IntakeError> {
    match TicketCases::load(context, &ticket.id).await?.running() {
        Some(case) => signals::apply_pause_label(context, case, ticket).await,
        None => Ok(None),
    }
}

/// Accepts an issue again that named no known system, and was edited since.
async fn accept_edited(
    context: &Context,
    ticket: &Ticket,
    latest: &Case,
) -> Result<Option<CaseId>, IntakeError> {
    if ticket.state != TicketState::Open || ticket.locked {
        return Ok(None);
    }
    let named_no_system =
        matches!(&latest.outcome, Some(Outcome::Escalated(escalation)) if escalation.code == Code::NoSystem);
    let is_edited = (&latest.ticket.title, &latest.ticket.body) != (&ticket.title, &ticket.body);
    if !named_no_system || !is_edited {
        return Ok(None);
    }
    // A list may be behind, and its text older than the one that is known.
    let ticket = context.forge.ticket(&ticket.id).await?;
    if ticket.updated_at < latest.ticket.updated_at || ticket.state != TicketState::Open {
        return Ok(None);
    }
    let key = format!("reworded {} {}", ticket.id, ticket.updated_at.timestamp());
    Ok(opened_case(open_case(context, ticket, latest.source.clone(), &key).await?))
}

/// The case has ended, and closed its issue.
fn has_closed(case: &Case) -> bool {
    case.stage == Stage::Ended && case.publishing.closed_at.is_some()
}
