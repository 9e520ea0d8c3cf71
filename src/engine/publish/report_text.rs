//! The text of a case's report.

use crate::core::case::Case;
use crate::core::playbook::Library;
use crate::core::text::format::format_minute;
use crate::core::view::report::report;
use crate::engine::case::answer::answer;
use crate::engine::case::library::library_of;
use crate::engine::case::load::load_case;
use crate::engine::chatops::conclusion::readonly_report_data;
use crate::engine::context::Context;
use crate::ports::JournalError;
use serde_json::{Value, json};

/// The report of a case, in Markdown.
///
/// # Errors
/// The journal cannot be used.
pub async fn report_text(context: &Context, case: &Case, library: &Library) -> Result<String, JournalError> {
    let (prompt, data) = if case.scope().is_read_only() {
        ("looked.md", readonly_report_data(case, library))
    } else {
        let answer = answer(case, library).transpose().ok().flatten();
        let earlier = earlier(context, case).await?;
        ("report.md", json!({ "report": report(case, library), "answer": answer, "earlier": earlier }))
    };
    Ok(context.prompts.fill(prompt, data))
}

/// The report of the case whose close is disputed; `None` if its records cannot be read any more.
async fn earlier(context: &Context, case: &Case) -> Result<Option<Value>, JournalError> {
    let Some(dispute) = &case.dispute else { return Ok(None) };
    let Some(past) = load_case(context, &dispute.case).await? else { return Ok(None) };
    let library = library_of(context, &past.library).await?;
    let report = report(&past, library.as_ref().unwrap_or(&context.library));
    Ok(Some(json!({ "report": report, "closed": past.publishing.closed_at.map(format_minute) })))
}
