//! Text from outside: what must not be seen, what must not be kept, and how to show the rest.

pub mod format;
pub mod redact;
pub mod sanitize;
pub mod suggest;
