//! [`Leases`]: who works on which case, and which case may change which host.
//!
//! A [`Lease`] is made in this module alone, from what a store has granted. A store gives plain data.

use crate::journal::JournalError;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::case::event::CaseId;
use fieldmedic_core::decide::action::Suspension;
use fieldmedic_core::ids::HostName;
use std::time::Duration;

/// Claims of cases by workers, and leases of hosts by cases.
///
/// `now` is the caller's time. An adapter that several machines share uses its own clock instead, so that
/// their clocks need not agree.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Claims a case for a worker until `now + ttl`. A worker renews a claim by claiming again, and with it
    /// the leases of the case. `false`: another worker has the claim.
    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError>;

    /// Gives up a claim; no error if it is not held. `parked`: nobody has to look at the case for a while. The next
    /// record of the case ends that.
    async fn release(&self, case: &CaseId, worker: &str, parked: Option<&Parked>)
    -> Result<(), JournalError>;

    /// The cases that have not ended and that this worker could take up now, oldest first: no other worker has
    /// them, and they are not parked. What ends a suspension is compared with what was known when the case was
    /// parked, so nothing that happens in between is missed.
    async fn due_cases(&self, worker: &str, now: DateTime<Utc>) -> Result<DueCases, JournalError>;

    /// Records that a case has a host until `now + ttl`. The same case may renew it. `None`: another case
    /// has the host. Callers use [`acquire_lease`](Leases::acquire_lease).
    async fn grant_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<LeaseGrant>, JournalError>;

    /// Frees every host that the case has.
    async fn release_leases(&self, case: &CaseId) -> Result<(), JournalError>;

    /// Leases a host to a case until `now + ttl`. `None`: another case has it.
    async fn acquire_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<Lease>, JournalError> {
        let granted = self.grant_lease(host, case, now, ttl).await?;
        Ok(granted.map(|LeaseGrant { until }| Lease { host: host.clone(), case: case.clone(), until }))
    }
}

/// A case that nobody has to look at for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// How long.
    pub suspension: Suspension,
    /// How many signals to the case were known when that was decided. A further one ends it.
    pub signals: usize,
}

/// The answer of [`Leases::due_cases`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueCases {
    /// The cases, oldest first.
    pub cases: Vec<CaseId>,
    /// When the next of the parked cases is due by its time; `None` if none is.
    pub next_at: Option<DateTime<Utc>>,
}

/// What a store has recorded of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseGrant {
    /// After this time another case may have the host.
    pub until: DateTime<Utc>,
}

/// The exclusive use of a host by a case. It has no public constructor: [`Leases::acquire_lease`] is the
/// only way to get one.
///
/// ```compile_fail
/// let lease = fieldmedic_ports::Lease {
///     host: todo!(),
///     case: todo!(),
///     until: chrono::DateTime::UNIX_EPOCH,
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    host: HostName,
    case: CaseId,
    until: DateTime<Utc>,
}

impl Lease {
    /// The host.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// The case that may change it.
    pub fn case(&self) -> &CaseId {
        &self.case
    }

    /// After this time another case may have the host.
    pub fn until(&self) -> DateTime<Utc> {
        self.until
    }

    /// The same lease, but nothing may be started under it after this time.
    pub fn no_later_than(self, latest: DateTime<Utc>) -> Self {
        Self { until: self.until.min(latest), ..self }
    }
}
