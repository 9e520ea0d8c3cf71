//! GitHub's log of what it delivered to the agent's webhook. GitHub does not try again by itself, but it
//! remembers for three days, and tries again when it is asked to.

use crate::core::ticket::Repo;
use crate::github::adapter::GitHub;
use crate::github::forge::repo_route;
use crate::github::installations::Clients;
use crate::ports::{DeliveryId, FailedDelivery, ForgeError, Urgency};
use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A hook is the agent's if it leads here, whatever stands before: a name, a port, a proxy's path.
const DOOR: &str = "/webhook";

/// What both calls take, in GitHub's words for it.
const RIGHT: &str =
    "the log of its webhook takes a token with webhooks: read and write (classic: admin:repo_hook)";

#[derive(Deserialize)]
pub(super) struct Hook {
    pub id: u64,
    active: bool,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
}

/// One attempt.
#[derive(Deserialize)]
struct DeliveryLogEntry {
    id: u64,
    guid: String,
    delivered_at: DateTime<Utc>,
    status_code: u16,
    event: String,
    action: Option<String>,
    repository_id: Option<u64>,
}

/// A repository, by its number.
#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

impl GitHub {
    pub(super) async fn read_failed_deliveries(
        &self,
        repo: &Repo,
        since: DateTime<Utc>,
    ) -> Result<Vec<FailedDelivery>, ForgeError> {
        let is_recent = |line: &DeliveryLogEntry| line.delivered_at >= since;
        let wire = self.clients.to(repo).await?;
        let mut failed = Vec::new();
        if let Clients::App(_) = self.clients {
            // One log for all repositories; only their numbers stand in it.
            let Numbered { id } = wire.get(&repo_route(repo), repo).await?;
            let lines =
                self.clients.own().list_while("/app/hook/deliveries", &[], &"the App's hook", is_recent);
            let lines =
                lines.await?.into_iter().filter(|line: &DeliveryLogEntry| line.repository_id == Some(id));
            failed.extend(failures(None, lines.collect()));
        } else {
            let route = format!("{}/hooks", repo_route(repo));
            let hooks: Vec<Hook> =
                wire.list(&route, &[], repo).await.map_err(|error| with_permission_hint(error, repo))?;
            for hook in hooks.iter().filter(|hook| hook.is_the_agents()) {
                let route = format!("{route}/{}/deliveries", hook.id);
                let lines = wire.list_while(&route, &[], repo, is_recent).await;
                failed.extend(failures(
                    Some(hook.id),
                    lines.map_err(|error| with_permission_hint(error, repo))?,
                ));
            }
        }
        failed.sort_by_key(|failure| (failure.delivered_at, failure.id));
        Ok(failed)
    }

    pub(super) async fn request_redelivery(&self, repo: &Repo, id: DeliveryId) -> Result<(), ForgeError> {
        let DeliveryId { hook, number } = id;
        let what = format!("delivery {number} of the webhook of {repo}");
        let mut turn = self.writer.slot(Urgency::Status).await?;
        let answer = match hook {
            None => {
                let route = format!("/app/hook/deliveries/{number}/attempts");
                self.clients.own().write(&mut turn, Method::POST, &route, None, &what).await
            }
            Some(hook) => {
                let route = format!("{}/hooks/{hook}/deliveries/{number}/attempts", repo_route(repo));
                let wire = self.clients.to(repo).await?;
                wire.write(&mut turn, Method::POST, &route, None, &what).await
            }
        };
        match answer {
            Err(ForgeError::Refused(why)) => Err(ForgeError::Refused(format!("{why}; {RIGHT}"))),
            answer => answer.map(drop),
        }
    }
}

impl Hook {
    /// Whether its URL is this one, byte for byte. It may be inactive.
    pub(super) fn leads_to(&self, url: &str) -> bool {
        self.config.url.as_deref() == Some(url)
    }

    /// Whether it is active, and its URL ends with `/webhook` before any query.
    pub(super) fn is_the_agents(&self) -> bool {
        let address = self.config.url.as_deref().unwrap_or_default();
        self.active && address.split(['?', '#']).next().is_some_and(|address| address.ends_with(DOOR))
    }
}

/// What was tried and never taken; `lines` are the attempts, the newest first.
fn failures(hook: Option<u64>, lines: Vec<DeliveryLogEntry>) -> Vec<FailedDelivery> {
    let mut told: BTreeMap<String, Vec<DeliveryLogEntry>> = BTreeMap::new();
    for line in lines {
        told.entry(line.guid.clone()).or_default().push(line);
    }
    let never_taken = told.into_values().filter(|all| !all.iter().any(DeliveryLogEntry::was_taken));
    let failure = |attempts: Vec<DeliveryLogEntry>| {
        let count = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        let DeliveryLogEntry { id, guid, delivered_at, status_code, event, action, .. } =
            attempts.into_iter().next()?;
        Some(FailedDelivery {
            id: DeliveryId { hook, number: id },
            guid,
            event,
            action: action.unwrap_or_default(),
            delivered_at,
            attempts: count,
            status: status_code,
        })
    };
    never_taken.filter_map(failure).collect()
}

impl DeliveryLogEntry {
    fn was_taken(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// To who lacks the right GitHub says that there are no hooks, or that it does not let them be seen.
pub(super) fn with_permission_hint(error: ForgeError, repo: &Repo) -> ForgeError {
    match error {
        ForgeError::NotFound(_) => ForgeError::Refused(format!("it shows no webhooks of {repo}; {RIGHT}")),
        ForgeError::Refused(why) => ForgeError::Refused(format!("{repo}: {why}; {RIGHT}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::text::redact::Redactor;
    use crate::github::{Options, Pace};
    use crate::ports::{Clock, Forge};
    use crate::sandbox::github::{AccountKind, FakeGitHub, Hooks, RepoRole};
    use async_trait::async_trait;
    use std::sync::Arc;
    use std::time::Duration;

    struct Wall;

    #[async_trait]
    impl Clock for Wall {
        fn now(&self) -> DateTime<Utc> {
            Utc::now()
        }

        async fn sleep_until(&self, _: DateTime<Utc>) {}
    }

    /// `medic`, with this role in `example/tickets`.
    async fn bench(role: RepoRole) -> (FakeGitHub, GitHub, Repo) {
        let hub = FakeGitHub::start(Arc::new(Wall)).await.unwrap();
        let repo: Repo = "example/tickets".parse().unwrap();
        hub.register("medic", AccountKind::User, "token");
        hub.grant(&repo, "medic", role);
        let options = Options {
            base_url: hub.url().to_owned(),
            pace: Pace { gap: Duration::ZERO, free: 1 },
            ..Options::new("token".to_owned().into(), Redactor::default())
        };
        (hub, GitHub::new(options).unwrap(), repo)
    }

    fn hook(url: &str) -> Hooks {
        Hooks { url: url.to_owned(), secret: "a shared secret".to_owned() }
    }

    /// A server that answers everything with this status.
    async fn answering(status: u16) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let status = http::StatusCode::from_u16(status).unwrap();
        let router = axum::Router::new().fallback(move || async move { status });
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/behind/a/proxy/webhook")
    }

    #[tokio::test]
    async fn what_came_to_nothing_is_found_and_told_again() {
        let (hub, github, repo) = bench(RepoRole::Admin).await;
        let start = Utc::now() - chrono::TimeDelta::seconds(5);
        assert_eq!(github.failed_deliveries(&repo, start).await, Ok(Vec::new()), "there is no hook");
        hub.hook(hook(&answering(503).await));
        for n in 0..120 {
            hub.file(&repo, "ada", &format!("number {n}"), "", &[]).unwrap();
        }
        hub.file(&"example/other".parse().unwrap(), "ada", "not ours", "", &[]).unwrap();
        hub.delivered().await;
        let failed = github.failed_deliveries(&repo, start).await.unwrap();
        assert_eq!(failed.len(), 120, "from both pages, and of this repository alone");
        let first = &failed[0];
        assert_eq!((first.event.as_str(), first.action.as_str(), first.status), ("issues", "opened", 503));
        assert_eq!(first.guid, hub.deliveries()[0].guid, "the oldest first");
        let later = Utc::now() + chrono::TimeDelta::seconds(5);
        assert_eq!(github.failed_deliveries(&repo, later).await, Ok(Vec::new()));

        github.redeliver(&repo, first.id).await.unwrap();
        hub.delivered().await;
        let again = github.failed_deliveries(&repo, start).await.unwrap();
        let tried = again.iter().find(|failure| failure.guid == first.guid).unwrap();
        assert_eq!((again.len(), tried.attempts, tried.id != first.id), (120, 2, true));

        hub.hook(hook(&answering(202).await));
        github.redeliver(&repo, tried.id).await.unwrap();
        hub.delivered().await;
        let rest = github.failed_deliveries(&repo, start).await.unwrap();
        assert!(rest.len() == 119 && rest.iter().all(|failure| failure.guid != first.guid));
    }

    #[tokio::test]
    async fn nobody_answering_is_a_failure_too() {
        let (hub, github, repo) = bench(RepoRole::Admin).await;
        hub.hook(hook("http://127.0.0.1:9/webhook"));
        hub.file(&repo, "ada", "Sync fails", "", &[]).unwrap();
        hub.delivered().await;
        let failed = github.failed_deliveries(&repo, DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!((failed.len(), failed[0].status), (1, 502));
    }

    #[tokio::test]
    async fn a_hook_that_leads_elsewhere_is_not_the_agents() {
        let (hub, github, repo) = bench(RepoRole::Admin).await;
        hub.hook(hook("http://127.0.0.1:9/webhook/of/another"));
        hub.file(&repo, "ada", "Sync fails", "", &[]).unwrap();
        hub.delivered().await;
        assert_eq!(github.failed_deliveries(&repo, DateTime::UNIX_EPOCH).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_right_that_is_lacking_is_named() {
        let (hub, github, repo) = bench(RepoRole::Write).await;
        hub.hook(hook("http://127.0.0.1:9/webhook"));
        let error = github.failed_deliveries(&repo, DateTime::UNIX_EPOCH).await.unwrap_err();
        assert!(error.is_permanent() && error.to_string().contains("webhooks: read and write"), "{error}");
        let gone = DeliveryId { hook: Some(1), number: 7 };
        let error = github.redeliver(&repo, gone).await.unwrap_err();
        assert!(error.is_permanent() && error.to_string().contains("delivery 7"), "{error}");
    }
}
