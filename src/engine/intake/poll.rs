//! Polling: everything that was written since the last poll, for what a webhook missed.

use crate::core::case::event::{CaseId, Source};
use crate::core::ticket::Repo;
use crate::engine::context::Context;
use crate::engine::intake::comment::accept_comment;
use crate::engine::intake::issue::accept_issue;
use crate::engine::intake::open::IntakeError;
use crate::ports::{Cursor, JournalError};
use chrono::{DateTime, TimeDelta, Utc};

/// GitHub's lists may be so far behind.
const API_LAG: TimeDelta = TimeDelta::minutes(2);

/// Polls every repository once. Gives the cases that were opened. The position in a list is remembered after
/// everything in the list was taken in: an error loses nothing.
///
/// # Errors
/// If GitHub or the journal cannot be used.
pub async fn poll(context: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    for repo in &context.forge_settings.repos {
        opened.extend(poll_issues(context, repo).await?);
        opened.extend(poll_comments(context, repo).await?);
    }
    Ok(opened)
}

async fn poll_issues(context: &Context, repo: &Repo) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    let cursor = Cursor::PollTickets(repo.clone());
    let since = context.journal.cursor(&cursor).await?;
    let tickets = context.forge.tickets(repo, &context.forge_settings.label, since).await?;
    let newest = tickets.iter().map(|ticket| ticket.updated_at).max();
    for ticket in tickets {
        opened.extend(accept_issue(context, ticket, Source::Poll).await?);
    }
    advance(context, &cursor, since, newest).await?;
    Ok(opened)
}

async fn poll_comments(context: &Context, repo: &Repo) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    let cursor = Cursor::PollComments(repo.clone());
    let now = context.clock.now();
    let since = context.journal.cursor(&cursor).await?;
    // Before the first poll no command can have been missed.
    let comments = context.forge.comments(repo, since.unwrap_or(now)).await?;
    let newest = comments.iter().map(|comment| comment.updated_at).max();
    for comment in comments {
        match accept_comment(context, &comment).await {
            Ok(case) => opened.extend(case),
            // One comment that GitHub refuses must not hold up those behind it.
            Err(IntakeError::Forge(error)) if error.is_permanent() => {
                tracing::warn!(ticket = %comment.ticket, comment = comment.id, %error, "comment skipped");
            }
            Err(error) => return Err(error),
        }
    }
    advance(context, &cursor, since, newest.or(since.is_none().then_some(now))).await?;
    Ok(opened)
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
