//! Orders that open a case. A ticket has one case at a time: an order that comes while it is at work is
//! told so, and is not kept for later.

use crate::core::case::event::{CaseId, Source};
use crate::core::chatops::scope::CaseScope;
use crate::core::chatops::{ArgumentError, RunRequest, parse_arguments};
use crate::core::ids::{ParamName, SystemName};
use crate::core::playbook::Request;
use crate::core::playbook::inventory::System;
use crate::core::text::suggest::closest_match;
use crate::core::ticket::triage::find_system;
use crate::core::ticket::{Ticket, TicketState};
use crate::engine::Context;
use crate::engine::case::find::active_or_latest_case;
use crate::engine::chatops::reply::Reply;
use crate::engine::chatops::tell;
use crate::engine::chatops::tell::PlaybookMenu;
use crate::engine::chatops::{CommandOutcome, key_of};
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open};
use crate::ports::{Comment, OpenResult};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Takes the ticket.
pub(crate) async fn treat(agent: &Context, comment: &Comment) -> Result<CommandOutcome, IntakeError> {
    let ticket = agent.forge.ticket(&comment.ticket).await?;
    begin(agent, comment, ticket, CaseScope::FullTicket).await
}

/// Takes it once more, after its case has ended.
pub(crate) async fn retry(agent: &Context, comment: &Comment) -> Result<CommandOutcome, IntakeError> {
    match active_or_latest_case(agent, &comment.ticket).await? {
        Some(_) => treat(agent, comment).await,
        None => Ok(CommandOutcome::Rejected(Reply::of("nothing-to-retry"))),
    }
}

/// Looks at a system and says how it is.
pub(crate) async fn diagnose(
    agent: &Context,
    comment: &Comment,
    system: Option<&str>,
) -> Result<CommandOutcome, IntakeError> {
    let ticket = agent.forge.ticket(&comment.ticket).await?;
    let system = match named_system(agent, &ticket, system) {
        Ok(site) => site.name.clone(),
        Err(why) => return Ok(CommandOutcome::Rejected(why)),
    };
    begin(agent, comment, ticket, CaseScope::Diagnose { system }).await
}

/// Runs one playbook.
pub(crate) async fn run(
    agent: &Context,
    comment: &Comment,
    run: RunRequest,
) -> Result<CommandOutcome, IntakeError> {
    let ticket = agent.forge.ticket(&comment.ticket).await?;
    let errand =
        named_system(agent, &ticket, run.system.as_deref()).and_then(|site| errand(agent, site, &run));
    match errand {
        Ok(errand) => begin(agent, comment, ticket, errand).await,
        Err(why) => Ok(CommandOutcome::Rejected(why)),
    }
}

async fn begin(
    agent: &Context,
    comment: &Comment,
    ticket: Ticket,
    errand: CaseScope,
) -> Result<CommandOutcome, IntakeError> {
    if ticket.locked {
        return Ok(CommandOutcome::Rejected(Reply::of("locked")));
    }
    let only_looks = errand.is_read_only();
    if ticket.state == TicketState::Closed && !only_looks {
        return Ok(CommandOutcome::Rejected(Reply::of("closed")));
    }
    let (id, key) = (ticket.id.clone(), key_of(comment));
    // A look beside the ticket does not answer it: it is still there to be taken.
    let also = if only_looks { Vec::new() } else { vec![issue_dedupe_key(&id)] };
    let door = Source::Command { user: comment.author.clone(), comment: Some(comment.id), errand };
    Ok(match open(agent, ticket, door, &key, also).await? {
        OpenResult::Opened(case) => CommandOutcome::Opened(case),
        OpenResult::Running(case) if case == CaseId::derive(&id, &key) => CommandOutcome::Duplicate,
        OpenResult::Running(_) => CommandOutcome::Rejected(tell::busy(agent, &id).await?),
        OpenResult::Duplicate => CommandOutcome::Duplicate,
    })
}

/// The system that a person named, or else the one that the ticket is about.
fn named_system<'a>(agent: &'a Context, ticket: &Ticket, named: Option<&str>) -> Result<&'a System, Reply> {
    let systems = &agent.inventory.systems;
    let known = || systems.keys().map(SystemName::as_str);
    let Some(named) = named else {
        let found = find_system(ticket, &agent.library, &agent.inventory);
        return found
            .ok_or_else(|| Reply::new("which-system", json!({ "known": known().collect::<Vec<_>>() })));
    };
    let has_alias = |site: &&System| site.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(named));
    let site = systems.get(named).or_else(|| systems.values().find(has_alias));
    site.ok_or_else(|| {
        let near = closest_match(named, known());
        let known: Vec<&str> = known().collect();
        Reply::new("no-such-system", json!({ "said": short(named), "near": near, "known": known }))
    })
}

/// What running a playbook comes to, or everything that is wrong with the order.
fn errand(agent: &Context, site: &System, run: &RunRequest) -> Result<CaseScope, Reply> {
    let offered = PlaybookMenu::of(agent, site);
    let playbook = run.playbook.as_str();
    let system = site.name.clone();
    let Some(kind) = agent.library.systems.get(&site.system_type) else {
        return Err(offered.unknown(playbook));
    };
    if let Some(request) = kind.requests.iter().find(|request| request.name.as_str() == playbook) {
        let values = values(agent, request, run).map_err(|wrong| offered.wrong(request, run, &wrong))?;
        return Ok(CaseScope::AnswerRequest { system, request: request.name.clone(), values });
    }
    let Some(fault) = kind.faults.iter().find(|fault| fault.name.as_str() == playbook) else {
        return Err(offered.unknown(playbook));
    };
    if !run.values.is_empty() {
        return Err(Reply::new("takes-nothing", json!({ "playbook": playbook })));
    }
    Ok(CaseScope::FixOne { system, playbook: fault.name.clone() })
}

/// The values of a request. They are recorded, so none may be a secret.
fn values(
    agent: &Context,
    request: &Request,
    run: &RunRequest,
) -> Result<BTreeMap<ParamName, Value>, Vec<ArgumentError>> {
    let values = parse_arguments(&request.params, &run.values)?;
    let is_secret = |value: &Value| agent.redactor.value(value.clone()) != *value;
    let secret = values.iter().filter(|(_, value)| is_secret(value));
    let wrong: Vec<ArgumentError> =
        secret.map(|(name, _)| ArgumentError::Secret { key: name.to_string() }).collect();
    if wrong.is_empty() { Ok(values) } else { Err(wrong) }
}

/// What a person wrote, short enough to be repeated.
pub(crate) fn short(text: &str) -> &str {
    crate::core::diagnosis::evidence::cut_at(text, 60)
}
