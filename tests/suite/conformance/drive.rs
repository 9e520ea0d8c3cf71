//! Every call of the port in every variant, so that the adapter sends every request that it can.

use super::description::Description;
use super::recorder::{Exchange, Recorder};
use fieldmedic::clock::SystemClock;
use fieldmedic::core::text::redact::{Redacted, Redactor};
use fieldmedic::core::ticket::{Repo, TicketId};
use fieldmedic::github::{GitHub, HookSet, Identity, Options, Pace, manifest, page};
use fieldmedic::ports::{Forge, Label, Marker, NewTicket, Reaction, Urgency};
use fieldmedic::sandbox::github::{AccountKind, FakeGitHub, FaultPoint, Hooks, InjectedFault, RepoRole};
use http::Request;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tower_service::Service;

const PORTS: &str = include_str!("../../../crates/ports/src/forge.rs");
const HERE: &str = include_str!("drive.rs");

/// The requests that the agent can make.
const KINDS: [&str; 32] = [
    "DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
    "GET /app",
    "GET /app/hook/deliveries",
    "GET /repos/{owner}/{repo}",
    "GET /repos/{owner}/{repo}/assignees",
    "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
    "GET /repos/{owner}/{repo}/hooks",
    "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries",
    "GET /repos/{owner}/{repo}/installation",
    "GET /repos/{owner}/{repo}/issues",
    "GET /repos/{owner}/{repo}/issues/comments",
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "GET /repos/{owner}/{repo}/issues/{issue_number}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/events",
    "GET /repos/{owner}/{repo}/labels/{name}",
    "GET /user",
    "PATCH /repos/{owner}/{repo}/hooks/{hook_id}",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
    "PATCH /repos/{owner}/{repo}/labels/{name}",
    "POST /app-manifests/{code}/conversions",
    "POST /app/hook/deliveries/{delivery_id}/attempts",
    "POST /app/installations/{installation_id}/access_tokens",
    "POST /repos/{owner}/{repo}/hooks",
    "POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
    "POST /repos/{owner}/{repo}/issues",
    "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/assignees",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
    "POST /repos/{owner}/{repo}/labels",
];

struct Stage {
    hub: FakeGitHub,
    repo: Repo,
    recorder: Recorder,
    forge: GitHub,
}

fn stage() -> Stage {
    let hub = FakeGitHub::in_process(Arc::new(SystemClock));
    let repo: Repo = "example/tickets".parse().expect("a name");
    hub.register("medic", AccountKind::User, "token");
    hub.grant(&repo, "medic", RepoRole::Admin);
    hub.grant(&repo, "ada", RepoRole::Read);
    let recorder = Recorder::new(&hub);
    let options = Options {
        base_url: hub.url().to_owned(),
        pace: Pace { gap: Duration::ZERO, free: 1 },
        ..Options::new("token".to_owned().into(), Redactor::default())
    };
    let forge = GitHub::over(options, recorder.clone()).expect("right options");
    Stage { hub, repo, recorder, forge }
}

fn text(text: &str) -> Redacted {
    Redactor::default().text(text)
}

fn label(name: &str) -> Label {
    Label { name: name.to_owned(), color: "0e8a16", description: "for a test" }
}

impl Stage {
    fn file(&self, title: &str) -> TicketId {
        self.hub.file(&self.repo, "ada", title, "Please help.", &["support"]).expect("it is filed")
    }

    /// What goes well.
    async fn play(&self) {
        let Stage { hub, repo, forge, .. } = self;
        assert_eq!(forge.me().await.as_deref(), Ok("medic"));
        let id = self.file("Sync fails");
        forge.ticket(&id).await.expect("it is there");
        let epoch = chrono::DateTime::UNIX_EPOCH;
        for since in [None, None, Some(epoch)] {
            assert_eq!(forge.tickets(repo, Some("support"), since).await.expect("a list").len(), 1);
        }
        let marker = Marker::new("status case=1");
        for body in ["looking", "mending", "mending"] {
            forge.upsert_comment(&id, &marker, &text(body), Urgency::Report).await.expect("it is said");
        }
        forge
            .update_labels(&id, &[label("medic:working")], &["support", "no such label"], Urgency::Report)
            .await
            .expect("it is put on");
        let said = forge.comments(repo, epoch).await.expect("a list").pop().expect("the status");
        assert_eq!(forge.thumbs(&id, &marker).await, Ok(Vec::new()));
        hub.react(repo, said.id, "ada", "+1").expect("it is put on");
        hub.react(repo, said.id, "ada", "heart").expect("it is put on");
        let thumbs = forge.thumbs(&id, &marker).await.expect("a list");
        assert!(matches!(&thumbs[..], [thumb] if thumb.by == "ada" && thumb.is_up), "{thumbs:?}");
        assert_eq!(forge.thumbs(&id, &Marker::new("status case=2")).await, Ok(Vec::new()));
        assert!(forge.participants_since(&id, epoch).await.expect("a list").contains("ada"));
        forge.assign(&id, &["medic".into(), "stranger".into()]).await.expect("it is assigned");
        hub.comment(&id, "ada", "thanks").expect("it is said");
        let comment = forge.comments(repo, epoch).await.expect("a list").pop().expect("a comment");
        assert_eq!(forge.is_edited(&id, &comment.node_id).await, Ok(false));
        hub.edit_comment(repo, comment.id, "ada", "thanks!").expect("it is edited");
        assert_eq!(forge.is_edited(&id, &comment.node_id).await, Ok(true));
        forge.is_edited(&id, "IC_ffffffff").await.expect_err("there is no such comment");
        for reaction in reactions() {
            for _ in 0..2 {
                forge.react(&id, comment.id, reaction).await.expect("it is put on");
            }
        }
        let new = NewTicket {
            repo: repo.clone(),
            marker: Marker::new("finding disk-full"),
            title: text("The disk is full"),
            body: text("97 %"),
            labels: vec!["support".into()],
        };
        let opened = forge.open(&new).await.expect("it is opened");
        assert_eq!(forge.open(&new).await, Ok(opened.clone()));
        assert_eq!(forge.find(repo, &new.marker).await, Ok(Some(opened.clone())));
        forge.close(&opened).await.expect("it is closed");
        forge.reopen(&opened).await.expect("it is opened again");
        forge.account(repo, "ada").await.expect("she is known");
        forge.account(repo, "nobody").await.expect_err("there is no such account");
        hub.hook(Hooks { url: "http://127.0.0.1:9/webhook".into(), secret: "x".into() });
        hub.comment(&id, "ada", "is anybody there?").expect("it is said");
        hub.delivered().await;
        let failed = forge.failed_deliveries(repo, epoch).await.expect("a list");
        forge.redeliver(repo, failed[0].id).await.expect("it is tried again");
    }

    /// What is asked and set beyond the port: at the check-up, and by `init`.
    async fn set_up(&self) {
        let Stage { repo, forge, .. } = self;
        forge.repo_status(repo).await.expect("it is there");
        forge.can_write(repo, &label("support")).await.expect("it may");
        assert_eq!(forge.can_be_assigned(repo, "medic").await, Ok(true));
        assert_eq!(forge.can_be_assigned(repo, "stranger").await, Ok(false));
        let url = "http://127.0.0.1:9/its/own/webhook";
        for expect in [HookSet::Made, HookSet::Renewed] {
            assert_eq!(forge.set_hook(repo, url, "a secret").await, Ok(expect));
        }
        assert_eq!(forge.has_hook(repo).await, Ok(true));
        forge.set_labels(repo, &[label("medic:pause")]).await.expect("it is made");
    }

    /// The code that GitHub's page for a new App leads back with.
    async fn code(&self) -> String {
        let webhook = Some("http://127.0.0.1:9/webhook");
        let manifest = manifest("medic", "http://127.0.0.1:9/made", webhook).to_string();
        let form: String = manifest.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = page(self.hub.url(), None, "state");
        let request = Request::post(page).body(format!("manifest={form}")).expect("a request");
        let answer = self.hub.service().call(request).await.expect("an answer");
        let back = answer.headers()["location"].to_str().expect("text");
        back.split_once("code=").and_then(|(_, rest)| rest.split('&').next()).expect("a code").to_owned()
    }

    /// The same repository, as an App.
    async fn play_app(&self) {
        let Stage { hub, repo, recorder, .. } = self;
        let options = Options {
            base_url: hub.url().to_owned(),
            ..Options::asking_as(Identity::Nobody, Redactor::default())
        };
        let nobody = GitHub::over(options, recorder.clone()).expect("right options");
        let app = nobody.redeem(&self.code().await).await.expect("its keys");
        nobody.redeem("another").await.expect_err("there is no such code");
        hub.install(app.id, std::slice::from_ref(repo));
        let identity = Identity::App { id: app.id, key: app.pem };
        let options = Options {
            base_url: hub.url().to_owned(),
            pace: Pace { gap: Duration::ZERO, free: 1 },
            ..Options::asking_as(identity, Redactor::default())
        };
        let forge = GitHub::over(options, recorder.clone()).expect("right options");
        assert_eq!(forge.me().await.as_deref(), Ok("medic[bot]"));
        assert_eq!(forge.missing_permissions(repo).await, Ok(Vec::new()));
        self.file("Sync fails once more");
        hub.delivered().await;
        let failed = forge.failed_deliveries(repo, chrono::DateTime::UNIX_EPOCH).await.expect("a list");
        forge.redeliver(repo, failed[0].id).await.expect("it is tried again");
        let nowhere = "example/nowhere#1".parse().expect("an issue");
        forge.ticket(&nowhere).await.expect_err("it is not installed there");
    }

    /// What is refused.
    async fn fail(&self) {
        let Stage { hub, repo, forge, .. } = self;
        let (deleted, moved, locked) = (self.file("deleted"), self.file("moved"), self.file("locked"));
        hub.delete(&deleted).expect("it is deleted");
        hub.transfer(&moved, &"example/archive".parse().expect("a name")).expect("it is moved");
        hub.grant(&"example/archive".parse().expect("a name"), "medic", RepoRole::Write);
        hub.lock(&locked, "ada").expect("it is locked");
        for id in [&deleted, &moved] {
            forge.ticket(id).await.expect_err("it is gone");
            forge.close(id).await.expect_err("it is gone");
            forge
                .upsert_comment(id, &Marker::new("x"), &text("x"), Urgency::Report)
                .await
                .expect_err("it is gone");
            forge.update_labels(id, &[label("support")], &[], Urgency::Report).await.expect_err("it is gone");
            forge.assign(id, &["medic".into()]).await.expect_err("it is gone");
        }
        let untitled = NewTicket {
            repo: repo.clone(),
            marker: Marker::new("x"),
            title: text(""),
            body: text(""),
            labels: Vec::new(),
        };
        forge.open(&untitled).await.expect_err("it has no title");
        hub.inject(InjectedFault::SecondaryLimit { retry_after: Some(0) }, FaultPoint::Any, 1);
        forge.ticket(&locked).await.expect_err("too much");
        hub.grant(repo, "medic", RepoRole::Read);
        forge
            .upsert_comment(&locked, &Marker::new("x"), &text("x"), Urgency::Report)
            .await
            .expect_err("it is locked");
        forge.failed_deliveries(repo, chrono::DateTime::UNIX_EPOCH).await.expect_err("the right is lacking");
        forge.account(repo, "ada").await.expect_err("the right is lacking");
        hub.grant(repo, "medic", RepoRole::Write);
        let former = "example/former".parse().expect("a name");
        let old = hub.file(&former, "ada", "renamed", "", &[]).expect("it is filed");
        hub.grant(&former, "medic", RepoRole::Write);
        hub.rename(&former, &"example/new".parse().expect("a name")).expect("it is there");
        forge.ticket(&old).await.expect_err("it has another name");
        forge.close(&old).await.expect_err("it has another name");
        hub.archive(repo);
        forge.close(&locked).await.expect_err("the repository is read-only");
        hub.revoke("token");
        forge.ticket(&locked).await.expect_err("the token is no longer good");
    }
}

/// Whoever adds one is told by the compiler to add it here.
fn reactions() -> Vec<Reaction> {
    let next = |reaction| match reaction {
        Reaction::Eyes => Some(Reaction::Confused),
        Reaction::Confused => Some(Reaction::Rocket),
        Reaction::Rocket => Some(Reaction::ThumbsUp),
        Reaction::ThumbsUp => None,
    };
    std::iter::successors(Some(Reaction::Eyes), |reaction| next(*reaction)).collect()
}

#[tokio::test]
async fn requests_and_answers_are_as_github_describes_them() {
    let stage = stage();
    stage.play().await;
    stage.set_up().await;
    stage.play_app().await;
    stage.fail().await;
    let description = Description::read();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut led_to = BTreeSet::new();
    for Exchange { method, path, body, status, location, answer } in stage.recorder.log() {
        let call = format!("{method} {path}");
        led_to.extend(location);
        // GraphQL has a description of its own.
        if path == "/graphql" {
            assert_eq!((method.as_str(), status), ("POST", 200));
            continue;
        }
        let Some(operation) = description.operation(&method, &path) else {
            // To what is elsewhere GitHub leads by the repository's number, which it does not describe.
            let led = |to: &String| to.strip_prefix(stage.hub.url()).is_some_and(|to| to.starts_with(&path));
            if method != "GET" || !led_to.iter().any(led) {
                wrong.push(format!("{call} is not described"));
            }
            continue;
        };
        let asked = description.of_request(&operation, &path, &body);
        wrong.extend(asked.iter().map(|problem| format!("{call}: {problem}")));
        let answered = description.of_answer(&operation, status, &answer);
        wrong.extend(answered.iter().map(|problem| format!("{call}, answered with {status}: {problem}")));
        seen.insert(operation.name);
    }
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(
        seen.iter().map(String::as_str).collect::<Vec<_>>(),
        KINDS,
        "a kind of request is missing or new"
    );
}

#[test]
fn every_call_of_the_port_is_played() {
    let port =
        PORTS.split("pub trait Forge").nth(1).expect("the port").split("\n}\n").next().expect("its end");
    let call = regex::Regex::new(r"async fn (\w+)").expect("a pattern");
    let calls: Vec<&str> =
        call.captures_iter(port).map(|found| found.get(1).expect("a name").as_str()).collect();
    assert!(calls.len() > 10, "{calls:?}");
    for call in calls {
        assert!(HERE.contains(&format!("forge.{call}(")), "`{call}` is not played here");
    }
}
