//! The engine: performs what `decide` asks for, and records what came of it.
//!
//! - `case`: cases at work. One is driven from where its journal stands to its end.
//! - `chatops`: the commands that people give in comments.
//! - `intake`: how tickets and comments become cases.
//! - `monitor`: checks that nobody asked for, on a schedule.
//! - `notices`: what people are told outside of tickets.
//! - `publish`: everything that is written on the forge.
//! - `context`, `shutdown`: what all of them share.

mod case;
mod chatops;
mod context;
mod intake;
mod monitor;
mod notices;
mod publish;
mod shutdown;

pub use crate::engine::case::answer::answer;
pub use crate::engine::case::dispatcher::Dispatcher;
pub use crate::engine::case::driver::{run_case, run_case_waiting};
pub use crate::engine::case::library::{PinnedLibrary, library_of, pinned_library};
pub use crate::engine::case::places::Places;
pub use crate::engine::case::probe::run_probes;
pub use crate::engine::case::set_aside::SetAside;
pub use crate::engine::case::writer::CaseError;
pub use crate::engine::chatops::signals::has_pause_label;
pub use crate::engine::context::{
    CLAIM_TTL, Context, ForgeSettings, NoopObserver, Observer, ProbeRunner, Progress,
};
pub use crate::engine::intake::alert::{AlertIntake, accept_alert};
pub use crate::engine::intake::comment::{accept_comment, is_urgent};
pub use crate::engine::intake::issue::{
    accept_delivered_issue, accept_issue, accept_monitor_close, apply_pause_label,
};
pub use crate::engine::intake::open::{IntakeError, open_case};
pub use crate::engine::intake::poll::poll;
pub use crate::engine::intake::redeliver::redeliver;
pub use crate::engine::monitor::measure::{SeriesPoints, series_points, summaries};
pub use crate::engine::monitor::recurrence::check_recurrences;
pub use crate::engine::monitor::run::start_run;
pub use crate::engine::monitor::schedule::{DueCheck, ScheduledTask};
pub use crate::engine::monitor::sweep::{SweepResult, check_systems, sweep_tickets};
pub use crate::engine::monitor::thumbs::collect_thumbs;
pub use crate::engine::notices::collect::NoticeCollector;
pub use crate::engine::notices::compose::test_message;
pub use crate::engine::notices::courier::{Courier, Delivery};
pub use crate::engine::publish::operations_entry::{LogSource, LogUpdate};
pub use crate::engine::publish::reminder::remind;
pub use crate::engine::publish::report_text::report_text;
pub use crate::engine::shutdown::Shutdown;
