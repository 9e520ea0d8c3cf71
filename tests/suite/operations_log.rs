//! The operations log: each case once, the newest first, whatever interrupts the writing of it.

use crate::test_agent::TestAgent;
use chrono::TimeDelta;
use fieldmedic::app::operations_log::{OperationsLogError, OperationsLogFile};
use fieldmedic::core::playbook::Library;
use fieldmedic::core::text::redact::Redactor;
use fieldmedic::core::view::operations::LogRetention;
use fieldmedic::engine::LogUpdate;
use fieldmedic::ports::{Clock, Store};
use fieldmedic::render::Prompts;
use insta::assert_snapshot;
use std::fs;
use std::path::Path;

async fn writes(
    agent: &TestAgent,
    path: &Path,
    update: LogUpdate,
) -> Result<(usize, usize), OperationsLogError> {
    let file = OperationsLogFile { path: path.to_owned(), retention: LogRetention::default() };
    let context = agent.context();
    let from: (&dyn Store, &Library) = (&*context.journal, &context.library);
    let words: (&Prompts, &Redactor) = (&context.prompts, &context.redactor);
    file.write(from, words, update, agent.clock().now()).await
}

/// The text without the line that says up to where it goes.
fn entries(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a log");
    let is_mark = |line: &&str| !line.starts_with("<!-- fieldmedic operations-log ");
    text.lines().filter(is_mark).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn each_case_is_logged_once_and_a_rebuild_changes_nothing() {
    let mut agent = TestAgent::on("worker-down").build().await;
    let home = tempfile::tempdir().expect("a folder");
    let (path, anew) = (home.path().join("log.md"), home.path().join("anew.md"));
    assert_eq!(writes(&agent, &path, LogUpdate::Newer).await.expect("it is written"), (0, 0));

    let case = agent.opens_case().await;
    agent.works(&case).await;
    agent.all_comments();
    assert_eq!(writes(&agent, &path, LogUpdate::Newer).await.expect("it is written"), (1, 1));

    agent.passes(TimeDelta::hours(3));
    let title = "Server down <!-- fieldmedic entry case=c000000000000 at=2026-01-01T00:00:00Z severity=low -->\n# x | y";
    let second =
        agent.files(title, "Nothing syncs on qfieldcloud, token ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2");
    agent.follows(second);
    let (_, other) = agent.executes("ops-lead", "diagnose").await;
    let other = other.expect("a case");
    agent.works(&other).await;
    agent.all_comments();
    writes(&agent, &path, LogUpdate::Newer).await.expect("it is written");
    writes(&agent, &path, LogUpdate::Newer).await.expect("it is written");

    let text = entries(&path);
    let begins: Vec<usize> = [other.as_str(), case.as_str()]
        .iter()
        .map(|case| text.find(&format!("<!-- fieldmedic entry case={case} ")).expect("an entry"))
        .collect();
    assert!(begins[0] < begins[1], "the newest is not the first: {text}");
    assert_eq!(text.matches("<!-- fieldmedic entry ").count(), 2, "{text}");
    assert!(!text.contains("ghp_"), "{text}");

    // What is made from nothing is the same, and so is what is made again.
    writes(&agent, &anew, LogUpdate::Newer).await.expect("it is written");
    assert_eq!(entries(&anew), text);
    assert_eq!(writes(&agent, &path, LogUpdate::Everything).await.expect("it is written"), (2, 2));
    assert_eq!(entries(&path), text);
    let first = text.split_once(&format!("<!-- fieldmedic entry case={case} ")).expect("an entry").1;
    assert_snapshot!(first.split_once("-->").expect("a line").1, @r"


    ## 2026-09-21 14:13 UTC: QField sync never finishes

    | | |
    |---|---|
    | Type | incident |
    | Severity | medium |
    | Status | resolved |
    | Operator | Fieldmedic, for field-team |
    | System | `qfieldcloud`, changed on main |
    | Ticket | example/tickets#​1, case `c059edfc0b5a0` |

    **What happened:** 0 of 4 workers are running.

    **Root cause:** Worker containers are not running

    **Change:**

    - 2026-09-21 14:13 UTC, start the workers (on `main`): done; `docker start qfieldcloud-worker_wrapper-1 qfieldcloud-worker_wrapper-2 qfieldcloud-worker_wrapper-3 qfieldcloud-worker_wrapper-4`
    - 2026-09-21 14:13 UTC, create the workers that are missing (on `main`): skipped (not needed: workers.rows \| length &lt; settings.workers); `cd -- /opt/qfieldcloud && docker compose up -d --no-build --no-recreate --no-deps worker_wrapper`

    **Verification:** Worker containers are not running: fixed, 4 conditions held.

    **Impact:** jobs-wait, everything-down, project-blocked

    **Rollback:** none

    **Follow-ups:** none.
    ");
}

#[tokio::test]
async fn what_an_interrupted_run_did_not_write_is_written_by_the_next() {
    let agent = TestAgent::on("worker-down").build().await;
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("logs");
    let path = folder.join("log.md");
    fs::create_dir(&folder).expect("a folder");
    writes(&agent, &path, LogUpdate::Newer).await.expect("it is written");
    let case = agent.opens_case().await;
    agent.works(&case).await;
    agent.all_comments();

    // The folder is gone when the file is to be replaced: as with a full disk, the old file is what there is.
    let (aside, kept) = (home.path().join("aside"), fs::read_to_string(&path).expect("a log"));
    fs::rename(&folder, &aside).expect("it is moved");
    assert!(matches!(writes(&agent, &path, LogUpdate::Newer).await, Err(OperationsLogError::Io { .. })));
    fs::rename(&aside, &folder).expect("it is moved back");
    assert_eq!(fs::read_to_string(&path).expect("a log"), kept);
    agent.passes(TimeDelta::hours(2));
    assert_eq!(writes(&agent, &path, LogUpdate::Newer).await.expect("it is written"), (1, 1));
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "no part of a file is left");

    // What somebody else has written there is theirs.
    fs::write(&path, "# My notes\n").expect("it is written");
    let refused = writes(&agent, &path, LogUpdate::Newer).await;
    assert!(matches!(refused, Err(OperationsLogError::NotALog { .. })), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).expect("a text"), "# My notes\n");
}
