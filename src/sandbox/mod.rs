//! Boxes: believable stand-ins for the outside, served on this machine alone.
//!
//! The demo, `playbook test` and the tests run on them. They are talked to as the real ones are, over
//! HTTP and SSH, so that nothing in the agent knows the difference.

pub mod github;
pub mod host;
