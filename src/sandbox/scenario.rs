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

use super::github::{Hub, Issue, Kind, Role};
use super::host::{Direct, HostFile, Model, Shared};
use crate::clock::Played as PlayedClock;
use crate::core::case::{Case, Phase, Treated};
use crate::core::event::{CaseId, Door};
use crate::core::expr::{Expr, Scope, Truth};
use crate::core::inventory::{Inventory, Site};
use crate::core::name::{HostName, KindName, ParamName, Role as HostRole, SystemName};
use crate::core::outcome::Outcome;
use crate::core::playbook::Library;
use crate::core::policy::{Mode, Policy};
use crate::core::redact::Redactor;
use crate::core::report::{Report, report};
use crate::core::ticket::{Repo, TicketId};
use crate::engine::{Agent, Manners, Stop, Unwatched, drive_on, take_in};
use crate::github::{GitHub, Options, Pace};
use crate::library::{self, Files, Problems};
use crate::ports::{Clock, Intake};
use crate::render::Prompts;
use crate::store::Sqlite;
use chrono::{DateTime, Utc};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What should come of a scenario.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `resolved`, `answered`, `escalated`, …
    pub outcome: String,
    /// The code of an escalation.
    #[serde(default)]
    pub code: Option<String>,
    /// The playbooks whose remedy was applied and proven, in order.
    #[serde(default)]
    pub mended: Vec<String>,
    /// Expressions over the host's state that hold at the end.
    #[serde(default)]
    pub state: Vec<String>,
    /// Regular expressions, each of which some command matches.
    #[serde(default)]
    pub asked: Vec<String>,
    /// Regular expressions that no command matches.
    #[serde(default)]
    pub never: Vec<String>,
    /// Texts that the report holds.
    #[serde(default)]
    pub says: Vec<String>,
    /// Parameters of the system.
    #[serde(default)]
    pub params: BTreeMap<ParamName, Value>,
}

/// What is wrong with a scenario's files.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("{path}: {error}")]
    File { path: PathBuf, error: String },
    #[error("the boxes could not be set up: {0}")]
    SetUp(String),
    #[error("the case stopped: {0}")]
    Stopped(String),
}

/// Playbooks to play with: loaded once, for many scenarios.
pub struct Books {
    library: Arc<Library>,
    files: Arc<BTreeMap<String, String>>,
}

impl Books {
    /// # Errors
    /// Every problem of the playbooks.
    pub fn open(files: &Files) -> Result<Self, Problems> {
        Ok(Self { library: Arc::new(library::load(files)?), files: Arc::new(files.as_map().clone()) })
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

/// Every scenario under a folder: those that hold an `expect.yaml`.
pub fn find(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        if dir.join("expect.yaml").is_file() {
            found.push(dir);
            continue;
        }
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
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

impl Scene {
    /// Reads the files and puts the boxes up.
    pub async fn set_up(path: &Path, books: &Books) -> Result<Self, ScenarioError> {
        let set_up = |error: &dyn std::fmt::Display| ScenarioError::SetUp(error.to_string());
        let expect = read_expect(path)?;
        let paper = Paper::read(&path.join("ticket.md"))?;
        let kind = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let kind = KindName::new(kind.unwrap_or_default()).map_err(|error| set_up(&error))?;

        let start = DateTime::<Utc>::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        let clock = Arc::new(PlayedClock::eager(start));
        let shared_clock: Arc<dyn Clock> = clock.clone();
        let host_path = path.join("host.yaml");
        let host_file = HostFile::parse(&host_text(&host_path)?)
            .map_err(|error| ScenarioError::File { path: host_path, error: error.to_string() })?;
        let host = Model::new(&host_file, start).share();
        let main = HostName::new("main").map_err(|error| set_up(&error))?;
        let shell = Direct::new(BTreeMap::from([(main.clone(), host.clone())]), shared_clock.clone());

        let repo = Repo { owner: "example".into(), name: "tickets".into() };
        let hub = Hub::unplugged(shared_clock.clone());
        hub.register(MEDIC, Kind::Bot, TOKEN);
        hub.grant(&repo, MEDIC, Role::Write);
        hub.grant(&repo, "ops-lead", Role::Write);
        hub.grant(&repo, &paper.author, Role::Read);
        let labels: Vec<&str> = paper.labels.iter().map(String::as_str).collect();
        let ticket = hub
            .file(&repo, &paper.author, &paper.title, &paper.body, &labels)
            .map_err(|error| set_up(&format!("{error:?}")))?;

        let redactor = Redactor::default();
        let options = Options {
            base_url: hub.url().to_owned(),
            pace: Pace { gap: Duration::ZERO, free: u32::MAX },
            ..Options::new(TOKEN.to_owned().into(), redactor.clone())
        };
        let site = Site {
            name: SystemName::new(kind.as_str()).map_err(|error| set_up(&error))?,
            kind,
            hosts: BTreeMap::from([(HostRole::main(), main.clone()), (HostRole::agent(), main.clone())]),
            params: expect.params.clone(),
            aliases: Vec::new(),
            mode: None,
        };
        let agent = Agent {
            forge: Arc::new(GitHub::over(options, hub.indoors()).map_err(|error| set_up(&error))?),
            shell: Arc::new(shell),
            journal: Arc::new(Sqlite::in_memory().await.map_err(|error| set_up(&error))?),
            clock: shared_clock,
            redactor: Arc::new(redactor),
            prompts: Arc::new(Prompts::built_in().map_err(|error| set_up(&error))?),
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
                command: "/qfield:support".into(),
                on_call: vec!["ops-lead".into()],
                approvers: Vec::new(),
            }),
            worker: "scenario".into(),
            watch: Arc::new(Unwatched),
        };
        Ok(Self { agent, hub, host, clock, ticket, expect })
    }

    /// Opens the case.
    pub async fn take_in(&self) -> Result<CaseId, ScenarioError> {
        let stopped = |error: &dyn std::fmt::Display| ScenarioError::Stopped(error.to_string());
        let ticket = self.agent.forge.ticket(&self.ticket).await.map_err(|error| stopped(&error))?;
        match take_in(&self.agent, ticket, Door::Webhook, "scenario")
            .await
            .map_err(|error| stopped(&error))?
        {
            Intake::Opened(case) | Intake::Running(case) => Ok(case),
            Intake::Seen => Err(stopped(&"the ticket was taken in before")),
        }
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
        let closes = played.case.outcome.as_ref().is_some_and(Outcome::closes);
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

/// A ticket as its author wrote it.
#[derive(Debug, Clone)]
pub struct Paper {
    pub title: String,
    pub body: String,
    pub labels: Vec<String>,
    pub author: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    author: Option<String>,
}

impl Paper {
    /// Reads a `ticket.md`.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let wrong = |error: String| ScenarioError::File { path: path.to_owned(), error };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let front = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (front, rest) = match front {
            Some((front, rest)) => {
                (serde_saphyr::from_str(front).map_err(|error| wrong(error.to_string()))?, rest)
            }
            None => (Front { labels: Vec::new(), author: None }, text.as_str()),
        };
        let (title, body) = rest.trim_start().split_once('\n').unwrap_or((rest.trim(), ""));
        let title =
            title.strip_prefix("# ").ok_or_else(|| wrong("the first line is not `# title`".into()))?;
        let mut labels = front.labels;
        labels.push("support".into());
        Ok(Self {
            title: title.trim().into(),
            body: body.trim().into(),
            labels,
            author: front.author.unwrap_or_else(|| "field-agent".into()),
        })
    }
}

/// What is expected of a scenario.
pub fn read_expect(path: &Path) -> Result<Expect, ScenarioError> {
    read_yaml(&path.join("expect.yaml"))
}

fn read_yaml<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ScenarioError> {
    let wrong = |error: String| ScenarioError::File { path: path.to_owned(), error };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// The text of a host file, with the files beneath it worked in.
pub fn host_text(path: &Path) -> Result<String, ScenarioError> {
    let wrong = |error: String| ScenarioError::File { path: path.to_owned(), error };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    if !text.lines().any(|line| line.starts_with("base:")) {
        return Ok(text);
    }
    let merged = with_bases(path, 0)?;
    serde_json::to_string_pretty(&merged).map_err(|error| wrong(error.to_string()))
}

fn with_bases(path: &Path, depth: u32) -> Result<Map<String, Value>, ScenarioError> {
    let wrong = |error: &str| ScenarioError::File { path: path.to_owned(), error: error.to_owned() };
    let mut own: Map<String, Value> = read_yaml(path)?;
    let Some(base) = own.remove("base") else { return Ok(own) };
    let base = base.as_str().ok_or_else(|| wrong("`base` is not a path"))?;
    if depth > 5 {
        return Err(wrong("`base` runs in a circle"));
    }
    let mut all = with_bases(&path.parent().unwrap_or(Path::new("")).join(base), depth + 1)?;
    for (key, value) in own {
        match (all.get_mut(&key), value) {
            // The first command that matches answers, so the scenario's own come first.
            (Some(Value::Array(beneath)), Value::Array(mut above)) => {
                above.append(beneath);
                *beneath = above;
            }
            (Some(Value::Object(beneath)), Value::Object(above)) => merge(beneath, above),
            (_, value) => {
                all.insert(key, value);
            }
        }
    }
    Ok(all)
}

fn merge(beneath: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (beneath.get_mut(&key), value) {
            (Some(Value::Object(beneath)), Value::Object(above)) => merge(beneath, above),
            (_, value) => {
                beneath.insert(key, value);
            }
        }
    }
}
