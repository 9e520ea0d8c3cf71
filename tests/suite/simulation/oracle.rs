//! The oracle: it sees every call at every port and the host's true state, and knows what must not happen.

use super::host::ailments;
use crate::taps::{Deed, brief};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::ports::{Clock, LeaseGrant, Store};
use fieldmedic::sandbox::host::SharedHost;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What was seen of a sick host may be so old when a plan is made, the longest look included.
const SIGHT: TimeDelta = TimeDelta::minutes(8);

pub struct Oracle {
    host: SharedHost,
    clock: Arc<dyn Clock>,
    journal: Arc<dyn Store>,
    /// No change may be given to the host twice for one case.
    never: bool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
pub struct Seen {
    pub wrongs: Vec<String>,
    /// When the host was last seen to be ill.
    ill_at: Option<DateTime<Utc>>,
    /// When fate last broke something.
    broken_at: Option<DateTime<Utc>>,
    paused_since: Option<DateTime<Utc>>,
    /// Until when the store has granted the host to a case, by its last answer to it.
    leases: BTreeMap<CaseId, DateTime<Utc>>,
    /// Whose change the host works on.
    under_way: Option<(CaseId, u64)>,
    /// How often the host was given a change for a case.
    pub given: BTreeMap<(CaseId, String), u32>,
}

impl Seen {
    /// The halt is lifted by other means than the agent.
    pub fn lift(&mut self) {
        self.paused_since = None;
    }
}

impl Oracle {
    pub fn new(host: SharedHost, clock: Arc<dyn Clock>, journal: Arc<dyn Store>, never: bool) -> Self {
        Self { host, clock, journal, never, seen: Mutex::default() }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no oracle panics")
    }

    /// Fate has broken something.
    pub fn broken(&self) {
        self.seen().broken_at = Some(self.clock.now());
        self.look();
    }

    fn look(&self) -> Vec<&'static str> {
        let now = self.clock.now();
        let ailments = ailments(&self.host, now);
        if !ailments.is_empty() {
            self.seen().ill_at = Some(now);
        }
        ailments
    }

    fn wrong(&self, what: String) {
        let at = self.clock.now().format("%H:%M:%S%.3f");
        self.seen().wrongs.push(format!("{at} {what}"));
    }

    pub fn before(&self, process: u64, deed: Deed<'_>) {
        let now = self.clock.now();
        let touches_host = matches!(deed, Deed::Probe(_) | Deed::Change(..));
        let concludes =
            matches!(deed, Deed::Append(_, Event::RemediationStarted(_) | Event::OutcomeDecided(_)));
        let ailments = if touches_host || concludes { self.look() } else { Vec::new() };
        match deed {
            Deed::Append(case, Event::ChangeStarted { .. }) => {
                let paused = self.seen().paused_since;
                if paused.is_some_and(|since| since < now) {
                    self.wrong(format!("{case}: a change is begun under a halt"));
                }
            }
            Deed::Append(case, Event::RemediationStarted(plan)) => {
                let ill_at = self.seen().ill_at;
                if ill_at.is_none_or(|at| now - at > SIGHT) {
                    self.wrong(format!("{case}: {} is planned, and the host is well", plan.playbook));
                }
            }
            Deed::Append(case, Event::OutcomeDecided(outcome)) if outcome.closes() && !is_errand(outcome) => {
                // What breaks after the last look cannot be known.
                let broken = self.seen().broken_at.is_some_and(|at| now - at < SIGHT);
                if !ailments.is_empty() && !broken {
                    self.wrong(format!("{case}: {} with {}", word(outcome), ailments.join(", ")));
                }
            }
            Deed::Change(case, line) => self.change(process, case, line),
            _ => {}
        }
    }

    /// What the store has truly answered to a case that asked for the host.
    pub fn answered(&self, case: &CaseId, granted: Option<&LeaseGrant>) {
        let mut seen = self.seen();
        match granted {
            Some(lease) => drop(seen.leases.insert(case.clone(), lease.until)),
            None => drop(seen.leases.remove(case)),
        }
    }

    fn change(&self, process: u64, case: &CaseId, line: &str) {
        let now = self.clock.now();
        let mut seen = self.seen();
        let holds_it = seen.leases.get(case).is_some_and(|until| *until > now);
        let other = seen.under_way.take().filter(|(other, _)| other != case);
        seen.under_way = Some((case.clone(), process));
        let times = seen.given.entry((case.clone(), line.to_owned())).or_default();
        *times += 1;
        let times = *times;
        let is_undo = brief(line).starts_with("script undo");
        drop(seen);
        if !holds_it {
            self.wrong(format!("{case} changes a host that the store has not granted to it"));
        }
        if let Some((other, _)) = other {
            self.wrong(format!("{case} changes the host while {other} does"));
        }
        if self.never && times > 1 && !is_undo {
            self.wrong(format!("{case}: `{}` was given to the host {times} times", brief(line)));
        }
    }

    pub async fn after(&self, process: u64, deed: Deed<'_>) {
        match deed {
            Deed::Change(..) => self.buried(process),
            Deed::Write("set_pause") => {
                let paused = self.journal.pause_state().await.expect("the journal itself works");
                let mut seen = self.seen();
                seen.paused_since = paused.map(|_| seen.paused_since.unwrap_or(self.clock.now()));
            }
            _ => {}
        }
    }

    /// The process does nothing more on the host.
    pub fn buried(&self, process: u64) {
        self.seen().under_way.take_if(|(_, by)| *by == process);
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Resolved => "resolved",
        Outcome::Answered { .. } => "answered",
        _ => "closed",
    }
}

/// What was ordered beside a ticket says nothing about the host's health.
fn is_errand(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered { request } if request.as_str() != "status-report")
}
