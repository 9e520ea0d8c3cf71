//! Alerts of monitors: a delivery whose secret is right becomes one queued entry for each alert, before it is answered.
//! They are worked on by the inbox, one after another.

use crate::alerts::{MAX_ALERTS, parse};
use crate::app::inbox::{DeliveryInbox, Queued};
use crate::core::ids::{AlertSourceName, SystemName};
use crate::core::ticket::alert::AlertFormat;
use crate::ports::QueuedDelivery;
use crate::web::{
    self, AlertDelivery, AlertDoor, AlertLogin, AlertSink, DeliveryNotStored, Receipt, Router, Secrets,
};
use async_trait::async_trait;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

/// A monitor that may send alerts.
#[derive(Debug, Clone)]
pub struct AlertSource {
    /// Its name, which is the last part of its address.
    pub name: AlertSourceName,
    /// What it sends.
    pub format: AlertFormat,
    /// The secret, and the one before it while that is being replaced.
    pub secrets: Vec<SecretString>,
    /// The system that all of its alerts are about; `None` if they say so themselves.
    pub system: Option<SystemName>,
}

/// `POST /alerts/<source>` for these sources.
pub fn alert_router(inbox: &DeliveryInbox, sources: impl IntoIterator<Item = AlertSource>) -> Router {
    let (mut doors, mut known) = (BTreeMap::new(), BTreeMap::new());
    for source in sources {
        let login = match source.format {
            AlertFormat::Sentry => AlertLogin::Signature,
            _ => AlertLogin::Token,
        };
        let secrets = Secrets::new(source.secrets.iter().cloned());
        doors.insert(source.name.to_string(), AlertDoor { secrets, login });
        known.insert(source.name.to_string(), source);
    }
    web::alert_router(doors, Arc::new(AlertDesk { inbox: inbox.clone(), sources: known }))
}

struct AlertDesk {
    inbox: DeliveryInbox,
    sources: BTreeMap<String, AlertSource>,
}

#[async_trait]
impl AlertSink for AlertDesk {
    /// Asks GitHub nothing: the monitor waits for the answer.
    async fn store(&self, delivery: AlertDelivery<'_>) -> Result<Receipt, DeliveryNotStored> {
        let unreadable = |error: &dyn Display| DeliveryNotStored::Unreadable(error.to_string());
        let unavailable = |error: &dyn Display| DeliveryNotStored::Unavailable(error.to_string());
        let Some(source) = self.sources.get(delivery.source) else { return Ok(Receipt::Ignored) };
        let mut alerts =
            parse(source.format, delivery.resource, delivery.body).map_err(|e| unreadable(&e))?;
        if alerts.len() > MAX_ALERTS {
            tracing::warn!(
                source = delivery.source,
                "a delivery has more than {MAX_ALERTS} alerts; the rest is left out: send smaller groups"
            );
            alerts.truncate(MAX_ALERTS);
        }
        if alerts.is_empty() {
            return Ok(Receipt::Ignored);
        }
        let context = self.inbox.context();
        let now = context.clock.now();
        let mut queued = Vec::new();
        for alert in alerts {
            let alert = alert.redact(&source.name, source.system.as_ref(), now, &context.redactor);
            // The same message twice in a millisecond is one.
            let (fingerprint, state, at) = (&alert.fingerprint, alert.state, now.timestamp_millis());
            let key = format!("alert {} {fingerprint} {state} {at}", alert.source);
            let body = serde_json::to_value(Queued::Alert { alert: Box::new(alert) });
            queued.push(QueuedDelivery { key, body: body.map_err(|error| unavailable(&error))? });
        }
        self.inbox.keep(queued).await.map_err(|error| unavailable(&error))?;
        Ok(Receipt::Accepted)
    }
}
