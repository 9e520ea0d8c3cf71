//! Who did something about an issue: from its comments, their reactions and its events. And who reacted to one
//! comment of the agent's.

use crate::core::ticket::TicketId;
use crate::github::adapter::GitHub;
use crate::github::forge::{is_by, issue_route, reactions_route, timestamp};
use crate::github::model::User;
use crate::ports::{ForgeError, Marker, Thumb};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The events that are somebody's deed. GitHub also writes `mentioned` and `subscribed`, in the name of
/// whoever was mentioned.
const HUMAN_ACTIONS: [&str; 14] = [
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "milestoned",
    "demilestoned",
    "renamed",
    "closed",
    "reopened",
    "locked",
    "unlocked",
    "pinned",
    "marked_as_duplicate",
    "connected",
];

#[derive(Deserialize)]
struct TimelineEvent {
    event: String,
    actor: Option<User>,
    /// Who assigned: GitHub gives the assignee as the actor.
    assigner: Option<User>,
    created_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct CommentMeta {
    id: u64,
    user: Option<User>,
    #[serde(default)]
    body: Option<String>,
    created_at: DateTime<Utc>,
    #[serde(default)]
    reactions: Rollup,
}

#[derive(Default, Deserialize)]
struct Rollup {
    #[serde(default)]
    total_count: u64,
}

#[derive(Deserialize)]
struct Reacted {
    user: Option<User>,
    #[serde(default)]
    content: String,
    created_at: DateTime<Utc>,
}

impl GitHub {
    pub(super) async fn people_since(
        &self,
        id: &TicketId,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let me = crate::ports::Forge::me(self).await?;
        let route = issue_route(id);
        let from = timestamp(since);
        let mut people: Vec<(Option<User>, DateTime<Utc>)> = Vec::new();
        for comment in wire.list::<CommentMeta>(&format!("{route}/comments"), &[("since", &from)], id).await?
        {
            if is_by(comment.user.as_ref(), &me) && comment.reactions.total_count > 0 {
                let reacted: Vec<Reacted> = wire.list(&reactions_route(id, comment.id), &[], id).await?;
                people.extend(reacted.into_iter().map(|it| (it.user, it.created_at)));
            }
            people.push((comment.user, comment.created_at));
        }
        for event in wire.list::<TimelineEvent>(&format!("{route}/events"), &[], id).await? {
            let TimelineEvent { event, actor, assigner, created_at } = event;
            if HUMAN_ACTIONS.contains(&event.as_str()) {
                people.push((assigner.or(actor), created_at));
            }
        }
        // GitHub counts in whole seconds.
        let counts = |at: &DateTime<Utc>| at.timestamp() >= since.timestamp();
        let of_people = people.into_iter().filter(|(_, at)| counts(at)).filter_map(|(user, _)| user);
        let others = of_people.filter(|user| !user.is_bot() && !is_by(Some(user), &me));
        Ok(others.map(|user| user.login).collect())
    }

    pub(super) async fn thumbs_on(&self, id: &TicketId, marker: &Marker) -> Result<Vec<Thumb>, ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let me = crate::ports::Forge::me(self).await?;
        let comments: Vec<CommentMeta> = wire.list(&format!("{}/comments", issue_route(id)), &[], id).await?;
        let mine = comments.into_iter().find(|comment| {
            marker.opens(comment.body.as_deref().unwrap_or_default()) && is_by(comment.user.as_ref(), &me)
        });
        let Some(comment) = mine.filter(|comment| comment.reactions.total_count > 0) else {
            return Ok(Vec::new());
        };
        let reacted: Vec<Reacted> = wire.list(&reactions_route(id, comment.id), &[], id).await?;
        let thumbs = reacted.into_iter().filter_map(|Reacted { user, content, created_at }| {
            let user = user.filter(|user| !user.is_bot() && !is_by(Some(user), &me))?;
            let is_up = match content.as_str() {
                "+1" => true,
                "-1" => false,
                _ => return None,
            };
            Some(Thumb { by: user.login, is_up, at: created_at })
        });
        let mut thumbs: Vec<Thumb> = thumbs.collect();
        thumbs.sort_by_key(|thumb| thumb.at);
        Ok(thumbs)
    }
}
