//! Feedback: what people make of a ticket that Fieldmedic has closed. A person who reopens it, or says that it
//! is still broken, disputes the close. A dispute opens one case for each close, in whatever way it comes in.

use crate::core::case::dispute::{CloseDispute, Via};
use crate::core::case::event::{CaseId, Source};
use crate::core::case::inquiry::{InquiryPurpose, ReporterAnswer};
use crate::core::case::signal::{Signal, SignalKind};
use crate::core::case::{Case, Stage};
use crate::core::chatops::scope::CaseScope;
use crate::core::reading::plain_words;
use crate::core::ticket::close_feedback::Feedback;
use crate::core::ticket::{Ticket, TicketState};
use crate::engine::context::Context;
use crate::engine::intake::cases::TicketCases;
use crate::engine::intake::open::{IntakeError, open_case, opened_case, should_accept};
use crate::ports::{Comment, DedupeKey, ForgeError, Marker, Permission, Reaction};
use chrono::{DateTime, TimeDelta, Utc};

/// GitHub's list of issues may be so far behind. An issue that is listed as open so soon after Fieldmedic
/// closed it was not reopened.
const API_LAG: TimeDelta = TimeDelta::seconds(60);

/// Decides about an issue that a list shows as open, though its latest case left it closed.
pub(super) async fn check_reopened(
    context: &Context,
    ticket: &Ticket,
    latest: &Case,
) -> Result<Option<CaseId>, IntakeError> {
    if latest.stage != Stage::Ended || ticket.state == TicketState::Closed {
        return Ok(None);
    }
    let settings = &context.forge_settings;
    match latest.publishing.closed_at {
        Some(closed_at) if context.clock.now() - closed_at < API_LAG => Ok(None),
        // A list does not show who reopened it. If no person did anything since, a program did.
        Some(closed_at) => {
            let mut people = context.forge.participants_since(&ticket.id, closed_at).await?;
            people.retain(|login| !settings.is_monitor(login));
            // The issues of a monitor are reopened by it, if by nobody else.
            let is_monitors = people.is_empty() && settings.is_monitor(&ticket.author);
            if people.is_empty() && !is_monitors {
                return Ok(None);
            }
            match context.forge.ticket(&ticket.id).await {
                Ok(ticket) if is_monitors => {
                    let by = ticket.author.clone();
                    let source = Source::Alert { by, scope: CaseScope::FullTicket };
                    open_reopened(context, ticket, source, latest.id.as_str()).await
                }
                Ok(ticket) => dispute_reopened(context, ticket, latest, "").await,
                Err(error) if error.is_permanent() => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        // A person had closed it before Fieldmedic could begin. The list may be behind.
        None if latest.ticket.state == TicketState::Closed => {
            let ticket = context.forge.ticket(&ticket.id).await?;
            open_reopened(context, ticket, Source::Poll, latest.id.as_str()).await
        }
        None => Ok(None),
    }
}

/// Accepts a reopened issue that only people had closed, as any other. `after` names its latest case.
pub(super) async fn open_reopened(
    context: &Context,
    ticket: Ticket,
    source: Source,
    after: &str,
) -> Result<Option<CaseId>, IntakeError> {
    if !should_accept(context, &ticket) {
        return Ok(None);
    }
    let key = format!("{} open again after {after}", ticket.id);
    Ok(opened_case(open_case(context, ticket, source, &key).await?))
}

/// Opens a dispute about the case that closed an issue, if the issue is open. `ticket` is as GitHub shows it now.
pub(super) async fn dispute_reopened(
    context: &Context,
    ticket: Ticket,
    closed_by: &Case,
    login: &str,
) -> Result<Option<CaseId>, IntakeError> {
    match ticket.state {
        TicketState::Open => open_dispute(context, ticket, closed_by, login, Via::Reopened).await,
        TicketState::Closed => Ok(None),
    }
}

/// Takes in a comment without a command: a dispute of a close, or thanks.
pub(super) async fn accept_feedback(
    context: &Context,
    comment: &Comment,
) -> Result<Option<CaseId>, IntakeError> {
    let is_machine = comment.by_bot || context.forge_settings.is_monitor(&comment.author);
    if is_machine || Marker::is_in(&comment.body) || comment.author == context.forge.me().await? {
        return Ok(None);
    }
    let cases = TicketCases::load(context, &comment.ticket).await?;
    if let Some(case) = cases.running().filter(|case| case.pending_inquiry().is_some()) {
        return accept_answer(context, case, comment).await;
    }
    let language = cases.latest().and_then(|case| case.reading.as_ref()).map(|reading| reading.language);
    let Some(feedback) = context.reader.feedback(&comment.body, language, false) else { return Ok(None) };
    let Some(case) = cases.latest().filter(|case| was_closed_before(case, comment.created_at)) else {
        return Ok(None);
    };
    // A poll reads a comment more than once.
    let key = DedupeKey::Feedback { ticket: comment.ticket.clone(), comment: comment.id };
    if context.journal.done_at(&key).await?.is_some() {
        return Ok(None);
    }
    let (opened, reaction) = match feedback {
        Feedback::Thanks | Feedback::Works => (None, Reaction::ThumbsUp),
        Feedback::StillBroken => {
            let ticket = context.forge.ticket(&comment.ticket).await?;
            let opened = open_dispute(context, ticket, case, &comment.author, Via::Comment).await?;
            (opened, Reaction::Eyes)
        }
    };
    context.journal.mark_done(&key, context.clock.now()).await?;
    if let Err(error) = context.forge.react(&comment.ticket, comment.id, reaction).await {
        tracing::warn!(ticket = %comment.ticket, comment = comment.id, %error, "cannot add a reaction");
    }
    Ok(opened)
}

/// Takes in a comment on a ticket whose reporter is asked. What does not answer the question is left alone.
async fn accept_answer(
    context: &Context,
    case: &Case,
    comment: &Comment,
) -> Result<Option<CaseId>, IntakeError> {
    let Some(inquiry) = case.pending_inquiry() else { return Ok(None) };
    let language = case.reading.as_ref().map(|reading| reading.language);
    let says = match (context.reader.feedback(&comment.body, language, true), inquiry.purpose) {
        (Some(Feedback::Works), _) => ReporterAnswer::Works,
        (Some(Feedback::Thanks), InquiryPurpose::ConfirmAnswer) if is_short(&comment.body) => {
            ReporterAnswer::Works
        }
        (Some(Feedback::StillBroken), InquiryPurpose::ConfirmFix | InquiryPurpose::ConfirmAnswer) => {
            ReporterAnswer::Broken
        }
        (Some(Feedback::Thanks) | None, InquiryPurpose::ConfirmFix) => return Ok(None),
        // Whoever was asked whether the answer is enough, and writes something else, wants something else.
        (_, InquiryPurpose::ConfirmAnswer | InquiryPurpose::Details) => ReporterAnswer::Details,
    };
    if !may_answer(context, case, &comment.author).await? {
        return Ok(None);
    }
    let answer =
        Signal { by: comment.author.clone(), at: comment.created_at, kind: SignalKind::Answer(says) };
    context.journal.send_signal(&case.id, &format!("answer comment {}", comment.id), &answer).await?;
    Ok(Some(case.id.clone()))
}

/// Whether a comment has room for thanks, and for nothing that was not understood.
fn is_short(comment: &str) -> bool {
    plain_words(comment).len() <= 4
}

/// Whether a person may answer for the reporter: the reporter, and whoever may triage issues.
pub(crate) async fn may_answer(context: &Context, case: &Case, login: &str) -> Result<bool, ForgeError> {
    if case.ticket.author.eq_ignore_ascii_case(login) {
        return Ok(true);
    }
    match context.forge.account(&case.ticket.id.repo, login).await {
        Ok(account) => Ok(account.permission >= Permission::Triage),
        Err(error) if error.is_permanent() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens the case of a dispute: one for each close, whoever disputes it, how often, and in whatever way.
async fn open_dispute(
    context: &Context,
    mut ticket: Ticket,
    closed_by: &Case,
    login: &str,
    via: Via,
) -> Result<Option<CaseId>, IntakeError> {
    if ticket.locked {
        return Ok(None);
    }
    // The case reopens the issue as its first action.
    ticket.state = TicketState::Open;
    let key = format!("objection {}", closed_by.id);
    let dispute = CloseDispute { case: closed_by.id.clone(), by: login.to_owned(), via };
    Ok(opened_case(open_case(context, ticket, Source::CloseDispute(dispute), &key).await?))
}

/// The case closed its issue before this moment. GitHub's times are whole seconds.
fn was_closed_before(case: &Case, moment: DateTime<Utc>) -> bool {
    case.publishing.closed_at.is_some_and(|closed_at| closed_at.timestamp() <= moment.timestamp())
}
