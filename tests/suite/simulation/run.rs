//! One incident from its seed to its end, and what was wrong with it.

use super::clock::Turned;
use super::dice::Dice;
use super::judge::{self, Left};
use super::oracle::Oracle;
use super::people::{self, LEAD, REPORTER, STRANGER};
use super::process::{Life, Process, Senses};
use super::steady::Steady;
use super::weather::Weather;
use super::{Flaw, host};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::ids::{HostName, Role as HostRole, SystemName, SystemTypeName};
use fieldmedic::core::playbook::inventory::{Inventory, System};
use fieldmedic::core::policy::limits::Limits;
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::core::text::redact::Redactor;
use fieldmedic::core::ticket::{Repo, TicketId};
use fieldmedic::engine::{Context, ForgeSettings, NoopObserver};
use fieldmedic::github::{GitHub, Options, Pace};
use fieldmedic::library;
use fieldmedic::library::Files;
use fieldmedic::ports::{Clock, Store};
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

/// For so many minutes things go wrong; then everything comes to rest.
const MINUTES: i64 = 15;

/// Longer than any patience, pause or budget: what has not ended then is lost.
const REST: i64 = 6 * 60;

/// Playbooks as they are, and with nothing in them that may be repeated.
static BOOKS: LazyLock<[(Arc<library::Files>, Arc<fieldmedic::core::playbook::Library>); 2]> =
    LazyLock::new(|| {
        let built_in = Files::built_in();
        let text = |text: &String| {
            text.replace("replay: safe", "replay: never").replace("replay: anytime", "replay: never")
        };
        let never = built_in.as_map().iter().map(|(path, file)| (path.clone(), text(file))).collect();
        [built_in, Files::from_map(never)].map(|files| {
            let library = library::load(&files).expect("the playbooks are right");
            (Arc::new(files), Arc::new(library))
        })
    });

static PROMPTS: LazyLock<Arc<Prompts>> =
    LazyLock::new(|| Arc::new(Prompts::built_in().expect("the built-in prompts are right")));

/// What came of a seed.
pub struct Story {
    pub wrongs: Vec<String>,
    /// Every record of the journal, then every command that the host was given, then all that was said.
    pub text: String,
    pub outcomes: Vec<String>,
}

/// Plays a seed on this thread.
pub fn play(seed: u64, flaw: Flaw) -> Story {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let world = World::build(seed, flaw);
        world.incident().await;
        world.rest().await;
        judge::judge(&world.left().await)
    })
}

struct World {
    dice: Mutex<Dice>,
    agent: Context,
    hub: FakeGitHub,
    host: SharedHost,
    repo: Repo,
    start: DateTime<Utc>,
    weather: Arc<Weather>,
    oracle: Arc<Oracle>,
    flaw: Flaw,
    /// Those that run; a place is empty while its process is down.
    processes: Arc<Mutex<Vec<Option<Process>>>>,
    born: Mutex<u64>,
    well_throughout: Mutex<bool>,
    letters: Mutex<Vec<HeldWebhook>>,
}

impl World {
    fn build(seed: u64, flaw: Flaw) -> Arc<Self> {
        let mut dice = Dice::new(seed);
        let clock: Arc<dyn Clock> = Arc::new(Turned::new());
        let start = clock.now();
        let host = host::build(&mut dice, start);
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
        let never = flaw == Flaw::Forgets || dice.percent(25);
        let (files, library) = &BOOKS[usize::from(never)];
        let mode =
            *dice.pick(&[Mode::Act, Mode::Act, Mode::Act, Mode::Act, Mode::Act, Mode::Ask, Mode::Observe]);
        let patience = Duration::from_secs(15 * 60);
        // Without the time between two runs, cases meet at the host.
        let cooldown = if flaw == Flaw::Generous { 0 } else { *dice.pick(&[300, 300, 0]) };
        let budgets = Limits { cooldown: Duration::from_secs(cooldown), ..Limits::default() };
        let main = HostName::new("main").expect("a name");
        let site = System {
            name: SystemName::new("qfieldcloud").expect("a name"),
            system_type: SystemTypeName::new("qfieldcloud").expect("a name"),
            hosts: BTreeMap::from([(HostRole::main(), main.clone()), (HostRole::agent(), main.clone())]),
            params: BTreeMap::new(),
            aliases: Vec::new(),
            mode: None,
        };
        let journal: Arc<dyn Store> = Arc::new(Steady::open());
        let agent = Context {
            forge: client(&hub),
            shell: Arc::new(InProcessShell::new(
                BTreeMap::from([(main.clone(), host.clone())]),
                clock.clone(),
            )),
            journal: journal.clone(),
            clock: clock.clone(),
            redactor: Arc::new(redactor()),
            prompts: PROMPTS.clone(),
            library: library.clone(),
            files: Arc::new(files.as_map().clone()),
            inventory: Arc::new(Inventory {
                systems: BTreeMap::from([(site.name.clone(), site)]),
                hosts: BTreeSet::from([main]),
                groups: BTreeMap::new(),
            }),
            policy: Arc::new(Policy {
                mode,
                approval_timeout: patience,
                limits: budgets,
                ..Policy::default()
            }),
            forge_settings: Arc::new(ForgeSettings {
                repos: vec![repo.clone()],
                label: "support".into(),
                command: "/qfield:support".into(),
                on_call: vec![LEAD.into()],
                remind_after: Some(Duration::from_secs(4 * 3600)),
                roles: fieldmedic::core::chatops::access::AccessPolicy::default(),
            }),
            worker: String::new(),
            observer: Arc::new(NoopObserver),
        };
        let weather = Arc::new(Weather::forecast(&mut dice, start, MINUTES));
        let oracle = Arc::new(Oracle::new(host.clone(), clock, journal, never));
        let count = 1 + dice.below(3);
        let world = Arc::new(Self {
            dice: Mutex::new(dice),
            agent,
            hub,
            host,
            repo,
            start,
            weather,
            oracle,
            flaw,
            processes: Arc::new(Mutex::new((0..count).map(|_| None).collect())),
            born: Mutex::new(0),
            well_throughout: Mutex::new(true),
            letters: Mutex::default(),
        });
        for place in 0..count as usize {
            world.give_birth(place);
        }
        world
    }

    /// Starts a process in a place. It may be one that dies young; then another follows.
    fn give_birth(self: &Arc<Self>, place: usize) {
        let number = {
            let mut born = self.born.lock().expect("whole");
            *born += 1;
            *born
        };
        let (deeds, pause) = {
            let mut dice = self.dice.lock().expect("whole");
            let is_frail = number < 7 && dice.percent(45);
            let deeds = if is_frail { 1 + dice.below(160) } else { u64::MAX };
            (deeds, dice.within(100))
        };
        let life = Life::new(number, deeds);
        let senses = Senses {
            life: life.clone(),
            weather: self.weather.clone(),
            oracle: self.oracle.clone(),
            clock: self.agent.clock.clone(),
            flaw: self.flaw.tap(&self.hub),
        };
        let agent = Context { forge: client(&self.hub), ..self.agent.clone() };
        let process = Process::start(&agent, life.clone(), senses);
        self.processes.lock().expect("whole")[place] = Some(process);
        let world = Arc::clone(self);
        tokio::spawn(async move {
            life.died.notified().await;
            world.oracle.buried(life.number);
            // What is left of it holds nothing that anybody waits for.
            drop(world.processes.lock().expect("whole")[place].take());
            tokio::time::sleep(pause).await;
            world.give_birth(place);
        });
    }

    /// What fate and people do, each at its moment.
    async fn incident(self: &Arc<Self>) {
        let mut acts: Vec<(Duration, Act)> = Vec::new();
        {
            let mut dice = self.dice.lock().expect("whole");
            let seconds = MINUTES as u64 * 60;
            let mut at = |dice: &mut Dice, times: u64, within: u64, act: Act| {
                acts.extend((0..times).map(|_| (dice.within(within), act)));
            };
            if dice.percent(80) {
                let times = 1 + u64::from(dice.percent(30));
                at(&mut dice, times, 60, Act::Break);
            }
            let (tickets, comments) = (1 + dice.below(3), dice.below(4));
            let within = if dice.percent(40) || self.flaw == Flaw::Generous { 40 } else { 600 };
            at(&mut dice, tickets, within, Act::File);
            at(&mut dice, comments, seconds, Act::Comment);
            let (answers, faults) = (dice.below(4), if dice.percent(50) { dice.below(5) } else { 0 });
            at(&mut dice, answers, seconds, Act::Answer);
            at(&mut dice, faults, seconds, Act::GitHub);
            for (chance, act) in [
                (15, Act::Break),
                (15, Act::Mend),
                (12, Act::Close),
                (8, Act::Reopen),
                (10, Act::Edit),
                (8, Act::Relabel),
                (15, Act::Halt),
                (15, Act::GoOn),
                (15, Act::Restart),
            ] {
                let times = u64::from(dice.percent(chance));
                at(&mut dice, times, seconds, act);
            }
        }
        acts.sort_by_key(|(at, _)| *at);
        let post = tokio::spawn(Arc::clone(self).carry_post());
        for (at, act) in acts {
            self.agent.clock.sleep_until(self.start + at).await;
            self.act(act).await;
        }
        self.agent.clock.sleep_until(self.start + TimeDelta::minutes(MINUTES)).await;
        drop(post);
    }

    /// Brings webhooks: late, twice, in another order, or not at all.
    async fn carry_post(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_secs(4)).await;
            for letter in self.hub.fetch_webhooks() {
                let trips: Vec<Duration> = {
                    let mut dice = self.dice.lock().expect("whole");
                    let copies = *dice.pick(&[0, 1, 1, 1, 1, 1, 1, 2, 3]);
                    (0..copies)
                        .map(|_| if dice.percent(20) { dice.within(300) } else { dice.within(3) })
                        .collect()
                };
                for trip in trips {
                    let (world, letter) = (Arc::clone(&self), letter.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(trip).await;
                        world.deliver(letter).await;
                    });
                }
            }
        }
    }

    /// To one of those that run; GitHub does not care what comes of it.
    async fn deliver(&self, letter: HeldWebhook) {
        let router = {
            let processes = self.processes.lock().expect("whole");
            let running: Vec<&Process> = processes.iter().flatten().filter(|p| !p.life.is_over()).collect();
            if running.is_empty() {
                return;
            }
            self.dice.lock().expect("whole").pick(&running).router.clone()
        };
        let request = Request::builder()
            .method(Method::POST)
            .uri("/webhook")
            .header("content-type", "application/json")
            .header("x-github-event", letter.event)
            .header("x-github-delivery", &letter.guid)
            .header("x-hub-signature-256", &letter.signature)
            .body(letter.payload.clone())
            .expect("a request");
        let mut router = router;
        let _ = tokio::time::timeout(Duration::from_secs(10), router.call(request)).await;
        self.letters.lock().expect("whole").push(letter);
    }

    /// An issue of a person, if there is one.
    fn some_issue(&self) -> Option<TicketId> {
        let issues = self.hub.issues(&self.repo);
        let numbers: Vec<u64> = issues.iter().map(|issue| issue.number).collect();
        if numbers.is_empty() {
            return None;
        }
        let number = *self.dice.lock().expect("whole").pick(&numbers);
        Some(TicketId { repo: self.repo.clone(), number })
    }

    async fn act(self: &Arc<Self>, act: Act) {
        let now = self.agent.clock.now();
        let mut dice = self.dice.lock().expect("whole").others();
        match act {
            Act::Break => {
                *self.well_throughout.lock().expect("whole") = false;
                host::break_it(&self.host, &mut dice, now);
                self.oracle.broken();
            }
            Act::Mend => host::mend(&self.host, now),
            Act::File => {
                let (title, body, labels) = people::ticket(&mut dice);
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
                let at = if dice.percent(50) { FaultPoint::Any } else { FaultPoint::Write };
                let times = 1 + u32::try_from(dice.below(12)).unwrap_or(0);
                self.hub.inject(dice.pick(&faults).clone(), at, times);
            }
            Act::Restart => {
                let place = dice.below(self.processes.lock().expect("whole").len() as u64) as usize;
                let process = self.processes.lock().expect("whole")[place].take();
                if let Some(process) = process {
                    tokio::spawn(process.stop());
                }
            }
            _ => self.touch_issue(act, &mut dice),
        }
    }

    /// What people do to an issue; what GitHub does not take of it is their own trouble.
    fn touch_issue(&self, act: Act, dice: &mut Dice) {
        let Some(id) = self.some_issue() else { return };
        let said = |who: &str, words: &str| drop(self.hub.comment(&id, who, words));
        match act {
            Act::Comment => {
                let (who, words) = people::comment(dice);
                said(who, words);
            }
            Act::Answer => {
                let issue = self.hub.issue(&id).expect("it is there");
                let asked = issue.comments_by(MEDIC).filter_map(|comment| {
                    comment.body.split_once("kind=question plan=").map(|(_, rest)| rest.to_owned())
                });
                if let Some(plan) = asked.last() {
                    let plan: String = plan.chars().take(7).collect();
                    let who = *dice.pick(&[LEAD, LEAD, STRANGER]);
                    let words = *dice.pick(&["approve", "approve", "approve", "deny", "cancel"]);
                    let plan = if words == "approve" { plan.as_str() } else { "" };
                    said(who, &format!("/qfield:support {words} {plan}"));
                }
            }
            Act::Close => drop(self.hub.close(&id, REPORTER, "completed")),
            Act::Reopen => drop(self.hub.reopen(&id, REPORTER)),
            Act::Edit => drop(self.hub.retitle(&id, REPORTER, "Sync fails again")),
            Act::Relabel if dice.percent(50) => drop(self.hub.label(&id, LEAD, "medic:pause")),
            Act::Relabel => drop(self.hub.unlabel(&id, LEAD, "support")),
            Act::Halt => said(LEAD, "/qfield:support pause a migration"),
            Act::GoOn => said(LEAD, "/qfield:support resume"),
            _ => {}
        }
    }

    /// The faults stop, people lift what they have laid on, and everything gets its time to end.
    async fn rest(self: &Arc<Self>) {
        for issue in self.hub.issues(&self.repo) {
            let id = TicketId { repo: self.repo.clone(), number: issue.number };
            drop(self.hub.unlabel(&id, LEAD, "medic:pause"));
        }
        let until = self.agent.clock.now() + TimeDelta::minutes(REST);
        while self.agent.clock.now() < until {
            // A halt that somebody wrote before may only now be read.
            self.agent.journal.set_pause(None).await.expect("the journal works");
            self.oracle.seen().lift();
            tokio::time::sleep(Duration::from_secs(160)).await;
            let at_work = self.agent.journal.open_cases().await.expect("the journal works");
            if at_work.is_empty() && self.is_all_taken().await {
                break;
            }
        }
    }

    /// Whether no ticket of a person waits for a case.
    async fn is_all_taken(&self) -> bool {
        let lines = self.agent.journal.cases(1000).await.expect("the journal works");
        let taken: BTreeSet<u64> = lines.iter().map(|line| line.ticket.number).collect();
        let issues = self.hub.issues(&self.repo);
        issues.iter().filter(|issue| is_wanted(issue)).all(|issue| taken.contains(&issue.number))
    }

    async fn left(&self) -> Left {
        let lines = self.agent.journal.cases(1000).await.expect("the journal works");
        let mut cases = Vec::new();
        for line in lines {
            let records = self.agent.journal.load(&line.id).await.expect("the journal works");
            cases.push((line.id, records));
        }
        let audit = self.agent.journal.audit().await.expect("the journal works");
        let mut seen = self.oracle.seen();
        let host = self.host.lock();
        Left {
            wrongs: std::mem::take(&mut seen.wrongs),
            cases,
            broken_chains: audit.broken.len(),
            issues: self.hub.issues(&self.repo),
            labels: self.hub.labels(&self.repo).iter().map(|label| label.name.clone()).collect(),
            commands: host.log().iter().map(|logged| (logged.at, logged.line.clone())).collect(),
            given: seen.given.clone(),
            well_throughout: *self.well_throughout.lock().expect("whole"),
            library: self.agent.library.clone(),
            host_problems: host.problems().to_vec(),
        }
    }
}

/// A person asks for it, and it is open.
pub fn is_wanted(issue: &Issue) -> bool {
    issue.author != MEDIC && !issue.is_closed() && issue.labels.iter().any(|label| label == "support")
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Break,
    Mend,
    File,
    Comment,
    Answer,
    Close,
    Reopen,
    Edit,
    Relabel,
    Halt,
    GoOn,
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
