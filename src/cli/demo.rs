//! `fieldmedic demo`: the whole process, on a simulated GitHub, simulated hosts and a journal in memory.
//!
//! Five servers of an invented company run behind a real SSH server in this process. Five people file tickets at
//! the same time, and the simulated GitHub delivers them by signed webhook. The rest is the code and the
//! playbooks of real work.

#![expect(clippy::disallowed_methods, reason = "plays in real time, in a temporary folder")]

use crate::app::inbox::DeliveryInbox;
use crate::app::signals::stop_with_terminal;
use crate::cli::output::ExitStatus;
use crate::cli::progress::Screen;
use crate::clock::SystemClock;
use crate::console::print;
use crate::core::case::Case;
use crate::core::case::outcome::Outcome;
use crate::core::ids::{HostName, Role, SystemName, SystemTypeName};
use crate::core::measurement::MeasurementPolicy;
use crate::core::playbook::inventory::{Inventory, System};
use crate::core::policy::permit::{Mode, Policy};
use crate::core::text::redact::Redactor;
use crate::core::ticket::{Repo, TicketId};
use crate::engine::{Context, Dispatcher, ForgeSettings, SetAside, Shutdown};
use crate::github::{GitHub, Options, Pace};
use crate::library;
use crate::library::Files;
use crate::ports::Clock;
use crate::reader::BuiltInReader;
use crate::render::Prompts;
use crate::render::terminal::{Folded, plain};
use crate::sandbox::github::{AccountKind, FakeGitHub, Hooks, RepoRole as Rights};
use crate::sandbox::host::{AuthorizedKey, FakeHost, HostSpec, Server, SharedHost, write_key};
use crate::scenario;
use crate::scenario::TicketFile;
use crate::ssh::{HostRoute, Login, Remote, SYSTEM_KNOWN_HOSTS, SessionLimits, SshConfig, SshHosts};
use crate::store::{Sqlite, worker_name};
use crate::web::{self, ServerLimits};
use clap::Args;
use include_dir::{Dir, include_dir};
use miette::{IntoDiagnostic, Result, miette};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

static FIXTURES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/qfieldcloud");

/// A server's name, its scenario, and what has happened to it.
const SYSTEMS: [(&str, &str, &str); 5] = [
    ("north", "worker-down", "its worker containers have stopped"),
    ("east", "disk-full", "its disk is almost full"),
    ("south", "queue-stuck", "its job queue is stuck"),
    ("west", "missing-image", "its QGIS image is gone"),
    ("depot", "sync-failed-healthy", "nothing is wrong that a playbook knows"),
];

const MEDIC: &str = "fieldmedic-bot";
const ON_CALL: &str = "ops-lead";

/// The demo ends by itself, whatever happens.
const LONGEST: Duration = Duration::from_secs(600);

/// The command line of `fieldmedic demo`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Keep the simulated GitHub and the servers running afterwards, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// Plays the tickets of all servers side by side and prints the reports. [`ExitStatus::Done`] if exactly one
/// of them is not resolved, as planned; otherwise, and after Ctrl-C, [`ExitStatus::Failed`].
///
/// # Errors
/// If the simulated GitHub or a simulated server cannot be started, or the journal cannot be used.
pub(super) async fn run(arguments: Arguments) -> Result<ExitStatus> {
    let started = Instant::now();
    let dir = tempfile::Builder::new().prefix("fieldmedic-demo-").tempdir().into_diagnostic()?;
    FIXTURES.extract(dir.path()).into_diagnostic()?;
    let stop = stop_with_terminal();
    let stage = DemoRun::set(dir.path(), &stop).await?;
    print("Five servers, each with a fault of its own; five people file tickets at the same moment.\n");
    for (system, _, what) in SYSTEMS {
        print(&format!("  {system:<6} {what}"));
    }
    print("");
    stage.file_tickets(dir.path())?;
    let cases = stage.wait(&stop).await?;
    if stop.is_requested() {
        stage.close().await;
        return Ok(ExitStatus::Failed);
    }
    stage.show_reports();
    summarise(&cases, started.elapsed());
    if arguments.keep {
        print(&format!("\nSimulated GitHub: {}/example/tickets/issues\nCtrl-C ends it.", stage.hub.url()));
        stop.requested().await;
    }
    let as_planned =
        cases.iter().filter(|case| case.outcome == Some(Outcome::Resolved)).count() == SYSTEMS.len() - 1;
    stage.close().await;
    Ok(if as_planned { ExitStatus::Done } else { ExitStatus::Failed })
}

/// Everything that the demo runs on; gone when it is closed.
struct DemoRun {
    hub: FakeGitHub,
    agent: Context,
    dispatch: Dispatcher,
    repo: Repo,
    pull: tokio::sync::watch::Sender<bool>,
    _servers: Vec<Server>,
}

impl DemoRun {
    async fn set(dir: &Path, outer: &Shutdown) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let repo = Repo { owner: "example".into(), name: "tickets".into() };
        let (hub, hub_token) = open_hub(&repo, clock.clone()).await?;
        let key = dir.join("key");
        let public = write_key(&key).into_diagnostic()?;
        let mut servers = Vec::new();
        let mut reach = BTreeMap::new();
        let mut systems = BTreeMap::new();
        let mut known_hosts = String::new();
        for (name, scenario, _) in SYSTEMS {
            let model = host(&dir.join(scenario), &*clock)?;
            let authorized = AuthorizedKey::Key(public.clone());
            let server = Server::start(model, &authorized, clock.clone()).await.into_diagnostic()?;
            known_hosts.extend(server.known_hosts().iter().map(|line| format!("{line}\n")));
            let host = HostName::new(name).into_diagnostic()?;
            reach.insert(host.clone(), remote(&server, &key, dir));
            let system = system(name, &host, &dir.join(scenario))?;
            systems.insert(system.name.clone(), system);
            servers.push(server);
        }
        std::fs::write(dir.join("known_hosts"), known_hosts).into_diagnostic()?;
        let files = Files::built_in();
        let options = Options {
            base_url: hub.url().to_owned(),
            pace: Pace { gap: Duration::ZERO, free: u32::MAX },
            ..Options::new(hub_token.into(), Redactor::default())
        };
        let hosts: BTreeSet<HostName> = reach.keys().cloned().collect();
        let prompts = Arc::new(Prompts::built_in()?);
        let agent = Context {
            forge: Arc::new(GitHub::new(options).into_diagnostic()?),
            shell: Arc::new(SshHosts::new(reach, SessionLimits::default(), clock.clone())),
            journal: Arc::new(Sqlite::open(&dir.join("journal.db")).await.into_diagnostic()?),
            clock,
            redactor: Arc::default(),
            prompts: prompts.clone(),
            reader: Arc::new(BuiltInReader),
            library: Arc::new(library::load(&files)?),
            files: Arc::new(files.as_map().clone()),
            inventory: Arc::new(Inventory { systems, hosts, ..Inventory::default() }),
            policy: Arc::new(Policy { mode: Mode::Act, ..Policy::default() }),
            forge_settings: Arc::new(ForgeSettings {
                repos: vec![repo.clone()],
                label: "support".into(),
                monitors: Vec::new(),
                command: "/qfield:support".into(),
                on_call: vec![ON_CALL.into()],
                remind_after: None,
                roles: crate::core::chatops::access::AccessPolicy::default(),
            }),
            measurements: MeasurementPolicy::default(),
            worker: worker_name(0),
            observer: Arc::new(Screen::for_many(std::io::stdout(), prompts)),
            set_aside: SetAside::default(),
            places: Arc::default(),
            library_stored: Arc::default(),
        };
        let (stop, pull) = Shutdown::new();
        let dispatch = Dispatcher::start(agent.clone(), 4 * SYSTEMS.len(), stop.clone());
        listen(&hub, &agent, &dispatch, stop, outer.clone()).await?;
        Ok(Self { hub, agent, dispatch, repo, pull, _servers: servers })
    }

    fn file_tickets(&self, dir: &Path) -> Result<()> {
        for (system, scenario, _) in SYSTEMS {
            let ticket = TicketFile::read(&dir.join(scenario).join("ticket.md")).into_diagnostic()?;
            let body = format!("{}\n\nServer: {system}", ticket.body);
            self.hub.grant(&self.repo, &ticket.author, Rights::Read);
            self.hub
                .file(&self.repo, &ticket.author, &ticket.title, &body, &["support"])
                .map_err(|refusal| miette!("GitHub in a box refused the ticket: {refusal:?}"))?;
        }
        Ok(())
    }

    /// Waits until every ticket has come to its end.
    async fn wait(&self, stop: &Shutdown) -> Result<Vec<Case>> {
        let end = Instant::now() + LONGEST;
        while Instant::now() < end && !stop.is_requested() {
            let lines = self.agent.journal.cases(100).await.into_diagnostic()?;
            if lines.len() == SYSTEMS.len() && lines.iter().all(|line| line.outcome.is_some()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // The outcome is known before it is told: wait for the last word on GitHub.
        while !self.agent.journal.open_cases().await.into_diagnostic()?.is_empty()
            && Instant::now() < end
            && !stop.is_requested()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut cases = Vec::new();
        for line in self.agent.journal.cases(100).await.into_diagnostic()? {
            let records = self.agent.journal.load(&line.id).await.into_diagnostic()?;
            cases.push(Case::fold(&line.id, &records).into_diagnostic()?);
        }
        cases.sort_by_key(|case| case.ticket.id.number);
        Ok(cases)
    }

    fn show_reports(&self) {
        for issue in self.hub.issues(&self.repo) {
            let id = TicketId { repo: self.repo.clone(), number: issue.number };
            let state = if issue.is_closed() { "closed" } else { "open" };
            print(&format!("\n━━ #{} {} · {state}", issue.number, issue.title));
            for comment in self.hub.comments(&id) {
                if comment.body.contains("kind=report") {
                    print(&plain(&comment.body, Folded::LeftOut));
                }
            }
        }
    }

    async fn close(self) {
        let _ = self.pull.send(true);
        self.dispatch.finish().await;
    }
}

async fn open_hub(repo: &Repo, clock: Arc<dyn Clock>) -> Result<(FakeGitHub, String)> {
    let hub = FakeGitHub::start(clock).await.into_diagnostic()?;
    let token = format!("demo-{}", std::process::id());
    hub.register(MEDIC, AccountKind::Bot, &token);
    hub.grant(repo, MEDIC, Rights::Write);
    hub.grant(repo, ON_CALL, Rights::Write);
    Ok((hub, token))
}

/// Opens the webhook, and tells GitHub in a box where it is.
async fn listen(
    hub: &FakeGitHub,
    agent: &Context,
    dispatch: &Dispatcher,
    stop: Shutdown,
    outer: Shutdown,
) -> Result<()> {
    let secret = format!("demo-{}", std::process::id());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.into_diagnostic()?;
    let url = format!("http://{}/webhook", listener.local_addr().into_diagnostic()?);
    let doors = DeliveryInbox::new(agent.clone(), dispatch.waker());
    let router = doors.router([secret.clone().into()]);
    let stopped = stop.clone();
    tokio::spawn(async move { doors.work(&stopped).await });
    let until = async move {
        tokio::select! {
            () = stop.requested() => {}
            () = outer.requested() => {}
        }
    };
    tokio::spawn(web::serve(listener, router, ServerLimits::default(), until));
    hub.hook(Hooks { url, secret });
    Ok(())
}

fn host(scenario: &Path, clock: &dyn Clock) -> Result<SharedHost> {
    let text = scenario::host_text(&scenario.join("host.yaml")).into_diagnostic()?;
    let file = HostSpec::parse(&text).into_diagnostic()?;
    Ok(FakeHost::new(&file, clock.now()).share())
}

fn remote(server: &Server, key: &Path, dir: &Path) -> HostRoute {
    HostRoute::Ssh(Remote {
        address: server.address().ip().to_string(),
        port: Some(server.address().port()),
        known_hosts: Some(dir.join("known_hosts")),
        system_known_hosts: SYSTEM_KNOWN_HOSTS.into(),
        ssh_config: SshConfig::Off,
        probe: Login { user: Some("medic".into()), keys: vec![key.to_owned()], agent: None },
        change: None,
    })
}

fn system(name: &str, host: &HostName, scenario: &Path) -> Result<System> {
    let expect = scenario::read_expect(scenario).into_diagnostic()?;
    Ok(System {
        name: SystemName::new(name).into_diagnostic()?,
        system_type: SystemTypeName::new("qfieldcloud").into_diagnostic()?,
        hosts: BTreeMap::from([(Role::main(), host.clone()), (Role::agent(), host.clone())]),
        params: expect.params,
        aliases: Vec::new(),
        mode: None,
    })
}

fn summarise(cases: &[Case], took: Duration) {
    print("\n━━ summary");
    for case in cases {
        let outcome = match &case.outcome {
            Some(Outcome::Escalated(escalation)) => format!("escalated ({})", escalation.code),
            Some(outcome) => outcome.word().to_owned(),
            None => "not finished".to_owned(),
        };
        let system = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
        let system = system.map_or("", |system| system.name.as_str());
        let seconds = (case.updated_at - case.opened_at).num_milliseconds() as f64 / 1000.0;
        print(&format!("  #{} {system:<6} {outcome:<28} {seconds:>5.1} s", case.ticket.id.number));
    }
    let count = |word: &str| {
        cases.iter().filter(|case| case.outcome.as_ref().is_some_and(|o| o.word() == word)).count()
    };
    print(&format!(
        "  {} resolved, {} escalated, in {:.1} s",
        count("resolved"),
        count("escalated"),
        took.as_secs_f64()
    ));
}
