//! What a command leads to. [`decide`] is pure: everything it needs was loaded before, once, and nothing is
//! done while it decides. The engine performs the effects, in their order.

use crate::case::Case;
use crate::case::event::CaseId;
use crate::case::record::Record;
use crate::case::signal::{Signal, SignalKind};
use crate::chatops::access::{AccessPolicy, Capability};
use crate::chatops::command::{ChatCommand, CommandName, CommandRequest, ParseError};
use crate::chatops::menu::PlaybookMenu;
use crate::chatops::reply::{ExplanationReply, HelpReply, Refusal, Reply, StatusReply, shown};
use crate::chatops::scope::CaseScope;
use crate::ids::SystemName;
use crate::playbook::Library;
use crate::playbook::inventory::{Inventory, System};
use crate::policy::pause_order::{PauseOrder, PauseOrderKind, PauseOrigin};
use crate::policy::permit::Mode;
use crate::text::redact::Redactor;
use crate::text::suggest::closest_match;
use crate::ticket::triage::find_system;
use crate::ticket::{Ticket, TicketState};
use crate::view::explain::explain;
use crate::view::report::report;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who wrote a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// A machine, Fieldmedic itself included. Machines give no commands.
    pub is_machine: bool,
    /// What the author may do, by the access policy and the permission in the repository.
    pub capabilities: BTreeSet<Capability>,
}

/// Everything that a decision rests on.
#[derive(Debug, Clone)]
pub struct CommandContext {
    /// The time of the decision.
    pub now: DateTime<Utc>,
    /// Who wrote the command.
    pub author: Author,
    /// The issue as it is now.
    pub ticket: Ticket,
    /// The ticket's running case, or else its newest.
    pub case: Option<LoadedCase>,
    /// The same case if its journal cannot be read; `case` is `None` then.
    pub unreadable: Option<UnreadableCase>,
    /// All running cases, of whatever ticket.
    pub running: Vec<CaseId>,
    /// The newest order to pause or resume all changes that took effect.
    pub pause_order: Option<PauseOrder>,
    /// Today's playbooks.
    pub library: Arc<Library>,
    /// Today's systems.
    pub inventory: Arc<Inventory>,
    /// Who has which capability.
    pub access: AccessPolicy,
    /// The configured mode of the policy, without those of systems and playbooks.
    pub mode: Mode,
    /// Whether a change that somebody ordered needs the approval of somebody else.
    pub four_eyes: bool,
    /// Hides secrets in a pause's reason, and finds them in arguments.
    pub redactor: Arc<Redactor>,
}

/// A case with its records.
#[derive(Debug, Clone)]
pub struct LoadedCase {
    /// The case, folded from `records`.
    pub case: Case,
    /// All records of the case, the oldest first.
    pub records: Vec<Record>,
    /// The playbooks that the case began with, or today's if those are gone.
    pub library: Arc<Library>,
}

/// A case of which no more is known than that it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableCase {
    /// The case's number.
    pub id: CaseId,
    /// It has an outcome, so its ticket may get another case.
    pub has_outcome: bool,
}

/// Something to do about a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Show on the comment how far the command is.
    React(Progress),
    /// Open a case of this scope. If the ticket got another case meanwhile, the effects of
    /// [`already_running`] take the place of those that follow.
    OpenCase {
        /// The issue as it is now.
        ticket: Ticket,
        /// What the case may do.
        scope: CaseScope,
    },
    /// Send this signal to the case, once for the comment.
    SendSignal {
        /// The running case.
        case: CaseId,
        /// What the author said, and when.
        signal: Signal,
    },
    /// Pause or resume all changes, unless an order that supersedes this one came meanwhile.
    OrderPause(PauseOrder),
    /// Answer the comment, once.
    Reply(Reply),
    /// Tell the author who may give this command: once a day in a repository.
    Refuse(Refusal),
    /// Remember that everything was done. Nothing is done for this comment again.
    MarkDone,
}

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was read, and is being worked on.
    Seen,
    /// It was carried out.
    Done,
    /// It cannot be carried out.
    Failed,
}

/// What follows if the command may not be carried out, whatever the ticket is like; `None` if it may be.
/// The engine asks this first, so that nothing is loaded for a command that is refused.
pub fn screen(request: &CommandRequest, author: &Author, access: &AccessPolicy) -> Option<Vec<Effect>> {
    if author.is_machine || request.is_automated {
        return Some(Vec::new());
    }
    let needed = request.name().and_then(CommandName::capability);
    let is_allowed = match needed {
        Some(capability) => author.capabilities.contains(&capability),
        None => !author.capabilities.is_empty(),
    };
    if !is_allowed {
        // Where any capability is enough, `view` is the one that most people have.
        let grantees = access.holders(needed.unwrap_or(Capability::View));
        let refusal = Refusal {
            name: request.name(),
            permission: grantees.from,
            people: grantees.people.iter().map(|person| person.login.clone()).collect(),
        };
        return Some(vec![Effect::Refuse(refusal), Effect::MarkDone]);
    }
    request.is_edited.then(|| failed(Reply::Edited))
}

/// Everything that a command leads to, in order.
pub fn decide(request: &CommandRequest, context: &CommandContext) -> Vec<Effect> {
    if let Some(effects) = screen(request, &context.author, &context.access) {
        return effects;
    }
    let command = match &request.command {
        Ok(command) => command,
        Err(error) => return failed(not_understood(error, context)),
    };
    let effects = match command {
        ChatCommand::Work => open(request, context, CaseScope::FullTicket),
        ChatCommand::Retry if context.case.is_none() && context.unreadable.is_none() => {
            Err(Reply::NothingToRetry)
        }
        ChatCommand::Retry => open(request, context, CaseScope::FullTicket),
        ChatCommand::Diagnose { system } => named_system(context, system.as_deref())
            .and_then(|system| open(request, context, CaseScope::Diagnose { system: system.name.clone() })),
        ChatCommand::Run(run) => named_system(context, run.system.as_deref())
            .and_then(|system| PlaybookMenu::of(system, &context.library).scope(run, &context.redactor))
            .and_then(|scope| open(request, context, scope)),
        ChatCommand::Signal(kind) => signal(request, context, kind),
        ChatCommand::Pause(reason) => {
            let reason = context.redactor.text(reason);
            order_pause(
                request,
                context,
                PauseOrderKind::Pause { why: reason.clone() },
                Reply::Paused { reason },
            )
        }
        ChatCommand::Resume => order_pause(request, context, PauseOrderKind::Resume, Reply::Resumed),
        ChatCommand::Status => readable(context).map(|()| answered(status(context))),
        ChatCommand::Explain => explanation(context).map(answered),
        ChatCommand::Help => Ok(answered(help(context))),
    };
    let effects = effects.unwrap_or_else(failed);
    std::iter::once(Effect::React(Progress::Seen)).chain(effects).collect()
}

/// What follows if a case was to be opened, and this one was running already.
pub fn already_running(request: &CommandRequest, running: &CaseId) -> Vec<Effect> {
    if *running == CaseId::derive(&request.ticket, &request.key()) {
        return vec![Effect::MarkDone];
    }
    failed(Reply::Busy { stage: "just started".to_owned() })
}

fn answered(reply: Reply) -> Vec<Effect> {
    vec![Effect::Reply(reply), Effect::React(Progress::Done), Effect::MarkDone]
}

fn failed(reply: Reply) -> Vec<Effect> {
    vec![Effect::React(Progress::Failed), Effect::Reply(reply), Effect::MarkDone]
}

/// Opens a case. A ticket has one case at a time, and commands are not queued.
fn open(request: &CommandRequest, context: &CommandContext, scope: CaseScope) -> Result<Vec<Effect>, Reply> {
    // The comment came in another way before, and its case may have closed the ticket meanwhile.
    let own = CaseId::derive(&request.ticket, &request.key());
    let loaded = context.case.as_ref().map(|loaded| &loaded.case.id);
    if loaded.or(context.unreadable.as_ref().map(|case| &case.id)) == Some(&own) {
        return Ok(vec![Effect::MarkDone]);
    }
    if context.ticket.locked {
        return Err(Reply::Locked);
    }
    if context.ticket.state == TicketState::Closed && !scope.is_read_only() {
        return Err(Reply::Closed);
    }
    match (&context.case, &context.unreadable) {
        (Some(LoadedCase { case, library, .. }), _) if case.outcome.is_none() => {
            Err(Reply::Busy { stage: report(case, library).stage })
        }
        (None, Some(case)) if !case.has_outcome => Err(Reply::Unreadable { case: case.id.clone() }),
        _ => {
            let open = Effect::OpenCase { ticket: context.ticket.clone(), scope };
            Ok(vec![open, Effect::MarkDone])
        }
    }
}

/// Sends a signal to the running case. An approval must name the plan that waits.
fn signal(
    request: &CommandRequest,
    context: &CommandContext,
    kind: &SignalKind,
) -> Result<Vec<Effect>, Reply> {
    readable(context)?;
    let case = &context.case.as_ref().ok_or(Reply::NoCase)?.case;
    // The comment came in another way before, and the case may have ended by it.
    if case.processed_signals.contains(&request.key()) {
        return Ok(vec![Effect::React(Progress::Done), Effect::MarkDone]);
    }
    if case.outcome.is_some() {
        return Err(Reply::NoCase);
    }
    match (kind, &case.pending_approval) {
        (SignalKind::Approve { .. } | SignalKind::Deny, None) => return Err(Reply::NothingPending),
        (SignalKind::Approve { plan }, Some(pending)) if !pending.plan.matches_id(plan) => {
            return Err(Reply::OtherPlan);
        }
        // An old answer, for instance one that came by a late delivery, is no answer to this question.
        (SignalKind::Approve { .. } | SignalKind::Deny, Some(pending))
            if request.written_at.timestamp() < pending.asked_at.timestamp() =>
        {
            return Err(Reply::OlderThanQuestion);
        }
        (SignalKind::Approve { .. }, Some(_)) if context.four_eyes && case.is_ordered_by(&request.author) => {
            return Err(Reply::OwnOrder);
        }
        _ => {}
    }
    let signal = Signal { by: request.author.clone(), at: request.written_at, kind: kind.clone() };
    let send = Effect::SendSignal { case: case.id.clone(), signal };
    Ok(vec![send, Effect::React(Progress::Done), Effect::MarkDone])
}

/// Pauses or resumes all changes. The newest order counts, in whatever order they come in.
fn order_pause(
    request: &CommandRequest,
    context: &CommandContext,
    kind: PauseOrderKind,
    reply: Reply,
) -> Result<Vec<Effect>, Reply> {
    let repo = &request.ticket.repo;
    let origin = PauseOrigin::Comment { repo: repo.clone(), id: request.comment };
    let order = PauseOrder { by: request.author.clone(), given_at: request.written_at, origin, kind };
    if let Some(standing) = &context.pause_order {
        if !order.supersedes(standing) {
            return Err(Reply::Superseded);
        }
        let is_lifted = order.kind == PauseOrderKind::Resume && standing.pause().is_some();
        if is_lifted && !standing.can_be_lifted_in(repo) {
            return Err(Reply::PausedElsewhere { origin: standing.origin.clone() });
        }
    }
    Ok(std::iter::once(Effect::OrderPause(order)).chain(answered(reply)).collect())
}

/// A case whose journal cannot be read must not be taken for none.
fn readable(context: &CommandContext) -> Result<(), Reply> {
    let unreadable = context.unreadable.as_ref();
    unreadable.map_or(Ok(()), |case| Err(Reply::Unreadable { case: case.id.clone() }))
}

fn status(context: &CommandContext) -> Reply {
    let case = context.case.as_ref();
    let is_own = |id: &&CaseId| case.is_some_and(|loaded| loaded.case.id == **id);
    Reply::Status(Box::new(StatusReply {
        report: case.map(|loaded| report(&loaded.case, &loaded.library)),
        others: context.running.iter().filter(|id| !is_own(id)).count(),
        pause: context.pause_order.as_ref().and_then(PauseOrder::pause),
    }))
}

fn explanation(context: &CommandContext) -> Result<Reply, Reply> {
    readable(context)?;
    let LoadedCase { case, records, library } = context.case.as_ref().ok_or(Reply::NothingToExplain)?;
    Ok(Reply::Explanation(Box::new(ExplanationReply {
        report: report(case, library),
        explained: explain(case, records, library),
        mode: context.mode,
    })))
}

fn help(context: &CommandContext) -> Reply {
    let is_allowed = |name: &&CommandName| {
        name.capability().is_none_or(|capability| context.author.capabilities.contains(&capability))
    };
    let system = find_system(&context.ticket, &context.library, &context.inventory);
    let system = system.or_else(|| context.inventory.systems.values().next());
    Reply::Help(HelpReply {
        commands: CommandName::ALL.iter().filter(is_allowed).copied().collect(),
        playbooks: system.map_or_else(Vec::new, |system| PlaybookMenu::of(system, &context.library).usages()),
        systems: system_names(context),
    })
}

fn not_understood(error: &ParseError, context: &CommandContext) -> Reply {
    let system = context.inventory.systems.values().next();
    match error {
        ParseError::Unknown { word, near } => Reply::UnknownCommand {
            said: shown(word),
            near: near.map(CommandName::word),
            known: CommandName::ALL.iter().map(|name| name.word()).filter(|word| !word.is_empty()).collect(),
        },
        ParseError::Syntax { command, said } => Reply::Usage {
            said: shown(said),
            name: *command,
            example: system.and_then(|system| PlaybookMenu::of(system, &context.library).example()),
        },
    }
}

/// The system that the author named, or else the one that the ticket is about.
fn named_system<'a>(context: &'a CommandContext, name: Option<&str>) -> Result<&'a System, Reply> {
    let systems = &context.inventory.systems;
    let Some(name) = name else {
        return find_system(&context.ticket, &context.library, &context.inventory)
            .ok_or_else(|| Reply::SystemUnclear { known: system_names(context) });
    };
    let has_alias = |system: &&System| system.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
    systems.get(name).or_else(|| systems.values().find(has_alias)).ok_or_else(|| Reply::UnknownSystem {
        said: shown(name),
        near: closest_match(name, systems.keys().map(SystemName::as_str)).map(str::to_owned),
        known: system_names(context),
    })
}

fn system_names(context: &CommandContext) -> Vec<SystemName> {
    context.inventory.systems.keys().cloned().collect()
}

#[cfg(test)]
mod tests;
