//! Spans and fields, with stable names.
//!
//! Every span has the level `ERROR`. The level of a span decides when it is dropped, and a warning has to
//! carry its case, host and route whatever the configured level is. A span itself writes no log record.
//!
//! No field holds a secret: routes are templates without query values, and commands and outputs appear in
//! no span. All fields pass the redactor before they are written, as messages do.

use crate::core::case::Case;
use crate::core::case::event::{CaseId, Event};
use crate::core::case::outcome::Outcome;
use crate::core::decide::action::{Action, ChangeRequest};
use crate::core::ids::{HostName, ProbeName};
use chrono::{DateTime, Utc};
use tracing::field::{Empty, display};
use tracing::{Span, error_span};

/// Names of spans.
pub mod span {
    /// Work on one case, from its claim to its release. Fields: `case`, `ticket`, `system`.
    pub const CASE: &str = "case";
    /// One action that the decision asked for. Field: `kind`.
    pub const ACTION: &str = "action";
    /// One probe on one host. Fields: `host`, `probe`.
    pub const PROBE: &str = "probe";
    /// One attempt at one change. Fields: `host`, `playbook`, `step`, `attempt`.
    pub const CHANGE: &str = "change";
    /// One request to GitHub. Fields: `method`, `route`, `status`.
    pub const GITHUB_REQUEST: &str = "github.request";
    /// One record that is appended to a case's journal. Fields: `kind`, `seq`.
    pub const JOURNAL_APPEND: &str = "journal.append";
    /// One webhook delivery, when it is received and when it is processed. Fields: `guid`, `event`.
    pub const DELIVERY: &str = "delivery";
    /// One run of a periodic task. Field: `name`.
    pub const TASK: &str = "task";
}

/// Names of fields.
pub mod field {
    /// The id of a case, such as `c0123456789ab`.
    pub const CASE: &str = "case";
    /// The ticket of a case, such as `example/tickets#12`.
    pub const TICKET: &str = "ticket";
    /// A configured system.
    pub const SYSTEM: &str = "system";
    /// A configured host.
    pub const HOST: &str = "host";
    /// A probe of a system type.
    pub const PROBE: &str = "probe";
    /// A playbook.
    pub const PLAYBOOK: &str = "playbook";
    /// The name of a step of a playbook's remediation.
    pub const STEP: &str = "step";
    /// Which attempt at a step it is, counted from 1.
    pub const ATTEMPT: &str = "attempt";
    /// The method of a request: `GET`, `POST`, `PATCH`, `DELETE`.
    pub const METHOD: &str = "method";
    /// The template of a route, such as `/repos/{owner}/{repo}/issues/{number}`.
    pub const ROUTE: &str = "route";
    /// The status of an HTTP answer.
    pub const STATUS: &str = "status";
    /// The kind of an action or of a journal record.
    pub const KIND: &str = "kind";
    /// The number of a record in its case, counted from 0.
    pub const SEQ: &str = "seq";
    /// GitHub's id of a delivery; when it is processed, the key of its content.
    pub const GUID: &str = "guid";
    /// GitHub's name of an event, such as `issues`.
    pub const EVENT: &str = "event";
    /// A periodic task.
    pub const NAME: &str = "name";
    /// How a case ended.
    pub const OUTCOME: &str = "outcome";
    /// How long something took, in milliseconds.
    pub const DURATION_MS: &str = "duration_ms";
}

/// Work on one case. [`describe_case`] adds its ticket and its system, as soon as they are known.
pub fn case(id: &CaseId) -> Span {
    error_span!(
        span::CASE,
        { field::CASE } = %id,
        { field::TICKET } = Empty,
        { field::SYSTEM } = Empty
    )
}

/// Adds the ticket of a case, and its system if it is known, to the span of the case.
pub fn describe_case(case: &Case) {
    Span::current().record(field::TICKET, display(&case.ticket.id));
    describe_system(case);
}

/// Adds the system of a case to the span of the case, if it is known. Call it once after the triage.
pub fn describe_system(case: &Case) {
    if let Some(system) = case.triage.as_ref().and_then(|triage| triage.system.as_ref()) {
        Span::current().record(field::SYSTEM, display(&system.name));
    }
}

/// One action of a case.
pub fn action(action: &Action) -> Span {
    error_span!(span::ACTION, { field::KIND } = action_kind(action))
}

/// One probe on one host.
pub fn probe(host: &HostName, probe: &ProbeName) -> Span {
    error_span!(span::PROBE, { field::HOST } = %host, { field::PROBE } = %probe)
}

/// One attempt at one change of a case.
pub fn change(case: &Case, request: &ChangeRequest) -> Span {
    let plan = case.remediations.get(request.change.remediation).map(|run| &run.plan);
    let step = plan.and_then(|plan| plan.steps.get(request.change.step));
    error_span!(
        span::CHANGE,
        { field::HOST } = %request.host,
        { field::PLAYBOOK } = plan.map(|plan| display(&plan.playbook)),
        { field::STEP } = step.map(|step| step.name.as_str()),
        { field::ATTEMPT } = request.attempt
    )
}

/// One request to GitHub; the status is recorded when there is an answer.
pub fn github_request(method: &str, route: &str) -> Span {
    error_span!(
        span::GITHUB_REQUEST,
        { field::METHOD } = method,
        { field::ROUTE } = route,
        { field::STATUS } = Empty
    )
}

/// One record on its way into the journal.
pub fn journal_append(kind: &str, seq: u64) -> Span {
    error_span!(span::JOURNAL_APPEND, { field::KIND } = kind, { field::SEQ } = seq)
}

/// One webhook delivery.
pub fn delivery(guid: &str, event: &str) -> Span {
    error_span!(span::DELIVERY, { field::GUID } = guid, { field::EVENT } = event)
}

/// One run of a periodic task.
pub fn task(name: &str) -> Span {
    error_span!(span::TASK, { field::NAME } = name)
}

/// Logs what a case has recorded, if operators need it: the start and the end of
/// a change, and the end of the case. `case` has the record of that moment applied.
pub fn log_record(case: &Case, event: &Event, at: DateTime<Utc>) {
    match event {
        Event::ChangeStarted { .. } => tracing::info!("change started"),
        Event::ChangeEnded { success, observation, .. } => {
            tracing::info!(success, { field::DURATION_MS } = observation.took_ms, "change ended");
        }
        Event::ChangeNotStarted { why, .. } | Event::ChangeBlocked { why, .. } => {
            tracing::warn!(%why, "change not started");
        }
        Event::ChangeInDoubt { why, .. } => tracing::warn!(%why, "change in doubt"),
        Event::Ended => log_end(case, at),
        _ => {}
    }
}

fn log_end(case: &Case, at: DateTime<Utc>) {
    let age = (at - case.opened_at).num_milliseconds();
    let outcome = case.outcome.as_ref().map_or("none", Outcome::word);
    match &case.outcome {
        Some(Outcome::Escalated(escalation)) => tracing::error!(
            { field::OUTCOME } = outcome,
            code = %escalation.code,
            { field::DURATION_MS } = age,
            "case ended: a person is needed"
        ),
        _ => tracing::info!({ field::OUTCOME } = outcome, { field::DURATION_MS } = age, "case ended"),
    }
}

fn action_kind(action: &Action) -> &'static str {
    match action {
        Action::Record(_) => "record",
        Action::ReadTicket { .. } => "read_ticket",
        Action::RunProbes { .. } => "run_probes",
        Action::RefreshTicket => "refresh_ticket",
        Action::LeaseHosts { .. } => "lease_hosts",
        Action::Change(_) => "change",
        Action::RequestApproval => "request_approval",
        Action::AskReporter => "ask_reporter",
        Action::RemindReporter => "remind_reporter",
        Action::ShowStatus => "show_status",
        Action::SetLabel => "set_label",
        Action::Reopen => "reopen",
        Action::OpenProblemTicket => "open_problem_ticket",
        Action::PostReport => "post_report",
        Action::CallPeople => "call_people",
        Action::Close => "close",
        Action::Wait { .. } => "wait",
        Action::Suspend { .. } => "suspend",
        Action::Done => "done",
    }
}
