//! PostgreSQL keeps the contract of the journal, and what it promises beyond it: a server that dies and
//! an answer that is lost cost nothing, no edit goes unseen, and wrong clocks harm nobody.

use super::events::{first_version, following, host, moment, opened, ticket_id};
use super::store::{Pair, a_reader_changes_nothing, open, opening};
use crate::golden::cases_of_version;
use crate::postgres::{Database, Server, database};
use crate::scenarios::{built_in, fixtures};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event, EventKind};
use fieldmedic::core::case::outcome::{Code, Outcome};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::case::signal::SignalKind;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::{CaseError, Shutdown, run_case};
use fieldmedic::ports::{
    Cursor, Cursors, DedupeKey, Inbox, Journal, JournalError, Leases, OpenResult, Statistics,
};
use fieldmedic::scenario;
use fieldmedic::scenario::ScenarioRun;
use fieldmedic::store::{Address, Postgres, worker_name};
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

mod on_a_server {
    store_contract!(super::two_on_one_database);
}

async fn two_on_one_database() -> Pair {
    let database = database().await;
    Pair { one: Arc::new(database.open().await), other: Arc::new(database.open().await), _home: Box::new(()) }
}

/// A journal of two cases; the first has a record of every kind.
async fn filled(database: &Database) -> (Postgres, CaseId) {
    let journal = database.open().await;
    let case = open(&journal, 1, "key").await;
    for (seq, event) in (1..).zip(following()) {
        journal.append(&case, seq, moment(), &event).await.unwrap();
    }
    open(&journal, 2, "key").await;
    (journal, case)
}

#[tokio::test]
async fn a_journal_that_is_opened_to_be_read_is_not_changed() {
    let database = database().await;
    let address = Address::parse(&database.url()).unwrap();
    let missing = Postgres::open_to_read(&address).await.err().unwrap().to_string();
    assert!(missing.contains("there is no journal") && missing.contains("fieldmedic serve"), "{missing}");
    let (journal, case) = filled(&database).await;
    let reader = Postgres::open_to_read(&address).await.unwrap();
    a_reader_changes_nothing(&reader, &journal, &case).await;
    database.sql("UPDATE schema_version SET version = 2").await.unwrap();
    let old = Postgres::open_to_read(&address).await.err().unwrap().to_string();
    assert!(old.contains("an earlier version"), "{old}");
}

#[tokio::test]
async fn records_can_be_neither_changed_nor_deleted_nor_replaced() {
    let database = database().await;
    let (journal, case) = filled(&database).await;
    let before = journal.load(&case).await.unwrap();
    let columns = "case_id, seq, at, version, body, prev_hash, hash";
    for sql in [
        "UPDATE event SET at = at".to_owned(),
        "DELETE FROM event WHERE seq = 3".to_owned(),
        "TRUNCATE event".to_owned(),
        "SET session_replication_role = replica; DELETE FROM event".to_owned(),
        format!(
            "INSERT INTO event ({columns}) SELECT {columns} FROM event WHERE seq = 3 \
             ON CONFLICT (case_id, seq) DO UPDATE SET hash = ''"
        ),
        format!(
            "INSERT INTO event ({columns}) \
             SELECT case_id, seq + 100, at, version, body, prev_hash, hash FROM event WHERE seq = 3"
        ),
    ] {
        assert!(database.sql(&sql).await.is_err(), "{sql}");
    }
    assert_eq!(journal.load(&case).await.unwrap(), before);
}

#[tokio::test]
async fn an_audit_finds_the_very_record_that_was_touched() {
    let length = 1 + following().len() as u64;
    let database = database().await;
    let (journal, case) = filled(&database).await;
    let unlock = "ALTER TABLE fieldmedic.event DISABLE TRIGGER ALL, DROP CONSTRAINT event_seq_check";
    database.sql(unlock).await.unwrap();
    database.sql("CREATE TABLE original AS TABLE event; CREATE TABLE listed AS TABLE cases").await.unwrap();
    for (edit, expect) in [
        ("UPDATE event SET body = replace(body, 'docker', 'dockeR') WHERE seq = 13", 13),
        ("UPDATE event SET at = at + interval '1 microsecond' WHERE seq = 4", 4),
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
        assert_eq!(journal.audit().await.unwrap().broken, []);
        let mine = edit.replace("WHERE", &format!("WHERE case_id = '{case}' AND"));
        database.sql(&mine).await.unwrap();
        let audit = journal.audit().await.unwrap();
        let found = audit.broken.iter().find(|(broken, _)| *broken == case).map(|(_, seq)| *seq);
        assert_eq!(found, Some(expect), "{edit}");
        let others = audit.broken.iter().filter(|(broken, _)| *broken != case).count();
        assert_eq!(others, usize::from(!edit.contains("WHERE")), "{edit}");
        let columns = "case_id, seq, at, version, body, prev_hash, hash";
        let restore = format!(
            "DELETE FROM event; DELETE FROM cases; INSERT INTO cases TABLE listed; \
             INSERT INTO event ({columns}) SELECT {columns} FROM original"
        );
        database.sql(&restore).await.unwrap();
    }
}

#[tokio::test]
async fn records_of_the_first_version_stay_readable_and_sound() {
    let database = database().await;
    let journal = database.open().await;
    let mut raw = database.raw().await;
    let (case, lines) = first_version();
    let mut prev = String::new();
    for line in &lines {
        let sql = "INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) \
                   VALUES ($1, $2, $3, 1, $4, $5, $6)";
        let insert = sqlx::query(sql).bind(case.as_str()).bind(i64::try_from(line.seq).unwrap());
        let at: DateTime<Utc> = line.at.parse().unwrap();
        insert.bind(at).bind(&line.body).bind(&prev).bind(&line.hash).execute(&mut raw).await.unwrap();
        prev.clone_from(&line.hash);
    }
    journal.rebuild().await.unwrap();
    sqlx::raw_sql("ALTER TABLE event DISABLE TRIGGER ALL").execute(&mut raw).await.unwrap();

    let length = journal.load(&case).await.unwrap().len() as u64;
    assert_eq!(journal.audit().await.unwrap().broken, []);
    journal.append(&case, length, moment(), &Event::StepsCompleted).await.unwrap();
    assert_eq!(journal.audit().await.unwrap().broken, [], "later records follow them");
    sqlx::raw_sql("UPDATE event SET version = 2 WHERE seq = 3").execute(&mut raw).await.unwrap();
    assert_eq!(journal.audit().await.unwrap().broken, [(case, 3)]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    for (edit, expect) in
        [("body = '{\"event\":\"danced\"}'", "unknown variant `danced`"), ("version = 99", "later version")]
    {
        let database = database().await;
        let (journal, case) = filled(&database).await;
        let unlock = "ALTER TABLE event DISABLE TRIGGER ALL";
        database.sql(&format!("{unlock}; UPDATE event SET {edit} WHERE seq = 3")).await.unwrap();
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

/// The migrations before today's, each leading to the version of its place.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../../src/store/postgres/migrations/0001_journal.sql"),
    include_str!("../../../src/store/postgres/migrations/0002_parcels.sql"),
    include_str!("../../../src/store/postgres/migrations/0003_ticket.sql"),
    include_str!("../../../src/store/postgres/migrations/0004_names_and_archive.sql"),
];

/// A database as a program of this version of the schema left it, with the cases that records of version 2
/// tell, and a row in each other table.
async fn of_schema(version: usize) -> Database {
    let database = database().await;
    let mut raw = database.raw().await;
    let schema = format!(
        "CREATE SCHEMA fieldmedic; CREATE TABLE schema_version (version integer NOT NULL); \
         INSERT INTO schema_version VALUES ({version})"
    );
    sqlx::raw_sql(AssertSqlSafe(schema)).execute(&mut raw).await.unwrap();
    // The rows are written under the names of their tables at that time, and taken along from there.
    let renames = 3;
    for migration in MIGRATIONS.iter().take(version.min(renames)) {
        sqlx::raw_sql(*migration).execute(&mut raw).await.unwrap();
    }
    for (case, golden) in cases_of_version(2) {
        let mut prev = String::new();
        for line in &golden.lines {
            let at: DateTime<Utc> = line.at.parse().unwrap();
            sqlx::query("INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) VALUES ($1, $2, $3, 2, $4, $5, $6)")
                .bind(case.as_str())
                .bind(i64::try_from(line.seq).unwrap())
                .bind(at)
                .bind(&line.body)
                .bind(&prev)
                .bind(&line.hash)
                .execute(&mut raw)
                .await
                .unwrap();
            prev.clone_from(&line.hash);
        }
        sqlx::query(
            "INSERT INTO cases (id, ticket, opened_at, updated_at, ended, head) \
             SELECT $1, 'example/tickets#1', min(at), max(at), true, $2 FROM event WHERE case_id = $1",
        )
        .bind(case.as_str())
        .bind(&prev)
        .execute(&mut raw)
        .await
        .unwrap();
    }
    let rows = "
        INSERT INTO word VALUES ('c0123456789ab', 0, 'comment example/tickets#1 7',
            '{\"by\":\"ops-lead\",\"at\":\"2026-03-01T08:00:00Z\",\"says\":{\"word\":\"cancel\"}}');
        INSERT INTO turn VALUES ('deliveries example/tickets', clock_timestamp());
        INSERT INTO seen VALUES ('issue example/tickets#1', 'c0123456789ab', '2026-03-01T08:00:00Z');
        INSERT INTO pause VALUES (1, '{\"by\":\"ops-lead\",\"at\":\"2026-03-01T08:00:00Z\",\"why\":\"\"}');
        INSERT INTO bookmark VALUES ('poll example/tickets', '2026-03-01T08:00:00Z'),
            ('sweep', '2026-03-01T08:00:00Z'),
            ('comment example/tickets#1 7', '2026-03-01T08:00:00Z'),
            ('watched c0123456789ab', '2026-03-01T08:00:00Z');";
    sqlx::raw_sql(rows).execute(&mut raw).await.unwrap();
    if version >= 2 {
        let parcel = "INSERT INTO parcel (key, body) VALUES ('example/tickets#1 comment 7', '{\"a\":1}')";
        sqlx::raw_sql(parcel).execute(&mut raw).await.unwrap();
    }
    for migration in MIGRATIONS.iter().take(version).skip(renames) {
        sqlx::raw_sql(*migration).execute(&mut raw).await.unwrap();
    }
    database
}

#[tokio::test]
async fn a_database_of_an_older_version_is_taken_along() {
    for version in 1..=MIGRATIONS.len() {
        let database = of_schema(version).await;
        let journal = database.open().await;
        let now: i32 = sqlx::query_scalar("SELECT version FROM schema_version")
            .fetch_one(&mut database.raw().await)
            .await
            .unwrap();
        assert!(now as usize > MIGRATIONS.len(), "a version was added, and its predecessor is not tested");

        let written = cases_of_version(2);
        assert!(written.len() > 3, "{} cases", written.len());
        for (case, golden) in &written {
            let records = journal.load(case).await.unwrap();
            assert_eq!(records, golden.records().await, "{}", golden.name);
            Case::fold(case, &records).unwrap();
        }
        let records = written.values().map(|golden| golden.lines.len() as u64).sum();
        let audit = journal.audit().await.unwrap();
        // The key that was seen names a case without records, and the audit finds just that.
        let lost = CaseId::from_text("c0123456789ab").unwrap();
        assert_eq!((audit.records, audit.broken), (records, vec![(lost, 0)]));
        assert_eq!(journal.cases(99).await.unwrap().len(), written.len());
        let runs = "SELECT count(*) FROM run";
        let runs: i64 = sqlx::query_scalar(runs).fetch_one(&mut database.raw().await).await.unwrap();
        assert!(runs > 0, "those of the last week are indexed");

        let case = CaseId::from_text("c0123456789ab").unwrap();
        let ticket: TicketId = "example/tickets#1".parse().unwrap();
        let at: DateTime<Utc> = "2026-03-01T08:00:00Z".parse().unwrap();
        let minute = Duration::from_secs(60);
        let signals = journal.signals(&case).await.unwrap();
        assert_eq!(signals.len(), 1);
        assert_eq!(signals[0].signal.kind, SignalKind::Cancel);
        let delivery = journal.next_delivery(at, minute).await.unwrap();
        let key = delivery.map(|delivery| delivery.key);
        assert_eq!(key, (version >= 2).then(|| "example/tickets#1 comment 7".to_owned()));
        assert_eq!(journal.pause_state().await.unwrap().unwrap().by, "ops-lead");
        assert!(!journal.try_once_every("deliveries example/tickets", at, minute).await.unwrap());
        assert_eq!(journal.cursor(&Cursor::PollComments(ticket.repo.clone())).await, Ok(Some(at)));
        assert_eq!(journal.cursor(&Cursor::Task("sweep".into())).await, Ok(Some(at)));
        let command = DedupeKey::ChatCommand { ticket, comment: 7 };
        assert_eq!(journal.done_at(&command).await, Ok(Some(at)));
        assert_eq!(journal.done_at(&DedupeKey::RecurrenceCheck(case)).await, Ok(Some(at)));
    }
}

/// Everything that the list of cases and the index of runs hold.
async fn dump(database: &Database) -> Vec<String> {
    let sql = "SELECT cases::text AS line FROM cases UNION ALL SELECT run::text FROM run \
               UNION ALL SELECT host_change::text FROM host_change ORDER BY line";
    let rows = sqlx::query(sql).fetch_all(&mut database.raw().await).await.unwrap();
    rows.iter().map(|row| row.get("line")).collect()
}

#[tokio::test]
async fn the_list_of_cases_is_what_the_records_say() {
    let database = database().await;
    let (journal, case) = filled(&database).await;
    let third = open(&journal, 3, "key").await;
    journal.append(&third, 1, moment(), &Event::OutcomeDecided(Outcome::Cancelled)).await.unwrap();
    let again = journal.open_case(&opening(1, "again")).await.unwrap();
    assert!(matches!(again, OpenResult::Opened(_)), "{again:?}");

    let before = dump(&database).await;
    assert!(before.len() > 4, "four cases, and runs: {before:?}");
    journal.rebuild().await.unwrap();
    assert_eq!(dump(&database).await, before);

    let spoil = "UPDATE cases SET ended = true, outcome = NULL, head = '', updated_at = opened_at";
    let spoil = format!("{spoil}; DELETE FROM run; UPDATE host_change SET host = 'another'");
    database.sql(&format!("{spoil}; DELETE FROM cases WHERE id = '{case}'")).await.unwrap();
    journal.rebuild().await.unwrap();
    assert_eq!(dump(&database).await, before);

    // An append, too, mends a line that is missing.
    database.sql(&format!("DELETE FROM cases WHERE id = '{third}'")).await.unwrap();
    journal.append(&third, 2, moment(), &Event::Ended).await.unwrap();
    let after = dump(&database).await;
    journal.rebuild().await.unwrap();
    assert_eq!(dump(&database).await, after);
    assert_eq!(journal.audit().await.unwrap().broken, []);
}

#[tokio::test]
async fn the_history_is_found_by_its_index() {
    let database = database().await;
    let (_journal, case) = filled(&database).await;
    let mut raw = database.raw().await;
    let sql = "SELECT kind FROM event WHERE case_id = $1 ORDER BY seq";
    let rows = sqlx::query(sql).bind(case.as_str()).fetch_all(&mut raw).await.unwrap();
    let kinds: Vec<String> = rows.iter().map(|row| row.get("kind")).collect();
    let first = opened(&ticket_id(1));
    let events = following();
    let all = [first.kind()].into_iter().chain(events.iter().map(Event::kind));
    let expect: Vec<&str> = all.map(EventKind::as_str).collect();
    assert_eq!(kinds, expect, "kinds stand in their column");

    let fill = "ALTER TABLE event DISABLE TRIGGER ALL; \
                INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) \
                SELECT 'c' || md5(n::text), 0, now(), 2, '{\"event\":\"applied\"}', '', '' \
                FROM generate_series(1, 20000) AS n; ANALYZE event";
    sqlx::raw_sql(fill).execute(&mut raw).await.unwrap();
    let sql = "EXPLAIN SELECT * FROM event WHERE kind = ANY(ARRAY['concluded', 'verified']) AND at >= now()";
    let rows = sqlx::query(sql).fetch_all(&mut raw).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(plan.iter().any(|step| step.contains("event_by_kind")), "{plan:#?}");
}

#[tokio::test]
async fn a_wrong_clock_neither_loses_nor_takes_what_is_held() {
    let database = database().await;
    let (slow, fast) = (database.open().await, database.open().await);
    let (case, another) = (open(&slow, 1, "key").await, open(&slow, 2, "key").await);
    let minute = Duration::from_secs(60);
    let (behind, ahead) = (moment() - TimeDelta::days(1), moment() + TimeDelta::days(1));
    assert!(slow.claim(&case, "here:1:1", behind, minute).await.unwrap());
    let lease = slow.acquire_lease(&host("web"), &case, behind, minute).await.unwrap().unwrap();
    assert_eq!(lease.until(), behind + minute, "the lease is in its owner's time");
    assert!(!fast.claim(&case, "there:1:1", ahead, minute).await.unwrap());
    assert_eq!(fast.acquire_lease(&host("web"), &another, ahead, minute).await, Ok(None));
    assert!(fast.try_once_every("round", ahead, minute).await.unwrap());
    assert!(!slow.try_once_every("round", behind, minute).await.unwrap());
}

#[tokio::test]
async fn the_claim_of_a_process_that_has_ended_is_taken_over_at_once() {
    let journal = database().await.open().await;
    let case = open(&journal, 1, "key").await;
    let (me, minute) = (worker_name(0), Duration::from_secs(60));
    let machine = me.rsplitn(3, ':').last().unwrap();
    let mut child = Command::new("true").spawn().unwrap();
    let dead = format!("{machine}:{}:1", child.id());
    child.wait().unwrap();
    assert!(journal.claim(&case, &dead, moment(), minute).await.unwrap());
    assert!(journal.claim(&case, &me, moment(), minute).await.unwrap(), "its worker is dead");
    assert!(!journal.claim(&case, &dead, moment(), minute).await.unwrap(), "this one lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_new_database_at_once() {
    for _ in 0..3 {
        let database = database().await;
        let tasks: Vec<_> = (0..6)
            .map(|number| {
                let database = database.clone();
                tokio::spawn(async move { open(&database.open().await, number, "key").await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(database.open().await.cases(99).await.unwrap().len(), 6);
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_explained() {
    let database = database().await;
    database.open().await;
    let url = |url: String| Address::parse(&url).unwrap();
    let socket = database.socket.display();
    let login = "user=fieldmedic&password=hunter2hunter2";
    for (address, expect) in [
        (url(format!("postgres:///nowhere?host={socket}&{login}")), "there is no database nowhere at /"),
        (
            url(format!("postgres:///nowhere?host={socket}&user=nobody&password=hunter2hunter2")),
            "refuses the login",
        ),
        (url("postgres:///fm?host=/nowhere&password=hunter2hunter2".into()), "cannot be reached"),
        (url("postgres://medic:hunter2hunter2@127.0.0.1:1/fm".into()), "does not answer within 10 s"),
    ] {
        let Err(JournalError::Unavailable(why)) = Postgres::open(&address).await else { panic!("{expect}") };
        assert!(why.contains(expect) && !why.contains("hunter2"), "{expect}: {why}");
    }
    for (alter, expect) in [
        ("UPDATE schema_version SET version = 99", "later version of fieldmedic"),
        ("DROP TABLE schema_version", "belongs to another program"),
    ] {
        database.sql(alter).await.unwrap();
        let opened = Postgres::open(&url(database.url())).await;
        let Err(JournalError::Unavailable(why)) = opened else { panic!("{alter}") };
        assert!(why.contains(expect), "{alter}: {why}");
    }
}

/// Appends a hundred records as a driver does: whatever fails, it reads the journal and goes on from there.
/// What it left is looked at by a `sound` way. Gives how often it failed.
async fn append_like_a_driver(journal: &Postgres, sound: &Postgres, case: &CaseId) -> u32 {
    let mut failures = 0;
    let mut records = sound.load(case).await.unwrap();
    while records.len() <= 100 {
        let seq = records.len() as u64;
        let (at, event) = (
            moment() + TimeDelta::seconds(seq as i64),
            Event::RemediationFailed { why: seq.to_string().into() },
        );
        match journal.append(case, seq, at, &event).await {
            Ok(()) => records.push(Record { seq, at, event }),
            Err(JournalError::Unavailable(_)) => {
                failures += 1;
                assert!(failures < 2000, "the server does not come back");
                tokio::time::sleep(Duration::from_millis(20)).await;
                if let Ok(now) = journal.load(case).await {
                    assert_eq!(now[..records.len()], records, "what was acknowledged is there");
                    records = now;
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(sound.load(case).await.unwrap(), records);
    let said: BTreeSet<String> = records.iter().map(|record| format!("{:?}", record.event)).collect();
    assert_eq!(said.len(), records.len(), "nothing is there twice");
    assert_eq!(sound.audit().await.unwrap().broken, []);
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_and_comes_back_loses_nothing() {
    let server = Arc::new(Server::start());
    let journal = server.database().await.open().await;
    let case = open(&journal, 1, "key").await;
    let killer = {
        let (server, journal, case) = (server.clone(), journal.clone(), case.clone());
        tokio::spawn(async move {
            for round in 1..=3 {
                // Something was done since the last time.
                while journal.load(&case).await.is_ok_and(|records| records.len() < 20 * round) {
                    tokio::task::yield_now().await;
                }
                let server = server.clone();
                let cycle = tokio::task::spawn_blocking(move || {
                    server.crash();
                    server.restart();
                });
                cycle.await.unwrap();
            }
        })
    };
    let failures = append_like_a_driver(&journal, &journal, &case).await;
    killer.await.unwrap();
    assert!(failures > 0, "it was noticed");
    assert_eq!(append_like_a_driver(&journal, &journal, &case).await, 0, "an idle pool gets over it too");
}

/// A way to a server that breaks at every n-th COMMIT: it reaches the server, and the answer is lost.
struct Lossy {
    directory: tempfile::TempDir,
    lost: Arc<AtomicU32>,
}

impl Lossy {
    fn start(database: &Database, nth: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let name = ".s.PGSQL.5432";
        let listener = UnixListener::bind(directory.path().join(name)).unwrap();
        let server = database.socket.join(name);
        let (lost, commits) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counter = lost.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, nth, commits.clone(), counter.clone()));
            }
        });
        Self { directory, lost }
    }

    async fn open(&self, database: &Database) -> Postgres {
        let through = Database { socket: self.directory.path().to_owned(), name: database.name.clone() };
        through.open().await
    }
}

/// Passes on what both sides say, until the answer to a COMMIT is to be lost.
async fn pass(
    mut client: UnixStream,
    mut server: UnixStream,
    nth: u32,
    commits: Arc<AtomicU32>,
    lost: Arc<AtomicU32>,
) -> std::io::Result<()> {
    let (mut asked, mut answered) = ([0; 65536], [0; 65536]);
    loop {
        tokio::select! {
            length = client.read(&mut asked) => {
                let said = &asked[..length?];
                if said.is_empty() {
                    return Ok(());
                }
                server.write_all(said).await?;
                let is_commit = said.windows(6).any(|word| word == b"COMMIT");
                if is_commit && commits.fetch_add(1, Ordering::SeqCst) % nth == nth - 1 {
                    let _done = server.read(&mut answered).await?;
                    lost.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
            }
            length = server.read(&mut answered) => {
                let said = &answered[..length?];
                if said.is_empty() {
                    return Ok(());
                }
                client.write_all(said).await?;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_a_commit_neither_loses_nor_doubles_a_record() {
    let database = database().await;
    let sound = database.open().await;
    let case = open(&sound, 1, "key").await;
    let lossy = Lossy::start(&database, 7);
    let journal = lossy.open(&database).await;
    let failures = append_like_a_driver(&journal, &sound, &case).await;
    assert!(failures >= 5 && lossy.lost.load(Ordering::SeqCst) >= 5, "{failures} answers were lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_comes_to_the_same_end_whatever_answers_are_lost() {
    let books = built_in();
    let path = fixtures().join("qfieldcloud/worker-down");
    let calm = scenario::play(&path, books).await.unwrap();
    for nth in [19, 23, 31] {
        let database = database().await;
        let mut scene = ScenarioRun::set_up(&path, books).await.unwrap();
        scene.agent.journal = Arc::new(database.open().await);
        let id = scene.take_in().await.unwrap();
        let lossy = Lossy::start(&database, nth);
        scene.agent.journal = Arc::new(lossy.open(&database).await);
        let (stop, _pull) = Shutdown::new();
        let mut case = None;
        for _ in 0..200 {
            match run_case(&scene.agent, &id, &stop).await {
                Ok(done) => case = Some(done),
                Err(CaseError::Journal(JournalError::Unavailable(_))) => continue,
                Err(other) => panic!("{other}"),
            }
            break;
        }
        assert!(lossy.lost.load(Ordering::SeqCst) >= 3);
        let audit = database.open().await.audit().await.unwrap();
        assert_eq!((audit.cases, audit.broken), (1, vec![]));
        let played = scene.judge(case.expect("it came to an end")).unwrap();
        let in_doubt = played.report.code == Some(Code::InDoubt) && !played.issue.is_closed();
        assert!(in_doubt || played.report.outcome == calm.report.outcome, "{}", played.transcript());
        let reports = played.issue.comments.iter().filter(|c| c.body.contains("kind=report")).count();
        assert_eq!(reports, 1);
    }
}

#[tokio::test]
async fn outcomes_of_the_first_versions_are_counted_with_the_others() {
    let database = database().await;
    let journal = database.open().await;
    for ticket in 1..=3 {
        open(&journal, ticket, "key").await;
    }
    let old = r#"{"kind":"escalated","code":"in-doubt","why":"it broke"}"#;
    let new =
        r#"{"version":3,"body":{"kind":"escalated","code":"in-doubt","detail":{"kind":"text","text":"x"}}}"#;
    let mut raw = database.raw().await;
    let update = "UPDATE cases SET ended = true, outcome = CASE WHEN ticket LIKE '%#1' THEN $1 ELSE $2 END";
    sqlx::query(update).bind(new).bind(old).execute(&mut raw).await.unwrap();
    let counts = journal.statistics(moment()).await;
    let ended = counts.map(|it| it.ended.iter().map(|it| it.cases).collect::<Vec<_>>());
    assert_eq!(ended, Ok(vec![3]));
}
