//! Tests of the test: the matrix catches an engine with a flaw, by the guarantee that the flaw breaks.
//! These matrices are small and do not depend on the commit. Each is played until the flaw is found.

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
use std::sync::Arc;

/// How many points of the matrix without repeated changes the gate plays.
const SAMPLE_SIZE: usize = 8;

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

/// How many points are played before it is asked whether the flaw is found. They run side by side.
const AT_ONCE: usize = 4;

/// Plays the points of one scenario whose effects have a word in their names, where the flaw shows, until this
/// guarantee is broken. The order mixes early and late ones.
fn finds(expected: &Violation, near: &str, scenario: &str, files: &Files, rules: Rules, flaw: Flaw<'_>) {
    let paths = [fixtures().join("qfieldcloud").join(scenario)];
    let matrix = Matrix::new(files, rules, flaw, &paths);
    let mut points = matrix.all_points();
    points.retain(|job| matrix.effect(job).contains(near));
    assert!(!points.is_empty(), "the scenario has no effect {near:?}");
    let mixed: Vec<_> = (0..7).flat_map(|first| points.iter().skip(first).step_by(7)).cloned().collect();
    let is_found = |points: &[_]| matrix.play(points).1.iter().any(|(violation, _)| violation == expected);
    assert!(mixed.chunks(AT_ONCE).any(is_found), "the flaw is not caught as {expected:?}");
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
    let rules = rules_of(&never_repeated());
    finds(&Violation::NeverTwice, "change", "missing-image", &Files::built_in(), rules, &no_flaw);
}

#[test]
fn an_engine_that_skips_the_check_is_caught() {
    let blind = edited(
        "if_interrupted: { check: stuck.count == 0 }",
        "if_interrupted: { check: stuck.count == 1000 }",
    );
    finds(&Violation::CheckedTwice, "change", "queue-stuck", &blind, rules_of(&blind), &no_flaw);
}

#[test]
fn an_engine_that_posts_without_searching_is_caught() {
    let posts_blindly = |scene: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(PostsBlindly(scene.hub.clone())) };
    let files = Files::built_in();
    finds(&Violation::Comments, "forge", "worker-down", &files, rules_of(&files), &posts_blindly);
}

#[test]
fn an_engine_that_drops_the_intent_is_caught() {
    let drops_intent = |_: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(DropsIntent) };
    let files = never_repeated();
    finds(&Violation::NeverTwice, "change", "missing-image", &files, rules_of(&files), &drops_intent);
}
