//! The page *Now*: what needs a person, what is at work, what waits, and how the systems are.

use crate::core::ids::SystemName;
use crate::core::playbook::inventory::System;
use crate::dashboard::board::{Dashboard, PauseView};
use crate::dashboard::card::CaseCard;
use crate::dashboard::history::CaseLine;
use crate::dashboard::words::{Moment, moment};
use crate::ports::{CaseEntry, CaseQuery, Cursor, JournalError, SystemSweep};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// So many running cases are shown, the oldest.
const RUNNING: u32 = 200;

/// Among so many of the newest cases those are looked for that have ended.
const NEWEST: u32 = 40;

/// So many of them are shown.
const ENDED: usize = 8;

/// A sweep that is later than this has been missed.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// Everything that the page shows.
#[derive(Debug, Clone, Serialize)]
pub struct NowPage {
    pause: Option<PauseView>,
    /// Plans that wait for a yes.
    approvals: Vec<Running>,
    working: Vec<Running>,
    /// For a reporter, a limit, another case or the end of a pause.
    waiting: Vec<Running>,
    /// There are more running cases than are shown.
    more: bool,
    systems: Vec<SystemRow>,
    well: usize,
    /// When systems were swept last, by any process.
    swept: Option<Moment>,
    ended: Vec<CaseLine>,
}

/// A running case, and how long it has taken.
#[derive(Debug, Clone, Serialize)]
struct Running {
    #[serde(flatten)]
    card: CaseCard,
    opened: Moment,
    updated: Moment,
    until: Option<Moment>,
}

/// A system.
#[derive(Debug, Clone, Serialize)]
struct SystemRow {
    name: String,
    system_type: String,
    hosts: Vec<String>,
    mode: &'static str,
    /// `well`, `faults`, `unknown`, `unreachable` or `unswept`.
    health: &'static str,
    /// The newest sweep is older than it should be.
    is_late: bool,
    swept: Option<Moment>,
    /// What is wrong: a title and a sentence each.
    findings: Vec<(String, String)>,
    /// What cannot be told, and why.
    unknown: Vec<(String, String)>,
    unknown_count: usize,
    ruled_out: usize,
    /// Cases that are at work on it.
    cases: Vec<String>,
}

impl Dashboard {
    /// The page.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn now_page(&self) -> Result<NowPage, JournalError> {
        let now = self.context.clock.now();
        let journal = &self.context.journal;
        let mut entries = journal.running_cases(RUNNING + 1).await?;
        let more = entries.len() > RUNNING as usize;
        entries.truncate(RUNNING as usize);
        let cards = self.cards_of(&entries).await?;
        let (mut approvals, mut working, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for card in &cards {
            let running = Running {
                opened: moment(card.opened_at, now),
                updated: moment(card.updated_at, now),
                until: card.until.map(|at| moment(at, now)),
                card: (**card).clone(),
            };
            match card.phase {
                "asking" => approvals.push(running),
                "asking_reporter" | "delayed" | "linked" | "paused" | "unreadable" => waiting.push(running),
                _ => working.push(running),
            }
        }
        let sweeps = journal.sweeps().await?;
        let systems: Vec<SystemRow> = self
            .context
            .inventory
            .systems
            .values()
            .map(|system| {
                let sweep = sweeps.iter().find(|sweep| sweep.system == system.name);
                self.system_row(system, sweep, &entries, now)
            })
            .collect();
        let swept = journal.cursor(&Cursor::Task("sweep systems".into())).await?;
        let newest = journal.find_cases(&CaseQuery { limit: NEWEST, ..CaseQuery::default() }).await?;
        let ended = newest.iter().filter(|entry| entry.has_ended).take(ENDED);
        Ok(NowPage {
            pause: self.pause().await?,
            approvals,
            working,
            waiting,
            more,
            well: systems.iter().filter(|row| row.health == "well" && !row.is_late).count(),
            systems,
            swept: swept.map(|at| moment(at, now)),
            ended: ended.map(|entry| CaseLine::new(entry, now)).collect(),
        })
    }

    fn system_row(
        &self,
        system: &System,
        sweep: Option<&SystemSweep>,
        running: &[CaseEntry],
        now: DateTime<Utc>,
    ) -> SystemRow {
        let title = |playbook: &crate::core::ids::PlaybookName| {
            let fault = self.context.library.systems.get(&system.system_type);
            let fault = fault.and_then(|system_type| system_type.fault(playbook));
            fault.map_or_else(|| playbook.to_string(), |fault| fault.title.clone())
        };
        let health = match sweep {
            None => "unswept",
            Some(sweep) if sweep.is_unreachable => "unreachable",
            Some(sweep) if !sweep.findings.is_empty() => "faults",
            Some(sweep) if sweep.unknown_count > 0 => "unknown",
            Some(_) => "well",
        };
        let at = sweep.map(|sweep| sweep.at);
        let due = at.and_then(|at| self.sweeps.due(Some(at), now));
        let mut hosts: Vec<String> = system.hosts.values().map(ToString::to_string).collect();
        hosts.dedup();
        SystemRow {
            name: system.name.to_string(),
            system_type: system.system_type.to_string(),
            hosts,
            mode: self.context.policy.strictest([system.mode]).as_str(),
            health,
            is_late: due.is_some_and(|due| now - due > LATE),
            swept: at.map(|at| moment(at, now)),
            findings: sweep.map_or_else(Vec::new, |sweep| {
                sweep.findings.iter().map(|found| (found.title.clone(), found.summary.clone())).collect()
            }),
            unknown: sweep.map_or_else(Vec::new, |sweep| {
                sweep.unknown.iter().map(|unknown| (title(&unknown.playbook), unknown.why.clone())).collect()
            }),
            unknown_count: sweep.map_or(0, |sweep| sweep.unknown_count),
            ruled_out: sweep.map_or(0, |sweep| sweep.ruled_out),
            cases: running
                .iter()
                .filter(|entry| is_about(entry, &system.name))
                .map(|it| it.summary.id.to_string())
                .collect(),
        }
    }
}

fn is_about(entry: &CaseEntry, system: &SystemName) -> bool {
    entry.system.as_ref() == Some(system)
}
