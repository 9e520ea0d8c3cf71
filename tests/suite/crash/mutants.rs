//! Tests of the test: the matrix catches an engine with a flaw, by the guarantee that the flaw breaks.
//! These matrices are small and do not depend on the commit, so the gate plays all of them.

use super::{Flaw, Matrix, NoFlaw, Rules, Violation, edited, rules_of, summary};
use crate::sample::Sample;
use crate::scenarios::fixtures;
use crate::taps::Tap;
use fieldmedic::core::case::event::Event;
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::library::Files;
use fieldmedic::ports::{ForgeError, Marker};
use fieldmedic::sandbox::github::FakeGitHub;
use fieldmedic::scenario::ScenarioRun;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many points of the matrix without repeated changes the gate plays.
const SAMPLE_SIZE: usize = 50;

/// The playbooks, changed so that no step may run twice.
fn never_repeated() -> Files {
    let files = edited("if_interrupted: rerun", "if_interrupted: escalate").as_map().clone();
    // Only `rerun` is replaced, not `rerun_now`.
    let text = |text: String| text.replace("if_interrupted: escalate_now", "if_interrupted: rerun_now");
    Files::from_map(files.into_iter().map(|(path, file)| (path, text(file))).collect())
}

/// Makes the change without a record of the intent.
struct DropsIntent;

impl Tap for DropsIntent {
    fn recorded(&self, event: &Event) -> Event {
        match event {
            Event::ChangeStarted { .. } => Event::Resumed,
            other => other.clone(),
        }
    }
}

/// Posts each comment without searching for the one that is there.
struct PostsBlindly(FakeGitHub);

impl Tap for PostsBlindly {
    fn written(&self, id: &TicketId, _: &Marker, body: &Redacted) -> Option<Result<(), ForgeError>> {
        let written = self.0.comment(id, "fieldmedic-bot", body.as_str());
        Some(written.map(drop).map_err(|refusal| ForgeError::Refused(format!("{refusal:?}"))))
    }
}

fn no_flaw(_: &ScenarioRun) -> Arc<dyn Tap> {
    Arc::new(NoFlaw)
}

/// The guarantees that a matrix of a few scenarios finds broken.
fn broken(scenarios: &[&str], files: &Files, rules: Rules, flaw: Flaw<'_>) -> BTreeSet<Violation> {
    let paths: Vec<_> = scenarios.iter().map(|name| fixtures().join("qfieldcloud").join(name)).collect();
    let matrix = Matrix::new(files, rules, flaw, &paths);
    let (played, violations) = matrix.play(&matrix.all_points());
    assert!(played > 50, "only {played} points were played");
    violations.into_iter().map(|(violation, _)| violation).collect()
}

#[test]
fn a_change_that_must_not_repeat_does_not() {
    let paths = ["worker-down", "disk-full", "queue-stuck", "missing-image"];
    let paths: Vec<_> = paths.iter().map(|name| fixtures().join("qfieldcloud").join(name)).collect();
    let matrix = Matrix::new(&never_repeated(), rules_of(&never_repeated()), &no_flaw, &paths);
    let sample = Sample::chosen();
    let (played, violations) = matrix.play(&matrix.chosen(matrix.all_points(), &sample, SAMPLE_SIZE));
    assert!(violations.is_empty(), "{}", summary(&sample, &violations));
    println!("{played} crash points with changes that must not repeat, {sample}");
}

#[test]
fn an_engine_that_repeats_a_forbidden_change_is_caught() {
    // The engine treats as safe what the author has forbidden to repeat.
    let found = broken(&["missing-image"], &Files::built_in(), rules_of(&never_repeated()), &no_flaw);
    assert_eq!(found, BTreeSet::from([Violation::NeverTwice]));
}

#[test]
fn an_engine_that_skips_the_check_is_caught() {
    let blind = edited(
        "if_interrupted: { check: stuck.count == 0 }",
        "if_interrupted: { check: stuck.count == 1000 }",
    );
    let found = broken(&["queue-stuck"], &blind, rules_of(&blind), &no_flaw);
    assert!(found.contains(&Violation::CheckedTwice), "{found:?}");
}

#[test]
fn an_engine_that_posts_without_searching_is_caught() {
    let posts_blindly = |scene: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(PostsBlindly(scene.hub.clone())) };
    let files = Files::built_in();
    let found = broken(&["worker-down"], &files, rules_of(&files), &posts_blindly);
    assert_eq!(found, BTreeSet::from([Violation::Comments]));
}

#[test]
fn an_engine_that_drops_the_intent_is_caught() {
    let drops_intent = |_: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(DropsIntent) };
    let found = broken(&["missing-image"], &never_repeated(), rules_of(&never_repeated()), &drops_intent);
    assert!(found.contains(&Violation::NeverTwice), "{found:?}");
}
