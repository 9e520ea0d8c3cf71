//! Polling: what was written since the last time, for all that a webhook missed.

use crate::core::case::event::{CaseId, Source};
use crate::core::ticket::Repo;
use crate::engine::Context;
use crate::engine::chatops::accept_comment;
use crate::engine::intake::open::{IntakeError, accept_issue};
use crate::ports::JournalError;
use chrono::{DateTime, TimeDelta, Utc};

/// GitHub's list may lag behind what it holds.
const LAG: TimeDelta = TimeDelta::minutes(2);

/// One round over every repository. Gives the cases that it opened.
///
/// What was read is remembered only when all of it has been taken in, so an error loses nothing.
pub async fn poll(agent: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    for repo in &agent.forge_settings.repos {
        opened.extend(read_tickets(agent, repo).await?);
        opened.extend(read_comments(agent, repo).await?);
    }
    Ok(opened)
}

async fn read_tickets(agent: &Context, repo: &Repo) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    let name = format!("poll {repo} tickets");
    let since = agent.journal.cursor(&name).await?;
    let tickets = agent.forge.tickets(repo, &agent.forge_settings.label, since).await?;
    let newest = tickets.iter().map(|ticket| ticket.updated_at).max();
    for ticket in tickets {
        opened.extend(accept_issue(agent, ticket, Source::Poll).await?);
    }
    remember(agent, &name, since, newest).await?;
    Ok(opened)
}

async fn read_comments(agent: &Context, repo: &Repo) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    let name = format!("poll {repo}");
    let now = agent.clock.now();
    let since = agent.journal.cursor(&name).await?;
    // Before the first poll there is no command that could have been missed.
    let comments = agent.forge.comments(repo, since.unwrap_or(now)).await?;
    let newest = comments.iter().map(|comment| comment.updated_at).max();
    for comment in comments {
        match accept_comment(agent, &comment).await {
            Ok(case) => opened.extend(case),
            // One comment that GitHub refuses must not hold up those behind it.
            Err(IntakeError::Forge(error)) if error.is_permanent() => {
                tracing::warn!(ticket = %comment.ticket, %error, "a comment was passed over");
            }
            Err(error) => return Err(error),
        }
    }
    remember(agent, &name, since, newest.or(since.is_none().then_some(now))).await?;
    Ok(opened)
}

/// Remembers how far a list was read: to the newest thing that was in it, whatever our own clock says.
/// So a list in which nothing is new is asked for by the same address, and GitHub can answer that it has
/// not changed.
async fn remember(
    agent: &Context,
    name: &str,
    since: Option<DateTime<Utc>>,
    newest: Option<DateTime<Utc>>,
) -> Result<(), JournalError> {
    match newest.map(|newest| newest - LAG) {
        Some(read) if since.is_none_or(|since| read > since) => agent.journal.set_cursor(name, read).await,
        _ => Ok(()),
    }
}
