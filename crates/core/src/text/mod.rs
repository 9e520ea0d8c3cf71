//! Text from outside: hidden characters, secrets, similar words, and short forms.

pub mod format;
#[expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "its ranges are found in the text that they cut"
)]
pub mod redact;
pub mod sanitize;
pub mod suggest;
