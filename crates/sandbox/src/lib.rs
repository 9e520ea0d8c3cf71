//! Simulators of GitHub and of hosts, served on this machine alone, and a virtual clock.
//!
//! The demo, `playbook test` and the tests run on them. The agent reaches them over HTTP and SSH, as
//! it reaches the real ones.

// Tests may use the clock, files and processes of this machine.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod clock;
pub mod github;
pub mod host;
