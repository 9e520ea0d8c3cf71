//! `fieldmedic init` and `fieldmedic doctor` against the GitHub in a box: from nothing to a configuration
//! that works, and each right that is lacking by its name.

use crate::harness::{MEDIC, Ran, TOKEN, TestBinary, ran};
use fieldmedic::config::Config;
use fieldmedic::sandbox::github::RepoRole;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

const WEBHOOK: &str = "http://127.0.0.1:9/webhook";

/// A place for a new configuration, beside the binary's own.
fn place(binary: &TestBinary) -> PathBuf {
    binary.dir.path().join("new").join("fieldmedic.toml")
}

fn init(binary: &TestBinary, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
    command
        .args(["--config", &place(binary).display().to_string(), "init"])
        .args(arguments)
        .env("FIELDMEDIC_GITHUB_TOKEN", TOKEN)
        .env("FIELDMEDIC_WEBHOOK_SECRET", "a shared secret")
        .env_remove("FIELDMEDIC_LOG")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// What a browser does: one request, and the whole answer with its head.
async fn browse(method: &str, url: &str, body: &str) -> String {
    let (host, path) = url.strip_prefix("http://").expect("an address").split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).await.expect("somebody listens");
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).expect("it is there").0
}

#[tokio::test]
async fn a_configuration_for_a_token_is_written_and_finished() {
    let binary = TestBinary::new("worker-down").await;
    let url = binary.hub.url().to_owned();
    let first = ["--yes", "--repo", "example/tickets", "--on-call", "ops-lead", "--base-url", &url];
    let with_hook = [&first[..], &["--webhook-url", WEBHOOK]].concat();
    let written = ran(init(&binary, &with_hook)).await;
    assert_eq!(written.code, Some(0), "{written:?}");
    let config = Config::read(&place(&binary)).expect("it can be read");
    assert_eq!((config.github.on_call, config.github.app_id), (vec!["ops-lead".to_owned()], None));
    assert_eq!(mode(&place(&binary).with_file_name("fieldmedic.env")), 0o600);
    let again = ran(init(&binary, &first)).await;
    assert!(again.code == Some(1) && again.stderr.contains("exists already"), "{again:?}");

    let finish = ["--apply", "--webhook-url", WEBHOOK];
    let refused = ran(init(&binary, &finish)).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("webhooks: read and write"), "{refused:?}");
    binary.hub.grant(&binary.repo, MEDIC, RepoRole::Admin);
    for expect in ["was created", "was updated"] {
        let finished = ran(init(&binary, &finish)).await;
        assert!(finished.code == Some(0) && finished.stdout.contains(expect), "{finished:?}");
    }
    let labels: Vec<String> = binary.hub.labels(&binary.repo).into_iter().map(|label| label.name).collect();
    assert_eq!(labels, ["support", "medic:pause"]);
    binary.file("Sync fails", "x");
    binary.hub.delivered().await;
    assert!(!binary.hub.deliveries().is_empty(), "the hook tells of what happens");
    let told = [written, again, refused].iter().map(|ran| format!("{ran:?}")).collect::<String>();
    assert!(!told.contains(TOKEN));
}

#[tokio::test]
async fn an_app_is_made_by_way_of_the_browser() {
    let binary = TestBinary::new("worker-down").await;
    let url = binary.hub.url().to_owned();
    let arguments = ["--yes", "--auth", "app", "--name", "North Medic", "--repo", "example/tickets"];
    let more = ["--base-url", &url, "--webhook-url", WEBHOOK, "--organisation", "example"];
    let mut command = init(&binary, &[&arguments[..], &more[..]].concat());
    command.stderr(Stdio::piped()).stdout(Stdio::piped());
    let mut running = command.spawn().expect("the binary starts");
    let mut said = BufReader::new(running.stderr.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).await.expect("it says where");
    let here = between(&line, "open ", " in a browser").to_owned();

    let page = browse("GET", &format!("{here}/"), "").await;
    let plain = |text: &str| text.replace("&quot;", "\"").replace("&amp;", "&");
    let action = plain(between(&page, "action=\"", "\""));
    assert!(action.starts_with(&format!("{url}/organizations/example/settings/apps/new?state=")), "{action}");
    let manifest: String = plain(between(&page, "value=\"", "\""));
    let manifest: String = manifest.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let forged = browse("GET", &format!("{here}/made?code=stolen&state=guessed"), "").await;
    assert!(forged.starts_with("HTTP/1.1 400"), "{forged}");
    let sent = browse("POST", &action, &format!("manifest={manifest}")).await;
    let back = between(&sent, "location: ", "\r\n").to_owned();
    let thanks = browse("GET", &back, "").await;
    assert!(thanks.contains("Go back to the terminal"), "{thanks}");
    let ended = running.wait_with_output().await.expect("it ends");
    let stdout = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success() && stdout.contains("/apps/north-medic/installations/new"), "{stdout}");

    let config = Config::read(&place(&binary)).expect("it can be read");
    let key = config.github.private_key.expect("a key");
    assert!(key.ends_with("north-medic.pem") && mode(&key) == 0o600);
    assert_eq!(mode(&place(&binary).with_file_name("fieldmedic.env")), 0o600);
    let app = config.github.app_id.expect("a number");
    let early = ran(init(&binary, &["--apply"])).await;
    assert!(early.code == Some(1) && early.stderr.contains("the App is not installed on"), "{early:?}");
    binary.hub.install(app, std::slice::from_ref(&binary.repo));
    let finished = ran(init(&binary, &["--apply"])).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let checked = doctor(&place(&binary)).await;
    for line in ["logged in as north-medic[bot]", "example/tickets: issues can be read and written"] {
        assert!(checked.stdout.contains(line), "{}", checked.stdout);
    }
}

async fn doctor(config: &Path) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
    command
        .arg("--config")
        .arg(config)
        .arg("doctor")
        .env("TEST_TOKEN", TOKEN)
        .env("FIELDMEDIC_WEBHOOK_SECRET", "a shared secret")
        .stdin(Stdio::null());
    ran(command).await
}

#[tokio::test]
async fn old_keys_of_a_configuration_work_are_named_and_can_be_migrated() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("fieldmedic.toml");
    let old = "[github]\nrepos = [\"example/tickets\"]\npoll = \"2m\" # often enough\n";
    std::fs::write(&path, old).expect("written");
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
        command.arg("--config").arg(&path).args(arguments).env_remove("FIELDMEDIC_LOG").stdin(Stdio::null());
        ran(command).await
    };
    let warning = format!(
        "warning: {}: line 3: `poll` in [github] is now called `poll_interval`. `fieldmedic config migrate` renames it",
        path.display()
    );
    let listed = run(&["playbook", "list"]).await;
    assert!(listed.code == Some(0) && listed.stderr.contains(&warning), "{listed:?}");
    let dry = run(&["config", "migrate", "--dry-run"]).await;
    assert!(dry.code == Some(0) && dry.stdout.ends_with("1 key would be renamed\n"), "{dry:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("text"), old);
    let migrated = run(&["config", "migrate"]).await;
    assert!(migrated.code == Some(0) && migrated.stdout.ends_with("1 key renamed\n"), "{migrated:?}");
    let new = old.replace("poll =", "poll_interval =");
    assert_eq!(std::fs::read_to_string(&path).expect("text"), new);
    let listed = run(&["playbook", "list"]).await;
    assert!(listed.code == Some(0) && !listed.stderr.contains("warning"), "{listed:?}");
}

/// Each line has to be there before its cause is corrected.
#[tokio::test]
async fn each_right_that_is_lacking_is_named() {
    let binary = TestBinary::new("worker-down").await;
    let config = std::fs::read_to_string(binary.config()).expect("a configuration");
    std::fs::write(binary.config(), format!("{config}[webhook]\nlisten = \"127.0.0.1:0\"\n"))
        .expect("written");
    let lacks = async |expect: &[&str]| {
        let said = doctor(&binary.config()).await.stdout;
        for line in expect {
            assert!(said.contains(line), "`{line}` is not in\n{said}");
        }
        said
    };
    lacks(&["its webhook cannot be read", "admin:repo_hook"]).await;
    binary.hub.grant(&binary.repo, MEDIC, RepoRole::Admin);
    lacks(&["no webhook points to Fieldmedic"]).await;
    binary.hub.narrow(MEDIC, &[("issues", "read"), ("metadata", "read")]);
    lacks(&["its issues cannot be written", "the right issues: write", "repository_hooks: read"]).await;
    binary.hub.narrow(MEDIC, &[("issues", "write"), ("metadata", "read"), ("repository_hooks", "write")]);
    binary.hub.hook(fieldmedic::sandbox::github::Hooks { url: WEBHOOK.into(), secret: "x".into() });
    let said = lacks(&["example/tickets: issues can be read and written"]).await;
    assert!(!said.contains("✗ example/tickets"), "{said}");
    assert!(said.contains("ops-lead, on call, can be assigned"), "{said}");
    assert!(said.contains("✓ clock") && said.contains("✓ journal's disk"), "{said}");
    let good = std::fs::read_to_string(binary.config()).expect("a configuration");
    let named = "approvers = [\"formerlead\", \"ops-lead\", \"field-agent#7\"]";
    let bad = good.replace("on_call = [\"ops-lead\"]", "on_call = [\"misspelt\"]");
    std::fs::write(binary.config(), bad.replace("[policy]", &format!("[policy]\n{named}"))).expect("written");
    binary.hub.register("formerlead", fieldmedic::sandbox::github::AccountKind::User, "t");
    lacks(&[
        "✗ example/tickets: formerlead",
        "· example/tickets: ops-lead",
        "write `ops-lead#",
        "✗ example/tickets: field-agent#7",
        "✗ example/tickets: misspelt, on call",
    ])
    .await;
    std::fs::write(binary.config(), good).expect("written");
    let titles: Vec<String> = binary.hub.issues(&binary.repo).into_iter().map(|issue| issue.title).collect();
    assert!(titles.is_empty(), "no issue is made to test a right: {titles:?}");
    binary.hub.archive(&binary.repo);
    binary.hub.turn_issues_off(&binary.repo);
    lacks(&["it is archived", "its issues are turned off"]).await;
    binary.hub.grant(&binary.repo, MEDIC, RepoRole::Read);
    lacks(&["example/tickets: "]).await;
    binary.hub.grant(&binary.repo, MEDIC, RepoRole::None);
    lacks(&["give the token this repository"]).await;
}
