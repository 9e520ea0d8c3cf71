//! Crashes: every scenario, killed before and after each of its external effects. A process that knows
//! only the journal takes over.
//!
//! If the process is killed before a call, the outside never receives the call. If it is killed after the
//! call, the effect happened and the answer is lost. `judge` says what must hold then. `mutants` shows that
//! a violation is noticed.
//!
//! The gate plays a sample of the points that the commit's hash chooses; `scripts/nightly` plays all of
//! them. `CRASH_POINT=<scenario>:<number>` plays one point.

mod judge;
mod mutants;
mod run;

use crate::cores::on_all_cores;
use crate::sample::{Described, Sample};
use crate::scenarios::fixtures;
use crate::taps::Tap;
use fieldmedic::library::Files;
use fieldmedic::scenario;
use fieldmedic::scenario::{LoadedPlaybooks, Scenario, ScenarioRun};
use judge::{Rules, Violation};
use regex::Regex;
use run::{Point, Run, Successor, play};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How many crash points the gate plays.
const SAMPLE_SIZE: usize = 48;

/// Of how many scenarios they are. Each is played once without a crash before its points are known.
const SCENARIOS: usize = 60;

/// The environment variable that names one point, which is played alone.
const ONE_POINT: &str = "CRASH_POINT";

/// The process has no flaw.
pub struct NoFlaw;

impl Tap for NoFlaw {}

/// Makes the flaw of the process that plays a scenario.
type Flaw<'a> = &'a (dyn Fn(&ScenarioRun) -> Arc<dyn Tap> + Sync);

/// One scenario, with its undisturbed run.
struct Subject {
    name: String,
    scenario: Scenario,
    undisturbed: Run,
    /// Where the host's state counts commands.
    counters: BTreeSet<String>,
}

/// One run with crashes.
#[derive(Debug, Clone)]
struct Job {
    subject: usize,
    crashes: Vec<usize>,
    successor: Successor,
}

/// A matrix: scenarios, the playbooks that they are played with, and the flaw of the engine.
struct Matrix<'a> {
    playbooks: LoadedPlaybooks,
    rules: Rules,
    flaw: Flaw<'a>,
    subjects: Vec<Subject>,
}

impl<'a> Matrix<'a> {
    fn new(files: &Files, rules: Rules, flaw: Flaw<'a>, paths: &[PathBuf]) -> Self {
        let playbooks = LoadedPlaybooks::open(files).expect("the playbooks are right");
        let subjects = on_all_cores(paths, |path| {
            let scenario = Scenario::read(path).expect("the scenario can be read");
            let run = play(&scenario, &playbooks, &[], Successor::SameWorker, &|_| Arc::new(NoFlaw));
            let undisturbed = block_on(run).expect("no process is killed");
            Subject { name: name_of(path), scenario, undisturbed, counters: counters(path) }
        });
        Self { playbooks, rules, flaw, subjects }
    }

    /// Every point of every scenario that leaves a state of its own behind.
    fn all_points(&self) -> Vec<Job> {
        let subjects = self.subjects.iter().enumerate();
        let points = subjects.flat_map(|(subject, Subject { undisturbed, .. })| {
            let successor = |at| if at % 4 < 2 { Successor::SameWorker } else { Successor::OtherWorker };
            distinct(&undisturbed.points).into_iter().map(move |at| Job {
                subject,
                crashes: vec![at],
                successor: successor(at),
            })
        });
        points.collect()
    }

    /// The points that are played: a sample, or the one that the environment names.
    fn chosen(&self, points: Vec<Job>, sample: &Sample, size: usize) -> Vec<Job> {
        match std::env::var(ONE_POINT) {
            Ok(only) => points.into_iter().filter(|job| self.point_name(job) == only).collect(),
            Err(_) => sample.pick(points, size, |job| self.describe(job)),
        }
    }

    /// The group of a point is the kind of the effect, and before or after it.
    fn describe(&self, job: &Job) -> Described {
        let point = self.effect(job);
        // The words of a command are no kind.
        let words = if point.contains("probe ") || point.contains("change ") { 2 } else { 3 };
        let effect: Vec<&str> = point.split(' ').take(words).collect();
        Described { group: effect.join(" "), name: self.point_name(job) }
    }

    /// The effect, before or after which the process is killed first.
    fn effect(&self, job: &Job) -> &str {
        &self.subjects[job.subject].undisturbed.points[job.crashes[0]].name
    }

    fn point_name(&self, job: &Job) -> String {
        format!("{}:{}", self.subjects[job.subject].name, job.crashes[0])
    }

    /// Plays the jobs on all cores. Returns how many were played, and every violation.
    fn play(&self, jobs: &[Job]) -> (usize, Vec<(Violation, String)>) {
        let played = on_all_cores(jobs, |job| {
            let Subject { name, scenario, undisturbed, counters } = &self.subjects[job.subject];
            let run = block_on(play(scenario, &self.playbooks, &job.crashes, job.successor, self.flaw))?;
            let places: Vec<&str> =
                job.crashes.iter().filter_map(|at| Some(&*undisturbed.points.get(*at)?.name)).collect();
            let place = format!("{}, killed {}", self.point_name(job), places.join(", then "));
            let violations = if outlives(name, undisturbed, job) {
                Vec::new()
            } else {
                self.rules.judge(undisturbed, &run.end, counters)
            };
            let describe = |(violation, why)| (violation, format!("{place}: {violation:?}: {why}"));
            Some(violations.into_iter().map(describe).collect::<Vec<_>>())
        });
        let played: Vec<_> = played.into_iter().flatten().collect();
        (played.len(), played.into_iter().flatten().collect())
    }
}

/// How often a point is played that repeats, as in a verification that waits: so often at the beginning,
/// and once at the end.
const REPEATED: usize = 3;

/// The points that leave different states behind. Everything that a process does to the outside is an
/// effect, so a crash after one effect and a crash before the next leave the same state, unless time passed
/// between them.
fn distinct(points: &[Point]) -> Vec<usize> {
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

/// The one point that no guarantee can cover: a command passes its deadline, does not stop when told to,
/// and the agent dies before it records that. The next process assumes that the command has ended.
fn outlives(name: &str, undisturbed: &Run, job: &Job) -> bool {
    let before_doubt = |at: &usize| undisturbed.points[*at].name == "before record change_in_doubt";
    matches!(name, "qfieldcloud/queue-stuck-cut-off" | "qfieldcloud/worker-down-stuck")
        && job.crashes.first().is_some_and(before_doubt)
}

/// A scenario's name: `qfieldcloud/worker-down`.
fn name_of(path: &Path) -> String {
    path.strip_prefix(fixtures()).expect("a fixture").display().to_string()
}

/// What the host's state counts up by one, as pointers into it (RFC 6901). A change that may be made again counts again;
/// how often each was made is judged by the host's log.
fn counters(path: &Path) -> BTreeSet<String> {
    let text = scenario::host_text(&path.join("host.yaml")).expect("host.yaml can be read");
    let counts = Regex::new(r#"([\w.]+)"?: *"?([\w.]+) \+ 1\b"#).expect("a pattern");
    let counts = counts.captures_iter(&text).filter(|found| found[1] == found[2]);
    counts.map(|found| format!("/{}", found[1].replace('.', "/"))).collect()
}

/// Whether something changes by itself between a question and the answer. A crash costs time, so it may then change
/// before the question, which is another story.
fn changes_before_the_yes(path: &Path) -> bool {
    let host = std::fs::read_to_string(path.join("host.yaml")).expect("host.yaml can be read");
    scenario::read_expect(path).expect("expect.yaml can be read").approve && host.contains("ticks:")
}

/// The scenarios of the sample, some of each system type.
fn scenarios(sample: &Sample) -> Vec<PathBuf> {
    let mut all = scenario::find(&fixtures()).expect("fixtures can be read");
    all.retain(|path| !changes_before_the_yes(path));
    if let Ok(only) = std::env::var(ONE_POINT) {
        return all.into_iter().filter(|path| only.starts_with(&format!("{}:", name_of(path)))).collect();
    }
    let system_type = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    sample.pick(all, SCENARIOS, |path| {
        let name = name_of(path);
        Described { group: system_type(&name), name }
    })
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
    let run = async { tokio::time::timeout(Duration::from_secs(120), run).await.expect("the run ends") };
    runtime.block_on(run)
}

/// The first violations, and the command that plays one of them again.
fn summary(sample: &Sample, violations: &[(Violation, String)]) -> String {
    let first: Vec<&str> = violations.iter().take(12).map(|(_, why)| why.as_str()).collect();
    let point = first.first().and_then(|why| why.split_once(',')).map_or("", |(point, _)| point);
    format!(
        "{} guarantees were broken with {sample}:\n{}\n\
         play the first again: {ONE_POINT}={point} cargo test --test suite crash::",
        violations.len(),
        first.join("\n")
    )
}

#[test]
fn a_crash_at_any_point_preserves_the_outcome() {
    let files = Files::built_in();
    let no_flaw = |_: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(NoFlaw) };
    let sample = Sample::chosen();
    let matrix = Matrix::new(&files, rules_of(&files), &no_flaw, &scenarios(&sample));
    let all = matrix.all_points();
    let jobs = matrix.chosen(all.clone(), &sample, SAMPLE_SIZE);
    let (played, violations) = matrix.play(&jobs);
    assert!(violations.is_empty(), "{}", summary(&sample, &violations));
    println!("{played} of {} crash points in {} scenarios, {sample}", all.len(), matrix.subjects.len());
    assert!(played > 0, "the matrix has no such crash point");
    if std::env::var_os(ONE_POINT).is_none() {
        assert_eq!(played, jobs.len());
        let least = if sample == Sample::All { 3000 } else { 1000 };
        assert!(all.len() > least, "the matrix has only {} points", all.len());
        let groups =
            |jobs: &[Job]| jobs.iter().map(|job| matrix.describe(job).group).collect::<BTreeSet<_>>();
        assert_eq!(groups(&jobs), groups(&all), "the sample leaves out groups");
    }
}
