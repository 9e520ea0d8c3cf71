//! Orders that only ask: how a ticket stands, why, and what can be said here. Everything is told from the
//! journal and from the playbooks.

use crate::core::case::Case;
use crate::core::chatops::access::Capability;
use crate::core::chatops::{ArgumentError, CommandName, ParseError, RunRequest};
use crate::core::playbook::inventory::System;
use crate::core::playbook::{Library, Request};
use crate::core::text::suggest::closest_match;
use crate::core::ticket::TicketId;
use crate::core::ticket::triage::find_system;
use crate::core::view::explain::explain as explained;
use crate::core::view::report::report;
use crate::engine::case::find::active_or_latest_case;
use crate::engine::case::library::library_of;
use crate::engine::chatops::open::short;
use crate::engine::chatops::{CommandOutcome, Reply};
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;
use crate::ports::{Comment, JournalError};
use serde_json::{Value, json};
use std::sync::Arc;

/// How the ticket stands: its case, and whether anything holds the agent up.
pub(crate) async fn status(agent: &Context, ticket: &TicketId) -> Result<Reply, IntakeError> {
    let case = active_or_latest_case(agent, ticket).await?;
    let at_work = agent.journal.open_cases().await?;
    let is_own = |case: &Case| at_work.contains(&case.id);
    let others = at_work.len() - usize::from(case.as_ref().is_some_and(is_own));
    let pause = agent.journal.pause_state().await?;
    let told = match &case {
        Some(case) => json!(report(case, &*library(agent, case).await?)),
        None => Value::Null,
    };
    Ok(Reply::filled("standing.md", json!({ "report": told, "others": others, "pause": pause })))
}

/// That the ticket has a case at work.
pub(crate) async fn busy(agent: &Context, ticket: &TicketId) -> Result<Reply, IntakeError> {
    let case = active_or_latest_case(agent, ticket).await?;
    let stage = case.map_or_else(|| "at work".to_owned(), |case| case.status_key());
    Ok(Reply::new("busy", json!({ "stage": stage })))
}

/// Why the newest case did what it did, and left what it left.
pub(crate) async fn explain(agent: &Context, ticket: &TicketId) -> Result<CommandOutcome, IntakeError> {
    let Some(case) = active_or_latest_case(agent, ticket).await? else {
        return Ok(CommandOutcome::Rejected(Reply::of("nothing-to-explain")));
    };
    let records = agent.journal.load(&case.id).await?;
    let library = library(agent, &case).await?;
    let data = json!({
        "report": report(&case, &library),
        "explained": explained(&case, &records, &library),
        "mode": agent.policy.mode,
    });
    Ok(CommandOutcome::Answered(Reply::filled("explain.md", data)))
}

/// What this person may say here.
pub(crate) async fn help(
    agent: &Context,
    comment: &Comment,
    rights: &[Capability],
) -> Result<Reply, IntakeError> {
    let ticket = agent.forge.ticket(&comment.ticket).await?;
    let has = |verb: &&CommandName| verb.right().is_none_or(|right| rights.contains(&right));
    let verbs: Vec<CommandName> = CommandName::ALL.iter().filter(has).copied().collect();
    let site = find_system(&ticket, &agent.library, &agent.inventory);
    let site = site.or_else(|| agent.inventory.systems.values().next());
    let playbooks = site.map(|site| PlaybookMenu::of(agent, site).playbooks());
    let systems: Vec<&str> = agent.inventory.systems.keys().map(|name| name.as_str()).collect();
    let data = json!({ "verbs": verbs, "playbooks": playbooks, "systems": systems });
    Ok(Reply::filled("help.md", data))
}

/// Words that are no order.
pub(crate) fn parse_error_reply(agent: &Context, misread: &ParseError) -> Reply {
    let offered = agent.inventory.systems.values().next().map(|site| PlaybookMenu::of(agent, site));
    let example = offered.and_then(|offered| offered.example());
    match misread {
        ParseError::Unknown { word, near } => {
            let words: Vec<&str> =
                CommandName::ALL.iter().map(|verb| verb.word()).filter(|word| !word.is_empty()).collect();
            let near = near.map(CommandName::word);
            let data = json!({ "said": short(word), "near": near, "known": words, "verb": null });
            Reply::filled("misread.md", data)
        }
        ParseError::Syntax { command: verb, said } => {
            let data = json!({ "said": short(said), "verb": verb.word(), "example": example });
            Reply::filled("misread.md", data)
        }
    }
}

/// The playbooks of a case, or those of now if the journal has lost them.
async fn library(agent: &Context, case: &Case) -> Result<Arc<Library>, JournalError> {
    let kept = library_of(agent, &case.library).await;
    Ok(kept.ok().flatten().unwrap_or_else(|| agent.library.clone()))
}

/// What can be run on a system.
pub(crate) struct PlaybookMenu<'a> {
    agent: &'a Context,
    system: &'a System,
}

impl<'a> PlaybookMenu<'a> {
    pub fn of(agent: &'a Context, system: &'a System) -> Self {
        Self { agent, system }
    }

    fn requests(&self) -> &'a [Request] {
        self.agent.library.systems.get(&self.system.system_type).map_or(&[], |system| &system.requests)
    }

    /// Every playbook, with how it is run.
    fn playbooks(&self) -> Vec<Value> {
        let system = self.agent.library.systems.get(&self.system.system_type);
        let faults = system.map_or(&[][..], |system| &system.faults);
        let requests = self.requests().iter().map(|request| {
            json!({ "title": request.title, "run": self.run(request), "params": params(request), "mends": false })
        });
        let faults = faults.iter().filter(|fault| !fault.remediation.is_empty());
        let faults =
            faults.map(|fault| json!({ "title": fault.title, "run": format!("run {}", fault.name), "params": [], "mends": true }));
        requests.chain(faults).collect()
    }

    /// A request as it can be written.
    fn run(&self, request: &Request) -> String {
        let pairs = request.params.iter().map(|(name, param)| format!(" {name}={}", param.example()));
        format!("run {}{}", request.name, pairs.collect::<String>())
    }

    /// An order that works.
    fn example(&self) -> Option<String> {
        self.requests().iter().max_by_key(|request| request.params.len()).map(|request| self.run(request))
    }

    /// There is no such playbook.
    pub fn unknown(&self, playbook: &str) -> Reply {
        let system = self.agent.library.systems.get(&self.system.system_type);
        let names: Vec<&str> = system.map_or_else(Vec::new, |system| {
            let requests = system.requests.iter().map(|request| request.name.as_str());
            requests.chain(system.faults.iter().map(|fault| fault.name.as_str())).collect()
        });
        let near = closest_match(playbook, names.iter().copied());
        let data = json!({
            "said": short(playbook), "near": near, "known": names, "system": self.system.name, "verb": "run",
            "unknown": "playbook", "example": self.example(),
        });
        Reply::filled("misrun.md", data)
    }

    /// The values that were given are not such that it can have.
    pub fn wrong(&self, request: &Request, run: &RunRequest, wrong: &[ArgumentError]) -> Reply {
        let near = wrong.iter().filter_map(|wrong| match wrong {
            ArgumentError::Key { key, near: Some(near) } => Some((key.as_str(), near.as_str())),
            _ => None,
        });
        let near: Vec<(&str, &str)> = near.collect();
        let data = json!({
            "playbook": run.playbook, "wrong": wrong, "near": near, "params": params(request),
            "unknown": null, "example": self.run(request),
        });
        Reply::filled("misrun.md", data)
    }
}

fn params(request: &Request) -> Vec<Value> {
    let params = request.params.iter().map(|(name, param)| {
        let default =
            param.default.as_ref().map(|value| crate::core::expr::value_type::words(value).join(","));
        json!({ "name": name, "takes": param.accepts(), "default": default, "help": param.help })
    });
    params.collect()
}
