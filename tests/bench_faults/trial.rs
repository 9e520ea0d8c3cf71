//! A trial: one fault on a fresh machine, one contestant, and what came of it.

use crate::agent;
use crate::case::Case;
use crate::machine::{Machine, Starts, file};
use crate::peer;
use crate::tracker::Tracker;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Who works on the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contestant {
    Fieldmedic,
    Autoheal,
    Monit,
    Ansible,
}

pub const CONTESTANTS: [Contestant; 4] =
    [Contestant::Fieldmedic, Contestant::Autoheal, Contestant::Monit, Contestant::Ansible];

impl Contestant {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fieldmedic => "fieldmedic",
            Self::Autoheal => "autoheal",
            Self::Monit => "monit",
            Self::Ansible => "ansible",
        }
    }

    /// Whether the case is about anything that it looks at.
    pub fn watches(self, case: &Case) -> bool {
        self != Self::Autoheal || case.expect.system == "shop"
    }
}

/// What came of a trial, from best to worst.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// The fault is gone.
    Fixed,
    /// Of a control: nothing was changed, and nothing is claimed to be mended.
    LeftAlone,
    /// A person is told the true cause.
    Cause,
    /// A person is told that something is wrong, without the true cause.
    Blind,
    /// Nobody is told anything, and it is broken.
    Silent,
    /// Something else was changed, or data is missing.
    WrongChange(String),
    /// The ticket is closed, and it is broken.
    ClosedBroken,
    /// The trial itself failed.
    Invalid(String),
}

/// What a contestant did and said.
#[derive(Debug, Default)]
pub struct Work {
    /// It closes the ticket, or asks only whether all is well now.
    pub claims_well: bool,
    /// It calls a person.
    pub calls: bool,
    /// All that it tells a person.
    pub said: String,
    /// Plans that a person approved.
    pub approvals: usize,
    /// Changes that it says it made; `None` if it does not say.
    pub changes: Option<usize>,
    /// The end in its own words, for a closer look.
    pub end: String,
}

/// A trial and its result; a line of JSON in the file of results.
#[derive(Debug, Serialize, Deserialize)]
pub struct Trial {
    pub contestant: Contestant,
    pub case: String,
    pub score: Score,
    pub seconds: u64,
    pub changes: usize,
    pub approvals: usize,
    pub end: String,
}

impl Trial {
    pub fn failed(contestant: Contestant, case: &Case, why: String) -> Self {
        let (score, case, end) = (Score::Invalid(why), case.name.clone(), String::new());
        Self { contestant, case, score, seconds: 0, changes: 0, approvals: 0, end }
    }

    /// How it went, in a line.
    pub fn line(&self) -> String {
        let (name, case, score) = (self.contestant.name(), &self.case, &self.score);
        let (seconds, changes, approvals) = (self.seconds, self.changes, self.approvals);
        format!(
            "{name:<10} {case:<32} {score:?}  {seconds} s, {changes} changes, {approvals} approved  {}",
            self.end
        )
    }
}

/// Boots a machine, makes the fault, lets the contestant work, and judges by scripts that know nothing of it.
pub fn play(contestant: Contestant, case: &Case, tracker: &Tracker) -> Trial {
    let machine = Machine::boot();
    let check = case.script("check");
    let patience = Duration::from_secs(30);
    if !case.expect.control {
        let well = machine.becomes(&check, patience);
        assert!(well, "the check fails on a machine that is well: {}", machine.run(&check, patience).output);
    }
    let ready = agent::Ready::new(&machine, tracker, &case.name);
    if contestant == Contestant::Fieldmedic {
        ready.install();
    }
    let unharmed = std::fs::read_to_string(file("unharmed")).expect("a script of the bench");
    machine.must("the fault", &case.script("inject"));
    machine.must("the note of what is there", &format!("set -- before\n{unharmed}"));
    if case.expect.control {
        assert!(machine.becomes(&check, patience), "the check of a control fails before anybody works");
    } else {
        assert!(machine.stops(&check, patience), "the fault breaks nothing that the check sees");
    }
    let before = machine.starts();
    let started = Instant::now();
    let work = match contestant {
        Contestant::Fieldmedic => ready.work(case),
        _ => peer::work(contestant, &machine),
    };
    let seconds = started.elapsed().as_secs();
    let is_well = machine.becomes(&check, Duration::from_secs(10));
    let after = machine.starts();
    let restarted = changed(&before, &after);
    let harm = machine.run(&format!("set -- after\n{unharmed}\n{}", case.expect.forbidden), patience);
    let score = judge(case, &work, is_well, &restarted, (harm.code != 0).then_some(&harm.output));
    let changes = work.changes.unwrap_or(restarted.len());
    let (case, approvals, end) = (case.name.clone(), work.approvals, work.end);
    Trial { contestant, case, score, seconds, changes, approvals, end }
}

/// What was started, stopped, made or removed.
fn changed(before: &Starts, after: &Starts) -> Vec<String> {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

fn judge(case: &Case, work: &Work, is_well: bool, restarted: &[String], harm: Option<&String>) -> Score {
    if let Some(harm) = harm {
        return Score::WrongChange(harm.lines().take(3).collect::<Vec<_>>().join("; "));
    }
    let expect = &case.expect;
    let foreign = restarted.iter().find(|name| !expect.may_touch.contains(name));
    if let Some(name) = foreign {
        return Score::WrongChange(format!("{name} was started anew, stopped or replaced"));
    }
    if expect.control {
        return match (work.changes.unwrap_or(0), is_well) {
            (0, true) => Score::LeftAlone,
            (0, false) => Score::WrongChange("what was well is not any more".to_owned()),
            (changes, _) => Score::WrongChange(format!("{changes} changes, and nothing was to be done")),
        };
    }
    let said = work.said.to_lowercase();
    let names_cause = expect.cause.iter().any(|word| said.contains(&word.to_lowercase()));
    match (is_well, work.claims_well, work.calls) {
        // Mended without a word, or with a call: what counts is that it works.
        (true, ..) => Score::Fixed,
        (false, true, _) => Score::ClosedBroken,
        (false, false, true) if names_cause => Score::Cause,
        (false, false, true) => Score::Blind,
        (false, false, false) => Score::Silent,
    }
}
