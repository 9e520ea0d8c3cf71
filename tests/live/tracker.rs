//! The support tracker: the GitHub in a box, the one box of this test, with people who file tickets.

use fieldmedic::clock::SystemClock;
use fieldmedic::core::ticket::{Repo, TicketId};
use fieldmedic::sandbox::github::{AccountKind, FakeGitHub, Hooks, Issue, RepoRole};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub const TOKEN: &str = "live-test-token";
pub const SECRET: &str = "live-test-secret";
const MEDIC: &str = "fieldmedic-bot";
pub const ON_CALL: &str = "ops-lead";
const REPORTER: &str = "mira-surveys";

/// One repository of the box; every scenario has its own.
pub struct Tracker {
    hub: FakeGitHub,
    repo: Repo,
    runtime: Arc<Runtime>,
}

impl Tracker {
    pub fn open() -> Self {
        let runtime = Arc::new(Runtime::new().expect("a runtime for the GitHub in a box"));
        let hub =
            runtime.block_on(FakeGitHub::start(Arc::new(SystemClock))).expect("a free port on 127.0.0.1");
        hub.register(MEDIC, AccountKind::User, TOKEN);
        Self { hub, repo: Repo { owner: "example".into(), name: "none".into() }, runtime }
    }

    /// The same box, another repository.
    pub fn repository(&self, name: &str) -> Self {
        let repo = Repo { owner: "example".into(), name: name.into() };
        self.hub.grant(&repo, MEDIC, RepoRole::Write);
        self.hub.grant(&repo, ON_CALL, RepoRole::Write);
        self.hub.grant(&repo, REPORTER, RepoRole::Read);
        Self { hub: self.hub.clone(), repo, runtime: self.runtime.clone() }
    }

    pub fn url(&self) -> &str {
        self.hub.url()
    }

    pub fn repo(&self) -> String {
        self.repo.to_string()
    }

    pub fn file(&self, title: &str, body: &str) -> TicketId {
        self.hub.file(&self.repo, REPORTER, title, body, &["support"]).expect("the box takes the ticket")
    }

    /// A ticket that nobody gave the support label.
    pub fn file_unlabelled(&self, title: &str, body: &str) -> TicketId {
        self.hub.file(&self.repo, REPORTER, title, body, &[]).expect("the box takes the ticket")
    }

    pub fn comment(&self, id: &TicketId, author: &str, body: &str) {
        self.hub.comment(id, author, body).expect("the box takes the comment");
    }

    /// From now on webhooks go there.
    pub fn hook(&self, url: String) {
        self.hub.hook(Hooks { url, secret: SECRET.into() });
    }

    pub fn issue(&self, id: &TicketId) -> Issue {
        self.hub.issue(id).expect("the issue is there")
    }

    pub fn issues(&self) -> Vec<Issue> {
        self.hub.issues(&self.repo)
    }

    /// Waits until an issue of the repository is closed, and its labels say so.
    pub fn wait_for_end(&self, patience: Duration) -> Issue {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            let resolved = |issue: &Issue| issue.is_closed() && medic_labels(issue) == ["medic:resolved"];
            if let Some(issue) = self.issues().into_iter().find(resolved) {
                return issue;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no issue was resolved within {patience:?}");
    }

    /// Requests of the agent that changed something in this repository.
    pub fn writes(&self) -> usize {
        let path = format!("/repos/{}/", self.repo);
        let requests = self.hub.requests();
        requests.iter().filter(|one| one.method != "GET" && one.path.contains(&path)).count()
    }
}

/// What the agent left on an issue.
pub trait Left {
    fn reports(&self) -> Vec<&str>;
    /// Closed as completed, with one report and the label that says so, and without the others.
    fn assert_resolved(&self);
    /// Open, with one report that names the code, labelled, and somebody called.
    fn assert_escalated(&self, code: &str);
}

impl Left for Issue {
    fn reports(&self) -> Vec<&str> {
        self.comments_by(MEDIC)
            .map(|one| one.body.as_str())
            .filter(|body| body.contains("kind=report"))
            .collect()
    }

    fn assert_resolved(&self) {
        assert_eq!(
            self.close_reason(),
            Some("completed"),
            "issue #{} is not closed as completed",
            self.number
        );
        assert_eq!(self.reports().len(), 1, "there must be one report");
        assert_eq!(medic_labels(self), ["medic:resolved"], "the label must tell the end");
    }

    fn assert_escalated(&self, code: &str) {
        assert!(!self.is_closed(), "issue #{} must stay open", self.number);
        let reports = self.reports();
        assert_eq!(reports.len(), 1, "there must be one report");
        assert!(reports[0].contains(&format!("`{code}`")), "the report does not say {code}");
        assert_eq!(medic_labels(self), ["medic:needs-human"], "the label must tell the end");
        assert!(self.assignees.iter().any(|login| login == ON_CALL), "nobody was assigned");
        let called = |body: &str| body.contains(&format!("@{ON_CALL}"));
        assert!(self.comments_by(MEDIC).any(|one| called(&one.body)), "nobody was called");
    }
}

fn medic_labels(issue: &Issue) -> Vec<&str> {
    issue.labels.iter().map(String::as_str).filter(|name| name.starts_with("medic:")).collect()
}
