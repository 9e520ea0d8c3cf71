//! One agent on a simulated GitHub, a simulated host and a virtual clock: what tests of behaviour run on.
//!
//! ```ignore
//! let agent = TestAgent::on("worker-down").ask_mode().build().await;
//! let case = agent.works(&agent.opens_case().await).await;
//! agent.says("ops-lead", "/qfield:support approve 7f3a");
//! agent.passes(TimeDelta::minutes(5));
//! assert_snapshot!(agent.comment("report"));
//! agent.sees(&["status", "question", "report"]);
//! ```
//!
//! When it is dropped, it fails the test for everything that nobody expected: a comment or a ticket of the
//! agent that no assertion looked at, a command that the host's file does not describe, a mistake in that
//! file, and a panic in the background.

mod builder;
mod panics;
mod tests;
mod webhooks;

pub use builder::TestAgentBuilder;
pub use webhooks::{ALERT_SECRET, SECRET, Webhooks};

use crate::test_agent::panics::PanicWatch;
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::case::record::Record;
use fieldmedic::core::policy::pause_order::{PauseOrder, PauseOrderKind, PauseOrigin};
use fieldmedic::core::policy::permit::Pause;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::{Context, Shutdown, accept_comment, poll, run_case, run_case_waiting};
use fieldmedic::ports::{Clock, Comment, Store};
use fieldmedic::sandbox::clock::VirtualClock;
use fieldmedic::sandbox::github::{FakeGitHub, HeldWebhook, Issue};
use fieldmedic::scenario::ScenarioRun;
use http::StatusCode;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The agent's own login.
pub const BOT: &str = "fieldmedic-bot";
/// The slash command.
pub const PREFIX: &str = "/qfield:support";

/// See [the module](self).
pub struct TestAgent {
    run: ScenarioRun,
    webhooks: Option<Webhooks>,
    held: Vec<HeldWebhook>,
    /// Ids of comments, and numbers of tickets, that an assertion has looked at.
    seen: Mutex<Seen>,
    panics: PanicWatch,
}

#[derive(Default)]
struct Seen {
    comments: BTreeSet<u64>,
    tickets: BTreeSet<u64>,
}

impl TestAgent {
    /// An agent whose ticket and host are those of this scenario under `fixtures/qfieldcloud`.
    pub fn on(scenario: &str) -> TestAgentBuilder {
        TestAgentBuilder::new(scenario)
    }

    // What it consists of.

    pub fn context(&self) -> &Context {
        &self.run.agent
    }

    pub fn context_mut(&mut self) -> &mut Context {
        &mut self.run.agent
    }

    pub fn run(&self) -> &ScenarioRun {
        &self.run
    }

    pub fn github(&self) -> &FakeGitHub {
        &self.run.hub
    }

    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.run.clock
    }

    pub fn journal(&self) -> &Arc<dyn Store> {
        &self.run.agent.journal
    }

    /// The ticket that the verbs are about.
    pub fn ticket(&self) -> &TicketId {
        &self.run.ticket
    }

    /// From now on the verbs are about this ticket.
    pub fn follows(&mut self, ticket: TicketId) {
        self.run.ticket = ticket;
    }

    /// The same agent as another process has it: what this one remembers of GitHub is gone.
    pub fn replica(&self) -> Context {
        self.run.restarted().expect("another client")
    }

    // What people, hosts and time do.

    /// Files a ticket as a person who may only read.
    pub fn files(&self, title: &str, body: &str) -> TicketId {
        self.files_with(title, body, &["support"])
    }

    /// The same with these labels.
    pub fn files_with(&self, title: &str, body: &str, labels: &[&str]) -> TicketId {
        let repo = &self.ticket().repo;
        self.github().file(repo, "field-agent", title, body, labels).expect("GitHub takes the ticket")
    }

    /// Comments on the ticket, and gives the id of the comment. The agent has not read it yet.
    pub fn says(&self, login: &str, text: &str) -> u64 {
        self.github().comment(self.ticket(), login, text).expect("GitHub takes the comment")
    }

    /// A person reacts to the agent's newest comment of a kind.
    pub fn reacts(&self, login: &str, kind: &str, content: &str) {
        let comments = self.issue().comments;
        let comment =
            comments.iter().rev().find(|it| kind_of(&it.body) == kind).expect("a comment of the kind");
        self.github().react(&self.ticket().repo, comment.id, login, content).expect("GitHub takes it");
    }

    pub fn reopens(&self, login: &str) {
        self.github().reopen(self.ticket(), login).expect("GitHub reopens the ticket");
    }

    /// Lets time pass. A negative length goes back.
    pub fn passes(&self, length: TimeDelta) {
        self.clock().set(self.clock().now() + length);
    }

    /// Sets a value in the state of the host, as an incident does.
    pub fn host_becomes(&self, path: &str, value: Value) {
        let now = self.clock().now();
        self.run.host.lock().set(path, value, now).expect("the state has this path");
    }

    // What the agent does.

    /// Opens the case of the scenario's ticket.
    pub async fn opens_case(&self) -> CaseId {
        self.run.take_in().await.expect("the ticket becomes a case")
    }

    /// Works on a case until it ends or waits for a person.
    pub async fn works(&self, case: &CaseId) -> Case {
        let (stop, _request) = Shutdown::new();
        run_case_waiting(self.context(), case, &stop).await.expect("the case goes on")
    }

    /// Works on a case until it would wait for anything.
    pub async fn works_without_waiting(&self, case: &CaseId) -> Case {
        let (stop, _request) = Shutdown::new();
        run_case(self.context(), case, &stop).await.expect("the case goes on")
    }

    /// Asks GitHub what is new, and gives the cases that it opened.
    pub async fn polls(&self) -> Vec<CaseId> {
        poll(self.context()).await.expect("GitHub answers")
    }

    /// Executes a command of this person; gives the comment, and the case that it opened or spoke to.
    pub async fn executes(&self, login: &str, words: &str) -> (u64, Option<CaseId>) {
        let id = self.says(login, &format!("{PREFIX} {words}"));
        let comment = self.comment_from_github(id).await;
        (id, accept_comment(self.context(), &comment).await.expect("the journal works"))
    }

    /// Has a person give a command, polls it and goes on with the case.
    pub async fn obeys(&self, case: &CaseId, login: &str, words: &str) -> Case {
        self.says(login, &format!("{PREFIX} {words}"));
        self.polls().await;
        self.works(case).await
    }

    /// The webhooks that GitHub has signed and not delivered yet; they stay undelivered.
    pub fn held_webhooks(&mut self) -> Vec<HeldWebhook> {
        self.held.extend(self.run.hub.fetch_webhooks());
        self.held.clone()
    }

    /// Delivers one webhook, and gives the answer of the router.
    pub async fn delivers(&self, webhook: &HeldWebhook) -> StatusCode {
        self.webhooks.as_ref().expect("`webhooks` was called on the builder").delivers(webhook).await
    }

    /// Delivers every webhook that GitHub holds back, and gives the cases that they opened.
    pub async fn receives_webhooks(&mut self) -> Vec<CaseId> {
        for webhook in self.held_webhooks() {
            assert!(self.delivers(&webhook).await.is_success(), "the webhook is refused");
        }
        self.held.clear();
        self.webhooks.as_mut().expect("`webhooks` was called on the builder").works().await
    }

    // What came of it.

    /// A comment as the agent reads it.
    pub async fn comment_from_github(&self, id: u64) -> Comment {
        let all = self.context().forge.comments(&self.ticket().repo, chrono::DateTime::UNIX_EPOCH).await;
        all.expect("GitHub answers").into_iter().find(|comment| comment.id == id).expect("it is there")
    }

    /// The ticket, without a look at its comments.
    pub fn issue(&self) -> Issue {
        self.github().issue(self.ticket()).expect("the ticket is there")
    }

    pub fn is_closed(&self) -> bool {
        self.issue().is_closed()
    }

    pub fn labels(&self) -> Vec<String> {
        self.issue().labels
    }

    /// The labels that the agent gave.
    pub fn agent_labels(&self) -> Vec<String> {
        self.labels().into_iter().filter(|label| label.starts_with("medic:")).collect()
    }

    /// The reactions to a comment.
    pub fn reactions(&self, comment: u64) -> Vec<String> {
        let comments = self.issue().comments;
        let comment = comments.iter().find(|known| known.id == comment).expect("the comment is there");
        comment.reactions.iter().map(|reaction| reaction.content.clone()).collect()
    }

    /// All comments of the agent on the ticket, oldest first. They count as expected.
    pub fn all_comments(&self) -> Vec<String> {
        self.comments_where(self.ticket(), |_| true)
    }

    /// The agent's comments of a kind, such as `report`. They count as expected.
    pub fn comments(&self, kind: &str) -> Vec<String> {
        self.comments_on(self.ticket(), kind)
    }

    /// The same on another ticket.
    pub fn comments_on(&self, ticket: &TicketId, kind: &str) -> Vec<String> {
        self.comments_where(ticket, |body| kind_of(body) == kind)
    }

    /// The one comment of a kind. It counts as expected.
    #[track_caller]
    pub fn comment(&self, kind: &str) -> String {
        let mut all = self.comments(kind);
        assert_eq!(all.len(), 1, "comments of the kind {kind}: {all:?}");
        all.remove(0)
    }

    /// The newest comment of a kind. All of the kind count as expected.
    #[track_caller]
    pub fn last_comment(&self, kind: &str) -> String {
        self.comments(kind).pop().unwrap_or_else(|| panic!("there is no comment of the kind {kind}"))
    }

    /// What the agent replied to a comment. The replies count as expected.
    pub fn replies(&self, comment: u64) -> Vec<String> {
        let part = format!("reply comment={comment} ");
        self.comments_where(self.ticket(), |body| body.contains(&part))
    }

    /// Asserts that the agent's comments on the ticket are of exactly these kinds, in this order.
    #[track_caller]
    pub fn sees(&self, kinds: &[&str]) {
        self.sees_on(self.ticket(), kinds);
    }

    /// The same for another ticket.
    #[track_caller]
    pub fn sees_on(&self, ticket: &TicketId, kinds: &[&str]) {
        let all = self.comments_where(ticket, |_| true);
        let found: Vec<&str> = all.iter().map(|body| kind_of(body)).collect();
        assert_eq!(found, kinds, "the agent's comments on {ticket}: {all:#?}");
    }

    /// All tickets of the repository, those of the agent too. They count as expected.
    pub fn tickets(&self) -> Vec<Issue> {
        let all = self.github().issues(&self.ticket().repo);
        self.seen().tickets.extend(all.iter().map(|issue| issue.number));
        all
    }

    /// How many command lines with this text the host was given.
    pub fn ran(&self, part: &str) -> usize {
        self.run.host.lock().log().iter().filter(|logged| logged.line.contains(part)).count()
    }

    /// How often the workers were started, which is what the usual scenario changes.
    pub fn changes(&self) -> usize {
        self.ran("docker start")
    }

    /// How many commands the host was given.
    pub fn commands(&self) -> usize {
        self.run.host.lock().log().len()
    }

    pub async fn records(&self, case: &CaseId) -> Vec<Record> {
        self.journal().load(case).await.expect("the journal can be read")
    }

    pub async fn open_cases(&self) -> Vec<CaseId> {
        self.journal().open_cases().await.expect("the journal can be read")
    }

    /// How many cases there are, closed ones too.
    pub async fn case_count(&self) -> usize {
        self.journal().cases(1000).await.expect("the journal can be read").len()
    }

    /// Somebody runs `fieldmedic resume`.
    pub async fn resumes_at_the_terminal(&self) {
        let order = at_terminal("ops-lead", self.clock().now(), PauseOrderKind::Resume);
        assert!(self.journal().order_pause(&order).await.expect("the journal works"), "nothing was resumed");
    }

    pub async fn pause(&self) -> Option<Pause> {
        self.journal().pause_state().await.expect("the journal can be read")
    }

    fn comments_where(&self, ticket: &TicketId, fits: impl Fn(&str) -> bool) -> Vec<String> {
        let issue = self.github().issue(ticket).expect("the ticket is there");
        let mut seen = self.seen();
        let fitting = issue.comments_by(BOT).filter(|comment| fits(&comment.body));
        fitting
            .map(|comment| {
                seen.comments.insert(comment.id);
                comment.body.clone()
            })
            .collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that nobody expected.
    fn surprises(&self) -> Vec<String> {
        let mut found = Vec::new();
        let seen = self.seen();
        for issue in self.github().issues(&self.ticket().repo) {
            if issue.author == BOT && !seen.tickets.contains(&issue.number) {
                found.push(format!("unexpected ticket #{}: {}", issue.number, issue.title));
            }
            for comment in issue.comments_by(BOT).filter(|comment| !seen.comments.contains(&comment.id)) {
                let kind = kind_of(&comment.body);
                found.push(format!("unexpected comment ({kind}) on #{}:\n{}", issue.number, comment.body));
            }
        }
        let host = self.run.host.lock();
        let unknown = host.log().iter().filter(|logged| logged.rule.is_none());
        found.extend(unknown.map(|logged| format!("unexpected command: {}", logged.brief)));
        found.extend(host.problems().iter().cloned());
        found
            .extend(self.panics.found().into_iter().map(|panic| format!("panic in the background: {panic}")));
        found
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        // A test that fails already shows its own cause.
        if std::thread::panicking() {
            return;
        }
        let surprises = self.surprises();
        assert!(surprises.is_empty(), "nobody expected this:\n{}", surprises.join("\n"));
    }
}

/// What a comment of the agent is: `status`, `question`, `report`, `reply`, `refusal`, ….
fn kind_of(body: &str) -> &str {
    let marker = body.strip_prefix("<!-- fieldmedic ").and_then(|rest| rest.split_once(" -->"));
    let Some((marker, _)) = marker else { return "unmarked" };
    let kind = marker.split(' ').find_map(|word| word.strip_prefix("kind="));
    kind.unwrap_or_else(|| marker.split(' ').next().unwrap_or_default())
}

/// The outcome of a case in a word; `working` while it has none.
pub fn outcome(case: &Case) -> &'static str {
    case.outcome.as_ref().map_or("working", |outcome| outcome.word())
}

/// The code by which a case was handed to a person.
#[track_caller]
pub fn escalation_code(case: &Case) -> String {
    match &case.outcome {
        Some(Outcome::Escalated(escalation)) => escalation.code.to_string(),
        other => panic!("the case was not escalated: {other:?}"),
    }
}

/// The short id of the plan that waits for an approval.
#[track_caller]
pub fn plan_of(case: &Case) -> String {
    case.pending_approval.as_ref().expect("the case waits for an approval").plan.short_id().to_owned()
}

/// What somebody at the terminal orders. It comes after whatever was ordered in the same second, a resume also
/// after a pause at the terminal.
pub fn at_terminal(by: &str, now: DateTime<Utc>, kind: PauseOrderKind) -> PauseOrder {
    let seconds = if kind == PauseOrderKind::Resume { 2 } else { 1 };
    let given_at = now + TimeDelta::seconds(seconds);
    PauseOrder { by: by.to_owned(), given_at, origin: PauseOrigin::Terminal, kind }
}
