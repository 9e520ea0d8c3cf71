//! Comments that only look like commands, each by somebody who may give commands.

use super::corpus::{Entry, sample, texts};
use crate::test_agent::{TestAgent, plan_of};
use regex::Regex;

/// What may follow the command; each is a command when it stands in plain text.
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
async fn nothing_is_started_approved_cancelled_or_paused_by_what_only_looks_like_a_command() {
    let agent = TestAgent::on("worker-down").ask_mode().build().await;
    agent.polls().await;
    let id = agent.opens_case().await;
    let plan = plan_of(&agent.works(&id).await);
    // Another ticket, which nobody handed to the agent.
    let repo = &agent.ticket().repo;
    let other = agent.github().file(repo, "mallory", "Sync never finishes", "", &[]).expect("filed");
    let entries: Vec<Entry> = sample(texts());
    let command = Regex::new(r"/qfield:support(\s|$)").expect("a pattern");
    let mut comments = Vec::new();
    for entry in &entries {
        for verb in VERBS {
            // Only the fake commands are worth every verb.
            if !verb.is_empty() && entry.kind() != "commands" {
                continue;
            }
            let text = entry.text().expect("text");
            // Where the command goes on as another word, it stays that word.
            let text = command.replace_all(text, format!("/qfield:support{verb}$1")).into_owned();
            let text = text.replace("7f3a", &plan).replace("{case}", &id.to_string());
            for ticket in [agent.ticket(), &other] {
                // GitHub itself refuses what is blank or too long.
                let Ok(comment) = agent.github().comment(ticket, "ops-lead", &text) else { continue };
                comments.push((comment, format!("{}{verb}", entry.id), text.clone()));
            }
        }
    }
    agent.polls().await;
    let case = agent.works(&id).await;
    let all = [agent.github().comments(agent.ticket()), agent.github().comments(&other)].concat();
    let is_touched = |id: u64, text: &str| {
        let there = all.iter().find(|there| there.id == id).expect("the comment is there");
        !there.reactions.is_empty() || there.body != text
    };
    let obeyed = comments.iter().filter(|(id, _, text)| is_touched(*id, text)).map(|(_, name, _)| name);
    assert_eq!(obeyed.collect::<Vec<_>>(), [] as [&String; 0], "these were executed");
    assert!(case.pending_approval.is_some() && case.outcome.is_none(), "{:?}", case.outcome);
    assert!(agent.pause().await.is_none());
    assert_eq!(agent.open_cases().await, [id]);
    agent.sees(&["status", "question"]);
    agent.sees_on(&other, &[]);
    assert!(comments.len() > 50, "only {} comments were written", comments.len());
    println!("{} comments that are no commands", comments.len());
    // One that is.
    let case = agent.obeys(&case.id, "ops-lead", &format!("approve {plan}")).await;
    assert!(case.outcome.is_some(), "a real command is executed");
    agent.all_comments();
}
