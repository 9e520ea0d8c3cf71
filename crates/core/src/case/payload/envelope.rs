//! What the store keeps beside records: signals, the pause, outcomes. Each stands in an envelope that says
//! which version wrote it; what has no envelope was written by version 2 or before.

use crate::case::event::Event;
use crate::case::outcome::Outcome;
use crate::case::payload::convert::Payload;
use crate::case::payload::error::PayloadError;
use crate::case::payload::outcome::OutcomePayload;
use crate::case::payload::signal::{PauseOrderPayload, SignalPayload};
use crate::case::signal::Signal;
use crate::case::upcast::{UpcastError, upcast_outcome, upcast_pause, upcast_signal};
use crate::policy::pause_order::PauseOrder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    version: u32,
    body: T,
}

/// The version of what has no envelope.
const BARE: u32 = 2;

fn encode<P: Payload + Serialize>(domain: &P::Domain) -> Result<String, PayloadError> {
    serde_json::to_string(&Envelope { version: Event::VERSION, body: P::encode(domain) })
        .map_err(|error| PayloadError::Unwritable(error.to_string()))
}

/// `older` brings a body of this older version to today's form.
fn decode<P: Payload + DeserializeOwned>(
    text: &str,
    older: fn(Value) -> Result<Value, UpcastError>,
) -> Result<P::Domain, PayloadError> {
    let malformed =
        |version| move |error: serde_json::Error| PayloadError::Malformed { version, why: error.to_string() };
    let value: Value = serde_json::from_str(text).map_err(malformed(BARE))?;
    let is_enveloped = value.get("version").is_some() && value.get("body").is_some();
    let Envelope { version, body } = if is_enveloped {
        serde_json::from_value(value).map_err(malformed(Event::VERSION))?
    } else {
        Envelope { version: BARE, body: value }
    };
    let body = match version {
        3..=Event::VERSION => body,
        1 | BARE => older(body)?,
        later => return Err(UpcastError::Later { version: later }.into()),
    };
    // Payloads are read from text only, as those of records are.
    let payload: P = serde_json::from_str(&body.to_string()).map_err(malformed(version))?;
    Ok(payload.decode())
}

/// A signal as the store keeps it.
///
/// # Errors
/// It cannot be written as JSON.
pub fn encode_signal(signal: &Signal) -> Result<String, PayloadError> {
    encode::<SignalPayload>(signal)
}

/// A signal that the store kept.
///
/// # Errors
/// A later version wrote it, or it does not have the form of its version.
pub fn decode_signal(text: &str) -> Result<Signal, PayloadError> {
    decode::<SignalPayload>(text, upcast_signal)
}

/// An order to pause or resume, as the store keeps it.
///
/// # Errors
/// It cannot be written as JSON.
pub fn encode_pause_order(order: &PauseOrder) -> Result<String, PayloadError> {
    encode::<PauseOrderPayload>(order)
}

/// An order to pause or resume that the store kept. Versions 1 and 2 kept only a pause in force.
///
/// # Errors
/// A later version wrote it, or it does not have the form of its version.
pub fn decode_pause_order(text: &str) -> Result<PauseOrder, PayloadError> {
    decode::<PauseOrderPayload>(text, upcast_pause)
}

/// An outcome as the list of cases keeps it.
///
/// # Errors
/// It cannot be written as JSON.
pub fn encode_outcome(outcome: &Outcome) -> Result<String, PayloadError> {
    encode::<OutcomePayload>(outcome)
}

/// An outcome that the list of cases kept.
///
/// # Errors
/// A later version wrote it, or it does not have the form of its version.
pub fn decode_outcome(text: &str) -> Result<Outcome, PayloadError> {
    decode::<OutcomePayload>(text, upcast_outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::signal::SignalKind;
    use chrono::DateTime;

    #[test]
    fn signals_of_every_version_are_read() {
        let signal = Signal {
            by: "ops-lead".into(),
            at: DateTime::UNIX_EPOCH,
            kind: SignalKind::Approve { plan: "7f3a".into() },
        };
        let bare = r#"{"by":"ops-lead","at":"1970-01-01T00:00:00Z","says":{"word":"approve","plan":"7f3a"}}"#;
        assert_eq!(decode_signal(bare), Ok(signal.clone()));
        assert_eq!(encode_signal(&signal).and_then(|text| decode_signal(&text)), Ok(signal));
    }

    #[test]
    fn pauses_of_every_version_are_read() {
        let bare = r#"{"by":"ops-lead","at":"1970-01-01T00:00:00Z","why":"a migration"}"#;
        let order = decode_pause_order(bare).unwrap();
        let pause = order.pause().unwrap();
        assert_eq!((pause.by.as_str(), pause.why.as_str()), ("ops-lead", "a migration"));
        assert_eq!(pause.at, DateTime::UNIX_EPOCH);
        assert_eq!(encode_pause_order(&order).and_then(|text| decode_pause_order(&text)), Ok(order));
    }

    #[test]
    fn a_later_version_is_refused() {
        let version = Event::VERSION + 1;
        let later = format!(r#"{{"version":{version},"body":{{"by":"x"}}}}"#);
        assert_eq!(decode_pause_order(&later), Err(UpcastError::Later { version }.into()));
    }

    #[test]
    fn outcomes_of_every_version_are_read() {
        let bare = r#"{"kind":"escalated","code":"not-fixed","why":"it stayed full"}"#;
        let outcome = decode_outcome(bare).unwrap();
        assert_eq!(outcome.word(), "escalated");
        assert_eq!(encode_outcome(&outcome).and_then(|text| decode_outcome(&text)), Ok(outcome));
    }
}
