//! Polling: what was written since the last time, for all that a webhook missed.

use super::Agent;
use super::intake::{IntakeError, take_issue};
use super::orders::take_comment;
use crate::core::event::{CaseId, Door};
use chrono::TimeDelta;

/// One round over every repository. Gives the cases that it opened.
///
/// What was read is remembered only when all of it has been taken in, so an error loses nothing.
pub async fn poll(agent: &Agent) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    for repo in &agent.manners.repos {
        let name = format!("poll {repo}");
        let now = agent.clock.now();
        let since = agent.journal.bookmark(&name).await?;
        for ticket in agent.forge.tickets(repo, &agent.manners.label, since).await? {
            opened.extend(take_issue(agent, ticket, Door::Poll).await?);
        }
        // Before the first poll there is no command that could have been missed.
        for comment in agent.forge.comments(repo, since.unwrap_or(now)).await? {
            match take_comment(agent, &comment).await {
                Ok(case) => opened.extend(case),
                // One comment that GitHub refuses must not hold up those behind it.
                Err(IntakeError::Forge(error)) if error.is_lasting() => {
                    tracing::warn!(ticket = %comment.ticket, %error, "a comment was passed over");
                }
                Err(error) => return Err(error),
            }
        }
        // GitHub's list may lag behind its clock, and its clock behind ours.
        agent.journal.set_bookmark(&name, now - TimeDelta::minutes(2)).await?;
    }
    Ok(opened)
}
