//! [`Store`]: everything that is durable, by one adapter.

use crate::archive::Archive;
use crate::cursors::Cursors;
use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::leases::Leases;

/// One adapter that holds the journal, the leases, the inbox, the cursors and the archive.
pub trait Store: Journal + Leases + Inbox + Cursors + Archive {}

impl<T: Journal + Leases + Inbox + Cursors + Archive> Store for T {}
