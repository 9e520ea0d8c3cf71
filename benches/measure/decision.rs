//! One decision about a remediation, with everything that it asks of the journal: after 1,000 and 10,000 cases of a
//! week, on 50 hosts.

use crate::{Figure, median};
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::case::payload::{decode_event, encode_event};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::decide::{DecisionInput, decide};
use fieldmedic::core::ids::{HostName, SystemName};
use fieldmedic::core::policy::run_history::RunHistory;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::{Shutdown, run_case_waiting};
use fieldmedic::library::Files;
use fieldmedic::ports::{Inbox, Journal, NewCase, RunsOf};
use fieldmedic::scenario::{LoadedPlaybooks, ScenarioRun};
use fieldmedic::store::Sqlite;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const HOSTS: u64 = 50;

pub async fn measure() -> Vec<Figure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = Files::from_dir(&root.join("playbooks")).expect("the playbooks can be read");
    let books = LoadedPlaybooks::open(&files).expect("the playbooks are right");
    let run = ScenarioRun::set_up(&root.join("fixtures/qfieldcloud/worker-down"), &books).await;
    let run = run.expect("the scenario is right");
    let id = run.take_in().await.expect("it becomes a case");
    let (stop, _sender) = Shutdown::new();
    let case = run_case_waiting(&run.agent, &id, &stop).await.expect("it is worked");
    let records = run.agent.journal.load(&id).await.expect("they can be read");
    let before = records.iter().position(|record| matches!(record.event, Event::RemediationStarted(_)));
    let diagnosed = Case::fold(&id, &records[..before.expect("it is mended")]).expect("it is whole");
    let system = case.triage.as_ref().and_then(|triage| triage.system.clone()).expect("a system").name;

    let mut figures = Vec::new();
    for cases in [1_000, 10_000] {
        let journal = Sqlite::in_memory().await.expect("a journal");
        for number in 0..cases {
            write(&journal, &case, &records, &system, number).await;
        }
        let hosts = BTreeSet::from([HostName::new("host-7").expect("a name")]);
        let now = run.agent.clock.now();
        let mut times = Vec::new();
        for _ in 0..100 {
            let begun = Instant::now();
            let pause = journal.pause_state().await.expect("it can be read");
            let signals = journal.signals(&id).await.expect("they can be read");
            let of = RunsOf { system: &system, hosts: &hosts, since: now - RunHistory::LOOKBACK };
            let history = journal.run_history(&of).await.expect("it can be read");
            black_box(decide(
                &diagnosed,
                DecisionInput {
                    library: &run.agent.library,
                    inventory: &run.agent.inventory,
                    policy: &run.agent.policy,
                    pause: pause.as_ref(),
                    signals: &signals,
                    history: Some(&history),
                    now,
                },
            ));
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        figures.push(Figure::new(format!("after {cases} cases of a week"), median(times), "ms"));
    }
    figures
}

/// A case that was closed so many minutes ago, on one of the hosts and about a system of its own.
async fn write(journal: &Sqlite, case: &Case, records: &[Record], system: &SystemName, number: u64) {
    let ticket = TicketId { number: 100 + number, ..case.ticket.id.clone() };
    let id = CaseId::derive(&ticket, "measured");
    let last = records.last().expect("a record").at;
    let at = last - TimeDelta::seconds(i64::try_from(number).expect("a small number") * 60);
    let mut seq = 0;
    for record in records {
        let of_a_run = matches!(
            record.event,
            Event::Opened { .. }
                | Event::Triaged(_)
                | Event::RemediationStarted(_)
                | Event::ChangeStarted { .. }
                | Event::VerificationPassed { .. }
                | Event::Ended
        );
        if !of_a_run {
            continue;
        }
        let body = encode_event(&record.event).expect("it can be written");
        let body = body.replace("\"main\"", &format!("\"host-{}\"", number % HOSTS));
        let body = body
            .replace(&format!("\"name\":\"{system}\""), &format!("\"name\":\"{system}-{}\"", number % HOSTS));
        let mut event = decode_event(Event::VERSION, &body).expect("it can be read");
        if let Event::Opened { ticket: opened, .. } = &mut event {
            opened.id = ticket.clone();
            let new = NewCase {
                case: id.clone(),
                ticket: ticket.clone(),
                key: format!("measured {number}"),
                also: vec![],
                at,
                first: event,
            };
            journal.open_case(&new).await.expect("it is opened");
        } else {
            journal.append(&id, seq, at, &event).await.expect("it is appended");
        }
        seq += 1;
    }
}
