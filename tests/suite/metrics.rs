//! What `/metrics` tells, and that Prometheus' own tool accepts it and the alert rules.

use crate::harness::{TestBinary, until};
use crate::observe::{LoggedDaemon, Probe, ReadOnly, add_to_config, get, hub};
use crate::scenarios;
use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::TestAgent;
use async_trait::async_trait;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

fn monitoring() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/monitoring")
}

/// A sample's name with its labels, and its value.
fn samples(page: &str) -> BTreeMap<&str, &str> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').expect("a value")).collect()
}

async fn scrape(address: SocketAddr) -> String {
    let (status, page) = get(address, "/metrics").await;
    assert_eq!(status, 200, "{page}");
    page
}

/// Prometheus' own tool. A machine that lacks it cannot run these tests, and says so.
fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new("promtool");
    let command = command.args(arguments).current_dir(monitoring()).stdin(Stdio::piped());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("`promtool` is not here: on Debian, apt-get install prometheus");
    let mut stdin = child.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn accepts(arguments: &[&str], input: &str) {
    let output = promtool(arguments, input);
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
}

/// Every query of the dashboard, with the job filled in.
fn dashboard_queries() -> Vec<String> {
    let text = fs::read_to_string(monitoring().join("grafana-dashboard.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("a query").replace("$job", "fieldmedic")).collect()
}

#[test]
fn prometheus_accepts_the_rules_and_the_queries_of_the_dashboard() {
    accepts(&["check", "rules", "alerts.yaml"], "");
    accepts(&["test", "rules", "alerts_test.yaml"], "");
    let queries = dashboard_queries();
    assert!(queries.len() > 10, "{queries:#?}");
    let rules = queries.iter().enumerate().map(|(number, query)| {
        format!(
            "      - record: \"dashboard:query{number}\"\n        expr: {}\n",
            Value::from(query.as_str())
        )
    });
    let rules = format!("groups:\n  - name: dashboard\n    rules:\n{}", rules.collect::<String>());
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("dashboard.yaml");
    fs::write(&file, rules).expect("it is written");
    accepts(&["check", "rules", &file.display().to_string()], "");
    fs::write(&file, "groups: [{name: a, rules: [{record: b, expr: 'sum('}]}]").expect("it is written");
    let refused = promtool(&["check", "rules", &file.display().to_string()], "");
    assert!(!refused.status.success(), "it checks queries");
}

#[tokio::test]
async fn a_daemon_exports_what_the_rules_and_the_dashboard_use() {
    let binary = TestBinary::new("worker-down").await;
    add_to_config(&binary, "[monitor]\nlisten = \"127.0.0.1:0\"\n");
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json"]);
    let title = "The worker containers stopped quietly";
    binary.file(title, "All jobs of qfieldcloud stay pending.");
    until("the case has ended", || !daemon.with_message("case ended").is_empty()).await;
    let page = scrape(daemon.monitor().await).await;
    accepts(&["check", "metrics"], &page);
    for words in [title, "quietly", "pending"] {
        assert!(!page.contains(words), "no text of a ticket: {page}");
    }

    let has = |page: &str, expect: &[(&str, &str)]| {
        let samples = samples(page);
        for (name, value) in expect {
            assert_eq!(samples.get(name), Some(value), "{name}: {page}");
        }
    };
    let of_journal = [
        (r#"fieldmedic_cases_total{system="qfieldcloud",outcome="resolved",code=""}"#, "1"),
        (r#"fieldmedic_cases_total{system="qfieldcloud",outcome="escalated",code="still-broken"}"#, "0"),
        (r#"fieldmedic_cases_total{system="",outcome="resolved",code=""}"#, "0"),
        (r#"fieldmedic_case_duration_seconds_bucket{outcome="resolved",le="+Inf"}"#, "1"),
        (r#"fieldmedic_case_duration_seconds_bucket{outcome="resolved",le="900"}"#, "1"),
        (r#"fieldmedic_case_duration_seconds_count{outcome="resolved"}"#, "1"),
        (r#"fieldmedic_remediations{playbook="worker-down",result="fixed"}"#, "1"),
        (r#"fieldmedic_close_disputes{system="qfieldcloud"}"#, "0"),
        (r#"fieldmedic_cases_open{waits_for="approval"}"#, "0"),
        (r#"fieldmedic_cases_open{waits_for="nothing"}"#, "0"),
        ("fieldmedic_inbox_deliveries", "0"),
        ("fieldmedic_paused", "0"),
    ];
    has(&page, &of_journal);
    let version = format!("fieldmedic_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    has(
        &page,
        &[
            (&version, "1"),
            (r#"fieldmedic_system_unreachable{system="qfieldcloud"}"#, "0"),
            (r#"fieldmedic_task_overdue{task="sweep-systems"}"#, "0"),
            (r#"fieldmedic_github_requests_limit{resource="core"}"#, "5000"),
            ("fieldmedic_github_reachable", "1"),
            ("fieldmedic_journal_writable", "1"),
            ("fieldmedic_escalation_reminders_total", "0"),
        ],
    );

    let exported: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let name = Regex::new(r"\bfieldmedic_[a-z_]+\b").expect("a pattern");
    let used = |text: &str| -> BTreeSet<String> {
        let names = name.find_iter(text).map(|it| it.as_str());
        names.map(|name| name.strip_suffix("_bucket").unwrap_or(name).to_owned()).collect()
    };
    let rules = fs::read_to_string(monitoring().join("alerts.yaml")).expect("the rules");
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md");
    let manual = used(&fs::read_to_string(manual).expect("the manual"));
    for name in used(&(rules + &dashboard_queries().concat())).union(&manual) {
        assert!(exported.contains(name.as_str()), "{name} is not exported: {page}");
    }
    let undocumented: Vec<_> = exported.iter().filter(|name| !manual.contains(**name)).collect();
    assert!(undocumented.is_empty(), "docs/OPERATIONS.md lacks {undocumented:?}");
    daemon.stop().await;

    // Another process tells the same of the journal.
    let daemon = LoggedDaemon::start(&binary, &["--log-format", "json"]);
    has(&scrape(daemon.monitor().await).await, &of_journal);
    daemon.stop().await;
}

#[tokio::test]
async fn what_open_cases_wait_for_is_told() {
    let agent = TestAgent::on("worker-down").ask_mode().build().await;
    let hub = hub().await;
    let probe = Probe::new(agent.context(), &hub, Vec::new()).await;
    let open = async |waits: &str| -> String {
        let page = scrape(probe.address).await;
        let name = format!("fieldmedic_cases_open{{waits_for=\"{waits}\"}}");
        (*samples(&page).get(&*name).unwrap_or(&"none")).to_owned()
    };
    assert_eq!(open("nothing").await, "0");
    let id = agent.opens_case().await;
    assert_eq!((open("nothing").await, open("approval").await), ("1".into(), "0".into()));
    let case = agent.works(&id).await;
    assert!(case.pending_approval.is_some());
    agent.sees(&["status", "question"]);
    for _ in 0..2 {
        assert_eq!((open("nothing").await, open("approval").await), ("0".into(), "1".into()));
    }
    assert_eq!(open("unknown").await, "none");
    // What this process has never heard of is left out.
    let page = scrape(probe.address).await;
    for name in ["fieldmedic_github_reachable", "fieldmedic_system_unreachable", "fieldmedic_github_requests"]
    {
        assert!(!page.contains(name), "{page}");
    }
}

/// A journal that does not answer.
struct Dead;

#[async_trait]
impl Tap for Dead {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        match deed {
            Deed::Write(_) | Deed::Append(..) | Deed::Read(_) => Err(Broken("the server is gone".into())),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn what_the_journal_cannot_tell_is_left_out() {
    let (scene, hub) = (scenarios::scene("status").await, hub().await);
    let read_only = Probe::new(&tapped(&scene.agent, Arc::new(ReadOnly)), &hub, Vec::new()).await;
    let page = scrape(read_only.address).await;
    assert_eq!(samples(&page)["fieldmedic_journal_writable"], "0");
    assert_eq!(samples(&page)["fieldmedic_paused"], "0", "it can be read");
    let dead = Probe::new(&tapped(&scene.agent, Arc::new(Dead)), &hub, Vec::new()).await;
    let page = scrape(dead.address).await;
    assert_eq!(samples(&page)["fieldmedic_journal_writable"], "0");
    for name in ["fieldmedic_cases", "fieldmedic_paused", "fieldmedic_inbox_deliveries"] {
        assert!(!page.contains(name), "{page}");
    }
    assert!(page.contains("fieldmedic_build_info"), "{page}");
}
