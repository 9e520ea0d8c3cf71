//! The pages for a browser: a list of all issues, and one page for each of them.

use crate::github::errors::ErrorResponse;
use crate::github::server::Server;
use crate::github::state::{Comment, Issue, IssueState, Label, Repository};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use fieldmedic_core::ticket::{Repo, TicketId};
use http::header;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html::push_html};
use std::fmt::Write as _;
use std::sync::Arc;

const STYLE: &str = include_str!("page.css");

/// A page runs and fetches nothing, whatever a comment contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn pages() -> Router<Arc<Server>> {
    Router::new()
        .route("/", get(list))
        .route("/{owner}/{name}/issues", get(list))
        .route("/{owner}/{name}/issues/{number}", get(show))
        .route("/{owner}/{name}/pull/{number}", get(show))
}

async fn list(State(server): State<Arc<Server>>) -> Response {
    let github = server.state();
    let mut main = String::from("<h1>Issues</h1>");
    for repo in github.repos.values() {
        let _ = write!(main, "<h2>{}</h2><ul class=list>", escape(&repo.address.to_string()));
        for issue in repo.issues.values().rev().filter(|issue| issue.is_there()) {
            let _ = write!(
                main,
                "<li>{state} <a href=\"/{address}/issues/{number}\">{title}</a> {labels}\
                 <small>#{number} by {author}, {comments} comments</small></li>",
                state = badge(issue),
                address = repo.address,
                number = issue.number,
                title = escape(&issue.title),
                labels = chips(repo, issue),
                author = escape(&issue.author),
                comments = issue.comments.len(),
            );
        }
        main.push_str("</ul>");
    }
    page("Issues", &main)
}

async fn show(
    State(server): State<Arc<Server>>,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Result<Response, ErrorResponse> {
    let id = TicketId { repo: Repo { owner, name }, number };
    let github = server.state();
    let (repo, issue) = (github.repo(&id.repo)?, github.issue(&id)?);
    Ok(page(&format!("{} · {id}", issue.title), &content(&id, repo, issue)))
}

fn content(id: &TicketId, repo: &Repository, issue: &Issue) -> String {
    let mut main = format!(
        "<p><a href=\"/\">All issues</a></p><h1>{} <span class=number>#{}</span></h1><p>{} {}",
        escape(&issue.title),
        id.number,
        badge(issue),
        chips(repo, issue),
    );
    if issue.locked {
        main.push_str(" <span class=chip>locked</span>");
    }
    if !issue.assignees.is_empty() {
        let _ = write!(main, " assigned to {}", escape(&issue.assignees.join(", ")));
    }
    main.push_str("</p>");
    main.push_str(&bubble(&issue.author, issue.created_at, issue.body.as_deref().unwrap_or_default(), ""));
    for comment in &issue.comments {
        main.push_str(&bubble(
            &comment.author,
            comment.created_at,
            &comment.body,
            &format!("{}{}", edited(comment), reactions(comment)),
        ));
    }
    main
}

fn bubble(author: &str, at: DateTime<Utc>, body: &str, more: &str) -> String {
    format!(
        "<article><header><b>{}</b> <time>{}</time>{more}</header><div class=text>{}</div></article>",
        escape(author),
        at.format("%Y-%m-%d %H:%M:%S UTC"),
        render(body),
    )
}

fn edited(comment: &Comment) -> &'static str {
    if comment.updated_at > comment.created_at { " · edited" } else { "" }
}

fn reactions(comment: &Comment) -> String {
    let face = |content: &str| match content {
        "eyes" => "👀",
        "confused" => "😕",
        "rocket" => "🚀",
        "+1" => "👍",
        _ => "•",
    };
    comment.reactions.iter().map(|reaction| format!(" {}", face(&reaction.content))).collect()
}

fn badge(issue: &Issue) -> &'static str {
    match &issue.state {
        IssueState::Open | IssueState::Reopened => "<span class=\"state open\">Open</span>",
        IssueState::Closed { reason, .. } if reason == "completed" => {
            "<span class=\"state done\">Closed</span>"
        }
        IssueState::Closed { .. } => "<span class=\"state not\">Closed as not planned</span>",
    }
}

fn chips(repo: &Repository, issue: &Issue) -> String {
    let chip = |label: &Label| {
        format!(
            "<span class=chip style=\"border-color:#{}\">{}</span> ",
            escape(&label.color),
            escape(&label.name)
        )
    };
    issue.labels.iter().filter_map(|name| repo.label(name)).map(chip).collect()
}

fn page(title: &str, main: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style><main>{main}</main></html>",
        escape(title)
    );
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page).into_response()
}

/// Renders untrusted Markdown as GitHub does. Raw HTML is removed except for `<details>`, and links lead to
/// web pages alone.
fn render(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut events = Vec::new();
    let mut raw = String::new();
    for event in Parser::new_ext(markdown, options) {
        // A block of raw HTML comes line by line; a comment may span several.
        if let Event::Html(line) = event {
            raw.push_str(&line);
            continue;
        }
        if !raw.is_empty() {
            events.push(Event::Html(keep_folds(&std::mem::take(&mut raw)).into()));
        }
        events.push(match event {
            Event::InlineHtml(tag) => Event::InlineHtml(keep_folds(&tag).into()),
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Link { link_type, dest_url: web_only(dest_url), title, id })
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Image { link_type, dest_url: web_only(dest_url), title, id })
            }
            other => other,
        });
    }
    let mut html = String::new();
    push_html(&mut html, events.into_iter());
    html
}

/// The tags of `<details>` in a piece of HTML, and the text between tags.
fn keep_folds(html: &str) -> String {
    const KEPT: [&str; 5] = ["<details>", "<details open>", "</details>", "<summary>", "</summary>"];
    let mut out = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (text, markup) = rest.split_at(start);
        out.push_str(&escape(text));
        let end = match markup.starts_with("<!--") {
            true => markup.find("-->").map(|end| end + 3),
            false => markup.find('>').map(|end| end + 1),
        };
        let Some(end) = end else { return out };
        let (tag, behind) = markup.split_at(end);
        if KEPT.contains(&tag) {
            out.push_str(tag);
        }
        rest = behind;
    }
    out + &escape(rest)
}

fn web_only(url: CowStr<'_>) -> CowStr<'_> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        None | Some("http" | "https" | "mailto") => url,
        Some(_) => "#".into(),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_stays_text() {
        for (markdown, expect) in [
            ("**4** of `4`", "<p><strong>4</strong> of <code>4</code></p>\n"),
            ("a <script>alert(1)</script> b", "<p>a alert(1) b</p>\n"),
            ("<img src=x onerror=alert(1)>", ""),
            ("<!-- one\n<details>\n-->\ntext", "<p>text</p>"),
            ("[x](javascript:alert(1))", "<p><a href=\"#\">x</a></p>\n"),
            ("[x](JaVaScRiPt&colon;alert(1))", "<p><a href=\"#\">x</a></p>\n"),
            ("[x](https://example.org)", "<p><a href=\"https://example.org\">x</a></p>\n"),
            ("`<b>`", "<p><code>&lt;b&gt;</code></p>\n"),
            (
                "<details><summary>More</summary>\n\n*x*\n\n</details>",
                "<details><summary>More</summary>\n<p><em>x</em></p>\n</details>",
            ),
            ("<details onclick=alert(1)>", ""),
        ] {
            assert_eq!(render(markdown).trim(), expect.trim(), "{markdown}");
        }
        assert_eq!(escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }
}
