//! What operators see of a daemon: its log in each format, its health checks, and hosts that come and go.

use crate::harness::{MEDIC, TOKEN, TestBinary, ran, terminate, until};
use crate::scenarios;
use crate::taps::{Broken, Deed, Tap, tapped};
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::app::metrics::Metrics;
use fieldmedic::app::reachability::Reachability;
use fieldmedic::app::readiness::Readiness;
use fieldmedic::app::tasks::{Task, TaskTimes, Trigger};
use fieldmedic::core::policy::schedule::Schedule;
use fieldmedic::engine::{Context, ScheduledTask};
use fieldmedic::github::{GitHub, Options};
use fieldmedic::ports::{Clock, Cursor};
use fieldmedic::sandbox::github::{AccountKind, FakeGitHub, FaultPoint, InjectedFault};
use fieldmedic::scenario;
use fieldmedic::web::serve_health;
use http::Method;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

/// A daemon and what it has logged so far, a line at a time.
pub struct LoggedDaemon {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl LoggedDaemon {
    pub fn start(binary: &TestBinary, options: &[&str]) -> Self {
        let mut command = binary.command(&["serve"]);
        let mut child = command.args(options).stderr(Stdio::piped()).spawn().expect("the daemon starts");
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, stderr) = (Arc::clone(&lines), child.stderr.take().expect("it is piped"));
        tokio::spawn(async move {
            let mut stderr = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = stderr.next_line().await {
                kept.lock().expect("the lines").push(line);
            }
        });
        Self { child, lines }
    }

    fn text(&self) -> String {
        self.lines.lock().expect("the lines").join("\n")
    }

    /// All lines as JSON objects; a line that is none fails the test.
    fn records(&self) -> Vec<Value> {
        let lines = self.lines.lock().expect("the lines");
        let parsed = lines.iter().map(|line| serde_json::from_str(line));
        parsed.map(|record| record.unwrap_or_else(|error| panic!("{error}: {lines:#?}"))).collect()
    }

    pub fn with_message(&self, message: &str) -> Vec<Value> {
        let records = self.records().into_iter();
        records
            .filter(|record| record["message"].as_str().is_some_and(|it| it.starts_with(message)))
            .collect()
    }

    /// Where it answers health checks.
    pub async fn monitor(&self) -> SocketAddr {
        until("it listens", || !self.with_message("health checks on").is_empty()).await;
        let said =
            self.with_message("health checks on http://")[0]["message"].as_str().expect("text").to_owned();
        let address =
            said["health checks on http://".len()..].split('/').next().and_then(|it| it.parse().ok());
        address.unwrap_or_else(|| panic!("{said}"))
    }

    pub async fn stop(mut self) -> Self {
        terminate(&self.child);
        assert_eq!(self.child.wait().await.expect("it ends").code(), Some(0), "{}", self.text());
        self
    }
}

pub fn add_to_config(binary: &TestBinary, text: &str) {
    let mut file = OpenOptions::new().append(true).open(binary.config()).expect("the configuration");
    file.write_all(text.as_bytes()).expect("it is written");
}

/// Status and body of a GET request.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

#[tokio::test]
async fn a_json_log_tells_of_one_case_from_start_to_end() {
    let binary = TestBinary::new("worker-down").await;
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json", "--log-level", "debug"]);
    let id = binary.file("The worker containers stopped", "All jobs of qfieldcloud stay pending.");
    until("the case has ended", || !daemon.with_message("case ended").is_empty()).await;
    let daemon = daemon.stop().await;
    for record in daemon.records() {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(record[field].is_string(), "{record}");
        }
        assert!(record["spans"].is_array(), "{record}");
    }
    let [opened] = &daemon.with_message("case opened")[..] else { panic!("{}", daemon.text()) };
    let case = opened["case"].as_str().expect("the case is named");
    assert_eq!(opened["ticket"], id.to_string());
    // Whoever searches for the case finds all of it: the change and the requests to GitHub too.
    let started = &daemon.with_message("change started")[0];
    let expect = json!([case, id.to_string(), "qfieldcloud", "main", "worker-down", 1]);
    let of_change = ["case", "ticket", "system", "host", "playbook", "attempt"].map(|name| &started[name]);
    assert_eq!(json!(of_change), expect, "{started}");
    assert!(started["step"].is_string(), "{started}");
    assert_eq!(started["spans"], json!(["case", "action", "change"]), "{started}");
    assert!(daemon.with_message("change ended")[0]["duration_ms"].is_u64());
    let [ended] = &daemon.with_message("case ended")[..] else { panic!("{}", daemon.text()) };
    assert_eq!((&ended["case"], &ended["outcome"]), (&json!(case), &json!("resolved")), "{ended}");
    assert!(ended["duration_ms"].as_i64().is_some_and(|ms| ms > 0), "{ended}");
    let routes = daemon.with_message("GitHub answered");
    let of_case = routes.iter().find(|record| record["case"] == case && record["method"] == "POST");
    let of_case = of_case.expect("a request of the case");
    assert!(of_case["status"].is_u64(), "{of_case}");
    assert!(
        of_case["route"].as_str().is_some_and(|route| route.starts_with("/repos/{owner}/{repo}/issues/"))
    );
    assert!(routes.iter().any(|record| record["name"] == "poll" && record["case"].is_null()));
    assert!(!daemon.text().contains(TOKEN));
}

#[tokio::test]
async fn a_text_log_without_a_terminal_has_timestamps_and_no_colours() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let daemon = LoggedDaemon::start(&binary, &[]);
    until("it manages systems", || daemon.text().contains("managing qfieldcloud")).await;
    let daemon = daemon.stop().await;
    let text = daemon.text();
    let line =
        regex::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z +(INFO|WARN|ERROR) ").expect("a pattern");
    assert!(text.lines().all(|it| line.is_match(it)), "{text}");
    assert!(!text.contains('\u{1B}') && text.contains("stopped"), "{text}");
}

#[tokio::test]
async fn a_log_that_cannot_be_started_is_an_error_with_a_next_step() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let ran_wrong = binary.run(&["case", "list", "--log-level", "fieldmedic=loud"]).await;
    assert_eq!(ran_wrong.code, Some(1));
    assert!(ran_wrong.stderr.contains("is not a log level"), "{}", ran_wrong.stderr);
    let mut from_environment = binary.command(&["case", "list"]);
    from_environment.env("FIELDMEDIC_LOG_FORMAT", "xml");
    assert_eq!(ran(from_environment).await.code, Some(2));
    // On a machine with systemd the journal is there, and takes the log.
    let has_journal = Path::new("/run/systemd/journal/socket").exists();
    let journald = binary.run(&["case", "list", "--log-format", "journald"]).await;
    assert_eq!(journald.code, Some(if has_journal { 0 } else { 1 }), "{}", journald.stderr);
    assert_eq!(journald.stderr.contains("--log-format text or json"), !has_journal, "{}", journald.stderr);
}

#[tokio::test]
async fn the_daemon_answers_health_checks_without_a_webhook() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    add_to_config(&binary, "[monitor]\nlisten = \"127.0.0.1:0\"\n");
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json"]);
    let address = daemon.monitor().await;
    assert_eq!(get(address, "/healthz").await, (200, "ok\n".to_owned()));
    let (status, body) = get(address, "/readyz").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["ready"]), (200, &json!(true)), "{body}");
    let names: Vec<_> = body["checks"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
    assert_eq!(json!(names), json!(["journal", "github", "tasks"]));
    daemon.stop().await;
}

#[tokio::test]
async fn a_health_port_that_is_taken_does_not_stop_the_daemon() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let binary = TestBinary::new("sync-failed-healthy").await;
    let address = taken.local_addr().expect("an address");
    add_to_config(&binary, &format!("[monitor]\nlisten = \"{address}\"\n"));
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json"]);
    until("it works", || !daemon.with_message("managing qfieldcloud").is_empty()).await;
    let daemon = daemon.stop().await;
    let warned = daemon.with_message(&format!("[monitor] cannot listen on {address}"));
    assert_eq!(warned.len(), 1, "{}", daemon.text());
    assert_eq!(warned[0]["level"], "WARN");
}

#[tokio::test]
async fn the_daemon_serves_the_dashboard_without_a_configuration() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json"]);
    until("it listens", || !daemon.with_message("dashboard on").is_empty()).await;
    let said = daemon.with_message("dashboard on http://")[0]["message"].as_str().expect("text").to_owned();
    assert!(said.ends_with("/ (read-only: FIELDMEDIC_DASHBOARD_TOKEN is not set)"), "{said}");
    let address = said["dashboard on http://".len()..].split('/').next().and_then(|it| it.parse().ok());
    let address: SocketAddr = address.unwrap_or_else(|| panic!("{said}"));
    let (status, page) = get(address, "/").await;
    assert_eq!(status, 200);
    assert!(page.contains("read-only") && page.contains("qfieldcloud"), "{page}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_dashboard_port_that_is_taken_does_not_stop_the_daemon() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let binary = TestBinary::new("sync-failed-healthy").await;
    let address = taken.local_addr().expect("an address");
    let config = std::fs::read_to_string(binary.config()).expect("the configuration");
    let config = config.replace(
        "dashboard = { listen = \"127.0.0.1:0\" }",
        &format!("dashboard = {{ listen = \"{address}\" }}"),
    );
    std::fs::write(binary.config(), config).expect("it is written");
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json"]);
    until("it works", || !daemon.with_message("managing qfieldcloud").is_empty()).await;
    let daemon = daemon.stop().await;
    let warned = daemon.with_message(&format!("[dashboard] cannot listen on {address}"));
    assert_eq!(warned.len(), 1, "{}", daemon.text());
    assert_eq!(warned[0]["level"], "WARN");
}

/// A journal that can be read and not written, as on a full disk.
pub struct ReadOnly;

#[async_trait]
impl Tap for ReadOnly {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        match deed {
            Deed::Write(_) | Deed::Append(..) => Err(Broken("the disk is full".into())),
            _ => Ok(()),
        }
    }
}

/// The readiness of a process, asked over HTTP.
pub struct Probe {
    pub address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Probe {
    pub async fn new(context: &Context, hub: &FakeGitHub, tasks: Vec<Arc<TaskTimes>>) -> Self {
        let options = Options {
            base_url: hub.url().to_owned(),
            answer: Duration::from_secs(2),
            ..Options::new(TOKEN.to_owned().into(), (*context.redactor).clone())
        };
        let github = Arc::new(GitHub::new(options).expect("a client"));
        let reachability = Arc::new(Reachability::new(context.inventory.clone()));
        let metrics = Arc::new(Metrics::new(context.clone(), github.clone(), tasks.clone(), reachability));
        let readiness = Readiness { context: context.clone(), github, tasks };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        tokio::spawn(serve_health(listener, Arc::new(readiness), metrics, stopped));
        Self { address, _stop: stop }
    }

    /// The status of `/readyz`, and the names and details of the checks that failed.
    async fn ready(&self) -> (u16, Vec<(String, String)>) {
        let (status, body) = get(self.address, "/readyz").await;
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let checks = body["checks"].as_array().expect("a list").iter();
        let failed = checks.filter(|check| check["ok"] == false);
        (status, failed.map(|check| (text(&check["name"]), text(&check["detail"]))).collect())
    }
}

pub async fn hub() -> FakeGitHub {
    let clock: Arc<dyn Clock> = Arc::new(fieldmedic::clock::SystemClock);
    let hub = FakeGitHub::start(clock).await.expect("a simulated GitHub");
    hub.register(MEDIC, AccountKind::Bot, TOKEN);
    hub
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_is_not_ready() {
    let (scene, hub) = (scenarios::scene("status").await, hub().await);
    let whole = Probe::new(&scene.agent, &hub, Vec::new()).await;
    assert_eq!(whole.ready().await, (200, Vec::new()));
    let read_only = Probe::new(&tapped(&scene.agent, Arc::new(ReadOnly)), &hub, Vec::new()).await;
    let (status, failed) = read_only.ready().await;
    assert_eq!((status, failed.len()), (503, 1), "{failed:?}");
    assert!(failed[0].0 == "journal" && failed[0].1.contains("the disk is full"), "{failed:?}");
    assert_eq!(get(read_only.address, "/healthz").await.0, 200, "the process lives");
}

#[tokio::test]
async fn a_github_that_is_down_is_not_ready_and_is_asked_once_a_minute() {
    let (scene, hub) = (scenarios::scene("status").await, hub().await);
    let probe = Probe::new(&scene.agent, &hub, Vec::new()).await;
    hub.inject(InjectedFault::BadGateway, FaultPoint::Call(Method::GET, "/user".into()), 1);
    for _ in 0..3 {
        let (status, failed) = probe.ready().await;
        assert_eq!((status, failed.len()), (503, 1), "{failed:?}");
        assert!(failed[0].0 == "github" && failed[0].1.contains("502"), "{failed:?}");
    }
    let fresh = Probe::new(&scene.agent, &hub, Vec::new()).await;
    assert_eq!(fresh.ready().await, (200, Vec::new()), "one request met the fault, and no other was sent");
}

#[tokio::test]
async fn an_overdue_task_is_not_ready() {
    let (scene, hub) = (scenarios::scene("status").await, hub().await);
    let began = scene.clock.now();
    let schedule = Schedule::Interval(Duration::from_secs(300));
    let sweep = Trigger::On(ScheduledTask { name: "sweep systems".into(), schedule });
    let tasks = [
        TaskTimes::new(Task::SweepSystems, sweep, began),
        TaskTimes::new(Task::Poll, Trigger::Every(Duration::from_secs(3600)), began),
    ];
    let probe = Probe::new(&scene.agent, &hub, tasks.map(Arc::new).to_vec()).await;
    assert_eq!(probe.ready().await, (200, Vec::new()));
    scene.clock.set(began + TimeDelta::minutes(14));
    assert_eq!(probe.ready().await, (200, Vec::new()), "late is not yet overdue");
    scene.clock.set(began + TimeDelta::minutes(16));
    let (status, failed) = probe.ready().await;
    assert_eq!((status, failed.len()), (503, 1), "{failed:?}");
    assert!(
        failed[0].0 == "tasks" && failed[0].1.starts_with("overdue: sweep-systems was due at"),
        "{failed:?}"
    );
    // Another process did it: they share the schedule.
    let done = scene.clock.now();
    scene.agent.journal.set_cursor(&Cursor::Task("sweep systems".into()), done).await.expect("it is written");
    assert_eq!(probe.ready().await, (200, Vec::new()));
}

#[tokio::test]
async fn a_host_that_is_lost_and_found_is_told_once_each() {
    let healthy = scenarios::fixtures().join("qfieldcloud/healthy.yaml");
    let text = scenario::host_text(&healthy).expect("the host file can be read");
    let binary = TestBinary::with_host(&format!("{text}\nunreachable: workers.restarts == 99\n")).await;
    add_to_config(&binary, "[sweep]\nsystems = \"1s\"\n");
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json", "--log-level", "debug"]);
    let sweeps = || {
        let done = daemon.with_message("task done");
        done.iter().filter(|record| record["name"] == "sweep-systems").count()
    };
    let lost = || daemon.with_message("host cannot be reached");
    let found = || daemon.with_message("host is reachable again");
    let set = |restarts: u32| {
        let now = fieldmedic::clock::SystemClock.now();
        binary.host.lock().set("workers.restarts", json!(restarts), now).expect("it is set");
    };
    until("the first sweep is done", || sweeps() >= 1).await;
    assert!(lost().is_empty() && found().is_empty(), "{}", daemon.text());
    // A sweep of a host that cannot be reached looks a second time, after half a minute.
    set(99);
    until("the loss is told", || lost().len() == 1).await;
    let before = sweeps();
    until("it is swept again", || sweeps() > before).await;
    assert_eq!((lost().len(), found().len()), (1, 0), "{}", daemon.text());
    set(0);
    until("it is found", || found().len() == 1).await;
    let before = sweeps();
    until("it is swept again", || sweeps() >= before + 2).await;
    assert_eq!((lost().len(), found().len()), (1, 1), "{}", daemon.text());
    let told = &lost()[0];
    assert_eq!(
        (&told["level"], &told["host"], &told["systems"]),
        (&json!("WARN"), &json!("main"), &json!("qfieldcloud"))
    );
    assert!(told["error"].is_string(), "{told}");
    daemon.stop().await;
}
