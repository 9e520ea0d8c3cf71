//! Who did something about an issue: from its comments, their reactions and its events.

use crate::core::ticket::TicketId;
use crate::github::adapter::GitHub;
use crate::github::forge::{is_by, issue_route, repo_route, timestamp};
use crate::github::model::User;
use crate::ports::ForgeError;
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
                let route = format!("{}/issues/comments/{}/reactions", repo_route(&id.repo), comment.id);
                let reacted: Vec<Reacted> = wire.list(&route, &[], id).await?;
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
}
