//! Chat commands: the slash commands that people write into tickets.
//!
//! The way of a command: it was parsed by `intake::comment`, `context` loads its author, the core screens it,
//! `context` loads the rest once, the core decides, and `effects` performs.
//!
//! The same comment arrives in several ways, again and again, and at several replicas at once. Every effect is
//! therefore done once for the comment's key, and the comment is marked as done after all of them: an error
//! loses nothing.
//!
//! - `signals`: signals to running cases, by a label.
//! - `conclusion`: what a case that a command opened shows at its end.

pub(crate) mod conclusion;
mod context;
mod effects;
pub(crate) mod signals;

use crate::core::case::event::CaseId;
use crate::core::chatops::CommandRequest;
use crate::core::chatops::decide::{decide, screen};
use crate::engine::chatops::effects::dedupe_key;
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;

/// Carries out a command, once. Gives the case that has something to do. `node_id` is the comment's.
///
/// # Errors
/// If GitHub or the journal cannot be used. The command can be handed in again.
pub(crate) async fn handle_command(
    context: &Context,
    mut request: CommandRequest,
    node_id: &str,
) -> Result<Option<CaseId>, IntakeError> {
    if context.journal.done_at(&dedupe_key(&request)).await?.is_some() {
        return Ok(None);
    }
    let author = context::load_author(context, &request).await?;
    let effects = match screen(&request, &author, &context.forge_settings.roles) {
        Some(effects) => effects,
        None => {
            // Whoever may write can edit another person's comment, and within the second of its posting its
            // times do not show that. What was read before the edit is not a command; what is read after it
            // is asked about here.
            request.is_edited = context.forge.is_edited(&request.ticket, node_id).await?;
            decide(&request, &context::load(context, &request, author).await?)
        }
    };
    effects::perform(context, &request, effects).await
}
