//! Text from outside: hidden characters, secrets, similar words, and short forms.

pub mod format;
pub mod redact;
pub mod sanitize;
pub mod suggest;
