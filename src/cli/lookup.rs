//! Finds the case that a person means.

use crate::core::case::event::CaseId;
use crate::ports::Store;
use miette::{IntoDiagnostic, Result, bail, miette};

/// The case with this id, or the only one whose id begins with this text.
pub(super) async fn find(journal: &dyn Store, text: &str) -> Result<CaseId> {
    if let Some(id) = CaseId::from_text(text) {
        if journal.load(&id).await.into_diagnostic()?.is_empty() {
            if let Some(archive) = journal.archived_in(&id).await.into_diagnostic()? {
                bail!("the records of case {id} are archived. Look for them in {archive}");
            }
            bail!("there is no case {id}; `fieldmedic case list` lists all cases");
        }
        return Ok(id);
    }
    let cases = journal.cases(10_000).await.into_diagnostic()?;
    let mut matches = cases.into_iter().filter(|case| case.id.as_str().starts_with(text) && !text.is_empty());
    match (matches.next(), matches.next()) {
        (Some(case), None) => Ok(case.id),
        (Some(_), Some(_)) => {
            Err(miette!("several cases begin with `{text}`; write more characters of the id"))
        }
        (None, _) => Err(miette!("there is no case `{text}`; `fieldmedic case list` lists all cases")),
    }
}
