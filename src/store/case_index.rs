//! One line of the list of cases: a cache of what the records say, folded from them in one way only,
//! whether a record has just been written or the whole list is made anew.

use crate::core::case::event::{CaseId, Event};
use crate::core::case::outcome::Outcome;
use crate::core::case::payload::{decode_outcome, encode_outcome};
use crate::core::case::record::Record;
use crate::core::ids::SystemName;
use crate::core::text::format::cut_at;
use crate::core::ticket::{Ticket, TicketId};
use crate::ports::CaseSummary;
use crate::store::error::{StoreError, unreadable};
use crate::store::row::EventRow;

/// How much of a title the list keeps, in bytes.
const LONGEST_TITLE: usize = 300;

/// What the list keeps of one case.
pub(super) struct Summary {
    pub(super) line: CaseSummary,
    /// The title of the ticket, shortened; `None` where it is not known.
    pub(super) title: Option<String>,
    /// What the ticket is about, once that is known.
    pub(super) system: Option<SystemName>,
    pub(super) ended: bool,
    /// The hash of the last record.
    pub(super) head: String,
}

impl Summary {
    /// From the first record, which must name this very ticket.
    pub(super) fn open(
        case: &CaseId,
        ticket: &TicketId,
        first: &Record,
        hash: String,
    ) -> Result<Self, StoreError> {
        Self::begin(case, first, hash).filter(|summary| summary.line.ticket == *ticket).ok_or_else(|| {
            let kind = first.event.kind();
            unreadable(format!("case {case} of {ticket} begins with `{kind}`, not with its ticket"))
        })
    }

    /// From all records of the case.
    pub(super) fn fold(case: &CaseId, records: Vec<EventRow>) -> Result<Self, StoreError> {
        let mut summary = None;
        for stored in records {
            let record = stored.record(case)?;
            Self::extend(&mut summary, case, &record, stored.hash);
        }
        Self::of(case, summary)
    }

    /// Takes in the next record of a case. Those before the one that opens it are passed over.
    pub(super) fn extend(summary: &mut Option<Self>, case: &CaseId, record: &Record, hash: String) {
        match summary {
            Some(summary) => summary.take(record, hash),
            None => *summary = Self::begin(case, record, hash),
        }
    }

    /// What was folded of a case; an error if no record opened it.
    pub(super) fn of(case: &CaseId, summary: Option<Self>) -> Result<Self, StoreError> {
        summary.ok_or_else(|| unreadable(format!("case {case} has no record that opens it")))
    }

    fn begin(case: &CaseId, first: &Record, hash: String) -> Option<Self> {
        let Event::Opened { ticket, .. } = &first.event else { return None };
        let line = CaseSummary {
            id: case.clone(),
            ticket: ticket.id.clone(),
            opened_at: first.at,
            updated_at: first.at,
            outcome: None,
        };
        let title = Some(shown_title(ticket).to_owned());
        Some(Self { line, title, system: None, ended: false, head: hash })
    }

    /// Takes in the next record.
    pub(super) fn take(&mut self, record: &Record, hash: String) {
        self.line.updated_at = record.at;
        self.head = hash;
        match &record.event {
            Event::OutcomeDecided(outcome) => self.line.outcome = Some(outcome.clone()),
            Event::Triaged(triage) => self.system = triage.system.as_ref().map(|system| system.name.clone()),
            Event::Ended => self.ended = true,
            _ => {}
        }
    }

    /// The outcome as its column has it.
    pub(super) fn outcome(&self) -> Result<Option<String>, StoreError> {
        let outcome = self.line.outcome.as_ref().map(encode_outcome).transpose();
        outcome.map_err(|error| unreadable(format!("the outcome: {error}")))
    }
}

/// What the list keeps of the title of a ticket.
pub(super) fn shown_title(ticket: &Ticket) -> &str {
    cut_at(ticket.title.as_str(), LONGEST_TITLE)
}

/// The word by which people look for an outcome.
pub(super) fn outcome_word(outcome: Option<&Outcome>) -> &'static str {
    outcome.map_or("working", Outcome::word)
}

/// Everything of a line that people may look for, in lower case.
pub(super) fn search_text(line: &CaseSummary, title: Option<&str>, system: Option<&SystemName>) -> String {
    let code = match &line.outcome {
        Some(Outcome::Escalated(escalation)) => escalation.code.as_str(),
        _ => "",
    };
    let system = system.map_or("", SystemName::as_str);
    let word = outcome_word(line.outcome.as_ref());
    // No word of a query holds a line break, so none is found across two parts.
    format!("{}\n{}\n{}\n{system}\n{word}\n{code}", title.unwrap_or_default(), line.ticket, line.id)
        .to_lowercase()
}

/// The outcome in a column.
pub(super) fn read_outcome(case: &CaseId, text: Option<String>) -> Result<Option<Outcome>, StoreError> {
    text.map(|text| decode_outcome(&text))
        .transpose()
        .map_err(|error| unreadable(format!("case {case}, its outcome: {error}")))
}
