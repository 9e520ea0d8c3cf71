//! What people may do in the dashboard. It leaves the same signals and orders as the commands of the terminal.

use crate::core::case::record::Record;
use crate::core::case::signal::{Signal, SignalKind};
use crate::core::case::{Case, Stage};
use crate::core::ids::CaseId;
use crate::core::policy::pause_order::{PauseOrder, PauseOrderKind, PauseOrigin};
use crate::dashboard::board::Dashboard;
use crate::ports::JournalError;
use chrono::{DateTime, TimeDelta};

/// The longest reason of a pause, in characters.
const LONGEST_REASON: usize = 200;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The login whose own token was given; `None` for a token that several people share.
    pub login: Option<String>,
    /// As the journal names the person.
    pub recorded_as: String,
}

/// What is done about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseAction {
    /// Yes to the plan with this id.
    Approve {
        /// The id, as the page showed it.
        plan: String,
    },
    /// No to the plan with this id.
    Deny {
        /// The id, as the page showed it.
        plan: String,
    },
    /// End the case.
    Cancel,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// There is no such case.
    #[error("there is no such case")]
    NoCase,
    /// The case has ended.
    #[error("the case has ended")]
    Ended,
    /// The case waits for no approval.
    #[error("the case does not wait for approval any more")]
    NotAsked,
    /// The plan has changed since the page was shown.
    #[error("the case waits for approval of another plan now: look at it before you decide")]
    OtherPlan,
    /// Four eyes are needed, and it is not known whose these are.
    #[error(
        "[policy] four_eyes is on, and a shared token does not show who approves: approve with a comment on the \
         issue, or with a token of your own ([dashboard] people)"
    )]
    Unnamed,
    /// Four eyes are needed, and these are two of them.
    #[error("you ordered this change, and [policy] four_eyes needs the approval of somebody else")]
    OwnOrder,
    /// Somebody else gave an order at the same moment.
    #[error("somebody else paused or resumed changes at this moment: look again before you decide")]
    Superseded,
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Dashboard {
    /// Leaves a signal for a case. The process that works on it reads it before its next decision.
    ///
    /// # Errors
    /// [`ActionError`] if the state of the case does not admit it, or the journal cannot be used.
    pub async fn act(&self, id: &CaseId, actor: &Actor, action: CaseAction) -> Result<(), ActionError> {
        let records: Vec<Record> = self.context.journal.load(id).await?;
        let case = Case::fold(id, &records).map_err(|_| ActionError::NoCase)?;
        if matches!(case.stage, Stage::Decided | Stage::Ended) {
            return Err(ActionError::Ended);
        }
        let kind = match action {
            CaseAction::Cancel => SignalKind::Cancel,
            CaseAction::Approve { plan } => {
                is_asked(&case, &plan)?;
                self.may_approve(&case, actor)?;
                SignalKind::Approve { plan }
            }
            CaseAction::Deny { plan } => {
                is_asked(&case, &plan)?;
                SignalKind::Deny
            }
        };
        let at = self.context.clock.now();
        let signal = Signal { by: actor.recorded_as.clone(), at, kind };
        let key = format!("dashboard {} {}", at.timestamp_micros(), actor.recorded_as);
        self.context.journal.send_signal(id, &key, &signal).await?;
        tracing::info!(case = %id, by = actor.recorded_as, signal = ?signal.kind, "ordered in the dashboard");
        if let Some(wake) = &self.wake {
            let _ = wake.send(id.clone());
        }
        Ok(())
    }

    fn may_approve(&self, case: &Case, actor: &Actor) -> Result<(), ActionError> {
        if !self.context.policy.four_eyes {
            return Ok(());
        }
        match &actor.login {
            None => Err(ActionError::Unnamed),
            Some(login) if case.is_ordered_by(login) => Err(ActionError::OwnOrder),
            Some(_) => Ok(()),
        }
    }

    /// Pauses all changes.
    ///
    /// # Errors
    /// [`ActionError`] if the journal cannot be used.
    pub async fn order_pause(&self, actor: &Actor, why: &str) -> Result<(), ActionError> {
        let why: String = why.trim().chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
        self.order(actor, PauseOrderKind::Pause { why: self.context.redactor.text(&why) }).await
    }

    /// Ends the pause. Without one, nothing is changed.
    ///
    /// # Errors
    /// [`ActionError`] if the journal cannot be used, or somebody pauses changes again at the same moment.
    pub async fn order_resume(&self, actor: &Actor) -> Result<(), ActionError> {
        match self.context.journal.pause_state().await? {
            Some(_) => self.order(actor, PauseOrderKind::Resume).await,
            None => Ok(()),
        }
    }

    /// An order of a person who sees the one that stands: it comes after that one, even if this machine's clock is
    /// behind GitHub's.
    async fn order(&self, actor: &Actor, kind: PauseOrderKind) -> Result<(), ActionError> {
        let standing = self.context.journal.pause_order().await?;
        let after =
            standing.map_or(DateTime::UNIX_EPOCH, |standing| standing.given_at + TimeDelta::seconds(1));
        let given_at = self.context.clock.now().max(after);
        let by = actor.recorded_as.clone();
        let order = PauseOrder { by, given_at, origin: PauseOrigin::Terminal, kind };
        match self.context.journal.order_pause(&order).await? {
            true => Ok(()),
            false => Err(ActionError::Superseded),
        }
    }
}

fn is_asked(case: &Case, plan: &str) -> Result<(), ActionError> {
    match &case.pending_approval {
        None => Err(ActionError::NotAsked),
        Some(asked) if !asked.plan.matches_id(plan) => Err(ActionError::OtherPlan),
        Some(_) => Ok(()),
    }
}
