//! Thumbs: reactions to the questions that reporters were asked. GitHub sends no webhook for a reaction, so they are
//! asked for.

use crate::core::case::event::{CaseId, EventKind};
use crate::core::case::inquiry::ReporterAnswer;
use crate::core::case::signal::{Signal, SignalKind};
use crate::engine::case::history::skip_unreadable;
use crate::engine::case::load::load_case;
use crate::engine::context::Context;
use crate::engine::intake::feedback::may_answer;
use crate::engine::intake::open::IntakeError;
use crate::engine::publish::inquiry_marker;
use chrono::{DateTime, TimeDelta};
use std::collections::BTreeSet;

/// A downtime so much longer than the longest wait loses a thumb; the case itself knows when it waits no longer.
const MAX_LATENESS: TimeDelta = TimeDelta::days(7);

/// Asks for the thumbs on every question that nobody has answered. Gives the cases that have an answer now.
///
/// # Errors
/// If GitHub or the journal cannot be used. The next round asks again.
pub async fn collect_thumbs(context: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let policy = &context.policy.confirmation;
    let wait = TimeDelta::from_std(policy.wait.max(policy.details_wait)).unwrap_or(TimeDelta::MAX);
    let since = (context.clock.now() - MAX_LATENESS).checked_sub_signed(wait).unwrap_or(DateTime::UNIX_EPOCH);
    let asked = context.journal.history(&[EventKind::ReporterAsked], since).await?;
    let mut asked: BTreeSet<CaseId> =
        skip_unreadable(context, asked).into_iter().map(|(case, _)| case).collect();
    let open: BTreeSet<CaseId> = context.journal.open_cases().await?.into_iter().collect();
    asked.retain(|case| open.contains(case));
    let mut answered = Vec::new();
    for id in asked {
        let Some(case) = load_case(context, &id).await? else { continue };
        let Some(inquiry) = case.pending_inquiry().filter(|_| case.outcome.is_none()) else { continue };
        let thumbs =
            match context.forge.thumbs(&case.ticket.id, &inquiry_marker(&case.id, inquiry.purpose)).await {
                // One ticket that cannot be read does not hold up the others.
                Err(error) if error.is_permanent() => {
                    tracing::warn!(case = %id, %error, "the reactions to a question cannot be read");
                    continue;
                }
                thumbs => thumbs?,
            };
        // Who gave both thumbs has changed their mind.
        for thumb in thumbs.into_iter().rev() {
            if !may_answer(context, &case, &thumb.by).await? {
                continue;
            }
            let says = if thumb.is_up { ReporterAnswer::Works } else { ReporterAnswer::Broken };
            let key = format!("answer thumb {} {} {}", case.next_seq, thumb.by, thumb.is_up);
            let signal = Signal { by: thumb.by, at: thumb.at, kind: SignalKind::Answer(says) };
            context.journal.send_signal(&case.id, &key, &signal).await?;
            answered.push(case.id.clone());
            break;
        }
    }
    Ok(answered)
}
