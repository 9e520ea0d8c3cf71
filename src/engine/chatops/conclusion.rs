//! The end of a case that a command opened: what its report says, and what is shown on the comment.

use crate::core::case::Case;
use crate::core::case::event::Source;
use crate::core::case::outcome::Outcome;
use crate::core::playbook::Library;
use crate::core::text::format::format_minute;
use crate::core::ticket::triage::Intent;
use crate::core::view::report::report;
use crate::engine::case::answer::answer;
use crate::engine::context::Context;
use crate::ports::Reaction;
use serde_json::{Value, json};

/// The data of the report of a case that changed nothing: it probed a system, or answered a request.
pub(crate) fn readonly_report_data(case: &Case, library: &Library) -> Value {
    let triage = case.triage.as_ref();
    let request = triage.and_then(|triage| match &triage.intent {
        Intent::Question { request, .. } => {
            triage.system(library)?.request(request).map(|request| request.title.clone())
        }
        Intent::Problem | Intent::Operation { .. } => None,
    });
    let monitor = match &case.source {
        Source::Alert { by, .. } => Some(by),
        _ => None,
    };
    json!({
        "report": report(case, library),
        "request": request,
        "monitor": monitor,
        "looked_at": format_minute(case.opened_at),
        "answer": answer(case, library).and_then(Result::ok),
    })
}

/// Shows on the comment that opened a case that the command was carried out.
pub(crate) async fn mark_done(context: &Context, case: &Case) {
    let Source::Command { comment: Some(comment), .. } = &case.source else { return };
    if !case.outcome.as_ref().is_some_and(Outcome::closes) {
        return;
    }
    if let Err(error) = context.forge.react(&case.ticket.id, *comment, Reaction::Rocket).await {
        tracing::warn!(case = %case.id, %error, "cannot add a reaction");
    }
}
