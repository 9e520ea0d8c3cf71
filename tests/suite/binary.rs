//! The whole agent: the real binary over real HTTP and SSH, with an SQLite journal on disk.

use crate::harness::{TestBinary, ran, send, terminate, until};
use fieldmedic::sandbox::github::{FaultPoint, InjectedFault, RepoRole};
use http::Method;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn a_ticket_is_worked_to_its_end() {
    let binary = TestBinary::new("worker-down").await;
    let id =
        binary.file("Sync never finishes", "Since this morning changes stay pending on all our tablets.");
    let ran = binary.run(&["resolve", &id.number.to_string()]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(binary.is_closed(&id));
    assert_eq!(binary.labels(&id), ["support", "medic:resolved"]);
    assert_eq!(binary.said(&id, "report").len(), 1);
    assert_eq!(binary.said(&id, "status").len(), 1);
    assert!(ran.stdout.contains("Resolved"), "{}", ran.stdout);
    let server = binary.server.as_ref().expect("it is up");
    assert!(server.connections() <= 1, "{} connections", server.connections());
    assert!(server.peak_channels() <= 8);
    let shown = binary.run(&["case", "list"]).await;
    let case = shown.stdout.split_whitespace().next().expect("a case").to_owned();
    let shown = binary.run(&["case", "show", &case]).await;
    for word in ["diagnosed", "change_started", "verification_passed", "connecting", "GitHub"] {
        assert!(shown.stdout.contains(word), "{word} is not in {}", shown.stdout);
    }
    let audit = binary.run(&["audit", "verify"]).await;
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

#[tokio::test]
async fn a_dry_run_changes_and_writes_nothing() {
    let binary = TestBinary::new("worker-down").await;
    let id = binary.file("Sync never finishes", "Changes stay pending.");
    let ran = binary.run(&["resolve", &id.number.to_string(), "--dry-run", "--json"]).await;
    assert_eq!(ran.code, Some(8), "a fix is possible: {ran:?}");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["code"], "not-permitted");
    assert!(!report["proposal"].as_array().expect("a list").is_empty());
    assert!(binary.hub.comments(&id).is_empty());
    assert!(!binary.commands().iter().any(|line| line.contains("docker start")), "{:?}", binary.commands());
    assert!(binary.hub.requests().iter().all(|request| request.method == "GET"));
    assert!(!binary.dir.path().join("journal.db").exists());
}

#[tokio::test]
async fn every_source_opens_one_case() {
    let binary = TestBinary::new("worker-down").await;
    let labelled = binary.file("Sync never finishes", "Changes stay pending.");
    let mut daemon = binary.spawn(&["serve"]);
    until("the labelled issue is closed", || binary.is_closed(&labelled)).await;
    // A command of a person who may write opens a case for an issue without the label. A reader may not.
    let plain = binary
        .hub
        .file(&binary.repo, "field-agent", "Please check QField system status", "", &[])
        .expect("filed");
    binary.hub.grant(&binary.repo, "passer-by", RepoRole::Read);
    binary.hub.comment(&plain, "passer-by", "/qfield:support").expect("commented");
    until("the refusal is seen", || !binary.hub.comments(&plain)[0].reactions.is_empty()).await;
    assert!(!binary.is_closed(&plain));
    binary.hub.comment(&plain, "ops-lead", "/qfield:support").expect("commented");
    until("the question is answered", || binary.is_closed(&plain)).await;
    let has_label = |label: &str| binary.labels(&plain).iter().any(|name| name == label);
    until("its case has ended", || has_label("medic:resolved")).await;
    // A command with values reaches the host, and neither closes nor reopens the ticket.
    binary
        .hub
        .comment(&plain, "ops-lead", "/qfield:support run logs service=app lines=20")
        .expect("commented");
    until("the log is posted", || binary.said(&plain, "report").len() == 2).await;
    let log = &binary.said(&plain, "report")[1];
    assert!(log.contains("The last 20 lines of `app`") && log.contains("Booting worker"), "{log}");
    assert!(
        binary.commands().iter().any(|line| line.contains("COUNT=20 SERVICE=app ")),
        "{:?}",
        binary.commands()
    );
    assert!(binary.is_closed(&plain));
    terminate(&daemon);
    let ended = daemon.wait().await.expect("it ends");
    assert_eq!(ended.code(), Some(0));
    assert_eq!(binary.said(&labelled, "report").len(), 1);
}

#[tokio::test]
async fn a_daemon_stops_even_when_nobody_reads_its_log() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let mut command = binary.command(&["serve"]);
    command.stderr(Stdio::piped());
    let mut daemon = command.spawn().expect("the daemon starts");
    let mut log = BufReader::new(daemon.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while !line.contains("managing qfieldcloud") {
        let read = log.read_line(&mut line).await.expect("it says something");
        assert!(read > 0, "{line}");
    }
    drop(log);
    terminate(&daemon);
    let ended = tokio::time::timeout(Duration::from_secs(20), daemon.wait()).await;
    assert_eq!(ended.expect("it stops").expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn a_sweep_finds_a_fault_before_anyone_reports_it() {
    let binary = TestBinary::new("worker-down").await;
    let swept = binary.run(&["sweep"]).await;
    assert_eq!(swept.code, Some(5), "{swept:?}");
    let issues = binary.hub.issues(&binary.repo);
    assert_eq!(issues.len(), 1);
    assert!(issues[0].is_closed(), "{:?}", issues[0].comments);
    let again = binary.run(&["sweep"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(binary.hub.issues(&binary.repo).len(), 1, "the second sweep opens no second ticket");
}

#[tokio::test]
async fn a_killed_agent_goes_on_where_it_was() {
    let binary = TestBinary::new("worker-down").await;
    let id = binary.file("Sync never finishes", "Changes stay pending.");
    let number = id.number.to_string();
    let mut child = binary.spawn(&["resolve", &number]);
    until("a change was asked for", || binary.commands().iter().any(|line| line.contains("docker start")))
        .await;
    child.kill().await.expect("it is killed");
    let ran = binary.run(&["resolve", &number]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("going on with it"), "{}", ran.stderr);
    assert!(binary.is_closed(&id));
    assert_eq!(binary.said(&id, "report").len(), 1);
}

#[tokio::test]
async fn an_impossible_request_names_its_cause() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let closed = binary.file("Sync never finishes", "x");
    binary.hub.close(&closed, "ops-lead", "completed").expect("closed");
    let locked = binary.file("Sync never finishes", "x");
    binary.hub.lock(&locked, "ops-lead").expect("locked");
    let empty = binary.file("Sync never finishes", "");
    let huge = binary.file("Sync never finishes", &"It never finishes. ".repeat(3400));
    for (arguments, code, says) in [
        (vec!["resolve", "999"], 1, "does not exist"),
        (vec!["resolve", "nonsense"], 1, "owner/name#12"),
        (vec!["resolve", &closed.number.to_string()], 4, ""),
        (vec!["resolve", &locked.number.to_string()], 4, ""),
        (vec!["resolve", &empty.number.to_string()], 7, "the reporter of"),
        (vec!["resolve", &huge.number.to_string()], 7, "the reporter of"),
        (vec!["diagnose", "nowhere"], 1, "configured are: qfieldcloud"),
        (vec!["case", "show", "c000000000000"], 1, "case list"),
        (vec!["playbook", "show", "nothing"], 1, "playbook list"),
    ] {
        let ran = binary.run(&arguments).await;
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(all.contains(says), "{arguments:?} does not say {says:?}: {all}");
    }
    assert!(!binary.is_closed(&empty), "a problem on a healthy system is not closed");
    assert!(binary.hub.comments(&closed).is_empty(), "nothing is written on a closed issue");
    let mut tokenless = binary.command(&["resolve", "1"]);
    tokenless.env_remove("TEST_TOKEN");
    let ran_without = ran(tokenless).await;
    assert_eq!(ran_without.code, Some(1));
    assert!(ran_without.stderr.contains("TEST_TOKEN"), "{}", ran_without.stderr);
    let mut wrong = binary.command(&["resolve", "1"]);
    wrong.env("TEST_TOKEN", "another-token");
    assert!(ran(wrong).await.stderr.contains("token"));
    std::fs::write(binary.config(), "[github]\nrepos = []\nx = 1").expect("written");
    let broken = binary.run(&["resolve", "1"]).await;
    assert_eq!(broken.code, Some(1));
    assert!(broken.stderr.contains("unknown key `x` in [github]"), "{}", broken.stderr);
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_with_the_line_to_add() {
    let binary = TestBinary::new("worker-down").await;
    let line = std::fs::read_to_string(binary.dir.path().join("known_hosts")).expect("known_hosts");
    let key = line.split_whitespace().nth(2).expect("a key");
    std::fs::write(binary.dir.path().join("known_hosts"), "").expect("emptied");
    let id = binary.file("Sync never finishes", "x");
    let mut command = binary.command(&["resolve", &id.number.to_string()]);
    command.env("FIELDMEDIC_PROGRESS", "1");
    let ran = ran(command).await;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stdout.contains("unreachable"), "{}", ran.stdout);
    assert!(!binary.is_closed(&id));
    // The report shows the line to copy once, not once for each probe.
    let report = binary.said(&id, "report").concat();
    for said in [&report, &ran.stderr] {
        assert_eq!(said.matches(key).count(), 1, "{said}");
    }
    let doctor = binary.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains(key), "the line to add is not in {}", doctor.stdout);
}

#[tokio::test]
async fn failures_of_github_lose_and_duplicate_nothing() {
    let binary = TestBinary::new("worker-down").await;
    let id = binary.file("Sync never finishes", "Changes stay pending.");
    // Nobody waits for the status. The report is written, and GitHub's answer to it is lost.
    binary.hub.inject(InjectedFault::DropAfter, FaultPoint::Call(Method::POST, "/comments".into()), 2);
    binary.hub.inject(InjectedFault::BadGateway, FaultPoint::Call(Method::PATCH, "/issues/".into()), 1);
    let ran = binary.run(&["resolve", &id.number.to_string()]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(binary.is_closed(&id));
    assert_eq!(binary.said(&id, "report").len(), 1);
}

#[tokio::test]
async fn nothing_is_changed_on_a_host_that_answers_nonsense() {
    for fault in ["garbage", "flood", "drop", "refuse"] {
        let binary = TestBinary::with_host(&format!(
            "state: {{}}\ncommands:\n  - {{ run: \"**\", fault: {fault} }}\n"
        ))
        .await;
        let id = binary.file("Sync never finishes", "Changes stay pending.");
        let ran = binary.run(&["resolve", &id.number.to_string()]).await;
        assert_eq!(ran.code, Some(3), "{fault}: {ran:?}");
        assert!(!binary.is_closed(&id), "{fault}");
        let report = binary.said(&id, "report");
        assert_eq!(report.len(), 1, "{fault}");
        let changes = ["docker start", "builder prune", "update core_job"];
        let changed = |line: &String| changes.iter().any(|change| line.contains(change));
        assert!(!binary.commands().iter().any(changed), "{fault}");
    }
}

#[tokio::test]
async fn the_demo_shows_the_whole_loop_and_leaves_nothing() {
    let binary = tempfile::tempdir().expect("a folder");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
    command.arg("demo").env("TMPDIR", binary.path()).current_dir(binary.path()).kill_on_drop(true);
    let ran = ran(command).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("4 resolved, 1 escalated"), "{}", ran.stdout);
    let left: Vec<_> = std::fs::read_dir(binary.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Ctrl-C twice, and a terminal that is closed: the keys of the simulated servers do not stay.
#[tokio::test]
async fn a_demo_that_is_stopped_leaves_nothing() {
    // The second Ctrl-C may come when the demo stands at a safe point already.
    for (signals, codes) in [(&["-INT", "-INT"][..], &[130, 1][..]), (&["-HUP"], &[1])] {
        let place = tempfile::tempdir().expect("a folder");
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
        command.args(["demo", "--keep"]).env("TMPDIR", place.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut demo = command.spawn().expect("it starts");
        let mut said = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
        // The servers are up, and the tickets are about to be filed.
        said.next_line().await.expect("a line").expect("a line");
        assert!(std::fs::read_dir(place.path()).expect("the folder").next().is_some());
        let mut trouble = BufReader::new(demo.stderr.take().expect("it is piped")).lines();
        for signal in signals {
            send(&demo, signal);
            if signals.len() > 1 {
                // It has heard the first before the second comes.
                let _ = tokio::time::timeout(Duration::from_secs(5), trouble.next_line()).await;
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        let ended = demo.wait().await.expect("it ends");
        assert!(ended.code().is_some_and(|code| codes.contains(&code)), "{signals:?}: {ended}");
        assert!(std::fs::read_dir(place.path()).expect("the folder").next().is_none(), "{signals:?}");
    }
}

#[tokio::test]
async fn a_reload_takes_the_new_configuration_and_survives_a_bad_one() {
    let binary = TestBinary::new("worker-down").await;
    binary.configure("mode = \"observe\"");
    let log = binary.dir.path().join("log");
    let mut command = binary.command(&["serve"]);
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).expect("a log"));
    let mut daemon = command.spawn().expect("it starts");
    let says = |what: &str| std::fs::read_to_string(&log).expect("the log").contains(what);
    let ticket = binary.file("Sync never finishes", "Changes stay pending.");
    until("the ticket is handed over", || binary.labels(&ticket).contains(&"medic:needs-human".into())).await;
    assert!(!binary.commands().iter().any(|line| line.contains("docker start")));

    let good = std::fs::read_to_string(binary.config()).expect("a configuration");
    std::fs::write(binary.config(), "[github\nrepos = ").expect("it is written");
    send(&daemon, "-HUP");
    until("the bad file is refused", || says("not reloaded")).await;
    std::fs::write(binary.config(), good.replace("observe", "act")).expect("it is written");
    send(&daemon, "-HUP");
    until("the good file is taken", || says("playbooks reloaded from")).await;
    until("the case has ended", || says("case ended")).await;
    binary.hub.comment(&ticket, "ops-lead", "/qfield:support retry").expect("commented");
    until("the new mode is in force", || binary.is_closed(&ticket)).await;
    assert!(daemon.try_wait().expect("it can be asked").is_none(), "it is the same process");
    terminate(&daemon);
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn a_ticket_that_a_person_has_is_left_to_them() {
    let binary = TestBinary::new("worker-down").await;
    binary.configure("mode = \"observe\"");
    let id = binary.file("Sync never finishes", "Changes stay pending.");
    let ran = binary.run(&["resolve", &id.number.to_string()]).await;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(binary.labels(&id), ["support", "medic:needs-human"]);
    // Neither the ticket nor the fault becomes a case again while the ticket is open.
    binary.configure("mode = \"act\"");
    let swept = binary.run(&["sweep"]).await;
    assert_eq!(swept.code, Some(5), "{swept:?}");
    assert_eq!(binary.hub.issues(&binary.repo).len(), 1);
    assert_eq!(binary.said(&id, "report").len(), 1);
    assert!(!binary.commands().iter().any(|line| line.contains("docker start")));
}

#[tokio::test]
async fn an_issue_that_was_closed_meanwhile_is_left_alone() {
    let binary = TestBinary::new("sync-failed-queue").await;
    let id = binary.file("Sync never finishes", "Changes stay pending.");
    // The probe of a stuck queue takes half a minute. The reporter closes the issue before it ends.
    let child = binary.spawn(&["resolve", &id.number.to_string()]);
    until("the probe started", || !binary.commands().is_empty()).await;
    binary.hub.close(&id, "field-agent", "completed").expect("closed");
    let output = child.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(4));
    assert!(!binary.commands().iter().any(|line| line.contains("update core_job")));
    assert!(binary.said(&id, "report").is_empty());
}

#[tokio::test]
async fn the_password_of_the_database_is_never_shown() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let config = std::fs::read_to_string(binary.config()).expect("the configuration");
    let on_database = config.replace("path = \"journal.db\"", "url_env = \"RIG_DATABASE\"");
    std::fs::write(binary.config(), on_database).expect("written");
    let database = crate::postgres::database().await;
    let doctor = async |url: &str, verbose: bool| {
        let mut command = binary.command(if verbose { &["-vv", "doctor"] } else { &["doctor"] });
        command.env("RIG_DATABASE", url);
        let ran = ran(command).await;
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!all.contains("hunter2"), "{all}");
        (ran.code, all)
    };
    let url = format!("{}&password=hunter2hunter2", database.url());
    let (code, all) = doctor(&url, true).await;
    assert_eq!(code, Some(0), "{all}");
    assert!(all.contains(&format!("journal: database {} at /", database.name)), "{all}");
    for (url, expect) in [
        ("postgres:///fm?host=/nowhere&password=hunter2hunter2", "cannot be reached"),
        ("postgres://medic:hunter2hunter2@db/fm?sslmod=require", "`sslmod` is not known"),
        ("", "RIG_DATABASE is not set"),
    ] {
        let (code, all) = doctor(url, false).await;
        assert_eq!(code, Some(1), "{all}");
        assert!(all.contains(expect), "{expect}: {all}");
    }
}

#[tokio::test]
async fn doctor_refuses_private_keys_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let binary = TestBinary::new("worker-down").await;
    let expose = |file: &str| {
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(binary.dir.path().join(file), mode).expect("its mode is set");
    };
    expose("key");
    std::fs::write(binary.dir.path().join("app.pem"), "no key").expect("written");
    expose("app.pem");
    let config = std::fs::read_to_string(binary.config()).expect("a configuration");
    let config = config.replace("[github]\n", "[github]\napp_id = 7\nprivate_key = \"app.pem\"\n");
    std::fs::write(binary.config(), config).expect("written");
    let doctor = binary.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(1));
    let told: Vec<&str> = doctor.stdout.lines().filter(|line| line.contains("are too open")).collect();
    assert!(
        told.iter().any(|line| line.starts_with("✗ GitHub") && line.contains("app.pem")),
        "{}",
        doctor.stdout
    );
    assert!(told.iter().any(|line| line.starts_with("✗ host") && line.contains("key")), "{}", doctor.stdout);
}
