//! The live test: the agent's binary against a real server. SSH, Docker, Compose, PostgreSQL and the
//! disk are real; only GitHub is a box.
//!
//! It is one test, because there is one server: the scenarios harm it one after another, and each begins
//! on a healed one. It needs root (or `sudo` without a password) on Debian, and what `stack/install`
//! installs; `scripts/live` does both. `FIELDMEDIC_LIVE_ONLY=<words>` runs the scenarios whose names
//! hold these words.

mod agent;
mod desk;
mod faults;
mod ground;
mod stack;
mod truth;

use desk::Desk;
use ground::Ground;
use stack::Stack;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What is done to the server, and what must come of it.
type Scenario = (&'static str, fn(&Ground));

const SCENARIOS: &[Scenario] = &[
    ("workers are down", faults::workers_down),
    ("the disk is full", faults::disk_full),
    ("jobs are stuck in the queue", faults::queue_stuck),
    ("the images are missing", faults::missing_image),
];

#[test]
fn the_agent_looks_after_a_real_server() {
    let only = std::env::var("FIELDMEDIC_LIVE_ONLY").unwrap_or_default();
    let chosen: Vec<&Scenario> = SCENARIOS.iter().filter(|(name, _)| name.contains(&only)).collect();
    assert!(!chosen.is_empty(), "no scenario has {only:?} in its name");
    let started = Instant::now();
    let stack = Stack::up();
    let desk = Desk::open();
    say(&format!("the server is up after {:.1} s", started.elapsed().as_secs_f32()));
    let failed: Vec<&str> =
        chosen.into_iter().filter(|scenario| !passes(scenario, &stack, &desk)).map(|(name, _)| *name).collect();
    drop(stack);
    say(&format!("the server is gone after {:.1} s", started.elapsed().as_secs_f32()));
    assert!(failed.is_empty(), "failed: {}", failed.join("; "));
}

/// Runs one scenario on a healed server and tells in a line how it went.
fn passes((name, scenario): &Scenario, stack: &Stack, desk: &Desk) -> bool {
    let started = Instant::now();
    let ground = Ground::new(stack, desk.repository(&name.replace(' ', "-")));
    let result = catch_unwind(AssertUnwindSafe(|| {
        stack.heal();
        scenario(&ground);
    }));
    let seconds = started.elapsed().as_secs_f32();
    match &result {
        Ok(()) => say(&format!("ok      {seconds:>5.1} s  {name}{}", ground.notes())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let why = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            say(&format!("FAILED  {seconds:>5.1} s  {name}: {why}{}\n\n{}", ground.notes(), ground.account()));
        }
    }
    result.is_ok()
}

/// Says something at once, also where a test's output is held back.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
