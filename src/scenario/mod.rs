//! Scenarios: a ticket, a fake host and the expected result, each in a folder of its own.
//!
//! A scenario runs the real GitHub adapter against a fake GitHub and a fake host, without a network. The
//! clock is virtual, so an incident of half an hour takes milliseconds.
//!
//! ```text
//! fixtures/qfieldcloud/worker-down/
//!   ticket.md      front matter (labels, author, command), `# title`, body
//!   host.yaml      the host; `base: ../healthy.yaml` adds another file's state and commands
//!   expect.yaml    outcome, code, remediated, state, commands_include, commands_exclude, comments_include
//! ```

mod files;
pub mod in_process_shell;
pub mod schema;

pub use crate::scenario::files::{Expect, Scenario, ScenarioError, TicketFile, find, host_text, read_expect};

use crate::core::case::event::{CaseId, Source};
use crate::core::case::inquiry::ReporterAnswer;
use crate::core::case::outcome::Code;
use crate::core::case::signal::{Signal, SignalKind};
use crate::core::case::{Case, Phase, RemediationResult, Waiting};
use crate::core::chatops::access::AccessPolicy;
use crate::core::expr::{Expr, Scope, Truth};
use crate::core::ids::{HostName, Role as HostRole, SystemName};
use crate::core::measurement::MeasurementPolicy;
use crate::core::playbook::Library;
use crate::core::playbook::inventory::{Inventory, System};
use crate::core::policy::permit::{Mode, Policy};
use crate::core::text::redact::Redactor;
use crate::core::ticket::{Repo, TicketId};
use crate::core::view::report::{Report, report};
use crate::engine::{
    Context, ForgeSettings, NoopObserver, SetAside, Shutdown, accept_comment, open_case, run_case_waiting,
};
use crate::github::{GitHub, Options, Pace};
use crate::library;
use crate::library::{Files, Problems};
use crate::ports::{Clock, Forge, OpenResult};
use crate::reader::BuiltInReader;
use crate::render::Prompts;
use crate::sandbox::clock::VirtualClock;
use crate::sandbox::github::{AccountKind, FakeGitHub, Issue, RepoRole};
use crate::sandbox::host::{FakeHost, SharedHost};
use crate::scenario::in_process_shell::InProcessShell;
use crate::store::Sqlite;
use chrono::{DateTime, Utc};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Playbooks, loaded once for many scenarios.
pub struct LoadedPlaybooks {
    library: Arc<Library>,
    files: Arc<BTreeMap<String, String>>,
    prompts: Arc<Prompts>,
}

impl LoadedPlaybooks {
    /// Loads the playbooks, and the built-in prompts.
    ///
    /// # Errors
    /// Every problem of the playbooks.
    #[expect(clippy::expect_used, reason = "a test loads the built-in prompts")]
    pub fn open(files: &Files) -> Result<Self, Problems> {
        Ok(Self {
            library: Arc::new(library::load(files)?),
            files: Arc::new(files.as_map().clone()),
            prompts: Arc::new(Prompts::built_in().expect("a test holds that they are templates")),
        })
    }

    /// The playbooks, as the engine uses them.
    pub fn library(&self) -> &Library {
        &self.library
    }
}

/// A scenario that is set up and not yet played.
pub struct ScenarioRun {
    /// The agent: the real GitHub adapter, a journal in memory and the mode `act`.
    pub agent: Context,
    /// The fake GitHub, which the agent reaches without a network.
    pub hub: FakeGitHub,
    /// The fake host, which plays the roles `main` and `agent` of the system.
    pub host: SharedHost,
    /// The virtual clock of the agent, the fake GitHub and the fake host.
    pub clock: Arc<VirtualClock>,
    /// The ticket on the fake GitHub, in the repository `example/tickets`.
    pub ticket: TicketId,
    /// The expected result, from `expect.yaml`.
    pub expect: Expect,
    /// The comment with the ticket's command; without one, the ticket is accepted by its label.
    command: Option<u64>,
}

/// A scenario that was played.
pub struct ScenarioResult {
    /// The case, with all its records applied.
    pub case: Case,
    /// What the final report of the case says.
    pub report: Report,
    /// The issue as the case left it, with all comments.
    pub issue: Issue,
    /// Every command line that the host received, in order.
    pub commands: Vec<String>,
    expect: Expect,
    failures: Vec<String>,
}

/// Whether the result was the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScenarioVerdict {
    /// Every expectation was met.
    Passed,
    /// One sentence for each expectation that was not met, and each problem of `host.yaml`; never empty.
    Failed(Vec<String>),
}

/// Plays a scenario to its end.
///
/// # Errors
/// The scenario cannot be set up, or the engine stops. An expectation that is not met is no error.
pub async fn play(path: &Path, books: &LoadedPlaybooks) -> Result<ScenarioResult, ScenarioError> {
    let scene = ScenarioRun::set_up(path, books).await?;
    let case = scene.take_in().await?;
    let (stop, _pull) = Shutdown::new();
    loop {
        let case = run_case_waiting(&scene.agent, &case, &stop)
            .await
            .map_err(|error| ScenarioError::Stopped(error.to_string()))?;
        match (case.waiting(), scene.expect.reporter) {
            (Some(Waiting::Reporter(_)), Some(says)) => scene.reporter_answers(&case, says).await?,
            (Some(Waiting::Approval(_)), _) if scene.expect.approve => scene.lead_approves(&case).await?,
            // Nobody else answers in a scenario.
            (Some(Waiting::Approval(until) | Waiting::Reporter(until)), _) => {
                scene.clock.sleep_until(until).await;
            }
            _ => return scene.judge(case),
        }
    }
}

const TOKEN: &str = "scenario-token";
const MEDIC: &str = "fieldmedic-bot";
const LEAD: &str = "ops-lead";
const COMMAND: &str = "/qfield:support";

impl ScenarioRun {
    /// Reads the files and sets up the fake GitHub and the fake host.
    ///
    /// # Errors
    /// A file cannot be read or decoded, or the fake GitHub or host cannot be set up.
    pub async fn set_up(path: &Path, books: &LoadedPlaybooks) -> Result<Self, ScenarioError> {
        Self::of(&Scenario::read(path)?, books).await
    }

    /// Sets up the fake GitHub and the fake host.
    ///
    /// # Errors
    /// The fake GitHub or host cannot be set up.
    pub async fn of(scenario: &Scenario, books: &LoadedPlaybooks) -> Result<Self, ScenarioError> {
        let set_up = |error: &dyn std::fmt::Display| ScenarioError::SetUp(error.to_string());
        let Scenario { system_type, ticket: file, host, expect } = scenario.clone();
        let start = DateTime::<Utc>::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        let clock = Arc::new(VirtualClock::eager(start));
        let shared_clock: Arc<dyn Clock> = clock.clone();
        let host = FakeHost::new(&host, start).share();
        let main = HostName::new("main").map_err(|error| set_up(&error))?;
        let shell = InProcessShell::new(BTreeMap::from([(main.clone(), host.clone())]), shared_clock.clone());

        let repo = Repo { owner: "example".into(), name: "tickets".into() };
        let hub = FakeGitHub::in_process(shared_clock.clone());
        hub.register(MEDIC, AccountKind::Bot, TOKEN);
        hub.grant(&repo, MEDIC, RepoRole::Write);
        hub.grant(&repo, LEAD, RepoRole::Write);
        hub.grant(&repo, &file.author, RepoRole::Read);
        let labels: Vec<&str> = file.labels.iter().map(String::as_str).collect();
        let ticket = hub
            .file(&repo, &file.author, &file.title, &file.body, &labels)
            .map_err(|error| set_up(&format!("{error:?}")))?;

        let command = file.command.as_ref();
        let command = command.map(|command| hub.comment(&ticket, LEAD, &format!("{COMMAND} {command}")));
        let command = command.transpose().map_err(|error| set_up(&format!("{error:?}")))?;

        let system = System {
            name: SystemName::new(system_type.as_str()).map_err(|error| set_up(&error))?,
            system_type,
            hosts: BTreeMap::from([(HostRole::main(), main.clone()), (HostRole::agent(), main.clone())]),
            params: expect.params.clone(),
            aliases: Vec::new(),
            mode: None,
        };
        let agent = Context {
            forge: forge(&hub)?,
            shell: Arc::new(shell),
            journal: Arc::new(Sqlite::in_memory().await.map_err(|error| set_up(&error))?),
            clock: shared_clock,
            redactor: Arc::new(Redactor::default()),
            prompts: books.prompts.clone(),
            reader: Arc::new(BuiltInReader),
            library: books.library.clone(),
            files: books.files.clone(),
            inventory: Arc::new(Inventory {
                systems: BTreeMap::from([(system.name.clone(), system)]),
                hosts: BTreeSet::from([main]),
                ..Inventory::default()
            }),
            policy: Arc::new(Policy { mode: Mode::Act, ..Policy::default() }),
            forge_settings: Arc::new(ForgeSettings {
                repos: vec![repo],
                label: "support".into(),
                monitors: Vec::new(),
                command: COMMAND.into(),
                on_call: vec![LEAD.into()],
                remind_after: Some(Duration::from_secs(4 * 3600)),
                roles: AccessPolicy::default(),
            }),
            measurements: MeasurementPolicy::default(),
            worker: "scenario".into(),
            observer: Arc::new(NoopObserver),
            set_aside: SetAside::default(),
            places: Arc::default(),
            library_stored: Arc::default(),
        };
        Ok(Self { agent, hub, host, clock, ticket, expect, command })
    }

    /// The same agent, as a process that has just begun has it: what the last one knew of GitHub is gone.
    ///
    /// # Errors
    /// If the client cannot be made.
    pub fn restarted(&self) -> Result<Context, ScenarioError> {
        let set_aside = SetAside::default();
        Ok(Context { forge: forge(&self.hub)?, set_aside, ..self.agent.clone() })
    }

    /// Opens the case.
    ///
    /// # Errors
    /// The ticket cannot be read, or no case comes of it.
    pub async fn take_in(&self) -> Result<CaseId, ScenarioError> {
        let stopped = |error: &dyn std::fmt::Display| ScenarioError::Stopped(error.to_string());
        if let Some(command) = self.command {
            let comments = self.agent.forge.comments(&self.ticket.repo, DateTime::UNIX_EPOCH).await;
            let comments = comments.map_err(|error| stopped(&error))?;
            let comment = comments.iter().find(|comment| comment.id == command);
            let comment = comment.ok_or_else(|| stopped(&"the comment with the command is gone"))?;
            let case = accept_comment(&self.agent, comment).await.map_err(|error| stopped(&error))?;
            return case
                .ok_or_else(|| stopped(&format!("the command opened no case: {:?}", self.comments())));
        }
        let ticket = self.agent.forge.ticket(&self.ticket).await.map_err(|error| stopped(&error))?;
        match open_case(&self.agent, ticket, Source::Webhook, "scenario")
            .await
            .map_err(|error| stopped(&error))?
        {
            OpenResult::Opened(case) | OpenResult::Running(case) => Ok(case),
            OpenResult::Duplicate => Err(stopped(&"the ticket already has a case")),
        }
    }

    /// The reporter answers the question of the case.
    async fn reporter_answers(&self, case: &Case, says: ReporterAnswer) -> Result<(), ScenarioError> {
        self.says(case, &case.ticket.author, SignalKind::Answer(says)).await
    }

    /// A person approves the plan that waits.
    async fn lead_approves(&self, case: &Case) -> Result<(), ScenarioError> {
        let plan = case.pending_approval.as_ref().map(|pending| pending.plan.short_id().to_owned());
        self.says(case, LEAD, SignalKind::Approve { plan: plan.unwrap_or_default() }).await
    }

    async fn says(&self, case: &Case, by: &str, kind: SignalKind) -> Result<(), ScenarioError> {
        // People take their time.
        self.clock.sleep_until(self.clock.now() + Duration::from_secs(60)).await;
        let signal = Signal { by: by.to_owned(), at: self.clock.now(), kind };
        let key = format!("scenario answer {}", case.next_seq);
        let sent = self.agent.journal.send_signal(&case.id, &key, &signal).await;
        sent.map(drop).map_err(|error| ScenarioError::Stopped(error.to_string()))
    }

    /// The bot's comments in the ticket.
    fn comments(&self) -> Vec<String> {
        let comments = self.hub.comments(&self.ticket).into_iter();
        comments.filter(|comment| comment.author == MEDIC).map(|comment| comment.body).collect()
    }

    /// Compares the result with the expected one.
    ///
    /// # Errors
    /// The issue was deleted or moved.
    pub fn judge(&self, case: Case) -> Result<ScenarioResult, ScenarioError> {
        let issue =
            self.hub.issue(&self.ticket).ok_or_else(|| ScenarioError::Stopped("the issue is gone".into()))?;
        let report = report(&case, &self.agent.library);
        let mut played = ScenarioResult {
            report,
            issue,
            commands: self.host.lock().log().iter().map(|logged| logged.line.clone()).collect(),
            expect: self.expect.clone(),
            failures: Vec::new(),
            case,
        };
        played.failures = self.find_failures(&played);
        Ok(played)
    }

    fn find_failures(&self, played: &ScenarioResult) -> Vec<String> {
        let mut failures: Vec<String> =
            self.host.lock().problems().iter().map(|p| format!("host.yaml: {p}")).collect();
        let expect = &self.expect;
        let mut equal = |what: &str, got: &str, wanted: &str| {
            if got != wanted {
                failures.push(format!("{what} is {got:?}, not {wanted:?}"));
            }
        };
        equal("the outcome", &played.report.outcome, &expect.outcome);
        if let Some(code) = &expect.code {
            equal("the code", played.report.code.map_or("", Code::as_str), code);
        }
        equal("remediated", &played.remediated().join(", "), &expect.remediated.join(", "));
        let closes = played.case.closes();
        equal(
            "the issue",
            if played.issue.is_closed() { "closed" } else { "open" },
            if closes { "closed" } else { "open" },
        );
        for source in &expect.state {
            match self.state_holds(source) {
                Truth::True => {}
                Truth::False => failures.push(format!("the host's state: `{source}` is false")),
                Truth::Unknown(why) => failures.push(format!("the host's state: `{source}`: {why}")),
            }
        }
        for (patterns, wanted) in [(&expect.commands_include, true), (&expect.commands_exclude, false)] {
            for pattern in patterns {
                let Ok(regex) = Regex::new(pattern) else {
                    failures.push(format!("`{pattern}` is not a regular expression"));
                    continue;
                };
                match (played.commands.iter().find(|line| regex.is_match(line)), wanted) {
                    (None, true) => failures.push(format!("no command matches `{pattern}`")),
                    (Some(line), false) => failures.push(format!("a command matches `{pattern}`: {line}")),
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
        for text in &expect.comments_include {
            if !last.contains(text.as_str()) {
                failures.push(format!("no comment contains {text:?}"));
            }
        }
        failures
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

/// A new client of the fake GitHub.
fn forge(hub: &FakeGitHub) -> Result<Arc<dyn Forge>, ScenarioError> {
    let options = Options {
        base_url: hub.url().to_owned(),
        pace: Pace { gap: Duration::ZERO, free: u32::MAX },
        ..Options::new(TOKEN.to_owned().into(), Redactor::default())
    };
    let client = GitHub::over(options, hub.service());
    Ok(Arc::new(client.map_err(|error| ScenarioError::SetUp(error.to_string()))?))
}

impl ScenarioResult {
    /// Whether the result is the expected one.
    pub fn verdict(&self) -> ScenarioVerdict {
        if self.failures.is_empty() {
            ScenarioVerdict::Passed
        } else {
            ScenarioVerdict::Failed(self.failures.clone())
        }
    }

    /// The playbooks that were applied and proven, in order.
    pub fn remediated(&self) -> Vec<String> {
        let is_fixed =
            |phase: &Phase| matches!(phase, Phase::Finished { result: RemediationResult::Fixed, .. });
        let fixed = self.case.remediations.iter().filter(|remediation| is_fixed(&remediation.phase));
        fixed.map(|remediation| remediation.plan.playbook.to_string()).collect()
    }

    /// The result in one line.
    pub fn summary(&self) -> String {
        let code = self.report.code.map_or_else(String::new, |code| format!(" ({code})"));
        let fixed = self.remediated();
        let fixed = if fixed.is_empty() { String::new() } else { format!(", fixed {}", fixed.join(", ")) };
        format!("{}{code}{fixed}", self.report.outcome)
    }

    /// Every comment of the bot, and every command that the host received.
    pub fn transcript(&self) -> String {
        let comments: Vec<&str> =
            self.issue.comments_by(MEDIC).map(|comment| comment.body.as_str()).collect();
        let commands: Vec<String> = self.commands.iter().map(|line| shortened(line)).collect();
        format!("{}\n\ncommands:\n  {}\n", comments.join("\n---\n"), commands.join("\n  "))
    }

    /// The expected result, from `expect.yaml`.
    pub fn expect(&self) -> &Expect {
        &self.expect
    }
}

/// A script, shortened to its first line and its name, which is the last word.
fn shortened(line: &str) -> String {
    match (line.split_once('\n'), line.rsplit_once(' ')) {
        (Some((first, _)), Some((_, name))) => format!("{first} … {name}"),
        _ => line.to_owned(),
    }
}
