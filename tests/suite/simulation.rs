//! Simulated incidents, each generated from a seed: a host with faults, tickets, people, bursts of tickets,
//! errors of GitHub, and one to three processes on one journal that are killed and restarted. Hours pass in
//! milliseconds, on one thread. The same seed gives the same run, byte for byte.
//!
//! The gate plays seeds that the commit's hash chooses. `scripts/soak 10000 7` plays ten thousand from seed 7
//! on; `scripts/soak 1 4711` plays one again.

mod clock;
mod host;
mod judge;
mod oracle;
mod outages;
mod people;
mod process;
mod rng;
mod run;
mod steady;

use crate::cores::on_all_cores;
use crate::sample::Sample;
use crate::taps::Tap;
use chrono::DateTime;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::ids::HostName;
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::ports::{ForgeError, LeaseGrant, Marker};
use fieldmedic::sandbox::github::FakeGitHub;
use run::{MEDIC, Story, play};
use std::collections::BTreeMap;
use std::env;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A deliberate flaw of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// The store grants every lease.
    GrantsEveryLease,
    /// A comment is posted without searching for the one that is there.
    PostsBlindly,
    /// The intent of a change is not recorded.
    DropsIntent,
}

impl Flaw {
    fn tap(self, hub: &FakeGitHub) -> Arc<dyn Tap> {
        Arc::new(Flawed { flaw: self, hub: hub.clone() })
    }
}

struct Flawed {
    flaw: Flaw,
    hub: FakeGitHub,
}

impl Tap for Flawed {
    fn recorded(&self, event: &Event) -> Event {
        match event {
            Event::ChangeStarted { .. } if self.flaw == Flaw::DropsIntent => Event::Resumed,
            other => other.clone(),
        }
    }

    fn held(&self, _: &HostName, _: &CaseId, granted: Option<LeaseGrant>) -> Option<LeaseGrant> {
        if self.flaw == Flaw::GrantsEveryLease && granted.is_none() {
            return Some(LeaseGrant { until: DateTime::<chrono::Utc>::MAX_UTC });
        }
        granted
    }

    fn written(&self, id: &TicketId, _: &Marker, body: &Redacted) -> Option<Result<(), ForgeError>> {
        (self.flaw == Flaw::PostsBlindly).then(|| {
            let written = self.hub.comment(id, MEDIC, body.as_str());
            written.map(drop).map_err(|refusal| ForgeError::Refused(format!("{refusal:?}")))
        })
    }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Ctrl-C was pressed.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// A long run can be stopped, and then reports what it found.
fn stop_on_ctrl_c() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            STOPPED.store(true, Ordering::Relaxed);
        }
    });
}

/// Plays seeds on all cores. Stops soon after the first failure, and returns the failed seed that is lowest.
fn play_all(first: u64, incidents: u64, flaw: Flaw) -> Played {
    let seeds: Vec<u64> = (first..first.saturating_add(incidents)).collect();
    let (done, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let shows = std::io::stderr().is_terminal() && env::var_os("SOAK_INCIDENTS").is_some();
    let stories = on_all_cores(&seeds, |seed| {
        if failed.load(Ordering::Relaxed) > 0 || STOPPED.load(Ordering::Relaxed) {
            return None;
        }
        let story = play(*seed, flaw);
        failed.fetch_add(u64::from(!story.violations.is_empty()), Ordering::Relaxed);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if shows && done.is_multiple_of(50) {
            let _ = write!(std::io::stderr(), "\r{done} of {incidents} incidents ");
        }
        Some((*seed, story))
    });
    let mut played = Played::default();
    for (seed, story) in stories.into_iter().flatten() {
        played.incidents += 1;
        story.outcomes.iter().for_each(|outcome| *played.outcomes.entry(outcome.clone()).or_default() += 1);
        if played.failure.is_none() && !story.violations.is_empty() {
            played.failure = Some((seed, story));
        }
    }
    played
}

#[derive(Default)]
struct Played {
    incidents: u64,
    outcomes: BTreeMap<String, u64>,
    /// The lowest seed that broke a guarantee.
    failure: Option<(u64, Story)>,
}

/// How many incidents the gate plays, and how many are played with `FIELDMEDIC_SAMPLE=all`.
const SAMPLE_SIZE: u64 = 12;
const ALL: u64 = 2000;

#[test]
fn every_incident_keeps_every_guarantee() {
    let sample = Sample::chosen();
    let size = if sample == Sample::All { ALL } else { SAMPLE_SIZE };
    let incidents = number("SOAK_INCIDENTS").unwrap_or(size);
    let first = number("SOAK_SEED").unwrap_or(sample.first_seed());
    if number("SOAK_INCIDENTS").is_some() {
        stop_on_ctrl_c();
    }
    let Played { incidents, outcomes, failure } = play_all(first, incidents, Flaw::None);
    if let Some((seed, story)) = failure {
        if let Some(path) = env::var_os("SOAK_STORY") {
            std::fs::write(path, &story.text).expect("the story is written");
        }
        panic!("seed {seed}:\n  {}\nplay it again: scripts/soak 1 {seed}", story.violations.join("\n  "));
    }
    let all: u64 = outcomes.values().sum();
    let counted: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    println!("{incidents} incidents from seed {first}, {all} cases: {}", counted.join(", "));
    if incidents >= ALL {
        for outcome in ["resolved", "answered", "escalated: in-doubt", "escalated: not-fixed", "cancelled"] {
            assert!(outcomes.contains_key(outcome), "no case of {incidents} incidents was {outcome}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 1..=3 {
        let (first, second) = (play(seed, Flaw::None), play(seed, Flaw::None));
        let differs = first.text.lines().zip(second.text.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.text.len(), second.text.len(), "seed {seed}");
    }
}

/// Within how many incidents a flaw must be found. They do not depend on the commit. The first of them lies shortly
/// before one that finds the flaw, which the test prints: playbooks that change may move it.
const FOUND_WITHIN: u64 = 400;

fn found(flaw: Flaw, first: u64, expected: &str) {
    let played = play_all(first, FOUND_WITHIN, flaw);
    let (seed, story) =
        played.failure.unwrap_or_else(|| panic!("{flaw:?} was not found in {FOUND_WITHIN} incidents"));
    assert!(
        story.violations.iter().any(|wrong| wrong.contains(expected)),
        "seed {seed}: {:?}",
        story.violations
    );
    println!("{flaw:?} was found by seed {seed}");
}

#[test]
fn a_store_that_grants_every_lease_is_found() {
    found(Flaw::GrantsEveryLease, 199, "has not granted");
}

#[test]
fn an_agent_that_posts_without_searching_is_found() {
    found(Flaw::PostsBlindly, 1, "comments <!-- fieldmedic");
}

#[test]
fn an_agent_that_drops_its_intent_is_found() {
    found(Flaw::DropsIntent, 473, "was given to the host");
}
