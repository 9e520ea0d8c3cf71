//! The doors: what a webhook delivers goes through the same intake as everything else.

use crate::core::event::{CaseId, Door};
use crate::engine::{Agent, IntakeError, take_comment, take_issue, take_reopened};
use crate::web::{Delivery, Sink, SinkError};
use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;

/// Takes in deliveries and wakes the cases that they open.
pub struct Doors {
    pub agent: Agent,
    pub wake: UnboundedSender<CaseId>,
}
