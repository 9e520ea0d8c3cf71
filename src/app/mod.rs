//! The application: from a configuration to a process at work.
//!
//! - `settings`: the configuration file that a command works with.
//! - `playbooks`: those that a configuration names.
//! - `wiring`: builds the adapters and the engine; it alone names every adapter.
//! - `inbox`: webhook deliveries, stored first and processed afterwards. `group_commit`: many at once.
//! - `alerts`: what monitors send, through the same inbox.
//! - `daemon`: `serve`, from its start to its safe end. `tasks`: what it does periodically.
//! - `dashboard`: the pages of `serve`, from the configuration.
//! - `operations_log`: the file with an entry for each case.
//! - `metrics`: the figures of `/metrics`. `readiness`: the checks of `/readyz`.
//! - `notices`: the channels of notices, and what works for them. `heartbeat`: tells a service that all is well.
//! - `traces`: exports each case that has ended as a trace of OpenTelemetry.
//! - `reachability`: tells when a host or a system is lost and found.
//! - `signals`: Ctrl-C and SIGTERM. `supervisor`: what systemd is told.
//! - `secrets`: tokens and passwords, from the environment or from credentials.

pub mod alerts;
pub mod daemon;
pub mod dashboard;
mod group_commit;
pub mod heartbeat;
pub mod inbox;
mod listeners;
pub mod metrics;
mod notices;
pub mod operations_log;
mod playbooks;
pub mod reachability;
pub mod readiness;
mod reading_forge;
mod secrets;
pub mod settings;
pub mod signals;
mod supervisor;
pub mod tasks;
pub mod traces;
pub mod wiring;

pub use crate::app::notices::{ChannelError, notice_channels, notice_rules};
pub use crate::app::playbooks::{files, library};
pub use crate::app::wiring::{
    AppError, Application, ProbeSetup, RunMode, alert_sources, embedding_reader, free_space, identity,
    journal_place, open_journal, open_journal_to_read, prompts, redactor, ticket_label, token_in,
    webhook_secret, webhook_secrets,
};
