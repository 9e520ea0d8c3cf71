//! Measurements of the whole program against simulated servers on this machine. `scripts/bench` runs them.
//!
//! ```text
//! cargo bench --bench measure -- [measurement]...
//! ```
//!
//! Each line that it prints is one figure: measurement, name, value, unit.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "it measures, and ends where it cannot"
)]

mod decision;
mod journal;
mod parked;
mod setup;
mod text;
mod webhooks;

use std::path::Path;
use std::time::Duration;

/// One figure.
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit }
    }

    pub fn ms(name: impl Into<String>, took: Duration) -> Self {
        Self::new(name, took.as_secs_f64() * 1000.0, "ms")
    }
}

/// The middle of several values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let program = Path::new(env!("CARGO_BIN_EXE_fieldmedic"));
    // Cargo adds an option of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let print = |measurement: &str, figures: Vec<Figure>| {
        for Figure { name, value, unit } in figures {
            println!("{measurement}\t{name}\t{value:.2}\t{unit}");
        }
    };
    if is_wanted("text") {
        print("text", text::measure());
    }
    if is_wanted("journal") {
        print("journal", journal::measure().await);
    }
    if is_wanted("decision") {
        print("decision", decision::measure().await);
    }
    if is_wanted("parked") {
        print("parked", parked::measure(program).await);
    }
    if is_wanted("webhooks") {
        print("webhooks", webhooks::measure(program).await);
    }
}
