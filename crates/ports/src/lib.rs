//! The ports to the outside, one file each: [`Forge`], [`Shell`], [`Reader`], [`Clock`], and the sides of the
//! [`Store`]: [`Journal`], [`Leases`], [`Inbox`], [`Cursors`], [`Archive`], [`Overview`], [`Statistics`],
//! [`Notices`], [`Measurements`]. [`NoticeChannel`] is the way to people outside of tickets.
//!
//! They are small on purpose. What an adapter may promise is written here; a contract test holds every
//! adapter to it.

mod archive;
mod clock;
mod cursors;
mod forge;
mod inbox;
mod journal;
mod leases;
mod measurements;
mod notices;
mod overview;
mod reader;
mod shell;
mod statistics;
mod store;

pub use archive::{Archive, Removal, StoredRecord};
pub use clock::Clock;
pub use cursors::{Cursor, Cursors, DedupeKey, PURGED_AT_ONCE, TURN_TTL};
pub use forge::{
    Account, Comment, DeliveryId, FailedDelivery, Forge, ForgeError, Label, Marker, NewTicket, Permission,
    Reaction, Thumb, Urgency,
};
pub use inbox::{Inbox, QueuedDelivery};
pub use journal::{Audit, CaseSummary, History, Journal, JournalError, NewCase, OpenResult, RunsOf};
pub use leases::{DueCases, Lease, LeaseGrant, Leases, Parked};
pub use measurements::{
    Grain, MEASUREMENTS_PURGED_AT_ONCE, MeasurementQuery, MeasurementRow, Measurements, SweepMeasurements,
    points_of,
};
pub use notices::{
    ChannelCheck, Enqueued, MAX_IN_MESSAGE, MAX_WAITING, Message, MessageEntry, MessageTicket, NoticeChannel,
    Notices, QueuedMessage, QueuedNotice, SendError,
};
pub use overview::{CaseEntry, CaseQuery, Overview, PlaybookRuns, SystemSweep};
pub use reader::Reader;
pub use shell::{Shell, ShellError, check_lease};
pub use statistics::{Counts, DURATION_BOUNDS, EndedCases, OpenCase, RunCount, Statistics};
pub use store::Store;
