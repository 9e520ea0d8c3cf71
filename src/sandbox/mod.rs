//! Stand-ins for the outside, driven by data files: the demo, `playbook test` and the tests run on them.

pub mod host;
