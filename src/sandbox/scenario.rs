//! Scenarios: a ticket, a host in a box and what should come of them, each in a folder of its own.
//!
//! A scenario is played on a GitHub in a box, with the real adapter, and on a host in a box, both without
//! a network, so that the clock can be played: an incident of half an hour takes milliseconds.
//!
//! ```text
//! fixtures/qfieldcloud/worker-down/
//!   ticket.md      front matter (labels, author), `# title`, body
//!   host.yaml      the host; `base: ../healthy.yaml` takes another file's state and commands beneath
//!   expect.yaml    outcome, code, mended, state, asked, never, says, params
//! ```

mod files;

pub use files::{Expect, Paper, Scenario, ScenarioError, find, host_text, read_expect};

use super::github::{Hub, Issue, Kind, Role};
use super::host::{Direct, Model, Shared};
use crate::clock::Played as PlayedClock;
use crate::core::case::{Case, Phase, Treated};
use crate::core::event::{CaseId, Door};
use crate::core::expr::{Expr, Scope, Truth};
use crate::core::inventory::{Inventory, Site};
use crate::core::name::{HostName, Role as HostRole, SystemName};
use crate::core::playbook::Library;
use crate::core::policy::{Mode, Policy};
use crate::core::redact::Redactor;
use crate::core::report::{Report, report};
use crate::core::rights::Roles;
use crate::core::ticket::{Repo, TicketId};
use crate::engine::{Agent, Manners, Stop, Unwatched, drive_on, take_comment, take_in};
use crate::github::{GitHub, Options, Pace};
use crate::library::{self, Files, Problems};
use crate::ports::{Clock, Forge, Intake};
use crate::render::Prompts;
use crate::store::Sqlite;
use chrono::{DateTime, Utc};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Playbooks to play with: loaded once, for many scenarios.
pub struct Books {
    library: Arc<Library>,
    files: Arc<BTreeMap<String, String>>,
    prompts: Arc<Prompts>,
}

impl Books {
    /// # Errors
    /// Every problem of the playbooks.
    pub fn open(files: &Files) -> Result<Self, Problems> {
        Ok(Self {
            library: Arc::new(library::load(files)?),
            files: Arc::new(files.as_map().clone()),
            prompts: Arc::new(Prompts::built_in().expect("a test holds that they are templates")),
        })
    }

    pub fn library(&self) -> &Library {
        &self.library
    }
}

/// A scenario that is set up and not yet played.
pub struct Scene {
    pub agent: Agent,
    pub hub: Hub,
    pub host: Shared,
    pub clock: Arc<PlayedClock>,
    pub ticket: TicketId,
    pub expect: Expect,
    /// The comment that orders something in the ticket; without one, the ticket comes in by itself.
    order: Option<u64>,
}

/// A scenario that was played.
pub struct Played {
    pub case: Case,
    pub report: Report,
    pub issue: Issue,
    /// Every command line that the host was given, in order.
    pub commands: Vec<String>,
    expect: Expect,
    wrongs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed(Vec<String>),
}

/// Plays a scenario to its end.
pub async fn play(path: &Path, books: &Books) -> Result<Played, ScenarioError> {
    let scene = Scene::set_up(path, books).await?;
    let case = scene.take_in().await?;
    let (stop, _pull) = Stop::new();
    let case = drive_on(&scene.agent, &case, &stop)
        .await
        .map_err(|error| ScenarioError::Stopped(error.to_string()))?;
    scene.judge(case)
}

const TOKEN: &str = "scenario-token";
const MEDIC: &str = "fieldmedic-bot";
const LEAD: &str = "ops-lead";
const COMMAND: &str = "/qfield:support";

impl Scene {
    /// Reads the files and puts the boxes up.
    pub async fn set_up(path: &Path, books: &Books) -> Result<Self, ScenarioError> {
        Self::of(&Scenario::read(path)?, books).await
    }

    /// Puts the boxes up.
    pub async fn of(scenario: &Scenario, books: &Books) -> Result<Self, ScenarioError> {
        let set_up = |error: &dyn std::fmt::Display| ScenarioError::SetUp(error.to_string());
        let Scenario { kind, paper, host, expect } = scenario.clone();
        let start = DateTime::<Utc>::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        let clock = Arc::new(PlayedClock::eager(start));
        let shared_clock: Arc<dyn Clock> = clock.clone();
        let host = Model::new(&host, start).share();
        let main = HostName::new("main").map_err(|error| set_up(&error))?;
        let shell = Direct::new(BTreeMap::from([(main.clone(), host.clone())]), shared_clock.clone());

        let repo = Repo { owner: "example".into(), name: "tickets".into() };
        let hub = Hub::unplugged(shared_clock.clone());
        hub.register(MEDIC, Kind::Bot, TOKEN);
        hub.grant(&repo, MEDIC, Role::Write);
        hub.grant(&repo, LEAD, Role::Write);
        hub.grant(&repo, &paper.author, Role::Read);
        let labels: Vec<&str> = paper.labels.iter().map(String::as_str).collect();
        let ticket = hub
            .file(&repo, &paper.author, &paper.title, &paper.body, &labels)
            .map_err(|error| set_up(&format!("{error:?}")))?;

        let order =
            paper.order.as_ref().map(|order| hub.comment(&ticket, LEAD, &format!("{COMMAND} {order}")));
        let order = order.transpose().map_err(|error| set_up(&format!("{error:?}")))?;

        let site = Site {
            name: SystemName::new(kind.as_str()).map_err(|error| set_up(&error))?,
            kind,
            hosts: BTreeMap::from([(HostRole::main(), main.clone()), (HostRole::agent(), main.clone())]),
            params: expect.params.clone(),
            aliases: Vec::new(),
            mode: None,
        };
        let agent = Agent {
            forge: forge(&hub)?,
            shell: Arc::new(shell),
            journal: Arc::new(Sqlite::in_memory().await.map_err(|error| set_up(&error))?),
            clock: shared_clock,
            redactor: Arc::new(Redactor::default()),
            prompts: books.prompts.clone(),
            library: books.library.clone(),
            files: books.files.clone(),
            inventory: Arc::new(Inventory {
                systems: BTreeMap::from([(site.name.clone(), site)]),
                hosts: BTreeSet::from([main]),
                groups: BTreeMap::new(),
            }),
            policy: Arc::new(Policy { mode: Mode::Act, ..Policy::default() }),
            manners: Arc::new(Manners {
                repos: vec![repo],
                label: "support".into(),
                command: COMMAND.into(),
                on_call: vec![LEAD.into()],
                remind_after: Some(Duration::from_secs(4 * 3600)),
                roles: Roles::default(),
            }),
            worker: "scenario".into(),
            watch: Arc::new(Unwatched),
        };
        Ok(Self { agent, hub, host, clock, ticket, expect, order })
    }

    /// The same agent, as a process that has just begun has it: what the last one knew of GitHub is gone.
    ///
    /// # Errors
    /// If the client cannot be made.
    pub fn restarted(&self) -> Result<Agent, ScenarioError> {
        Ok(Agent { forge: forge(&self.hub)?, ..self.agent.clone() })
    }

    /// Opens the case.
    pub async fn take_in(&self) -> Result<CaseId, ScenarioError> {
        let stopped = |error: &dyn std::fmt::Display| ScenarioError::Stopped(error.to_string());
        if let Some(order) = self.order {
            let comments = self.agent.forge.comments(&self.ticket.repo, DateTime::UNIX_EPOCH).await;
            let comments = comments.map_err(|error| stopped(&error))?;
            let comment = comments.iter().find(|comment| comment.id == order);
            let comment = comment.ok_or_else(|| stopped(&"the order is gone"))?;
            let case = take_comment(&self.agent, comment).await.map_err(|error| stopped(&error))?;
            return case.ok_or_else(|| stopped(&format!("the order opened no case: {:?}", self.said())));
        }
        let ticket = self.agent.forge.ticket(&self.ticket).await.map_err(|error| stopped(&error))?;
        match take_in(&self.agent, ticket, Door::Webhook, "scenario")
            .await
            .map_err(|error| stopped(&error))?
        {
            Intake::Opened(case) | Intake::Running(case) => Ok(case),
            Intake::Seen => Err(stopped(&"the ticket was taken in before")),
        }
    }

    /// What the agent has said in the ticket.
    fn said(&self) -> Vec<String> {
        let comments = self.hub.comments(&self.ticket).into_iter();
        comments.filter(|comment| comment.author == MEDIC).map(|comment| comment.body).collect()
    }

    /// Holds what came of it against what was expected.
    pub fn judge(&self, case: Case) -> Result<Played, ScenarioError> {
        let issue =
            self.hub.issue(&self.ticket).ok_or_else(|| ScenarioError::Stopped("the issue is gone".into()))?;
        let report = report(&case, &self.agent.library);
        let mut played = Played {
            report,
            issue,
            commands: self.host.lock().log().iter().map(|logged| logged.line.clone()).collect(),
            expect: self.expect.clone(),
            wrongs: Vec::new(),
            case,
        };
        played.wrongs = self.wrongs(&played);
        Ok(played)
    }

    fn wrongs(&self, played: &Played) -> Vec<String> {
        let mut wrongs: Vec<String> =
            self.host.lock().problems().iter().map(|p| format!("host.yaml: {p}")).collect();
        let expect = &self.expect;
        let mut equal = |what: &str, got: &str, wanted: &str| {
            if got != wanted {
                wrongs.push(format!("{what} is {got:?}, not {wanted:?}"));
            }
        };
        equal("the outcome", &played.report.outcome, &expect.outcome);
        if let Some(code) = &expect.code {
            equal("the code", &played.report.code, code);
        }
        equal("what was mended", &played.mended().join(", "), &expect.mended.join(", "));
        let closes = played.case.closes();
        equal(
            "the issue",
            if played.issue.is_closed() { "closed" } else { "open" },
            if closes { "closed" } else { "open" },
        );
        for source in &expect.state {
            match self.state_holds(source) {
                Truth::True => {}
                Truth::False => wrongs.push(format!("the host's state: `{source}` does not hold")),
                Truth::Unknown(why) => wrongs.push(format!("the host's state: `{source}`: {why}")),
            }
        }
        for (patterns, wanted) in [(&expect.asked, true), (&expect.never, false)] {
            for pattern in patterns {
                let Ok(regex) = Regex::new(pattern) else {
                    wrongs.push(format!("`{pattern}` is not a regular expression"));
                    continue;
                };
                match (played.commands.iter().find(|line| regex.is_match(line)), wanted) {
                    (None, true) => wrongs.push(format!("no command matches `{pattern}`")),
                    (Some(line), false) => wrongs.push(format!("a command matches `{pattern}`: {line}")),
                    _ => {}
                }
            }
        }
        let last = played
            .issue
            .comments_by(MEDIC)
            .map(|comment| comment.body.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        for text in &expect.says {
            if !last.contains(text.as_str()) {
                wrongs.push(format!("no comment says {text:?}"));
            }
        }
        wrongs
    }

    fn state_holds(&self, source: &str) -> Truth {
        let Ok(expr) = Expr::new(source) else { return Truth::Unknown("it is not an expression".into()) };
        let mut scope = Scope::default();
        let now = self.clock.now();
        let mut host = self.host.lock();
        for name in expr.names() {
            let root = name.split('.').next().unwrap_or("").to_owned();
            let value = host.state(&root, now).ok_or_else(|| format!("the state has no `{root}`"));
            scope.set(root, value);
        }
        expr.truth(&scope)
    }
}

/// A new client of this GitHub.
fn forge(hub: &Hub) -> Result<Arc<dyn Forge>, ScenarioError> {
    let options = Options {
        base_url: hub.url().to_owned(),
        pace: Pace { gap: Duration::ZERO, free: u32::MAX },
        ..Options::new(TOKEN.to_owned().into(), Redactor::default())
    };
    let client = GitHub::over(options, hub.indoors());
    Ok(Arc::new(client.map_err(|error| ScenarioError::SetUp(error.to_string()))?))
}

impl Played {
    pub fn verdict(&self) -> Verdict {
        if self.wrongs.is_empty() { Verdict::Passed } else { Verdict::Failed(self.wrongs.clone()) }
    }

    /// The playbooks that were applied and proven, in order.
    pub fn mended(&self) -> Vec<String> {
        let mended = |phase: &Phase| matches!(phase, Phase::Over { result: Treated::Mended, .. });
        let treatments = self.case.treatments.iter().filter(|treatment| mended(&treatment.phase));
        treatments.map(|treatment| treatment.plan.playbook.to_string()).collect()
    }

    /// In a line.
    pub fn summary(&self) -> String {
        let code =
            if self.report.code.is_empty() { String::new() } else { format!(" ({})", self.report.code) };
        let mended = self.mended();
        let mended =
            if mended.is_empty() { String::new() } else { format!(", mended {}", mended.join(", ")) };
        format!("{}{code}{mended}", self.report.outcome)
    }

    /// Everything that the agent said, and every command that the host was given.
    pub fn story(&self) -> String {
        let comments: Vec<&str> =
            self.issue.comments_by(MEDIC).map(|comment| comment.body.as_str()).collect();
        let commands: Vec<String> = self.commands.iter().map(|line| shortened(line)).collect();
        format!("{}\n\ncommands:\n  {}\n", comments.join("\n---\n"), commands.join("\n  "))
    }

    pub fn expect(&self) -> &Expect {
        &self.expect
    }
}

/// A script by its first line and its name, which stands last.
fn shortened(line: &str) -> String {
    match (line.split_once('\n'), line.rsplit_once(' ')) {
        (Some((first, _)), Some((_, name))) => format!("{first} … {name}"),
        _ => line.to_owned(),
    }
}
