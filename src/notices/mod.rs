//! Channels for notices: how a message reaches people outside of tickets.
//!
//! - `layout`: one message as text, for every channel that shows text. `post`: one request over HTTP.
//! - `slack` (and what is compatible), `teams`, `matrix`, `ntfy`, `telegram`, `webhook`: one JSON request each.
//! - `email`: SMTP.
//!
//! Titles are written by strangers. So every text is escaped for its channel; it can mention nobody, link nowhere and
//! load nothing. Errors name neither an address nor a secret, because some addresses are secrets.

mod email;
mod layout;
mod matrix;
mod ntfy;
mod post;
mod slack;
mod teams;
mod telegram;
mod webhook;

pub use crate::notices::email::{Email, EmailOptions, MailTls};
pub use crate::notices::matrix::Matrix;
pub use crate::notices::ntfy::Ntfy;
pub use crate::notices::post::Post;
pub use crate::notices::slack::Slack;
pub use crate::notices::teams::Teams;
pub use crate::notices::telegram::Telegram;
pub use crate::notices::webhook::Webhook;

#[cfg(test)]
mod tests;
