//! The dashboard over HTTP, in this process: what it shows, and whom it obeys.

use crate::test_agent::{TestAgent, plan_of};
use axum::body::Body;
use chrono::TimeDelta;
use fieldmedic::core::case::event::{CaseId, Event, Source};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::policy::schedule::Schedule;
use fieldmedic::dashboard::Dashboard;
use fieldmedic::engine::{Context, check_systems, open_case};
use fieldmedic::ports::{Journal, NewCase};
use fieldmedic::store::Sqlite;
use fieldmedic::web::{LoginToken, Router, Site, SiteSettings, dashboard_router};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tower_service::Service;

const SHARED: &str = "0123456789abcdef-shared";
const OF_ADA: &str = "0123456789abcdef-of-ada";
const HOST: &str = "127.0.0.1:8788";

/// A browser, as far as a server can tell.
struct Visitor {
    site: Router,
    cookie: String,
    csrf: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

fn settings() -> SiteSettings {
    let token = |login: Option<&str>, secret: &str| {
        LoginToken::new(login.map(str::to_owned), secret.to_owned().into()).expect("it is long enough")
    };
    SiteSettings {
        listen: HOST.parse().expect("an address"),
        public_url: None,
        base_path: String::new(),
        login_to_read: false,
        tokens: vec![token(None, SHARED), token(Some("ada"), OF_ADA)],
    }
}

fn site(context: &Context, settings: SiteSettings) -> Router {
    let sweeps = Schedule::Interval(Duration::from_secs(900));
    let dashboard = Dashboard::new(context.clone(), sweeps, None);
    dashboard_router(Arc::new(
        Site::new(dashboard, settings, Arc::default()).expect("the templates are right"),
    ))
}

impl Visitor {
    fn to(context: &Context) -> Self {
        Self::of(site(context, settings()))
    }

    fn of(site: Router) -> Self {
        Self { site, cookie: String::new(), csrf: String::new() }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.site.clone().call(request).await.expect("it never fails");
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, HOST).header(header::COOKIE, &self.cookie);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Sends a form as a page of the site does.
    async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with(path, &format!("csrf={}&{form}", self.csrf), &[("origin", "http://127.0.0.1:8788")])
            .await
    }

    async fn post_with(&self, path: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form.to_owned())).expect("a request")).await
    }

    async fn logs_in(&mut self, token: &str) {
        let answer = self.post("/login", &format!("name=Ben&token={token}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let cookie = answer.headers[header::SET_COOKIE].to_str().expect("text");
        self.cookie = cookie.split(';').next().expect("a pair").to_owned();
        let page = self.get("/").await.text;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a form");
        self.csrf = rest.split('"').next().expect("a value").to_owned();
    }
}

fn signals(records: &[Record]) -> Vec<String> {
    let by = records.iter().filter_map(|record| match &record.event {
        Event::SignalReceived(queued) => Some(queued.signal.by.clone()),
        _ => None,
    });
    by.collect()
}

/// An agent whose case waits for an approval.
async fn waiting() -> (TestAgent, CaseId, String) {
    let agent = TestAgent::on("worker-down").ask_mode().build().await;
    let case = agent.opens_case().await;
    let plan = plan_of(&agent.works(&case).await);
    agent.sees(&["status", "question"]);
    (agent, case, plan)
}

#[tokio::test]
async fn pages_tell_the_story_of_a_case() {
    let (agent, case, plan) = waiting().await;
    let visitor = Visitor::to(agent.context());
    let now = visitor.get("/").await;
    assert_eq!(now.status, StatusCode::OK);
    for part in ["One plan waits", &plan, "start the workers", "docker start", "0 of 4 workers are running"] {
        assert!(now.text.contains(part), "{part}: {}", now.text);
    }
    let page = visitor.get(&format!("/case/{case}")).await.text;
    for part in [
        "May it do this?",
        "Worker containers are not running",
        "ruled out, each with its reason",
        "workers.rows",
        "Waiting for approval",
        "approval requested",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    agent.obeys(&case, "ops-lead", &format!("approve {plan}")).await;
    let page = visitor.get(&format!("/case/{case}")).await.text;
    for part in
        ["fixed and proven", "ops-lead approved the plan", "Verification over time", "<h3>✅ Resolved</h3>"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let history = visitor.get("/history?q=sync&outcome=resolved").await.text;
    assert!(history.contains(case.as_str()), "{history}");
    let playbooks = visitor.get("/playbooks").await.text;
    assert!(playbooks.contains("100 %"), "{playbooks}");
    let policy = visitor.get("/policy").await.text;
    assert!(policy.contains("worker-down ran there at"), "{policy}");
    agent.sees(&["status", "question", "report"]);
}

#[tokio::test]
async fn systems_are_shown_as_the_newest_sweep_found_them() {
    let agent = TestAgent::on("sync-failed-healthy").build().await;
    let visitor = Visitor::to(agent.context());
    assert!(visitor.get("/").await.text.contains("Not swept yet"));
    check_systems(agent.context()).await.expect("the journal works");
    let page = visitor.get("/").await.text;
    assert!(page.contains("system-card well"), "{page}");
    agent.passes(TimeDelta::minutes(30));
    let page = visitor.get("/").await.text;
    assert!(page.contains("sweep is overdue"), "{page}");
}

#[tokio::test]
async fn hostile_words_are_shown_as_text() {
    let mut agent = TestAgent::on("worker-down").observe_mode().build().await;
    let hostile = "</title><script>alert(1)</script>\u{202E}\"><img src=x onerror=alert(1)> {{ site.csrf }}";
    let ticket = agent.files(&format!("Sync fails {hostile}"), &format!("Changes stay pending. {hostile}"));
    agent.follows(ticket);
    let case = agent.opens_case().await;
    agent.works(&case).await;
    let visitor = Visitor::to(agent.context());
    for path in ["/".to_owned(), format!("/case/{case}"), "/history".to_owned()] {
        let page = visitor.get(&path).await.text;
        assert!(page.contains("&lt;script&gt;alert(1)"), "{path}: it is shown");
        assert!(
            !page.contains("<script>alert") && !page.contains("<img") && !page.contains('\u{202E}'),
            "{path}"
        );
        assert!(page.contains("{{ site.csrf }}"), "{path}: a template in it is text");
    }
    let echoed =
        visitor.get("/history?q=%22%3E%3Cscript%3Ealert(2)%3C/script%3E&system=x'x&outcome=%3Cb%3E").await;
    assert_eq!(echoed.status, StatusCode::OK);
    assert!(
        echoed.text.contains("&quot;&gt;&lt;script&gt;alert(2)") && !echoed.text.contains("<script>alert")
    );
    agent.all_comments();
}

#[tokio::test]
async fn nothing_is_done_without_a_login_and_a_form_of_the_site() {
    let (agent, case, plan) = waiting().await;
    let mut visitor = Visitor::to(agent.context());
    let path = format!("/case/{case}/approve");
    let form = format!("plan={plan}");
    assert_eq!(visitor.post(&path, &form).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(visitor.post("/login", "name=Ben&token=guessed").await.status, StatusCode::FORBIDDEN);
    let strange = [("origin", "https://example.net")];
    let login = format!("name=Ben&token={SHARED}");
    assert_eq!(visitor.post_with("/login", &login, &strange).await.status, StatusCode::FORBIDDEN);
    visitor.logs_in(SHARED).await;
    let csrf = visitor.csrf.clone();
    let own = [("origin", "http://127.0.0.1:8788")];
    for (form, headers) in [
        (format!("csrf={csrf}&plan={plan}"), &strange[..]),
        (format!("csrf={csrf}&plan={plan}"), &[("origin", "null")]),
        (format!("csrf={csrf}&plan={plan}"), &[("sec-fetch-site", "same-site")]),
        (format!("csrf={csrf}&plan={plan}"), &[]),
        (format!("csrf=guessed&plan={plan}"), &own[..]),
        (format!("plan={plan}"), &own[..]),
    ] {
        let answer = visitor.post_with(&path, &form, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form} {headers:?}");
    }
    for path in ["/pause", "/resume", "/logout", &format!("/case/{case}/cancel")] {
        assert_eq!(
            visitor.post_with(path, "csrf=guessed", &own).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    // An order is no address that a picture or a link could lead to.
    assert_eq!(visitor.get(&path).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(agent.journal().signals(&case).await.unwrap().is_empty());
    assert_eq!(agent.pause().await, None);

    // Another plan than the one that was shown is not approved.
    let other = visitor.post(&path, "plan=0123456789abcdef").await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    let done = visitor.post(&path, &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(done.headers[header::LOCATION], format!("/case/{case}?done=approve"));
    agent.works(&case).await;
    assert_eq!(signals(&agent.records(&case).await), ["Ben (dashboard, shared token)"]);
    assert_eq!(visitor.post(&path, &form).await.status, StatusCode::CONFLICT, "it has ended");

    // After the log-out the cookie means nothing.
    assert_eq!(visitor.post("/logout", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(visitor.post("/pause", "").await.status, StatusCode::UNAUTHORIZED);
    agent.sees(&["status", "question", "report"]);
}

#[tokio::test]
async fn cases_are_denied_and_cancelled_and_changes_paused_by_name() {
    let (agent, case, plan) = waiting().await;
    let mut visitor = Visitor::to(agent.context());
    visitor.logs_in(OF_ADA).await;
    assert_eq!(visitor.post("/pause", "why=moving+house").await.status, StatusCode::SEE_OTHER);
    let pause = agent.pause().await.expect("a pause");
    assert_eq!((pause.by.as_str(), pause.why.as_str()), ("ada (dashboard)", "moving house"));
    assert!(visitor.get("/").await.text.contains("moving house"));
    assert_eq!(visitor.post("/resume", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(agent.pause().await, None);
    let deny = visitor.post(&format!("/case/{case}/deny"), &format!("plan={plan}&from=now")).await;
    assert_eq!(deny.headers[header::LOCATION], "/?done=deny");
    agent.works(&case).await;
    assert_eq!(signals(&agent.records(&case).await), ["ada (dashboard)"]);
    agent.all_comments();

    let (agent, case, _) = waiting().await;
    let mut visitor = Visitor::to(agent.context());
    visitor.logs_in(OF_ADA).await;
    assert_eq!(visitor.post(&format!("/case/{case}/cancel"), "").await.status, StatusCode::SEE_OTHER);
    let ended = agent.works(&case).await;
    assert_eq!(ended.cancelled_by.as_deref(), Some("ada (dashboard)"));
    agent.all_comments();
}

#[tokio::test]
async fn four_eyes_need_a_token_of_ones_own() {
    let agent =
        TestAgent::on("worker-down").ask_mode().policy(|policy| policy.four_eyes = true).build().await;
    let case = agent.opens_case().await;
    let plan = plan_of(&agent.works(&case).await);
    let mut visitor = Visitor::to(agent.context());
    let (path, form) = (format!("/case/{case}/approve"), format!("plan={plan}"));
    visitor.logs_in(SHARED).await;
    let refused = visitor.post(&path, &form).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("a shared token does not show who approves"), "{}", refused.text);
    visitor.logs_in(OF_ADA).await;
    assert_eq!(visitor.post(&path, &form).await.status, StatusCode::SEE_OTHER);
    agent.sees(&["status", "question"]);
}

#[tokio::test]
async fn strangers_see_nothing() {
    let (agent, case, _) = waiting().await;
    let visitor = Visitor::to(agent.context());
    // A name that somebody has made to mean this machine.
    for host in ["rebound.example.net:8788", "", "127.0.0.1.example.net"] {
        let request = Request::get("/").header(header::HOST, host).body(Body::empty()).expect("a request");
        let answer = visitor.send(request).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert!(!answer.text.contains(case.as_str()), "{host}");
    }
    // Where others than this machine can reach it, only those who are logged in read.
    let mut visitor = Visitor::of(site(agent.context(), SiteSettings { login_to_read: true, ..settings() }));
    for path in ["/", "/history", "/playbooks", "/policy", &format!("/case/{case}")] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(answer.headers[header::LOCATION], "/login");
        assert!(answer.text.is_empty(), "{path}");
    }
    assert_eq!(visitor.get("/events").await.status, StatusCode::UNAUTHORIZED);
    visitor.logs_in(SHARED).await;
    assert_eq!(visitor.get("/").await.status, StatusCode::OK);
    // Without a token there is nothing to log in with.
    let visitor = Visitor::of(site(agent.context(), SiteSettings { tokens: Vec::new(), ..settings() }));
    assert!(visitor.get("/").await.text.contains("read-only"));
    assert_eq!(visitor.post("/login", "name=Ben&token=").await.status, StatusCode::NOT_FOUND);
    agent.all_comments();
}

#[tokio::test]
async fn every_answer_is_protected() {
    let agent = TestAgent::on("sync-failed-healthy").build().await;
    let visitor = Visitor::to(agent.context());
    for path in ["/", "/static/style.css", "/nowhere", "/login", "/case/c0123456789ab", "/case/..%2Fx"] {
        let answer = visitor.get(path).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "same-origin", "{path}");
        // Pages refer to files of their own, and hold neither scripts nor styles.
        assert!(!answer.text.contains("style=\"") && !answer.text.contains(" onclick"), "{path}");
        assert!(!answer.text.contains("src=\"http") && !answer.text.contains("<style"), "{path}");
        let is_file = path.starts_with("/static");
        assert_eq!(answer.headers[header::CACHE_CONTROL] == "no-store", !is_file, "{path}");
    }
    assert_eq!(visitor.get("/case/c0123456789ab").await.status, StatusCode::NOT_FOUND);
    assert_eq!(visitor.get("/static/now.html").await.status, StatusCode::NOT_FOUND);
    let long = visitor.post("/login", &"x".repeat(20_000)).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn it_works_under_the_path_of_a_proxy() {
    let agent = TestAgent::on("sync-failed-healthy").build().await;
    let visitor =
        Visitor::of(site(agent.context(), SiteSettings { base_path: "/ops/medic".into(), ..settings() }));
    // The proxy may leave the path as it is, or take it away.
    for path in ["/ops/medic/", "/ops/medic", "/"] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text.contains("href=\"/ops/medic/history\""), "{path}: {}", page.text);
        assert!(!page.text.contains("href=\"/history"), "{path}");
    }
    assert_eq!(visitor.get("/ops/medicine/").await.status, StatusCode::NOT_FOUND);
    let login = visitor.post("/ops/medic/login", &format!("name=Ben&token={SHARED}")).await;
    assert_eq!(login.headers[header::LOCATION], "/ops/medic/?done=login");
    assert!(
        login.headers[header::SET_COOKIE]
            .to_str()
            .expect("text")
            .contains("Path=/ops/medic/; HttpOnly; SameSite=Strict")
    );
    // A header says it too; what is no path is none.
    let visitor = Visitor::to(agent.context());
    for (told, expect) in [("/x", "href=\"/x/history\""), ("//example.net", "href=\"/history\"")] {
        let request = Request::get("/").header(header::HOST, HOST).header("x-forwarded-prefix", told);
        let page = visitor.send(request.body(Body::empty()).expect("a request")).await;
        assert!(page.text.contains(expect), "{told}: {}", page.text);
    }
}

#[tokio::test]
async fn history_is_shown_in_bounded_pages() {
    let mut agent = TestAgent::on("sync-failed-healthy").observe_mode().build().await;
    for number in 0..60 {
        let ticket =
            agent.files(&format!("Ticket number {number}, box-{number:02}"), "Is everything all right?");
        agent.follows(ticket);
        agent.passes(TimeDelta::seconds(60));
        let ticket = agent.context().forge.ticket(agent.ticket()).await.expect("GitHub answers");
        let key = ticket.id.to_string();
        open_case(agent.context(), ticket, Source::Poll, &key).await.expect("the journal works");
    }
    let visitor = Visitor::to(agent.context());
    let rows = |page: &str| page.matches("<tr><th scope=\"row\">").count();
    let first = visitor.get("/history?q=ticket+number&outcome=working").await.text;
    assert_eq!(rows(&first), 50);
    let (_, rest) = first.split_once("rel=\"next\" href=\"").expect("a next page");
    let next = rest.split('"').next().expect("an address").replace("&amp;", "&");
    let second = visitor.get(&next).await.text;
    assert_eq!(rows(&second), 10);
    assert!(!second.contains("rel=\"next\""));
    assert!(first.contains("box-59") && second.contains("box-00"), "the newest first");
    assert_eq!(rows(&visitor.get("/history?q=BOX-07").await.text), 1);
    // What cannot be meant shows the newest.
    for query in ["after=x", "outcome=all", "after=9999999999999999999-c0123456789ab"] {
        assert_eq!(rows(&visitor.get(&format!("/history?{query}")).await.text), 50, "{query}");
    }
}

/// Prints how long pages take in a long history. To repeat it:
/// `cargo test --release --test suite -- --ignored --nocapture dashboard::pages_of_a_long_history`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes 10,000 cases, and prints figures"]
async fn pages_of_a_long_history() {
    const CASES: u64 = 10_000;
    const RUNNING: u64 = 50;
    let home = tempfile::tempdir().expect("a folder");
    let journal = Sqlite::open(&home.path().join("journal.db")).await.expect("a journal");
    let agent = TestAgent::on("worker-down").build().await;
    let case = agent.opens_case().await;
    agent.works(&case).await;
    agent.all_comments();
    let records = agent.records(&case).await;
    let files = &agent.context().files;
    journal.store_library(&agent.context().library.hash, files).await.expect("it is kept");
    let is_kept = |event: &Event| {
        matches!(
            event,
            Event::Triaged(_)
                | Event::RemediationStarted(_)
                | Event::VerificationPassed { .. }
                | Event::OutcomeDecided(_)
                | Event::StepsCompleted
                | Event::Ended
        )
    };
    let mut shown = None;
    for number in 1..=CASES {
        let mut whole = records.iter().map(|record| record.event.clone());
        let Some(Event::Opened { mut ticket, source, library }) = whole.next() else {
            panic!("it was opened")
        };
        ticket.id.number = number;
        let at = agent.context().clock.now()
            - TimeDelta::minutes(i64::try_from(3 * (CASES - number)).expect("fits"));
        let key = ticket.id.to_string();
        let id = CaseId::derive(&ticket.id, &key);
        let first = Event::Opened { ticket: ticket.clone(), source, library };
        let opening = NewCase { case: id.clone(), ticket: ticket.id, key, also: Vec::new(), at, first };
        journal.open_case(&opening).await.expect("it is opened");
        // The newest are whole, some of them in the middle of their work; the others have what lists are made from.
        let is_running = number > CASES - RUNNING;
        let rest: Vec<Event> = match number > CASES - 2 * RUNNING {
            true => whole.collect(),
            false => whole.filter(is_kept).collect(),
        };
        let count = if is_running { rest.len() / 2 } else { rest.len() };
        for (seq, event) in (1..).zip(rest.iter().take(count)) {
            journal
                .append(&id, seq, at + TimeDelta::seconds(seq as i64), event)
                .await
                .expect("it is written");
        }
        if number == CASES - RUNNING {
            shown = Some(id);
        }
    }
    let shown = shown.expect("a case that is whole");
    let context = Context { journal: Arc::new(journal), ..agent.context().clone() };
    let visitor = Visitor::to(&context);
    for (name, path) in [
        ("Now", "/".to_owned()),
        ("a case", format!("/case/{shown}")),
        ("History", "/history".to_owned()),
        ("History, of words that fit", "/history?q=sync".to_owned()),
        ("History, of words that fit nowhere", "/history?q=nothing+like+this".to_owned()),
        ("Playbooks", "/playbooks".to_owned()),
        ("Policy", "/policy".to_owned()),
    ] {
        let mut took = Vec::new();
        for _ in 0..21 {
            let begun = std::time::Instant::now();
            let page = visitor.get(&path).await;
            took.push(begun.elapsed().as_secs_f64() * 1000.0);
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        }
        let first = took[0];
        took.sort_by(f64::total_cmp);
        println!("{name}: {:.1} ms (the first time {first:.1} ms)", took[took.len() / 2]);
    }
}

#[tokio::test]
async fn measurements_are_plotted_with_their_numbers_and_gaps() {
    use fieldmedic::ports::{Clock, SweepMeasurements};
    let agent = TestAgent::on("disk-full-healthy").build().await;
    let system = agent.context().inventory.systems.keys().next().expect("a system").clone();
    let visitor = Visitor::to(agent.context());
    let empty = visitor.get("/measurements").await;
    assert!(empty.text.contains("Nothing was measured on"), "{}", empty.text);
    for back in (0..300).rev().filter(|back| !(40..60).contains(back)) {
        let at = agent.clock().now() - TimeDelta::hours(back);
        let name = "disk.worst".parse().expect("a name");
        let values = std::collections::BTreeMap::from([(name, 84.0 - back as f64 / 24.0)]);
        let measured = SweepMeasurements { system: system.clone(), at, values };
        agent.journal().keep_measurements(&measured).await.expect("it is kept");
    }
    let page = visitor.get("/measurements?period=month").await;
    assert_eq!(page.status, StatusCode::OK);
    for expect in [
        "<code>disk.worst</code>",
        "<b>84&nbsp;%</b>",
        "role=\"img\"",
        "class=\"limit\"",
        "class=\"trend\"",
        "Rises above it",
        "At the earliest",
        "<caption class=\"vh\">disk.worst in %, the newest first</caption>",
        "aria-current=\"page\">Measurements</a>",
    ] {
        assert!(page.text.contains(expect), "{expect} is not in {}", page.text);
    }
    let line = page
        .text
        .split("class=\"line\" d=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a line");
    assert_eq!(line.matches('M').count(), 2, "the gap is a gap: {line}");
    // What is asked for is not believed.
    let hostile = visitor.get("/measurements?system=%3Cscript%3E&period=%22%3E").await;
    assert!(hostile.status == StatusCode::OK && !hostile.text.contains("<script>"), "{}", hostile.text);
}
