//! What the dashboard shows, as plain data, and what people may do there. It knows nothing of HTTP.
//!
//! - `now`: what needs people, what is at work, how the systems are. `case`: one case as a story.
//! - `history`, `playbooks`, `policy`: the other pages. `actions`: approve, deny, cancel, pause, resume.
//! - `measurements`: the series of a system. `plot`: one series as a picture.
//! - `card`: a running case in a few lines. `cards`: keeps them until the next record. `track`: the phases of a case.
//! - `pulse`: whether anything has changed. `words`: moments, lengths and single words.
//! - `board`: what all of them share.
//!
//! Pages ask the journal narrow questions and fold few cases, so that they stay quick in a long history.

mod actions;
mod board;
mod card;
mod cards;
mod case;
mod history;
mod measurements;
mod now;
mod playbooks;
mod plot;
mod policy;
mod pulse;
mod track;
mod words;

pub use crate::dashboard::actions::{ActionError, Actor, CaseAction};
pub use crate::dashboard::board::{Dashboard, PauseView};
pub use crate::dashboard::case::{CasePage, CaseView};
pub use crate::dashboard::history::{HistoryPage, HistoryQuery};
pub use crate::dashboard::measurements::MeasurementsPage;
pub use crate::dashboard::now::NowPage;
pub use crate::dashboard::playbooks::PlaybooksPage;
pub use crate::dashboard::policy::PolicyPage;
pub use crate::dashboard::pulse::Pulse;
