//! [`Store`]: everything that is durable, by one adapter.

use crate::archive::Archive;
use crate::cursors::Cursors;
use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::leases::Leases;
use crate::measurements::Measurements;
use crate::notices::Notices;
use crate::overview::Overview;
use crate::statistics::Statistics;

/// One adapter that holds the journal, the leases, the inbox, the cursors, the archive, the notices that wait and the measurements, and that answers what pages
/// and metrics ask.
pub trait Store:
    Journal + Leases + Inbox + Cursors + Archive + Overview + Statistics + Notices + Measurements
{
}

impl<T: Journal + Leases + Inbox + Cursors + Archive + Overview + Statistics + Notices + Measurements> Store
    for T
{
}
