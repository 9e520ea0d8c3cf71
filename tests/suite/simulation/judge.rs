//! What must hold at the end of an incident.

use super::host::PLANTED;
use super::people::PASTED;
use super::run::{MEDIC, Story, TOKEN, WEBHOOK_SECRET, is_wanted};
use crate::taps::brief;
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::case::event::{CaseId, Event, Source};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::case::payload::encode_event;
use fieldmedic::core::case::published::{Published, StatusKey};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::chatops::scope::CaseScope;
use fieldmedic::core::playbook::command::Template;
use fieldmedic::core::playbook::{Library, SystemType};
use fieldmedic::core::ticket::TicketId;
use fieldmedic::sandbox::github::{Issue, IssueEventKind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The limit of label changes for one case.
const LABELINGS: usize = 24;

/// The limit of comment edits for one case.
const EDITS: usize = 60;

pub struct FinalState {
    /// The oracle's violations.
    pub violations: Vec<String>,
    pub cases: Vec<(CaseId, Vec<Record>)>,
    pub broken_chains: usize,
    pub issues: Vec<Issue>,
    pub labels: Vec<String>,
    pub commands: Vec<(DateTime<Utc>, String)>,
    pub given: BTreeMap<(CaseId, String), u32>,
    /// The host never had a fault.
    pub always_healthy: bool,
    pub library: Arc<Library>,
    pub host_problems: Vec<String>,
}

pub fn judge(left: &FinalState) -> Story {
    let mut violations = left.violations.clone();
    let mut check = |holds: bool, why: &dyn Fn() -> String| {
        if !holds {
            violations.push(why());
        }
    };
    check(left.broken_chains == 0, &|| "a chain of the journal is broken".into());
    check(left.host_problems.is_empty(), &|| format!("the fake host: {:?}", left.host_problems));
    check(!left.always_healthy || left.given.is_empty(), &|| {
        format!("the host had no fault, and received {:?}", left.given.keys())
    });
    let mut by_ticket: BTreeMap<TicketId, Vec<&(CaseId, Vec<Record>)>> = BTreeMap::new();
    for case in left.cases.iter().rev() {
        let Some(Event::Opened { ticket, .. }) = case.1.first().map(|record| &record.event) else { continue };
        by_ticket.entry(ticket.id.clone()).or_default().push(case);
        let ended = case.1.iter().filter(|record| record.event == Event::Ended).count();
        check(ended == 1, &|| format!("{} on {} ended {ended} times", case.0, ticket.id));
        let concluded = outcomes(&case.1).count();
        check(concluded == 1, &|| format!("{} on {} has {concluded} outcomes", case.0, ticket.id));
    }
    for issue in &left.issues {
        let cases: Vec<_> = by_ticket
            .iter()
            .filter(|(id, _)| id.number == issue.number)
            .flat_map(|(_, cases)| cases)
            .collect();
        let violation = judge_issue(issue, &cases.iter().map(|case| &***case).collect::<Vec<_>>());
        violations
            .extend(violation.into_iter().map(|violation| format!("issue {}: {violation}", issue.number)));
    }
    let allowed = Allowed::by(&left.library);
    let strange = left.commands.iter().filter(|(_, line)| !allowed.allow(line));
    violations.extend(strange.map(|(_, line)| format!("no playbook has the command {line:?}")));
    let text = text(left);
    for secret in [TOKEN, WEBHOOK_SECRET, PLANTED.split_once('=').map_or("", |(_, secret)| secret), PASTED] {
        if let Some(at) = text.public.find(secret) {
            let start = text.public[..at].char_indices().rev().nth(60).map_or(0, |(index, _)| index);
            violations.push(format!("a secret was published: …{}", &text.public[start..at + secret.len()]));
        }
    }
    let outcomes = left.cases.iter().flat_map(|(_, records)| outcomes(records)).map(kind).collect();
    Story { violations, text: text.public + &text.host, outcomes }
}

fn outcomes(records: &[Record]) -> impl Iterator<Item = &Outcome> {
    records.iter().filter_map(|record| match &record.event {
        Event::OutcomeDecided(outcome) => Some(outcome),
        _ => None,
    })
}

fn kind(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Escalated(escalation) => format!("escalated: {}", escalation.code),
        other => format!("{other:?}").split([' ', '{']).next().unwrap_or_default().to_lowercase(),
    }
}

fn judge_issue(issue: &Issue, cases: &[&(CaseId, Vec<Record>)]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut check = |holds: bool, why: String| {
        if !holds {
            violations.push(why);
        }
    };
    let touched_by_people = |what: fn(&IssueEventKind) -> bool| {
        issue.events.iter().any(|event| event.actor != MEDIC && what(&event.what))
    };
    let has_label = |name: &str| issue.labels.iter().any(|label| label == name);
    check(!is_wanted(issue) || !cases.is_empty(), "it has no case".into());
    let comments: Vec<&str> = issue.comments_by(MEDIC).map(|comment| comment.body.as_str()).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for body in &comments {
        let marker = body.lines().next().unwrap_or_default();
        *kinds.entry(marker).or_default() += 1;
        check(marker.starts_with("<!-- fieldmedic "), format!("a comment without a marker: {marker:?}"));
    }
    for (marker, count) in kinds {
        check(count == 1, format!("{count} comments {marker}"));
    }
    for (id, records) in cases {
        let reports = comments
            .iter()
            .filter(|body| body.starts_with(&format!("<!-- fieldmedic case={id} kind=report")));
        let reports = reports.count();
        let refused =
            records.iter().any(|record| matches!(record.event, Event::PublishFailed { lasting: true, .. }));
        check(reads_well(records), format!("the status of {id} was edited faster than people read"));
        let reminders = comments
            .iter()
            .filter(|body| body.starts_with(&format!("<!-- fieldmedic case={id} kind=reminder")));
        check(reminders.count() <= 2, format!("more than two reminders of {id}"));
        let silent = outcomes(records).any(|outcome| matches!(outcome, Outcome::Declined { .. }));
        check(reports == 1 || silent || refused, format!("{reports} reports of {id}"));
    }
    let of_medic = |what: fn(&IssueEventKind) -> bool| {
        issue.events.iter().filter(|event| event.actor == MEDIC && what(&event.what)).count()
    };
    let labelings =
        of_medic(|what| matches!(what, IssueEventKind::Labeled(_) | IssueEventKind::Unlabeled(_)));
    check(labelings <= LABELINGS * cases.len().max(1), format!("{labelings} changes of labels"));
    let edits = of_medic(|what| matches!(what, IssueEventKind::CommentEdited(_)));
    check(edits <= EDITS * cases.len().max(1), format!("{edits} edits of comments"));
    let states: Vec<&String> = issue.labels.iter().filter(|label| label.starts_with("medic:")).collect();
    check(states.len() <= 1, format!("it is in several states: {states:?}"));
    // A case with a narrower scope leaves the ticket as it was.
    let errand = |records: &[Record]| match records.first().map(|record| &record.event) {
        Some(Event::Opened { source: Source::Command { scope, .. }, .. }) => scope.clone(),
        _ => CaseScope::FullTicket,
    };
    let mut about_ticket = cases.iter().filter(|(_, records)| !errand(records).is_read_only());
    let last = about_ticket.next_back().filter(|(_, records)| errand(records) == CaseScope::FullTicket);
    let last = last.and_then(|(_, records)| outcomes(records).last());
    let undisturbed =
        !touched_by_people(|what| matches!(what, IssueEventKind::Closed | IssueEventKind::Reopened))
            && !touched_by_people(|what| matches!(what, IssueEventKind::Unlabeled(_)));
    // A declined or cancelled case leaves the issue as it is.
    let has_say = |last: &&Outcome| last.closes() || matches!(last, Outcome::Escalated(_));
    if let (Some(last), true) = (last.filter(has_say), undisturbed) {
        check(
            issue.is_closed() == last.closes(),
            format!("{} and closed: {}", kind(last), issue.is_closed()),
        );
        let state = match last {
            outcome if outcome.closes() => Some("medic:resolved"),
            Outcome::Escalated(_) => Some("medic:needs-human"),
            _ => None,
        };
        let shown = state.is_none_or(has_label);
        check(shown, format!("{}, labelled {:?}", kind(last), issue.labels));
    }
    violations
}

/// A passing stage is shown no sooner than ten seconds after the last edit.
fn reads_well(records: &[Record]) -> bool {
    let told = records.iter().filter_map(|record| match &record.event {
        Event::Published { what: Published::Status(key), .. } => Some((record.at, key)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let passes = |key: &StatusKey| ["looking", "treating", "verifying", "undoing"].contains(&key.word());
    // The first status is no edit.
    let mut edits = told.get(1..).unwrap_or_default().windows(2);
    edits.all(|pair| !passes(pair[1].1) || pair[1].0 - pair[0].0 >= TimeDelta::seconds(10))
}

/// Every command that the playbooks can render, as the host would receive it. It is taken from the text of
/// the templates, not from the code that renders them.
struct Allowed {
    words: Vec<Vec<String>>,
    scripts: BTreeSet<(String, String)>,
}

impl Allowed {
    fn by(library: &Library) -> Self {
        let mut allowed = Self { words: Vec::new(), scripts: BTreeSet::new() };
        for system in library.systems.values() {
            allowed.add_system(system);
        }
        allowed
    }

    fn add_system(&mut self, system: &SystemType) {
        let looks = system.requests.iter().flat_map(|request| request.extra_probes.values());
        for probe in system.probes.values().chain(looks) {
            self.add(probe.name.as_str(), &probe.command);
        }
        for step in system.faults.iter().flat_map(|fault| &fault.remediation) {
            self.add(&step.name, &step.command);
            if let Some(undo) = &step.rollback {
                self.add(&format!("rollback {}", step.name), undo);
            }
        }
    }

    fn add(&mut self, name: &str, template: &Template) {
        let text = template.to_string();
        self.scripts.insert((name.to_owned(), text.trim().to_owned()));
        let words = shlex::split(text.trim_start_matches("sudo ")).unwrap_or_default();
        self.words.push(words);
    }

    fn allow(&self, line: &str) -> bool {
        let Some(words) = shlex::split(line) else { return false };
        let words: Vec<&str> = match &words[..] {
            [cd, dashes, _, and, rest @ ..] if cd == "cd" && dashes == "--" && and == "&&" => rest,
            all => all,
        }
        .iter()
        .map(String::as_str)
        .collect();
        let words = words.strip_prefix(&["sudo", "-n", "--"]).unwrap_or(&words);
        if let Some(at) =
            words.iter().position(|word| *word == "sh").filter(|_| words.first() == Some(&"env"))
        {
            let [_, "-euc", text, name] = words[at..] else { return false };
            return self.scripts.contains(&(name.to_owned(), text.trim().to_owned()));
        }
        self.words.iter().any(|pattern| fits(pattern, words))
    }
}

/// A placeholder stands for words without shell syntax.
fn fits(pattern: &[String], words: &[&str]) -> bool {
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || "._/@:+,-".contains(c));
    match pattern.split_first() {
        None => words.is_empty(),
        Some((first, rest)) if first.starts_with('<') && first.ends_with('>') => {
            (0..=words.len()).any(|count| words[..count].iter().all(plain) && fits(rest, &words[count..]))
        }
        Some((first, rest)) => words.first().is_some_and(|word| word == first) && fits(rest, &words[1..]),
    }
}

struct Text {
    /// The journal and all comments.
    public: String,
    host: String,
}

fn text(left: &FinalState) -> Text {
    let mut public = String::new();
    for (id, records) in &left.cases {
        for record in records {
            let event = encode_event(&record.event).expect("JSON");
            public.push_str(&format!("{id} {} {} {event}\n", record.seq, record.at));
        }
    }
    for issue in &left.issues {
        if issue.author == MEDIC {
            public.push_str(&format!("{}\n{}\n", issue.title, issue.body.as_deref().unwrap_or_default()));
        }
        public.push_str(&format!("{} {:?}\n", issue.number, issue.labels));
        issue.comments_by(MEDIC).for_each(|comment| public.push_str(&format!("{}\n", comment.body)));
    }
    public.push_str(&format!("{:?}\n", left.labels));
    let host = left.commands.iter().map(|(at, line)| format!("{at} {}\n", brief(line))).collect();
    Text { public, host }
}
