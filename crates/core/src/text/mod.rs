//! Text from outside: hidden characters, secrets, similar words, patterns, and short forms.

pub(crate) mod cache;
pub mod format;
pub mod html;
pub mod pattern;
pub mod pattern_set;
pub mod suggest;
pub mod web_path;
pub(crate) mod worded;

pub use fieldmedic_redact as redact;
pub use fieldmedic_redact::sanitize;
