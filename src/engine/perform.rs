//! Performing: one action, with the intent written down before and the fact after.

use super::drive::{DriveError, Pen, Stop};
use super::look::{look, millis};
use super::orders::{looked, mark_done};
use super::problem::open_problem;
use super::words::word_of_label;
use super::{Agent, CLAIM};
use crate::core::action::{Action, Order};
use crate::core::case::Case;
use crate::core::event::{Act, Door, Event, Way};
use crate::core::evidence::{Exit, Observation, RawObservation};
use crate::core::expr::Scope;
use crate::core::name::HostName;
use crate::core::outcome::{Code, Escalation, Outcome};
use crate::core::playbook::{Library, Step};
use crate::core::redact::Redacted;
use crate::core::report::report;
use crate::core::ticket::State;
use crate::core::triage::Asks;
use crate::ports::{CloseReason, ForgeError, Label, Marker, ShellError};
use crate::render;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a case waits before it asks again for a host that another case holds.
const HOLD_PAUSE: Duration = Duration::from_secs(2);

/// Carries out an action and records what came of it.
pub(super) async fn perform(pen: &mut Pen<'_>, action: Action, stop: &Stop) -> Result<(), DriveError> {
    match action {
        Action::Note(event) => {
            let event = answerable(pen, event);
            let concluded = matches!(event, Event::Concluded(_));
            pen.write(event).await?;
            if concluded {
                // What is left to do is talk; the hosts are for others.
                pen.agent.journal.free(&pen.case.id).await?;
            }
            Ok(())
        }
        Action::Look { purpose, probes } => {
            let Some(triage) = &pen.case.triage else { return Ok(()) };
            let (Some(site), Some(system)) = (&triage.site, triage.system(pen.library)) else {
                return Ok(());
            };
            let evidence = look(&pen.agent.eyes(), &system, site, &probes).await;
            pen.write(Event::Looked { purpose, evidence }).await
        }
        Action::Recheck => recheck(pen).await,
        Action::Hold { hosts } => hold(pen, hosts, stop).await,
        Action::Change(order) => change(pen, order).await,
        Action::AskPeople => {
            let hash = pen.case.asked.as_ref().map_or_else(String::new, |asked| asked.plan.hash.clone());
            tell(pen, Act::Question, hash, ask_people).await
        }
        Action::ShowStatus => {
            let stage = pen.case.stage_word();
            tell(pen, Act::Status, stage, show_status).await
        }
        Action::SetLabel => {
            let word = pen.case.label_word().to_owned();
            tell(pen, Act::Label, word, set_label).await
        }
        Action::Reopen => tell(pen, Act::Reopen, String::new(), reopen).await,
        Action::OpenProblem => report_problem(pen).await,
        Action::PostReport => tell(pen, Act::Report, String::new(), post_report).await,
        Action::CallPeople => tell(pen, Act::Assign, String::new(), call_people).await,
        Action::Close => tell(pen, Act::Close, String::new(), close).await,
        Action::Wait { until } => {
            wait(pen.agent, until, stop).await;
            Ok(())
        }
        Action::Park { .. } | Action::Rest => Ok(()),
    }
}

pub(super) async fn wait(agent: &Agent, until: DateTime<Utc>, stop: &Stop) {
    tokio::select! {
        biased;
        () = agent.clock.sleep_until(until) => {}
        () = stop.pulled() => {}
    }
}

/// Looks at the issue once more. What GitHub cannot say now is asked again later: nothing is changed on
/// a guess.
async fn recheck(pen: &mut Pen<'_>) -> Result<(), DriveError> {
    let event = match pen.agent.forge.ticket(&pen.case.ticket.id).await {
        Ok(ticket) => match word_of_label(&pen.case, &ticket) {
            Some(word) => Event::Heard(word),
            None => Event::Rechecked { open: ticket.state == State::Open && !ticket.locked },
        },
        Err(error) if error.is_lasting() => Event::Rechecked { open: false },
        Err(error) => {
            let why = pen.agent.redactor.text(&error.to_string());
            Event::NotTold { act: Act::Recheck, why, lasting: false }
        }
    };
    pen.write(event).await
}

/// Holds the hosts in their order, so that two cases never wait for each other.
async fn hold(pen: &mut Pen<'_>, hosts: Vec<HostName>, stop: &Stop) -> Result<(), DriveError> {
    let agent = pen.agent;
    let mut waited = false;
    for host in &hosts {
        while agent.journal.hold(host, &pen.case.id, agent.clock.now(), CLAIM).await?.is_none() {
            waited = true;
            wait(agent, agent.clock.now() + HOLD_PAUSE, stop).await;
            if stop.is_pulled() {
                return Ok(());
            }
        }
    }
    pen.write(Event::Held { hosts, waited }).await
}

/// Makes a change: lease, intent, act, fact.
async fn change(pen: &mut Pen<'_>, order: Order) -> Result<(), DriveError> {
    let Order { change, attempt, host, command, permit } = order;
    let agent = pen.agent;
    let held = command.timeout() + CLAIM;
    let now = agent.clock.now();
    // A worker that stood still may have lost its case without knowing: nothing is begun unless the claim
    // is fresh, and not after it may have run out.
    if !agent.journal.claim(&pen.case.id, &agent.worker, now, CLAIM).await? {
        return Err(DriveError::Claimed);
    }
    let lease = agent.journal.hold(&host, &pen.case.id, now, held).await?;
    let Some(lease) = lease.map(|lease| lease.no_later_than(now + CLAIM)) else {
        let why = Redacted::constant("another case holds the host");
        return pen.write(Event::ChangeBarred { change, why }).await;
    };
    let planned = pen.case.treatments.get(change.treatment).map(|treatment| treatment.plan.hash.as_str());
    if planned != Some(permit.plan()) {
        let why = Redacted::constant("the permit is for another plan");
        return pen.write(Event::ChangeBarred { change, why }).await;
    }
    let line = agent.redactor.text(&command.line());
    pen.write(Event::ChangeStarted { change, attempt, host: host.clone(), command: line }).await?;
    let event = match agent.shell.change(&host, &command, &permit, &lease).await {
        Ok(raw) if raw.exit == Exit::Unsaid => {
            let why = Redacted::constant("the host did not say how it ended");
            Event::ChangeInDoubt { change, why, may_still_run: false }
        }
        Ok(raw) => Event::ChangeEnded {
            change,
            observation: Observation::new(&raw, &agent.redactor),
            success: match (change.way, step_of(&pen.case, pen.library, change.treatment, change.step)) {
                (Way::Do, Some(step)) => succeeded(step, &raw),
                _ => raw.exit.is_success(),
            },
        },
        Err(ShellError::NotStarted { why }) => {
            Event::ChangeNotStarted { change, why: agent.redactor.text(&why) }
        }
        Err(ShellError::InDoubt { why, may_still_run }) => {
            Event::ChangeInDoubt { change, why: agent.redactor.text(&why), may_still_run }
        }
    };
    pen.write(event).await
}

fn step_of<'a>(case: &Case, library: &'a Library, treatment: usize, step: usize) -> Option<&'a Step> {
    let site = case.triage.as_ref()?.site.as_ref()?;
    let playbook = &case.treatments.get(treatment)?.plan.playbook;
    library.systems.get(&site.kind)?.fault(playbook)?.remedy.get(step)
}

/// Exit 0, or what the step expects instead.
fn succeeded(step: &Step, raw: &RawObservation) -> bool {
    let Some(expect) = &step.expect else { return raw.exit.is_success() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let mut scope = Scope::default();
    let exit = match raw.exit {
        Exit::Code(code) => Ok(json!(code)),
        ref other => Err(other.to_string()),
    };
    scope.set("exit", exit);
    scope.set("text", Ok(json!(text(&raw.stdout.kept))));
    scope.set("stderr", Ok(json!(text(&raw.stderr.kept))));
    expect.truth(&scope).is_true()
}

/// An act on the forge: what, and what is said of it.
async fn tell(
    pen: &mut Pen<'_>,
    act: Act,
    stage: String,
    speak: impl AsyncFnOnce(&Agent, &Case, &Library) -> Result<(), ForgeError>,
) -> Result<(), DriveError> {
    let start = Instant::now();
    let result = speak(pen.agent, &pen.case, pen.library).await;
    let event = match result {
        Ok(()) => Event::Told { act, stage, took_ms: millis(start) },
        Err(error) => not_told(pen, act, &error),
    };
    pen.write(event).await
}

fn not_told(pen: &Pen<'_>, act: Act, error: &ForgeError) -> Event {
    tracing::warn!(case = %pen.case.id, ?act, %error, "the forge did not take it");
    let why = pen.agent.redactor.text(&error.to_string());
    Event::NotTold { act, why, lasting: error.is_lasting() }
}

async fn show_status(agent: &Agent, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let text = agent.prompts.fill("status.md", json!({ "report": report(case, library) }));
    comment(agent, case, "status", &text).await
}

/// People are told of new comments only, so each plan is asked about in one of its own.
async fn ask_people(agent: &Agent, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let Some(asked) = &case.asked else { return Ok(()) };
    let people: Vec<String> = agent.manners.on_call.iter().map(|login| format!("@{login}")).collect();
    let data = json!({
        "report": report(case, library),
        "command": agent.manners.command,
        "people": people.join(" "),
    });
    let text = agent.prompts.fill("approval.md", data);
    comment(agent, case, &format!("question plan={}", asked.plan.hash), &text).await
}

async fn post_report(agent: &Agent, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let (prompt, data) = match case.errand().only_looks() {
        true => ("looked.md", looked(case, library)),
        false => {
            let answer = answer(case, library).transpose().ok().flatten();
            ("report.md", json!({ "report": report(case, library), "answer": answer }))
        }
    };
    comment(agent, case, "report", &agent.prompts.fill(prompt, data)).await?;
    mark_done(agent, case).await;
    Ok(())
}

/// Opens the issue of a fault that is back, and says so to those who follow it.
async fn reopen(agent: &Agent, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let Door::Recurrence { suspect, .. } = &case.door else { return Ok(()) };
    agent.forge.reopen(&case.ticket.id).await?;
    let kind = agent.inventory.systems.get(&suspect.system).map(|site| &site.kind);
    let fault =
        kind.and_then(|kind| library.systems.get(kind)).and_then(|kind| kind.fault(&suspect.playbook));
    let title = fault.map_or(suspect.playbook.as_str(), |fault| &fault.title);
    let text = agent.prompts.fill("returned.md", json!({ "title": title, "system": suspect.system }));
    comment(agent, case, "returned", &text).await
}

/// Opens the ticket about a fault that comes back again and again, and remembers which it is.
async fn report_problem(pen: &mut Pen<'_>) -> Result<(), DriveError> {
    let start = Instant::now();
    let event = match open_problem(pen.agent, &pen.case).await? {
        Ok(id) => Event::Told { act: Act::Problem, stage: id.to_string(), took_ms: millis(start) },
        Err(error) => not_told(pen, Act::Problem, &error),
    };
    pen.write(event).await
}

async fn call_people(agent: &Agent, case: &Case, _: &Library) -> Result<(), ForgeError> {
    let on_call = &agent.manners.on_call;
    if on_call.is_empty() {
        return Ok(());
    }
    let people: Vec<String> = on_call.iter().map(|login| format!("@{login}")).collect();
    let text = agent.prompts.fill("called.md", json!({ "people": people.join(" ") }));
    comment(agent, case, "call", &text).await?;
    agent.forge.assign(&case.ticket.id, on_call).await
}

async fn close(agent: &Agent, case: &Case, _: &Library) -> Result<(), ForgeError> {
    agent.forge.close(&case.ticket.id, CloseReason::Completed).await
}

async fn comment(agent: &Agent, case: &Case, kind: &str, text: &str) -> Result<(), ForgeError> {
    let marker = Marker::new(&format!("case={} kind={kind}", case.id));
    let body = agent.redactor.text(&format!("{}\n{text}", marker.as_str()));
    agent.forge.upsert_comment(&case.ticket.id, &marker, &body).await
}

/// The label of a ticket that a person has.
pub(super) const NEEDS_HUMAN: &str = "medic:needs-human";

const LABELS: [(&str, &str, &str); 4] = [
    ("working", "1d76db", "Fieldmedic is working on this"),
    ("needs-approval", "fbca04", "Fieldmedic asks whether it may carry out its plan"),
    ("resolved", "0e8a16", "Resolved by Fieldmedic, and verified"),
    ("needs-human", "d93f0b", "Fieldmedic has handed this to a person"),
];

async fn set_label(agent: &Agent, case: &Case, _: &Library) -> Result<(), ForgeError> {
    let name = |word: &str| format!("medic:{word}");
    let wanted = case.label_word();
    let add: Vec<Label> = LABELS
        .iter()
        .filter(|(word, ..)| *word == wanted)
        .map(|(word, color, description)| Label { name: name(word), color, description })
        .collect();
    let remove: Vec<String> =
        LABELS.iter().filter(|(word, ..)| *word != wanted).map(|(word, ..)| name(word)).collect();
    let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
    agent.forge.relabel(&case.ticket.id, &add, &remove).await
}

/// The answer to the question of a case, filled from its evidence; `None` if it asks none.
pub fn answer(case: &Case, library: &Library) -> Option<Result<String, String>> {
    let triage = case.triage.as_ref()?;
    let Asks::Question { request, .. } = &triage.asks else { return None };
    let site = triage.site.as_ref()?;
    let system = triage.system(library)?;
    let request = system.request(request)?;
    let mut facts: BTreeMap<String, Value> = system.params(&site.params);
    for (probe, known) in &case.evidence.facts {
        let known = known.iter().filter_map(|(name, known)| Some((name.to_string(), known.clone().ok()?)));
        facts.insert(probe.to_string(), known.collect());
    }
    facts.insert("system".into(), json!(site.name));
    Some(render::answer(&request.answer, &facts))
}

/// An answer that cannot be filled is none: such a case goes to a person instead of being closed.
fn answerable(pen: &Pen<'_>, event: Event) -> Event {
    if !matches!(&event, Event::Concluded(Outcome::Answered { .. })) {
        return event;
    }
    match answer(&pen.case, pen.library) {
        Some(Ok(_)) => event,
        Some(Err(why)) if pen.case.errand().only_looks() => {
            let why = format!("the answer could not be filled: {why}");
            Event::Concluded(Outcome::Declined { why })
        }
        Some(Err(why)) => {
            let why = format!("the answer could not be filled: {why}");
            Event::Concluded(Outcome::Escalated(Escalation { code: Code::CannotTell, why }))
        }
        None => event,
    }
}
