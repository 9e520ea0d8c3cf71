//! Taps: every port of an agent, wrapped so that a test sees each call before it goes out and after it
//! came back, and can let it fail, hang for ever, or lie.
//!
//! A process that is killed is played so: the call at which it dies never comes back, and whoever drives
//! it is dropped. Nothing of it runs on, not even the handling of an error.

mod forge;
mod journal;
mod shell;

use async_trait::async_trait;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::diagnosis::evidence::RawObservation;
use fieldmedic::core::ids::HostName;
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::Context;
use fieldmedic::ports::{ForgeError, JournalError, LeaseGrant, Marker, ShellError};
use std::sync::Arc;

/// A call at a port.
#[derive(Debug, Clone, Copy)]
pub enum Deed<'a> {
    /// A record of a case.
    Append(&'a CaseId, &'a Event),
    /// Any other write of the journal, by the name of the method.
    Write(&'static str),
    Read(&'static str),
    /// A call that changes something on the forge.
    Say(&'static str),
    Ask(&'static str),
    Probe(&'a str),
    /// Made for this case.
    Change(&'a CaseId, &'a str),
}

impl Deed<'_> {
    /// Whether anything outside the process can be another afterwards. A probe counts: the host has been
    /// given a command.
    pub fn counts(&self) -> bool {
        !matches!(self, Deed::Read(_) | Deed::Ask(_))
    }

    /// In a few words.
    pub fn name(&self) -> String {
        match self {
            Deed::Append(_, event) => format!("record {}", event.kind()),
            Deed::Write(what) | Deed::Read(what) => format!("journal {what}"),
            Deed::Say(what) | Deed::Ask(what) => format!("forge {what}"),
            Deed::Probe(line) => format!("probe {}", brief(line)),
            Deed::Change(_, line) => format!("change {}", brief(line)),
        }
    }
}

/// A command without its wrapping.
pub fn brief(line: &str) -> String {
    fieldmedic::sandbox::host::ReceivedCommand::read(line).brief()
}

/// Why a call is not carried out, or why its answer does not come back.
#[derive(Debug, Clone)]
pub struct Broken(pub String);

/// What sits on the ports. As it stands it changes nothing.
#[async_trait]
pub trait Tap: Send + Sync {
    /// Before the call goes out: refused, nothing happens outside.
    async fn before(&self, _: Deed<'_>) -> Result<(), Broken> {
        Ok(())
    }

    /// The outside has done it, and the answer is on its way.
    async fn after(&self, _: Deed<'_>) -> Result<(), Broken> {
        Ok(())
    }

    /// What a host answered, or something else in its place.
    fn seen(
        &self,
        _: Deed<'_>,
        answer: Result<RawObservation, ShellError>,
    ) -> Result<RawObservation, ShellError> {
        answer
    }

    /// The record that is written in place of this one.
    fn recorded(&self, event: &Event) -> Event {
        event.clone()
    }

    /// What a case's records are, or why they cannot be read.
    fn loaded(
        &self,
        _: &CaseId,
        answer: Result<Vec<Record>, JournalError>,
    ) -> Result<Vec<Record>, JournalError> {
        answer
    }

    /// What became of a request for a host.
    fn held(&self, _: &HostName, _: &CaseId, granted: Option<LeaseGrant>) -> Option<LeaseGrant> {
        granted
    }

    /// Answers for the forge when a comment is to be written; `None` leaves it to the forge.
    fn written(&self, _: &TicketId, _: &Marker, _: &Redacted) -> Option<Result<(), ForgeError>> {
        None
    }
}

/// A port with a tap on it.
pub struct Tapped<P: ?Sized> {
    inner: Arc<P>,
    tap: Arc<dyn Tap>,
}

/// The same agent with a tap on its journal, its forge and its shell.
pub fn tapped(agent: &Context, tap: Arc<dyn Tap>) -> Context {
    Context {
        journal: Arc::new(Tapped { inner: agent.journal.clone(), tap: tap.clone() }),
        forge: Arc::new(Tapped { inner: agent.forge.clone(), tap: tap.clone() }),
        shell: Arc::new(Tapped { inner: agent.shell.clone(), tap }),
        ..agent.clone()
    }
}

impl<P: ?Sized> Tapped<P> {
    /// Between the two looks of the tap.
    async fn pass<T, E: From<Broken>>(
        &self,
        deed: Deed<'_>,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.tap.before(deed).await?;
        let answer = call.await;
        self.tap.after(deed).await?;
        answer
    }
}
