//! Golden journals: the records of whole cases, as each version of the record format wrote them. Every
//! later version reads them and makes of them what their own version made of them.
//!
//! `tests/data/journals/README.md` describes the files.

mod outcome;
mod plays;

use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::case::record::{Record, chain};
use fieldmedic::core::case::{Case, Stage};
use fieldmedic::core::decide::action::Action;
use fieldmedic::core::decide::{DecisionInput, decide};
use fieldmedic::core::ids::SystemName;
use fieldmedic::core::playbook::inventory::Inventory;
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::core::policy::run_history::{RunEvent, RunHistory};
use fieldmedic::library::{self, Files};
use fieldmedic::ports::{Journal, JournalError, RunsOf, StoredRecord};
use fieldmedic::store::Sqlite;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A journal that holds every kind of record and every variant. It is no case, so nothing folds it.
const EVERY_KIND: &str = "every-kind";

/// One file.
#[derive(Debug, Clone)]
pub struct Golden {
    pub name: String,
    pub lines: Vec<StoredRecord>,
    /// After how many records it is read too, as if it ended there.
    pub cuts: Vec<usize>,
}

/// What the program makes of a file.
struct Reading {
    id: CaseId,
    records: Vec<Record>,
    /// What limits are computed from, as the store has indexed it.
    past: RunHistory,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/journals")
}

/// The folders of all versions, and which version each is of.
fn versions() -> BTreeMap<u32, PathBuf> {
    let entries = fs::read_dir(folder()).expect("there is a folder of journals");
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    let numbered = paths.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let number = name.strip_prefix('v').and_then(|number| number.parse().ok());
        (number.unwrap_or_else(|| panic!("`{name}` names no version")), path)
    });
    numbered.collect()
}

/// All files of a version.
fn files(folder: &Path) -> Vec<Golden> {
    let entries = fs::read_dir(folder).expect("a folder of journals");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let journals: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".jsonl")).collect();
    let mut files: Vec<Golden> = journals.iter().map(|name| Golden::read(folder, name)).collect();
    for name in &names {
        let Some(of) = name.strip_suffix(".outcome.json") else { continue };
        let (of, cut) = match of.split_once(".first-") {
            Some((of, cut)) => (of, cut.parse().ok()),
            None => (of, Some(0)),
        };
        let golden = files.iter_mut().find(|golden| golden.name == of).zip(cut);
        let (golden, cut) = golden.unwrap_or_else(|| panic!("{name} belongs to no journal"));
        golden.cuts.extend((cut > 0).then_some(cut));
    }
    files
}

/// The cases that a version wrote, one for each id.
pub fn cases_of_version(version: u32) -> BTreeMap<CaseId, Golden> {
    let versions = versions();
    let all = files(versions.get(&version).expect("a folder of this version"));
    let cases = all.into_iter().filter(|golden| golden.name != EVERY_KIND);
    cases.map(|golden| (CaseId::from_text(&golden.lines[0].case).expect("a case"), golden)).collect()
}

impl Golden {
    /// What today's program reads from them.
    pub async fn records(&self) -> Vec<Record> {
        self.understood().await.unwrap_or_else(|why| panic!("{}: {why}", self.name)).records
    }

    fn read(folder: &Path, name: &str) -> Self {
        let text = fs::read_to_string(folder.join(format!("{name}.jsonl"))).expect("the file can be read");
        let line = |(number, line)| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}.jsonl:{number}: {error}"))
        };
        let lines = (1..).zip(text.lines()).map(line).collect();
        Self { name: name.to_owned(), lines, cuts: Vec::new() }
    }

    /// How many records it has up to the first one that was written as this kind.
    fn first(&self, kind: &str) -> usize {
        let starts = format!("{{\"event\":\"{kind}\"");
        let first = self.lines.iter().position(|line| line.body.starts_with(&starts));
        1 + first.unwrap_or_else(|| panic!("{} has no `{kind}`", self.name))
    }

    /// The whole, and what is left of it at each cut; with the name of the outcome's file.
    fn parts(&self) -> Vec<(String, Self)> {
        let cut = |length: &usize| {
            let lines = self.lines.get(..*length).expect("it is so long").to_vec();
            let part = Self { lines, ..self.clone() };
            (format!("{}.first-{length}.outcome.json", self.name), part)
        };
        let whole = (format!("{}.outcome.json", self.name), self.clone());
        [whole].into_iter().chain(self.cuts.iter().map(cut)).collect()
    }

    /// Puts the records into a journal as they are, and reads them as the program reads its own.
    async fn understood(&self) -> Result<Reading, String> {
        let first = self.lines.first().ok_or("it is empty")?;
        let id = CaseId::from_text(&first.case).ok_or("it names no case")?;
        let unbroken = self.unbroken(&id)?;
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("journal.db");
        let journal = Sqlite::open(&path).await.map_err(|error| error.to_string())?;
        let mut raw = raw(&path).await;
        let before = [String::new()].into_iter().chain(self.lines.iter().map(|line| line.hash.clone()));
        for (line, before) in self.lines.iter().zip(before) {
            insert(&mut raw, line, &before).await.map_err(|error| error.to_string())?;
        }
        drop(raw);
        journal.rebuild().await.map_err(|error| error.to_string())?;
        let audit = journal.audit().await.map_err(|error| error.to_string())?;
        if !audit.broken.is_empty() || audit.records != unbroken {
            return Err(format!("the audit says {audit:?}"));
        }
        let records = journal.load(&id).await.map_err(|error| error.to_string())?;
        let past = past(&journal, &id, &records).await.map_err(|error| error.to_string())?;
        Ok(Reading { id, records, past })
    }

    /// Follows the chain of hashes, which needs nothing but the file, and counts its records.
    fn unbroken(&self, id: &CaseId) -> Result<u64, String> {
        let mut before = "";
        for (seq, line) in (0..).zip(&self.lines) {
            let at = line.at.parse().map_err(|_| format!("record {seq}: `{}` is no moment", line.at))?;
            let hash = chain(before, id, seq, at, line.version, &line.body);
            if line.case != id.as_str() || line.seq != seq || line.hash != hash {
                return Err(format!("record {seq} is not as it was written"));
            }
            before = &line.hash;
        }
        Ok(self.lines.len() as u64)
    }

    /// What the program makes of it, in words that outlive its types.
    async fn outcome(&self) -> Result<Value, String> {
        let Reading { id, records, past } = self.understood().await?;
        if self.name == EVERY_KIND {
            return Ok(json!({ "records": records.iter().map(outcome::meaning).collect::<Vec<_>>() }));
        }
        let case = Case::fold(&id, &records).map_err(|error| error.to_string())?;
        let next = next(&case, &past);
        Ok(outcome::outcome(&case, &records, &past, &next))
    }

    /// How it differs from what it was.
    async fn check(&self, expected: &Value) -> Result<(), String> {
        let got = self.outcome().await?;
        let differences = outcome::differences(expected, &got);
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n  ")) }
    }
}

/// The history of every host that the records name.
async fn past(journal: &Sqlite, id: &CaseId, records: &[Record]) -> Result<RunHistory, JournalError> {
    let mut hosts = BTreeSet::new();
    for record in records {
        match RunEvent::of(&record.event) {
            Some(RunEvent::Started(plan)) => hosts.extend(plan.hosts()),
            Some(RunEvent::ChangeStarted(host)) => drop(hosts.insert(host.clone())),
            Some(RunEvent::Ended { .. }) | None => {}
        }
    }
    let case = Case::fold(id, records).ok();
    let system = case.and_then(|case| Some(case.triage?.system?.name));
    let system = system.unwrap_or_else(|| SystemName::new("none").expect("a name"));
    let since = chrono::DateTime::UNIX_EPOCH;
    journal.run_history(&RunsOf { system: &system, hosts: &hosts, since }).await
}

fn expected(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One name or record a line, so that a difference can be read.
fn in_lines(outcome: &Value) -> String {
    let Value::Object(outcome) = outcome else { panic!("not an object: {outcome}") };
    let value = |value: &Value| match value {
        Value::Array(values) if values.len() > 1 => {
            let values: Vec<String> = values.iter().map(|value| format!("    {value}")).collect();
            format!("[\n{}\n  ]", values.join(",\n"))
        }
        other => other.to_string(),
    };
    let lines: Vec<String> = outcome.iter().map(|(name, it)| format!("  {name:?}: {}", value(it))).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// The next thing to do, at the moment of the last record. The built-in playbooks stand in for those that
/// the case began with.
fn next(case: &Case, past: &RunHistory) -> Action {
    if case.stage == Stage::Ended {
        return Action::Done;
    }
    // A case goes on with the playbooks that it began with, and these journals with those of their time.
    let playbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/playbooks/format-1");
    let playbooks = Files::from_dir(&playbooks).expect("the playbooks can be read");
    let library = library::load(&playbooks).expect("the playbooks are right");
    let mode = if case.pending_approval.is_some() { Mode::Ask } else { Mode::Act };
    let policy = Policy { mode, ..Policy::default() };
    let world = DecisionInput {
        library: &library,
        inventory: &Inventory::default(),
        policy: &policy,
        pause: case.paused.as_ref(),
        signals: &[],
        history: Some(past),
        now: case.updated_at,
    };
    decide(case, world)
}

/// A way round the journal, to the tables themselves.
async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.expect("the file of the journal")
}

/// Puts a record into the table as it is.
pub async fn insert(
    raw: &mut SqliteConnection,
    line: &StoredRecord,
    before: &str,
) -> Result<(), sqlx::Error> {
    let StoredRecord { case, seq, at, version, body, hash } = line;
    sqlx::query(
        "INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(case)
    .bind(i64::try_from(*seq).expect("a small number"))
    .bind(at)
    .bind(version)
    .bind(body)
    .bind(before)
    .bind(hash)
    .execute(raw)
    .await
    .map(drop)
}

/// The records of a case as a journal keeps them.
pub async fn lines(path: &Path, case: &CaseId) -> Vec<StoredRecord> {
    let rows = sqlx::query("SELECT seq, at, version, body, hash FROM event WHERE case_id = ? ORDER BY seq")
        .bind(case.as_str())
        .fetch_all(&mut raw(path).await)
        .await
        .expect("the journal can be read");
    let line = |row: &sqlx::sqlite::SqliteRow| StoredRecord {
        case: case.to_string(),
        seq: u64::try_from(row.get::<i64, _>("seq")).expect("a sequence number"),
        at: row.get("at"),
        version: row.get("version"),
        body: row.get("body"),
        hash: row.get("hash"),
    };
    rows.iter().map(line).collect()
}

#[tokio::test]
async fn every_journal_folds_to_what_it_was() {
    let versions = versions();
    assert!(!versions.is_empty(), "there are no golden journals in {}", folder().display());
    let mut wrong = Vec::new();
    for (version, folder) in &versions {
        let files = files(folder);
        assert!(files.iter().any(|golden| golden.name == EVERY_KIND), "v{version} has no {EVERY_KIND}");
        assert!(files.len() > 1, "v{version} has no case");
        for golden in files {
            let stray = golden.lines.iter().find(|line| line.version != *version);
            assert_eq!(stray, None, "{}: a record of another version", golden.name);
            for (name, part) in golden.parts() {
                if let Err(why) = part.check(&expected(&folder.join(&name))).await {
                    wrong.push(format!("v{version}/{name}:\n  {why}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever renames a type can rely on these files only if they notice.
#[tokio::test]
async fn a_damaged_record_is_noticed() {
    let (_, folder) = versions().pop_last().expect("a version");
    let golden = Golden::read(&folder, "resolved");
    let expected = expected(&folder.join("resolved.outcome.json"));
    type Damage = fn(&mut Vec<StoredRecord>);
    let damages: [(&str, Damage); 8] = [
        ("a word of a body", |lines| lines[0].body = lines[0].body.replacen("example", "instead", 1)),
        ("the same, with hashes that fit", |lines| {
            lines[0].body = lines[0].body.replacen("example", "instead", 1);
            seal(lines);
        }),
        ("a moment", |lines| lines[2].at = lines[2].at.replace("Z", "1Z")),
        ("a version", |lines| lines[3].version += 1),
        ("a hash", |lines| lines[4].hash = lines[5].hash.clone()),
        ("a case", |lines| lines[5].case = "c0123456789ab".into()),
        ("a record that is gone", |lines| drop(lines.remove(6))),
        ("the end, which no chain holds", |lines| drop(lines.pop())),
    ];
    for (what, damage) in damages {
        let mut lines = golden.lines.clone();
        damage(&mut lines);
        assert_ne!(lines, golden.lines, "{what}");
        let damaged = Golden { lines, ..golden.clone() };
        assert!(damaged.check(&expected).await.is_err(), "{what}");
    }
    assert_eq!(golden.check(&expected).await, Ok(()));
}

/// Makes the chain of hashes anew.
fn seal(lines: &mut [StoredRecord]) {
    let mut before = String::new();
    for line in lines {
        let id = CaseId::from_text(&line.case).expect("a case");
        let at = line.at.parse().expect("a moment");
        line.hash = chain(&before, &id, line.seq, at, line.version, &line.body);
        before.clone_from(&line.hash);
    }
}

/// Writes the journals of today's version. What was written once is never written again: it says what
/// that version wrote.
#[tokio::test]
#[ignore = "writes the files of a new version: cargo test --test suite golden::write -- --ignored"]
async fn write_the_journals_of_this_version() {
    let folder = folder().join(format!("v{}", Event::VERSION));
    fs::create_dir_all(folder.parent().expect("a folder")).expect("it can be made");
    fs::create_dir(&folder).expect("this version has no journals yet");
    for golden in plays::all().await {
        for (name, part) in golden.parts() {
            let outcome = part.outcome().await.unwrap_or_else(|why| panic!("{name}: {why}"));
            fs::write(folder.join(&name), in_lines(&outcome)).expect("it is written");
        }
        let lines: Vec<String> =
            golden.lines.iter().map(|line| serde_json::to_string(line).expect("it is JSON")).collect();
        let text = lines.join("\n") + "\n";
        fs::write(folder.join(format!("{}.jsonl", golden.name)), text).expect("it is written");
    }
}
