//! The adapter against the GitHub in a box, over HTTP.

mod app;
mod limits;

use crate::core::text::redact::Redactor;
use crate::core::ticket::TicketState;
use crate::github::forge::*;
use crate::github::{Options, Pace};
use crate::ports::Clock;
use crate::sandbox::github::{AccountKind, FakeGitHub, FaultPoint, InjectedFault, RepoRole};
use std::sync::Arc;
use std::time::Duration;

/// The time of day, without sleeping.
struct Wall;

#[async_trait]
impl Clock for Wall {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, _: DateTime<Utc>) {}
}

const TOKEN: &str = "token-of-the-agent";

struct Bench {
    hub: FakeGitHub,
    github: GitHub,
    repo: Repo,
}

/// The agent `medic` with write permission in `example/tickets`, where `ada` reports.
async fn bench() -> Bench {
    let hub = FakeGitHub::start(Arc::new(Wall)).await.unwrap();
    let repo: Repo = "example/tickets".parse().unwrap();
    hub.register("medic", AccountKind::User, TOKEN);
    hub.grant(&repo, "medic", RepoRole::Write);
    hub.grant(&repo, "ada", RepoRole::Read);
    let github = client(&hub, TOKEN);
    Bench { hub, github, repo }
}

fn client(hub: &FakeGitHub, token: &str) -> GitHub {
    GitHub::new(options(hub.url(), token)).unwrap()
}

fn options(url: &str, token: &str) -> Options {
    Options {
        base_url: url.to_owned(),
        pace: Pace { gap: Duration::ZERO, free: 1 },
        answer: Duration::from_secs(5),
        ..Options::new(token.to_owned().into(), Redactor::default())
    }
}

impl Bench {
    fn file(&self, title: &str) -> TicketId {
        self.hub.file(&self.repo, "ada", title, "Please help.", &["support"]).unwrap()
    }

    fn bodies(&self, id: &TicketId) -> Vec<String> {
        self.hub.comments(id).into_iter().map(|comment| comment.body).collect()
    }

    fn writes(&self) -> usize {
        self.hub.requests().iter().filter(|request| request.method != Method::GET).count()
    }
}

fn text(text: &str) -> Redacted {
    Redactor::default().text(text)
}

fn label(name: &str) -> Label {
    Label { name: name.to_owned(), color: "0e8a16", description: "for a test" }
}

#[tokio::test]
async fn a_ticket_is_read_and_redacted() {
    let Bench { hub, github, repo } = bench().await;
    let id = hub.file(&repo, "ada", "Sync fails", "my password=hunter2", &["support", "urgent"]).unwrap();
    let ticket = github.ticket(&id).await.unwrap();
    assert_eq!((ticket.title.as_str(), ticket.body.as_str()), ("Sync fails", "my password=[redacted]"));
    assert_eq!((ticket.author.as_str(), ticket.state, ticket.locked), ("ada", TicketState::Open, false));
    assert_eq!(ticket.labels, ["support", "urgent"]);
    assert_eq!(ticket.url, format!("{}/example/tickets/issues/1", hub.url()));
    assert_eq!(github.me().await.unwrap(), "medic");
    github.me().await.unwrap();
    assert_eq!(hub.requests().iter().filter(|request| request.path == "/user").count(), 1, "asked once");
}

#[tokio::test]
async fn enterprise_has_its_api_in_a_folder() {
    let Bench { hub, repo, .. } = bench().await;
    let id = hub.file(&repo, "ada", "Sync fails", "", &[]).unwrap();
    for n in 0..101 {
        hub.comment(&id, "ada", &format!("{n}")).unwrap();
    }
    let github = GitHub::new(options(&format!("{}/api/v3/", hub.url()), TOKEN)).unwrap();
    assert_eq!(github.ticket(&id).await.unwrap().body.as_str(), "");
    assert_eq!(github.comments(&repo, DateTime::UNIX_EPOCH).await.unwrap().len(), 101);
    assert!(hub.requests().iter().all(|request| request.path.starts_with("/api/v3/repos/")));
}

#[tokio::test]
async fn the_own_comment_is_created_once_and_edited_from_then_on() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let marker = Marker::new("status case=1");
    let other = Marker::new("status case=10");
    for body in ["looking", "mending", "mending"] {
        bench.github.upsert_comment(&id, &marker, &text(body), Urgency::Report).await.unwrap();
    }
    bench.github.upsert_comment(&id, &other, &text("another"), Urgency::Report).await.unwrap();
    assert_eq!(
        bench.bodies(&id),
        [format!("{}\nmending", marker.as_str()), format!("{}\nanother", other.as_str())]
    );
    assert_eq!(bench.writes(), 3, "to say the same again writes nothing");
}

#[tokio::test]
async fn a_marker_in_someone_elses_comment_counts_for_nothing() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let marker = Marker::new("status case=1");
    let forged = format!("{}\nall is well", marker.as_str());
    bench.hub.comment(&id, "mallory", &forged).unwrap();
    bench.hub.comment(&id, "medic", &format!("> {forged}")).unwrap();
    bench.github.upsert_comment(&id, &marker, &text("looking"), Urgency::Report).await.unwrap();
    let bodies = bench.bodies(&id);
    assert_eq!(bodies[0], forged);
    assert_eq!(bodies[2], format!("{}\nlooking", marker.as_str()));
}

#[tokio::test]
async fn the_own_comment_is_found_among_many() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    for n in 0..249 {
        bench.hub.comment(&id, "ada", &format!("comment {n}")).unwrap();
    }
    let marker = Marker::new("status case=1");
    bench.github.upsert_comment(&id, &marker, &text("one"), Urgency::Report).await.unwrap();
    bench.github.upsert_comment(&id, &marker, &text("two"), Urgency::Report).await.unwrap();
    let comments = bench.github.comments(&bench.repo, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(comments.len(), 250);
    assert_eq!(comments[0].body, "comment 0");
    assert_eq!((comments[249].author.as_str(), comments[249].ticket.number), ("medic", id.number));
    assert!(comments[249].body.ends_with("two"));
    let later = comments[249].updated_at + chrono::TimeDelta::seconds(5);
    assert!(bench.github.comments(&bench.repo, later).await.unwrap().is_empty());
}

#[tokio::test]
async fn two_cases_at_once_write_one_comment() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let marker = Marker::new("status case=1");
    let (one, two) = (text("one"), text("two"));
    let both = tokio::join!(
        bench.github.upsert_comment(&id, &marker, &one, Urgency::Report),
        bench.github.upsert_comment(&id, &marker, &two, Urgency::Report)
    );
    assert_eq!(both, (Ok(()), Ok(())));
    assert_eq!(bench.bodies(&id).len(), 1);
}

#[tokio::test]
async fn a_comment_that_was_written_before_the_connection_broke_is_found() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let marker = Marker::new("report case=1");
    bench.hub.inject(InjectedFault::DropAfter, FaultPoint::Write, 1);
    let lost = bench.github.upsert_comment(&id, &marker, &text("done"), Urgency::Report).await;
    assert!(matches!(lost, Err(ForgeError::Unreachable(_))), "{lost:?}");
    assert_eq!(bench.writes(), 1, "it is not for the adapter to try again");
    bench.github.upsert_comment(&id, &marker, &text("done"), Urgency::Report).await.unwrap();
    assert_eq!((bench.bodies(&id).len(), bench.writes()), (1, 1));
}

#[tokio::test]
async fn an_issue_that_was_opened_before_the_connection_broke_is_found() {
    let bench = bench().await;
    let new = NewTicket {
        repo: bench.repo.clone(),
        marker: Marker::new("finding disk-full"),
        title: text("The disk is full"),
        body: text("97 %"),
        labels: vec!["support".into(), "medic:working".into()],
    };
    bench.hub.inject(InjectedFault::DropAfter, FaultPoint::Write, 1);
    assert!(matches!(bench.github.open(&new).await, Err(ForgeError::Unreachable(_))));
    let id = bench.github.open(&new).await.unwrap();
    let issues = bench.hub.issues(&bench.repo);
    assert_eq!((issues.len(), issues[0].number), (1, id.number));
    assert_eq!(issues[0].labels, ["support", "medic:working"]);
    bench.github.close(&id).await.unwrap();
    let next = bench.github.open(&new).await.unwrap();
    assert_ne!(next, id, "a closed one does not count");
}

#[tokio::test]
async fn labels_are_made_with_their_looks_put_on_and_taken_off() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    bench.hub.label(&id, "ada", "Medic:Resolved").unwrap();
    let (working, resolved) = (label("medic:working"), label("medic:resolved"));
    for _ in 0..2 {
        let add = [working.clone(), resolved.clone()];
        bench.github.update_labels(&id, &add, &["support", "no such label"], Urgency::Report).await.unwrap();
    }
    assert_eq!(bench.hub.issue(&id).unwrap().labels, ["Medic:Resolved", "medic:working"]);
    let made = bench.hub.labels(&bench.repo);
    let looks = |name: &str| made.iter().find(|l| l.name == name).map(|l| l.color.as_str());
    assert_eq!((looks("medic:working"), looks("Medic:Resolved")), (Some("0e8a16"), Some("ededed")));
    bench.github.update_labels(&id, &[], &["medic:working"], Urgency::Report).await.unwrap();
    assert_eq!(bench.hub.issue(&id).unwrap().labels, ["Medic:Resolved"]);
}

#[tokio::test]
async fn tickets_are_open_labelled_issues_and_no_pull_requests() {
    let bench = bench().await;
    let ids: Vec<TicketId> = (0..120).map(|n| bench.file(&format!("number {n}"))).collect();
    bench.hub.propose(&bench.repo, "ada", "a pull request", &["support"]).unwrap();
    bench.hub.file(&bench.repo, "ada", "no label", "", &[]).unwrap();
    bench.hub.close(&ids[0], "ada", "completed").unwrap();
    let tickets = bench.github.tickets(&bench.repo, Some("support"), None).await.unwrap();
    assert_eq!(tickets.len(), 119);
    assert_eq!(tickets[0].id, ids[1]);
    let since = tickets[118].updated_at + chrono::TimeDelta::seconds(5);
    assert!(bench.github.tickets(&bench.repo, Some("support"), Some(since)).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let bench = bench().await;
    let ids: Vec<TicketId> = (0..120).map(|n| bench.file(&format!("number {n}"))).collect();
    let read = async |since| {
        let before = bench.hub.requests().len();
        let tickets = bench.github.tickets(&bench.repo, Some("support"), since).await;
        let statuses: Vec<_> = bench.hub.requests()[before..].iter().map(|request| request.status).collect();
        (tickets.map(|tickets| tickets.len()), statuses)
    };
    let (whole, unchanged) = (Some(200), Some(304));
    assert_eq!(read(None).await, (Ok(120), vec![whole, whole]));
    assert_eq!(read(None).await, (Ok(120), vec![unchanged, unchanged]));
    // The newest stand on the last page.
    bench.file("one more");
    assert_eq!(read(None).await, (Ok(121), vec![unchanged, whole]));
    // What one reading did not bring to its end, the next does not believe.
    bench.hub.inject(InjectedFault::Garbage, FaultPoint::Call(Method::GET, "page=2".into()), 1);
    assert!(read(None).await.0.is_err());
    assert_eq!(read(None).await, (Ok(121), vec![whole, whole]));
    bench.hub.close(&ids[0], "ada", "completed").unwrap();
    assert_eq!(read(None).await, (Ok(120), vec![whole, whole]), "every page moved up");
    // Another address is another list, and the former is forgotten.
    let since = Some(Utc::now() + chrono::TimeDelta::seconds(5));
    assert_eq!(read(since).await, (Ok(0), vec![whole]));
    assert_eq!(read(None).await, (Ok(120), vec![whole, whole]));
}

#[tokio::test]
async fn assign_react_close_and_permissions() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    bench.hub.grant(&bench.repo, "olive", RepoRole::Maintain);
    bench.hub.grant(&bench.repo, "tina", RepoRole::Triage);
    bench.hub.grant(&bench.repo, "root", RepoRole::Admin);
    let github = &bench.github;
    github.assign(&id, &["olive".into(), "stranger".into()]).await.unwrap();
    github.assign(&id, &[]).await.unwrap();
    bench.hub.comment(&id, "ada", "/qfield:support").unwrap();
    let comment = github.comments(&bench.repo, DateTime::UNIX_EPOCH).await.unwrap().remove(0);
    for reaction in [Reaction::Eyes, Reaction::Eyes, Reaction::Confused, Reaction::Rocket] {
        github.react(&id, comment.id, reaction).await.unwrap();
    }
    github.close(&id).await.unwrap();
    let issue = bench.hub.issue(&id).unwrap();
    assert_eq!(issue.assignees, ["olive"]);
    let reactions: Vec<&str> = issue.comments[0].reactions.iter().map(|r| r.content.as_str()).collect();
    assert_eq!(reactions, ["eyes", "confused", "rocket"]);
    assert_eq!(issue.close_reason(), Some("completed"));
    for (login, expect) in [
        ("ada", Permission::Read),
        ("medic", Permission::Write),
        ("olive", Permission::Maintain),
        ("tina", Permission::Triage),
        ("root", Permission::Admin),
    ] {
        assert_eq!(
            github.account(&bench.repo, login).await.map(|account| account.permission),
            Ok(expect),
            "{login}"
        );
    }
    let nobody = github.account(&bench.repo, "nobody/../root").await;
    assert!(matches!(nobody, Err(ForgeError::NotFound(_))), "{nobody:?}");
}

#[tokio::test]
async fn an_edit_within_the_second_is_known_on_enterprise_too() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    bench.hub.comment(&id, "ada", "thanks").unwrap();
    for base_url in [bench.hub.url().to_owned(), format!("{}/api/v3", bench.hub.url())] {
        let github = GitHub::new(options(&base_url, TOKEN)).unwrap();
        let comment = github.comments(&bench.repo, DateTime::UNIX_EPOCH).await.unwrap().pop().unwrap();
        assert_eq!(github.is_edited(&id, &comment.node_id).await, Ok(false), "{base_url}");
        bench.hub.edit_comment(&bench.repo, comment.id, "medic", "thanks!").unwrap();
        assert_eq!(github.is_edited(&id, &comment.node_id).await, Ok(true), "{base_url}");
        bench.hub.comment(&id, "ada", "thanks again").unwrap();
    }
}

#[tokio::test]
async fn what_is_gone_or_was_never_there_is_not_found() {
    let bench = bench().await;
    let (deleted, moved) = (bench.file("deleted"), bench.file("moved"));
    bench.hub.delete(&deleted).unwrap();
    bench.hub.transfer(&moved, &"example/archive".parse().unwrap()).unwrap();
    bench.hub.grant(&"example/archive".parse().unwrap(), "medic", RepoRole::Write);
    let pull = bench.hub.propose(&bench.repo, "ada", "a pull request", &[]).unwrap();
    let cases = ["example/tickets#999", "example/nowhere#1"].map(|id| id.parse().unwrap());
    for id in cases.iter().chain([&deleted, &pull]) {
        let answer = bench.github.ticket(id).await;
        assert!(matches!(answer, Err(ForgeError::NotFound(_))), "{id}: {answer:?}");
        assert!(answer.unwrap_err().is_permanent());
    }
    let now = ForgeError::Moved { what: moved.to_string(), now: "example/archive".into() };
    assert_eq!(bench.github.ticket(&moved).await, Err(now.clone()));
    assert_eq!(bench.github.close(&moved).await, Err(now.clone()));
    assert!(now.is_permanent());
}

#[tokio::test]
async fn long_texts_are_cut_at_their_end() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let marker = Marker::new("report case=1");
    let long = format!("<details>\n\n```\n{}\n```\n</details>", "ä ".repeat(40_000));
    bench.github.upsert_comment(&id, &marker, &text(&long), Urgency::Report).await.unwrap();
    bench.github.upsert_comment(&id, &marker, &text(&long), Urgency::Report).await.unwrap();
    let bodies = bench.bodies(&id);
    assert_eq!(bodies.len(), 1);
    assert!(marker.opens(&bodies[0]) && bodies[0].chars().count() <= TEXT_LIMIT);
    assert!(bodies[0].ends_with("\n```\n\n</details>\n\n*(cut: GitHub takes no longer text)*"));
}

/// octocrab's own models are strict, and made from GitHub's description: a box that they can read is
/// not far from the truth.
#[tokio::test]
async fn the_box_sends_what_octocrab_expects_of_github() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    bench.hub.comment(&id, "ada", "a comment").unwrap();
    bench.hub.close(&id, "medic", "not_planned").unwrap();
    let client = crate::github::client::build(&options(bench.hub.url(), TOKEN)).unwrap();
    let issues = client.issues("example", "tickets");
    let issue = issues.get(1).await.unwrap();
    assert_eq!((issue.user.login.as_str(), issue.comments), ("ada", 1));
    assert_eq!(issue.state_reason, Some(octocrab::models::issues::IssueStateReason::NotPlanned));
    let comments = issues.list_comments(1).send().await.unwrap();
    assert_eq!(comments.items[0].body.as_deref(), Some("a comment"));
    assert_eq!(issues.list_labels_for_repo().send().await.unwrap().items[0].name, "support");
    assert_eq!(client.current().user().await.unwrap().login, "medic");
    assert!(client.ratelimit().get().await.unwrap().rate.remaining > 0);
    client.repos("example", "tickets").get().await.unwrap();
}

/// The client for TLS is another one than the client without; here it only has to come as far as the
/// handshake, which the box does not know.
#[tokio::test]
async fn what_is_asked_with_tls_never_goes_without() {
    let bench = bench().await;
    let id = bench.file("Sync fails");
    let github = GitHub::new(options(&bench.hub.url().replace("http:", "https:"), TOKEN)).unwrap();
    let answer = github.ticket(&id).await;
    assert!(matches!(answer, Err(ForgeError::Unreachable(_))), "{answer:?}");
    assert!(bench.hub.requests().is_empty());
}
