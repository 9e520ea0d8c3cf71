//! The page *Playbooks*: what can be fixed and done on the systems of this installation, and how that went.

use crate::core::ids::{PlaybookName, SystemName};
use crate::core::playbook::{Fault, SystemType};
use crate::core::policy::mode::Mode;
use crate::dashboard::board::Dashboard;
use crate::dashboard::words::{Moment, moment};
use crate::ports::{JournalError, PlaybookRuns};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeSet;

/// So many days are counted.
const DAYS: i64 = 90;

/// Everything that the page shows.
#[derive(Debug, Clone, Serialize)]
pub struct PlaybooksPage {
    days: i64,
    types: Vec<TypePart>,
    /// What ran and is of no type that is managed now.
    others: Vec<PlaybookRow>,
}

/// The playbooks of a system type.
#[derive(Debug, Clone, Serialize)]
struct TypePart {
    name: String,
    summary: String,
    systems: Vec<String>,
    /// Those that ran.
    ran: Vec<PlaybookRow>,
    /// Those that have not run.
    idle: Vec<PlaybookRow>,
    requests: Vec<(String, String)>,
}

/// One playbook.
#[derive(Debug, Clone, Serialize)]
struct PlaybookRow {
    name: String,
    title: String,
    /// The strictest mode that holds for it on every system: `observe`, `ask`, `act`, or `person` if it only reports.
    mode: &'static str,
    risk: &'static str,
    is_operation: bool,
    begun: u64,
    fixed: u64,
    failed: u64,
    /// Of those that ended, in percent.
    percent: Option<u64>,
    newest: Option<Moment>,
}

impl Dashboard {
    /// The page.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn playbooks_page(&self) -> Result<PlaybooksPage, JournalError> {
        let now = self.context.clock.now();
        let runs = self.context.journal.playbook_runs(now - TimeDelta::days(DAYS)).await?;
        let inventory = &self.context.inventory;
        let used: BTreeSet<_> = inventory.systems.values().map(|system| &system.system_type).collect();
        let types = used.into_iter().filter_map(|name| self.context.library.systems.get(name));
        let types = types.map(|system_type| self.type_part(system_type, &runs, now)).collect();
        let is_known = |of: &PlaybookRuns| {
            let system = of.system.as_ref().and_then(|system| inventory.systems.get(system));
            let system_type = system.and_then(|system| self.context.library.systems.get(&system.system_type));
            system_type.is_some_and(|it| it.faults_and_operations().any(|fault| fault.name == of.playbook))
        };
        let strange: Vec<&PlaybookRuns> = runs.iter().filter(|of| !is_known(of)).collect();
        let names: BTreeSet<&PlaybookName> = strange.iter().map(|of| &of.playbook).collect();
        let others = names.into_iter().map(|name| {
            let of: Vec<&PlaybookRuns> = strange.iter().copied().filter(|of| of.playbook == *name).collect();
            counted(PlaybookRow::unknown(name), &of, now)
        });
        Ok(PlaybooksPage { days: DAYS, types, others: others.collect() })
    }

    fn type_part(&self, system_type: &SystemType, runs: &[PlaybookRuns], now: DateTime<Utc>) -> TypePart {
        let systems: Vec<_> =
            self.context.inventory.systems.values().filter(|it| it.system_type == system_type.name).collect();
        let names: BTreeSet<&SystemName> = systems.iter().map(|system| &system.name).collect();
        let freest = systems.iter().map(|system| system.mode.unwrap_or(Mode::Act)).max().unwrap_or(Mode::Act);
        let row = |fault: &Fault| {
            let of: Vec<&PlaybookRuns> = runs
                .iter()
                .filter(|of| {
                    of.playbook == fault.name && of.system.as_ref().is_some_and(|it| names.contains(it))
                })
                .collect();
            let is_operation = !system_type.faults.iter().any(|known| known.name == fault.name);
            counted(self.row(fault, freest, is_operation), &of, now)
        };
        let (mut ran, idle): (Vec<_>, Vec<_>) =
            system_type.faults_and_operations().map(row).partition(|row| row.begun > 0);
        ran.sort_by_key(|row| std::cmp::Reverse(row.begun));
        TypePart {
            name: system_type.name.to_string(),
            summary: system_type.summary.clone(),
            systems: names.into_iter().map(ToString::to_string).collect(),
            ran,
            idle,
            requests: system_type.requests.iter().map(|it| (it.name.to_string(), it.title.clone())).collect(),
        }
    }

    fn row(&self, fault: &Fault, freest: Mode, is_operation: bool) -> PlaybookRow {
        let policy = &self.context.policy;
        let configured = policy.playbook_modes.get(&fault.name).copied();
        let strictest = policy.strictest([configured, fault.mode, Some(freest)]);
        let asks = strictest == Mode::Act && fault.risk > policy.max_risk;
        PlaybookRow {
            name: fault.name.to_string(),
            title: fault.title.clone(),
            mode: match fault.remediation.is_empty() {
                true => "person",
                false if asks => "ask",
                false => strictest.as_str(),
            },
            risk: fault.risk.as_str(),
            is_operation,
            ..PlaybookRow::unknown(&fault.name)
        }
    }
}

impl PlaybookRow {
    fn unknown(name: &PlaybookName) -> Self {
        Self {
            name: name.to_string(),
            title: name.to_string(),
            mode: "",
            risk: "",
            is_operation: false,
            begun: 0,
            fixed: 0,
            failed: 0,
            percent: None,
            newest: None,
        }
    }
}

fn counted(row: PlaybookRow, of: &[&PlaybookRuns], now: DateTime<Utc>) -> PlaybookRow {
    let sum = |count: fn(&PlaybookRuns) -> u64| of.iter().map(|of| count(of)).sum::<u64>();
    let (fixed, failed) = (sum(|of| of.fixed), sum(|of| of.failed));
    PlaybookRow {
        begun: sum(|of| of.begun),
        fixed,
        failed,
        percent: (fixed * 100).checked_div(fixed + failed),
        newest: of.iter().map(|of| of.newest_at).max().map(|at| moment(at, now)),
        ..row
    }
}
