//! GraphQL, for the one thing that the REST API does not tell: whether a comment was edited.

use crate::core::ticket::TicketId;
use crate::github::adapter::{GitHub, GraphQl};
use crate::ports::ForgeError;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

/// `lastEditedAt` is null for a comment that was never edited: GitHub's GraphQL reference, `IssueComment`.
const LAST_EDIT: &str = "query($id: ID!) { node(id: $id) { ... on IssueComment { lastEditedAt } } }";

/// An answer. GitHub sends errors with status 200.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Option<Found>,
    #[serde(default)]
    errors: Vec<QueryError>,
}

#[derive(Deserialize)]
struct Found {
    node: Option<EditedNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EditedNode {
    // `Some(None)`: never edited. `None`: the field is missing, and the node is no comment.
    #[serde(default, deserialize_with = "present")]
    last_edited_at: Option<Option<DateTime<Utc>>>,
}

#[derive(Debug, Deserialize)]
struct QueryError {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

impl GitHub {
    /// When a comment was last edited, in whole seconds; `None` if never, or if GraphQL is out of reach.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] if there is no such comment.
    pub(super) async fn last_edit(
        &self,
        id: &TicketId,
        node_id: &str,
    ) -> Result<Option<DateTime<Utc>>, ForgeError> {
        let query = json!({ "query": LAST_EDIT, "variables": { "id": node_id } });
        let Answer { data, errors } = match &self.graphql {
            GraphQl::WithRest => self.clients.to(&id.repo).await?.query("/graphql", &query, id).await?,
            GraphQl::Apart(client) => client.query("/graphql", &query, id).await?,
            GraphQl::OutOfReach => return Ok(None),
        };
        let edited = data.and_then(|data| data.node).and_then(|node| node.last_edited_at);
        match (edited, errors.into_iter().next()) {
            (Some(edited_at), None) => Ok(edited_at),
            (_, Some(error)) => Err(error.into_forge_error(id)),
            (None, None) => Err(ForgeError::NotFound(format!("the comment {node_id} on {id}"))),
        }
    }
}

impl QueryError {
    fn into_forge_error(self, id: &TicketId) -> ForgeError {
        match self.kind.as_str() {
            "NOT_FOUND" => ForgeError::NotFound(format!("a comment on {id}")),
            "RATE_LIMITED" => ForgeError::Limited { why: self.message, wait: None },
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => ForgeError::Refused(self.message),
            // GitHub gives a query that it could not finish no type, and another try may help.
            _ => ForgeError::Unreachable(self.message),
        }
    }
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
