//! `fieldmedic archive`: closed cases leave the journal for a file.
//!
//! The file is on the disk before anything is removed. A run that is interrupted leaves the journal as it
//! was, or some cases in the file and in the journal: the next run exports those again, to a file of its
//! own. No record is ever in neither.

#![expect(
    clippy::disallowed_methods,
    reason = "reads and writes the archive file, and reckons its age from now"
)]

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::output::{ExitStatus, Format};
use crate::console::{print, print_json};
use crate::core::case::event::CaseId;
use crate::core::case::record::chain;
use crate::ports::{Audit, Removal, Store, StoredRecord};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use miette::{Context, IntoDiagnostic, Result, bail, miette};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::NamedTempFile;

/// The command line of `fieldmedic archive`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Archive cases that ended so long ago, such as `90d`.
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    before: Duration,
    /// The new file [default: fieldmedic-archive-<time>.jsonl here].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Say what would be archived, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Make the journal's file smaller afterwards. Meanwhile no case goes on, and the disk needs room for both files.
    #[arg(long, conflicts_with = "dry_run")]
    vacuum: bool,
    #[command(flatten)]
    format: Format,
}

/// Archives the closed cases of the configured journal.
///
/// # Errors
/// The journal cannot be used, a case is damaged, or the file cannot be written. Nothing is lost.
pub(super) async fn run(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let journal = app::open_journal(setting).await?;
    let now = Utc::now();
    let age = TimeDelta::from_std(arguments.before).into_diagnostic()?;
    let before =
        now.checked_sub_signed(age).ok_or_else(|| miette!("{age} is longer ago than dates reach"))?;
    let name = format!("fieldmedic-archive-{}.jsonl", now.format("%Y%m%dT%H%M%S%3fZ"));
    let output = arguments.output.unwrap_or_else(|| PathBuf::from(name));
    let archived = archive(&*journal, before, now, &output, arguments.dry_run).await?;
    if arguments.vacuum {
        journal.compact().await.into_diagnostic().wrap_err("the journal's file stays as large as it was")?;
    }
    let file = (!arguments.dry_run && archived.cases > 0).then(|| output.display().to_string());
    if arguments.format.json {
        let Archived { cases, records } = archived;
        print_json(&json!({ "cases": cases, "records": records, "file": file }))?;
    } else {
        let what = format!("{} cases with {} records", archived.cases, archived.records);
        print(&match file {
            Some(file) => format!("{what} are in {file} now. `fieldmedic audit verify {file}` checks it"),
            None if archived.cases > 0 => format!("{what} would be archived"),
            None => "no closed case is so old".to_owned(),
        });
    }
    Ok(ExitStatus::Done)
}

/// How much was archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Archived {
    cases: u64,
    records: u64,
}

/// Exports, then removes.
async fn archive(
    journal: &dyn Store,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    output: &Path,
    dry_run: bool,
) -> Result<Archived> {
    let removals = export(journal, before, now, output, dry_run).await?;
    let records = removals.iter().map(|removal| removal.records).sum();
    let archived = Archived { cases: removals.len() as u64, records };
    if dry_run || removals.is_empty() {
        return Ok(archived);
    }
    // What was written is read back: only what a reader finds there is removed here.
    let written = verify(output)?;
    if !written.broken.is_empty() || (written.cases, written.records) != (archived.cases, archived.records) {
        bail!(
            "{} does not hold what was written to it. Nothing was removed; check the disk",
            output.display()
        );
    }
    for removal in &removals {
        journal.remove_archived(removal).await.into_diagnostic().wrap_err_with(|| {
            format!("case {} stays in the journal, and is in {} too", removal.case, output.display())
        })?;
    }
    Ok(archived)
}

/// Writes the closed cases to the file, and says what may be removed then.
async fn export(
    journal: &dyn Store,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    output: &Path,
    dry_run: bool,
) -> Result<Vec<Removal>> {
    let cases = journal.closed_before(before).await.into_diagnostic()?;
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    if output.exists() {
        bail!("{} exists. Name another file with --output", output.display());
    }
    let mut file = if dry_run { None } else { Some(BufWriter::new(new_file(output)?)) };
    let mut removals = Vec::new();
    for case in cases {
        let records = journal.stored_records(&case).await.into_diagnostic()?;
        if let Some(seq) = first_broken(&case, &records) {
            bail!(
                "case {case}: record {seq} is not as it was written. Nothing was archived; see `audit verify`"
            );
        }
        let Some(last) = records.last() else { bail!("case {case} has no record. Nothing was archived") };
        removals.push(Removal {
            case,
            records: records.len() as u64,
            head: last.hash.clone(),
            archive: output.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            at: now,
        });
        for record in &records {
            let Some(file) = &mut file else { break };
            serde_json::to_writer(&mut *file, record).into_diagnostic()?;
            file.write_all(b"\n").into_diagnostic()?;
        }
    }
    if let Some(file) = file {
        keep(file.into_inner().into_diagnostic()?, output)?;
    }
    Ok(removals)
}

/// A file beside the one that it becomes.
fn new_file(output: &Path) -> Result<NamedTempFile> {
    NamedTempFile::new_in(directory(output))
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be written", output.display()))
}

fn directory(output: &Path) -> &Path {
    output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives the file its name when all of it is on the disk. An existing file is not replaced.
fn keep(mut file: NamedTempFile, output: &Path) -> Result<()> {
    let write = || format!("{} cannot be written", output.display());
    file.flush().into_diagnostic().wrap_err_with(write)?;
    file.as_file().sync_all().into_diagnostic().wrap_err_with(write)?;
    file.persist_noclobber(output).into_diagnostic().wrap_err_with(write)?;
    // The name is on the disk when the directory is.
    File::open(directory(output)).and_then(|directory| directory.sync_all()).into_diagnostic()
}

/// The first record of a case that is not as it was written, or that is missing.
fn first_broken(case: &CaseId, records: &[StoredRecord]) -> Option<u64> {
    let mut prev = "";
    for (seq, record) in (0..).zip(records) {
        let at = record.at.parse::<DateTime<Utc>>().ok();
        let hash = at.map(|at| chain(prev, case, seq, at, record.version, &record.body));
        if record.seq != seq || record.case != case.as_str() || hash.as_ref() != Some(&record.hash) {
            return Some(seq);
        }
        prev = &record.hash;
    }
    None
}

/// Checks the chain of every case in an archive. The chain does not show that a file was cut short after
/// a whole case; the stub in the journal does.
///
/// # Errors
/// The file cannot be read, or a line of it is no record.
pub(super) fn verify(file: &Path) -> Result<Audit> {
    let open =
        File::open(file).into_diagnostic().wrap_err_with(|| format!("{} cannot be read", file.display()))?;
    let mut cases: BTreeMap<CaseId, Vec<StoredRecord>> = BTreeMap::new();
    for (number, line) in (1..).zip(BufReader::new(open).lines()) {
        let at = || format!("{}, line {number}", file.display());
        let line = line.into_diagnostic().wrap_err_with(at)?;
        let record: StoredRecord = serde_json::from_str(&line).into_diagnostic().wrap_err_with(at)?;
        let case = CaseId::from_text(&record.case)
            .ok_or_else(|| miette!("{}: `{}` is not the name of a case", at(), record.case))?;
        cases.entry(case).or_default().push(record);
    }
    let mut audit = Audit::default();
    for (case, records) in cases {
        audit.cases += 1;
        audit.records += records.len() as u64;
        if let Some(seq) = first_broken(&case, &records) {
            audit.broken.push((case, seq));
        }
    }
    Ok(audit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::case::event::{Event, Source};
    use crate::core::playbook::LibraryHash;
    use crate::core::text::redact::Redacted;
    use crate::core::ticket::{Ticket, TicketState};
    use crate::ports::{Archive, Journal, NewCase};
    use crate::store::Sqlite;
    use std::fs;

    /// A journal with closed cases of tickets 1 and 2, and one of ticket 3 that runs.
    async fn journal(at: DateTime<Utc>) -> Sqlite {
        let journal = Sqlite::in_memory().await.unwrap();
        for number in 1..=3 {
            let id = format!("example/tickets#{number}").parse().unwrap();
            let ticket = Ticket {
                id,
                title: Redacted::constant("Sync never finishes"),
                body: Redacted::constant("line one\n\"two\""),
                author: "maria".into(),
                labels: Vec::new(),
                state: TicketState::Open,
                locked: false,
                created_at: at,
                updated_at: at,
                url: String::new(),
            };
            let case = CaseId::derive(&ticket.id, "key");
            let opening = NewCase {
                case: case.clone(),
                ticket: ticket.id.clone(),
                key: format!("key {number}"),
                also: Vec::new(),
                at,
                first: Event::Opened { ticket, source: Source::Poll, library: LibraryHash("ab".into()) },
            };
            journal.open_case(&opening).await.unwrap();
            if number < 3 {
                journal.append(&case, 1, at, &Event::Ended).await.unwrap();
            }
        }
        journal
    }

    #[tokio::test]
    async fn closed_cases_move_to_a_file_that_verifies() {
        let home = tempfile::tempdir().unwrap();
        let (output, now) = (home.path().join("a.jsonl"), DateTime::UNIX_EPOCH + TimeDelta::days(90));
        let journal = journal(DateTime::UNIX_EPOCH).await;
        let none = Archived { cases: 0, records: 0 };
        let all = Archived { cases: 2, records: 4 };
        assert_eq!(archive(&journal, DateTime::UNIX_EPOCH, now, &output, false).await.unwrap(), none);
        assert_eq!(archive(&journal, now, now, &output, true).await.unwrap(), all);
        assert!(!output.exists(), "a rehearsal writes nothing");
        assert_eq!(journal.closed_before(now).await.unwrap().len(), 2, "and removes nothing");

        assert_eq!(archive(&journal, now, now, &output, false).await.unwrap(), all);
        assert_eq!(verify(&output).unwrap(), Audit { cases: 2, records: 4, broken: Vec::new() });
        assert_eq!(journal.audit().await.unwrap(), Audit { cases: 3, records: 1, broken: Vec::new() });
        let listed = journal.cases(9).await.unwrap();
        journal.rebuild().await.unwrap();
        assert_eq!(journal.cases(9).await.unwrap(), listed);
        assert_eq!(journal.audit().await.unwrap().broken, []);
        assert_eq!(archive(&journal, now, now, &output, false).await.unwrap(), none, "and again");

        let text = fs::read_to_string(&output).unwrap();
        fs::write(&output, text.replacen("two", "too", 1)).unwrap();
        assert_eq!(verify(&output).unwrap().broken.len(), 1);
    }

    #[tokio::test]
    async fn a_run_that_dies_between_export_and_removal_loses_nothing_and_can_be_repeated() {
        let home = tempfile::tempdir().unwrap();
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(90);
        let (first, second) = (home.path().join("first.jsonl"), home.path().join("second.jsonl"));
        let journal = journal(DateTime::UNIX_EPOCH).await;
        let removals = export(&journal, now, now, &first, false).await.unwrap();
        // Dead before any removal, or after one of them.
        journal.remove_archived(&removals[0]).await.unwrap();
        assert_eq!(journal.audit().await.unwrap().broken, []);

        assert!(archive(&journal, now, now, &first, false).await.is_err(), "a file is never replaced");
        let archived = archive(&journal, now, now, &second, false).await.unwrap();
        assert_eq!(archived, Archived { cases: 1, records: 2 });
        assert_eq!(verify(&first).unwrap().cases, 2);
        assert_eq!(verify(&second).unwrap().broken, []);
        assert_eq!(journal.closed_before(now).await, Ok(Vec::new()));
        let place = async |index: usize| journal.archived_in(&removals[index].case).await.unwrap();
        assert_eq!(place(0).await.as_deref(), Some("first.jsonl"));
        assert_eq!(place(1).await.as_deref(), Some("second.jsonl"));
    }
}
