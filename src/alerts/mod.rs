//! What monitors send about alerts, reduced to what is of use. One file a format.
//!
//! Everything in a message is foreign text: it is cut to a bound here, and redacted before it is stored.

mod alertmanager;
mod gatus;
mod generic;
mod healthchecks;
mod sentry;
mod unredacted;
mod uptime_kuma;

pub use crate::alerts::unredacted::{MAX_ALERTS, UnreadableAlert, UnredactedAlert};
use crate::core::ticket::alert::AlertFormat;

/// Reads the alerts of a delivery whose secret was checked. `resource` is the value of `Sentry-Hook-Resource`. Messages
/// that say nothing about an alert, such as a test or a planned maintenance, give none.
///
/// # Errors
/// [`UnreadableAlert`] if it is not what the product sends.
pub fn parse(
    format: AlertFormat,
    resource: Option<&str>,
    body: &[u8],
) -> Result<Vec<UnredactedAlert>, UnreadableAlert> {
    match format {
        AlertFormat::Alertmanager => alertmanager::parse(body),
        AlertFormat::UptimeKuma => uptime_kuma::parse(body),
        AlertFormat::Healthchecks => healthchecks::parse(body),
        AlertFormat::Gatus => gatus::parse(body),
        AlertFormat::Sentry => sentry::parse(resource.unwrap_or_default(), body),
        AlertFormat::Generic => generic::parse(body),
    }
}

#[cfg(test)]
mod tests;
