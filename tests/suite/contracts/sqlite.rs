//! SQLite keeps the contract of the journal, and what it promises beyond it: nothing acknowledged is
//! lost, no edit goes unseen, and bad files have a clear answer.

use super::events::{about, changed, first_version, following, host, moment, opened, started, ticket_id};
use super::store::{Pair, a_reader_changes_nothing, open, opening};
use chrono::DateTime;
use fieldmedic::core::case::event::{CaseId, Event, EventKind};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::ports::{CaseQuery, Journal, JournalError, Leases, OpenResult, Overview, Statistics};
use fieldmedic::store::{Sqlite, worker_name};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

mod in_a_file {
    store_contract!(super::two_on_one_file);
}

mod in_memory {
    store_contract!(super::two_on_one_memory);
}

async fn two_on_one_file() -> Pair {
    let home = Home::new();
    let (one, other) = (home.open().await, home.open().await);
    Pair { one: Arc::new(one), other: Arc::new(other), _home: Box::new(home) }
}

async fn two_on_one_memory() -> Pair {
    let journal = Sqlite::in_memory().await.unwrap();
    Pair { one: Arc::new(journal.clone()), other: Arc::new(journal), _home: Box::new(()) }
}

/// A directory with one journal.
struct Home {
    directory: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("journal.db")
    }

    async fn open(&self) -> Sqlite {
        Sqlite::open(&self.path()).await.unwrap()
    }

    /// A way round the journal, as somebody with a database shell has it.
    async fn raw(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        options.connect().await.unwrap()
    }

    async fn sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut raw = self.raw().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut raw).await.map(|_| ())
    }
}

/// A journal of two cases; the first has a record of every kind.
async fn filled(home: &Home) -> (Sqlite, CaseId) {
    let journal = home.open().await;
    let case = open(&journal, 1, "key").await;
    for (seq, event) in (1..).zip(following()) {
        journal.append(&case, seq, moment(), &event).await.unwrap();
    }
    open(&journal, 2, "key").await;
    (journal, case)
}

#[tokio::test]
async fn a_journal_that_is_opened_to_be_read_is_not_changed() {
    let home = Home::new();
    let missing = Sqlite::open_to_read(&home.path()).await.unwrap_err().to_string();
    assert!(missing.contains("there is no journal") && missing.contains("fieldmedic serve"), "{missing}");
    assert!(!home.path().exists());
    let (journal, case) = filled(&home).await;
    let reader = Sqlite::open_to_read(&home.path()).await.unwrap();
    a_reader_changes_nothing(&reader, &journal, &case).await;
    home.sql("PRAGMA user_version = 3").await.unwrap();
    let old = Sqlite::open_to_read(&home.path()).await.unwrap_err().to_string();
    assert!(old.contains("an earlier version") && old.contains("`fieldmedic case list` does"), "{old}");
    home.sql("PRAGMA application_id = 7").await.unwrap();
    let other = Sqlite::open_to_read(&home.path()).await.unwrap_err().to_string();
    assert!(other.contains("is no journal"), "{other}");
}

#[tokio::test]
async fn records_can_be_neither_changed_nor_deleted_nor_replaced() {
    let home = Home::new();
    let (journal, case) = filled(&home).await;
    let before = journal.load(&case).await.unwrap();
    for sql in [
        "UPDATE event SET at = at",
        "DELETE FROM event WHERE seq = 3",
        "INSERT OR REPLACE INTO event (case_id, seq, at, version, body, prev_hash, hash) \
         SELECT case_id, seq, at, version, '{\"event\": \"ended\"}', prev_hash, hash FROM event WHERE seq = 3",
        "INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) \
         SELECT case_id, seq + 100, at, version, body, prev_hash, hash FROM event WHERE seq = 3",
    ] {
        assert!(home.sql(sql).await.is_err(), "{sql}");
    }
    assert_eq!(journal.load(&case).await.unwrap(), before);
}

#[tokio::test]
async fn an_audit_finds_the_very_record_that_was_touched() {
    let length = 1 + following().len() as u64;
    for (edit, expect) in [
        ("UPDATE event SET body = replace(body, 'docker', 'dockeR') WHERE seq = 13", 13),
        ("UPDATE event SET at = '2026-03-01T08:00:00.123457Z' WHERE seq = 4", 4),
        ("UPDATE event SET at = '2026-03-01T08:00:00.123456+00:00' WHERE seq = 5", 5),
        ("UPDATE event SET version = 1 WHERE seq = 5", 5),
        ("UPDATE event SET version = 2 WHERE seq = 5", 5),
        ("UPDATE event SET hash = '' WHERE seq = 6", 6),
        ("UPDATE event SET prev_hash = '' WHERE seq = 7", 7),
        ("DELETE FROM event WHERE seq = 8", 8),
        (
            "UPDATE event SET seq = -1 WHERE seq = 2; UPDATE event SET seq = 2 WHERE seq = 3; \
          UPDATE event SET seq = 3 WHERE seq = -1",
            2,
        ),
        ("DELETE FROM event WHERE seq >= 20", 20),
        ("DELETE FROM event", 0),
        ("DELETE FROM cases", length),
        ("DELETE FROM event; DELETE FROM cases", 0),
    ] {
        let home = Home::new();
        let (journal, case) = filled(&home).await;
        assert_eq!(journal.audit().await.unwrap().broken, []);
        let mine = edit.replace("WHERE", &format!("WHERE case_id = '{case}' AND"));
        let unlock = "DROP TRIGGER event_immutable; DROP TRIGGER event_immutable_delete; \
                      PRAGMA ignore_check_constraints = ON";
        home.sql(&format!("{unlock}; {mine}")).await.unwrap();
        let audit = journal.audit().await.unwrap();
        let found = audit.broken.iter().find(|(broken, _)| *broken == case).map(|(_, seq)| *seq);
        assert_eq!(found, Some(expect), "{edit}");
        let others = audit.broken.iter().filter(|(broken, _)| *broken != case).count();
        assert_eq!(others, usize::from(!edit.contains("WHERE")), "{edit}");
    }
}

#[tokio::test]
async fn records_of_the_first_version_stay_readable_and_sound() {
    let home = Home::new();
    let journal = home.open().await;
    let mut raw = home.raw().await;
    let (case, lines) = first_version();
    let mut prev = String::new();
    for line in &lines {
        crate::golden::insert(&mut raw, line, &prev).await.unwrap();
        prev.clone_from(&line.hash);
    }
    drop(raw);
    journal.rebuild().await.unwrap();

    let length = journal.load(&case).await.unwrap().len() as u64;
    assert_eq!(length, lines.len() as u64);
    assert_eq!(journal.audit().await.unwrap().broken, []);
    journal.append(&case, length, moment(), &Event::StepsCompleted).await.unwrap();
    assert_eq!(journal.audit().await.unwrap().broken, [], "later records follow them");
    home.sql("DROP TRIGGER event_immutable").await.unwrap();
    home.sql(&format!("UPDATE event SET version = 2 WHERE case_id = '{case}' AND seq = 3")).await.unwrap();
    assert_eq!(journal.audit().await.unwrap().broken, [(case, 3)]);
}

#[tokio::test]
async fn what_is_held_runs_out_by_the_clock_of_the_caller() {
    let journal = Sqlite::in_memory().await.unwrap();
    let (case, another) = (open(&journal, 1, "key").await, open(&journal, 2, "key").await);
    let (now, minute) = (moment(), Duration::from_secs(60));
    assert!(journal.claim(&case, "here:1:1", now, minute).await.unwrap());
    assert!(journal.acquire_lease(&host("web"), &case, now, minute).await.unwrap().is_some());
    let almost = now + minute - Duration::from_micros(1);
    assert!(!journal.claim(&case, "there:1:1", almost, minute).await.unwrap());
    assert_eq!(journal.acquire_lease(&host("web"), &another, almost, minute).await, Ok(None));
    assert!(journal.claim(&another, "there:1:1", now, minute).await.unwrap());
    assert!(journal.acquire_lease(&host("web"), &another, now + minute, minute).await.unwrap().is_some());
    assert!(journal.claim(&case, "there:1:1", now + minute, minute).await.unwrap());
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    for (edit, expect) in [
        ("body = '{\"event\": \"danced\"}'", "unknown variant `danced`"),
        ("version = 99", "later version"),
        ("at = 'yesterday'", "`yesterday` is not a moment"),
    ] {
        let home = Home::new();
        let (journal, case) = filled(&home).await;
        home.sql(&format!("DROP TRIGGER event_immutable; UPDATE event SET {edit} WHERE seq = 3"))
            .await
            .unwrap();
        let Err(JournalError::Unreadable(why)) = journal.load(&case).await else { panic!("{edit}") };
        assert!(why.starts_with(&format!("case {case}, record 3: ")) && why.contains(expect), "{why}");
        // The history tells all others. What has lost its kind is no part of it.
        let events = following();
        let kinds: Vec<EventKind> = events.iter().chain([&opened(&ticket_id(1))]).map(Event::kind).collect();
        let history = journal.history(&kinds, DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(
            history.records.len(),
            events.len() + 1,
            "one of the case is missing, and one is of another"
        );
        let named: Vec<&CaseId> = history.unreadable.iter().map(|(case, _)| case).collect();
        assert_eq!(named, if edit.starts_with("body") { vec![] } else { vec![&case] }, "{edit}");
    }
}

/// Everything that the list of cases and the index of runs hold.
async fn dump(home: &Home) -> Vec<String> {
    let sql = "SELECT json_array(id, ticket, opened_at, updated_at, outcome, ended, head, system) AS line FROM cases \
               UNION ALL SELECT json_array(host, started_at, case_id, seq, system, playbook, ended_at, fixed) FROM run \
               UNION ALL SELECT json_array(host, at, case_id, seq) FROM host_change ORDER BY line";
    let rows = sqlx::query(sql).fetch_all(&mut home.raw().await).await.unwrap();
    rows.iter().map(|row| row.get("line")).collect()
}

#[tokio::test]
async fn the_list_of_cases_is_what_the_records_say() {
    let home = Home::new();
    let (journal, case) = filled(&home).await;
    let third = open(&journal, 3, "key").await;
    journal.append(&third, 1, moment(), &Event::OutcomeDecided(Outcome::Cancelled)).await.unwrap();
    assert_eq!(
        journal.open_case(&opening(1, "again")).await.map(|i| matches!(i, OpenResult::Opened(_))),
        Ok(true)
    );

    let before = dump(&home).await;
    assert!(before.len() > 4, "four cases, and runs: {before:?}");
    journal.rebuild().await.unwrap();
    assert_eq!(dump(&home).await, before);

    home.sql("UPDATE cases SET ended = 1, outcome = NULL, head = '', updated_at = opened_at").await.unwrap();
    home.sql("DELETE FROM run; UPDATE host_change SET host = 'another'").await.unwrap();
    home.sql(&format!("DELETE FROM cases WHERE id = '{case}'")).await.unwrap();
    journal.rebuild().await.unwrap();
    assert_eq!(dump(&home).await, before);

    // An append, too, mends a line that is missing.
    home.sql(&format!("DELETE FROM cases WHERE id = '{third}'")).await.unwrap();
    journal.append(&third, 2, moment(), &Event::Ended).await.unwrap();
    let after = dump(&home).await;
    journal.rebuild().await.unwrap();
    assert_eq!(dump(&home).await, after);
    assert_eq!(journal.audit().await.unwrap().broken, []);
}

#[tokio::test]
async fn a_file_without_an_index_of_runs_gets_one() {
    let home = Home::new();
    let journal = home.open().await;
    let case = open(&journal, 1, "key").await;
    let events = [about("east"), started("p", &["a", "b"]), changed("b"), Event::RolledBack { clean: true }];
    for (seq, event) in (1..).zip(&events) {
        journal.append(&case, seq, moment(), event).await.unwrap();
    }
    let find = async |journal: &Sqlite| {
        let words = vec!["east".to_owned(), "working".to_owned()];
        journal.find_cases(&CaseQuery { words, limit: 9, ..CaseQuery::default() }).await.unwrap()
    };
    let listed = find(&journal).await;
    assert!(listed.len() == 1 && listed[0].title.is_some(), "{listed:?}");
    let indexed = dump(&home).await;
    assert_eq!(indexed.len(), 4, "a case, a run on two hosts, and a change: {indexed:?}");
    journal.close().await;

    // As the version before it left a file.
    home.sql(
        "DROP TABLE run; DROP TABLE host_change; DROP TABLE system_sweep; DROP TABLE measurement; DROP TABLE measurement_hour; \
         DROP TABLE notice; \
         DROP INDEX cases_to_wake; DROP INDEX cases_running; \
         ALTER TABLE cases DROP COLUMN title; ALTER TABLE cases DROP COLUMN outcome_word; \
         ALTER TABLE cases DROP COLUMN search_text; \
         ALTER TABLE cases DROP COLUMN wake_at; ALTER TABLE cases DROP COLUMN wakes_with_run_of; \
         ALTER TABLE cases DROP COLUMN wakes_with_pause; ALTER TABLE cases DROP COLUMN signals_known; \
         ALTER TABLE cases DROP COLUMN system; PRAGMA user_version = 6",
    )
    .await
    .unwrap();
    let journal = home.open().await;
    assert_eq!(dump(&home).await, indexed);
    // People find its cases as well.
    assert_eq!(find(&journal).await, listed);
}

#[tokio::test]
async fn kinds_stand_in_their_column() {
    let home = Home::new();
    let (_journal, case) = filled(&home).await;
    let sql = "SELECT kind FROM event WHERE case_id = ? ORDER BY seq";
    let rows = sqlx::query(sql).bind(case.as_str()).fetch_all(&mut home.raw().await).await.unwrap();
    let kinds: Vec<String> = rows.iter().map(|row| row.get("kind")).collect();
    let first = opened(&ticket_id(1));
    let events = following();
    let all = [first.kind()].into_iter().chain(events.iter().map(Event::kind));
    let expect: Vec<&str> = all.map(EventKind::as_str).collect();
    assert_eq!(kinds, expect);
}

#[tokio::test]
async fn the_claim_of_a_process_that_has_ended_is_taken_over_at_once() {
    let home = Home::new();
    let journal = home.open().await;
    let case = open(&journal, 1, "key").await;
    let minute = Duration::from_secs(60);
    let me = worker_name(0);
    let host = me.rsplitn(3, ':').last().unwrap();
    let mut child = Command::new("true").spawn().unwrap();
    let dead = format!("{host}:{}:1", child.id());
    child.wait().unwrap();

    assert!(journal.claim(&case, &dead, moment(), minute).await.unwrap());
    assert!(journal.claim(&case, &me, moment(), minute).await.unwrap(), "its worker is dead");
    assert!(!journal.claim(&case, &dead, moment(), minute).await.unwrap(), "this one lives");
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    let home = Home::new();
    fs::write(home.path(), "").unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o644)).unwrap();
    let (journal, _) = filled(&home).await;
    let files: Vec<_> = fs::read_dir(home.directory.path()).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(files.len(), 3, "the database, its log and its index");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
    journal.close().await;
    assert!(matches!(journal.cases(1).await, Err(JournalError::Unavailable(_))));
    assert_eq!(fs::read_dir(home.directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_explained() {
    let home = Home::new();
    let here = home.directory.path();
    fs::write(here.join("notes.txt"), "not a database, but long enough to look like one. ".repeat(99))
        .unwrap();
    home.sql("CREATE TABLE recipe (name TEXT)").await.unwrap();
    let files = [here.join("notes.txt"), home.path()];
    let look = |file: PathBuf| (fs::metadata(&file).unwrap().permissions(), fs::read(file).unwrap());
    let before = files.clone().map(look);
    for (path, expect) in [
        (
            here.join("missing/journal.db"),
            format!("Create it with `mkdir -p {}`", here.join("missing").display()),
        ),
        (here.to_owned(), "is not a plain file".into()),
        (here.join("notes.txt"), "is no SQLite database".into()),
        (here.join("notes.txt/journal.db"), "cannot be opened: Not a directory".into()),
        (home.path(), "is the database of another program".into()),
        (PathBuf::from("/dev/null"), "is not a plain file".into()),
        (PathBuf::new(), "cannot be opened".into()),
    ] {
        let Err(JournalError::Unavailable(why)) = Sqlite::open(&path).await else { panic!("{path:?}") };
        assert!(why.contains(&expect) && why.contains(&*path.to_string_lossy()), "{path:?}: {why}");
    }
    assert_eq!(files.map(look), before, "what is not ours was left alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_new_file_at_once() {
    // Whether they meet is a matter of luck, so they are given several chances.
    for _ in 0..10 {
        let home = Home::new();
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let path = home.path();
                tokio::spawn(async move {
                    let journal = Sqlite::open(&path).await.unwrap();
                    open(&journal, number, "key").await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(home.open().await.cases(99).await.unwrap().len(), 8);
    }
}

// What follows needs a process that may die: this test binary again, running one ignored test that
// does nothing unless it is told which journal to write.

const JOURNAL: &str = "FIELDMEDIC_TEST_JOURNAL";

#[tokio::test]
#[ignore = "the process that other tests start"]
async fn appends_until_it_cannot() {
    let Some(path) = std::env::var_os(JOURNAL) else { return };
    let journal = Sqlite::open(Path::new(&path)).await.unwrap();
    let opening = opening(1, "key");
    journal.open_case(&opening).await.unwrap();
    let first = journal.load(&opening.case).await.unwrap().len() as u64;
    for (seq, event) in (first..).zip(following().iter().cycle()) {
        match journal.append(&opening.case, seq, moment(), event).await {
            Ok(()) => eprintln!("appended {seq}"),
            Err(error) => {
                eprintln!("stopped: {error}");
                break;
            }
        }
    }
    let loaded = journal.load(&opening.case).await.unwrap().len();
    eprintln!("still reads {loaded}");
}

/// Starts the process above, by way of a shell line that ends in running its arguments.
fn start_appending(journal: &Path, shell: &str) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "contracts::sqlite::appends_until_it_cannot", "--ignored", "--nocapture"])
        .env(JOURNAL, journal)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    (child, lines)
}

fn appended(line: &str) -> Option<usize> {
    line.strip_prefix("appended ")?.parse().ok()
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let home = Home::new();
    let case = opening(1, "key").case;
    for round in 1..=5 {
        let (mut child, mut lines) = start_appending(&home.path(), r#"exec "$@""#);
        let mut last = lines.by_ref().filter_map(|line| appended(&line)).nth(7 * round).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        last = lines.filter_map(|line| appended(&line)).last().unwrap_or(last);

        let journal = home.open().await;
        let records = journal.load(&case).await.unwrap();
        assert!(records.len() > last, "{last} was acknowledged, {} are there", records.len());
        assert!((0..).zip(&records).all(|(seq, record)| record.seq == seq));
        assert_eq!(journal.audit().await.unwrap().broken, []);
        let before = dump(&home).await;
        journal.rebuild().await.unwrap();
        assert_eq!(dump(&home).await, before);
    }
}

#[tokio::test]
async fn a_file_that_cannot_grow_stops_the_work_and_loses_nothing() {
    let home = Home::new();
    let limited = r#"trap "" XFSZ; ulimit -f 512; exec "$@""#;
    let (mut child, lines) = start_appending(&home.path(), limited);
    let lines: Vec<String> = lines.collect();
    child.wait().unwrap();
    let last = lines.iter().rev().find_map(|line| appended(line)).unwrap();
    let stopped = lines.iter().find_map(|line| line.strip_prefix("stopped: ")).unwrap();
    assert!(stopped.starts_with("the journal cannot be used: the disk that holds "), "{stopped}");
    assert!(lines.contains(&format!("still reads {}", last + 1)), "{lines:?}");

    let journal = home.open().await;
    let case = opening(1, "key").case;
    assert_eq!(journal.load(&case).await.unwrap().len(), last + 1);
    assert_eq!(journal.audit().await.unwrap().broken, []);
    journal.append(&case, last as u64 + 1, moment(), &Event::StepsCompleted).await.unwrap();
}

#[tokio::test]
async fn outcomes_of_the_first_versions_are_counted_with_the_others() {
    let home = Home::new();
    let journal = home.open().await;
    for ticket in 1..=3 {
        open(&journal, ticket, "key").await;
    }
    let old = r#"{"kind":"escalated","code":"in-doubt","why":"it broke"}"#;
    let new =
        r#"{"version":3,"body":{"kind":"escalated","code":"in-doubt","detail":{"kind":"text","text":"x"}}}"#;
    home.sql(&format!("UPDATE cases SET ended = 1, outcome = '{old}'")).await.unwrap();
    home.sql(&format!("UPDATE cases SET outcome = '{new}' WHERE ticket LIKE '%#1'")).await.unwrap();
    let counts = journal.statistics(moment()).await;
    let ended = counts.map(|it| it.ended.iter().map(|it| it.cases).collect::<Vec<_>>());
    assert_eq!(ended, Ok(vec![3]));
}
