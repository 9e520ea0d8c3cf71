//! Orders that open a case. A ticket has one case at a time: an order that comes while it is at work is
//! told so, and is not kept for later.

use super::reply::Reply;
use super::tell::{self, Offered};
use super::{Course, key_of};
use crate::core::errand::Errand;
use crate::core::event::{CaseId, Door};
use crate::core::inventory::Site;
use crate::core::name::{ParamName, SystemName};
use crate::core::near::nearest;
use crate::core::playbook::Request;
use crate::core::slash::{Run, Wrong, bind};
use crate::core::ticket::{State, Ticket};
use crate::core::triage::find_site;
use crate::engine::Agent;
use crate::engine::intake::{IntakeError, issue_key, open};
use crate::engine::past::case_of;
use crate::ports::{Comment, Intake};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Takes the ticket.
pub(super) async fn treat(agent: &Agent, comment: &Comment) -> Result<Course, IntakeError> {
    let ticket = agent.forge.ticket(&comment.ticket).await?;
    begin(agent, comment, ticket, Errand::Treat).await
}

/// Takes it once more, after its case has ended.
pub(super) async fn retry(agent: &Agent, comment: &Comment) -> Result<Course, IntakeError> {
    match case_of(agent, &comment.ticket).await? {
        Some(_) => treat(agent, comment).await,
        None => Ok(Course::Unfit(Reply::of("nothing-to-retry"))),
    }
}

/// Looks at a system and says how it is.
pub(super) async fn diagnose(
    agent: &Agent,
    comment: &Comment,
    system: Option<&str>,
) -> Result<Course, IntakeError> {
    let ticket = agent.forge.ticket(&comment.ticket).await?;
    let system = match find_system(agent, &ticket, system) {
        Ok(site) => site.name.clone(),
        Err(why) => return Ok(Course::Unfit(why)),
    };
    begin(agent, comment, ticket, Errand::Look { system }).await
}

/// Runs one playbook.
pub(super) async fn run(agent: &Agent, comment: &Comment, run: Run) -> Result<Course, IntakeError> {
    let ticket = agent.forge.ticket(&comment.ticket).await?;
    let errand =
        find_system(agent, &ticket, run.system.as_deref()).and_then(|site| errand(agent, site, &run));
    match errand {
        Ok(errand) => begin(agent, comment, ticket, errand).await,
        Err(why) => Ok(Course::Unfit(why)),
    }
}

async fn begin(
    agent: &Agent,
    comment: &Comment,
    ticket: Ticket,
    errand: Errand,
) -> Result<Course, IntakeError> {
    if ticket.locked {
        return Ok(Course::Unfit(Reply::of("locked")));
    }
    let only_looks = errand.only_looks();
    if ticket.state == State::Closed && !only_looks {
        return Ok(Course::Unfit(Reply::of("closed")));
    }
    let (id, key) = (ticket.id.clone(), key_of(comment));
    // A look beside the ticket does not answer it: it is still there to be taken.
    let also = if only_looks { Vec::new() } else { vec![issue_key(&id)] };
    let door = Door::Command { user: comment.author.clone(), comment: Some(comment.id), errand };
    Ok(match open(agent, ticket, door, &key, also).await? {
        Intake::Opened(case) => Course::Begun(case),
        Intake::Running(case) if case == CaseId::derive(&id, &key) => Course::Past,
        Intake::Running(_) => Course::Unfit(tell::busy(agent, &id).await?),
        Intake::Seen => Course::Past,
    })
}

/// The system that a person named, or else the one that the ticket is about.
fn find_system<'a>(agent: &'a Agent, ticket: &Ticket, named: Option<&str>) -> Result<&'a Site, Reply> {
    let systems = &agent.inventory.systems;
    let known = || systems.keys().map(SystemName::as_str);
    let Some(named) = named else {
        let found = find_site(ticket, &agent.library, &agent.inventory);
        return found
            .ok_or_else(|| Reply::new("which-system", json!({ "known": known().collect::<Vec<_>>() })));
    };
    let has_alias = |site: &&Site| site.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(named));
    let site = systems.get(named).or_else(|| systems.values().find(has_alias));
    site.ok_or_else(|| {
        let near = nearest(named, known());
        let known: Vec<&str> = known().collect();
        Reply::new("no-such-system", json!({ "said": short(named), "near": near, "known": known }))
    })
}

/// What running a playbook comes to, or everything that is wrong with the order.
fn errand(agent: &Agent, site: &Site, run: &Run) -> Result<Errand, Reply> {
    let offered = Offered::of(agent, site);
    let playbook = run.playbook.as_str();
    let system = site.name.clone();
    let Some(kind) = agent.library.systems.get(&site.kind) else {
        return Err(offered.unknown(playbook));
    };
    if let Some(request) = kind.requests.iter().find(|request| request.name.as_str() == playbook) {
        let values = values(agent, request, run).map_err(|wrong| offered.wrong(request, run, &wrong))?;
        return Ok(Errand::Answer { system, request: request.name.clone(), values });
    }
    let Some(fault) = kind.faults.iter().find(|fault| fault.name.as_str() == playbook) else {
        return Err(offered.unknown(playbook));
    };
    if !run.values.is_empty() {
        return Err(Reply::new("takes-nothing", json!({ "playbook": playbook })));
    }
    Ok(Errand::Mend { system, playbook: fault.name.clone() })
}

/// The values of a request. They are recorded, so none may be a secret.
fn values(agent: &Agent, request: &Request, run: &Run) -> Result<BTreeMap<ParamName, Value>, Vec<Wrong>> {
    let values = bind(&request.params, &run.values)?;
    let is_secret = |value: &Value| agent.redactor.value(value.clone()) != *value;
    let secret = values.iter().filter(|(_, value)| is_secret(value));
    let wrong: Vec<Wrong> = secret.map(|(name, _)| Wrong::Secret { key: name.to_string() }).collect();
    if wrong.is_empty() { Ok(values) } else { Err(wrong) }
}

/// What a person wrote, short enough to be repeated.
pub(super) fn short(text: &str) -> &str {
    crate::core::evidence::cut_at(text, 60)
}
