//! After the close: what was fixed is probed again, and a fault that keeps coming back becomes a problem
//! ticket.

use crate::snapshots::stable;
use crate::test_agent::{TestAgent, escalation_code, outcome};
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::engine::{check_recurrences, sweep_tickets};
use insta::assert_snapshot;
use serde_json::json;

/// A scenario whose ticket was resolved.
async fn resolved(scenario: &str) -> TestAgent {
    let agent = TestAgent::on(scenario).build().await;
    let case = agent.works(&agent.opens_case().await).await;
    assert_eq!(outcome(&case), "resolved");
    assert!(agent.is_closed());
    agent.sees(&["status", "report"]);
    agent
}

/// One check for recurrences, and its cases worked on to their end.
async fn check(agent: &TestAgent) -> Vec<Case> {
    let mut cases = Vec::new();
    for id in check_recurrences(agent.context()).await.expect("the journal and GitHub work") {
        cases.push(agent.works(&id).await);
    }
    cases
}

#[tokio::test]
async fn what_was_fixed_is_probed_three_times() {
    let agent = resolved("worker-down").await;
    let mut probed = Vec::new();
    // Each check happens once, however often it is asked for.
    for minutes in [10, 6, 1, 45, 1, 23 * 60, 1, 23 * 60] {
        agent.passes(TimeDelta::minutes(minutes));
        let before = agent.commands();
        assert!(check(&agent).await.is_empty());
        probed.push(agent.commands() > before);
    }
    assert_eq!(probed, [false, true, false, true, false, true, false, false]);
    assert!(agent.is_closed());
    agent.sees(&["status", "report"]);
}

#[tokio::test]
async fn a_fault_that_is_back_reopens_its_ticket() {
    let agent = resolved("worker-down").await;
    agent.passes(TimeDelta::minutes(16));
    agent.host_becomes("workers.running", json!(0));
    let [case] = &check(&agent).await[..] else { panic!("one case") };
    assert_eq!(outcome(case), "resolved");
    assert!(agent.is_closed());
    agent.sees(&["status", "report", "returned", "status", "report"]);
    assert_snapshot!(stable(&agent.comment("returned")), @r"
    <!-- fieldmedic case=[case] kind=returned -->
    A fault that I had fixed here is back: **Worker containers are not running** on `qfieldcloud`. I have reopened this issue and look at it now.
    ");
    // It is one recurrence, published once.
    assert!(check(&agent).await.is_empty());
    assert!(sweep_tickets(agent.context()).await.expect("GitHub answers").is_empty());
}

#[tokio::test]
async fn a_ticket_that_a_person_reopened_is_left_to_them() {
    let agent = resolved("worker-down").await;
    agent.passes(TimeDelta::minutes(16));
    agent.host_becomes("workers.running", json!(0));
    agent.reopens("ops-lead");
    assert!(check(&agent).await.is_empty());
    assert!(!agent.is_closed());
    agent.sees(&["status", "report"]);
}

#[tokio::test]
async fn the_third_recurrence_opens_a_problem_ticket() {
    let agent = resolved("missing-image").await;
    let mut last = None;
    for _ in 0..3 {
        agent.passes(TimeDelta::minutes(70));
        // A cron job deletes the image, and the next job fails for want of it.
        agent.host_becomes("images.qgis3", json!(false));
        agent.host_becomes("queue.imageless", json!(3));
        last = check(&agent).await.pop();
    }
    let case = last.expect("it came back three times");
    assert_eq!(escalation_code(&case), "held-back", "to fix it once more would hide the cause");
    let [_, problem] = &agent.tickets()[..] else { panic!("a second ticket") };
    let body = problem.body.clone().expect("a text");
    assert_eq!(body.lines().filter(|line| line.starts_with("| 20")).count(), 4, "{body}");
    assert_snapshot!(stable(&format!("{}\n\n{body}", problem.title)), @r"
    qfieldcloud: A needed image is missing keeps coming back

    <!-- fieldmedic problem system=qfieldcloud playbook=missing-qgis-image -->
    @ops-lead: **A needed image is missing** on `qfieldcloud` was fixed 3 times within seven days, and is back. Each fix was proven to work, so something causes the fault anew. Please find that cause. This is what I know of each time:

    | found | ticket | evidence | fixed | what I had changed there in the day before |
    |---|---|---|---|---|
    | [time] UTC | example/tickets#1 | not on this server: qfieldcloud-qgis3; 3 jobs failed for want of an image in the last 24 hours | [time] UTC | nothing |
    | [time] UTC | example/tickets#1 | not on this server: qfieldcloud-qgis3; 3 jobs failed for want of an image in the last 24 hours | [time] UTC | nothing |
    | [time] UTC | example/tickets#1 | not on this server: qfieldcloud-qgis3; 3 jobs failed for want of an image in the last 24 hours | [time] UTC | nothing |
    | [time] UTC | example/tickets#1 | not on this server: qfieldcloud-qgis3; 3 jobs failed for want of an image in the last 24 hours | this time | nothing |

    **[time] UTC**

    > These commands delete idle images and will take it again; remove \`-a\` from them: /etc/cron.daily/tidy:docker system prune -a -f
    **[time] UTC**

    > These commands delete idle images and will take it again; remove \`-a\` from them: /etc/cron.daily/tidy:docker system prune -a -f
    **[time] UTC**

    > These commands delete idle images and will take it again; remove \`-a\` from them: /etc/cron.daily/tidy:docker system prune -a -f
    **[time] UTC**

    > These commands delete idle images and will take it again; remove \`-a\` from them: /etc/cron.daily/tidy:docker system prune -a -f

    **Where to look:** Find an archive or the build context of the release that the workers run (`docker compose images`), load it with `docker load -i` or build it with `docker compose build`, and give it the name that the workers expect. Look for the clean-up that deleted it: an image without a running container is the first to go with `prune -a`.

    Close this ticket when the cause is gone. Until then I keep fixing the fault as far as the policy allows, and I open no second ticket about it.
    ");
    let link = format!("example/tickets#{}", problem.number);
    assert!(agent.last_comment("report").contains(&link));
    agent.all_comments();
    // The agent does not take its own ticket for work.
    assert!(sweep_tickets(agent.context()).await.expect("GitHub answers").is_empty());
}

#[tokio::test]
async fn an_operation_that_is_ordered_again_has_not_recurred() {
    let agent = TestAgent::on("restart").build().await;
    for _ in 0..5 {
        let (_, case) = agent.executes("ops-lead", "run restart service=app").await;
        let case = agent.works(&case.expect("a case")).await;
        assert_eq!((outcome(&case), case.remediations.len()), ("answered", 1));
        assert_eq!(case.recurrence, None);
        agent.passes(TimeDelta::minutes(30));
        agent.host_becomes("up", json!(7200));
    }
    assert_eq!(agent.tickets().len(), 1, "no ticket about a problem");
    assert_eq!(agent.all_comments().len(), 2 * 5, "a status and a report each");
}
