//! The bench of faults: each fault is made for real on a machine of its own, told in the words of a person, and
//! worked on by the agent and by other programs. Whether it is gone is judged by a script that knows nothing of
//! any of them.
//!
//! It needs root on Debian, and what `machine/install` installs; `scripts/bench-faults` does both. Words on the
//! command line choose the cases whose names hold one of them; otherwise `FIELDMEDIC_SAMPLE` chooses some, or all.

#![allow(unreachable_pub, missing_docs, reason = "nothing outside of this binary can reach anything of it")]
#![allow(
    clippy::disallowed_methods,
    reason = "the bench uses the clock, files and processes of this machine"
)]
// clippy.toml allows these inside of tests, and not in what is run like one.
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "the bench ends where there is nothing")]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

mod agent;
mod case;
mod machine;
mod peer;
#[path = "../live/process.rs"]
mod process;
#[path = "../suite/sample.rs"]
#[allow(dead_code, reason = "seeds are for the simulation")]
mod sample;
mod table;
#[path = "../live/tracker.rs"]
#[allow(dead_code, reason = "the live test looks at more of the tracker")]
mod tracker;
mod trial;

use case::Case;
use sample::{Described, Sample};
use std::io::Write;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::Table;
use tracker::Tracker;
use trial::{CONTESTANTS, Contestant, Trial};

/// Machines at the same time, for each core. A trial mostly waits, so more machines than cores keep the cores
/// busy; with too many, programs on them would seem to be slow.
const MACHINES_A_CORE: usize = 3;

/// So many cases are played for a commit.
const SAMPLE: usize = 10;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let cases = chosen(&words);
    assert!(!cases.is_empty(), "no case has one of these words in its name");
    let results = Results::open();
    let trials: Vec<(Contestant, &Case)> = contestants()
        .into_iter()
        .flat_map(|contestant| cases.iter().map(move |case| (contestant, case)))
        .filter(|(contestant, case)| contestant.watches(case) && !results.has(*contestant, case))
        .collect();
    machine::prepare();
    let next = AtomicUsize::new(0);
    let machines = MACHINES_A_CORE * std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let play = || {
            let tracker = Tracker::open();
            while let Some((contestant, case)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                results.add(play(*contestant, case, &tracker));
            }
        };
        let threads: Vec<_> = (0..machines.min(trials.len())).map(|_| scope.spawn(play)).collect();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
    let trials = results.trials();
    let table = Table::new(&cases, &trials);
    println!("{}", table.markdown());
    if let Ok(path) = std::env::var("FIELDMEDIC_BENCH_TABLE") {
        std::fs::write(&path, table.markdown()).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let failed = table.agent_failures();
    if !failed.is_empty() {
        eprintln!("the agent did harm, closed what was broken, or could not be tried: {}", failed.join("; "));
        std::process::exit(1);
    }
}

/// The results so far. The file that `FIELDMEDIC_BENCH_RESULTS` names keeps them, so that a long run can be
/// ended and taken up again.
struct Results {
    trials: Mutex<Vec<Trial>>,
    file: Option<String>,
}

impl Results {
    fn open() -> Self {
        let file = std::env::var("FIELDMEDIC_BENCH_RESULTS").ok();
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        Self { trials: Mutex::new(text.lines().map(read).collect()), file }
    }

    fn has(&self, contestant: Contestant, case: &Case) -> bool {
        let trials = self.trials.lock().expect("nobody panics with the lock");
        trials.iter().any(|trial| trial.contestant == contestant && trial.case == case.name)
    }

    fn add(&self, trial: Trial) {
        let mut trials = self.trials.lock().expect("nobody panics with the lock");
        if let Some(file) = &self.file {
            let mut file =
                std::fs::OpenOptions::new().create(true).append(true).open(file).expect("the results");
            writeln!(file, "{}", serde_json::to_string(&trial).expect("JSON"))
                .expect("the results can be written");
        }
        trials.push(trial);
    }

    fn trials(self) -> Vec<Trial> {
        self.trials.into_inner().expect("every trial has ended")
    }
}

/// The cases with one of the words in their names, or a sample of all.
fn chosen(words: &[String]) -> Vec<Case> {
    let all = Case::all();
    if !words.is_empty() {
        return all
            .into_iter()
            .filter(|case| words.iter().any(|word| case.name.contains(word.as_str())))
            .collect();
    }
    let describe = |case: &Case| Described { group: case.group.clone(), name: case.name.clone() };
    Sample::chosen().pick(all, SAMPLE, describe)
}

/// Those that `FIELDMEDIC_BENCH_CONTESTANTS` names, parted by blanks, or all.
fn contestants() -> Vec<Contestant> {
    let named = std::env::var("FIELDMEDIC_BENCH_CONTESTANTS").unwrap_or_default();
    let is_named = |contestant: &Contestant| named.is_empty() || named.contains(contestant.name());
    CONTESTANTS.into_iter().filter(is_named).collect()
}

/// One fault, one contestant, one fresh machine; tells in a line how it went.
fn play(contestant: Contestant, case: &Case, tracker: &Tracker) -> Trial {
    let played = catch_unwind(AssertUnwindSafe(|| trial::play(contestant, case, tracker)));
    let trial = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let why = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Trial::failed(contestant, case, why.unwrap_or_else(|| "it panicked".to_owned()))
    });
    eprintln!("{}", trial.line());
    trial
}
