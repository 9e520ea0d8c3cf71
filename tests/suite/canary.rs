//! Canaries: a secret of its own in everything that comes in, and none of them in anything that goes out.

use crate::harness::{MEDIC, Ran, TOKEN, TestBinary, ran, until};
use crate::scenarios::fixtures;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fieldmedic::ports::Journal;
use fieldmedic::sandbox::github::Hooks;
use fieldmedic::scenario::host_text;
use fieldmedic::store::Sqlite;
use regex::bytes::RegexSet;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What must not come out, and where it went in.
const CANARIES: [(&str, &str); 18] = [
    ("the ticket's title", "ghp_Canary01Canary01Canary01Canary01Cana"),
    ("the ticket's body", "canary02-hunter2"),
    ("a comment", "canary03-hunter2"),
    ("a label", "canary04-hunter2"),
    ("stdout, in a word that is shown", "canary05-hunter2"),
    ("stdout, in a line that is shown", "canary06-hunter2"),
    ("stdout, in a line of a key", "Q2FuYXJ5MDdDYW5hcnkwN0NhbmFyeTA3Q2FuYXJ5MDc"),
    ("stderr of a look that fails", "canary08-hunter2"),
    ("stderr of a change", "canary09-hunter2"),
    ("a configuration on the host", "canary10-hunter2"),
    ("an array of variables on the host", "canary11 hunter2"),
    ("a login in a URL on the host", "canary12-hunter2"),
    ("a file's name on the host", "glpat-canary13canary13cana"),
    ("a pattern of the operator", "CUST-141414"),
    ("the webhook's secret", "canary15-webhook-secret"),
    ("the agent's token, on the host", TOKEN),
    ("an error of GitHub", "canary17-hunter2"),
    ("a wrong configuration", "canary18-hunter2"),
];

fn canary(number: usize) -> &'static str {
    CANARIES[number - 1].1
}

/// A server whose workers are down, and that tells secrets.
fn talkative_host() -> String {
    let base = fixtures().join("qfieldcloud/worker-down/host.yaml");
    let (basic, hex) = (STANDARD.encode(format!("x:{TOKEN}")), hex::encode(TOKEN));
    let yaml = format!(
        r#"
base: {base}
commands:
  - script: docker
    stdout: |
      {{"state":"up","manager":"none","unit":"","live_restore":"unknown","info":{{"DockerRootDir":"/var/lib/docker","ServerVersion":"26 token={c5}","Labels":["API_KEY={c11}"],"HttpProxy":"http://u:{c12}@proxy:3128","Debug":"{TOKEN} {basic} {hex}","Env":{{"POSTGRES_PASSWORD":"{c10}"}}}}}}
  - script: cleanups
    stdout: |
      /etc/cron.d/tidy:docker system prune -a PGPASSWORD={c6}
      -----BEGIN OPENSSH PRIVATE KEY-----
      {c7}
      -----END OPENSSH PRIVATE KEY-----
      /var/backups/{c13}.tar for customer {c14}
  - script: host
    stderr: "curl: (22) Authorization: Bearer {c8}\n"
    exit: 1
  - run: docker start **
    stderr: "warning: postgres://app:{c9}@db/app\n"
    set: {{ workers.running: 4 }}
"#,
        base = base.display(),
        c5 = canary(5),
        c6 = canary(6),
        c7 = canary(7),
        c8 = canary(8),
        c9 = canary(9),
        c10 = canary(10),
        c11 = canary(11),
        c12 = canary(12),
        c13 = canary(13),
        c14 = canary(14),
    );
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("host.yaml");
    std::fs::write(&path, yaml).expect("written");
    host_text(&path).expect("the host file is right")
}

/// Everything that came out, with where from.
#[derive(Default)]
struct Out(Vec<(String, Vec<u8>)>);

impl Out {
    fn add(&mut self, from: &str, bytes: impl Into<Vec<u8>>) {
        self.0.push((from.to_owned(), bytes.into()));
    }

    fn ran(&mut self, what: &str, ran: &Ran) {
        self.add(&format!("stdout of {what}"), ran.stdout.as_bytes());
        self.add(&format!("stderr of {what}"), ran.stderr.as_bytes());
    }

    /// Every file in a folder, byte by byte, but for those that were put there.
    fn files(&mut self, dir: &Path) {
        for file in std::fs::read_dir(dir).expect("the folder") {
            let path = file.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if !["fieldmedic.toml", "key", "known_hosts"].contains(&name.as_str()) {
                self.add(&name, std::fs::read(&path).expect("it can be read"));
            }
        }
    }

    fn assert_silent(&self) {
        let basic = STANDARD.encode(format!("x:{TOKEN}"));
        let token = hex::encode(TOKEN);
        let hidden = [("the token in base64", basic.as_str()), ("the token in hex", &token)];
        let secrets: Vec<(&str, &str)> = CANARIES.into_iter().chain(hidden).collect();
        let patterns = secrets.iter().map(|(_, secret)| format!("(?i-u){}", regex::escape(secret)));
        let patterns = RegexSet::new(patterns).expect("patterns");
        for (from, bytes) in &self.0 {
            let found: Vec<&str> = patterns.matches(bytes).iter().map(|index| secrets[index].0).collect();
            assert!(found.is_empty(), "{found:?} came out of {from}");
        }
    }

    fn says(&self, from: &str, text: &str) -> bool {
        let said = self.0.iter().find(|(known, _)| known == from).expect("it came out");
        String::from_utf8_lossy(&said.1).contains(text)
    }
}

/// Answers every request with an error that tells a secret.
async fn indiscreet_github() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let body = format!("{{\"message\": \"password={}\"}}", canary(17));
            let head =
                "HTTP/1.1 422 Unprocessable Entity\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

fn add_to_config(binary: &TestBinary, text: &str) {
    let config = std::fs::read_to_string(binary.config()).expect("the configuration");
    std::fs::write(binary.config(), format!("{config}{text}")).expect("written");
}

#[tokio::test]
async fn no_secret_that_comes_in_goes_out() {
    let binary = TestBinary::with_host(&talkative_host()).await;
    binary.configure("mode = \"act\"\nlimits = { cooldown = \"1s\" }");
    let listen = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    add_to_config(
        &binary,
        &format!(
            "[redact]\npatterns = ['CUST-\\d+']\n[webhook]\nlisten = \"{listen}\"\nsecret_env = \"RIG_SECRET\"\n"
        ),
    );
    let command = |arguments: &[&str]| {
        let mut command = binary.command(arguments);
        command.env("RIG_SECRET", canary(15)).env("FIELDMEDIC_PROGRESS", "1");
        command
    };
    let mut out = Out::default();
    // A ticket that is handed in by a webhook.
    let mut daemon = command(&["serve", "-vv"]);
    let mut daemon = daemon.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut log = daemon.stderr.take().expect("piped");
    let read = tokio::spawn(async move {
        let mut text = Vec::new();
        log.read_to_end(&mut text).await.expect("it can be read");
        text
    });
    binary.hub.hook(Hooks { url: format!("http://{listen}/webhook"), secret: canary(15).to_owned() });
    let label = format!("token={}", canary(4));
    let title = format!("Sync never finishes {}", canary(1));
    let body = format!("Changes stay pending. password: {}\ncustomer {}", canary(2), canary(14));
    let id =
        binary.hub.file(&binary.repo, "field-agent", &title, &body, &["support", &label]).expect("filed");
    let comment = format!("PGPASSWORD={} {TOKEN}", canary(3));
    binary.hub.comment(&id, "ops-lead", &comment).expect("commented");
    until("the ticket is closed", || binary.is_closed(&id)).await;
    let pid = daemon.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert!(daemon.wait().await.expect("it ends").success());
    out.add("stderr of serve -vv", read.await.expect("it was read"));
    // The same by hand, and every way to look at it.
    binary.host.lock().set("workers.running", 0.into(), chrono::Utc::now()).expect("it has a place");
    let again =
        binary.hub.file(&binary.repo, "field-agent", &title, &body, &["support", &label]).expect("filed");
    out.ran("resolve -vv", &ran(command(&["resolve", "-vv", &again.number.to_string()])).await);
    out.ran("resolve --json", &ran(command(&["resolve", "--json", &again.number.to_string()])).await);
    let listed = ran(command(&["case", "list"])).await;
    let case = listed.stdout.split_whitespace().next().expect("a case").to_owned();
    out.ran("case list", &listed);
    for arguments in [
        &["case", "show", &case][..],
        &["case", "show", "--json", &case],
        &["diagnose", "-vv", "qfieldcloud"],
        &["diagnose", "--json", "qfieldcloud"],
        &["doctor", "-vv"],
        &["sweep", "-vv"],
        &["audit", "verify"],
        &["pause", "--why", &format!("token={}", canary(2))],
        &["resume"],
    ] {
        out.ran(&arguments.join(" "), &ran(command(arguments)).await);
    }
    // Errors.
    let config = std::fs::read_to_string(binary.config()).expect("the configuration");
    let url = indiscreet_github().await;
    std::fs::write(binary.config(), config.replace(binary.hub.url(), &url)).expect("written");
    for arguments in [&["resolve", "-vv", "1"][..], &["doctor", "-vv"]] {
        out.ran(&format!("{} with a GitHub in trouble", arguments.join(" ")), &ran(command(arguments)).await);
    }
    std::fs::write(binary.config(), format!("password = \"{}\"\n{config}", canary(18))).expect("written");
    for arguments in [&["resolve", "1"][..], &["doctor"]] {
        out.ran(
            &format!("{} with a wrong configuration", arguments.join(" ")),
            &ran(command(arguments)).await,
        );
    }
    for request in binary.hub.requests() {
        let by = request.actor.clone().unwrap_or_default();
        assert!(by.is_empty() || by == MEDIC);
        out.add(
            &format!("{} {}", request.method, request.path),
            format!("{} {}", request.path, request.body),
        );
    }
    out.files(binary.dir.path());
    // Long outputs are compressed in the file.
    let journal = Sqlite::open(&binary.dir.path().join("journal.db")).await.expect("the journal opens");
    for case in journal.cases(100).await.expect("it can be read") {
        let records = journal.load(&case.id).await.expect("they can be read");
        out.add(&format!("the records of {}", case.id), format!("{records:#?}"));
    }
    out.assert_silent();
    // It was all there to be told: what was hidden is marked.
    assert!(out.says("journal.db", "[redacted]"));
    assert!(out.says("stdout of resolve -vv", "[redacted]"));
    // An error about a wrong configuration names keys only.
    assert!(out.says("stderr of resolve 1 with a wrong configuration", "password"));
    assert!(out.says("stderr of resolve -vv 1 with a GitHub in trouble", "[redacted]"));
    assert!(binary.hub.requests().iter().any(|request| request.body.to_string().contains("[redacted]")));
}
