//! Comments: a command, or feedback to a close.

use crate::core::case::event::CaseId;
use crate::core::case::signal::SignalKind;
use crate::core::chatops::{ChatCommand, CommandRequest, command};
use crate::engine::chatops::handle_command;
use crate::engine::context::Context;
use crate::engine::intake::feedback::accept_feedback;
use crate::engine::intake::open::IntakeError;
use crate::ports::{Comment, Marker};

/// Takes in a comment: a command by a person who may give it is carried out, once. Gives the case that has
/// something to do.
///
/// # Errors
/// If GitHub or the journal cannot be used. The comment can be handed in again.
pub async fn accept_comment(context: &Context, comment: &Comment) -> Result<Option<CaseId>, IntakeError> {
    match request(context, comment) {
        Some(request) => handle_command(context, request, &comment.node_id).await,
        None => accept_feedback(context, comment).await,
    }
}

/// Whether a comment holds a command that stops something: to pause, deny or cancel. It must not wait behind
/// other comments.
pub fn is_urgent(context: &Context, comment: &Comment) -> bool {
    matches!(
        command(&comment.body, &context.forge_settings.command),
        Some(Ok(ChatCommand::Pause(_) | ChatCommand::Signal(SignalKind::Deny | SignalKind::Cancel)))
    )
}

/// The command that a comment holds.
fn request(context: &Context, comment: &Comment) -> Option<CommandRequest> {
    let settings = &context.forge_settings;
    Some(CommandRequest {
        command: command(&comment.body, &settings.command)?,
        ticket: comment.ticket.clone(),
        comment: comment.id,
        author: comment.author.clone(),
        written_at: comment.created_at,
        is_edited: comment.updated_at > comment.created_at,
        is_automated: comment.by_bot || Marker::is_in(&comment.body) || settings.is_monitor(&comment.author),
    })
}
