//! The fake GitHub as a client sees it that knows only GitHub's documentation.

use crate::github::*;
use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use chrono::{DateTime, Utc};
use fieldmedic_core::ticket::Repo;
use fieldmedic_ports::Clock;
use http::{HeaderMap, Method};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::sync::Arc;

struct Wall;

#[async_trait]
impl Clock for Wall {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, _: DateTime<Utc>) {}
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// `example/tickets` with the agent's account `medic`, whose token is `token`.
async fn hub() -> (FakeGitHub, Repo) {
    let hub = FakeGitHub::start(Arc::new(Wall)).await.unwrap();
    let repo: Repo = "example/tickets".parse().unwrap();
    hub.register("medic", AccountKind::User, "token");
    hub.grant(&repo, "medic", RepoRole::Write);
    (hub, repo)
}

async fn ask(hub: &FakeGitHub, method: Method, path: &str, token: &str, body: Value) -> Answer {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let mut request = http::Request::builder().method(method).uri(format!("{}{path}", hub.url()));
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let (parts, body) = client.request(request.body(body).unwrap()).await.unwrap().into_parts();
    let text = to_bytes(Body::new(body), usize::MAX).await.unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8(text.into()).unwrap(),
    }
}

async fn get(hub: &FakeGitHub, path: &str) -> Answer {
    ask(hub, Method::GET, path, "token", Value::Null).await
}

#[tokio::test]
async fn refusals_have_githubs_words() {
    let (hub, repo) = hub().await;
    let id = hub.file(&repo, "ada", "gone", "", &[]).unwrap();
    hub.delete(&id).unwrap();
    hub.register("stranger", AccountKind::User, "theirs");
    for (method, path, token, status, message) in [
        (Method::GET, "/user", "", 401, "Requires authentication"),
        (Method::GET, "/user", "wrong", 401, "Bad credentials"),
        (Method::GET, "/repos/example/tickets", "theirs", 404, "Not Found"),
        (Method::GET, "/repos/example/tickets/issues/9", "token", 404, "Not Found"),
        (Method::GET, "/repos/example/tickets/issues/1", "token", 410, "This issue was deleted"),
        (Method::GET, "/no/such/thing/at/all", "token", 404, "Not Found"),
        (Method::POST, "/repos/example/tickets/issues", "token", 400, "Problems parsing JSON"),
        (Method::DELETE, "/repos/example/tickets/issues/1/labels/x", "token", 410, "This issue was deleted"),
    ] {
        let answer = ask(&hub, method, path, token, Value::Null).await;
        let json = answer.json();
        assert_eq!((answer.status, json["message"].as_str()), (status, Some(message)), "{path}");
        assert_eq!(json["status"], status.to_string());
        assert!(json["documentation_url"].is_string());
    }
    let form = json!({ "name": "red", "color": "red" });
    let answer = ask(&hub, Method::POST, "/repos/example/tickets/labels", "token", form).await;
    let error = json!({ "resource": "Label", "field": "color", "code": "invalid" });
    assert_eq!((answer.status, &answer.json()["errors"][0]), (422, &error));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (hub, repo) = hub().await;
    for n in 1..=7 {
        hub.file(&repo, "ada", &format!("number {n}"), "", &["support"]).unwrap();
    }
    let path = "/repos/example/tickets/issues";
    let answer = get(&hub, &format!("{path}?labels=support&direction=asc&per_page=3&page=2")).await;
    let numbers: Vec<u64> =
        answer.json().as_array().unwrap().iter().map(|issue| issue["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [4, 5, 6]);
    let link = |page: u32, rel: &str| {
        let query = format!("labels=support&direction=asc&per_page=3&page={page}");
        format!("<{}{path}?{query}>; rel=\"{rel}\"", hub.url())
    };
    let expect = [link(1, "prev"), link(3, "next"), link(3, "last"), link(1, "first")].join(", ");
    assert_eq!(answer.headers["link"], expect.as_str());
    assert!(!get(&hub, path).await.headers.contains_key("link"), "all on one page");
    assert_eq!(get(&hub, &format!("{path}?state=closed")).await.text, "[]");
    assert_eq!(get(&hub, &format!("{path}?creator=medic")).await.text, "[]");
}

#[tokio::test]
async fn every_answer_shows_the_rate_limit() {
    let (hub, _) = hub().await;
    for path in ["/user", "/rate_limit", "/repos/example/tickets", "/api/v3/user"] {
        let answer = get(&hub, path).await;
        assert_eq!((answer.status, &answer.headers["x-ratelimit-limit"]), (200, &"5000".parse().unwrap()));
    }
    let used = get(&hub, "/user").await.headers["x-ratelimit-used"].clone();
    assert_eq!(used, "5");
    assert_eq!(get(&hub, "/repos/example/tickets").await.json()["permissions"]["push"], true);
}

#[tokio::test]
async fn what_a_role_does_not_allow_is_refused_or_left_out() {
    let (hub, repo) = hub().await;
    let id = hub.file(&repo, "ada", "Sync fails", "", &[]).unwrap();
    hub.grant(&repo, "medic", RepoRole::Read);
    let path = "/repos/example/tickets/issues";
    for (method, path, body) in [
        (Method::PATCH, format!("{path}/1"), json!({ "state": "closed" })),
        (Method::POST, format!("{path}/1/labels"), json!({ "labels": ["x"] })),
        (Method::POST, format!("{path}/1/assignees"), json!({ "assignees": ["medic"] })),
        (Method::POST, "/repos/example/tickets/labels".into(), json!({ "name": "x" })),
        (Method::GET, "/repos/example/tickets/collaborators/ada/permission".into(), Value::Null),
    ] {
        assert_eq!(ask(&hub, method, &path, "token", body).await.status, 403, "{path}");
    }
    let form = json!({ "title": "mine", "labels": ["x"] });
    assert_eq!(ask(&hub, Method::POST, path, "token", form).await.json()["labels"], json!([]));
    let said = ask(&hub, Method::POST, &format!("{path}/1/comments"), "token", json!({ "body": "hi" })).await;
    assert_eq!((said.status, said.json()["author_association"].as_str()), (201, Some("COLLABORATOR")));
    let happened: Vec<IssueEventKind> =
        hub.issue(&id).unwrap().events.into_iter().map(|event| event.what).collect();
    assert!(matches!(happened[..], [IssueEventKind::Opened, IssueEventKind::Commented(_)]), "{happened:?}");
}

#[tokio::test]
async fn a_browser_sees_the_issue() {
    let (hub, repo) = hub().await;
    let id = hub.file(&repo, "ada", "<b>Sync</b> fails", "**help**", &["support"]).unwrap();
    hub.comment(&id, "medic", "<!-- fieldmedic status -->\n| a | b |\n|---|---|\n| 1 | 2 |").unwrap();
    hub.close(&id, "medic", "completed").unwrap();
    for path in ["/", "/example/tickets/issues"] {
        let list = ask(&hub, Method::GET, path, "", Value::Null).await;
        let link = "<a href=\"/example/tickets/issues/1\">&lt;b&gt;Sync&lt;/b&gt; fails</a>";
        assert!(list.text.contains(link), "{path}");
    }
    let page = ask(&hub, Method::GET, "/example/tickets/issues/1", "", Value::Null).await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    for part in ["Closed", "support", "<strong>help</strong>", "<td>1</td>", "<b>medic</b>"] {
        assert!(page.text.contains(part), "{part}");
    }
    assert!(!page.text.contains("fieldmedic status") && !page.text.contains("<b>Sync"));
    assert_eq!(ask(&hub, Method::GET, "/example/tickets/issues/9", "", Value::Null).await.status, 404);
    assert!(hub.requests().is_empty(), "the log is the API's");
}
