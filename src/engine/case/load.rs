//! Loads a case for those who only ask about it.

use crate::core::case::Case;
use crate::core::ids::CaseId;
use crate::engine::context::Context;
use crate::ports::JournalError;

/// A case from its records; `None` if they cannot be read or contradict each other. Who only asks about a
/// damaged case must not fail with it; its own worker sets it aside and says so.
///
/// # Errors
/// The journal cannot be used now.
pub(crate) async fn load_case(context: &Context, id: &CaseId) -> Result<Option<Case>, JournalError> {
    match context.journal.load(id).await {
        Ok(records) => Ok(Case::fold(id, &records).ok()),
        Err(error) if error.is_permanent() => Ok(None),
        Err(error) => Err(error),
    }
}
