//! Orders that were not given: each is a comment by somebody who may give orders.

use super::corpus::{Entry, texts};
use super::tickets::MEDIC;
use crate::scenarios::scene;
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::engine::poll;
use fieldmedic::engine::{Shutdown, run_case_waiting};
use regex::Regex;
use std::sync::Arc;

/// What may stand behind the command; each is an order if it is said plainly.
const VERBS: [&str; 12] = [
    "",
    " status",
    " diagnose",
    " run worker-down",
    " run logs service=app lines=100",
    " approve 7f3a",
    " deny",
    " cancel",
    " retry",
    " pause",
    " resume",
    " help",
];

#[tokio::test]
async fn nothing_is_begun_approved_cancelled_or_halted_by_what_only_looks_like_an_order() {
    let mut scene = scene("worker-down").await;
    scene.agent.policy = Arc::new(Policy { mode: Mode::Ask, ..(*scene.agent.policy).clone() });
    poll(&scene.agent).await.expect("GitHub answers");
    let id = scene.take_in().await.expect("the ticket is taken in");
    let (stop, _pull) = Shutdown::new();
    let case = run_case_waiting(&scene.agent, &id, &stop).await.expect("it comes to its question");
    let plan = case.pending_approval.as_ref().expect("it asks").plan.short_id().to_owned();
    // Another ticket, which nobody handed to the agent.
    let other = scene.hub.file(&scene.ticket.repo, "mallory", "Sync never finishes", "", &[]).expect("filed");
    let entries: Vec<Entry> = texts();
    let command = Regex::new(r"/qfield:support(\s|$)").expect("a pattern");
    let mut comments = Vec::new();
    for entry in &entries {
        for verb in VERBS {
            // Only the fake orders are worth every verb.
            if !verb.is_empty() && entry.kind() != "commands" {
                continue;
            }
            let text = entry.text().expect("text");
            // Where the command goes on as another word, it stays that word.
            let text = command.replace_all(text, format!("/qfield:support{verb}$1")).into_owned();
            let text = text.replace("7f3a", &plan).replace("{case}", &id.to_string());
            for ticket in [&scene.ticket, &other] {
                // GitHub itself refuses what is blank or too long.
                let Ok(comment) = scene.hub.comment(ticket, "ops-lead", &text) else { continue };
                comments.push((comment, format!("{}{verb}", entry.id), text.clone()));
            }
        }
    }
    poll(&scene.agent).await.expect("GitHub answers");
    let (stop, _pull) = Shutdown::new();
    let case = run_case_waiting(&scene.agent, &id, &stop).await.expect("it goes on");
    let all = [scene.hub.comments(&scene.ticket), scene.hub.comments(&other)].concat();
    let is_touched = |id: u64, text: &str| {
        let there = all.iter().find(|there| there.id == id).expect("the comment is there");
        !there.reactions.is_empty() || there.body != text
    };
    let heard = comments.iter().filter(|(id, _, text)| is_touched(*id, text)).map(|(_, name, _)| name);
    assert_eq!(heard.collect::<Vec<_>>(), [] as [&String; 0], "these were heard");
    assert!(
        case.pending_approval.is_some() && case.outcome.is_none(),
        "an order was heard: {:?}",
        case.outcome
    );
    assert!(
        scene.agent.journal.pause_state().await.expect("the journal works").is_none(),
        "a halt was called"
    );
    assert_eq!(scene.agent.journal.open_cases().await.expect("the journal works"), [id]);
    let is_answer = |comment: &fieldmedic::sandbox::github::Comment| {
        comment.author == MEDIC && comment.body.contains("fieldmedic reply")
    };
    assert!(!all.iter().any(is_answer), "an order was answered");
    assert!(comments.len() > 1000, "only {} comments were taken", comments.len());
    println!("{} comments that are no orders", comments.len());
    // One that is.
    scene.hub.comment(&scene.ticket, "ops-lead", &format!("/qfield:support approve {plan}")).expect("taken");
    poll(&scene.agent).await.expect("GitHub answers");
    let case = run_case_waiting(&scene.agent, &case.id, &stop).await.expect("it goes on");
    assert!(case.outcome.is_some(), "a real order is heard");
}
