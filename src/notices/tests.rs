//! Every format against hostile titles, and against servers that behave badly.

use super::*;
use crate::clock::SystemClock;
use crate::http_client::HttpClient;
use crate::notices::layout::{line, page, plain_line};
use crate::ports::{ChannelCheck, Message, MessageEntry, MessageTicket, NoticeChannel, SendError};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use url::Url;

const SECRET: &str = "Vb7-a-secret-of-the-channel";

/// What strangers write into titles.
const HOSTILE: &[&str] = &[
    "<!channel> <!here> <@U123|you> <http://evil.example/|the ticket>",
    "@channel @here @all @room @everyone @ops-lead",
    "[click](http://evil.example) ![x](http://evil.example/a.png) *b* _i_ `code` ~s~",
    "</b><script>alert(1)</script><a href=\"http://evil.example\" onclick='x'>x</a> &lt;b&gt;",
    "line\r\nBcc: victim@example.org\r\n\r\nbody",
    "hidden \u{202E}txt\u{200B} \u{1b}[31mred\u{1b}[0m \u{7}",
    "{{DATE(2026-01-09T12:00:00Z, SHORT)}} @{triggerBody()}",
    "https://evil.example/login www.evil.example",
];

fn message(title: &str) -> Message {
    let at = "2026-01-09T12:00:00Z".parse().unwrap();
    Message {
        id: "0123456789abcdef0123456789abcdef".into(),
        at,
        title: format!("north: {title}"),
        entries: vec![MessageEntry {
            event: "escalated".into(),
            at,
            systems: vec!["north".into()],
            headline: format!("north: {title}"),
            detail: format!("because {title}"),
            ticket: Some(MessageTicket {
                address: "example/tickets#12".into(),
                title: title.into(),
                url: Some("https://github.com/example/tickets/issues/12".into()),
            }),
        }],
        more: "There are more".into(),
        link: "Open the ticket".into(),
    }
}

fn digest(count: usize, title: &str) -> Message {
    let one = message(title);
    let entries = std::iter::repeat_n(one.entries[0].clone(), count).collect();
    Message { title: format!("{count} notices"), entries, ..one }
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(entries) => entries.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_line_mentions_nobody_and_links_nowhere() {
    for title in HOSTILE {
        let line = line(title);
        assert!(!line.contains('@') && !line.contains("://") && !line.contains("www."), "{line}");
        assert!(!line.contains(['\n', '\r', '\u{1b}', '\u{202E}', '\u{200B}']), "{line:?}");
    }
    assert_eq!(line("mail ada@example.org"), "mail ada＠example.org");
    assert_eq!(plain_line(" a \t b\n\nc "), "a b c");
    assert!(line(&"x".repeat(10_000)).len() < 500);
    for (url, expect) in [
        ("https://github.com/e/t/issues/1", Some("https://github.com/e/t/issues/1")),
        ("https://example.org/a|b>c\"d'e)", Some("https://example.org/a%7Cb%3Ec%22d%27e%29")),
        ("javascript:alert(1)", None),
        ("/relative", None),
        ("", None),
    ] {
        assert_eq!(page(url).as_deref(), expect, "{url}");
    }
}

#[test]
fn slack_shows_titles_as_text() {
    for title in HOSTILE {
        let payload = slack::payload(&message(title));
        let text = payload["text"].as_str().unwrap();
        // One thing in angle brackets: the link to the ticket.
        assert_eq!(text.matches('<').count(), 1, "{text}");
        assert!(text.contains("<https://github.com/example/tickets/issues/12|Open the ticket>"), "{text}");
        // The two stars are around the title.
        assert_eq!(text.matches('*').count(), 2, "{text}");
        assert!(!text.contains(['@', '`', '[']), "{text}");
        assert_eq!(payload["link_names"], 0);
    }
    let ordinary = slack::payload(&message("Jobs wait"));
    assert_eq!(
        ordinary["text"],
        "*north: Jobs wait*\nbecause Jobs wait\nexample/tickets#12: Jobs wait\n\
         <https://github.com/example/tickets/issues/12|Open the ticket>"
    );
}

#[test]
fn teams_gets_a_card_without_markdown() {
    for title in HOSTILE {
        let payload = teams::payload(&message(title));
        let attachment = &payload["attachments"][0];
        assert_eq!(payload["type"], "message");
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        let card = &attachment["content"];
        assert_eq!(card["type"], "AdaptiveCard");
        assert_eq!(card["version"], "1.4");
        for block in card["body"].as_array().unwrap() {
            assert_eq!(block["type"], "RichTextBlock", "a TextBlock would read Markdown");
            for run in block["inlines"].as_array().unwrap() {
                assert_eq!(run["type"], "TextRun");
                let text = run["text"].as_str().unwrap();
                assert!(!text.contains('@') && !text.contains("{{"), "{text}");
            }
        }
        let urls: Vec<String> = texts(card).into_iter().filter(|text| text.contains("://")).collect();
        assert!(urls.iter().all(|url| url.contains("github.com") || url.contains("adaptivecards.io")));
        assert_eq!(card["actions"][0]["type"], "Action.OpenUrl");
    }
}

#[test]
fn html_of_matrix_and_telegram_has_our_tags_alone() {
    let tag = regex::Regex::new("<[^>]*>").unwrap();
    for title in HOSTILE {
        let matrix = matrix::payload(&message(title));
        let telegram = telegram::payload(&message(title), "-100");
        assert_eq!(matrix["m.mentions"], serde_json::json!({}));
        assert_eq!(telegram["parse_mode"], "HTML");
        assert_eq!(telegram["chat_id"], "-100");
        for html in [&matrix["formatted_body"], &telegram["text"]] {
            let html = html.as_str().unwrap();
            let tags: BTreeSet<&str> =
                tag.find_iter(html).map(|found| found.as_str()).filter(|tag| *tag != "<br>").collect();
            let ours = ["<b>", "</b>", "<a href=\"https://github.com/example/tickets/issues/12\">", "</a>"];
            assert_eq!(tags, BTreeSet::from(ours), "{html}");
            assert!(!html.contains('@'), "{html}");
        }
        assert!(!matrix["body"].as_str().unwrap().contains('@'));
    }
}

#[test]
fn long_digests_keep_the_limits_of_each_channel() {
    let title = "é<&>\"*".repeat(60);
    let digest = digest(50, &title);
    for (payload, limit) in [
        (slack::payload(&digest), 4_000),
        (telegram::payload(&digest, "-100"), 4_096),
        (ntfy::payload(&digest, "ops"), 4_096),
    ] {
        let longest = texts(&payload).into_iter().map(|text| text.len()).max().unwrap();
        assert!(longest <= limit, "{longest} of {limit}");
        assert!(texts(&payload).iter().any(|text| text.ends_with("There are more")));
    }
    assert!(matrix::payload(&digest).to_string().len() < 60_000);
    assert!(teams::payload(&digest).to_string().len() < 28_000);
    let few = slack::payload(&self::digest(2, "Jobs wait"))["text"].as_str().unwrap().to_owned();
    assert_eq!(few.matches("• north: Jobs wait").count(), 2, "{few}");
    assert!(!few.contains("There are more"));
}

#[test]
fn a_webhook_is_signed_as_github_signs() {
    // The example of GitHub's documentation.
    assert_eq!(
        webhook::signature("It's a Secret to Everybody", "Hello, World!").unwrap(),
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );
    let payload = webhook::payload(&message(HOSTILE[1]), "2026-01-09T12:00:05Z".parse().unwrap());
    assert_eq!(payload["sent_at"], "2026-01-09T12:00:05Z");
    assert_eq!(payload["events"][0]["event"], "escalated");
    assert_eq!(payload["events"][0]["ticket"]["title"], HOSTILE[1], "data stays as it was written");
}

fn email() -> Email {
    Email::new(&EmailOptions {
        host: "127.0.0.1".into(),
        port: 25,
        tls: MailTls::Off,
        login: None,
        from: "Fieldmedic <medic@example.org>".into(),
        to: vec!["ops@example.org".into()],
    })
    .unwrap()
}

#[tokio::test]
async fn a_title_adds_no_header_to_a_mail() {
    for title in HOSTILE {
        let mail = email().mail(&message(title)).unwrap();
        let raw = String::from_utf8(mail.formatted()).unwrap();
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':').map(|(name, _)| name))
            .collect();
        for name in &names {
            let known = [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Auto-Submitted",
                "Content-Type",
                "Content-Transfer-Encoding",
                "MIME-Version",
            ];
            assert!(known.contains(name), "{name} in {head}");
        }
        assert!(head.contains("Message-ID: <0123456789abcdef0123456789abcdef@example.org>"), "{head}");
        assert!(mail.envelope().to().iter().all(|to| to.to_string() == "ops@example.org"));
    }
    let bad = EmailOptions {
        host: "127.0.0.1".into(),
        port: 25,
        tls: MailTls::Off,
        login: None,
        from: "medic@example.org\r\nBcc: x@example.org".into(),
        to: vec!["ops@example.org".into()],
    };
    assert!(matches!(Email::new(&bad), Err(SendError::Misconfigured(_))));
}

/// What a server got: method, path, headers, body.
type Got = (String, String, BTreeMap<String, String>, String);

/// A server that answers everything in one way.
#[derive(Clone)]
struct Server {
    status: Arc<Mutex<u16>>,
    body: &'static str,
    got: Arc<Mutex<Vec<Got>>>,
}

async fn answer(State(server): State<Server>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let headers = head.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let got = (head.method.to_string(), head.uri.path().to_owned(), headers, body);
    server.got.lock().unwrap().push(got);
    let status = *server.status.lock().unwrap();
    if status == 0 {
        return std::future::pending().await;
    }
    let headers = [("retry-after", "77"), ("location", "http://127.0.0.1:1/stolen")];
    (StatusCode::from_u16(status).unwrap(), headers, server.body).into_response()
}

async fn server(body: &'static str) -> (Server, Url) {
    let server = Server { status: Arc::new(Mutex::new(200)), body, got: Arc::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().fallback(answer).with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (server, url)
}

fn post() -> Post {
    Post::new(HttpClient::new().unwrap(), Arc::new(SystemClock))
}

fn secret() -> SecretString {
    SECRET.into()
}

/// Each channel that speaks HTTP, behind one server. The secret is in each of them.
fn channels(url: &Url) -> [(&'static str, Arc<dyn NoticeChannel>); 6] {
    let hook = url.join(SECRET).unwrap();
    let room = "!room:example.org".to_owned();
    [
        ("slack", Arc::new(Slack::new(post(), hook.clone()))),
        ("teams", Arc::new(Teams::new(post(), hook.clone()))),
        ("matrix", Arc::new(Matrix::new(post(), url.clone(), room, secret()))),
        ("ntfy", Arc::new(Ntfy::new(post(), url.clone(), secret(), Some(secret())))),
        ("telegram", Arc::new(Telegram::new(post(), url.clone(), "-100".into(), secret()))),
        ("webhook", Arc::new(Webhook::new(post(), hook, secret()))),
    ]
}

#[tokio::test]
async fn each_channel_asks_as_its_server_documents() {
    let (server, url) = server("ok").await;
    for (name, channel) in channels(&url) {
        channel.send(&message("Jobs wait")).await.unwrap();
        let (method, path, headers, body) = server.got.lock().unwrap().pop().unwrap();
        let json: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(headers["content-type"], "application/json", "{name}");
        assert!(headers["user-agent"].starts_with("fieldmedic/"), "{name}");
        let expect = match name {
            "matrix" => {
                assert_eq!(headers["authorization"], format!("Bearer {SECRET}"));
                assert_eq!(json["msgtype"], "m.notice");
                let room = "/_matrix/client/v3/rooms/!room:example.org/send/m.room.message";
                ("PUT", format!("{room}/0123456789abcdef0123456789abcdef"))
            }
            "ntfy" => {
                assert_eq!(headers["authorization"], format!("Bearer {SECRET}"));
                assert_eq!(headers["x-sequence-id"], "0123456789abcdef0123456789abcdef");
                assert_eq!(json["topic"], SECRET);
                assert_eq!(json["tags"][0], "escalated");
                assert_eq!(json["click"], "https://github.com/example/tickets/issues/12");
                ("POST", "/".to_owned())
            }
            "telegram" => {
                assert_eq!(json["link_preview_options"]["is_disabled"], true);
                ("POST", format!("/bot{SECRET}/sendMessage"))
            }
            "webhook" => {
                let signature = webhook::signature(SECRET, &body).unwrap();
                assert_eq!(headers["x-fieldmedic-signature-256"], signature);
                assert_eq!(headers["x-fieldmedic-id"], json["id"].as_str().unwrap());
                ("POST", format!("/{SECRET}"))
            }
            _ => ("POST", format!("/{SECRET}")),
        };
        assert_eq!((method.as_str(), path), expect, "{name}");
    }
    // A check tells nobody anything.
    for (name, channel) in channels(&url) {
        let check = channel.check().await.unwrap();
        let got = std::mem::take(&mut *server.got.lock().unwrap());
        assert!(got.iter().all(|(method, ..)| method == "GET"), "{name}");
        assert_eq!(got.len(), usize::from(check == ChannelCheck::Answered), "{name}");
    }
}

#[tokio::test]
async fn an_answer_says_whether_to_try_again_and_no_error_shows_a_secret() {
    let (server, url) = server("no_such_thing").await;
    for status in [500, 503, 429, 302, 401, 403, 404, 410, 400, 413] {
        *server.status.lock().unwrap() = status;
        for (name, channel) in channels(&url) {
            let error = channel.send(&message("Jobs wait")).await.unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&status.to_string()) && text.contains("no_such_thing"), "{name}: {text}");
            assert!(!format!("{error:?}").contains(SECRET), "{name}: {error:?}");
            let is_right = match (status, &error) {
                (500 | 503 | 429, SendError::Unavailable { retry_after, .. }) => {
                    retry_after.map(|pause| pause.as_secs()) == Some(77)
                }
                (302 | 401 | 403 | 404 | 410, SendError::Misconfigured(_)) => true,
                (400 | 413, SendError::Refused(_)) => name != "telegram",
                (400 | 413, SendError::Misconfigured(_)) => name == "telegram",
                _ => false,
            };
            assert!(is_right, "{name}, {status}: {error:?}");
        }
    }
    // A redirect was answered, and not followed.
    let got = server.got.lock().unwrap();
    assert!(got.iter().all(|(_, path, ..)| !path.contains("stolen")));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_or_is_not_there_ends_in_an_error_without_a_secret() {
    let (server, url) = server("").await;
    *server.status.lock().unwrap() = 0;
    let gone: Url = "http://127.0.0.1:1/".parse().unwrap();
    for url in [url, gone] {
        for (name, channel) in channels(&url) {
            let error = channel.send(&message("Jobs wait")).await.unwrap_err();
            assert!(matches!(error, SendError::Unavailable { .. }), "{name}: {error:?}");
            assert!(!format!("{error:?}").contains(SECRET), "{name}: {error:?}");
        }
    }
    let options = EmailOptions {
        host: "127.0.0.1".into(),
        port: 1,
        tls: MailTls::Off,
        login: Some(("medic".into(), secret())),
        from: "medic@example.org".into(),
        to: vec!["ops@example.org".into()],
    };
    let error = Email::new(&options).unwrap().send(&message("Jobs wait")).await.unwrap_err();
    assert!(matches!(&error, SendError::Unavailable { .. }) && !format!("{error:?}").contains(SECRET));
    assert!(!format!("{options:?}").contains(SECRET));
}
