//! [`Reader`]: what understands the words of a ticket.

use async_trait::async_trait;
use fieldmedic_core::playbook::SymptomCatalogue;
use fieldmedic_core::reading::{Language, Reading};
use fieldmedic_core::ticket::close_feedback::Feedback;

/// What understands the words of a ticket. It sees a text and gives labels of closed lists.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Reads a text for the symptoms of a catalogue; `None` if the catalogue has none. `text` is what the ticket's
    /// author wrote, redacted. It always gives an answer: a reader that cannot be reached is replaced by the one
    /// that is built in.
    async fn read(&self, catalogue: &SymptomCatalogue, text: &str) -> Option<Reading>;

    /// What a comment without a command says about whether it works; `None` if it is not understood. `language` is
    /// the reporter's, if it is known. `is_answer`: the reporter was asked, so that a bare yes or no says something.
    fn feedback(&self, comment: &str, language: Option<Language>, is_answer: bool) -> Option<Feedback>;
}
