//! The oracle sees every call at every port and the host's true state. It reports what must not happen.

use super::host::faults;
use crate::taps::{Deed, brief};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::diagnosis::plan::Plan;
use fieldmedic::ports::{Clock, LeaseGrant, Store};
use fieldmedic::sandbox::host::SharedHost;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Evidence of a fault may be so old when a plan is made, the longest probe included.
const EVIDENCE_AGE: TimeDelta = TimeDelta::minutes(8);

pub struct Oracle {
    host: SharedHost,
    clock: Arc<dyn Clock>,
    journal: Arc<dyn Store>,
    /// The host may receive no change twice for one case.
    never: bool,
    seen: Mutex<Observed>,
}

#[derive(Default)]
pub struct Observed {
    pub violations: Vec<String>,
    /// When the host last had a fault.
    unhealthy_at: Option<DateTime<Utc>>,
    /// When the simulation last injected a fault.
    fault_at: Option<DateTime<Utc>>,
    paused_since: Option<DateTime<Utc>>,
    /// The end of each case's lease, by the store's last answer to it.
    leases: BTreeMap<CaseId, DateTime<Utc>>,
    /// The case and the process whose change runs on the host.
    under_way: Option<(CaseId, u64)>,
    /// How often the host received a change for a case.
    pub given: BTreeMap<(CaseId, String), u32>,
    /// How many steps of one plan of a case have this command.
    planned: BTreeMap<(CaseId, String), u32>,
}

impl Observed {
    /// The simulation ends the pause.
    pub fn lift(&mut self) {
        self.paused_since = None;
    }
}

impl Oracle {
    pub fn new(host: SharedHost, clock: Arc<dyn Clock>, journal: Arc<dyn Store>, never: bool) -> Self {
        Self { host, clock, journal, never, seen: Mutex::default() }
    }

    pub fn seen(&self) -> MutexGuard<'_, Observed> {
        self.seen.lock().expect("no thread panicked")
    }

    /// The simulation has injected a fault.
    pub fn broken(&self) {
        self.seen().fault_at = Some(self.clock.now());
        self.look();
    }

    fn look(&self) -> Vec<&'static str> {
        let now = self.clock.now();
        let faults = faults(&self.host, now);
        if !faults.is_empty() {
            self.seen().unhealthy_at = Some(now);
        }
        faults
    }

    fn violation(&self, what: String) {
        let at = self.clock.now().format("%H:%M:%S%.3f");
        self.seen().violations.push(format!("{at} {what}"));
    }

    pub fn before(&self, process: u64, deed: Deed<'_>) {
        let now = self.clock.now();
        let touches_host = matches!(deed, Deed::Probe(_) | Deed::Change(..));
        let concludes =
            matches!(deed, Deed::Append(_, Event::RemediationStarted(_) | Event::OutcomeDecided(_)));
        let faults = if touches_host || concludes { self.look() } else { Vec::new() };
        match deed {
            Deed::Append(case, Event::ChangeStarted { .. }) => {
                let paused = self.seen().paused_since;
                if paused.is_some_and(|since| since < now) {
                    self.violation(format!("{case}: a change starts during a pause"));
                }
            }
            Deed::Append(case, Event::RemediationStarted(plan)) => {
                self.note_plan(case, plan);
                let unhealthy_at = self.seen().unhealthy_at;
                if unhealthy_at.is_none_or(|at| now - at > EVIDENCE_AGE) {
                    self.violation(format!(
                        "{case}: {} is planned, and the host has no fault",
                        plan.playbook
                    ));
                }
            }
            Deed::Append(case, Event::OutcomeDecided(outcome))
                if outcome.closes() && !is_read_only(outcome) =>
            {
                // The agent cannot know a fault that appears after its last probe.
                let broken = self.seen().fault_at.is_some_and(|at| now - at < EVIDENCE_AGE);
                if !faults.is_empty() && !broken {
                    self.violation(format!("{case}: {} with {}", word(outcome), faults.join(", ")));
                }
            }
            Deed::Change(case, line) => self.change(process, case, line),
            _ => {}
        }
    }

    /// The store's real answer to a case that requested the host.
    pub fn answered(&self, case: &CaseId, granted: Option<&LeaseGrant>) {
        let mut seen = self.seen();
        match granted {
            Some(lease) => drop(seen.leases.insert(case.clone(), lease.until)),
            None => drop(seen.leases.remove(case)),
        }
    }

    /// A plan may have a command in several steps; each of them is one change.
    fn note_plan(&self, case: &CaseId, plan: &Plan) {
        let mut steps: BTreeMap<(CaseId, String), u32> = BTreeMap::new();
        for command in plan.steps.iter().filter_map(|step| step.command.as_ref().ok()) {
            *steps.entry((case.clone(), command.line())).or_default() += 1;
        }
        let mut seen = self.seen();
        for (key, count) in steps {
            let planned = seen.planned.entry(key).or_default();
            *planned = count.max(*planned);
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
        let planned = seen.planned.get(&(case.clone(), line.to_owned())).copied().unwrap_or(1);
        let is_undo = brief(line).starts_with("script rollback");
        drop(seen);
        if !holds_it {
            self.violation(format!("{case} changes a host that the store has not granted to it"));
        }
        if let Some((other, _)) = other {
            self.violation(format!("{case} changes the host while {other} does"));
        }
        if self.never && times > planned && !is_undo {
            self.violation(format!("{case}: `{}` was given to the host {times} times", brief(line)));
        }
    }

    pub async fn after(&self, process: u64, deed: Deed<'_>) {
        match deed {
            Deed::Change(..) => self.stopped(process),
            Deed::Write("order_pause") => {
                let paused = self.journal.pause_state().await.expect("the journal itself works");
                let mut seen = self.seen();
                seen.paused_since = paused.map(|_| seen.paused_since.unwrap_or(self.clock.now()));
            }
            _ => {}
        }
    }

    /// The process has stopped: it does nothing more on the host.
    pub fn stopped(&self, process: u64) {
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

/// A read-only request says nothing about the host's health.
fn is_read_only(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered { request } if request.as_str() != "status-report")
}
