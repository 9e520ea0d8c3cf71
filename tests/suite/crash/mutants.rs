//! A test of the test: an engine with a flaw in it is caught by the matrix, each by the promise that it
//! breaks.

use super::{Matrix, Rules, Sound, Wrong, edited, rules_of, told};
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

/// The playbooks with nothing in them that may be run twice.
fn never() -> Files {
    let files = edited("if_interrupted: rerun", "if_interrupted: escalate").as_map().clone();
    // Only `rerun` is meant, not `rerun_now`.
    let text = |text: String| text.replace("if_interrupted: escalate_now", "if_interrupted: rerun_now");
    Files::from_map(files.into_iter().map(|(path, file)| (path, text(file))).collect())
}

/// Writes the change, and not the intent. The record in its place says nothing about changes.
struct Forgets;

impl Tap for Forgets {
    fn recorded(&self, event: &Event) -> Event {
        match event {
            Event::ChangeStarted { .. } => Event::Resumed,
            other => other.clone(),
        }
    }
}

/// Writes each comment anew, without a look for the one that is there.
struct Careless(FakeGitHub);

impl Tap for Careless {
    fn written(&self, id: &TicketId, _: &Marker, body: &Redacted) -> Option<Result<(), ForgeError>> {
        let written = self.0.comment(id, "fieldmedic-bot", body.as_str());
        Some(written.map(drop).map_err(|refusal| ForgeError::Refused(format!("{refusal:?}"))))
    }
}

fn sound(_: &ScenarioRun) -> Arc<dyn Tap> {
    Arc::new(Sound)
}

/// Which promises a matrix over a few scenarios finds broken.
fn broken(
    scenarios: &[&str],
    files: &Files,
    rules: Rules,
    flaw: &(dyn Fn(&ScenarioRun) -> Arc<dyn Tap> + Sync),
) -> BTreeSet<Wrong> {
    let paths: Vec<_> = scenarios.iter().map(|name| fixtures().join("qfieldcloud").join(name)).collect();
    let matrix = Matrix::new(files, rules, flaw, &paths);
    let (played, wrongs) = matrix.play(&matrix.all_points());
    assert!(played > 50, "only {played} points were played");
    wrongs.into_iter().map(|(wrong, _)| wrong).collect()
}

#[test]
fn what_must_not_be_repeated_is_not() {
    let paths = ["worker-down", "disk-full", "queue-stuck", "missing-image"];
    let paths: Vec<_> = paths.iter().map(|name| fixtures().join("qfieldcloud").join(name)).collect();
    let matrix = Matrix::new(&never(), rules_of(&never()), &sound, &paths);
    let jobs = matrix.all_points();
    let (played, wrongs) = matrix.play(&jobs);
    assert!(wrongs.is_empty(), "{}", told(&wrongs));
    println!("{played} crash points with changes that must not be repeated");
}

#[test]
fn an_engine_that_repeats_what_it_must_not_is_caught() {
    // The engine takes for safe what the author has forbidden to repeat.
    let found = broken(&["worker-down"], &Files::built_in(), rules_of(&never()), &sound);
    assert_eq!(found, BTreeSet::from([Wrong::NeverTwice]));
}

#[test]
fn an_engine_that_skips_the_check_is_caught() {
    let blind = edited(
        "if_interrupted: { check: stuck.count == 0 }",
        "if_interrupted: { check: stuck.count == 1000 }",
    );
    let found = broken(&["queue-stuck"], &blind, rules_of(&blind), &sound);
    assert!(found.contains(&Wrong::CheckedTwice), "{found:?}");
}

#[test]
fn an_engine_that_posts_without_a_look_is_caught() {
    let careless = |scene: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(Careless(scene.hub.clone())) };
    let files = Files::built_in();
    let found = broken(&["worker-down"], &files, rules_of(&files), &careless);
    assert_eq!(found, BTreeSet::from([Wrong::Comments]));
}

#[test]
fn an_engine_that_drops_the_intent_is_caught() {
    let forgets = |_: &ScenarioRun| -> Arc<dyn Tap> { Arc::new(Forgets) };
    let found = broken(&["worker-down"], &never(), rules_of(&never()), &forgets);
    assert!(found.contains(&Wrong::NeverTwice), "{found:?}");
}
