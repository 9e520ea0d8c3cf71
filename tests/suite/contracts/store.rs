//! The contract of [`Journal`]. [`store_contract!`] makes a test of each clause for one adapter.

use super::events::{about, changed, doors, following, host, look_again, moment, opened, started, ticket_id};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::case::event::{CaseId, Event, EventKind};
use fieldmedic::core::case::outcome::{Code, Escalation, Outcome};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::case::signal::{QueuedSignal, Signal, SignalKind};
use fieldmedic::core::decide::action::{Suspension, SuspensionEnd};
use fieldmedic::core::ids::{ChannelName, SystemName};
use fieldmedic::core::measurement::{Measured, SeriesName};
use fieldmedic::core::playbook::LibraryHash;
use fieldmedic::core::policy::pause_order::{PauseOrder, PauseOrderKind, PauseOrigin};
use fieldmedic::core::policy::run_history::{RemediationRun, RunHistory, RunResult};
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::ports::{
    Audit, CaseEntry, CaseQuery, CaseSummary, Cursor, DedupeKey, Enqueued, Grain, JournalError,
    MAX_IN_MESSAGE, MAX_WAITING, MeasurementQuery, MeasurementRow, NewCase, OpenResult, Parked, PlaybookRuns,
    QueuedDelivery, QueuedNotice, Removal, RunsOf, ShellError, Store, SweepMeasurements, SystemSweep,
    check_lease,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Two ways into one new journal, as two processes have them, and what has to outlive them.
pub struct Pair {
    pub one: Arc<dyn Store>,
    pub other: Arc<dyn Store>,
    pub _home: Box<dyn Send>,
}

/// A journal that was opened to be read shows what is there, and takes nothing. `written` is the same, and `case` has
/// records in it.
pub async fn a_reader_changes_nothing(reader: &dyn Store, written: &dyn Store, case: &CaseId) {
    let records = written.load(case).await.unwrap();
    let count = records.len() as u64;
    assert_eq!(reader.load(case).await.unwrap(), records);
    assert_eq!(reader.cases(10).await.unwrap(), written.cases(10).await.unwrap());
    let signal = Signal { by: "ops-lead".into(), at: moment(), kind: SignalKind::Cancel };
    let order = PauseOrder {
        by: "ops-lead".into(),
        given_at: moment(),
        origin: PauseOrigin::Terminal,
        kind: PauseOrderKind::Resume,
    };
    let done = DedupeKey::RecurrenceCheck(case.clone());
    let cursor = Cursor::Task("sweep".into());
    let minute = Duration::from_secs(60);
    for refused in [
        reader.append(case, count, moment(), &following()[0]).await.map(drop),
        reader.open_case(&opening(9, "key 9")).await.map(drop),
        reader.send_signal(case, "key", &signal).await.map(drop),
        reader.order_pause(&order).await.map(drop),
        reader.mark_done(&done, moment()).await,
        reader.set_cursor(&cursor, moment()).await,
        reader.try_once_every("sweep", moment(), minute).await.map(drop),
        reader.enqueue_delivery(&QueuedDelivery { key: "a".into(), body: json!({}) }).await.map(drop),
        reader.store_library(&LibraryHash("0".into()), &BTreeMap::new()).await.map(drop),
    ] {
        assert!(matches!(refused, Err(JournalError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(written.load(case).await.unwrap(), records);
    assert_eq!((written.done_at(&done).await, written.cursor(&cursor).await), (Ok(None), Ok(None)));
    assert!(written.signals(case).await.unwrap().is_empty());
    assert_eq!(written.pause_order().await, Ok(None));
}

/// Tests that an adapter keeps the contract; `$fresh` is an async function that gives a [`Pair`].
macro_rules! store_contract {
    ($fresh:path) => {
        store_contract! { $fresh:
            every_event_comes_back_as_it_was
            what_a_look_does_not_repeat_is_read_with_it
            a_record_is_appended_once_and_in_order
            of_two_that_append_one_wins
            what_came_in_once_opens_one_case
            many_that_open_at_once_open_one_case
            a_ticket_has_one_case_at_a_time
            a_case_begins_with_its_ticket
            cases_are_listed
            the_cases_of_a_ticket_are_listed
            a_claim_is_exclusive_until_it_runs_out
            of_many_that_claim_one_gets_it
            a_lease_is_exclusive_until_it_is_over
            what_is_held_stays_so_for_a_paused_owner_only_until_it_runs_out
            of_many_that_hold_one_gets_the_host
            libraries_are_kept
            cursors_are_kept
            what_is_done_once_is_remembered_until_it_expires
            an_archived_case_leaves_a_stub
            only_what_was_exported_is_removed
            of_many_one_has_the_turn
            what_came_in_is_kept_until_it_was_worked
            of_many_one_gets_a_delivery
            the_newest_pause_order_counts_however_orders_arrive
            words_are_left_once_and_in_order
            the_history_of_all_cases_is_told
            a_parked_case_is_left_alone_until_its_time
            a_parked_case_is_due_when_what_it_waits_for_has_come
            what_came_before_a_case_was_parked_is_not_missed
            a_claimed_case_is_due_for_its_worker_alone
            the_history_of_runs_is_that_of_the_hosts_and_the_system
            cases_runs_disputes_and_deliveries_are_counted
            a_whole_journal_passes_the_audit
            cases_are_found_page_by_page
            playbooks_are_counted_by_run
            the_newest_sweep_of_each_system_is_kept
            a_notice_is_queued_once_for_each_channel
            a_message_stays_as_it_was_begun_until_it_is_settled
            of_many_one_sends_a_message
            of_too_many_notices_the_oldest_are_given_up
            measurements_are_kept_by_sweep_and_by_hour
            measurements_of_an_hour_lose_nothing_to_one_another
            old_measurements_go
        }
    };
    ($fresh:path: $($clause:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $clause() {
            $crate::contracts::store::$clause($fresh().await).await;
        }
    )*};
}

const MINUTE: Duration = Duration::from_secs(60);

/// A key stands for one content, so two tickets never share one.
pub fn opening(ticket: u64, key: &str) -> NewCase {
    let ticket = ticket_id(ticket);
    let key = format!("{ticket} {key}");
    let also = Vec::new();
    NewCase { case: CaseId::derive(&ticket, &key), first: opened(&ticket), ticket, key, also, at: moment() }
}

/// Opens a case and gives its name.
pub async fn open(journal: &dyn Store, ticket: u64, key: &str) -> CaseId {
    let opening = opening(ticket, key);
    assert_eq!(journal.open_case(&opening).await, Ok(OpenResult::Opened(opening.case.clone())));
    opening.case
}

async fn end(journal: &dyn Store, case: &CaseId) {
    let seq = journal.load(case).await.unwrap().len() as u64;
    journal.append(case, seq, moment(), &Event::Ended).await.unwrap();
}

pub async fn every_event_comes_back_as_it_was(pair: Pair) {
    for (number, door) in (10..).zip(doors()) {
        let mut opening = opening(number, "key");
        if let Event::Opened { source: first, .. } = &mut opening.first {
            *first = door;
        }
        pair.one.open_case(&opening).await.unwrap();
        let loaded = pair.other.load(&opening.case).await.unwrap();
        assert_eq!(loaded, [Record { seq: 0, at: moment(), event: opening.first }]);
    }

    let case = open(&*pair.one, 1, "key").await;
    let mut expect = vec![Record { seq: 0, at: moment(), event: opened(&ticket_id(1)) }];
    // The year before 1970 and the finest moment: what is finer than a microsecond is cut off.
    let moments = [TimeDelta::zero(), TimeDelta::nanoseconds(999), TimeDelta::days(-365 * 60)];
    for ((seq, event), after) in (1..).zip(following()).zip(moments.iter().cycle()) {
        pair.one.append(&case, seq, moment() + *after, &event).await.unwrap();
        let at = if after.num_days() == 0 { moment() } else { moment() + *after };
        expect.push(Record { seq, at, event });
    }
    assert_eq!(pair.one.load(&case).await.unwrap(), expect);
    assert_eq!(pair.other.load(&case).await.unwrap(), expect);
    assert_eq!(pair.one.load(&CaseId::derive(&ticket_id(2), "none")).await, Ok(vec![]));
}

pub async fn what_a_look_does_not_repeat_is_read_with_it(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    let (whole, again) = look_again();
    for (seq, event) in (1..).zip([&whole, &again, &again]) {
        pair.one.append(&case, seq, moment(), event).await.unwrap();
    }
    let read: Vec<Event> = pair.other.load(&case).await.unwrap().into_iter().map(|it| it.event).collect();
    assert_eq!(read[1..], [whole.clone(), whole.clone(), whole]);

    let dangling = open(&*pair.one, 2, "key").await;
    pair.one.append(&dangling, 1, moment(), &again).await.unwrap();
    let Err(JournalError::Unreadable(why)) = pair.other.load(&dangling).await else { panic!("it dangles") };
    assert!(why.contains("record 1 refers to an earlier result of the probe `disk`"), "{why}");
}

pub async fn a_record_is_appended_once_and_in_order(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    pair.one.append(&case, 1, moment(), &Event::StepsCompleted).await.unwrap();
    let before = pair.one.load(&case).await.unwrap();
    for seq in [0, 1, 3, u64::MAX] {
        let refused = pair.other.append(&case, seq, moment(), &Event::RolledBack { clean: true }).await;
        assert_eq!(refused, Err(JournalError::Conflict { case: case.clone(), seq }));
    }
    assert_eq!(pair.one.load(&case).await.unwrap(), before);

    let never_opened = CaseId::derive(&ticket_id(9), "none");
    for seq in [0, 1] {
        let refused = pair.one.append(&never_opened, seq, moment(), &opened(&ticket_id(9))).await;
        assert_eq!(refused, Err(JournalError::Conflict { case: never_opened.clone(), seq }));
    }
    assert_eq!(pair.one.cases(9).await.unwrap().len(), 1);
}

pub async fn of_two_that_append_one_wins(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    for seq in 1..=50 {
        let write = |journal: &Arc<dyn Store>, event| {
            let (journal, case) = (Arc::clone(journal), case.clone());
            tokio::spawn(async move { journal.append(&case, seq, moment(), &event).await })
        };
        let one = write(&pair.one, Event::StepsCompleted);
        let other = write(&pair.other, Event::RolledBack { clean: true });
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        let conflict = Err(JournalError::Conflict { case: case.clone(), seq });
        let (won, expect) = if one.is_ok() {
            (&other, Event::StepsCompleted)
        } else {
            (&one, Event::RolledBack { clean: true })
        };
        assert!((one.is_ok() != other.is_ok()) && *won == conflict, "{one:?} {other:?}");
        assert_eq!(pair.one.load(&case).await.unwrap().pop().unwrap().event, expect);
    }
    assert_eq!(pair.one.audit().await.unwrap().broken, []);
}

pub async fn what_came_in_once_opens_one_case(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    assert_eq!(pair.other.open_case(&opening(1, "key")).await, Ok(OpenResult::Duplicate));
    end(&*pair.one, &case).await;
    assert_eq!(pair.one.open_case(&opening(1, "key")).await, Ok(OpenResult::Duplicate));
    assert_eq!(pair.one.cases(9).await.unwrap().len(), 1);
}

pub async fn many_that_open_at_once_open_one_case(pair: Pair) {
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let journal = Arc::clone(if number % 2 == 0 { &pair.one } else { &pair.other });
            tokio::spawn(async move { journal.open_case(&opening(1, "key")).await.unwrap() })
        })
        .collect();
    let mut intakes = Vec::new();
    for task in tasks {
        intakes.push(task.await.unwrap());
    }
    let opened = intakes.iter().filter(|intake| matches!(intake, OpenResult::Opened(_))).count();
    let seen = intakes.iter().filter(|intake| **intake == OpenResult::Duplicate).count();
    assert_eq!((opened, seen), (1, 19));
}

pub async fn a_ticket_has_one_case_at_a_time(pair: Pair) {
    let case = open(&*pair.one, 1, "first").await;
    assert_eq!(pair.other.open_case(&opening(1, "second")).await, Ok(OpenResult::Running(case.clone())));
    let mut shouted = opening(1, "third");
    shouted.ticket = "EXAMPLE/Tickets#1".parse().unwrap();
    assert_eq!(pair.one.open_case(&shouted).await, Ok(OpenResult::Running(case.clone())));
    open(&*pair.one, 2, "first of another").await;

    end(&*pair.one, &case).await;
    let mut again = opening(1, "second");
    again.also = vec![opening(1, "fourth").key];
    let again = pair.one.open_case(&again).await.unwrap();
    assert!(matches!(again, OpenResult::Opened(_)), "what met a running case is not lost: {again:?}");
    assert_ne!(again, OpenResult::Opened(case));
    assert_eq!(
        pair.other.open_case(&opening(1, "fourth")).await,
        Ok(OpenResult::Duplicate),
        "that case answers it too"
    );
}

pub async fn a_case_begins_with_its_ticket(pair: Pair) {
    let mut without = opening(1, "key");
    without.first = Event::Ended;
    let mut of_another = opening(1, "key");
    of_another.first = opened(&ticket_id(2));
    for wrong in [without, of_another] {
        let refused = pair.one.open_case(&wrong).await;
        assert!(matches!(refused, Err(JournalError::Unreadable(_))), "{refused:?}");
    }
    open(&*pair.one, 1, "key").await;
}

pub async fn cases_are_listed(pair: Pair) {
    let mut openings: Vec<NewCase> = (1..=4).map(|number| opening(number, "key")).collect();
    for (opening, minutes) in openings.iter_mut().zip([5, 0, 15, 10]) {
        opening.at = moment() + MINUTE * minutes;
        pair.one.open_case(opening).await.unwrap();
    }
    let [five, none, fifteen, ten] = &openings[..] else { unreachable!() };
    let later = moment() + MINUTE * 60;
    pair.other.append(&five.case, 1, moment(), &Event::OutcomeDecided(Outcome::Cancelled)).await.unwrap();
    pair.other.append(&five.case, 2, later, &Event::Ended).await.unwrap();
    pair.other.append(&ten.case, 1, later, &Event::StepsCompleted).await.unwrap();

    let ids = |openings: &[&NewCase]| -> Vec<CaseId> { openings.iter().map(|o| o.case.clone()).collect() };
    assert_eq!(pair.one.open_cases().await.unwrap(), ids(&[none, ten, fifteen]));
    let line = |opening: &NewCase, updated_at, outcome| CaseSummary {
        id: opening.case.clone(),
        ticket: opening.ticket.clone(),
        opened_at: opening.at,
        updated_at,
        outcome,
    };
    let expect = [
        line(fifteen, fifteen.at, None),
        line(ten, later, None),
        line(five, later, Some(Outcome::Cancelled)),
        line(none, none.at, None),
    ];
    assert_eq!(pair.one.cases(9).await.unwrap(), expect);
    assert_eq!(pair.other.cases(2).await.unwrap(), expect[..2]);
    assert_eq!(pair.one.cases(0).await.unwrap(), []);
}

pub async fn the_cases_of_a_ticket_are_listed(pair: Pair) {
    let of = async |ticket: &TicketId| -> Vec<CaseId> {
        pair.other.cases_of(ticket).await.unwrap().into_iter().map(|line| line.id).collect()
    };
    let ticket = ticket_id(1);
    assert_eq!(of(&ticket).await, []);
    let first = open(&*pair.one, 1, "first").await;
    open(&*pair.one, 2, "another ticket").await;
    // Its number begins with the same digit.
    open(&*pair.one, 11, "yet another").await;
    end(&*pair.one, &first).await;
    let later = NewCase { at: moment() + MINUTE, ..opening(1, "later") };
    pair.one.open_case(&later).await.unwrap();
    assert_eq!(of(&ticket).await, [later.case.clone(), first.clone()]);
    let shouted = TicketId { repo: ticket.repo.to_string().to_uppercase().parse().unwrap(), ..ticket };
    assert_eq!(of(&shouted).await, [later.case, first]);
}

// An adapter may go by a clock of its own, so time to live is what runs out here, at once or never.

pub async fn a_claim_is_exclusive_until_it_runs_out(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    let (here, there, now) = ("here:1:1", "there:1:1", moment());
    let claim = async |worker, ttl: Duration| pair.one.claim(&case, worker, now, ttl).await.unwrap();
    assert!(claim(here, Duration::ZERO).await);
    assert!(claim(here, MINUTE).await, "a worker renews its claim");
    assert!(!pair.other.claim(&case, there, now, MINUTE).await.unwrap(), "it was renewed");
    assert!(claim(here, Duration::ZERO).await);
    assert!(claim(there, MINUTE).await, "it ran out");
    assert!(!claim(here, MINUTE).await);

    pair.one.release(&case, here, None).await.unwrap();
    assert!(!claim(here, MINUTE).await, "nobody gives up another's claim");
    pair.other.release(&case, there, None).await.unwrap();
    assert!(claim(here, MINUTE).await);

    let another = open(&*pair.one, 2, "key").await;
    assert!(pair.one.claim(&another, there, now, Duration::MAX).await.unwrap(), "each case has its own");
    assert!(!pair.one.claim(&another, here, now + MINUTE * 60 * 24 * 3650, MINUTE).await.unwrap());
}

pub async fn of_many_that_claim_one_gets_it(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let journal = Arc::clone(if number % 2 == 0 { &pair.one } else { &pair.other });
            let case = case.clone();
            tokio::spawn(async move {
                journal.claim(&case, &format!("host{number}:1:1"), moment(), MINUTE).await.unwrap()
            })
        })
        .collect();
    let mut claimed = 0;
    for task in tasks {
        claimed += usize::from(task.await.unwrap());
    }
    assert_eq!(claimed, 1);
}

pub async fn a_lease_is_exclusive_until_it_is_over(pair: Pair) {
    let one = open(&*pair.one, 1, "key").await;
    let other = open(&*pair.one, 2, "key").await;
    let now = moment();
    let hold = async |case: &CaseId, name: &str, ttl: Duration| {
        pair.one.acquire_lease(&host(name), case, now, ttl).await.unwrap()
    };
    let lease = hold(&one, "web", Duration::ZERO).await.unwrap();
    assert_eq!((lease.host(), lease.case(), lease.until()), (&host("web"), &one, now));
    let renewed = hold(&one, "web", MINUTE).await.unwrap();
    assert_eq!(renewed.until(), now + MINUTE);
    assert_eq!(pair.other.acquire_lease(&host("web"), &other, now, MINUTE).await, Ok(None), "it was renewed");
    assert!(hold(&other, "db", MINUTE).await.is_some(), "each host has its own");

    hold(&one, "web", Duration::ZERO).await.unwrap();
    assert!(hold(&other, "web", Duration::ZERO).await.is_some(), "it ran out");
    assert!(pair.one.claim(&other, "elsewhere:1:1", now, MINUTE).await.unwrap());
    assert_eq!(hold(&one, "web", MINUTE).await, None, "who claims a case renews its hosts");

    pair.one.release_leases(&one).await.unwrap();
    assert_eq!(hold(&one, "web", MINUTE).await, None, "nobody frees another's host");
    pair.other.release_leases(&other).await.unwrap();
    assert!(hold(&one, "web", MINUTE).await.is_some());
    assert!(hold(&one, "db", MINUTE).await.is_some(), "all hosts of a case are freed");

    end(&*pair.one, &one).await;
    assert!(hold(&other, "web", MINUTE).await.is_some(), "a case that has ended holds nothing");
}

pub async fn what_is_held_stays_so_for_a_paused_owner_only_until_it_runs_out(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    let another = open(&*pair.one, 2, "key").await;
    let now = moment();
    assert!(pair.one.claim(&case, "here:1:1", now, Duration::ZERO).await.unwrap());
    let old = pair.one.acquire_lease(&host("web"), &case, now, Duration::ZERO).await.unwrap().unwrap();

    // The owner stands still; meanwhile another worker goes on with its case, and another case has the host.
    assert!(pair.other.claim(&case, "there:1:1", now, MINUTE).await.unwrap());
    pair.other.append(&case, 1, now, &Event::StepsCompleted).await.unwrap();
    pair.other.release_leases(&case).await.unwrap();
    assert!(pair.other.acquire_lease(&host("web"), &another, now, MINUTE).await.unwrap().is_some());

    let change = check_lease(&old, &host("web"), now);
    assert!(matches!(change, Err(ShellError::NotStarted { .. })), "it may not change: {change:?}");
    let append = pair.one.append(&case, 1, now, &Event::RolledBack { clean: true }).await;
    assert_eq!(append, Err(JournalError::Conflict { case: case.clone(), seq: 1 }));
    assert!(!pair.one.claim(&case, "here:1:1", now, MINUTE).await.unwrap());
    assert_eq!(pair.one.acquire_lease(&host("web"), &case, now, MINUTE).await, Ok(None));
    pair.one.release(&case, "here:1:1", None).await.unwrap();
    pair.one.release_leases(&case).await.unwrap();
    assert!(!pair.one.claim(&case, "here:1:1", now, MINUTE).await.unwrap(), "the new owner keeps it");
    assert_eq!(pair.one.acquire_lease(&host("web"), &case, now, MINUTE).await, Ok(None));
}

pub async fn of_many_that_hold_one_gets_the_host(pair: Pair) {
    let mut tasks = Vec::new();
    for number in 0..10 {
        let case = open(&*pair.one, number, "key").await;
        let journal = Arc::clone(if number % 2 == 0 { &pair.one } else { &pair.other });
        tasks
            .push(async move { journal.acquire_lease(&host("web"), &case, moment(), MINUTE).await.unwrap() });
    }
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut held = 0;
    for task in tasks {
        held += usize::from(task.await.unwrap().is_some());
    }
    assert_eq!(held, 1);
}

pub async fn libraries_are_kept(pair: Pair) {
    let hash = LibraryHash("ab12".into());
    assert_eq!(pair.one.library(&hash).await, Ok(None));
    let files: BTreeMap<String, String> =
        [("qfieldcloud/system.yaml", "system: qfieldcloud\n"), ("qfieldcloud/ü.yaml", "")]
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
    pair.one.store_library(&hash, &files).await.unwrap();
    pair.other.store_library(&hash, &files).await.unwrap();
    pair.one.store_library(&LibraryHash("cd34".into()), &BTreeMap::new()).await.unwrap();
    assert_eq!(pair.other.library(&hash).await, Ok(Some(files)));
}

pub async fn cursors_are_kept(pair: Pair) {
    assert_eq!(pair.one.cursor(&Cursor::Task("poll".into())).await, Ok(None));
    pair.one.set_cursor(&Cursor::Task("poll".into()), moment()).await.unwrap();
    pair.one.set_cursor(&Cursor::Task("sweep".into()), moment() + MINUTE).await.unwrap();
    assert_eq!(pair.other.cursor(&Cursor::Task("poll".into())).await, Ok(Some(moment())));
    pair.other.set_cursor(&Cursor::Task("poll".into()), moment() - MINUTE).await.unwrap();
    assert_eq!(pair.one.cursor(&Cursor::Task("poll".into())).await, Ok(Some(moment() - MINUTE)));
    assert_eq!(pair.one.cursor(&Cursor::Task("sweep".into())).await, Ok(Some(moment() + MINUTE)));
}

pub async fn what_is_done_once_is_remembered_until_it_expires(pair: Pair) {
    let key = |comment| DedupeKey::ChatCommand { ticket: ticket_id(1), comment };
    let (first, second) = (key(1), key(2));
    assert_eq!(pair.one.done_at(&first).await, Ok(None));
    pair.one.mark_done(&first, moment()).await.unwrap();
    assert_eq!(pair.other.done_at(&first).await, Ok(Some(moment())));
    assert_eq!(pair.other.done_at(&second).await, Ok(None));
    let almost = moment() + first.ttl() - TimeDelta::seconds(1);
    pair.other.mark_done(&second, almost).await.unwrap();
    assert_eq!(pair.one.done_at(&first).await, Ok(Some(moment())), "it has not expired");
    pair.other.mark_done(&second, almost + TimeDelta::seconds(1)).await.unwrap();
    assert_eq!(pair.one.done_at(&first).await, Ok(None), "it has expired, and is gone");
    assert!(pair.one.done_at(&second).await.unwrap().is_some());
}

/// A case that has ended, and what an archive would hold of it.
async fn closed(pair: &Pair, ticket: u64) -> (CaseId, Removal) {
    let case = open(&*pair.one, ticket, "key").await;
    end(&*pair.one, &case).await;
    let records = pair.other.stored_records(&case).await.unwrap();
    let removal = Removal {
        case: case.clone(),
        records: records.len() as u64,
        head: records.last().unwrap().hash.clone(),
        archive: "archive.jsonl".into(),
        at: moment() + MINUTE,
    };
    (case, removal)
}

pub async fn an_archived_case_leaves_a_stub(pair: Pair) {
    let (case, removal) = closed(&pair, 1).await;
    let running = open(&*pair.one, 2, "key").await;
    assert_eq!(pair.one.closed_before(moment()).await, Ok(vec![]), "it is not older than that");
    assert_eq!(pair.one.closed_before(moment() + MINUTE).await, Ok(vec![case.clone()]));
    let listed = pair.one.cases(10).await.unwrap();
    let audited = pair.one.audit().await.unwrap();
    assert_eq!(audited.broken, [], "a run that stops here has removed nothing");

    pair.one.remove_archived(&removal).await.unwrap();
    assert_eq!(pair.other.load(&case).await, Ok(vec![]));
    assert_eq!(pair.other.archived_in(&case).await, Ok(Some("archive.jsonl".to_owned())));
    assert_eq!(pair.other.archived_in(&running).await, Ok(None));
    assert_eq!(pair.other.closed_before(moment() + MINUTE).await, Ok(vec![]));
    assert_eq!(pair.other.cases(10).await.unwrap(), listed, "the list still has it");
    let now = pair.other.audit().await.unwrap();
    assert_eq!((now.cases, now.records), (audited.cases, audited.records - removal.records));
    assert_eq!(now.broken, []);

    // A late delivery of the same content, and a driver that has slept.
    assert_eq!(pair.other.open_case(&opening(1, "key")).await, Ok(OpenResult::Duplicate));
    let late = pair.other.append(&case, removal.records, moment(), &Event::Resumed).await;
    assert_eq!(late, Err(JournalError::Conflict { case: case.clone(), seq: removal.records }));
    assert!(pair.one.remove_archived(&removal).await.is_err(), "it is gone already");
}

pub async fn only_what_was_exported_is_removed(pair: Pair) {
    let (case, removal) = closed(&pair, 1).await;
    let running = open(&*pair.one, 2, "key").await;
    let first = pair.one.stored_records(&running).await.unwrap().remove(0);
    let of_running = Removal { case: running.clone(), records: 1, head: first.hash, ..removal.clone() };
    for wrong in [
        Removal { records: removal.records - 1, ..removal.clone() },
        Removal { head: "00".into(), ..removal.clone() },
        Removal { case: running.clone(), ..removal.clone() },
        of_running,
    ] {
        let refused = pair.one.remove_archived(&wrong).await;
        let conflict = JournalError::Conflict { case: wrong.case.clone(), seq: wrong.records };
        assert_eq!(refused, Err(conflict), "{wrong:?}");
    }
    assert_eq!(pair.one.load(&case).await.unwrap().len() as u64, removal.records);
    assert_eq!(pair.one.load(&running).await.unwrap().len(), 1);
    assert_eq!(pair.one.audit().await.unwrap().broken, []);
}

pub async fn of_many_one_has_the_turn(pair: Pair) {
    for round in 0..5 {
        let tasks: Vec<_> = (0..10)
            .map(|number| {
                let journal = Arc::clone(if number % 2 == 0 { &pair.one } else { &pair.other });
                let name = format!("round {round}");
                tokio::spawn(async move { journal.try_once_every(&name, moment(), MINUTE).await.unwrap() })
            })
            .collect();
        let mut had_it = 0;
        for task in tasks {
            had_it += usize::from(task.await.unwrap());
        }
        assert_eq!(had_it, 1);
    }
    assert!(!pair.other.try_once_every("round 0", moment(), Duration::MAX).await.unwrap());
    assert!(
        pair.other.try_once_every("round 0", moment(), Duration::ZERO).await.unwrap(),
        "its time is over"
    );
}

fn delivery(number: u32) -> QueuedDelivery {
    QueuedDelivery {
        key: format!("issue {number}"),
        body: json!({ "issue": number, "text": "größer\u{1F980}" }),
    }
}

pub async fn what_came_in_is_kept_until_it_was_worked(pair: Pair) {
    let Pair { one, other, .. } = pair;
    for number in [3, 1, 2] {
        assert_eq!(one.enqueue_delivery(&delivery(number)).await, Ok(true));
    }
    assert_eq!(other.enqueue_delivery(&delivery(1)).await, Ok(false), "it waits already");
    let several = [1, 4, 2].map(delivery);
    assert_eq!(other.enqueue_deliveries(&several).await, Ok(1), "those that wait are not queued again");
    assert_eq!(other.next_delivery(moment(), MINUTE).await, Ok(Some(delivery(3))), "the oldest first");
    assert_eq!(one.enqueue_delivery(&delivery(3)).await, Ok(false), "it is at work");
    assert_eq!(one.next_delivery(moment(), Duration::ZERO).await, Ok(Some(delivery(1))));
    let later = moment() + TimeDelta::seconds(1);
    assert_eq!(
        other.next_delivery(later, MINUTE).await,
        Ok(Some(delivery(1))),
        "whoever had it let go of it"
    );
    for number in [1, 3, 3] {
        assert_eq!(one.ack_delivery(&delivery(number).key).await, Ok(()));
    }
    assert_eq!(one.enqueue_delivery(&delivery(3)).await, Ok(true), "what is forgotten may come again");
    assert_eq!(one.next_delivery(later, MINUTE).await, Ok(Some(delivery(2))));
    assert_eq!(one.next_delivery(later, MINUTE).await, Ok(Some(delivery(4))));
    assert_eq!(one.next_delivery(later, MINUTE).await, Ok(Some(delivery(3))));
    assert_eq!(one.next_delivery(later, MINUTE).await, Ok(None));
}

pub async fn of_many_one_gets_a_delivery(pair: Pair) {
    for number in 0..5 {
        assert_eq!(pair.one.enqueue_delivery(&delivery(number)).await, Ok(true));
    }
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let journal = Arc::clone(if number % 2 == 0 { &pair.one } else { &pair.other });
            tokio::spawn(async move { journal.next_delivery(moment(), MINUTE).await.unwrap() })
        })
        .collect();
    let mut got = Vec::new();
    for task in tasks {
        got.extend(task.await.unwrap().map(|delivery| delivery.key));
    }
    got.sort();
    let all: Vec<String> = (0..5).map(|number| delivery(number).key).collect();
    assert_eq!(got, all, "each of them once");
}

pub async fn the_newest_pause_order_counts_however_orders_arrive(pair: Pair) {
    assert_eq!(pair.one.pause_state().await, Ok(None));
    let why = || Redacted::constant("a migration");
    let order = |id: u64, kind| PauseOrder {
        by: format!("person {id}"),
        given_at: moment(),
        origin: PauseOrigin::Comment { repo: "example/tickets".parse().unwrap(), id },
        kind,
    };
    let pause = |id| order(id, PauseOrderKind::Pause { why: why() });
    assert_eq!(pair.one.order_pause(&pause(1)).await, Ok(true));
    assert_eq!(pair.other.order_pause(&pause(3)).await, Ok(true));
    assert_eq!(pair.one.pause_state().await.unwrap().unwrap().by, "person 3");
    assert_eq!(pair.one.order_pause(&order(2, PauseOrderKind::Resume)).await, Ok(false), "an older one");
    assert_eq!(pair.other.pause_order().await, Ok(Some(pause(3))));
    assert_eq!(pair.one.order_pause(&order(4, PauseOrderKind::Resume)).await, Ok(true));
    assert_eq!(pair.other.pause_state().await, Ok(None));
    assert_eq!(pair.other.order_pause(&pause(3)).await, Ok(false), "it was lifted since");
    // Many at once: the newest one stands.
    let tasks: Vec<_> = (10..20)
        .map(|id| {
            let (journal, order) = (Arc::clone(if id % 2 == 0 { &pair.one } else { &pair.other }), pause(id));
            tokio::spawn(async move { journal.order_pause(&order).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(pair.one.pause_order().await, Ok(Some(pause(19))));
}

pub async fn words_are_left_once_and_in_order(pair: Pair) {
    let (case, another) = (open(&*pair.one, 1, "key").await, open(&*pair.one, 2, "key").await);
    assert_eq!(pair.one.signals(&case).await, Ok(vec![]));
    let approve = SignalKind::Approve { plan: "7f3a".into() };
    let says = [SignalKind::Pause, approve, SignalKind::Resume, SignalKind::Deny, SignalKind::Cancel];
    let mut left = Vec::new();
    for (number, says) in says.into_iter().enumerate() {
        // The last one said is not the last one left: what counts is the order of leaving.
        let at = moment() - MINUTE * u32::try_from(number).unwrap();
        let posted = QueuedSignal {
            key: format!("comment {number}"),
            signal: Signal { by: "maria".into(), at, kind: says },
        };
        let journal = if number % 2 == 0 { &pair.one } else { &pair.other };
        assert_eq!(journal.send_signal(&case, &posted.key, &posted.signal).await, Ok(true));
        left.push(posted);
    }
    let again = Signal { by: "ops-lead".into(), ..left[0].signal.clone() };
    assert_eq!(pair.other.send_signal(&case, "comment 0", &again).await, Ok(false));
    assert_eq!(
        pair.one.send_signal(&another, "comment 0", &again).await,
        Ok(true),
        "each case has its own keys"
    );
    assert_eq!(pair.other.signals(&case).await, Ok(left));
    assert_eq!(pair.other.signals(&another).await.unwrap().len(), 1);

    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let journal = Arc::clone(if number % 2 == 0 { &pair.one } else { &pair.other });
            let (another, again) = (another.clone(), again.clone());
            let key = format!("key {}", number / 2);
            tokio::spawn(async move { journal.send_signal(&another, &key, &again).await.unwrap() })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += usize::from(task.await.unwrap());
    }
    assert_eq!(kept, 10);
    assert_eq!(pair.one.signals(&another).await.unwrap().len(), 11);
}

pub async fn the_history_of_all_cases_is_told(pair: Pair) {
    let (one, other) = (open(&*pair.one, 1, "key").await, open(&*pair.one, 2, "key").await);
    let write = async |case: &CaseId, seq, minutes, event: &Event| {
        pair.one.append(case, seq, moment() + MINUTE * minutes, event).await.unwrap();
    };
    let (applied, undone) = (Event::StepsCompleted, Event::RolledBack { clean: true });
    write(&one, 1, 3, &applied).await;
    write(&one, 2, 3, &applied).await;
    write(&one, 3, 4, &Event::Resumed).await;
    write(&other, 1, 2, &undone).await;
    write(&other, 2, 3, &applied).await;

    let history = async |kinds: &[EventKind], minutes| -> Vec<(CaseId, u64)> {
        let told = pair.other.history(kinds, moment() + MINUTE * minutes).await.unwrap().complete().unwrap();
        for (case, record) in &told {
            assert!(pair.one.load(case).await.unwrap().contains(record));
        }
        told.into_iter().map(|(case, record)| (case, record.seq)).collect()
    };
    let mut at_three = vec![(one.clone(), 1), (one.clone(), 2), (other.clone(), 2)];
    at_three.sort();
    assert_eq!(
        history(&[EventKind::StepsCompleted], 3).await,
        at_three,
        "at that very moment, then by case and number"
    );
    assert_eq!(history(&[EventKind::StepsCompleted], 4).await, []);
    let both = history(&[EventKind::StepsCompleted, EventKind::RolledBack], 0).await;
    assert_eq!((both[0].clone(), &both[1..]), ((other, 1), &at_three[..]), "by their time first");
    assert_eq!(history(&[EventKind::Resumed, EventKind::Resumed], 0).await, [(one, 3)]);
    assert_eq!(history(&[], 0).await, []);
}

async fn due(journal: &Arc<dyn Store>, worker: &str, minutes: i64) -> (Vec<CaseId>, Option<i64>) {
    let due = journal.due_cases(worker, moment() + TimeDelta::minutes(minutes)).await.unwrap();
    (due.cases, due.next_at.map(|at| (at - moment()).num_minutes()))
}

/// Parks a case as a worker does that has decided so.
async fn park(pair: &Pair, case: &CaseId, minutes: i64, ends_with: Option<SuspensionEnd>, signals: usize) {
    assert!(pair.one.claim(case, "here:1:1", moment(), MINUTE).await.unwrap());
    let suspension = Suspension { until: moment() + TimeDelta::minutes(minutes), ends_with };
    let parked = Parked { suspension, signals };
    pair.one.release(case, "here:1:1", Some(&parked)).await.unwrap();
}

pub async fn a_parked_case_is_left_alone_until_its_time(pair: Pair) {
    let (first, second) = (open(&*pair.one, 1, "key").await, open(&*pair.one, 2, "key").await);
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    assert_eq!(due(&pair.other, "there:1:1", 0).await, (both.clone(), None));
    park(&pair, &first, 30, None, 0).await;
    park(&pair, &second, 10, None, 0).await;
    assert_eq!(due(&pair.other, "there:1:1", 0).await, (vec![], Some(10)));
    assert_eq!(due(&pair.other, "there:1:1", 10).await, (vec![second.clone()], Some(30)));
    assert_eq!(due(&pair.other, "there:1:1", 30).await, (both, None));
    pair.one.append(&first, 1, moment(), &Event::Resumed).await.unwrap();
    assert_eq!(due(&pair.other, "there:1:1", 0).await.0, vec![first.clone()], "it went on");
    end(&*pair.one, &first).await;
    assert_eq!(due(&pair.other, "there:1:1", 0).await, (vec![], Some(10)), "it has ended");

    let parked = Parked { suspension: Suspension::until(moment()), signals: 0 };
    pair.other.release(&second, "there:1:1", Some(&parked)).await.unwrap();
    assert_eq!(due(&pair.other, "there:1:1", 0).await.0, [], "who has not claimed it does not park it");
}

pub async fn a_parked_case_is_due_when_what_it_waits_for_has_come(pair: Pair) {
    let mut cases = Vec::new();
    for ticket in 1..=4 {
        cases.push(open(&*pair.one, ticket, "key").await);
    }
    let [first, other, third, fourth] = cases.as_slice() else { panic!("there are four") };
    pair.one.append(other, 1, moment(), &started("p", &["a", "b"])).await.unwrap();
    for case in [third, other] {
        park(&pair, case, 60, None, 0).await;
    }
    park(&pair, first, 60, Some(SuspensionEnd::RunOf(other.clone())), 0).await;
    let order = |minute: i64, kind| PauseOrder {
        kind,
        by: "ops-lead".into(),
        given_at: moment() + TimeDelta::minutes(minute),
        origin: PauseOrigin::Terminal,
    };
    assert!(
        pair.one.order_pause(&order(0, PauseOrderKind::Pause { why: Redacted::default() })).await.unwrap()
    );
    park(&pair, fourth, 60, Some(SuspensionEnd::PauseOfAll), 0).await;
    assert_eq!(due(&pair.other, "there:1:1", 1).await.0, []);

    pair.other.append(other, 2, moment(), &Event::RolledBack { clean: true }).await.unwrap();
    park(&pair, other, 60, None, 0).await;
    assert_eq!(
        due(&pair.other, "there:1:1", 1).await.0,
        vec![first.clone()],
        "the run of the other has ended"
    );
    park(&pair, first, 60, None, 0).await;

    let cancel = Signal { by: "maria".into(), at: moment(), kind: SignalKind::Cancel };
    pair.other.send_signal(third, "comment 1", &cancel).await.unwrap();
    assert_eq!(due(&pair.other, "there:1:1", 1).await.0, vec![third.clone()], "somebody signalled to it");
    park(&pair, third, 60, None, 1).await;
    assert_eq!(due(&pair.other, "there:1:1", 1).await.0, [], "that signal is known");

    assert!(pair.one.order_pause(&order(1, PauseOrderKind::Resume)).await.unwrap());
    assert_eq!(due(&pair.other, "there:1:1", 1).await.0, vec![fourth.clone()], "the pause is over");
}

pub async fn what_came_before_a_case_was_parked_is_not_missed(pair: Pair) {
    let (case, other) = (open(&*pair.one, 1, "key").await, open(&*pair.one, 2, "key").await);
    park(&pair, &other, 60, None, 0).await;
    let cancel = Signal { by: "maria".into(), at: moment(), kind: SignalKind::Cancel };
    pair.other.send_signal(&case, "comment 1", &cancel).await.unwrap();
    park(&pair, &case, 60, None, 0).await;
    assert_eq!(
        due(&pair.one, "here:1:1", 1).await.0,
        vec![case.clone()],
        "its worker had not read the signal"
    );
    park(&pair, &case, 60, Some(SuspensionEnd::RunOf(other)), 1).await;
    assert_eq!(due(&pair.one, "here:1:1", 1).await.0, vec![case.clone()], "no run of the other is under way");
    park(&pair, &case, 60, Some(SuspensionEnd::PauseOfAll), 1).await;
    assert_eq!(due(&pair.one, "here:1:1", 1).await.0, [case], "no pause is in force");
}

pub async fn a_claimed_case_is_due_for_its_worker_alone(pair: Pair) {
    let case = open(&*pair.one, 1, "key").await;
    assert!(pair.one.claim(&case, "here:1:1", moment(), MINUTE).await.unwrap());
    assert_eq!(due(&pair.other, "there:1:1", 0).await.0, []);
    assert_eq!(due(&pair.one, "here:1:1", 0).await.0, vec![case.clone()]);
    assert!(pair.one.claim(&case, "here:1:1", moment(), Duration::ZERO).await.unwrap());
    assert_eq!(due(&pair.other, "there:1:1", 0).await.0, [case], "the claim has run out");
}

pub async fn the_history_of_runs_is_that_of_the_hosts_and_the_system(pair: Pair) {
    let (one, other, third) = (
        open(&*pair.one, 1, "key").await,
        open(&*pair.one, 2, "key").await,
        open(&*pair.one, 3, "key").await,
    );
    let write = async |case: &CaseId, minute: i64, event: Event| {
        let seq = pair.one.load(case).await.unwrap().len() as u64;
        pair.one.append(case, seq, moment() + TimeDelta::minutes(minute), &event).await.unwrap();
    };
    write(&one, 0, about("east")).await;
    write(&one, 1, started("p", &["a", "b"])).await;
    write(&one, 2, changed("b")).await;
    write(&one, 3, Event::RolledBack { clean: true }).await;
    write(&one, 4, started("q", &["a"])).await;
    write(&one, 5, Event::VerificationPassed { conditions: vec![] }).await;
    write(&other, 0, about("west")).await;
    write(&other, 6, started("p", &["c"])).await;
    write(&other, 7, changed("c")).await;
    write(&third, 8, started("p", &["d"])).await;

    let history = async |system: &str, hosts: &[&str], minute: i64| {
        let system = SystemName::new(system).unwrap();
        let hosts = hosts.iter().map(|name| host(name)).collect();
        let since = moment() + TimeDelta::minutes(minute);
        pair.other.run_history(&RunsOf { system: &system, hosts: &hosts, since }).await.unwrap()
    };
    let told = async |system: &str, hosts: &[&str], minute: i64| -> Vec<String> {
        let minutes = |at: DateTime<Utc>| (at - moment()).num_minutes();
        let RunHistory { runs, changes } = history(system, hosts, minute).await;
        let run = |run: RemediationRun| {
            let hosts: Vec<&str> = run.hosts.iter().map(|host| host.as_str()).collect();
            let end = match run.end {
                Some(RunResult::Fixed(at)) => format!("fixed {}", minutes(at)),
                Some(RunResult::Failed(at)) => format!("failed {}", minutes(at)),
                None => "under way".into(),
            };
            let of = run.system.map_or("-".to_owned(), |system| system.to_string());
            let number = run.ticket.number;
            format!("#{number} {of} {} on {} {} {end}", run.playbook, hosts.join("+"), minutes(run.at))
        };
        let change = |(host, at)| format!("change {host} {}", minutes(at));
        runs.into_iter().map(run).chain(changes.into_iter().map(change)).collect()
    };
    let (p, q) = ("#1 east p on a+b 1 failed 3", "#1 east q on a 4 fixed 5");
    assert_eq!(told("none", &["b"], 0).await, [p, "change b 2"], "all hosts of a run are told");
    assert_eq!(told("none", &["a", "b"], 0).await, [p, q, "change b 2"]);
    assert_eq!(told("east", &[], 0).await, [p, q]);
    assert_eq!(told("west", &["d"], 0).await, ["#2 west p on c 6 under way", "#3 - p on d 8 under way"]);
    assert_eq!(told("east", &["b", "c"], 4).await, [q, "#2 west p on c 6 under way", "change c 7"]);
    assert_eq!(told("none", &["e"], 0).await, Vec::<String>::new());
}

/// What was counted, a line each: ended cases, open ones, runs, disputes, deliveries.
async fn counted(journal: &dyn Store, since: DateTime<Utc>) -> Vec<String> {
    let counts = journal.statistics(since).await.unwrap();
    let name = |system: &Option<SystemName>| system.as_ref().map_or("-".to_owned(), SystemName::to_string);
    let ended = counts.ended.iter().map(|group| {
        let code = match &group.example {
            Outcome::Escalated(escalation) => escalation.code.as_str(),
            _ => "",
        };
        let duration = group.duration.as_millis();
        let (word, system) = (group.example.word(), name(&group.system));
        format!("{} {word} {code} {system} class {} {duration} ms", group.cases, group.class)
    });
    let open = counts.open.iter().map(|case| format!("open {} {}", name(&case.system), case.head.len()));
    let runs = counts.runs.iter().map(|it| format!("{} runs of {} {:?}", it.runs, it.playbook, it.fixed));
    let disputes = counts.disputes.iter().map(|(system, count)| format!("{count} disputes {}", name(system)));
    let deliveries = [format!("{} deliveries", counts.deliveries)];
    ended.chain(open).chain(runs).chain(disputes).chain(deliveries).collect()
}

pub async fn cases_runs_disputes_and_deliveries_are_counted(pair: Pair) {
    assert_eq!(counted(&*pair.other, moment()).await, ["0 deliveries"]);
    let write = async |case: &CaseId, seconds: i64, events: &[Event]| {
        for event in events {
            let seq = pair.one.load(case).await.unwrap().len() as u64;
            pair.one.append(case, seq, moment() + TimeDelta::seconds(seconds), event).await.unwrap();
        }
    };
    let outcome = |outcome: Outcome| [Event::OutcomeDecided(outcome), Event::Ended];
    let escalated =
        |code, text: &str| outcome(Outcome::Escalated(Escalation { code, detail: text.to_owned().into() }));
    let mut cases = Vec::new();
    for ticket in 1..=7 {
        cases.push(open(&*pair.one, ticket, "key").await);
    }
    // On the bound of a class, and beyond it; words that differ make no group of their own.
    write(&cases[0], 0, &[about("east"), started("p", &["a", "b"])]).await;
    write(&cases[0], 1, &[Event::VerificationPassed { conditions: vec![] }]).await;
    write(&cases[0], 300, &outcome(Outcome::Resolved)).await;
    write(&cases[1], 0, &[about("east"), started("p", &["a"])]).await;
    write(&cases[1], 1, &[Event::RolledBack { clean: true }]).await;
    write(&cases[1], 301, &escalated(Code::NotFixed, "one")).await;
    write(&cases[2], 0, &[about("east")]).await;
    write(&cases[2], 302, &escalated(Code::NotFixed, "another")).await;
    write(&cases[3], 30 * 86_400, &escalated(Code::NoSystem, "which?")).await;
    write(&cases[4], 5, &[about("west"), started("q", &["c"])]).await;
    let dispute = following().into_iter().find(|event| event.kind() == EventKind::CloseDisputed).unwrap();
    write(&cases[5], 5, &[about("west"), dispute]).await;
    for number in 1..=3 {
        pair.one.enqueue_delivery(&delivery(number)).await.unwrap();
    }
    pair.one.next_delivery(moment(), MINUTE).await.unwrap();
    let east = ["2 escalated not-fixed east class 1 603000 ms", "1 resolved  east class 0 300000 ms"];
    let nameless = "1 escalated no-system - class 9 2592000000 ms";
    let open = ["open - 64", "open west 64", "open west 64"];
    let lately = ["1 runs of p Some(false)", "1 runs of p Some(true)", "1 runs of q None", "1 disputes west"];
    let sorted = async |since| -> Vec<String> {
        let mut lines = counted(&*pair.other, since).await;
        lines.sort();
        lines
    };
    let expect = |parts: &[&[&str]]| -> Vec<String> {
        let mut lines: Vec<String> = parts.concat().into_iter().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let waiting = ["3 deliveries"];
    assert_eq!(sorted(moment()).await, expect(&[&east, &[nameless], &open, &lately, &waiting]));
    let later = moment() + TimeDelta::seconds(6);
    assert_eq!(sorted(later).await, expect(&[&east, &[nameless], &open, &waiting]), "they were before");

    // What is archived still counts.
    let records = pair.other.stored_records(&cases[0]).await.unwrap();
    let removal = Removal {
        case: cases[0].clone(),
        records: records.len() as u64,
        head: records.last().unwrap().hash.clone(),
        archive: "archive.jsonl".into(),
        at: later,
    };
    pair.one.remove_archived(&removal).await.unwrap();
    assert_eq!(sorted(later).await, expect(&[&east, &[nameless], &open, &waiting]));
}

pub async fn a_whole_journal_passes_the_audit(pair: Pair) {
    assert_eq!(pair.one.audit().await, Ok(Audit::default()));
    for number in 1..=3 {
        let case = open(&*pair.one, number, "key").await;
        for (seq, event) in (1..).zip(following()) {
            pair.one.append(&case, seq, moment() + TimeDelta::nanoseconds(1), &event).await.unwrap();
        }
    }
    let records = 3 * (1 + following().len() as u64);
    assert_eq!(pair.other.audit().await, Ok(Audit { cases: 3, records, broken: vec![] }));
}

fn found(entries: &[CaseEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.summary.id.as_str()).collect()
}

pub async fn cases_are_found_page_by_page(pair: Pair) {
    let mut cases = Vec::new();
    for number in 1..=5 {
        let mut opening = opening(number, "key");
        opening.at = moment() + TimeDelta::seconds(i64::try_from(number).unwrap() / 2);
        pair.one.open_case(&opening).await.unwrap();
        cases.push(opening.case);
    }
    pair.one.append(&cases[0], 1, moment(), &about("north")).await.unwrap();
    pair.one.append(&cases[0], 2, moment(), &Event::OutcomeDecided(Outcome::Resolved)).await.unwrap();
    end(&*pair.one, &cases[0]).await;
    let find = async |query: CaseQuery| pair.other.find_cases(&query).await.unwrap();
    let all = find(CaseQuery { limit: 10, ..CaseQuery::default() }).await;
    let summaries: Vec<&CaseSummary> = all.iter().map(|entry| &entry.summary).collect();
    let listed = pair.other.cases(10).await.unwrap();
    assert_eq!(summaries, listed.iter().collect::<Vec<_>>(), "the order is that of the list");
    // Pages of two: each begins where the one before ended, also among cases of one moment.
    let mut pages: Vec<CaseEntry> = Vec::new();
    loop {
        let after = pages.last().map(|entry| (entry.summary.opened_at, entry.summary.id.clone()));
        let page = find(CaseQuery { limit: 2, after, ..CaseQuery::default() }).await;
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(found(&pages), found(&all));

    let ended = all.iter().find(|entry| entry.has_ended).unwrap();
    assert_eq!(ended.summary.id, cases[0]);
    assert_eq!(ended.system.as_ref().map(SystemName::as_str), Some("north"));
    let Event::Opened { ticket, .. } = opened(&ticket_id(1)) else { unreachable!() };
    assert_eq!(ended.title.as_deref(), Some(ticket.title.as_str()));
    let words = |words: &[&str]| CaseQuery {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        limit: 10,
        ..CaseQuery::default()
    };
    for (query, expect) in [
        (CaseQuery { outcome: Some("resolved".into()), limit: 10, ..CaseQuery::default() }, 1),
        (CaseQuery { outcome: Some("working".into()), limit: 10, ..CaseQuery::default() }, 4),
        (CaseQuery { system: SystemName::new("north").ok(), limit: 10, ..CaseQuery::default() }, 1),
        (CaseQuery { system: SystemName::new("nowhere").ok(), limit: 10, ..CaseQuery::default() }, 0),
        (words(&["RESOLVED", "North"]), 1),
        (words(&["resolved", "nowhere"]), 0),
        (words(&[cases[2].as_str()]), 1),
        (words(&["%"]), 0),
        (words(&["'"]), 0),
        (CaseQuery { limit: 3, ..CaseQuery::default() }, 3),
    ] {
        assert_eq!(find(query.clone()).await.len(), expect, "{query:?}");
    }

    let running = pair.other.running_cases(10).await.unwrap();
    let open = pair.other.open_cases().await.unwrap();
    assert_eq!(found(&running), open.iter().map(CaseId::as_str).collect::<Vec<_>>());
    assert_eq!(pair.other.running_cases(2).await.unwrap().len(), 2);
    // Each record changes the head.
    let head = running[0].head.clone();
    pair.one.append(&running[0].summary.id, 1, moment(), &about("south")).await.unwrap();
    assert_ne!(pair.other.running_cases(1).await.unwrap()[0].head, head);
}

pub async fn playbooks_are_counted_by_run(pair: Pair) {
    let minutes = TimeDelta::minutes;
    let mut seq = BTreeMap::<CaseId, u64>::new();
    let mut append = async |case: &CaseId, at: DateTime<Utc>, event: Event| {
        let seq = seq.entry(case.clone()).or_insert(1);
        pair.one.append(case, *seq, at, &event).await.unwrap();
        *seq += 1;
    };
    for (number, fixed) in [(1, Some(true)), (2, Some(false)), (3, Some(true)), (4, None)] {
        let case = open(&*pair.one, number, "key").await;
        let at = moment() + minutes(i64::try_from(number).unwrap());
        append(&case, at, about("north")).await;
        append(&case, at, started("worker-down", &["web-1", "web-2"])).await;
        match fixed {
            Some(true) => append(&case, at, Event::VerificationPassed { conditions: Vec::new() }).await,
            Some(false) => append(&case, at, Event::RolledBack { clean: true }).await,
            None => {}
        }
    }
    let runs = pair.other.playbook_runs(moment()).await.unwrap();
    assert_eq!(runs.len(), 1, "{runs:?}");
    let PlaybookRuns { system, begun, fixed, failed, newest_at, .. } = &runs[0];
    assert_eq!(system.as_ref().map(SystemName::as_str), Some("north"));
    assert_eq!((*begun, *fixed, *failed), (4, 2, 1));
    assert_eq!(*newest_at, moment() + minutes(4));
    let later = pair.other.playbook_runs(moment() + minutes(3)).await.unwrap();
    assert_eq!((later[0].begun, later[0].fixed), (2, 1));
    assert_eq!(pair.other.playbook_runs(moment() + minutes(5)).await, Ok(Vec::new()));
}

pub async fn the_newest_sweep_of_each_system_is_kept(pair: Pair) {
    assert_eq!(pair.one.sweeps().await, Ok(Vec::new()));
    let sweep = |system: &str, minute: i64, is_unreachable: bool| SystemSweep {
        system: SystemName::new(system).unwrap(),
        at: moment() + TimeDelta::minutes(minute),
        is_unreachable,
        findings: Vec::new(),
        unknown: Vec::new(),
        unknown_count: 2,
        ruled_out: 7,
    };
    for kept in [sweep("south", 1, false), sweep("north", 1, false), sweep("south", 2, true)] {
        pair.one.keep_sweep(&kept).await.unwrap();
    }
    assert_eq!(pair.other.sweeps().await, Ok(vec![sweep("north", 1, false), sweep("south", 2, true)]));
}

fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).unwrap()
}

fn notice(name: &str, key: &str, minute: i64, is_bundled: bool) -> QueuedNotice {
    QueuedNotice {
        channel: channel(name),
        key: key.into(),
        body: json!({ "text": key }),
        due: moment() + TimeDelta::minutes(minute),
        is_bundled,
    }
}

/// What the channel `ops` is to send so many minutes later.
async fn next(store: &dyn Store, minute: i64) -> Option<(String, Vec<String>, u32)> {
    let now = moment() + TimeDelta::minutes(minute);
    let message = store.next_message(&channel("ops"), now, Duration::ZERO, 3).await.unwrap()?;
    let keys = message.notices.iter().map(|body| body["text"].as_str().unwrap().to_owned()).collect();
    Some((message.id, keys, message.tries))
}

pub async fn a_notice_is_queued_once_for_each_channel(pair: Pair) {
    let queued = [notice("ops", "a", 0, false), notice("mail", "a", 0, false)];
    assert_eq!(pair.one.enqueue_notices(&queued, moment()).await, Ok(Enqueued { new: 2, dropped: 0 }));
    assert_eq!(pair.other.enqueue_notices(&queued, moment()).await, Ok(Enqueued::default()));
    let waiting = vec![(channel("mail"), 1), (channel("ops"), 1)];
    assert_eq!(pair.other.waiting_notices().await, Ok(waiting));
    let (id, keys, _) = next(&*pair.one, 0).await.unwrap();
    assert_eq!(keys, ["a"]);
    pair.one.settle_message(&channel("ops"), &id, moment()).await.unwrap();
    // It is remembered after it was sent, for a week at least.
    let later = moment() + TimeDelta::days(7);
    pair.other.settle_message(&channel("mail"), "none", later).await.unwrap();
    assert_eq!(pair.one.enqueue_notices(&queued, later).await, Ok(Enqueued::default()));
    assert_eq!(pair.one.waiting_notices().await, Ok(vec![(channel("mail"), 1)]));
    // In time it goes.
    let long_after = moment() + TimeDelta::days(9);
    pair.one.settle_message(&channel("mail"), "none", long_after).await.unwrap();
    assert_eq!(pair.one.enqueue_notices(&queued, long_after).await, Ok(Enqueued { new: 1, dropped: 0 }));
}

pub async fn a_message_stays_as_it_was_begun_until_it_is_settled(pair: Pair) {
    let queued = [
        notice("ops", "single", 0, false),
        notice("ops", "digest-1", 10, true),
        notice("ops", "digest-2", 10, true),
        notice("ops", "later", 20, false),
    ];
    pair.one.enqueue_notices(&queued, moment()).await.unwrap();
    assert_eq!(next(&*pair.other, -1).await, None);
    let (first, keys, tries) = next(&*pair.other, 0).await.unwrap();
    assert_eq!((keys, tries), (vec!["single".to_owned()], 0));
    // More is due now. What was begun comes first, and with the same name.
    let (again, keys, _) = next(&*pair.one, 30).await.unwrap();
    assert_eq!((&again, keys), (&first, vec!["single".to_owned()]));
    let minute = Duration::from_secs(60);
    let now = moment() + TimeDelta::minutes(30);
    pair.one.postpone_message(&channel("ops"), &first, now, minute * 10_000).await.unwrap();
    assert_eq!(next(&*pair.other, 30).await, None, "it is left alone for a while");
    pair.one.postpone_message(&channel("ops"), &first, now, Duration::ZERO).await.unwrap();
    assert_eq!(next(&*pair.other, 30).await.map(|(_, _, tries)| tries), Some(2));
    pair.one.settle_message(&channel("ops"), &first, now).await.unwrap();

    let (digest, keys, _) = next(&*pair.one, 15).await.unwrap();
    assert_eq!(keys, ["digest-1", "digest-2"]);
    pair.one.settle_message(&channel("ops"), &digest, now).await.unwrap();
    let (last, keys, _) = next(&*pair.one, 30).await.unwrap();
    assert_eq!(keys, ["later"]);
    pair.one.settle_message(&channel("ops"), &last, now).await.unwrap();
    assert_eq!(next(&*pair.one, 60).await, None);
    // Many that have waited are one message.
    let many: Vec<QueuedNotice> =
        (0..4).map(|number| notice("ops", &format!("waited-{number}"), 0, false)).collect();
    pair.one.enqueue_notices(&many, moment()).await.unwrap();
    assert_eq!(next(&*pair.one, 60).await.unwrap().1.len(), 4);
}

pub async fn of_many_one_sends_a_message(pair: Pair) {
    pair.one.enqueue_notices(&[notice("ops", "a", 0, false)], moment()).await.unwrap();
    let tries = (0..8).map(|number| {
        let store = if number % 2 == 0 { pair.one.clone() } else { pair.other.clone() };
        tokio::spawn(async move {
            let minute = Duration::from_secs(60);
            store.next_message(&channel("ops"), moment(), minute, 3).await.unwrap().is_some()
        })
    });
    let mut got = 0;
    for held in tries.collect::<Vec<_>>() {
        got += usize::from(held.await.unwrap());
    }
    assert_eq!(got, 1);
}

pub async fn of_too_many_notices_the_oldest_are_given_up(pair: Pair) {
    let many = |from: u32, count: u32| -> Vec<QueuedNotice> {
        (from..from + count).map(|number| notice("ops", &format!("{number:04}"), 0, true)).collect()
    };
    pair.one.enqueue_notices(&many(0, 1), moment()).await.unwrap();
    let (begun, ..) = next(&*pair.one, 0).await.unwrap();
    let all = pair.one.enqueue_notices(&many(1, MAX_WAITING + 10), moment()).await.unwrap();
    assert_eq!(all, Enqueued { new: u64::from(MAX_WAITING) + 10, dropped: 10 });
    let (still, keys, _) = next(&*pair.other, 0).await.unwrap();
    assert_eq!((still, keys), (begun.clone(), vec!["0000".to_owned()]), "what was begun is finished");
    pair.one.settle_message(&channel("ops"), &begun, moment()).await.unwrap();
    let (_, keys, _) = next(&*pair.one, 0).await.unwrap();
    assert_eq!((keys.len(), keys[0].as_str()), (MAX_IN_MESSAGE as usize, "0011"));
    assert_eq!(pair.one.waiting_notices().await, Ok(vec![(channel("ops"), u64::from(MAX_WAITING))]));
}

fn series(name: &str) -> SeriesName {
    name.parse().unwrap()
}

async fn measure(journal: &dyn Store, system: &str, at: DateTime<Utc>, values: &[(&str, f64)]) {
    let values = values.iter().map(|(name, value)| (series(name), *value)).collect();
    let measured = SweepMeasurements { system: SystemName::new(system).unwrap(), at, values };
    journal.keep_measurements(&measured).await.unwrap();
}

async fn kept(journal: &dyn Store, system: &str, grain: Grain, limit: u32) -> Vec<MeasurementRow> {
    let (from, until) = (moment() - TimeDelta::days(200), moment() + TimeDelta::days(200));
    let query = MeasurementQuery { system: SystemName::new(system).unwrap(), grain, from, until, limit };
    journal.measurements(&query).await.unwrap()
}

pub async fn measurements_are_kept_by_sweep_and_by_hour(pair: Pair) {
    let hour = moment().date_naive().and_hms_opt(9, 0, 0).unwrap().and_utc();
    let at = |minute: i64, second: i64| hour + TimeDelta::minutes(minute) + TimeDelta::seconds(second);
    measure(&*pair.one, "north", at(1, 5), &[("disk.worst", 80.0), ("jobs.pending", 2.0)]).await;
    measure(&*pair.one, "south", at(1, 6), &[("disk.worst", 10.0)]).await;
    // A fact that is unknown is a gap.
    measure(&*pair.other, "north", at(31, 0), &[("jobs.pending", 8.5)]).await;
    // Two within a minute: the later one counts by itself, and both in the hour.
    measure(&*pair.other, "north", at(31, 40), &[("jobs.pending", 4.5)]).await;
    measure(&*pair.one, "north", at(60, 0), &[("disk.worst", 81.0)]).await;
    measure(&*pair.one, "north", at(61, 0), &[]).await;

    let sweeps = kept(&*pair.other, "north", Grain::Sweep, 100).await;
    let one = |minute: i64, values: &[(&str, f64)]| MeasurementRow {
        at: at(minute, 0),
        values: values.iter().map(|(name, value)| (series(name), Measured::one(*value))).collect(),
    };
    assert_eq!(
        sweeps,
        [
            one(1, &[("disk.worst", 80.0), ("jobs.pending", 2.0)]),
            one(31, &[("jobs.pending", 4.5)]),
            one(60, &[("disk.worst", 81.0)])
        ]
    );
    let hours = kept(&*pair.one, "north", Grain::Hour, 100).await;
    assert_eq!(hours.iter().map(|row| row.at).collect::<Vec<_>>(), [at(0, 0), at(60, 0)]);
    let pending = hours[0].values[&series("jobs.pending")];
    assert_eq!(pending, Measured { count: 3, min: 2.0, max: 8.5, mean: 5.0 });
    assert_eq!(hours[0].values[&series("disk.worst")], Measured::one(80.0));

    // Of too many the newest.
    assert_eq!(kept(&*pair.one, "north", Grain::Sweep, 1).await, [one(60, &[("disk.worst", 81.0)])]);
    assert_eq!(kept(&*pair.one, "east", Grain::Hour, 100).await, []);
}

pub async fn measurements_of_an_hour_lose_nothing_to_one_another(pair: Pair) {
    let hour = moment().date_naive().and_hms_opt(9, 0, 0).unwrap().and_utc();
    let mut writers = Vec::new();
    for number in 0..20 {
        let journal = Arc::clone(if number % 2 == 0 { &pair.one } else { &pair.other });
        writers.push(tokio::spawn(async move {
            let at = hour + TimeDelta::minutes(number);
            measure(&*journal, "north", at, &[("disk.worst", number as f64)]).await;
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let hours = kept(&*pair.one, "north", Grain::Hour, 100).await;
    let value = hours[0].values[&series("disk.worst")];
    assert_eq!((value.count, value.min, value.max), (20, 0.0, 19.0));
    assert!((value.mean - 9.5).abs() < 1e-9, "{value:?}");
}

pub async fn old_measurements_go(pair: Pair) {
    for day in 0..10 {
        measure(&*pair.one, "north", moment() - TimeDelta::days(day), &[("disk.worst", day as f64)]).await;
    }
    let (sweeps, hours) = (moment() - TimeDelta::days(3), moment() - TimeDelta::days(7));
    assert!(pair.one.purge_measurements(sweeps, hours).await.unwrap() > 0);
    let days = async |grain| kept(&*pair.other, "north", grain, 100).await.len();
    assert!((3..=4).contains(&days(Grain::Sweep).await) && (7..=8).contains(&days(Grain::Hour).await));
    assert_eq!(pair.other.purge_measurements(sweeps, hours).await, Ok(0));
}
