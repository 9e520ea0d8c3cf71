//! Views: a case as data for templates and for people. The sentences stand in `prompts/`.

pub mod events;
pub mod explain;
pub mod figures;
pub mod operations;
pub mod probes;
pub mod remediation;
pub mod report;
pub mod trace;
