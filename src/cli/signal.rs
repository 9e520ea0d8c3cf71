//! `fieldmedic case approve`, `deny` and `cancel`: signals to a case from the terminal. The process that works
//! the case reads them at its next decision.

#![expect(clippy::disallowed_methods, reason = "records when a signal was sent at this terminal")]

use crate::cli::lookup::find;
use crate::cli::output::ExitStatus;
use crate::cli::pause::terminal_user;
use crate::console::print;
use crate::core::case::signal::{Signal, SignalKind};
use crate::core::case::{Case, Stage};
use crate::ports::Store;
use chrono::Utc;
use clap::Args;
use miette::{IntoDiagnostic, Result, bail};

/// The command line of `fieldmedic case deny` and `cancel`.
#[derive(Debug, Args)]
pub(super) struct Address {
    /// Case id, such as c0123456789ab, or a unique beginning of it.
    case: String,
}

/// The command line of `fieldmedic case approve`.
#[derive(Debug, Args)]
pub(super) struct Approve {
    #[command(flatten)]
    address: Address,
    /// Plan id, as the approval request shows it, such as 7f3a09c2b15d8e46.
    plan: String,
}

/// Sends the approval of a plan to the case that waits for it. `four_eyes` is the key of `[policy]`: it
/// forbids an approval at a terminal, which does not show who gives it.
///
/// # Errors
/// If `four_eyes` is on, the case has ended or does not wait for this plan, or the journal cannot be used.
pub(super) async fn approve(
    journal: &dyn Store,
    four_eyes: bool,
    Approve { address, plan }: Approve,
) -> Result<ExitStatus> {
    if four_eyes {
        bail!(
            "[policy] four_eyes is on, and a terminal does not show who sits at it: approve with a comment on the issue"
        );
    }
    let case = running(journal, &address).await?;
    match &case.pending_approval {
        None => bail!("case {} does not wait for approval", case.id),
        Some(pending) if !pending.plan.matches_id(&plan) => {
            bail!("case {} waits for approval of another plan: {}", case.id, pending.plan.short_id())
        }
        Some(_) => send(journal, &case, SignalKind::Approve { plan }).await,
    }
}

/// Sends the denial of the plan that a case waits with.
///
/// # Errors
/// If the case has ended or does not wait for approval, or the journal cannot be used.
pub(super) async fn deny(journal: &dyn Store, address: Address) -> Result<ExitStatus> {
    let case = running(journal, &address).await?;
    if case.pending_approval.is_none() {
        bail!("case {} does not wait for approval; `fieldmedic case cancel` cancels it", case.id);
    }
    send(journal, &case, SignalKind::Deny).await
}

/// Sends the order to cancel a case.
///
/// # Errors
/// If the case has ended, or the journal cannot be used.
pub(super) async fn cancel(journal: &dyn Store, address: Address) -> Result<ExitStatus> {
    let case = running(journal, &address).await?;
    send(journal, &case, SignalKind::Cancel).await
}

async fn running(journal: &dyn Store, address: &Address) -> Result<Case> {
    let id = find(journal, &address.case).await?;
    let case = Case::fold(&id, &journal.load(&id).await.into_diagnostic()?).into_diagnostic()?;
    if matches!(case.stage, Stage::Decided | Stage::Ended) {
        bail!("case {id} has ended; `fieldmedic case show {id}` shows how");
    }
    Ok(case)
}

async fn send(journal: &dyn Store, case: &Case, kind: SignalKind) -> Result<ExitStatus> {
    let at = Utc::now();
    let signal = Signal { by: terminal_user(), at, kind };
    let key = format!("terminal {}", at.timestamp_micros());
    journal.send_signal(&case.id, &key, &signal).await.into_diagnostic()?;
    let ticket = &case.ticket.id;
    print(&format!(
        "signal sent to case {}. `fieldmedic serve` continues it, or run `fieldmedic resolve {ticket}`",
        case.id
    ));
    Ok(ExitStatus::Done)
}
