//! One incident, from its seed to its end, and its violations.

use super::clock::PausedClock;
use super::judge::{self, FinalState};
use super::oracle::Oracle;
use super::outages::Outages;
use super::people::{self, LEAD, REPORTER, STRANGER};
use super::process::{Life, Process, ProcessTap};
use super::rng::Rng;
use super::steady::Steady;
use super::{Flaw, host};
use crate::test_agent::at_terminal;
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::ids::{HostName, Role as HostRole, SystemName, SystemTypeName};
use fieldmedic::core::playbook::inventory::{Inventory, System};
use fieldmedic::core::policy::confirmation::{ConfirmationPolicy, OnSilence};
use fieldmedic::core::policy::limits::Limits;
use fieldmedic::core::policy::pause_order::PauseOrderKind;
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::core::text::redact::Redactor;
use fieldmedic::core::ticket::{Repo, TicketId};
use fieldmedic::engine::{Context, ForgeSettings, NoopObserver, SetAside};
use fieldmedic::github::{GitHub, Options, Pace};
use fieldmedic::library;
use fieldmedic::library::Files;
use fieldmedic::ports::{Clock, Store};
use fieldmedic::reader::BuiltInReader;
use fieldmedic::render::Prompts;
use fieldmedic::sandbox::github::{
    AccountKind, FakeGitHub, FaultPoint, HeldWebhook, InjectedFault, Issue, RepoRole,
};
use fieldmedic::sandbox::host::SharedHost;
use fieldmedic::scenario::in_process_shell::InProcessShell;
use http::{Method, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tower_service::Service;

pub const WEBHOOK_SECRET: &str = "a-webhook-secret-of-forty-characters-0123";
pub const TOKEN: &str = "ghs-token-of-the-agent-0123456789abcdef";
pub const MEDIC: &str = "fieldmedic-bot";

/// So many minutes have faults; then the incident settles.
const MINUTES: i64 = 15;

/// Longer than any deadline, pause or limit: a case that has not ended then is lost.
const REST: i64 = 6 * 60;

/// The playbooks as they are, and changed so that no step may run twice.
static BOOKS: LazyLock<[(Arc<library::Files>, Arc<fieldmedic::core::playbook::Library>); 2]> =
    LazyLock::new(|| {
        let built_in = Files::built_in();
        let text = |text: &String| {
            text.replace("if_interrupted: rerun_now", "if_interrupted: escalate")
                .replace("if_interrupted: rerun", "if_interrupted: escalate")
        };
        let never = built_in.as_map().iter().map(|(path, file)| (path.clone(), text(file))).collect();
        [built_in, Files::from_map(never)].map(|files| {
            let library = library::load(&files).expect("the playbooks are right");
            (Arc::new(files), Arc::new(library))
        })
    });

static PROMPTS: LazyLock<Arc<Prompts>> =
    LazyLock::new(|| Arc::new(Prompts::built_in().expect("the built-in prompts are right")));

/// The result of a seed.
pub struct Story {
    pub violations: Vec<String>,
    /// Every record of the journal and every comment, then every command that the host received.
    pub text: String,
    pub outcomes: Vec<String>,
}

/// Plays a seed on this thread.
pub fn play(seed: u64, flaw: Flaw) -> Story {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let simulation = Simulation::build(seed, flaw);
        simulation.incident().await;
        simulation.rest().await;
        judge::judge(&simulation.left().await)
    })
}

struct Simulation {
    rng: Mutex<Rng>,
    context: Context,
    hub: FakeGitHub,
    host: SharedHost,
    repo: Repo,
    start: DateTime<Utc>,
    outages: Arc<Outages>,
    oracle: Arc<Oracle>,
    flaw: Flaw,
    /// The running processes; a place is empty while its process is down.
    processes: Arc<Mutex<Vec<Option<Process>>>>,
    started: Mutex<u64>,
    always_healthy: Mutex<bool>,
    delivered: Mutex<Vec<HeldWebhook>>,
}

impl Simulation {
    fn build(seed: u64, flaw: Flaw) -> Arc<Self> {
        let mut rng = Rng::new(seed);
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let start = clock.now();
        let host = host::build(&mut rng, start);
        let repo: Repo = "example/tickets".parse().expect("a repository");
        let hub = FakeGitHub::in_process(clock.clone());
        hub.hold_webhooks(WEBHOOK_SECRET);
        hub.register(MEDIC, AccountKind::Bot, TOKEN);
        for (login, role) in [
            (MEDIC, RepoRole::Write),
            (LEAD, RepoRole::Write),
            (REPORTER, RepoRole::Read),
            (STRANGER, RepoRole::Read),
        ] {
            hub.grant(&repo, login, role);
        }
        let never = flaw == Flaw::DropsIntent || rng.percent(25);
        let (files, library) = &BOOKS[usize::from(never)];
        let mode =
            *rng.pick(&[Mode::Act, Mode::Act, Mode::Act, Mode::Act, Mode::Act, Mode::Ask, Mode::Observe]);
        let patience = Duration::from_secs(15 * 60);
        // Without a cooldown, cases compete for the host.
        let cooldown = if flaw == Flaw::GrantsEveryLease { 0 } else { *rng.pick(&[300, 300, 0]) };
        let budgets = Limits { cooldown: Duration::from_secs(cooldown), ..Limits::default() };
        let main = HostName::new("main").expect("a name");
        let system = System {
            name: SystemName::new("qfieldcloud").expect("a name"),
            system_type: SystemTypeName::new("qfieldcloud").expect("a name"),
            hosts: BTreeMap::from([(HostRole::main(), main.clone()), (HostRole::agent(), main.clone())]),
            params: BTreeMap::new(),
            aliases: Vec::new(),
            mode: None,
        };
        let journal: Arc<dyn Store> = Arc::new(Steady::open());
        let context = Context {
            forge: client(&hub),
            shell: Arc::new(InProcessShell::new(
                BTreeMap::from([(main.clone(), host.clone())]),
                clock.clone(),
            )),
            journal: journal.clone(),
            clock: clock.clone(),
            redactor: Arc::new(redactor()),
            prompts: PROMPTS.clone(),
            reader: Arc::new(BuiltInReader),
            library: library.clone(),
            files: Arc::new(files.as_map().clone()),
            inventory: Arc::new(Inventory {
                systems: BTreeMap::from([(system.name.clone(), system)]),
                hosts: BTreeSet::from([main]),
                ..Inventory::default()
            }),
            policy: Arc::new(Policy {
                mode,
                approval_timeout: patience,
                limits: budgets,
                confirmation: ConfirmationPolicy {
                    remind_after: patience / 3,
                    wait: patience,
                    details_wait: patience,
                    on_silence: *rng.pick(&[OnSilence::Close, OnSilence::Escalate]),
                    ..ConfirmationPolicy::default()
                },
                ..Policy::default()
            }),
            forge_settings: Arc::new(ForgeSettings {
                repos: vec![repo.clone()],
                label: "support".into(),
                monitors: Vec::new(),
                command: "/qfield:support".into(),
                on_call: vec![LEAD.into()],
                remind_after: Some(Duration::from_secs(4 * 3600)),
                roles: fieldmedic::core::chatops::access::AccessPolicy::default(),
            }),
            measurements: Default::default(),
            worker: String::new(),
            observer: Arc::new(NoopObserver),
            set_aside: SetAside::default(),
            places: Arc::default(),
            library_stored: Arc::default(),
        };
        let outages = Arc::new(Outages::generate(&mut rng, start, MINUTES));
        let oracle = Arc::new(Oracle::new(host.clone(), clock, journal, never));
        let count = 1 + rng.below(3);
        let simulation = Arc::new(Self {
            rng: Mutex::new(rng),
            context,
            hub,
            host,
            repo,
            start,
            outages,
            oracle,
            flaw,
            processes: Arc::new(Mutex::new((0..count).map(|_| None).collect())),
            started: Mutex::new(0),
            always_healthy: Mutex::new(true),
            delivered: Mutex::default(),
        });
        for place in 0..count as usize {
            simulation.start_process(place);
        }
        simulation
    }

    /// Starts a process in a place. Some are killed early; then another one follows.
    fn start_process(self: &Arc<Self>, place: usize) {
        let number = {
            let mut started = self.started.lock().expect("no thread panicked");
            *started += 1;
            *started
        };
        let (effects, pause) = {
            let mut rng = self.rng.lock().expect("no thread panicked");
            let is_frail = number < 7 && rng.percent(45);
            let effects = if is_frail { 1 + rng.below(160) } else { u64::MAX };
            (effects, rng.within(100))
        };
        let life = Life::new(number, effects);
        let tap = ProcessTap {
            life: life.clone(),
            outages: self.outages.clone(),
            oracle: self.oracle.clone(),
            clock: self.context.clock.clone(),
            flaw: self.flaw.tap(&self.hub),
        };
        let context = Context { forge: client(&self.hub), ..self.context.clone() };
        let process = Process::start(&context, life.clone(), tap);
        self.processes.lock().expect("no thread panicked")[place] = Some(process);
        let simulation = Arc::clone(self);
        tokio::spawn(async move {
            life.died.notified().await;
            simulation.oracle.stopped(life.number);
            // No other task waits for the killed process.
            drop(simulation.processes.lock().expect("no thread panicked")[place].take());
            tokio::time::sleep(pause).await;
            simulation.start_process(place);
        });
    }

    /// Plays faults and the acts of people, each at its time.
    async fn incident(self: &Arc<Self>) {
        let mut acts: Vec<(Duration, Act)> = Vec::new();
        {
            let mut rng = self.rng.lock().expect("no thread panicked");
            let seconds = MINUTES as u64 * 60;
            let mut at = |rng: &mut Rng, times: u64, within: u64, act: Act| {
                acts.extend((0..times).map(|_| (rng.within(within), act)));
            };
            if rng.percent(80) {
                let times = 1 + u64::from(rng.percent(30));
                at(&mut rng, times, 60, Act::Break);
            }
            let (tickets, comments) = (1 + rng.below(3), rng.below(4));
            let within = if rng.percent(40) || self.flaw == Flaw::GrantsEveryLease { 40 } else { 600 };
            at(&mut rng, tickets, within, Act::File);
            at(&mut rng, comments, seconds, Act::Comment);
            let (answers, faults) = (rng.below(4), if rng.percent(50) { rng.below(5) } else { 0 });
            at(&mut rng, answers, seconds, Act::Answer);
            at(&mut rng, faults, seconds, Act::GitHub);
            for (chance, act) in [
                (15, Act::Break),
                (15, Act::Repair),
                (12, Act::Close),
                (8, Act::Reopen),
                (10, Act::Edit),
                (8, Act::Relabel),
                (15, Act::Pause),
                (15, Act::Resume),
                (15, Act::Restart),
            ] {
                let times = u64::from(rng.percent(chance));
                at(&mut rng, times, seconds, act);
            }
        }
        acts.sort_by_key(|(at, _)| *at);
        let post = tokio::spawn(Arc::clone(self).deliver_webhooks());
        for (at, act) in acts {
            self.context.clock.sleep_until(self.start + at).await;
            self.act(act).await;
        }
        self.context.clock.sleep_until(self.start + TimeDelta::minutes(MINUTES)).await;
        drop(post);
    }

    /// Delivers webhooks: late, twice, in another order, or not at all.
    async fn deliver_webhooks(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_secs(4)).await;
            for webhook in self.hub.fetch_webhooks() {
                let delays: Vec<Duration> = {
                    let mut rng = self.rng.lock().expect("no thread panicked");
                    let copies = *rng.pick(&[0, 1, 1, 1, 1, 1, 1, 2, 3]);
                    (0..copies)
                        .map(|_| if rng.percent(20) { rng.within(300) } else { rng.within(3) })
                        .collect()
                };
                for delay in delays {
                    let (simulation, webhook) = (Arc::clone(&self), webhook.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        simulation.deliver(webhook).await;
                    });
                }
            }
        }
    }

    /// Delivers a webhook to one of the running processes. GitHub ignores the result.
    async fn deliver(&self, webhook: HeldWebhook) {
        let router = {
            let processes = self.processes.lock().expect("no thread panicked");
            let running: Vec<&Process> = processes.iter().flatten().filter(|p| !p.life.is_over()).collect();
            if running.is_empty() {
                return;
            }
            self.rng.lock().expect("no thread panicked").pick(&running).router.clone()
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri("/webhook")
            .header("content-type", "application/json")
            .header("x-github-event", webhook.event)
            .header("x-github-delivery", &webhook.guid)
            .header("x-hub-signature-256", &webhook.signature)
            .body(webhook.payload.clone())
            .expect("a request");
        let mut router = router;
        let _ = tokio::time::timeout(Duration::from_secs(10), router.call(request)).await;
        self.delivered.lock().expect("no thread panicked").push(webhook);
    }

    /// A random issue, if there is one.
    fn some_issue(&self) -> Option<TicketId> {
        let issues = self.hub.issues(&self.repo);
        let numbers: Vec<u64> = issues.iter().map(|issue| issue.number).collect();
        if numbers.is_empty() {
            return None;
        }
        let number = *self.rng.lock().expect("no thread panicked").pick(&numbers);
        Some(TicketId { repo: self.repo.clone(), number })
    }

    async fn act(self: &Arc<Self>, act: Act) {
        let now = self.context.clock.now();
        let mut rng = self.rng.lock().expect("no thread panicked").fork();
        match act {
            Act::Break => {
                *self.always_healthy.lock().expect("no thread panicked") = false;
                host::inject_fault(&self.host, &mut rng, now);
                self.oracle.broken();
            }
            Act::Repair => host::repair(&self.host, now),
            Act::File => {
                let (title, body, labels) = people::ticket(&mut rng);
                self.hub.file(&self.repo, REPORTER, title, body, &labels).expect("GitHub takes it");
            }
            Act::GitHub => {
                let faults = [
                    InjectedFault::BadGateway,
                    InjectedFault::Garbage,
                    InjectedFault::Hang,
                    InjectedFault::DropBefore,
                    InjectedFault::DropAfter,
                    InjectedFault::DropAfter,
                    InjectedFault::SecondaryLimit { retry_after: Some(20) },
                    InjectedFault::SecondaryLimit { retry_after: None },
                    InjectedFault::PrimaryLimit { reset_in: 60 },
                ];
                let at = if rng.percent(50) { FaultPoint::Any } else { FaultPoint::Write };
                let times = 1 + u32::try_from(rng.below(12)).unwrap_or(0);
                self.hub.inject(rng.pick(&faults).clone(), at, times);
            }
            Act::Restart => {
                let place =
                    rng.below(self.processes.lock().expect("no thread panicked").len() as u64) as usize;
                let process = self.processes.lock().expect("no thread panicked")[place].take();
                if let Some(process) = process {
                    tokio::spawn(process.stop());
                }
            }
            _ => self.touch_issue(act, &mut rng),
        }
    }

    /// An act of a person on an issue. It has no effect if GitHub refuses it.
    fn touch_issue(&self, act: Act, rng: &mut Rng) {
        let Some(id) = self.some_issue() else { return };
        let said = |who: &str, words: &str| drop(self.hub.comment(&id, who, words));
        match act {
            Act::Comment => {
                let (who, words) = people::comment(rng);
                said(who, words);
            }
            // A reporter who is asked tells the truth, lies, or changes their mind; a stranger answers too.
            Act::Answer if rng.percent(40) => {
                let issue = self.hub.issue(&id).expect("it is there");
                let asked = issue.comments_by(MEDIC).filter(|comment| comment.body.contains("kind=inquiry"));
                if let Some(question) = asked.last() {
                    let who = *rng.pick(&[REPORTER, REPORTER, STRANGER]);
                    let thumb = *rng.pick(&["+1", "+1", "-1"]);
                    let _ = self.hub.react(&id.repo, question.id, who, thumb);
                }
            }
            Act::Answer => {
                let issue = self.hub.issue(&id).expect("it is there");
                let asked = issue.comments_by(MEDIC).filter_map(|comment| {
                    comment.body.split_once("kind=question plan=").map(|(_, rest)| rest.to_owned())
                });
                if let Some(plan) = asked.last() {
                    let plan: String = plan.chars().take(7).collect();
                    let who = *rng.pick(&[LEAD, LEAD, STRANGER]);
                    let words = *rng.pick(&["approve", "approve", "approve", "deny", "cancel"]);
                    let plan = if words == "approve" { plan.as_str() } else { "" };
                    said(who, &format!("/qfield:support {words} {plan}"));
                }
            }
            Act::Close => drop(self.hub.close(&id, REPORTER, "completed")),
            Act::Reopen => drop(self.hub.reopen(&id, REPORTER)),
            Act::Edit => drop(self.hub.retitle(&id, REPORTER, "Sync fails again")),
            Act::Relabel if rng.percent(50) => drop(self.hub.label(&id, LEAD, "medic:pause")),
            Act::Relabel => drop(self.hub.unlabel(&id, LEAD, "support")),
            Act::Pause => said(LEAD, "/qfield:support pause a migration"),
            Act::Resume => said(LEAD, "/qfield:support resume"),
            _ => {}
        }
    }

    /// Ends the faults and pauses, and gives every case its time to end.
    async fn rest(self: &Arc<Self>) {
        for issue in self.hub.issues(&self.repo) {
            let id = TicketId { repo: self.repo.clone(), number: issue.number };
            drop(self.hub.unlabel(&id, LEAD, "medic:pause"));
        }
        let until = self.context.clock.now() + TimeDelta::minutes(REST);
        while self.context.clock.now() < until {
            // A pause that a person wrote earlier may only now be read.
            let order = at_terminal(LEAD, self.context.clock.now(), PauseOrderKind::Resume);
            self.context.journal.order_pause(&order).await.expect("the journal works");
            self.oracle.seen().lift();
            tokio::time::sleep(Duration::from_secs(160)).await;
            let at_work = self.context.journal.open_cases().await.expect("the journal works");
            if at_work.is_empty() && self.every_ticket_has_case().await {
                break;
            }
        }
    }

    /// Whether every ticket of a person has a case.
    async fn every_ticket_has_case(&self) -> bool {
        let lines = self.context.journal.cases(1000).await.expect("the journal works");
        let taken: BTreeSet<u64> = lines.iter().map(|line| line.ticket.number).collect();
        let issues = self.hub.issues(&self.repo);
        issues.iter().filter(|issue| is_wanted(issue)).all(|issue| taken.contains(&issue.number))
    }

    async fn left(&self) -> FinalState {
        let lines = self.context.journal.cases(1000).await.expect("the journal works");
        let mut cases = Vec::new();
        for line in lines {
            let records = self.context.journal.load(&line.id).await.expect("the journal works");
            cases.push((line.id, records));
        }
        let audit = self.context.journal.audit().await.expect("the journal works");
        let mut seen = self.oracle.seen();
        let host = self.host.lock();
        FinalState {
            violations: std::mem::take(&mut seen.violations),
            cases,
            broken_chains: audit.broken.len(),
            issues: self.hub.issues(&self.repo),
            labels: self.hub.labels(&self.repo).iter().map(|label| label.name.clone()).collect(),
            commands: host.log().iter().map(|logged| (logged.at, logged.line.clone())).collect(),
            given: seen.given.clone(),
            always_healthy: *self.always_healthy.lock().expect("no thread panicked"),
            library: self.context.library.clone(),
            host_problems: host.problems().to_vec(),
        }
    }
}

/// Whether a person wants this issue resolved: it is open and labelled.
pub fn is_wanted(issue: &Issue) -> bool {
    issue.author != MEDIC && !issue.is_closed() && issue.labels.iter().any(|label| label == "support")
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Break,
    Repair,
    File,
    Comment,
    Answer,
    Close,
    Reopen,
    Edit,
    Relabel,
    Pause,
    Resume,
    /// A rolling restart: the process stops at a safe point.
    Restart,
    GitHub,
}

fn redactor() -> Redactor {
    Redactor::new([TOKEN.to_owned(), WEBHOOK_SECRET.to_owned()], Vec::new())
}

fn client(hub: &FakeGitHub) -> Arc<GitHub> {
    let options = Options {
        base_url: hub.url().to_owned(),
        pace: Pace { gap: Duration::ZERO, free: u32::MAX },
        ..Options::new(TOKEN.to_owned().into(), redactor())
    };
    Arc::new(GitHub::over(options, hub.service()).expect("a client"))
}
