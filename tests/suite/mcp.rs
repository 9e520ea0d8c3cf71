//! `fieldmedic mcp`: the real binary, asked over stdin and stdout as a client does.

use crate::harness::{TestBinary, until};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// A client of the protocol.
struct Client {
    server: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    id: u64,
}

impl Client {
    /// Starts the server. Nothing is said yet.
    fn start(binary: &TestBinary) -> Self {
        let mut command = binary.command(&["mcp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut server = command.spawn().expect("started");
        let output = BufReader::new(server.stdout.take().expect("piped")).lines();
        Self { input: server.stdin.take(), output, server, id: 0 }
    }

    /// The same, and the greeting that the protocol begins with.
    async fn greeted(binary: &TestBinary) -> (Self, Value) {
        let mut client = Self::start(binary);
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        let info = client.ask("initialize", hello).await["result"].clone();
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string()).await;
        (client, info)
    }

    async fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("open");
        input.write_all(format!("{line}\n").as_bytes()).await.expect("written");
        input.flush().await.expect("written");
    }

    async fn read(&mut self) -> Value {
        let line = self.output.next_line().await.expect("readable").expect("an answer");
        serde_json::from_str(&line).expect("only JSON is written to stdout")
    }

    /// The answer to a request; everything else is passed over.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string())
            .await;
        loop {
            let answer = self.read().await;
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// The text of a tool's answer, and whether it is an error.
    async fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        let text = answer["result"]["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("no text in {answer}")).to_owned();
        (text, answer["result"]["isError"] == true)
    }

    /// Closes the client's end. The server ends by itself.
    async fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        self.server.wait().await.expect("it ends").code()
    }
}

/// The bytes of the journal's files, by their names.
fn journal(binary: &TestBinary) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(binary.dir.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry"))
        // What SQLite shares between processes of one machine is no part of the journal.
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with("journal") && !name.ends_with("-shm")
        })
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).expect("read"))
        })
        .filter(|(_, bytes)| !bytes.is_empty())
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn an_assistant_can_look_and_change_nothing() {
    let binary = TestBinary::new("worker-down").await;
    // A case, so that there is something to show: the plan is published and nothing is begun.
    let told = binary.file("Sync never finishes", "Changes stay pending.");
    binary.configure("mode = \"observe\"");
    let ran = binary.run(&["resolve", &told.number.to_string()]).await;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let id = binary.file("Sync never finishes again", "Changes stay pending since noon.");
    let before = (journal(&binary), binary.hub.requests().len(), binary.commands().len());

    let (mut client, info) = Client::greeted(&binary).await;
    assert_eq!(info["serverInfo"]["name"], "fieldmedic");
    assert!(info["instructions"].as_str().is_some_and(|text| text.contains("only look")), "{info}");

    let tools = client.ask("tools/list", json!({})).await["result"]["tools"].clone();
    let tools = tools.as_array().expect("a list");
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(names, ["status", "diagnose", "explain", "case_show", "dry_run"]);
    for tool in tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
    }

    let (status, is_error) = client.call("status", json!({})).await;
    assert!(!is_error, "{status}");
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["systems"][0]["system"], "qfieldcloud");
    let case = status["newest_cases"][0]["case"].as_str().expect("a case").to_owned();
    assert_eq!(status["newest_cases"][0]["title"], "Sync never finishes");

    let (shown, is_error) = client.call("case_show", json!({ "case": case })).await;
    assert!(!is_error && shown.contains("diagnosed") && shown.contains("Sync never finishes"), "{shown}");

    let (diagnosis, is_error) = client.call("diagnose", json!({ "system": "qfieldcloud" })).await;
    assert!(!is_error, "{diagnosis}");
    let diagnosis: Value = serde_json::from_str(&diagnosis).expect("JSON");
    assert_eq!(diagnosis["diagnosis"]["findings"][0]["playbook"], "worker-down");
    assert_eq!(diagnosis["facts"]["workers"]["running"], 0);
    assert!(
        diagnosis["probes"]["workers"].as_str().is_some_and(|text| text.starts_with("exit 0")),
        "{diagnosis}"
    );

    let (explained, is_error) = client.call("explain", json!({ "playbook": "worker-down" })).await;
    assert!(!is_error && explained.contains("docker start"), "{explained}");

    let (plan, is_error) = client.call("dry_run", json!({ "issue": id.number.to_string() })).await;
    assert!(!is_error, "{plan}");
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    assert_eq!(plan["code"], "not-permitted");
    assert!(!plan["proposal"].as_array().expect("a plan").is_empty());
    assert_eq!(client.end().await, Some(0));

    assert!(journal(&binary) == before.0, "the journal is as it was");
    let requests = binary.hub.requests();
    assert!(requests[before.1..].iter().all(|request| request.method == "GET"), "GitHub was only read");
    assert!(!requests[before.1..].is_empty());
    let commands = binary.commands();
    assert!(commands.len() > before.2, "the system was probed");
    assert!(!commands.iter().any(|line| line.contains("docker start")), "{commands:?}");
    assert!(binary.hub.comments(&id).is_empty());
}

#[tokio::test]
async fn what_cannot_be_answered_is_an_error_with_the_next_step() {
    let binary = TestBinary::new("worker-down").await;
    let (mut client, _) = Client::greeted(&binary).await;
    for (tool, arguments, expect) in [
        ("diagnose", json!({ "system": "qfieldclud" }), "configured are: qfieldcloud"),
        ("diagnose", json!({}), "missing field `system`"),
        ("diagnose", json!({ "system": ["qfieldcloud"] }), "invalid type"),
        ("diagnose", json!({ "system": "x".repeat(400) }), "more than 300 characters"),
        ("explain", json!({ "playbook": "worker" }), "`fieldmedic playbook list` lists them"),
        ("case_show", json!({ "case": "c0", "mode": "act" }), "unknown field `mode`"),
        ("dry_run", json!({ "issue": "4711" }), "does not exist"),
        ("dry_run", json!({ "issue": "example/other#1; id" }), "is not"),
        // Nothing was ever worked, and to look makes no journal.
        ("status", json!({}), "there is no journal"),
        ("case_show", json!({ "case": "c0" }), "there is no journal"),
    ] {
        let (text, is_error) = client.call(tool, arguments.clone()).await;
        assert!(is_error && text.contains(expect), "{tool} {arguments}: {text}");
    }
    for tool in ["resolve", "case_approve", "pause", "../status", ""] {
        let answer = client.ask("tools/call", json!({ "name": tool, "arguments": {} })).await;
        assert!(
            answer["error"]["message"].as_str().is_some_and(|text| text.contains("there are: status")),
            "{answer}"
        );
    }
    let answer = client.ask("resources/read", json!({ "uri": "file:///etc/passwd" })).await;
    assert!(answer["error"].is_object(), "{answer}");
    assert_eq!(journal(&binary), [], "no journal was made");
    assert_eq!(client.end().await, Some(0));
}

#[tokio::test]
async fn what_is_no_protocol_does_no_harm() {
    let binary = TestBinary::new("worker-down").await;
    let (mut client, _) = Client::greeted(&binary).await;
    client.send("this is not JSON").await;
    client.send("{\"jsonrpc\":\"2.0\",\"id\":7}").await;
    client.send(&format!("{{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"{}\"}}", "x".repeat(200_000))).await;
    let (explained, is_error) = client.call("explain", json!({ "playbook": "worker-down" })).await;
    assert!(!is_error && explained.contains("worker"), "it goes on: {explained}");
    assert_eq!(client.end().await, Some(0));
    // A client that goes away at once, or in the middle of a question.
    assert_eq!(Client::start(&binary).end().await, Some(0));
    let (mut client, _) = Client::greeted(&binary).await;
    let ask = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": { "name": "diagnose", "arguments": { "system": "qfieldcloud" } } });
    client.send(&ask.to_string()).await;
    until("the system is probed", || !binary.commands().is_empty()).await;
    assert_eq!(client.end().await, Some(0));
}

#[tokio::test]
async fn secrets_do_not_reach_an_assistant() {
    let binary = TestBinary::new("worker-down").await;
    let secret = crate::harness::TOKEN;
    let id = binary.file("Sync never finishes", &format!("My token is {secret}. Changes stay pending."));
    binary.configure("mode = \"observe\"");
    binary.run(&["resolve", &id.number.to_string()]).await;
    let (mut client, _) = Client::greeted(&binary).await;
    let (status, _) = client.call("status", json!({})).await;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let case = status["newest_cases"][0]["case"].clone();
    for (tool, arguments) in [
        ("case_show", json!({ "case": case })),
        ("dry_run", json!({ "issue": id.number.to_string() })),
        ("case_show", json!({ "case": secret })),
    ] {
        let (text, _) = client.call(tool, arguments).await;
        assert!(!text.contains(secret), "{tool}: {text}");
    }
    assert_eq!(client.end().await, Some(0));
}
