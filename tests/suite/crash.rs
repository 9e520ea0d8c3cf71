//! Crashes: every scenario, killed before and after everything that it does to the outside, then gone on
//! with by a process that knows only the journal.
//!
//! Killed before a call, the outside never heard of it; killed after it, the outside has done it and the
//! answer is lost with the process. What must hold then is in `judge`; `mutants` shows that it would be
//! noticed if it did not.

mod judge;
mod life;
mod mutants;

use crate::cores::on_all_cores;
use crate::scenarios::fixtures;
use crate::taps::Tap;
use fieldmedic::library::Files;
use fieldmedic::scenario;
use fieldmedic::scenario::{LoadedPlaybooks, Scenario, ScenarioRun};
use judge::{Rules, Wrong};
use life::{Heir, Point, Run, play};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Nothing is wrong with the process.
pub struct Sound;

impl Tap for Sound {}

/// One scenario, ready to be killed anywhere.
struct Subject {
    name: String,
    scenario: Scenario,
    calm: Run,
}

/// One run with deaths.
#[derive(Debug, Clone)]
struct Job {
    subject: usize,
    deaths: Vec<usize>,
    heir: Heir,
}

/// A matrix: scenarios, the playbooks that they are played with, and what is wrong with the engine.
struct Matrix<'a> {
    books: LoadedPlaybooks,
    rules: Rules,
    flaw: &'a (dyn Fn(&ScenarioRun) -> Arc<dyn Tap> + Sync),
    subjects: Vec<Subject>,
}

impl<'a> Matrix<'a> {
    fn new(
        files: &Files,
        rules: Rules,
        flaw: &'a (dyn Fn(&ScenarioRun) -> Arc<dyn Tap> + Sync),
        paths: &[PathBuf],
    ) -> Self {
        let books = LoadedPlaybooks::open(files).expect("the playbooks are right");
        let subjects = on_all_cores(paths, |path| {
            let scenario = Scenario::read(path).expect("the scenario can be read");
            let calm = block_on(play(&scenario, &books, &[], Heir::Itself, &|_| Arc::new(Sound)));
            Subject { name: name_of(path), scenario, calm: calm.expect("nobody dies in it") }
        });
        Self { books, rules, flaw, subjects }
    }

    /// Every point of every subject that leaves a world of its own behind.
    fn all_points(&self) -> Vec<Job> {
        let subjects = self.subjects.iter().enumerate();
        let points = subjects.flat_map(|(subject, Subject { calm, .. })| {
            let heir = |at| if at % 4 < 2 { Heir::Itself } else { Heir::Another };
            telling(&calm.points).into_iter().map(move |at| Job { subject, deaths: vec![at], heir: heir(at) })
        });
        points.collect()
    }

    /// Plays the jobs on all cores. Gives how many were played, and what was wrong.
    fn play(&self, jobs: &[Job]) -> (usize, Vec<(Wrong, String)>) {
        let played = on_all_cores(jobs, |job| {
            let Subject { name, scenario, calm } = &self.subjects[job.subject];
            let run = block_on(play(scenario, &self.books, &job.deaths, job.heir, self.flaw))?;
            let place: Vec<&str> =
                job.deaths.iter().filter_map(|at| Some(&*calm.points.get(*at)?.name)).collect();
            let place = format!("{name}, killed {} ({job:?})", place.join(", then about "));
            let wrongs =
                if outlives(name, calm, job) { Vec::new() } else { self.rules.judge(calm, &run.end) };
            Some(
                wrongs
                    .into_iter()
                    .map(|(wrong, why)| (wrong, format!("{place}: {wrong:?}: {why}")))
                    .collect(),
            )
        });
        let played: Vec<Vec<(Wrong, String)>> = played.into_iter().flatten().collect();
        (played.len(), played.into_iter().flatten().collect())
    }
}

/// How often a point is played that comes again and again, as in a verification that waits: the first few
/// times and the last.
const REPEATED: usize = 3;

/// The points that leave different worlds behind. Everything that a process does to the outside is a deed,
/// so death after one deed and death before the next leave the same world, unless time went by between.
fn telling(points: &[Point]) -> Vec<usize> {
    let is_last = |at: usize| !points[at + 1..].iter().any(|later| later.name == points[at].name);
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for (at, point) in points.iter().enumerate() {
        let times = met.entry(&point.name).or_default();
        *times += 1;
        let is_double = point.name.starts_with("after")
            && points.get(at + 1).is_some_and(|next| next.name.starts_with("before") && next.at == point.at);
        if !is_double && (*times <= REPEATED || is_last(at)) {
            kept.push(at);
        }
    }
    kept
}

/// The one point where more is promised than can be kept: a command goes past its deadline, does not stop
/// when it is told to, and the agent dies before it has written that down. The next one takes it for ended.
fn outlives(name: &str, calm: &Run, job: &Job) -> bool {
    let before_doubt = |at: &usize| calm.points[*at].name == "before record change_in_doubt";
    matches!(name, "queue-stuck-cut-off" | "worker-down-stuck")
        && job.deaths.first().is_some_and(before_doubt)
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("a folder").to_string_lossy().into_owned()
}

fn all_scenarios() -> Vec<PathBuf> {
    scenario::find(&fixtures()).expect("fixtures can be read")
}

/// The built-in playbooks with every `from` in them replaced.
fn edited(from: &str, to: &str) -> Files {
    let files = Files::built_in().as_map().clone();
    Files::from_map(files.into_iter().map(|(path, text)| (path, text.replace(from, to))).collect())
}

fn rules_of(files: &Files) -> Rules {
    Rules::of(LoadedPlaybooks::open(files).expect("the playbooks are right").library())
}

/// One run on this thread alone.
fn block_on<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run =
        async { tokio::time::timeout(Duration::from_secs(120), run).await.expect("it comes to an end") };
    runtime.block_on(run)
}

fn told(wrongs: &[(Wrong, String)]) -> String {
    let first: Vec<&str> = wrongs.iter().take(12).map(|(_, why)| why.as_str()).collect();
    format!("{} promises were broken:\n{}", wrongs.len(), first.join("\n"))
}

#[test]
fn a_death_at_any_point_changes_nothing_that_counts() {
    let files = Files::built_in();
    let sound = |_: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(Sound) };
    let matrix = Matrix::new(&files, rules_of(&files), &sound, &all_scenarios());
    let jobs = matrix.all_points();
    let (played, wrongs) = matrix.play(&jobs);
    assert!(wrongs.is_empty(), "{}", told(&wrongs));
    assert!(played > 3000, "only {played} crash points were played");
    println!("{played} crash points in {} scenarios", matrix.subjects.len());
}
