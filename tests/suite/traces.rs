//! Cases as traces of OpenTelemetry: what a trace holds, and that each is exported once.

use crate::harness::{TestBinary, terminate, until};
use crate::notices::{append, receiver};
use crate::test_agent::TestAgent;
use fieldmedic::app::traces::{Collector, TraceExporter};
use fieldmedic::config::TracesEntry;
use fieldmedic::core::view::trace::{Span, trace_of};
use insta::assert_snapshot;
use serde_json::Value;
use std::process::Stdio;

const TITLE: &str = "Sync never finishes";

async fn ended() -> (TestAgent, fieldmedic::core::ids::CaseId) {
    let mut agent = TestAgent::on("worker-down").build().await;
    let ticket = agent.files(TITLE, "Since this morning changes stay pending on all tablets.");
    agent.follows(ticket);
    let case = agent.opens_case().await;
    agent.works(&case).await;
    agent.sees(&["status", "report"]);
    (agent, case)
}

/// A span without its times, below the one that it is a part of.
fn line(spans: &[Span], span: &Span) -> String {
    let depth = std::iter::successors(span.parent, |at| spans[*at].parent).count();
    let names = span.attributes.iter().filter(|(name, _)| !name.ends_with("_ms"));
    let names: Vec<String> = names.map(|(name, value)| format!("{name}={value}")).collect();
    let failed = if span.has_failed { " FAILED" } else { "" };
    format!("{}{} {}{failed}", "  ".repeat(depth), span.name, names.join(" ")).trim_end().to_owned()
}

#[tokio::test]
async fn a_trace_holds_what_took_time_and_nothing_that_people_wrote() {
    let (agent, case) = ended().await;
    let spans = trace_of(&case, &agent.records(&case).await).expect("the records fit");
    for span in &spans {
        let whole = span.parent.map_or(&spans[0], |parent| &spans[parent]);
        assert!(span.start <= span.end && span.end <= whole.end, "{span:?} in {whole:?}");
    }
    let lines: Vec<String> = spans.iter().map(|span| line(&spans, span)).collect();
    assert!(!lines.join("\n").contains(TITLE));
    assert_snapshot!(lines.join("\n").replace(case.as_str(), "[case]"), @r#"
    case fieldmedic.case="[case]" fieldmedic.ticket="example/tickets#2" fieldmedic.system="qfieldcloud" fieldmedic.playbooks="worker-down" fieldmedic.outcome="resolved"
      reading
      looking
        probe fieldmedic.reason="diagnose" fieldmedic.probes=22
      treating
        publish fieldmedic.publication="status"
        change fieldmedic.playbook="worker-down" fieldmedic.step="start the workers" fieldmedic.attempt=1 fieldmedic.host="main" fieldmedic.rollback=false
        probe fieldmedic.reason="only_if" fieldmedic.probes=4
      verifying
        probe fieldmedic.reason="verify" fieldmedic.probes=6
        publish fieldmedic.publication="status"
        probe fieldmedic.reason="verify" fieldmedic.probes=6
        publish fieldmedic.publication="label"
        probe fieldmedic.reason="verify" fieldmedic.probes=6
        probe fieldmedic.reason="verify" fieldmedic.probes=6
        probe fieldmedic.reason="verify" fieldmedic.probes=6
      looking
        probe fieldmedic.reason="diagnose" fieldmedic.probes=22
      ended
        publish fieldmedic.publication="report"
        publish fieldmedic.publication="close"
        publish fieldmedic.publication="status"
        publish fieldmedic.publication="label"
    "#);
}

#[tokio::test]
async fn a_case_that_has_ended_is_exported_once_also_if_the_collector_was_away() {
    let away = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody = format!("http://{}", away.local_addr().expect("an address"));
    drop(away);
    let collector = receiver(true).await;
    let to = |url: &str, agent: &TestAgent| {
        let entry = TracesEntry { endpoint: url.parse().expect("an address"), headers_env: None };
        TraceExporter::new(Collector::new(&entry).expect("it is complete"), agent.replica())
    };
    let agent = TestAgent::on("worker-down").build().await;
    to(&nobody, &agent).export().await.expect("nothing has ended yet");
    let case = agent.opens_case().await;
    agent.works(&case).await;
    agent.sees(&["status", "report"]);

    to(&nobody, &agent).export().await.expect_err("nobody takes it");
    agent.passes(chrono::TimeDelta::seconds(15));
    to(&collector.url, &agent).export().await.expect("it is taken");
    agent.passes(chrono::TimeDelta::seconds(15));
    to(&collector.url, &agent).export().await.expect("a replica, or the next start, finds nothing to do");

    let got = collector.got();
    assert_eq!(got.len(), 1, "{got:#?}");
    let (head, body) = got[0].split_once("\r\n\r\n").expect("a request");
    assert!(head.starts_with("POST /hook-0123456789abcdef/v1/traces "), "{head}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
    let ids: std::collections::BTreeSet<&str> = spans.iter().filter_map(|it| it["spanId"].as_str()).collect();
    assert_eq!(ids.len(), spans.len(), "each has an identity of its own");
    for span in spans {
        assert_eq!(span["traceId"], spans[0]["traceId"]);
        let parent = span["parentSpanId"].as_str().expect("a text");
        assert_eq!(parent.is_empty(), span == &spans[0], "{span}");
        assert!(parent.is_empty() || ids.contains(parent), "{span}");
    }
}

#[tokio::test]
async fn the_daemon_exports_with_the_headers_of_the_collector() {
    let binary = TestBinary::new("worker-down").await;
    let collector = receiver(true).await;
    append(&binary, &format!("[traces]\nendpoint = \"{}\"\nheaders_env = \"TEST_HEADERS\"\n", collector.url));
    let mut command = binary.command(&["serve"]);
    command.env("TEST_HEADERS", "authorization=Basic%20c2VjcmV0");
    let mut daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let ticket = binary.file(TITLE, "Changes stay pending.");
    until("the ticket is closed", || binary.is_closed(&ticket)).await;
    until("its trace is exported", || !collector.got().is_empty()).await;
    terminate(&daemon);
    daemon.wait().await.expect("it ends");
    assert!(collector.got()[0].contains("authorization: Basic c2VjcmV0\r\n"), "{}", collector.got()[0]);
}
