//! Hostile input: what strangers write, and what a host prints that somebody else has taken.
//!
//! The corpus lies in `fixtures/hostile/`. It is driven through the whole agent: as a ticket and the
//! comments on it, as commands, and as what a host answers. What comes of it is judged apart from how the
//! agent escapes.

mod commands;
mod corpus;
mod judge;
mod outputs;
mod targets;
mod tickets;
mod values;
