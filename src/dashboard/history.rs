//! The page *History*: all cases, the newest first, by words, outcome and system.

use crate::core::case::outcome::Outcome;
use crate::core::ids::{CaseId, SystemName};
use crate::dashboard::board::Dashboard;
use crate::dashboard::words::{Moment, length, moment, tone};
use crate::ports::{CaseEntry, CaseQuery, JournalError};
use chrono::{DateTime, Utc};
use serde::Serialize;
use url::form_urlencoded;

/// Cases on a page.
const PAGE: u32 = 50;

/// The longest text that is searched for, in characters.
const LONGEST_TEXT: usize = 200;

/// What can be chosen of the outcomes.
const OUTCOMES: [&str; 9] = [
    "working",
    "resolved",
    "confirmed",
    "partial",
    "unrelated",
    "answered",
    "escalated",
    "declined",
    "cancelled",
];

/// What a person asks for. Nothing in it is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Words, each of which must occur.
    pub text: String,
    /// The word of an outcome; empty for all.
    pub outcome: String,
    /// The name of a system; empty for all.
    pub system: String,
    /// Where the page begins, as the one before it said; empty for the newest.
    pub after: String,
}

/// Everything that the page shows.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryPage {
    text: String,
    outcome: String,
    system: String,
    outcomes: Vec<&'static str>,
    systems: Vec<String>,
    cases: Vec<CaseLine>,
    /// Something excludes cases.
    is_filtered: bool,
    is_first: bool,
    /// The query of an address that asks the same from the beginning.
    filter_query: String,
    /// That of the next page; `None` on the last.
    next: Option<String>,
}

/// One case.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CaseLine {
    id: String,
    ticket: String,
    title: Option<String>,
    system: Option<String>,
    /// The outcome, with a confirmation by silence apart.
    outcome: String,
    tone: &'static str,
    /// The code of an escalation.
    code: Option<String>,
    opened: Moment,
    updated: Moment,
    took: String,
}

impl CaseLine {
    pub(super) fn new(entry: &CaseEntry, now: DateTime<Utc>) -> Self {
        let summary = &entry.summary;
        let word = summary.outcome.as_ref().map_or("working", Outcome::long_word);
        Self {
            id: summary.id.to_string(),
            ticket: summary.ticket.to_string(),
            title: entry.title.clone(),
            system: entry.system.as_ref().map(ToString::to_string),
            outcome: word.replace('-', " "),
            tone: tone(summary.outcome.as_ref().map_or("working", Outcome::word)),
            code: match &summary.outcome {
                Some(Outcome::Escalated(escalation)) => Some(escalation.code.to_string()),
                _ => None,
            },
            opened: moment(summary.opened_at, now),
            updated: moment(summary.updated_at, now),
            took: length(summary.updated_at - summary.opened_at),
        }
    }
}

impl Dashboard {
    /// The page. What cannot be meant, such as an unknown outcome, excludes nothing.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn history_page(&self, query: &HistoryQuery) -> Result<HistoryPage, JournalError> {
        let now = self.context.clock.now();
        let text: String = query.text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
        let outcome = OUTCOMES.into_iter().find(|word| *word == query.outcome).unwrap_or_default();
        let system = SystemName::new(&query.system).ok();
        let after = read_place(&query.after);
        let mut entries = self
            .context
            .journal
            .find_cases(&CaseQuery {
                outcome: (!outcome.is_empty()).then(|| outcome.to_owned()),
                system: system.clone(),
                words: text.split_whitespace().take(CaseQuery::WORDS).map(str::to_owned).collect(),
                after: after.clone(),
                limit: PAGE + 1,
            })
            .await?;
        let has_more = entries.len() > PAGE as usize;
        entries.truncate(PAGE as usize);
        let last = entries.last().map(|entry| place(entry.summary.opened_at, &entry.summary.id));
        let name = system.as_ref().map_or("", SystemName::as_str);
        let address = |after: Option<&str>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("q", &text).append_pair("outcome", outcome).append_pair("system", name);
            after.map(|after| query.append_pair("after", after));
            query.finish()
        };
        let next = last.filter(|_| has_more).map(|last| address(Some(&last)));
        let filter_query = address(None);
        Ok(HistoryPage {
            is_filtered: !text.trim().is_empty() || !outcome.is_empty() || system.is_some(),
            text,
            outcome: outcome.to_owned(),
            system: system.map(|system| system.to_string()).unwrap_or_default(),
            outcomes: OUTCOMES.to_vec(),
            systems: self.context.inventory.systems.keys().map(ToString::to_string).collect(),
            cases: entries.iter().map(|entry| CaseLine::new(entry, now)).collect(),
            is_first: after.is_none(),
            filter_query,
            next,
        })
    }
}

/// A place in the list, as an address holds it.
fn place(at: DateTime<Utc>, id: &CaseId) -> String {
    format!("{}-{id}", at.timestamp_micros())
}

fn read_place(text: &str) -> Option<(DateTime<Utc>, CaseId)> {
    let (micros, id) = text.rsplit_once('-')?;
    Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, CaseId::from_text(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        let id = CaseId::from_text("c0123456789ab").unwrap();
        let at = DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap();
        assert_eq!(read_place(&place(at, &id)), Some((at, id)));
        for text in ["", "-", "1-", "x-c0123456789ab", "99999999999999999999-c0123456789ab", "1-c01' OR 1=1"]
        {
            assert_eq!(read_place(text), None, "{text}");
        }
    }
}
