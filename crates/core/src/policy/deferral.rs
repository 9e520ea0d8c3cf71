//! Deferrals: why a plan waits, and until when. The journal holds them.

use crate::ids::{HostName, PlaybookName};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// Nothing is started before that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deferral {
    /// When the limit has room for the plan, as far as is known now.
    pub until: DateTime<Utc>,
    /// The limit, and by what it is exceeded.
    pub exceeded: ExceededLimit,
}

/// Which limit is exceeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "limit")]
pub enum ExceededLimit {
    /// `cooldown`: the playbook ran on one of the hosts a short time ago.
    Cooldown {
        /// The playbook that the plan is of.
        playbook: PlaybookName,
        /// When the newest run ended; while it is under way, when it was begun.
        at: DateTime<Utc>,
    },
    /// `failure_breaker`: runs of the playbook on these hosts failed, one after another.
    Failures {
        /// The playbook that the plan is of.
        playbook: PlaybookName,
        /// How many failed in a row within a day.
        count: usize,
    },
    /// `recurrence_breaker`: the playbook fixed the fault on these hosts, and it came back.
    Recurrences {
        /// The playbook that the plan is of.
        playbook: PlaybookName,
        /// How many runs fixed the fault within a day.
        count: usize,
    },
    /// `max_remediations_per_hour` of a host.
    Runs {
        /// The host.
        host: HostName,
        /// How many remediations were started on it within the last hour.
        count: usize,
    },
    /// `max_changes_per_hour` of a host.
    Changes {
        /// The host.
        host: HostName,
        /// How many changes were started on it within the last hour, without those of the plan.
        count: usize,
    },
    /// The share of a group of hosts that may be changed within a time.
    BlastRadius {
        /// The group's name, as the configuration has it.
        group: String,
        /// How many of its hosts may be changed within the window.
        allowed: usize,
        /// How many it would be, with those of the plan.
        changed: usize,
        /// How long a host counts as changed.
        window: Duration,
    },
    /// A change freeze is in force.
    ChangeFreeze {
        /// The reason, as the configuration has it.
        why: String,
    },
}
