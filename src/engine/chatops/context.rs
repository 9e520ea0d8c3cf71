//! Loading: everything that a decision about a command rests on.

use crate::core::case::Case;
use crate::core::chatops::CommandRequest;
use crate::core::chatops::decide::{Author, CommandContext, LoadedCase, UnreadableCase};
use crate::core::ticket::TicketId;
use crate::engine::case::library::library_of;
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;
use crate::ports::JournalError;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

/// Loads who wrote a command, and what they may do. If GitHub will not say what a person may do, it is
/// nothing.
pub(super) async fn load_author(context: &Context, request: &CommandRequest) -> Result<Author, IntakeError> {
    let is_machine = request.is_automated || request.author.eq_ignore_ascii_case(&context.forge.me().await?);
    if is_machine {
        return Ok(Author { is_machine, capabilities: BTreeSet::new() });
    }
    let capabilities = match context.forge.account(&request.ticket.repo, &request.author).await {
        Err(error) if error.is_final_after(context.clock.now() - request.written_at) => {
            tracing::warn!(author = %request.author, %error, "GitHub does not say what this person may do");
            BTreeSet::new()
        }
        account => context.forge_settings.roles.capabilities(&account?),
    };
    Ok(Author { is_machine, capabilities })
}

/// Loads the rest.
pub(super) async fn load(
    context: &Context,
    request: &CommandRequest,
    author: Author,
) -> Result<CommandContext, IntakeError> {
    let journal = &context.journal;
    let (case, unreadable) = match load_newest(context, &request.ticket).await? {
        Newest::None => (None, None),
        Newest::Loaded(case) => (Some(*case), None),
        Newest::Unreadable(case) => (None, Some(case)),
    };
    Ok(CommandContext {
        author,
        ticket: context.forge.ticket(&request.ticket).await?,
        case,
        unreadable,
        running: journal.open_cases().await?,
        pause_order: journal.pause_order().await?,
        library: context.library.clone(),
        inventory: Arc::new(context.inventory.for_repo(&request.ticket.repo)),
        access: context.forge_settings.roles.clone(),
        mode: context.policy.mode,
        four_eyes: context.policy.four_eyes,
        redactor: context.redactor.clone(),
        now: context.clock.now(),
    })
}

/// What is known of a ticket's case.
enum Newest {
    None,
    Loaded(Box<LoadedCase>),
    Unreadable(UnreadableCase),
}

/// The ticket's running case, or else its newest, folded once. A command must not fail with a damaged case,
/// and must not take it for none.
async fn load_newest(context: &Context, ticket: &TicketId) -> Result<Newest, JournalError> {
    let summaries = context.journal.cases_of(ticket).await?;
    let running = summaries.iter().find(|summary| summary.outcome.is_none());
    let Some(summary) = running.or(summaries.first()) else { return Ok(Newest::None) };
    let unreadable = |error: &dyn Display| {
        context.set_aside.add(&summary.id, error);
        let case = UnreadableCase { id: summary.id.clone(), has_outcome: summary.outcome.is_some() };
        Ok(Newest::Unreadable(case))
    };
    let records = match context.journal.load(&summary.id).await {
        Err(error) if error.is_permanent() => return unreadable(&error),
        records => records?,
    };
    let case = match Case::fold(&summary.id, &records) {
        Ok(case) => case,
        Err(error) => return unreadable(&error),
    };
    let library = library_of(context, &case.library).await.ok().flatten();
    let library = library.unwrap_or_else(|| context.library.clone());
    Ok(Newest::Loaded(Box::new(LoadedCase { case, records, library })))
}
