//! [`Store`]: everything that is durable, by one adapter.

use crate::archive::Archive;
use crate::cursors::Cursors;
use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::leases::Leases;
use crate::overview::Overview;

/// One adapter that holds the journal, the leases, the inbox, the cursors, the archive and the overview.
pub trait Store: Journal + Leases + Inbox + Cursors + Archive + Overview {}

impl<T: Journal + Leases + Inbox + Cursors + Archive + Overview> Store for T {}
