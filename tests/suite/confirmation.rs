//! What a reporter is asked, and what follows from the answer, or from none.

use crate::test_agent::{TestAgent, escalation_code, outcome};
use chrono::TimeDelta;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::case::{Case, Waiting};
use fieldmedic::core::policy::confirmation::OnSilence;
use fieldmedic::engine::collect_thumbs;
use fieldmedic::sandbox::github::RepoRole;

/// An agent that has fixed a fault which the words of the ticket do not ask for, and waits for the reporter.
async fn asks() -> (TestAgent, CaseId) {
    asks_on("not-explained", |_| ()).await
}

async fn asks_on(
    scenario: &str,
    edit: impl FnOnce(&mut fieldmedic::core::policy::permit::Policy) + Send + 'static,
) -> (TestAgent, CaseId) {
    let agent = TestAgent::on(scenario).policy(edit).role("ops-triage", RepoRole::Triage).build().await;
    // The first poll has no past; from then on comments are read.
    let [id] = &agent.polls().await[..] else { panic!("one ticket") };
    let case = agent.works(id).await;
    assert!(matches!(case.waiting(), Some(Waiting::Reporter(_))), "{:?}", case.waiting());
    agent.sees(&["status", "inquiry"]);
    (agent, id.clone())
}

/// The case after the agent has looked at comments and reactions.
async fn goes_on(agent: &TestAgent, id: &CaseId) -> Case {
    agent.polls().await;
    collect_thumbs(agent.context()).await.expect("GitHub answers");
    agent.works(id).await
}

#[tokio::test]
async fn a_reporter_who_says_yes_closes_the_ticket_and_nobody_is_called() {
    for answer in ["\u{1F44D}", "Yes, it works again. Thank you!", "+1"] {
        let (agent, id) = asks().await;
        assert_eq!(agent.agent_labels(), ["medic:please-confirm"]);
        let question = agent.comment("inquiry");
        assert!(question.contains("@field-agent") && question.contains("Worker containers"), "{question}");
        assert!(question.contains("Without an answer until"), "{question}");
        match answer {
            "+1" => agent.reacts("field-agent", "inquiry", "+1"),
            words => drop(agent.says("field-agent", words)),
        }
        let case = goes_on(&agent, &id).await;
        assert_eq!(outcome(&case), "confirmed", "{answer}");
        assert!(agent.is_closed());
        assert_eq!(agent.agent_labels(), ["medic:resolved"]);
        assert!(agent.comment("report").contains("field-agent says that it works now"));
        agent.sees(&["status", "inquiry", "report"]);
    }
}

#[tokio::test]
async fn a_no_has_everything_probed_again_and_calls_a_person() {
    for (login, answer) in [("field-agent", "-1"), ("field-agent", "no, same error"), ("ops-triage", "-1")] {
        let (agent, id) = asks().await;
        let commands = agent.commands();
        match answer {
            "-1" => agent.reacts(login, "inquiry", "-1"),
            words => drop(agent.says(login, words)),
        }
        let case = goes_on(&agent, &id).await;
        assert_eq!(escalation_code(&case), "still-broken", "{answer}");
        assert!(!agent.is_closed());
        assert!(agent.commands() > commands, "nothing was probed again");
        assert_eq!(agent.agent_labels(), ["medic:needs-human"]);
        agent.sees(&["status", "inquiry", "report", "call"]);
    }
}

#[tokio::test]
async fn silence_is_reminded_of_once_and_then_means_what_was_told() {
    for (on_silence, expect) in [(OnSilence::Close, "confirmed"), (OnSilence::Escalate, "escalated")] {
        let (agent, id) =
            asks_on("not-explained", move |policy| policy.confirmation.on_silence = on_silence).await;
        let told = agent.comment("inquiry").contains("I close this ticket");
        assert_eq!(told, on_silence == OnSilence::Close);
        agent.passes(TimeDelta::hours(25));
        let case = agent.works(&id).await;
        assert!(matches!(case.waiting(), Some(Waiting::Reporter(_))));
        agent.sees(&["status", "inquiry", "inquiry-reminder"]);
        agent.passes(TimeDelta::hours(24));
        agent.works(&id).await;
        agent.sees(&["status", "inquiry", "inquiry-reminder"]);
        agent.passes(TimeDelta::hours(24));
        let case = agent.works(&id).await;
        assert_eq!(outcome(&case), expect);
        assert_eq!(agent.is_closed(), on_silence == OnSilence::Close);
        agent.all_comments();
    }
}

#[tokio::test]
async fn nobody_else_answers_for_the_reporter() {
    let (agent, id) = asks().await;
    agent.github().grant(&agent.ticket().repo, "stranger", RepoRole::Read);
    agent.says("stranger", "works now");
    agent.reacts("stranger", "inquiry", "+1");
    agent.reacts("field-agent", "inquiry", "heart");
    agent.says("field-agent", "> works now\n\nwho says that?");
    agent.says("field-agent", "If it works tomorrow I will tell you");
    let case = goes_on(&agent, &id).await;
    assert!(matches!(case.waiting(), Some(Waiting::Reporter(_))), "{:?}", case.outcome);
    assert!(!agent.is_closed());
    agent.sees(&["status", "inquiry"]);
}

#[tokio::test]
async fn a_fault_that_is_back_when_the_reporter_answers_closes_nothing() {
    let (agent, id) = asks().await;
    agent.host_becomes("workers.running", 2.into());
    agent.says("field-agent", "yes, works");
    let case = goes_on(&agent, &id).await;
    assert_eq!(escalation_code(&case), "came-back");
    assert!(!agent.is_closed());
    agent.all_comments();
}

#[tokio::test]
async fn a_ticket_about_something_else_stays_open_and_nobody_is_called_for_it() {
    let mut agent = TestAgent::on("worker-down").build().await;
    let title = "Wish: dark mode for the QField app";
    let first = agent.ticket().clone();
    let other =
        agent.files(title, "It would be nice if the app had a dark theme in one of the next versions.");
    agent.follows(other);
    let opened = agent.polls().await;
    let mut left = None;
    for id in &opened {
        let case = agent.works(id).await;
        if case.ticket.title.as_str() == title {
            left = Some(case);
        }
    }
    let case = left.expect("the wish has a case");
    assert_eq!(outcome(&case), "unrelated");
    assert!(!agent.is_closed());
    assert_eq!(agent.agent_labels(), [""; 0]);
    agent.sees(&["report"]);
    agent.sees_on(&first, &["status", "report"]);
    let report = agent.comment("report");
    assert!(report.contains("Left open for you") && report.contains("feature-request"), "{report}");
}

#[tokio::test]
async fn a_complaint_about_a_healthy_system_is_asked_about_before_a_person_is_called() {
    let (agent, id) = asks_on("worker-down-healthy", |_| ()).await;
    assert!(agent.comment("inquiry").contains("What is the exact message?"));
    // It is probed again after ten minutes, and then something is found.
    agent.host_becomes("workers.running", 2.into());
    agent.passes(TimeDelta::minutes(11));
    let case = agent.works(&id).await;
    assert_eq!(outcome(&case), "resolved");
    assert!(agent.is_closed());
    agent.all_comments();
}

#[tokio::test]
async fn details_are_handed_over_with_the_ticket() {
    let (agent, id) = asks_on("worker-down-healthy", |_| ()).await;
    agent.says("field-agent", "It is the project Fence, since eight o'clock, only the second tablet.");
    let case = goes_on(&agent, &id).await;
    assert_eq!(escalation_code(&case), "nothing-found");
    agent.sees(&["status", "inquiry", "report", "call"]);
}

#[tokio::test]
async fn whoever_says_that_it_is_urgent_is_not_kept_waiting() {
    let mut agent = TestAgent::on("worker-down-healthy").build().await;
    let first = agent.ticket().clone();
    let ticket = agent.files("QField sync never finishes, URGENT", "Our changes stay pending.");
    agent.follows(ticket);
    let mut codes = Vec::new();
    for id in agent.polls().await {
        let case = agent.works(&id).await;
        if case.ticket.id == *agent.ticket() {
            codes.push(escalation_code(&case).to_owned());
        }
    }
    assert_eq!(codes, ["nothing-found"]);
    agent.sees(&["report", "call"]);
    // The other one is in no hurry.
    agent.sees_on(&first, &["status", "inquiry"]);
}

/// An agent that has answered a question which may be a complaint, and waits for its author.
async fn answers_in_doubt() -> (TestAgent, CaseId) {
    let (agent, id) = asks_on("status-in-doubt", |_| ()).await;
    let question = agent.comment("inquiry");
    assert!(question.contains("Does this answer your question?") && question.contains("4 of 4 running"));
    (agent, id)
}

#[tokio::test]
async fn a_question_that_may_be_a_complaint_is_closed_only_by_a_yes() {
    for answer in ["\u{1F44D}", "Yes", "thanks!"] {
        let (agent, id) = answers_in_doubt().await;
        agent.says("office", answer);
        let case = goes_on(&agent, &id).await;
        assert_eq!(outcome(&case), "answered", "{answer}");
        assert!(agent.is_closed());
        agent.all_comments();
    }
    for answer in ["\u{1F44E}", "no", "My jobs still fail", "It is project Fence on my tablet"] {
        let (agent, id) = answers_in_doubt().await;
        agent.says("office", answer);
        let case = goes_on(&agent, &id).await;
        assert_eq!(escalation_code(&case), "nothing-found", "{answer}");
        assert!(!agent.is_closed());
        agent.all_comments();
    }
}

#[tokio::test]
async fn a_question_that_may_be_an_urgent_complaint_goes_to_a_person() {
    let mut agent = TestAgent::on("status-in-doubt").build().await;
    let first = agent.ticket().clone();
    let ticket =
        agent.files("Is QFieldCloud okay today?", "It felt a little slow yesterday evening. Urgent!");
    agent.follows(ticket);
    for id in agent.polls().await {
        let case = agent.works(&id).await;
        if case.ticket.id == *agent.ticket() {
            assert_eq!(escalation_code(&case), "nothing-found");
        }
    }
    agent.sees(&["report", "call"]);
    agent.sees_on(&first, &["status", "inquiry"]);
}

#[tokio::test]
async fn silence_settles_no_complaint() {
    let (agent, id) = answers_in_doubt().await;
    assert!(!agent.comment("inquiry").contains("I close this ticket"));
    // It is probed again after ten minutes, as for any complaint.
    let commands = agent.commands();
    agent.passes(TimeDelta::minutes(11));
    agent.works(&id).await;
    assert!(agent.commands() > commands, "nothing was probed again");
    agent.sees(&["status", "inquiry"]);
    agent.passes(TimeDelta::hours(2));
    let case = agent.works(&id).await;
    assert_eq!(escalation_code(&case), "nothing-found");
    assert!(!agent.is_closed());
    agent.all_comments();
}

#[tokio::test]
async fn a_ticket_about_two_things_stays_open_for_the_one_that_is_not_handled() {
    let agent = TestAgent::on("two-topics").build().await;
    let [id] = &agent.polls().await[..] else { panic!("one ticket") };
    let case = agent.works(id).await;
    assert_eq!(outcome(&case), "partial");
    assert!(!agent.is_closed());
    assert_eq!(agent.agent_labels(), [""; 0]);
    let report = agent.comment("report");
    assert!(report.contains("how-to") && report.contains("how I make a field required"), "{report}");
    assert!(report.contains("Fixed and verified"), "{report}");
    // Nobody is called.
    agent.sees(&["status", "report"]);
}
