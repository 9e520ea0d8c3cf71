//! Polling: everything that was written since the last poll, for what a webhook missed.

use crate::core::case::event::{CaseId, Source};
use crate::core::ticket::{Repo, Ticket};
use crate::engine::context::Context;
use crate::engine::intake::comment::{accept_comment, is_urgent};
use crate::engine::intake::issue::accept_issue;
use crate::engine::intake::open::IntakeError;
use crate::ports::{Cursor, ForgeError, JournalError};
use chrono::{DateTime, TimeDelta, Utc};

/// GitHub's lists may be so far behind.
const API_LAG: TimeDelta = TimeDelta::minutes(2);

/// An issue or a comment that cannot be taken in is tried again at each poll for so long.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(1);

/// Polls every repository once. Gives the cases that were opened. The position in a list is remembered after
/// everything in the list was taken in: an error loses nothing, and holds up nothing else.
///
/// # Errors
/// The first of them, after everything else was polled. The next poll reads again what failed.
pub async fn poll(context: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    let mut result = Ok(());
    for repo in &context.forge_settings.repos {
        // Commands come first: they may stop what else is under way.
        for polled in [poll_comments(context, repo).await, poll_issues(context, repo).await] {
            match polled {
                Ok(cases) => opened.extend(cases),
                Err(error) => result = result.and(Err(error)),
            }
        }
    }
    result.map(|()| opened)
}

async fn poll_issues(context: &Context, repo: &Repo) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    let cursor = Cursor::PollTickets(repo.clone());
    let since = context.journal.cursor(&cursor).await?;
    let tickets = list_tickets(context, repo, since).await?;
    let mut newest = tickets.iter().map(|ticket| ticket.updated_at).max();
    let mut first_error = None;
    for ticket in tickets {
        let (id, updated_at) = (ticket.id.clone(), ticket.updated_at);
        let skipped = match accept_issue(context, ticket, Source::Poll).await {
            Ok(case) => {
                opened.extend(case);
                continue;
            }
            Err(IntakeError::Forge(error)) => error,
            Err(error) => return Err(error),
        };
        // One issue about which GitHub has trouble must not hold up those behind it.
        tracing::warn!(ticket = %id, error = %skipped, "issue skipped");
        if is_worth_another_try(&skipped, context.clock.now() - updated_at) {
            newest = newest.min(Some(updated_at));
            first_error = first_error.or(Some(skipped));
        }
    }
    advance(context, &cursor, since, newest).await?;
    first_error.map_or(Ok(opened), |error| Err(error.into()))
}

/// The open issues that are tickets. Those of monitors may lack the label, and GitHub does not always find what an App
/// opened, so all are listed then.
pub(crate) async fn list_tickets(
    context: &Context,
    repo: &Repo,
    since: Option<DateTime<Utc>>,
) -> Result<Vec<Ticket>, ForgeError> {
    let settings = &context.forge_settings;
    let label = settings.monitors.is_empty().then_some(settings.label.as_str());
    let mut tickets = context.forge.tickets(repo, label, since).await?;
    tickets.retain(|ticket| label.is_some() || settings.is_ticket(ticket));
    Ok(tickets)
}

/// Whether what failed is read again. `age`: of what failed.
fn is_worth_another_try(error: &ForgeError, age: TimeDelta) -> bool {
    !error.is_final_after(age) && age < GIVE_UP_AFTER
}

async fn poll_comments(context: &Context, repo: &Repo) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    let cursor = Cursor::PollComments(repo.clone());
    let now = context.clock.now();
    let since = context.journal.cursor(&cursor).await?;
    // Before the first poll no command can have been missed.
    let mut comments = context.forge.comments(repo, since.unwrap_or(now)).await?;
    let mut newest = comments.iter().map(|comment| comment.updated_at).max();
    // What stops something comes before what starts something. The sort is stable.
    comments.sort_by_cached_key(|comment| !is_urgent(context, comment));
    let mut first_error = None;
    for comment in comments {
        let skipped = match accept_comment(context, &comment).await {
            Ok(case) => {
                opened.extend(case);
                continue;
            }
            Err(IntakeError::Forge(error)) => error,
            Err(error) => return Err(error),
        };
        // One comment about which GitHub has trouble must not hold up those behind it.
        tracing::warn!(ticket = %comment.ticket, comment = comment.id, error = %skipped, "comment skipped");
        if is_worth_another_try(&skipped, now - comment.updated_at) {
            newest = newest.min(Some(comment.updated_at));
            first_error = first_error.or(Some(skipped));
        }
    }
    advance(context, &cursor, since, newest.or(since.is_none().then_some(now))).await?;
    // The dispatcher finds in the journal what was opened before an error.
    first_error.map_or(Ok(opened), |error| Err(error.into()))
}

/// Moves a cursor to the newest entry of a list, whatever the local clock says. While a list has nothing new,
/// the same address is asked, and GitHub can answer that nothing has changed.
async fn advance(
    context: &Context,
    cursor: &Cursor,
    since: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
) -> Result<(), JournalError> {
    match newest.map(|newest| newest - API_LAG) {
        Some(read) if since.is_none_or(|since| read > since) => {
            context.journal.set_cursor(cursor, read).await
        }
        _ => Ok(()),
    }
}
