//! `fieldmedic case approve`, `deny` and `cancel`: what is said to a case from the terminal. The process
//! that works the case reads it at its next decision.

#![expect(clippy::disallowed_methods, reason = "records when a signal was sent at this terminal")]

use crate::cli::case::find;
use crate::cli::pause::somebody;
use crate::cli::{ExitStatus, print};
use crate::core::case::signal::{Signal, SignalKind};
use crate::core::case::{Case, Stage};
use crate::ports::Store;
use chrono::Utc;
use clap::Args;
use miette::{IntoDiagnostic, Result, bail};

#[derive(Debug, Args)]
pub struct Address {
    /// The case, such as c0123456789ab; the beginning is enough.
    case: String,
}

#[derive(Debug, Args)]
pub struct Approve {
    #[command(flatten)]
    address: Address,
    /// The plan, as the question names it, such as 7f3a.
    plan: String,
}

pub async fn approve(journal: &dyn Store, Approve { address, plan }: Approve) -> Result<ExitStatus> {
    let case = running(journal, &address).await?;
    match &case.pending_approval {
        None => bail!("case {} does not wait for an answer", case.id),
        Some(asked) if !asked.plan.matches_id(&plan) => {
            bail!("case {} asks about another plan: {}", case.id, asked.plan.short_id())
        }
        Some(_) => say(journal, &case, SignalKind::Approve { plan }).await,
    }
}

pub async fn deny(journal: &dyn Store, address: Address) -> Result<ExitStatus> {
    let case = running(journal, &address).await?;
    if case.pending_approval.is_none() {
        bail!("case {} does not wait for an answer; `fieldmedic case cancel` calls it off", case.id);
    }
    say(journal, &case, SignalKind::Deny).await
}

pub async fn cancel(journal: &dyn Store, address: Address) -> Result<ExitStatus> {
    let case = running(journal, &address).await?;
    say(journal, &case, SignalKind::Cancel).await
}

async fn running(journal: &dyn Store, address: &Address) -> Result<Case> {
    let id = find(journal, &address.case).await?;
    let case = Case::fold(&id, &journal.load(&id).await.into_diagnostic()?).into_diagnostic()?;
    if matches!(case.stage, Stage::Decided | Stage::Ended) {
        bail!("case {id} has come to its end; `fieldmedic case show {id}` tells it");
    }
    Ok(case)
}

async fn say(journal: &dyn Store, case: &Case, says: SignalKind) -> Result<ExitStatus> {
    let at = Utc::now();
    let word = Signal { by: somebody(), at, kind: says };
    let key = format!("terminal {}", at.timestamp_micros());
    journal.send_signal(&case.id, &key, &word).await.into_diagnostic()?;
    let ticket = &case.ticket.id;
    print(&format!(
        "said to case {}: `fieldmedic serve` goes on with it, or `fieldmedic resolve {ticket}`",
        case.id
    ));
    Ok(ExitStatus::Done)
}

/// A word in words.
pub(super) fn told(word: &Signal) -> String {
    let by = &word.by;
    match &word.kind {
        SignalKind::Approve { plan } => format!("{by} approved plan {plan}"),
        SignalKind::Deny => format!("{by} said no"),
        SignalKind::Cancel => format!("{by} called it off"),
        SignalKind::Pause => format!("{by} asked for a halt to this case"),
        SignalKind::Resume => format!("{by} lifted the halt to this case"),
    }
}
