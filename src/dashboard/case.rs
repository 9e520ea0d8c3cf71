//! The page of one case: its story from the ticket to the report.

use crate::core::case::event::{Event, ProbeReason};
use crate::core::case::outcome::Outcome;
use crate::core::case::record::Record;
use crate::core::case::{Case, ChangeState, Stage, StepState};
use crate::core::diagnosis::evidence::{Observation, ProbeStatus};
use crate::core::ids::{CaseId, ProbeName};
use crate::core::playbook::Library;
use crate::core::text::format::cut_at;
use crate::core::view::events::lines;
use crate::core::view::explain::{FaultExplanation, Verdict, explain};
use crate::core::view::report::{ProbeView, ProposedStep, RemediationView, Report, report};
use crate::dashboard::board::Dashboard;
use crate::dashboard::card::CaseCard;
use crate::dashboard::track::{Segment, Track, Verification};
use crate::dashboard::words::{Moment, instant, length, moment, tone};
use crate::engine::report_text;
use crate::ports::JournalError;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// So many records are listed, the newest.
const RECORDS: usize = 400;

/// So much of an output is shown, in bytes; the journal has more.
const OUTPUT: usize = 4000;

/// So much of a ticket's text is shown, in bytes.
const BODY: usize = 8000;

/// Everything that the page shows.
#[derive(Debug, Clone, Serialize)]
pub struct CasePage {
    id: String,
    card: CaseCard,
    author: String,
    body: String,
    labels: Vec<String>,
    source: String,
    opened: Moment,
    updated: Moment,
    until: Option<Moment>,
    took: String,
    is_running: bool,
    /// The outcome's word; `None` while it has none.
    outcome: Option<String>,
    tone: &'static str,
    code: Option<String>,
    /// Why it ended so.
    why: Option<String>,
    /// Somebody has ended it, and it has not come to its end.
    is_cancelled: bool,
    segments: Vec<Segment>,
    report: Report,
    /// What was understood of the words.
    reading: Option<String>,
    found: Vec<FaultExplanation>,
    unknown: Vec<FaultExplanation>,
    ruled_out: Vec<FaultExplanation>,
    probes: Vec<ProbeRow>,
    remediations: Vec<RemediationPart>,
    proposal: Vec<ProposedStep>,
    /// The report as Markdown; `None` before the outcome is known.
    report_text: Option<String>,
    records: Vec<RecordRow>,
    records_left_out: usize,
    spent: Vec<(&'static str, String)>,
}

/// One probe with what it returned.
#[derive(Debug, Clone, Serialize)]
struct ProbeRow {
    #[serde(flatten)]
    view: ProbeView,
    output: Option<OutputView>,
}

/// What a command returned.
#[derive(Debug, Clone, Serialize)]
struct OutputView {
    exit: String,
    took: String,
    stdout: String,
    stderr: String,
    /// There was more.
    is_cut: bool,
}

/// One remediation.
#[derive(Debug, Clone, Serialize)]
struct RemediationPart {
    #[serde(flatten)]
    view: RemediationView,
    playbook: String,
    plan: String,
    failure_text: Option<String>,
    doubt_text: Option<String>,
    started: Moment,
    /// For each step what the host returned, and why it was left out.
    outputs: Vec<Option<OutputView>>,
    skipped: Vec<Option<String>>,
    verification: Option<Verification>,
}

/// One record.
#[derive(Debug, Clone, Serialize)]
struct RecordRow {
    seq: u64,
    at: Moment,
    /// Since the beginning of the case.
    after: String,
    kind: &'static str,
    text: String,
    /// It is part of the story that people follow.
    is_key: bool,
}

/// What is known of a case.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CaseView {
    /// Its page.
    Page(Box<CasePage>),
    /// Its records were exported to this file.
    Archived {
        /// The name of the archive.
        archive: String,
    },
    /// Its records cannot be read.
    Unreadable {
        /// What is wrong.
        problem: String,
    },
}

impl Dashboard {
    /// The page of a case; `None` if there is no such case.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn case_page(&self, id: &CaseId) -> Result<Option<CaseView>, JournalError> {
        let journal = &self.context.journal;
        let unreadable = |problem: String| Some(CaseView::Unreadable { problem });
        let records = match journal.load(id).await {
            Ok(records) if records.is_empty() => {
                let archive = journal.archived_in(id).await?;
                return Ok(archive.map(|archive| CaseView::Archived { archive }));
            }
            Ok(records) => records,
            Err(error) if error.is_permanent() => return Ok(unreadable(error.to_string())),
            Err(error) => return Err(error),
        };
        let now = self.context.clock.now();
        let track = match Track::follow(id, &records, now) {
            Ok(track) => track,
            Err(error) => return Ok(unreadable(error.to_string())),
        };
        let library = self.library(&track.case.library).await?;
        let text = match track.case.outcome {
            Some(_) => Some(report_text(&self.context, &track.case, &library).await?),
            None => None,
        };
        Ok(Some(CaseView::Page(Box::new(self.page_of(track, &records, &library, text, now)))))
    }

    fn page_of(
        &self,
        track: Track,
        records: &[Record],
        library: &Library,
        report_text: Option<String>,
        now: DateTime<Utc>,
    ) -> CasePage {
        let case = &track.case;
        let prompts = &self.context.prompts;
        let report = report(case, library);
        let (found, rest): (Vec<_>, Vec<_>) = explain(case, records, library)
            .into_iter()
            .partition(|fault: &FaultExplanation| fault.verdict == Verdict::Found);
        let (unknown, mut ruled_out): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|fault| fault.verdict == Verdict::Unknown);
        // What the ticket speaks of stands first.
        ruled_out.sort_by_key(|fault| fault.words.is_none());
        let line = |record: &Record| {
            let all = lines(case, &record.event);
            all.iter().map(|line| prompts.line("event", line)).collect::<Vec<_>>().join("\n")
        };
        let left_out = records.len().saturating_sub(RECORDS);
        let outcome = case.outcome.as_ref();
        let runs = case.stage != Stage::Ended;
        let card = CaseCard::of(case, library, prompts, records.last().map(line).unwrap_or_default());
        CasePage {
            id: case.id.to_string(),
            until: card.until.map(|at| moment(at, now)),
            card,
            author: case.ticket.author.clone(),
            body: shorten(case.ticket.body.as_str(), BODY),
            labels: case.ticket.labels.clone(),
            source: records.first().map(line).unwrap_or_default(),
            opened: moment(case.opened_at, now),
            updated: moment(case.updated_at, now),
            took: length(if runs { now.max(case.updated_at) } else { case.updated_at } - case.opened_at),
            is_running: runs,
            outcome: outcome.map(|outcome| outcome.long_word().replace('-', " ")),
            tone: tone(outcome.map_or("working", Outcome::word)),
            code: report.code.map(|code| code.to_string()),
            why: report.detail.as_ref().map(|detail| prompts.line("detail", detail)),
            is_cancelled: case.cancelled_by.is_some() && outcome.is_none(),
            reading: records.iter().find(|record| matches!(record.event, Event::TicketRead(_))).map(line),
            found,
            unknown,
            ruled_out,
            probes: report.probes.iter().map(|view| probe_row(case, view)).collect(),
            remediations: report
                .remediations
                .iter()
                .enumerate()
                .map(|(index, view)| self.remediation_part(&track, index, view, library, now))
                .collect(),
            proposal: report.proposal.clone(),
            report_text,
            records: records
                .iter()
                .skip(left_out)
                .map(|record| RecordRow {
                    seq: record.seq,
                    at: instant(record.at, case.opened_at, now),
                    after: length(record.at - case.opened_at),
                    kind: record.event.kind().as_str(),
                    text: line(record),
                    is_key: is_key(&record.event),
                })
                .collect(),
            records_left_out: left_out,
            spent: spent(case),
            segments: track.segments,
            report,
        }
    }

    fn remediation_part(
        &self,
        track: &Track,
        index: usize,
        view: &RemediationView,
        library: &Library,
        now: DateTime<Utc>,
    ) -> RemediationPart {
        let prompts = &self.context.prompts;
        let remediation = track.case.remediations.get(index);
        let system = track.case.triage.as_ref().and_then(|triage| triage.system(library));
        let fault = system.as_deref().zip(remediation);
        let fault = fault.and_then(|(system, remediation)| system.fault(&remediation.plan.playbook));
        let steps: &[StepState] = remediation.map_or(&[], |remediation| &remediation.steps);
        RemediationPart {
            view: view.clone(),
            playbook: remediation
                .map(|remediation| remediation.plan.playbook.to_string())
                .unwrap_or_default(),
            plan: remediation.map(|remediation| remediation.plan.short_id().to_owned()).unwrap_or_default(),
            failure_text: view.failure.as_ref().map(|failure| prompts.line("failure", failure)),
            doubt_text: view.doubt.as_ref().map(|doubt| prompts.line("doubt", doubt)),
            started: moment(remediation.map_or(now, |remediation| remediation.started_at), now),
            outputs: steps.iter().map(|step| step.observation.as_ref().map(output)).collect(),
            skipped: steps
                .iter()
                .map(|step| match &step.state {
                    ChangeState::Skipped(why) => Some(prompts.line("skip", why)),
                    _ => None,
                })
                .collect(),
            verification: track.verification(index, fault, self.context.policy.soak, now),
        }
    }
}

fn probe_row(case: &Case, view: &ProbeView) -> ProbeRow {
    let name = ProbeName::new(&view.probe).ok();
    let result = name.and_then(|name| case.evidence.probes.get(&name));
    let seen = match result.map(|result| &result.status) {
        Some(ProbeStatus::Completed(seen)) => Some(output(seen)),
        _ => None,
    };
    ProbeRow { view: view.clone(), output: seen }
}

fn output(seen: &Observation) -> OutputView {
    let (stdout, stderr) = (seen.stdout.text.as_str().trim_end(), seen.stderr.text.as_str().trim_end());
    let is_cut = seen.stdout.cut || seen.stderr.cut || stdout.len() > OUTPUT || stderr.len() > OUTPUT;
    OutputView {
        exit: seen.exit.to_string(),
        took: length(chrono::TimeDelta::milliseconds(i64::try_from(seen.took_ms).unwrap_or(i64::MAX))),
        stdout: cut_at(stdout, OUTPUT).to_owned(),
        stderr: cut_at(stderr, OUTPUT).to_owned(),
        is_cut,
    }
}

fn shorten(text: &str, limit: usize) -> String {
    crate::core::text::format::shortened(text.trim_end(), limit)
}

/// What people follow: what was decided, said and done. What was merely published or read again is left to the list
/// of all records.
fn is_key(event: &Event) -> bool {
    !matches!(
        event,
        Event::TicketRead(_)
            | Event::Probed { reason: ProbeReason::OnlyIf(_) | ProbeReason::Verify, .. }
            | Event::HostsLeased { .. }
            | Event::Rechecked { .. }
            | Event::ConditionsChecked { .. }
            | Event::Published { .. }
            | Event::ChangeNotStarted { .. }
            | Event::ChangeBlocked { .. }
            | Event::StepsCompleted
            | Event::Ended
    )
}

fn spent(case: &Case) -> Vec<(&'static str, String)> {
    let spent = case.timings;
    let all = [
        ("connecting", spent.connect),
        ("probes", spent.probes),
        ("changes", spent.changes),
        ("verification", spent.verification),
        ("GitHub", spent.forge),
    ];
    let told = all.into_iter().filter(|(_, millis)| *millis > 0);
    told.map(|(what, millis)| {
        (what, length(chrono::TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX))))
    })
    .collect()
}
