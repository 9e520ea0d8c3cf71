//! A daemon with 500 cases that wait for approval and 1,000 closed cases of the last week, otherwise idle.

use crate::setup::{Setup, ago, until};
use crate::{Figure, median};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::clock::SystemClock;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::ports::{Clock, Journal, NewCase};
use fieldmedic::store::Sqlite;
use std::path::Path;
use std::time::{Duration, Instant};

const PARKED: u64 = 500;
const CLOSED: u64 = 1000;
const OBSERVED: Duration = Duration::from_secs(20);

pub async fn measure(program: &Path) -> Vec<Figure> {
    let setup = Setup::new().await;
    let (waiting, closed) = samples(&setup, program).await;
    let journal = Sqlite::open(&setup.journal()).await.expect("the journal opens");
    let now = SystemClock.now();
    for number in 0..PARKED {
        copy(&journal, &waiting, &setup, 10_000 + number, now).await;
    }
    for number in 0..CLOSED {
        let at = ago(TimeDelta::minutes(i64::try_from(number).expect("a small number") * 10));
        copy(&journal, &closed, &setup, 20_000 + number, at).await;
    }
    journal.close().await;

    let daemon = setup.serve(program).await;
    // It looks at every open case once.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (before, begun) = (daemon.usage(), Instant::now());
    tokio::time::sleep(OBSERVED).await;
    let (after, took) = (daemon.usage(), begun.elapsed().as_secs_f64());
    let mut first = Vec::new();
    for _ in 0..5 {
        let seen = setup.host.lock().log().len();
        setup.file();
        let looked = until(async || setup.host.lock().log().len() > seen).await;
        first.push(looked.as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    vec![
        Figure::new("CPU", 100.0 * (after.cpu - before.cpu).as_secs_f64() / took, "%"),
        Figure::new("written", (after.written - before.written) as f64 / took / 1024.0, "KB/s"),
        Figure::new("memory", daemon.memory(), "MB"),
        Figure::new("from a ticket's webhook to the first probe", median(first), "ms"),
    ]
}

/// The records of a case that waits for approval, and of one that was escalated.
async fn samples(setup: &Setup, program: &Path) -> (Vec<Record>, Vec<Record>) {
    let _daemon = setup.serve(program).await;
    let ticket = setup.file();
    until(async || {
        setup.github.comments(&ticket).iter().any(|comment| comment.body.contains("kind=question"))
    })
    .await;
    let well =
        setup.github.file(&setup.repo, "field-agent", "well: is it down?", "It looks odd.", &["support"]);
    let well = well.expect("it is filed");
    until(async || setup.github.comments(&well).iter().any(|comment| comment.body.contains("kind=report")))
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let journal = Sqlite::open(&setup.journal()).await.expect("the journal opens");
    let mut found = Vec::new();
    for id in [&ticket, &well] {
        let case = journal.cases_of(id).await.expect("it can be read").remove(0).id;
        found.push(journal.load(&case).await.expect("it can be read"));
    }
    let closed = found.pop().expect("two cases");
    (found.pop().expect("two cases"), closed)
}

/// Writes the records anew as those of another ticket, the last of them at this time.
async fn copy(journal: &Sqlite, records: &[Record], setup: &Setup, number: u64, at: DateTime<Utc>) {
    let ticket = TicketId { repo: setup.repo.clone(), number };
    let key = format!("issue {ticket}");
    let case = CaseId::derive(&ticket, &key);
    let later = at - records.last().expect("a record").at;
    for Record { seq, at, event } in records {
        let (mut event, at) = (event.clone(), *at + later);
        match &mut event {
            Event::Opened { ticket: opened, source, library } => {
                opened.id = ticket.clone();
                let first = Event::Opened {
                    ticket: opened.clone(),
                    source: source.clone(),
                    library: library.clone(),
                };
                let new = NewCase {
                    case: case.clone(),
                    ticket: ticket.clone(),
                    key: key.clone(),
                    also: vec![],
                    at,
                    first,
                };
                journal.open_case(&new).await.expect("it is opened");
            }
            event => {
                if let Event::ApprovalRequested { until, .. } = event {
                    *until += TimeDelta::hours(12);
                }
                journal.append(&case, *seq, at, event).await.expect("it is appended");
            }
        }
    }
    debug_assert!(Case::fold(&case, records).is_ok());
}
