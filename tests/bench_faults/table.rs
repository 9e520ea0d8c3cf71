//! The results as one table in Markdown.

use crate::case::Case;
use crate::trial::{CONTESTANTS, Contestant, Score, Trial};

pub struct Table<'a> {
    cases: &'a [Case],
    trials: &'a [Trial],
}

impl<'a> Table<'a> {
    pub fn new(cases: &'a [Case], trials: &'a [Trial]) -> Self {
        Self { cases, trials }
    }

    /// The trials of the agent that the bench exists to prevent.
    pub fn agent_failures(&self) -> Vec<String> {
        let bad = |trial: &&Trial| {
            matches!(trial.score, Score::WrongChange(_) | Score::ClosedBroken | Score::Invalid(_))
        };
        let bad = self.of(Contestant::Fieldmedic).filter(bad);
        bad.map(|trial| format!("{} ({})", trial.case, word(&trial.score))).collect()
    }

    pub fn markdown(&self) -> String {
        let present: Vec<Contestant> =
            CONTESTANTS.into_iter().filter(|one| self.of(*one).next().is_some()).collect();
        self.counts(&present) + "\n" + &self.rows(&present)
    }

    fn of(&self, contestant: Contestant) -> impl Iterator<Item = &'a Trial> {
        self.trials.iter().filter(move |trial| trial.contestant == contestant)
    }

    fn is(&self, trial: &Trial, so: impl Fn(&Case) -> bool) -> bool {
        self.cases.iter().any(|case| case.name == trial.case && so(case))
    }

    /// One row per contestant.
    fn counts(&self, present: &[Contestant]) -> String {
        let mut text = String::from(
            "| | fixed and proven, of the fixable | handed over with the true cause, of the others | handed over blind | silent while broken | wrong change | closed while broken | controls left alone | median seconds | changes | approved by a person | not measured |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for contestant in present {
            let trials: Vec<&Trial> = self.of(*contestant).collect();
            let count = |so: &dyn Fn(&Trial) -> bool| trials.iter().filter(|trial| so(trial)).count();
            let fixable = count(&|trial| self.is(trial, |case| case.expect.fixable));
            let others = count(&|trial| self.is(trial, |case| !case.expect.fixable && !case.expect.control));
            let controls = count(&|trial| self.is(trial, |case| case.expect.control));
            let mut seconds: Vec<u64> = trials.iter().map(|trial| trial.seconds).collect();
            seconds.sort_unstable();
            text += &format!(
                "| {} | {} / {fixable} | {} / {others} | {} | {} | {} | {} | {} / {controls} | {} | {} | {} | {} |\n",
                contestant.name(),
                count(&|trial| trial.score == Score::Fixed && self.is(trial, |case| case.expect.fixable)),
                count(&|trial| {
                    matches!(trial.score, Score::Cause | Score::Fixed)
                        && self.is(trial, |case| !case.expect.fixable)
                }),
                count(&|trial| trial.score == Score::Blind),
                count(&|trial| trial.score == Score::Silent),
                count(&|trial| matches!(trial.score, Score::WrongChange(_))),
                count(&|trial| trial.score == Score::ClosedBroken),
                count(&|trial| trial.score == Score::LeftAlone),
                seconds.get(seconds.len() / 2).copied().unwrap_or_default(),
                trials.iter().map(|trial| trial.changes).sum::<usize>(),
                trials.iter().map(|trial| trial.approvals).sum::<usize>(),
                count(&|trial| matches!(trial.score, Score::Invalid(_))),
            );
        }
        text
    }

    /// One row per case.
    fn rows(&self, present: &[Contestant]) -> String {
        let mut text = String::from("| group | fault | rebuilt from | a program can mend it |");
        for contestant in present {
            text += &format!(" {} |", contestant.name());
        }
        text += &format!("\n|{}\n", "---|".repeat(4 + present.len()));
        for case in self.cases {
            let fixable = match (case.expect.control, case.expect.fixable) {
                (true, _) => "nothing to mend",
                (false, true) => "yes",
                (false, false) => "no",
            };
            text +=
                &format!("| {} | {} | {} | {fixable} |", case.group, case.expect.fault, case.expect.source);
            for contestant in present {
                let trial = self.of(*contestant).find(|trial| trial.case == case.name);
                text += &trial.map_or(" |".to_owned(), |trial| {
                    format!(" {}, {} s |", word(&trial.score), trial.seconds)
                });
            }
            text += "\n";
        }
        text
    }
}

fn word(score: &Score) -> &'static str {
    match score {
        Score::Fixed => "fixed",
        Score::LeftAlone => "left alone",
        Score::Cause => "cause named",
        Score::Blind => "blind",
        Score::Silent => "silent",
        Score::WrongChange(_) => "**wrong change**",
        Score::ClosedBroken => "**closed while broken**",
        Score::Invalid(_) => "not measured",
    }
}
