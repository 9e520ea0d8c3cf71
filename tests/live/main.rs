//! The live test: the agent's binary against a real server. SSH, Docker, Compose, PostgreSQL and the
//! disk are real; only GitHub is a box.
//!
//! It is one test, because there are few servers: the scenarios harm them one after another, and each
//! begins on a healed one. It needs root (or `sudo` without a password) on Debian, and what `stack/install`
//! installs; `scripts/live` does both. `FIELDMEDIC_LIVE_ONLY=<words>` runs the scenarios whose names
//! hold these words; otherwise `FIELDMEDIC_SAMPLE` chooses some, or all.

#![allow(unreachable_pub, reason = "nothing outside of this binary can reach anything of it")]
#![allow(clippy::disallowed_methods, reason = "tests use the clock, files and processes of this machine")]
// clippy.toml allows these inside of tests, and not in the functions that tests share.
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a test fails where there is nothing")]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

mod agent;
mod controls;
mod crash;
mod faults;
mod fixture;
mod gate;
mod logins;
mod process;
mod read_only;
#[path = "../suite/sample.rs"]
#[allow(dead_code, reason = "seeds are for the simulation")]
mod sample;
mod stack;
mod tracker;
mod triggers;
mod truth;
mod undo;

use fixture::Fixture;
use sample::{Described, Sample};
use stack::Stack;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tracker::Tracker;

/// Servers that are harmed at the same time. A scenario mostly waits, so more servers than cores keep the
/// cores busy; with too many the agents would miss their deadlines.
const SERVERS: usize = 3;
/// It takes about as long to set up a server as to play a scenario, so each plays at least so many.
const SCENARIOS_A_SERVER: usize = 2;

/// What is done to the server, and what must come of it.
type Scenario = (&'static str, fn(&Fixture));

/// The scenarios, by what they are about. A sample has at most one of each group, before it has two of one.
const SCENARIOS: &[(&str, &[Scenario])] = &[
    (
        "looks",
        &[
            ("doctor and diagnose, all well", read_only::doctor_and_diagnose),
            ("a diagnosis beside plain ssh", read_only::beside_plain_ssh),
        ],
    ),
    (
        "controls",
        &[
            ("a complaint, all well", controls::healthy_and_a_complaint),
            ("a question about the status", controls::a_question),
            ("a rehearsal", controls::a_rehearsal),
        ],
    ),
    (
        "hosts",
        &[
            ("a wrong and an unknown host key", controls::host_keys),
            ("the host is unreachable", controls::unreachable),
        ],
    ),
    (
        "faults",
        &[
            ("workers are down", faults::workers_down),
            ("workers are down, found by a sweep", triggers::workers_down_by_sweep),
            ("the disk is full, by webhook", triggers::disk_full_by_webhook),
            ("jobs are stuck, by a slash command", triggers::queue_stuck_by_command),
        ],
    ),
    (
        "images",
        &[
            ("the images are missing", faults::missing_image),
            ("an image is missing, the newest archive is broken", faults::bad_backup),
            ("an image is missing, nothing to restore from", controls::nothing_to_restore_from),
            ("workers are down, an image is missing and has to be built", faults::workers_and_image),
        ],
    ),
    (
        "gates",
        &[
            ("jobs are put back, behind a gate in shell", undo::jobs_are_put_back_behind_a_gate),
            ("the disk is full, behind the binary as a gate", gate::disk_full_behind_the_binary),
        ],
    ),
    (
        "crashes",
        &[
            ("killed while workers start", crash::while_workers_start),
            ("killed while an image is loaded", crash::while_an_image_is_loaded),
        ],
    ),
];

/// So many scenarios are played for a commit.
const SAMPLE: usize = 4;

/// The scenarios that the environment asks for: those with some words in their names, or a sample of all.
fn chosen() -> Vec<&'static Scenario> {
    let all = SCENARIOS.iter().flat_map(|(group, scenarios)| scenarios.iter().map(move |it| (*group, it)));
    let only = std::env::var("FIELDMEDIC_LIVE_ONLY").unwrap_or_default();
    if !only.is_empty() {
        return all.map(|(_, scenario)| scenario).filter(|(name, _)| name.contains(&only)).collect();
    }
    let describe = |(group, (name, _)): &(&str, &Scenario)| Described {
        group: (*group).to_owned(),
        name: (*name).to_owned(),
    };
    let picked = Sample::chosen().pick(all.collect(), SAMPLE, describe);
    picked.into_iter().map(|(_, scenario)| scenario).collect()
}

#[test]
fn the_agent_looks_after_a_real_server() {
    let chosen = chosen();
    assert!(!chosen.is_empty(), "no scenario has the words of FIELDMEDIC_LIVE_ONLY in its name");
    let started = Instant::now();
    let (chosen, next) = (chosen.as_slice(), &AtomicUsize::new(0));
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let servers: Vec<_> = (0..SERVERS.min(chosen.len().div_ceil(SCENARIOS_A_SERVER)))
            .map(|number| scope.spawn(move || play(number, chosen, next)))
            .collect();
        // A server that did not come up ends the whole test, after the others have been taken down.
        let ended: Vec<_> = servers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended.into_iter().flat_map(|failed| failed.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    say(&format!("{} scenarios in {:.1} s", chosen.len(), started.elapsed().as_secs_f32()));
    assert!(failed.is_empty(), "failed: {}", failed.join("; "));
}

/// Brings up a server, runs scenarios on it until `next` has passed the last one, and takes it down. Gives
/// the names of those that failed.
fn play(number: usize, chosen: &[&Scenario], next: &AtomicUsize) -> Vec<&'static str> {
    let started = Instant::now();
    let stack = Stack::up(number);
    let tracker = Tracker::open();
    say(&format!("a server is up after {:.1} s", started.elapsed().as_secs_f32()));
    let scenarios = std::iter::from_fn(|| chosen.get(next.fetch_add(1, Ordering::Relaxed)));
    scenarios.filter(|scenario| !passes(scenario, &stack, &tracker)).map(|(name, _)| *name).collect()
}

/// Runs one scenario on a healed server and tells in a line how it went.
fn passes((name, scenario): &Scenario, stack: &Stack, tracker: &Tracker) -> bool {
    let started = Instant::now();
    let fixture = Fixture::new(stack, tracker.repository(&name.replace([' ', ','], "-")));
    let result = catch_unwind(AssertUnwindSafe(|| {
        stack.heal();
        scenario(&fixture);
    }));
    let seconds = started.elapsed().as_secs_f32();
    match &result {
        Ok(()) => say(&format!("ok      {seconds:>5.1} s  {name}{}", fixture.notes())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let why = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            say(&format!(
                "FAILED  {seconds:>5.1} s  {name}: {why}{}\n\n{}",
                fixture.notes(),
                fixture.account()
            ));
        }
    }
    result.is_ok()
}

/// Says something at once, also where a test's output is held back.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
