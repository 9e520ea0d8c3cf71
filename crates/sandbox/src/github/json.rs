//! The JSON of GitHub's objects, with the names and types of its REST description.

use crate::github::state::{
    AccountKind, Comment, GitHubState, Issue, IssueKind, IssueState, Label, Reaction, RepoRole, Repository,
};
use chrono::{DateTime, SecondsFormat, Utc};
use fieldmedic_core::ticket::{Repo, TicketId};
use serde_json::{Value, json};

/// The fields of a user and of a repository that hold URLs: the name, and the end of the URL.
const USER_LINKS: [(&str, &str); 9] = [
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
];
const REPO_LINKS: [(&str, &str); 12] = [
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("labels_url", "/labels{/name}"),
];
/// The fields of a repository that lists leave out.
const MORE_REPO_LINKS: [(&str, &str); 24] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("keys_url", "/keys{/key_id}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];
const REPO_COUNTS: [&str; 8] = [
    "forks",
    "forks_count",
    "network_count",
    "size",
    "stargazers_count",
    "subscribers_count",
    "watchers",
    "watchers_count",
];
const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

pub(super) fn is_reaction(content: &str) -> bool {
    REACTIONS.contains(&content)
}

impl GitHubState {
    /// An account as others see it; `Null` if there is none with this login.
    pub(super) fn user_json(&self, login: &str) -> Value {
        let Some(user) = self.users.get(login) else { return Value::Null };
        let url = format!("{}/users/{login}", self.base);
        let json = json!({
            "login": login,
            "id": user.id,
            "node_id": format!("U_{:08x}", user.id),
            "avatar_url": format!("{}/avatars/{}", self.base, user.id),
            "gravatar_id": "",
            "url": url,
            "html_url": format!("{}/{login}", self.base),
            "type": match user.kind {
                AccountKind::User => "User",
                AccountKind::Bot => "Bot",
                AccountKind::Organization => "Organization",
            },
            "user_view_type": "public",
            "site_admin": false,
        });
        with(json, USER_LINKS.map(|(name, end)| (name, json!(format!("{url}{end}")))))
    }

    /// An account, as it sees itself.
    pub(super) fn account_json(&self, login: &str) -> Value {
        let unset = ["bio", "blog", "company", "email", "hireable", "location", "name"];
        let json = with(self.user_json(login), unset.map(|name| (name, Value::Null)));
        let counts = ["followers", "following", "public_gists", "public_repos"];
        let json = with(json, counts.map(|name| (name, json!(0))));
        let since = stamp(self.now());
        with(json, ["created_at", "updated_at"].map(|name| (name, json!(since))))
    }

    /// A repository as webhooks show it, with the permissions of `viewer`.
    pub(super) fn repo_json(&self, repo: &Repository, viewer: &str) -> Value {
        let Repo { owner, name } = &repo.address;
        let url = format!("{}/repos/{}", self.base, repo.address);
        let role = repo.role(viewer);
        let open = repo.issues.values().filter(|issue| issue.is_there() && !issue.is_closed()).count();
        let json = json!({
            "id": repo.id,
            "node_id": format!("R_{:08x}", repo.id),
            "name": name,
            "full_name": repo.address.to_string(),
            "private": true,
            "visibility": "private",
            "owner": self.user_json(owner),
            "html_url": format!("{}/{}", self.base, repo.address),
            "url": url,
            "description": null,
            "fork": false,
            "archived": repo.archived,
            "disabled": false,
            "has_issues": !repo.issues_off,
            "default_branch": "main",
            "open_issues_count": open,
            "open_issues": open,
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.created_at),
            "pushed_at": stamp(repo.created_at),
            "permissions": {
                "admin": role >= RepoRole::Admin,
                "maintain": role >= RepoRole::Maintain,
                "push": role >= RepoRole::Write,
                "triage": role >= RepoRole::Triage,
                "pull": role >= RepoRole::Read,
            },
        });
        with(json, REPO_LINKS.map(|(name, end)| (name, json!(format!("{url}{end}")))))
    }

    /// A repository as a request for it alone shows it: with the fields that `repo_json` leaves out.
    pub(super) fn whole_repo_json(&self, repo: &Repository, viewer: &str) -> Value {
        let url = format!("{}/repos/{}", self.base, repo.address);
        let links = MORE_REPO_LINKS.map(|(name, end)| (name, json!(format!("{url}{end}"))));
        let json = with(self.repo_json(repo, viewer), links);
        let clone_url = json!(format!("{}/{}.git", self.base, repo.address));
        let clone_urls = ["clone_url", "git_url", "ssh_url", "svn_url"];
        let json = with(json, clone_urls.map(|name| (name, clone_url.clone())));
        let json = with(json, REPO_COUNTS.map(|name| (name, json!(0))));
        let features = ["has_discussions", "has_pages", "has_projects", "has_wiki"];
        let json = with(json, features.map(|name| (name, json!(false))));
        let unset = ["homepage", "language", "license", "mirror_url"];
        with(json, unset.map(|name| (name, Value::Null)))
    }

    /// An issue, or a pull request as GitHub lists it among the issues.
    pub(super) fn issue_json(&self, repo: &Repository, issue: &Issue) -> Value {
        let id = TicketId { repo: repo.address.clone(), number: issue.number };
        let url = self.issue_url(&id);
        let (state, reason, closed) = match &issue.state {
            IssueState::Open => ("open", None, None),
            IssueState::Reopened => ("open", Some("reopened"), None),
            IssueState::Closed { reason, by, at } => ("closed", Some(reason.as_str()), Some((by, at))),
        };
        let assignees: Vec<Value> = issue.assignees.iter().map(|login| self.user_json(login)).collect();
        let labels = issue.labels.iter().filter_map(|name| repo.label(name));
        let json = json!({
            "id": issue.id,
            "node_id": format!("I_{:08x}", issue.id),
            "number": issue.number,
            "url": url,
            "repository_url": format!("{}/repos/{}", self.base, repo.address),
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": self.page_url(&id, issue),
            "title": issue.title,
            "body": issue.body,
            "user": self.user_json(&issue.author),
            "author_association": association(repo, &issue.author),
            "labels": labels.map(|label| self.label_json(repo, label)).collect::<Vec<_>>(),
            "state": state,
            "state_reason": reason,
            "locked": issue.locked,
            "active_lock_reason": null,
            "assignee": assignees.first(),
            "assignees": assignees,
            "milestone": null,
            "comments": issue.comments.len(),
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": closed.map(|(_, at)| stamp(*at)),
            "closed_by": closed.map(|(by, _)| self.user_json(by)),
            "performed_via_github_app": null,
            "reactions": rollup(&url, &[]),
        });
        if issue.sort != IssueKind::PullRequest {
            return json;
        }
        let page = self.page_url(&id, issue);
        let pull_request = json!({
            "url": format!("{}/repos/{}/pulls/{}", self.base, id.repo, id.number),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "merged_at": null,
        });
        with(json, [("pull_request", pull_request)])
    }

    /// A comment of `issue`, with the number of each reaction.
    pub(super) fn comment_json(&self, repo: &Repository, issue: &Issue, comment: &Comment) -> Value {
        let id = TicketId { repo: repo.address.clone(), number: issue.number };
        let url = format!("{}/repos/{}/issues/comments/{}", self.base, repo.address, comment.id);
        json!({
            "id": comment.id,
            "node_id": format!("IC_{:08x}", comment.id),
            "url": url,
            "html_url": format!("{}#issuecomment-{}", self.page_url(&id, issue), comment.id),
            "issue_url": self.issue_url(&id),
            "user": self.user_json(&comment.author),
            "author_association": association(repo, &comment.author),
            "body": comment.body,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "performed_via_github_app": null,
            "reactions": rollup(&url, &comment.reactions),
        })
    }

    /// A label of `repo`.
    pub(super) fn label_json(&self, repo: &Repository, label: &Label) -> Value {
        json!({
            "id": label.id,
            "node_id": format!("LA_{:08x}", label.id),
            "url": format!("{}/repos/{}/labels/{}", self.base, repo.address, label.name),
            "name": label.name,
            "color": label.color,
            "default": false,
            "description": label.description,
        })
    }

    /// A reaction to a comment.
    pub(super) fn reaction_json(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id,
            "node_id": format!("REA_{:08x}", reaction.id),
            "user": self.user_json(&reaction.user),
            "content": reaction.content,
            "created_at": stamp(reaction.at),
        })
    }

    fn page_url(&self, id: &TicketId, issue: &Issue) -> String {
        let folder = if issue.sort == IssueKind::PullRequest { "pull" } else { "issues" };
        format!("{}/{}/{folder}/{}", self.base, id.repo, id.number)
    }
}

pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn association(repo: &Repository, login: &str) -> &'static str {
    match repo.role(login) {
        _ if repo.address.owner == login => "OWNER",
        RepoRole::None => "NONE",
        _ => "COLLABORATOR",
    }
}

fn rollup(url: &str, reactions: &[Reaction]) -> Value {
    let json = json!({ "url": format!("{url}/reactions"), "total_count": reactions.len() });
    let count = |content: &str| reactions.iter().filter(|reaction| reaction.content == content).count();
    with(json, REACTIONS.map(|content| (content, json!(count(content)))))
}

/// The same object with more keys.
#[expect(clippy::indexing_slicing, reason = "it adds a key to an object, and every caller hands one in")]
pub(super) fn with<'a>(mut object: Value, keys: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    for (key, value) in keys {
        object[key] = value;
    }
    object
}
