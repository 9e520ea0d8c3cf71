//! Loads a case for those who only ask about it.

use crate::core::case::Case;
use crate::core::ids::CaseId;
use crate::engine::context::Context;
use crate::ports::JournalError;

/// A case from its records; `None` if they cannot be read or contradict each other. Who only asks about a
/// damaged case must not fail with it: it is set aside, which says so once.
///
/// # Errors
/// The journal cannot be used now.
pub(crate) async fn load_case(context: &Context, id: &CaseId) -> Result<Option<Case>, JournalError> {
    let records = match context.journal.load(id).await {
        Ok(records) => records,
        Err(error) if error.is_permanent() => {
            context.set_aside.add(id, &error);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let case = Case::fold(id, &records);
    Ok(case.inspect_err(|error| context.set_aside.add(id, error)).ok())
}
