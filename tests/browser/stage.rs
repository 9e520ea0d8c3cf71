//! What the browser looks at: a journal that incidents of `fixtures/` have filled, and a dashboard over it.

use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::case::event::{CaseId, Event, Source};
use fieldmedic::core::case::inquiry::ReporterAnswer;
use fieldmedic::core::case::signal::{Signal, SignalKind};
use fieldmedic::core::case::{Case, Waiting};
use fieldmedic::core::diagnosis::diagnose::{Finding, Unknown};
use fieldmedic::core::ids::{HostName, PlaybookName, SystemName};
use fieldmedic::core::playbook::inventory::Inventory;
use fieldmedic::core::policy::change_freeze::{ChangeFreeze, Window};
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::core::policy::schedule::Schedule;
use fieldmedic::dashboard::Dashboard;
use fieldmedic::engine::{Context, Shutdown, open_case, run_case_waiting};
use fieldmedic::library::Files;
use fieldmedic::ports::{Clock, Cursor, NewCase, OpenResult, Store, SystemSweep};
use fieldmedic::sandbox::host::{FakeHost, HostSpec};
use fieldmedic::scenario::in_process_shell::InProcessShell;
use fieldmedic::scenario::{LoadedPlaybooks, ScenarioRun, host_text};
use fieldmedic::store::Sqlite;
use fieldmedic::web::{LoginToken, Sessions, Site, SiteSettings, serve_dashboard};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The token of the dashboard.
pub const TOKEN: &str = "a-token-for-the-browser-test";

/// A scenario, the name that its system has here, and how many hours ago it came in.
const PAST: &[(&str, &str, i64)] = &[
    ("linux-host/*", "harbour", 700),
    ("postgresql/*", "ledger", 520),
    ("web/*", "www", 430),
    ("qfieldcloud/disk-full", "north", 300),
    ("backup/backup-too-old-not-fixed", "vault", 210),
    ("compose-app/daemon-down-denied", "wiki", 160),
    ("qfieldcloud/queue-stuck", "north", 120),
    ("systemd-service/*", "mailer", 96),
    ("qfieldcloud/sync-failed-healthy", "north", 70),
    ("backup/last-run-failed-approved", "vault", 40),
    ("qfieldcloud/missing-image", "north", 26),
    ("queue/*", "jobs", 20),
    ("qfieldcloud/worker-down", "north", 8),
    ("compose-app/daemon-down-approved", "wiki", 5),
    ("backup/target-full", "vault", 3),
];

/// A dashboard that is served.
pub struct Stage {
    pub address: String,
    /// The agent of the incident that is not played yet.
    pub live: ScenarioRun,
    pub journal: Arc<dyn Store>,
    /// The case that waits for an approval.
    pub waiting: CaseId,
    /// A case with a fix, its proof and its report.
    pub fixed: CaseId,
    _stop: oneshot::Sender<()>,
}

impl Stage {
    /// Plays the incidents, and serves the dashboard on this machine.
    pub async fn set() -> Self {
        let books = LoadedPlaybooks::open(&Files::built_in()).expect("the playbooks are right");
        let journal: Arc<dyn Store> = Arc::new(Sqlite::in_memory().await.expect("a journal"));
        let now = Utc::now();
        let mut inventory = Inventory::default();
        let mut fixed = None;
        let mut number = 40;
        for (scenario, system, hours) in PAST {
            number += 3;
            let began = now - TimeDelta::hours(*hours);
            let (run, case) = stand(&books, &journal, scenario, system, number, began, Mode::Act).await;
            let case = play(&run, &case).await;
            if *scenario == "qfieldcloud/worker-down" {
                fixed = Some(case.id.clone());
            }
            inventory.systems.extend(run.agent.inventory.systems.clone());
            inventory.hosts.extend(run.agent.inventory.hosts.clone());
        }
        // One that waits for an approval, and one for its reporter.
        let began = now - TimeDelta::minutes(4);
        let (run, case) =
            stand(&books, &journal, "qfieldcloud/queue-stuck", "north", 88, began, Mode::Ask).await;
        let waiting = wait(&run, &case).await.id;
        let began = now - TimeDelta::minutes(95);
        let (run, case) =
            stand(&books, &journal, "qfieldcloud/csrf-origins-healthy", "north", 86, began, Mode::Act).await;
        wait(&run, &case).await;
        inventory.systems.extend(run.agent.inventory.systems.clone());
        // One that is being verified: the first records of a case that was played elsewhere.
        let elsewhere: Arc<dyn Store> = Arc::new(Sqlite::in_memory().await.expect("a journal"));
        let began = now - TimeDelta::seconds(9);
        let (run, case) =
            stand(&books, &elsewhere, "qfieldcloud/missing-image", "east", 90, began, Mode::Act).await;
        play(&run, &case).await;
        for record in elsewhere.load(&case).await.expect("the journal works") {
            match record.event {
                first @ Event::Opened { .. } => {
                    let (ticket, key) = (run.ticket.clone(), run.ticket.to_string());
                    let case = case.clone();
                    let opening = NewCase { case, ticket, key, also: Vec::new(), at: record.at, first };
                    journal.open_case(&opening).await.expect("the journal works");
                }
                Event::VerificationPassed { .. } => break,
                event => {
                    journal.append(&case, record.seq, record.at, &event).await.expect("the journal works")
                }
            }
        }
        inventory.systems.extend(run.agent.inventory.systems.clone());
        sweep(&*journal, &inventory, now).await;

        let path = fixture("qfieldcloud/worker-down");
        let mut live = ScenarioRun::set_up(&path, &books).await.expect("it is set up");
        let title = "Sync has not finished since this morning";
        let body = "Changes stay *pending* on all our tablets. <img src=x onerror=alert(1)> **urgent**!";
        prepare(&mut live, &path, &journal, "south", 91, now, Mode::Ask, Some((title, body)));
        inventory.systems.extend(live.agent.inventory.systems.clone());
        let mut context = live.agent.clone();
        let freeze = |from: i64, until: i64, reason: &str| ChangeFreeze {
            window: Window::Once { from: now + TimeDelta::hours(from), until: now + TimeDelta::hours(until) },
            reason: reason.to_owned(),
        };
        context.inventory = Arc::new(inventory);
        context.policy = Arc::new(Policy {
            change_freezes: vec![
                freeze(-1, 5, "the weekly backup of the vault"),
                freeze(600, 820, "the end of the year"),
            ],
            mode: Mode::Act,
            playbook_modes: BTreeMap::from([(PlaybookName::new("disk-full").expect("a name"), Mode::Ask)]),
            ..Policy::default()
        });
        let (address, stop) = serve(context).await;
        let fixed = fixed.expect("it was played");
        Self { address, live, journal, waiting, fixed, _stop: stop }
    }
}

/// Serves a dashboard on a free port of this machine.
pub async fn serve(context: Context) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let listen = listener.local_addr().expect("an address");
    let dashboard = Dashboard::new(context, Schedule::Interval(Duration::from_secs(900)), None);
    let settings = SiteSettings {
        listen,
        public_url: None,
        base_path: String::new(),
        login_to_read: false,
        tokens: LoginToken::new(None, TOKEN.to_owned().into()).into_iter().collect(),
    };
    let site =
        Site::new(dashboard, settings, Arc::new(Sessions::default())).expect("the templates are right");
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(serve_dashboard(listener, Arc::new(site), async move {
        // Its sender is dropped to stop the server.
        let _: Result<(), _> = stopped.await;
    }));
    (format!("http://{listen}"), stop)
}

/// The folder of a scenario; `*` stands for the first that is fixed.
fn fixture(name: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let Some(folder) = name.strip_suffix("/*") else { return root.join(name) };
    let entries = std::fs::read_dir(root.join(folder)).expect("the folder of a system type");
    let folders: BTreeSet<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let is_fixed = |path: &std::path::PathBuf| {
        let expect = std::fs::read_to_string(path.join("expect.yaml")).unwrap_or_default();
        let ticket = std::fs::read_to_string(path.join("ticket.md")).unwrap_or_default();
        expect.contains("outcome: resolved") && !ticket.contains("command:")
    };
    folders.into_iter().find(is_fixed).expect("a scenario that is fixed")
}

/// Sets up a scenario in the common journal, and opens its case.
async fn stand(
    books: &LoadedPlaybooks,
    journal: &Arc<dyn Store>,
    scenario: &str,
    system: &str,
    number: u64,
    began: DateTime<Utc>,
    mode: Mode,
) -> (ScenarioRun, CaseId) {
    let path = fixture(scenario);
    let mut run =
        ScenarioRun::set_up(&path, books).await.unwrap_or_else(|error| panic!("{scenario}: {error}"));
    prepare(&mut run, &path, journal, system, number, began, mode, None);
    let case = take_in(&run).await;
    (run, case)
}

/// Opens the case of a scenario's ticket.
pub async fn take_in(run: &ScenarioRun) -> CaseId {
    let ticket = run.agent.forge.ticket(&run.ticket).await.expect("GitHub answers");
    let key = ticket.id.to_string();
    match open_case(&run.agent, ticket, Source::Webhook, &key).await.expect("the journal works") {
        OpenResult::Opened(case) => case,
        other => panic!("{key}: {other:?}"),
    }
}

/// Gives a scenario the common journal, its time, and a ticket with a number of its own.
#[allow(clippy::too_many_arguments, reason = "a test's set-up")]
fn prepare(
    run: &mut ScenarioRun,
    path: &Path,
    journal: &Arc<dyn Store>,
    system: &str,
    number: u64,
    began: DateTime<Utc>,
    mode: Mode,
    words: Option<(&str, &str)>,
) {
    run.clock.set(began);
    // What happens on a host is computed from its beginning on.
    let text = host_text(&path.join("host.yaml")).expect("the host can be read");
    run.host = FakeHost::new(&HostSpec::parse(&text).expect("it is a host"), began).share();
    let issue = run.hub.issue(&run.ticket).expect("the ticket is there");
    let (title, body) = words.unwrap_or((&issue.title, issue.body.as_deref().unwrap_or_default()));
    while run.ticket.number < number {
        let filed = run.hub.file(&run.ticket.repo, &issue.author, title, body, &["support"]);
        run.ticket = filed.expect("GitHub takes the ticket");
    }
    // Its host is one of its own, too: nothing that others do holds it up.
    let (name, host) = (SystemName::new(system).expect("a name"), HostName::new(system).expect("a name"));
    let mut system = run.agent.inventory.systems.values().next().expect("a system").clone();
    system.name = name.clone();
    system.hosts.values_mut().for_each(|it| *it = host.clone());
    run.agent.inventory = Arc::new(Inventory {
        systems: BTreeMap::from([(name, system)]),
        hosts: BTreeSet::from([host.clone()]),
        ..Inventory::default()
    });
    let hosts = BTreeMap::from([(host, run.host.clone())]);
    run.agent.shell = Arc::new(InProcessShell::new(hosts, run.agent.clock.clone()));
    run.agent.policy = Arc::new(Policy { mode, ..(*run.agent.policy).clone() });
    run.agent.journal = Arc::clone(journal);
}

/// Works on a case until it waits for a person or has ended.
pub async fn wait(run: &ScenarioRun, case: &CaseId) -> Case {
    let (stop, _pull) = Shutdown::new();
    run_case_waiting(&run.agent, case, &stop).await.expect("the case goes on")
}

/// Plays a case to its end.
async fn play(run: &ScenarioRun, case: &CaseId) -> Case {
    for _ in 0..20 {
        let now = wait(run, case).await;
        let says = match (now.waiting(), run.expect.reporter) {
            (Some(Waiting::Reporter(_)), Some(says)) => SignalKind::Answer(says),
            (Some(Waiting::Reporter(_)), None) => SignalKind::Answer(ReporterAnswer::Works),
            (Some(Waiting::Approval(_)), _) if run.expect.approve => {
                let plan = now.pending_approval.as_ref().map(|asked| asked.plan.short_id().to_owned());
                SignalKind::Approve { plan: plan.unwrap_or_default() }
            }
            (Some(Waiting::Approval(_)), _) => SignalKind::Deny,
            _ => return now,
        };
        run.clock.set(run.clock.now() + TimeDelta::minutes(6));
        let signal = Signal { by: "ops-lead".into(), at: run.clock.now(), kind: says };
        let key = format!("answer {}", now.next_seq);
        run.agent.journal.send_signal(case, &key, &signal).await.expect("the journal works");
    }
    panic!("the case {case} does not end");
}

/// What a sweep would have found a few minutes ago.
async fn sweep(journal: &dyn Store, inventory: &Inventory, now: DateTime<Utc>) {
    let name = |name: &str| PlaybookName::new(name).expect("a name");
    let at = now - TimeDelta::minutes(6);
    journal.set_cursor(&Cursor::Task("sweep systems".into()), at).await.expect("the journal works");
    for system in inventory.systems.keys() {
        let mut sweep = SystemSweep {
            system: system.clone(),
            at,
            is_unreachable: system.as_str() == "jobs",
            findings: Vec::new(),
            unknown: Vec::new(),
            unknown_count: 0,
            ruled_out: 19,
        };
        if system.as_str() == "north" {
            sweep.findings.push(Finding {
                playbook: name("queue-stuck"),
                title: "The job queue is stuck".into(),
                summary: "12 jobs wait, the oldest for 41 minutes".into(),
            });
        }
        if system.as_str() == "vault" {
            let why = "borg: the repository is locked by another host".to_owned();
            sweep.unknown.push(Unknown { playbook: name("backup-too-old"), why });
            sweep.unknown_count = 3;
        }
        journal.keep_sweep(&sweep).await.expect("the journal works");
    }
}
