//! The page *Policy*: what may be changed now, and what holds changes back until when.

use crate::core::policy::change_freeze::{ChangeFreeze, Window};
use crate::core::policy::run_history::RunHistory;
use crate::core::policy::standing::standing_limits;
use crate::dashboard::board::{Dashboard, PauseView};
use crate::dashboard::words::{self, Moment, moment};
use crate::ports::{JournalError, RunsOf};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::time::Duration;

/// So many limits that hold something back are shown.
const STANDING: usize = 100;

/// Everything that the page shows.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyPage {
    pause: Option<PauseView>,
    mode: &'static str,
    max_risk: &'static str,
    four_eyes: bool,
    soak: String,
    approval_timeout: String,
    /// The modes of systems and of playbooks that have one.
    systems: Vec<(String, &'static str)>,
    playbooks: Vec<(String, &'static str)>,
    /// What is held back now.
    held: Vec<Held>,
    freezes: Vec<Freeze>,
    limits: Vec<(&'static str, String)>,
    groups: Vec<GroupRow>,
}

/// Something that is held back.
#[derive(Debug, Clone, Serialize)]
struct Held {
    place: String,
    playbook: Option<String>,
    /// Which limit, in words.
    why: String,
    until: Moment,
}

/// A change freeze.
#[derive(Debug, Clone, Serialize)]
struct Freeze {
    reason: String,
    /// When it is in force, as it is configured.
    window: String,
    /// `now`, `later` or `over`.
    state: &'static str,
    until: Option<Moment>,
    begins: Option<Moment>,
}

/// Hosts of which only some are changed within a time.
#[derive(Debug, Clone, Serialize)]
struct GroupRow {
    name: String,
    hosts: Vec<String>,
    allowed: usize,
    window: String,
}

impl Dashboard {
    /// The page.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn policy_page(&self) -> Result<PolicyPage, JournalError> {
        let now = self.context.clock.now();
        let (policy, inventory) = (&self.context.policy, &self.context.inventory);
        let history = match inventory.systems.keys().next() {
            Some(system) => {
                let since = now - TimeDelta::days(1);
                self.context.journal.run_history(&RunsOf { system, hosts: &inventory.hosts, since }).await?
            }
            None => RunHistory::default(),
        };
        let held = standing_limits(&policy.limits, inventory, &history, now).into_iter().take(STANDING);
        let held = held.map(|limit| Held {
            place: limit.place.to_string(),
            playbook: limit.playbook.map(|playbook| playbook.to_string()),
            why: self.context.prompts.line("limit", &limit.deferral.exceeded),
            until: moment(limit.deferral.until, now),
        });
        let limits = &policy.limits;
        let breaker = |breaker: &crate::core::policy::limits::Breaker| {
            format!("after {} in a day, for {}", breaker.threshold, written(breaker.open_for))
        };
        let own_modes =
            inventory.systems.values().filter_map(|it| Some((it.name.to_string(), it.mode?.as_str())));
        Ok(PolicyPage {
            pause: self.pause().await?,
            mode: policy.mode.as_str(),
            max_risk: policy.max_risk.as_str(),
            four_eyes: policy.four_eyes,
            soak: written(policy.soak),
            approval_timeout: written(policy.approval_timeout),
            systems: own_modes.collect(),
            playbooks: policy
                .playbook_modes
                .iter()
                .map(|(name, own)| (name.to_string(), own.as_str()))
                .collect(),
            held: held.collect(),
            freezes: policy.change_freezes.iter().map(|it| freeze(it, now)).collect(),
            limits: vec![
                ("Cooldown between two runs of one playbook on one host", written(limits.cooldown)),
                ("A playbook stops on a host if it fails", breaker(&limits.failure_breaker)),
                ("A playbook stops on a host if its fixes do not last", breaker(&limits.recurrence_breaker)),
                ("Remediations on one host in an hour", limits.max_remediations_per_hour.to_string()),
                ("Changes on one host in an hour", limits.max_changes_per_hour.to_string()),
                ("A plan waits for a limit before a person is called", written(limits.max_wait)),
                ("Remediations for one ticket", policy.max_remediations.to_string()),
                ("Changes for one ticket", policy.max_changes.to_string()),
            ],
            groups: inventory
                .groups
                .iter()
                .map(|(name, group)| GroupRow {
                    name: name.to_string(),
                    hosts: group.hosts.iter().map(ToString::to_string).collect(),
                    allowed: group.allowed(),
                    window: written(group.window),
                })
                .collect(),
        })
    }
}

fn written(length: Duration) -> String {
    words::length(TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX))
}

fn freeze(freeze: &ChangeFreeze, now: DateTime<Utc>) -> Freeze {
    let until = freeze.until(now);
    let (window, begins) = match &freeze.window {
        Window::Once { from, until } => {
            let form = "%Y-%m-%d %H:%M";
            (format!("{} to {} UTC", from.format(form), until.format(form)), (*from > now).then_some(*from))
        }
        Window::Recurring { begins, zone, lasts } => {
            let next = begins.find_next_occurrence(&now.with_timezone(zone), false).ok();
            let next = next.map(|at| at.with_timezone(&Utc));
            (format!("{} ({zone}), for {}", begins.pattern, written(*lasts)), next)
        }
    };
    Freeze {
        reason: freeze.reason.clone(),
        window,
        state: match (until, begins) {
            (Some(_), _) => "now",
            (None, Some(_)) => "later",
            (None, None) => "over",
        },
        until: until.map(|at| moment(at, now)),
        begins: begins.map(|at| moment(at, now)),
    }
}
