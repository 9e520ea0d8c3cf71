//! A playbook that the configuration runs at its times.

use crate::chatops::scope::CaseScope;
use crate::ids::ScheduleName;
use crate::policy::schedule::Schedule;

/// A playbook that is run on a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledRun {
    /// The schedule's name in the configuration.
    pub name: ScheduleName,
    /// When it is run.
    pub schedule: Schedule,
    /// The request or the operation, with its system and its arguments.
    pub scope: CaseScope,
    /// The playbook's title.
    pub title: String,
}
