//! The mark of a secret that was hidden.

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";
