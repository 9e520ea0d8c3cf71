//! The report of a case that changes nothing: a diagnosis, or a request that was answered.

use crate::core::case::Case;
use crate::core::playbook::Library;
use crate::core::ticket::triage::Intent;
use crate::core::view::report::report;
use crate::engine::case::answer::answer;
use serde_json::{Value, json};

/// What `prompts/looked.md` is filled with.
pub(crate) fn read_only_report(case: &Case, library: &Library) -> Value {
    let triage = case.triage.as_ref();
    let request = triage.and_then(|triage| match &triage.intent {
        Intent::Question { request, .. } => {
            triage.system(library)?.request(request).map(|it| it.title.clone())
        }
        Intent::Problem => None,
    });
    json!({
        "report": report(case, library),
        "request": request,
        "answer": answer(case, library).and_then(Result::ok),
    })
}
