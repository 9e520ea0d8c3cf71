//! A fake host: a state, rules that answer commands, and changes that follow with time.
//!
//! It has no clock and no randomness: the same commands at the same times give the same answers.

use crate::host::command_line::ReceivedCommand;
use crate::host::garbage;
use crate::host::spec::{CommandRule, DelayedChange, Down, HostSpec};
use crate::host::spec_file::{HostFault, Sudo};
use crate::host::state::{HostState, RequestNames};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic_core::diagnosis::evidence::Exit;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A fake host.
pub struct FakeHost {
    file: HostSpec,
    state: HostState,
    /// How often a rule has answered, by its place in the file.
    uses: BTreeMap<usize, u32>,
    /// When each of the ticks is due next.
    ticks: Vec<DateTime<Utc>>,
    pending: Vec<Pending>,
    runs: u64,
    log: Vec<LoggedCommand>,
    problems: Vec<String>,
}

/// A fake host that a server or a shell shares with a test.
#[derive(Clone)]
pub struct SharedHost(Arc<Mutex<FakeHost>>);

/// What the host does about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostResponse {
    /// Names the run, so that it can be ended early.
    pub run: RunId,
    /// What it writes to its standard output.
    pub stdout: Vec<u8>,
    /// What it writes to its standard error.
    pub stderr: Vec<u8>,
    /// How it ends, if it is not told to end and no fault prevents it.
    pub exit: Exit,
    /// How long the command runs before it ends.
    pub delay: Duration,
    /// What goes wrong. `garbage` is in the output already, and so is the half that `partial` leaves.
    pub fault: Option<HostFault>,
}

impl HostResponse {
    /// What a login shell says of a program that it does not find. It is no run of the host.
    pub fn not_found(program: &str) -> Self {
        fail(RunId(0), 127, &format!("sh: 1: {program}: not found\n"))
    }
}

/// One run of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId(u64);

/// A command that the host was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedCommand {
    /// When it was given.
    pub at: DateTime<Utc>,
    /// As it came.
    pub line: String,
    /// Without its wrapping: `docker compose up -d`, or `script queue`.
    pub brief: String,
    /// The line of the file where the rule begins that answered. `None`: nobody described it.
    pub rule: Option<u64>,
}

/// A change of the state that is still to come.
struct Pending {
    at: DateTime<Utc>,
    run: RunId,
    step: PendingStep,
    /// The rule that it comes from.
    rule: Arc<CommandRule>,
    request: RequestNames,
}

enum PendingStep {
    /// The command ends and its `set` applies.
    End,
    /// One entry of its `after` applies.
    After(Arc<DelayedChange>),
}

impl FakeHost {
    /// A host in its first state, at this moment.
    pub fn new(file: &HostSpec, now: DateTime<Utc>) -> Self {
        let rules = &file.0;
        Self {
            state: rules.state.clone(),
            uses: BTreeMap::new(),
            ticks: rules.ticks.iter().map(|tick| plus(now, tick.interval)).collect(),
            file: file.clone(),
            pending: Vec::new(),
            runs: 0,
            log: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Puts the host behind a lock that several owners share.
    pub fn share(self) -> SharedHost {
        SharedHost(Arc::new(Mutex::new(self)))
    }

    /// Answers a command that is asked for now. Times must not run backwards.
    pub fn respond(&mut self, line: &str, now: DateTime<Utc>) -> HostResponse {
        self.advance(now);
        self.runs += 1;
        let run = RunId(self.runs);
        let received = ReceivedCommand::read(line);
        let found = self.find(&received, now);
        self.log.push(LoggedCommand {
            at: now,
            line: line.to_owned(),
            brief: received.brief(),
            rule: found.as_ref().map(|(rule, _)| rule.line),
        });
        let Some((rule, request)) = found else {
            // Unless the file of the host says otherwise, its user may use sudo for everything.
            if line == "sudo -n -l" {
                let stdout =
                    b"User medic may run the following commands:\n    (ALL) NOPASSWD: ALL\n".to_vec();
                return HostResponse { stdout, ..fail(run, 0, "") };
            }
            return fail(run, 127, &format!("sh: 1: {}: not found\n", received.program()));
        };
        match rule.sudo {
            Some(Sudo::Required) if !received.sudo => {
                return fail(run, 1, &format!("{}: permission denied\n", received.program()));
            }
            Some(Sudo::Denied) if received.sudo => return fail(run, 1, "sudo: a password is required\n"),
            _ => {}
        }
        match self.write(&rule, now, &request) {
            Ok((stdout, stderr)) => {
                if rule.fault != Some(HostFault::Refuse) {
                    let at = plus(now, rule.duration);
                    let (step, rule) = (PendingStep::End, Arc::clone(&rule));
                    self.pending.push(Pending { at, run, step, rule, request });
                    self.advance(now);
                }
                let stdout = match rule.fault {
                    Some(HostFault::Garbage) => garbage::bytes(),
                    Some(HostFault::Partial) => stdout.as_bytes().split_at(stdout.len() / 2).0.to_vec(),
                    _ => stdout.into_bytes(),
                };
                let (stderr, exit) = (stderr.into_bytes(), rule.exit.clone());
                HostResponse { run, stdout, stderr, exit, delay: rule.duration, fault: rule.fault }
            }
            Err(problem) => {
                let message = format!("host.yaml, line {}: {problem}\n", rule.line);
                self.problems.push(message.trim_end().to_owned());
                fail(run, 125, &message)
            }
        }
    }

    /// What a command would write to its standard output now, if a rule knows it. Nothing is logged, and
    /// nothing changes.
    pub fn answer_to(&mut self, line: &str, now: DateTime<Utc>) -> Option<String> {
        let (rule, request) = self.find(&ReceivedCommand::read(line), now)?;
        let (stdout, _) = self.write(&rule, now, &request).ok()?;
        Some(stdout)
    }

    /// Ends a run early, as a signal does. Its `set` and `after` do not apply.
    pub fn end(&mut self, run: RunId, now: DateTime<Utc>) {
        self.advance(now);
        let is_under_way = |pending: &Pending| pending.run == run && matches!(pending.step, PendingStep::End);
        if self.pending.iter().any(is_under_way) {
            self.pending.retain(|pending| pending.run != run);
        }
    }

    /// Whether the host refuses connections at this moment.
    pub fn is_unreachable(&mut self, now: DateTime<Utc>) -> bool {
        self.advance(now);
        let file = self.file.clone();
        match &file.0.unreachable {
            Down::Always => true,
            Down::Never => false,
            Down::While(expr) => {
                let holds = self.state.holds(Some(expr), now, &RequestNames::default());
                self.note("unreachable", holds).unwrap_or(false)
            }
        }
    }

    /// Every command that the host was given, in order.
    pub fn log(&self) -> &[LoggedCommand] {
        &self.log
    }

    /// Problems of the file that showed only when they were needed, such as a template with a wrong name.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The value at a path such as `workers.running`, as of this moment.
    pub fn state(&mut self, path: &str, now: DateTime<Utc>) -> Option<Value> {
        self.advance(now);
        self.state.get(path).cloned()
    }

    /// All of the state, as of this moment.
    pub fn whole_state(&mut self, now: DateTime<Utc>) -> Value {
        self.advance(now);
        self.state.tree()
    }

    /// Changes the state from outside.
    ///
    /// # Errors
    /// The state has nothing at this path.
    pub fn set(&mut self, path: &str, value: Value, now: DateTime<Utc>) -> Result<(), String> {
        self.advance(now);
        self.state.set(path, value)
    }

    /// The rule that answers, which is one use of it.
    fn find(
        &mut self,
        received: &ReceivedCommand,
        now: DateTime<Utc>,
    ) -> Option<(Arc<CommandRule>, RequestNames)> {
        let file = self.file.clone();
        for (index, rule) in file.0.commands.iter().enumerate() {
            let Some(args) = rule.pattern.matches(&received.what) else { continue };
            let is_elsewhere = rule.cwd.is_some() && rule.cwd != received.cwd;
            let uses = self.uses.get(&index).copied().unwrap_or(0);
            let is_used_up = rule.times.is_some_and(|times| uses >= times);
            if is_elsewhere || is_used_up {
                continue;
            }
            let request =
                RequestNames { args, env: received.env(), cwd: received.cwd.clone().unwrap_or_default() };
            let holds = self.state.holds(rule.when.as_ref(), now, &request);
            if self.note(&format!("line {}", rule.line), holds) == Some(true) {
                self.uses.insert(index, uses + 1);
                return Some((Arc::clone(rule), request));
            }
        }
        None
    }

    fn write(
        &self,
        rule: &CommandRule,
        now: DateTime<Utc>,
        request: &RequestNames,
    ) -> Result<(String, String), String> {
        let fill = |template: &Option<String>| match template {
            Some(name) => self.state.fill(&self.file.0.templates, name, now, request),
            None => Ok(String::new()),
        };
        Ok((fill(&rule.stdout)?, fill(&rule.stderr)?))
    }

    /// Applies every change that is due by now, in order of time.
    fn advance(&mut self, now: DateTime<Utc>) {
        let file = self.file.clone();
        loop {
            let tick = file.0.ticks.iter().zip(&mut self.ticks).min_by_key(|(_, due)| **due);
            // Of two at one time, the one that was begun first.
            let next = self.pending.iter().enumerate().min_by_key(|(_, pending)| pending.at);
            let next = next.map(|(index, pending)| (pending.at, index));
            match (next, tick) {
                (Some((at, index)), tick)
                    if at <= now && tick.as_ref().is_none_or(|(_, due)| at <= **due) =>
                {
                    let pending = self.pending.remove(index);
                    self.apply_pending(pending);
                }
                (_, Some((tick, due))) if *due <= now => {
                    let at = std::mem::replace(due, plus(*due, tick.interval));
                    let request = RequestNames::default();
                    let holds = self.state.holds(tick.when.as_ref(), at, &request);
                    if self.note("ticks", holds) == Some(true) {
                        let done = self.state.apply(&tick.set, at, &request);
                        self.note("ticks", done);
                    }
                }
                _ => return,
            }
        }
    }

    fn apply_pending(&mut self, Pending { at, run, step, rule, request }: Pending) {
        let place = format!("line {}", rule.line);
        match step {
            PendingStep::End => {
                let done = self.state.apply(&rule.set, at, &request);
                self.note(&place, done);
                for consequence in &rule.after {
                    let (at, step) =
                        (plus(at, consequence.delay), PendingStep::After(Arc::clone(consequence)));
                    let (rule, request) = (Arc::clone(&rule), request.clone());
                    self.pending.push(Pending { at, run, step, rule, request });
                }
            }
            PendingStep::After(consequence) => {
                let holds = self.state.holds(consequence.when.as_ref(), at, &request);
                if self.note(&place, holds) == Some(true) {
                    let done = self.state.apply(&consequence.set, at, &request);
                    self.note(&place, done);
                }
            }
        }
    }

    fn note<T>(&mut self, place: &str, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                let problem = format!("host.yaml, {place}: {problem}");
                // A problem that repeats each second is recorded once.
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }
}

impl SharedHost {
    /// Locks the fake host. Never hold the guard across an `await`.
    pub fn lock(&self) -> MutexGuard<'_, FakeHost> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plus(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| at.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn fail(run: RunId, code: i32, stderr: &str) -> HostResponse {
    let (exit, stderr) = (Exit::Code(code), stderr.as_bytes().to_vec());
    HostResponse { run, stdout: Vec::new(), stderr, exit, delay: Duration::ZERO, fault: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn host(text: &str) -> FakeHost {
        FakeHost::new(&HostSpec::parse(text).unwrap(), at(0))
    }

    const WORKERS: &str = r#"
summary: all workers are down
state:
  workers: { running: 0, expected: 4 }
  queue: { pending: 3, last: "none" }
commands:
  - run: docker compose ps **
    stdout: |
      {% for n in range(workers.running) %}
      {"State": "running", "at": "{{ now | time }}"}
      {% endfor %}
  - run: docker start *
    sudo: required
    set: { workers.running: workers.running + 1, queue.last: "args[0]" }
  - run: docker compose up -d **
    cwd: /opt/q
    duration: 3s
    set: { workers.running: workers.expected }
    after:
      - { delay: 11s, when: queue.pending == 0, set: { queue.last: "'idle'" } }
  - script: queue
    stdout: '{"pending": {{ queue.pending }}, "limit": {{ env.LIMIT }}}'
  - run: docker rm *
    sudo: denied
    stderr: "gone\n"
    exit: 4
ticks:
  - interval: 5s
    when: workers.running > 0 and queue.pending > 0
    set: { queue.pending: queue.pending - 1 }
"#;

    fn output(response: &HostResponse) -> (&str, &str, Exit) {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        (text(&response.stdout), text(&response.stderr), response.exit.clone())
    }

    #[test]
    fn commands_change_the_state_and_time_does_too() {
        let mut host = host(WORKERS);
        let response = host.respond("docker compose ps -a", at(1));
        assert_eq!(output(&response), ("", "", Exit::Code(0)));
        let response = host.respond("cd -- /opt/q && docker compose up -d worker_wrapper", at(2));
        assert_eq!(response.delay, Duration::from_secs(3));
        assert_eq!(host.state("workers.running", at(4)), Some(json!(0)));
        assert_eq!(host.state("workers.running", at(5)), Some(json!(4)));
        // A tick that is due at the same time comes after what was begun before it.
        assert_eq!(host.state("queue.pending", at(5)), Some(json!(2)));
        let response = host.respond("env LIMIT=9 sh -euc 'select 1' queue", at(11));
        assert_eq!(output(&response).0, r#"{"pending": 1, "limit": 9}"#);
        assert_eq!(host.state("queue.last", at(16)), Some(json!("idle")));
        let response = host.respond("docker compose ps", at(20));
        assert!(
            output(&response).0.starts_with("{\"State\": \"running\", \"at\": \"2027-01-15T08:00:20Z\"}\n")
        );
        assert_eq!(output(&response).0.lines().count(), 4);
        assert_eq!(host.problems(), &[] as &[String]);
    }

    #[test]
    fn what_was_ended_early_is_not_done() {
        let mut host = host(WORKERS);
        let response = host.respond("cd -- /opt/q && docker compose up -d", at(0));
        host.end(response.run, at(2));
        assert_eq!(host.state("workers.running", at(60)), Some(json!(0)));
        let response = host.respond("cd -- /opt/q && docker compose up -d", at(60));
        host.end(response.run, at(64));
        assert_eq!(host.state("workers.running", at(64)), Some(json!(4)));
    }

    #[test]
    fn unknown_commands_and_rights_are_as_in_a_shell() {
        let mut host = host(WORKERS);
        for (line, stderr, code) in [
            ("uptime -p", "sh: 1: uptime: not found\n", 127),
            ("docker compose up -d", "sh: 1: docker: not found\n", 127),
            ("docker start a", "docker: permission denied\n", 1),
            ("sudo -n -- docker rm a", "sudo: a password is required\n", 1),
            ("docker rm a", "gone\n", 4),
        ] {
            let response = host.respond(line, at(1));
            assert_eq!(output(&response), ("", stderr, Exit::Code(code)), "{line}");
        }
        host.respond("sudo -n -- docker start abc", at(2));
        assert_eq!(host.state("queue.last", at(2)), Some(json!("abc")));
        let log: Vec<_> = host.log().iter().map(|logged| (logged.brief.as_str(), logged.rule)).collect();
        assert_eq!(log[1], ("docker compose up -d", None));
        assert_eq!(log[5], ("docker start abc", Some(12)));
    }

    #[test]
    fn a_rule_that_is_used_up_makes_way() {
        let mut host = host(
            "commands:\n  - { run: x, times: 1, fault: drop }\n  - { run: x, fault: garbage }\n  - { run: y, fault: partial, stdout: abcd }\n",
        );
        assert_eq!(host.respond("x", at(0)).fault, Some(HostFault::Drop));
        let response = host.respond("x", at(0));
        assert!(std::str::from_utf8(&response.stdout).is_err());
        assert_eq!(host.respond("y", at(0)).stdout, b"ab");
    }

    #[test]
    fn a_host_goes_down_and_comes_back() {
        let mut host = host(
            "state: { down: false }\nunreachable: down\ncommands:\n  - { run: reboot, set: { down: true }, after: [{ delay: 30s, set: { down: false } }] }\n",
        );
        assert!(!host.is_unreachable(at(0)));
        host.respond("reboot", at(0));
        assert!(host.is_unreachable(at(29)));
        assert!(!host.is_unreachable(at(30)));
    }

    #[test]
    fn a_mistake_in_the_file_is_loud() {
        let mut host =
            host("commands:\n  - { run: x, stdout: '{{ nothing }}' }\n  - { run: y, when: nothing > 1 }\n");
        let response = host.respond("x", at(0));
        assert_eq!(response.exit, Exit::Code(125));
        assert_eq!(host.respond("y", at(0)).exit, Exit::Code(127));
        assert_eq!(host.problems().len(), 2, "{:?}", host.problems());
    }
}
