//! Loading: everything that a decision about a command rests on.

use crate::core::case::Case;
use crate::core::chatops::CommandRequest;
use crate::core::chatops::access::Permission;
use crate::core::chatops::decide::{Author, CommandContext, LoadedCase};
use crate::core::ticket::TicketId;
use crate::engine::case::library::library_of;
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;
use crate::ports::JournalError;
use std::collections::BTreeSet;

/// Loads who wrote a command, and what they may do. If GitHub will not say what a person may do, it is
/// nothing.
pub(super) async fn load_author(context: &Context, request: &CommandRequest) -> Result<Author, IntakeError> {
    let is_machine = request.is_automated || request.author.eq_ignore_ascii_case(&context.forge.me().await?);
    if is_machine {
        return Ok(Author { is_machine, capabilities: BTreeSet::new() });
    }
    let permission = match context.forge.permission(&request.ticket.repo, &request.author).await {
        Err(error) if error.is_permanent() => {
            tracing::warn!(author = %request.author, %error, "GitHub does not say what this person may do");
            Permission::None
        }
        permission => permission?,
    };
    let capabilities = context.forge_settings.roles.capabilities(&request.author, permission);
    Ok(Author { is_machine, capabilities })
}

/// Loads the rest.
pub(super) async fn load(
    context: &Context,
    request: &CommandRequest,
    author: Author,
) -> Result<CommandContext, IntakeError> {
    let journal = &context.journal;
    Ok(CommandContext {
        author,
        ticket: context.forge.ticket(&request.ticket).await?,
        case: load_case(context, &request.ticket).await?,
        running: journal.open_cases().await?,
        pause_order: journal.pause_order().await?,
        library: context.library.clone(),
        inventory: context.inventory.clone(),
        access: context.forge_settings.roles.clone(),
        mode: context.policy.mode,
        four_eyes: context.policy.four_eyes,
        redactor: context.redactor.clone(),
        now: context.clock.now(),
    })
}

/// The ticket's running case, or else its newest, folded once.
async fn load_case(context: &Context, ticket: &TicketId) -> Result<Option<LoadedCase>, JournalError> {
    let summaries = context.journal.cases_of(ticket).await?;
    let running = summaries.iter().find(|summary| summary.outcome.is_none());
    let Some(summary) = running.or(summaries.first()) else { return Ok(None) };
    let records = match context.journal.load(&summary.id).await {
        // A command must not fail with a damaged case; its own worker sets it aside and says so.
        Err(error) if error.is_permanent() => return Ok(None),
        records => records?,
    };
    let Ok(case) = Case::fold(&summary.id, &records) else { return Ok(None) };
    let library = library_of(context, &case.library).await.ok().flatten();
    let library = library.unwrap_or_else(|| context.library.clone());
    Ok(Some(LoadedCase { case, records, library }))
}
