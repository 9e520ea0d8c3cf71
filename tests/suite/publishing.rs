//! What people read of a case, how they dispute its close, and who is reminded of a ticket that nobody takes.

use crate::snapshots::stable;
use crate::test_agent::{BOT, SECRET, TestAgent, Webhooks, escalation_code, outcome};
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Source};
use fieldmedic::core::policy::run_history::CloseStats;
use fieldmedic::core::ticket::TicketState;
use fieldmedic::engine::{accept_issue, remind, sweep_tickets};
use fieldmedic::ports::Clock;
use fieldmedic::sandbox::github::{AccountKind, FaultPoint, HeldWebhook, InjectedFault, IssueEventKind};
use http::{Method, StatusCode};
use insta::assert_snapshot;
use serde_json::json;
use std::collections::BTreeSet;

/// A scenario whose ticket was worked on to its end.
async fn ended(scenario: &str) -> (TestAgent, Case) {
    let agent = TestAgent::on(scenario).build().await;
    // The first poll has no past; from then on comments are read.
    let [id] = &agent.polls().await[..] else { panic!("one ticket") };
    let case = agent.works(id).await;
    match outcome(&case) {
        "escalated" => agent.sees(&["status", "report", "call"]),
        // Nothing was changed, so nothing was announced.
        "answered" => agent.sees(&["report"]),
        _ => agent.sees(&["status", "report"]),
    }
    (agent, case)
}

/// A comment, read by the next poll, and the cases that it opened.
async fn hears(agent: &TestAgent, login: &str, text: &str) -> Vec<CaseId> {
    agent.says(login, text);
    agent.polls().await
}

/// The reactions to all comments of the ticket.
fn all_reactions(agent: &TestAgent) -> Vec<String> {
    let issue = agent.issue();
    let all = issue.comments.iter().flat_map(|comment| &comment.reactions);
    all.map(|reaction| reaction.content.clone()).collect()
}

async fn false_closes(agent: &TestAgent) -> usize {
    let since = agent.clock().now() - TimeDelta::days(30);
    let history = agent.journal().history(&CloseStats::KINDS, since).await.expect("the journal works");
    let closures = CloseStats::count(&history.records);
    assert!(closures.false_closes.is_subset(&closures.closed));
    closures.false_closes.len()
}

/// How many reminders there are by now.
async fn reminders(agent: &TestAgent) -> usize {
    remind(agent.context()).await.expect("the journal and GitHub work");
    agent.comments("reminder").len()
}

/// Delivers webhooks to the agent, twice each.
async fn deliver_twice(agent: &TestAgent, held: &[HeldWebhook]) {
    let mut webhooks = Webhooks::new(agent.context());
    for webhook in held.iter().chain(held) {
        assert!(webhooks.delivers(webhook).await.is_success());
    }
    webhooks.works().await;
}

#[tokio::test]
async fn the_status_is_edited_no_faster_than_people_read_and_ends_with_the_outcome() {
    for scenario in ["worker-down", "queue-stuck", "disk-full", "two-faults", "worker-down-not-fixed"] {
        let (agent, _) = ended(scenario).await;
        let issue = agent.issue();
        let status = agent.comment("status");
        assert!(status.contains("the report is below"), "{scenario}: {status}");
        let id = issue.comments_by(BOT).find(|it| it.body.contains("kind=status")).expect("it is there").id;
        let edits: Vec<_> = issue
            .events
            .iter()
            .filter(|event| event.what == IssueEventKind::CommentEdited(id))
            .map(|event| event.at)
            .collect();
        let (_last, passing) = edits.split_last().expect("it was edited");
        let near = passing.windows(2).find(|pair| pair[1] - pair[0] < TimeDelta::seconds(9));
        assert_eq!(near, None, "{scenario}: {edits:?}");
        assert!(!passing.is_empty(), "{scenario}: nothing was shown on the way");
    }
}

/// Right after something was created, GitHub refuses for a moment what it takes later.
#[tokio::test]
async fn a_refusal_of_a_moment_is_not_believed() {
    for status in [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY] {
        for scenario in ["worker-down", "worker-down-not-fixed"] {
            let agent = TestAgent::on(scenario).build().await;
            let [id] = &agent.polls().await[..] else { panic!("one ticket") };
            let [comments, issue] = ["/comments".to_owned(), format!("/issues/{}", agent.ticket().number)];
            agent.github().inject(
                InjectedFault::Refusal(status),
                FaultPoint::Call(Method::POST, comments),
                5,
            );
            agent.github().inject(InjectedFault::Refusal(status), FaultPoint::Call(Method::GET, issue), 1);
            let case = agent.works(id).await;
            assert_eq!(agent.comments("report").len(), 1, "{scenario}, {status}");
            match outcome(&case) {
                "resolved" => {
                    assert!(agent.is_closed());
                    agent.sees(&["report", "status"]);
                }
                _ => {
                    assert_eq!(agent.agent_labels(), ["medic:needs-human"]);
                    agent.sees(&["report", "call", "status"]);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_report_that_is_refused_for_good_is_not_called_written() {
    let agent = TestAgent::on("worker-down").build().await;
    let [id] = &agent.polls().await[..] else { panic!("one ticket") };
    let comments = FaultPoint::Call(Method::POST, "/comments".into());
    agent.github().inject(InjectedFault::Refusal(StatusCode::FORBIDDEN), comments, 1000);
    let case = agent.works(id).await;
    assert!(case.publishing.refused_report);
    assert!(!agent.is_closed(), "nothing is closed without a report");
    assert_eq!(agent.agent_labels(), ["medic:needs-human"], "and nothing looks settled");
    agent.sees(&[]);
}

#[tokio::test]
async fn a_command_whose_author_github_hides_for_a_moment_is_followed_later() {
    let agent = TestAgent::on("worker-down").build().await;
    agent.polls().await;
    let at = FaultPoint::Call(Method::GET, "/permission".into());
    agent.github().inject(InjectedFault::Refusal(StatusCode::NOT_FOUND), at, 2);
    agent.says("ops-lead", "/qfield:support pause for the migration");
    for _ in 0..3 {
        let _ = fieldmedic::engine::poll(agent.context()).await;
        agent.passes(TimeDelta::seconds(30));
    }
    assert!(agent.pause().await.is_some());
    assert!(agent.comments("refusal").is_empty(), "nobody is refused for a hiccup");
    agent.sees(&["reply"]);
}

#[tokio::test]
async fn labels_follow_the_case_to_its_end_and_the_ticket_closes_as_completed() {
    for (scenario, label, reason) in [
        ("worker-down", "medic:resolved", Some("completed")),
        ("status", "medic:resolved", Some("completed")),
        ("worker-down-not-fixed", "medic:needs-human", None),
    ] {
        let (agent, _) = ended(scenario).await;
        assert_eq!(agent.agent_labels(), [label], "{scenario}");
        assert_eq!(agent.issue().close_reason(), reason, "{scenario}");
        let was_working = |what: &IssueEventKind| *what == IssueEventKind::Labeled("medic:working".into());
        let is_shown = agent.issue().events.iter().any(|event| was_working(&event.what));
        assert_eq!(is_shown, scenario != "status", "{scenario}: what is over in a moment has no such label");
        let made = agent.github().labels(&agent.ticket().repo);
        let looks = made.iter().find(|there| there.name == label).expect("the repository has it");
        assert!(looks.color != "ededed" && looks.description.is_some(), "{looks:?}");
    }
}

#[tokio::test]
async fn a_report_that_it_is_still_broken_reopens_the_ticket_for_a_person() {
    let (agent, first) = ended("worker-down").await;
    agent.passes(TimeDelta::minutes(5));
    assert_eq!(agent.agent_labels(), ["medic:resolved"]);
    let before = agent.changes();
    // The fault is there again and could be fixed. It is left to a person all the same.
    agent.host_becomes("workers.running", json!(0));
    let [id] = &hears(&agent, "field-agent", "Sorry, it still doesn't work.").await[..] else {
        panic!("one case")
    };
    let case = agent.works(id).await;
    assert_eq!(escalation_code(&case), "still-broken");
    assert_eq!(case.dispute.as_ref().map(|dispute| &dispute.case), Some(&first.id));
    assert_eq!(agent.changes(), before, "nothing is changed a second time");
    assert!(!agent.is_closed());
    assert_eq!(agent.agent_labels(), ["medic:needs-human"]);
    assert_snapshot!(stable(&agent.comment("objection")), @r"
    <!-- fieldmedic case=[case] kind=objection -->
    field-agent says that this is not settled, so I was wrong to close it. I have reopened it and look at everything afresh. I change nothing this time: a person gets both reports.
    ");
    assert_eq!(all_reactions(&agent), ["eyes"]);
    agent.sees(&["status", "report", "objection", "report", "call"]);
    assert_snapshot!(stable(&agent.last_comment("report")), @r#"
    <!-- fieldmedic case=[case] kind=report -->
    ### 🧑‍🔧 A person is needed

    You say that this is not settled, so a person looks at it now. I have changed nothing this time.

    **Why** (`still-broken`):
    field-agent says that this is not settled, after I had closed it. What I see now: Worker containers are not running: 0 of 4 workers are running

    **What to do:** I closed this too early, and another try would not help. Compare what I did then with what I see now; both are below. Ask the reporter what exactly happens.

    Read `docker compose logs --tail 100 worker_wrapper` in the project directory. A worker that does not stay up usually lacks a variable after an upgrade, the Docker socket, or the database.

    **What I see now**
    - Worker containers are not running: 0 of 4 workers are running
    <details><summary>What I would do</summary>

    1. start the workers (on `main`), only if `workers.stopped \| length > 0`

    ```text
    docker start qfieldcloud-worker_wrapper-1 qfieldcloud-worker_wrapper-2 qfieldcloud-worker_wrapper-3 qfieldcloud-worker_wrapper-4
    ```

    2. create the workers that are missing (on `main`), only if `workers.rows \| length < settings.workers`

    ```text
    cd -- /opt/qfieldcloud && docker compose up -d --no-build --no-recreate --no-deps worker_wrapper
    ```

    </details>
    <details><summary>What I did before I closed it</summary>

    Case `[case]` ended as resolved, and I closed this at [time] UTC.

    **Worker containers are not running**: 0 of 4 workers are running.

    1. start the workers (on `main`): done in [duration]
    ```text
    docker start qfieldcloud-worker_wrapper-1 qfieldcloud-worker_wrapper-2 qfieldcloud-worker_wrapper-3 qfieldcloud-worker_wrapper-4
    ```

    2. create the workers that are missing (on `main`): skipped
    ```text
    cd -- /opt/qfieldcloud && docker compose up -d --no-build --no-recreate --no-deps worker_wrapper
    ```

    - `no longer: workers.running < settings.workers and workers.looping == 0 and workers.paused \| length == 0 and stops.pause_min == 0 and services.rows \| length > 0`: so since [time], for [duration]
    - `workers.running >= settings.workers and workers.looping == 0`: so since [time], for [duration]
    - `jobs.moving`: so since [time], for [duration]
    - `jobs.requeued == 0 or jobs.requeued_taken > 0`: so since [time], for [duration]

    </details>
    <details><summary>Evidence: 22 probes</summary>

    Ruled out: A disk is nearly full; A disk cannot be written to, though it has room; The Docker engine does not run or does not answer; A job lacks the row of its kind; A service is turned away by what it depends on; A needed image is missing; A running container is not on its network; A service looks for a name that no service of the project has; Containers cannot resolve names, though the host can; Nothing of the project is deployed; Containers run that the file no longer names; A pause of the workers was ordered; A service cannot start because its port is taken; A service may not write where it has to; What has to end well before a service starts has failed; A service that should run has stopped; A dead clean-up holds the lock of the cron jobs; A service does not run steadily, or is not there; The application answers, and nginx does not find it; Workers start and die in a loop; Workers are paused; Workers run and take no job; Jobs are stuck in the queue; The application or nginx runs, and answers with errors or not at all; The certificate has expired, or does so within days; The certificate runs out soon; The application's clean-up does not run any more; Forms are refused, or the trusted origins do not fit the host name; A clean-up deletes the images that jobs need; nginx cannot reach the application in time; A service was killed for want of memory; The server answers inside, but not by its public name; The server is well; a project or a change is not; A project has been locked for long; Workers and job images are of different releases; The storage or another service is not well; Jobs were killed, most likely for want of memory; Pages come without their style sheets; The disk for temporary files is full; Work of users was lost to a fault; All workers are busy.

    | probe | host | result | took | facts |
    |---|---|---|---|---|
    | `activity` | main | exit 0 | [duration] | backups = \[\]; deploys = \[\] |
    | `cleanups` | main | exit 0 | [duration] | found = \[\] |
    | `config` | main | exit 0 | [duration] | always = \[\]; built = \["app","nginx","qgis3","qgis4","worker\_wrapper"\]; ending = \[\]; known = \["app","db","memcached","nginx","ofelia","qgis3","qgis4","rustfs","worker\_wrapper"\]; networks = \["qfieldcloud\_default"\]; project = "qfieldcloud"; services = \["app","db","memcached","nginx","ofelia","qgis3","qgis4","rustfs","worker\_wrapper"\]; wanted = \["app","db","memcached","nginx","ofelia","qgis3","qgis4","rustfs","worker\_wrapper"\] |
    | `containers` | main | exit 0 | [duration] | absent = \[\]; blocked = \[\]; detached = \[\]; down\_now = \["qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\]; failed = \[\]; held = \[\]; keep = \["qfieldcloud-db-1","qfieldcloud-rustfs-1","qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\]; late\_candidates = \[\]; late\_now = \[\]; limited = \[\]; oom\_down = \[\]; oom\_lately = \[\]; oom\_soon = \[\]; orphans = \[\]; patient = \[\]; paused = \[\]; portless = \[\]; restartable = \[\]; rows: 12 rows; running = \["qfieldcloud-app-1","qfieldcloud-db-1","qfieldcloud-memcached-1","qfieldcloud-nginx-1","qfieldcloud-ofelia-1","qfieldcloud-rustfs-1"\]; starting = \[\]; stopped = \["qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\]; suspicious = \[\]; unhealthy = \[\]; unproven = \[\]; unsure = \[\]; unsure\_now = \[\]; unwell = \["qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\] |
    | `crons` | main | exit 0 | [duration] | locks = \[\]; oldest\_min = 0; running = false; stale = false; unread = "" |
    | `disk` | main | exit 0 | [duration] | docker\_free\_mb = 53352; docker\_mount = "/var/lib/docker"; docker\_percent = 47; docker\_size\_kb = `103081248`; full = \[\]; inodes\_full = \[\]; inodes\_worst = 12; read\_only = \[\]; rows: 7 rows; silent = \[\]; skipped = \[\]; system\_percent = 31; tmp\_full = \[\]; worst = 47 |
    | `dns` | main | exit 0 | [duration] | deaf = \[\]; lost = \[\]; rows: 3 rows |
    | `docker` | main | exit 0 | [duration] | containerd = false; live\_restore = "unknown"; manager = "none"; root = "/var/lib/docker"; state = "up"; unit = ""; version = "26.1.5" |
    | `harm` | main | exit 0 | [duration] | childless = \[\]; deltas = \[\]; deltas\_count = 0; killed = \[\]; locked = \[\]; lost = \[\]; project = \[\]; rejected = \[\] |
    | `host` | main | exit 0 | [duration] | cores = 4; load = 0.42; memory\_free\_mb = 9871; memory\_mb = 15914; uptime\_h = 1042 |
    | `jobs` | main | exit 0 | [duration] | agents\_week = 9; cron\_age\_s = 40; cron\_last\_s = 40; cron\_silent = false; cron\_steady = true; failed\_day = 2; failing\_projects = 0; finished\_day = 133; imageless\_day = 0; last\_start\_s = 322; mean\_s = 38; moving = true; oldest\_waiting\_min = 0; overdue = 0; pending = 0; queued = 0; requeued = 0; requeued\_finished = 0; requeued\_taken = 0; retry = \[\]; started = 0; takeable = 0; waiting\_30 = 0 |
    | `makeup` | main | exit 0 | [duration] | differs = \[\]; killed = \[\]; unknown = "" |
    | `needed_images` | main | exit 0 | [duration] | here = \["qfieldcloud-qgis3","qfieldcloud-qgis4"\]; missing = \[\]; pinned = \[\] |
    | `ports` | main | exit 0 | [duration] | claims = \[\]; rows = \[\]; startable = \["qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\]; told = \[\] |
    | `services` | main | exit 0 | [duration] | absent = \[\]; cache = \["qfieldcloud-memcached-1"\]; down = \["worker\_wrapper"\]; held = \[\]; qgis\_broken = \[\]; rows: 12 rows; stopped = \[\]; unhealthy = \[\]; unsteady = \[\] |
    | `settings` | main | exit 0 | [duration] | database = "qfieldcloud\_db"; database\_host = "db"; database\_user = "qfieldcloud\_db\_admin"; environment = "production"; hosts = \["qfield.example.org"\]; images = \["qfieldcloud-qgis3","qfieldcloud-qgis4"\]; origins = \["https:​//qfield.example.org"\]; tmp\_directory = "/tmp"; worker\_timeout\_s = 600; workers = 4 |
    | `sources` | main | exit 0 | [duration] | archives = \[\]; qgis\_services = \[\]; services = \[\] |
    | `stops` | main | exit 0 | [duration] | backups = \[\]; ended = \[\]; pause\_min = 0; stopped = \[\] |
    | `stuck` | main | exit 0 | [duration] | count = 0; dead = \[\]; ids = \[\] |
    | `unwell` | main | exit 0 | [duration] | astray = \[\]; denied = \[\]; late = \[\]; login\_refused = \[\]; refused = \[\]; rights = \[\]; rows: 4 rows; sought = \[\]; told = \["qfieldcloud-worker\_wrapper-1 (exited, exit code 1, killed for want of memory: false, 0 restarts): bye","qfieldcloud-worker\_wrapper-2 (exited, exit code 1, killed for want of memory: false, 0 restart… |
    | `web` | main | exit 0 | [duration] | certificate\_days = 61; certificate\_early = ""; certificate\_end = "Sep 13 [time] 2025 GMT"; certificate\_known = true; connect\_first = ""; connect\_last = ""; connect\_timeouts = 0; csrf\_origin = ""; csrf\_refused = 0; database = "unmeasured"; direct = "ok"; direct\_code = "200"; direct\_s = "0.041"; inside = "ok"; inside\_code = "200"; inside\_s = "0.052"; manifest = 0; not\_measured = \[\]; outside = "ok"; outside\_code = "200"; outside\_s = "0.188"; proxy = \["qfieldcloud-nginx-1"\]; storage = "ok"; storage\_full = 0; styles = "ok"; styles\_said = "" |
    | `workers` | main | exit 0 | [duration] | held = \[\]; looping = 0; paused = \[\]; restarts = 0; rows: 4 rows; running = 0; stopped = \["qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\]; young = 0 |

    </details>

    <details><summary>What I understood of the ticket</summary>

    97 % sure of a trouble of the system; if so, `jobs-wait` 99 % (sync … never … finishes … sync … changes … pending); if not, `device` 25 %; language `en`

    </details>

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    "#);
    assert_eq!(false_closes(&agent).await, 1);
    // It is one dispute, however often it is made and read.
    agent.passes(TimeDelta::minutes(1));
    assert!(hears(&agent, "ops-lead", "not fixed!").await.is_empty());
    assert!(sweep_tickets(agent.context()).await.expect("GitHub answers").is_empty());
    assert_eq!(false_closes(&agent).await, 1);
}

#[tokio::test]
async fn a_reopened_ticket_is_noticed_once_by_whichever_source() {
    for by_webhook_first in [true, false] {
        let (agent, first) = ended("worker-down").await;
        agent.github().hold_webhooks(SECRET);
        agent.passes(TimeDelta::minutes(5));
        agent.reopens("field-agent");
        let held = agent.github().fetch_webhooks();
        assert!(!held.is_empty());
        let mut cases = Vec::new();
        if by_webhook_first {
            deliver_twice(&agent, &held).await;
            cases.extend(agent.open_cases().await);
            assert!(agent.polls().await.is_empty());
        } else {
            cases.extend(agent.polls().await);
            deliver_twice(&agent, &held).await;
        }
        agent.says("field-agent", "still broken");
        assert!(agent.polls().await.is_empty());
        let [id] = &cases[..] else { panic!("one case: {cases:?}") };
        let case = agent.works(id).await;
        let Source::CloseDispute(dispute) = &case.source else { panic!("{:?}", case.source) };
        assert_eq!(dispute.case, first.id);
        assert_eq!(dispute.by, if by_webhook_first { "field-agent" } else { "" });
        assert_eq!(escalation_code(&case), "still-broken");
        // A late delivery is about the same close.
        deliver_twice(&agent, &held).await;
        agent.passes(TimeDelta::minutes(10));
        assert!(agent.polls().await.is_empty());
        assert!(agent.open_cases().await.is_empty());
        assert_eq!(false_closes(&agent).await, 1);
        // Who reopened it knows that it is open, so nothing says so.
        agent.sees(&["status", "report", "report", "call"]);
    }
}

#[tokio::test]
async fn a_list_from_before_the_close_is_no_dispute() {
    let (agent, _) = ended("worker-down").await;
    let mut stale = agent.context().forge.ticket(agent.ticket()).await.expect("GitHub answers");
    stale.state = TicketState::Open;
    for minutes in [0, 30] {
        agent.passes(TimeDelta::minutes(minutes));
        let taken = accept_issue(agent.context(), stale.clone(), Source::Poll).await.expect("GitHub answers");
        assert_eq!(taken, None);
    }
    assert_eq!(false_closes(&agent).await, 0);
}

#[tokio::test]
async fn thanks_questions_quotes_and_machines_open_nothing() {
    let (agent, _) = ended("worker-down").await;
    agent.passes(TimeDelta::minutes(5));
    agent.github().register("ci-bot", AccountKind::Bot, "ci-token");
    for (login, words, reactions) in [
        ("field-agent", "Thanks, works!", 1),
        ("ops-lead", "Is it still broken?", 1),
        ("field-agent", "> still broken\n\nno more :)", 1),
        ("ci-bot", "still broken", 1),
        (BOT, "still broken", 1),
    ] {
        assert!(hears(&agent, login, words).await.is_empty(), "{login}: {words}");
        // The poll reads it once more.
        assert!(agent.polls().await.is_empty(), "{login}: {words}");
        assert_eq!(all_reactions(&agent).len(), reactions, "{login}: {words}");
    }
    assert_eq!(all_reactions(&agent), ["+1"]);
    // The last one is the test's own.
    agent.sees(&["status", "report", "unmarked"]);
    assert!(agent.is_closed());
    assert_eq!(false_closes(&agent).await, 0);
}

#[tokio::test]
async fn a_comment_from_before_the_close_is_no_dispute_of_it() {
    let (agent, _) = ended("status").await;
    let (other, _) = ended("worker-down-not-fixed").await;
    // Handed over already: a person has it.
    assert!(hears(&other, "field-agent", "still broken").await.is_empty());
    assert!(agent.is_closed());
    let early = agent.clock().now();
    agent.passes(TimeDelta::minutes(-10));
    agent.says("field-agent", "still broken");
    agent.clock().set(early);
    assert!(agent.polls().await.is_empty());
    assert!(agent.is_closed());
}

#[tokio::test]
async fn an_answered_question_is_a_problem_when_somebody_disputes_the_close() {
    let (agent, _) = ended("status").await;
    agent.passes(TimeDelta::minutes(5));
    let [id] = &hears(&agent, "field-agent", "Geht immer noch nicht").await[..] else { panic!("one case") };
    let case = agent.works(id).await;
    assert_eq!(escalation_code(&case), "still-broken");
    agent.sees(&["report", "objection", "report", "call"]);
    assert_snapshot!(stable(&agent.last_comment("report")), @r#"
    <!-- fieldmedic case=[case] kind=report -->
    ### 🧑‍🔧 A person is needed

    You say that this is not settled, so a person looks at it now. I have changed nothing this time.

    **Why** (`still-broken`):
    field-agent says that this is not settled, after I had closed it. What I see now: every fault that I know is ruled out

    **What to do:** I closed this too early, and another try would not help. Compare what I did then with what I see now; both are below. Ask the reporter what exactly happens.

    <details><summary>What I did before I closed it</summary>

    Case `[case]` ended as answered, and I closed this at [time] UTC.

    I changed nothing then. I answered from what I saw.

    </details>
    <details><summary>Evidence: 22 probes</summary>

    Ruled out: A disk is nearly full; A disk cannot be written to, though it has room; The Docker engine does not run or does not answer; A job lacks the row of its kind; A service is turned away by what it depends on; A needed image is missing; A running container is not on its network; A service looks for a name that no service of the project has; Containers cannot resolve names, though the host can; Nothing of the project is deployed; Containers run that the file no longer names; A pause of the workers was ordered; A service cannot start because its port is taken; A service may not write where it has to; What has to end well before a service starts has failed; A service that should run has stopped; A dead clean-up holds the lock of the cron jobs; A service does not run steadily, or is not there; The application answers, and nginx does not find it; Workers start and die in a loop; Workers are paused; Worker containers are not running; Workers run and take no job; Jobs are stuck in the queue; The application or nginx runs, and answers with errors or not at all; The certificate has expired, or does so within days; The certificate runs out soon; The application's clean-up does not run any more; Forms are refused, or the trusted origins do not fit the host name; A clean-up deletes the images that jobs need; nginx cannot reach the application in time; A service was killed for want of memory; The server answers inside, but not by its public name; The server is well; a project or a change is not; A project has been locked for long; Workers and job images are of different releases; The storage or another service is not well; Jobs were killed, most likely for want of memory; Pages come without their style sheets; The disk for temporary files is full; Work of users was lost to a fault; All workers are busy.

    | probe | host | result | took | facts |
    |---|---|---|---|---|
    | `activity` | main | exit 0 | [duration] | backups = \[\]; deploys = \[\] |
    | `cleanups` | main | exit 0 | [duration] | found = \[\] |
    | `config` | main | exit 0 | [duration] | always = \[\]; built = \["app","nginx","qgis3","qgis4","worker\_wrapper"\]; ending = \[\]; known = \["app","db","memcached","nginx","ofelia","qgis3","qgis4","rustfs","worker\_wrapper"\]; networks = \["qfieldcloud\_default"\]; project = "qfieldcloud"; services = \["app","db","memcached","nginx","ofelia","qgis3","qgis4","rustfs","worker\_wrapper"\]; wanted = \["app","db","memcached","nginx","ofelia","qgis3","qgis4","rustfs","worker\_wrapper"\] |
    | `containers` | main | exit 0 | [duration] | absent = \[\]; blocked = \[\]; detached = \[\]; down\_now = \[\]; failed = \[\]; held = \[\]; keep = \["qfieldcloud-db-1","qfieldcloud-rustfs-1","qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\]; late\_candidates = \[\]; late\_now = \[\]; limited = \[\]; oom\_down = \[\]; oom\_lately = \[\]; oom\_soon = \[\]; orphans = \[\]; patient = \[\]; paused = \[\]; portless = \[\]; restartable = \[\]; rows: 12 rows; running = \["qfieldcloud-app-1","qfieldcloud-db-1","qfieldcloud-memcached-1","qfieldcloud-nginx-1","qfieldcloud-ofelia-1","qfieldcloud-rustfs-1","qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfi…; starting = \[\]; stopped = \[\]; suspicious = \[\]; unhealthy = \[\]; unproven = \[\]; unsure = \[\]; unsure\_now = \[\]; unwell = \[\] |
    | `crons` | main | exit 0 | [duration] | locks = \[\]; oldest\_min = 0; running = false; stale = false; unread = "" |
    | `disk` | main | exit 0 | [duration] | docker\_free\_mb = 53352; docker\_mount = "/var/lib/docker"; docker\_percent = 47; docker\_size\_kb = `103081248`; full = \[\]; inodes\_full = \[\]; inodes\_worst = 12; read\_only = \[\]; rows: 7 rows; silent = \[\]; skipped = \[\]; system\_percent = 31; tmp\_full = \[\]; worst = 47 |
    | `dns` | main | exit 0 | [duration] | deaf = \[\]; lost = \[\]; rows: 3 rows |
    | `docker` | main | exit 0 | [duration] | containerd = false; live\_restore = "unknown"; manager = "none"; root = "/var/lib/docker"; state = "up"; unit = ""; version = "26.1.5" |
    | `harm` | main | exit 0 | [duration] | childless = \[\]; deltas = \[\]; deltas\_count = 0; killed = \[\]; locked = \[\]; lost = \[\]; project = \[\]; rejected = \[\] |
    | `host` | main | exit 0 | [duration] | cores = 4; load = 0.42; memory\_free\_mb = 9871; memory\_mb = 15914; uptime\_h = 1042 |
    | `jobs` | main | exit 0 | [duration] | agents\_week = 9; cron\_age\_s = 40; cron\_last\_s = 40; cron\_silent = false; cron\_steady = true; failed\_day = 2; failing\_projects = 0; finished\_day = 126; imageless\_day = 0; last\_start\_s = `1790000302`; mean\_s = 38; moving = true; oldest\_waiting\_min = 0; overdue = 0; pending = 0; queued = 0; requeued = 0; requeued\_finished = 0; requeued\_taken = 0; retry = \[\]; started = 1; takeable = 0; waiting\_30 = 0 |
    | `makeup` | main | exit 0 | [duration] | differs = \[\]; killed = \[\]; unknown = "" |
    | `needed_images` | main | exit 0 | [duration] | here = \["qfieldcloud-qgis3","qfieldcloud-qgis4"\]; missing = \[\]; pinned = \[\] |
    | `ports` | main | exit 0 | [duration] | claims = \[\]; rows = \[\]; startable = \[\]; told = \[\] |
    | `services` | main | exit 0 | [duration] | absent = \[\]; cache = \["qfieldcloud-memcached-1"\]; down = \[\]; held = \[\]; qgis\_broken = \[\]; rows: 12 rows; stopped = \[\]; unhealthy = \[\]; unsteady = \[\] |
    | `settings` | main | exit 0 | [duration] | database = "qfieldcloud\_db"; database\_host = "db"; database\_user = "qfieldcloud\_db\_admin"; environment = "production"; hosts = \["qfield.example.org"\]; images = \["qfieldcloud-qgis3","qfieldcloud-qgis4"\]; origins = \["https:​//qfield.example.org"\]; tmp\_directory = "/tmp"; worker\_timeout\_s = 600; workers = 4 |
    | `sources` | main | exit 0 | [duration] | archives = \[\]; qgis\_services = \[\]; services = \[\] |
    | `stops` | main | exit 0 | [duration] | backups = \[\]; ended = \[\]; pause\_min = 0; stopped = \[\] |
    | `stuck` | main | exit 0 | [duration] | count = 0; dead = \[\]; ids = \[\] |
    | `unwell` | main | exit 0 | [duration] | astray = \[\]; denied = \[\]; late = \[\]; login\_refused = \[\]; refused = \[\]; rights = \[\]; rows = \[\]; sought = \[\]; told = \[\] |
    | `web` | main | exit 0 | [duration] | certificate\_days = 61; certificate\_early = ""; certificate\_end = "Sep 13 [time] 2025 GMT"; certificate\_known = true; connect\_first = ""; connect\_last = ""; connect\_timeouts = 0; csrf\_origin = ""; csrf\_refused = 0; database = "unmeasured"; direct = "ok"; direct\_code = "200"; direct\_s = "0.041"; inside = "ok"; inside\_code = "200"; inside\_s = "0.052"; manifest = 0; not\_measured = \[\]; outside = "ok"; outside\_code = "200"; outside\_s = "0.188"; proxy = \["qfieldcloud-nginx-1"\]; storage = "ok"; storage\_full = 0; styles = "ok"; styles\_said = "" |
    | `workers` | main | exit 0 | [duration] | held = \[\]; looping = 0; paused = \[\]; restarts = 0; rows: 4 rows; running = 4; stopped = \[\]; young = 0 |

    </details>

    <details><summary>What I understood of the ticket</summary>

    3 % sure of a trouble of the system; if so, `everything-down` 61 % (Please … check … QField … system … status … you), `slow` 15 %; if not, `status-question` 98 %; language `en`

    </details>

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    "#);
}

#[tokio::test]
async fn people_are_reminded_twice_and_never_again() {
    let (agent, _) = ended("worker-down-not-fixed").await;
    let mut reminded = Vec::new();
    for hours in [3, 2, 1, 20, 3, 1, 48, 24] {
        agent.passes(TimeDelta::hours(hours));
        reminded.push(reminders(&agent).await);
        // A second run at once reminds nobody.
        assert_eq!(reminders(&agent).await, reminded[reminded.len() - 1]);
    }
    assert_eq!(reminded, [0, 1, 1, 1, 2, 2, 2, 2]);
    assert_snapshot!(stable(&agent.comments("reminder").join("\n")), @r"
    <!-- fieldmedic case=[case] kind=reminder number=1 -->
    @ops-lead: nobody has taken this ticket since I handed it over at [time] UTC (`not-fixed`).

    > worker-down: `workers.running >= settings.workers and workers.looping == 0` did not become true in time

    The report above says what to do. A comment, a reaction to one of mine, a label or an assignment tells me that somebody has it. I will remind you once more in a day.

    <!-- fieldmedic case=[case] kind=reminder number=2 -->
    @ops-lead: nobody has taken this ticket since I handed it over at [time] UTC (`not-fixed`).

    > worker-down: `workers.running >= settings.workers and workers.looping == 0` did not become true in time

    The report above says what to do. A comment, a reaction to one of mine, a label or an assignment tells me that somebody has it. This is my last reminder.
    ");
}

#[tokio::test]
async fn an_agent_that_was_down_for_both_reminders_reminds_once() {
    let (agent, _) = ended("worker-down-not-fixed").await;
    agent.passes(TimeDelta::hours(29));
    assert_eq!(reminders(&agent).await, 1);
    assert_snapshot!(stable(&agent.comment("reminder")), @r"
    <!-- fieldmedic case=[case] kind=reminder number=2 -->
    @ops-lead: nobody has taken this ticket since I handed it over at [time] UTC (`not-fixed`).

    > worker-down: `workers.running >= settings.workers and workers.looping == 0` did not become true in time

    The report above says what to do. A comment, a reaction to one of mine, a label or an assignment tells me that somebody has it. This is my last reminder.
    ");
}

#[tokio::test]
async fn two_replicas_remind_once() {
    let (agent, _) = ended("worker-down-not-fixed").await;
    agent.passes(TimeDelta::hours(5));
    let (one, other) = (agent.context(), &agent.replica());
    let (first, second) = tokio::join!(remind(one), remind(other));
    assert_eq!(first.expect("it can").len() + second.expect("it can").len(), 1);
    assert_eq!(agent.comments("reminder").len(), 1);
}

#[tokio::test]
async fn whoever_acts_on_a_ticket_has_taken_it() {
    type Act = fn(&TestAgent);
    let acts: [(&str, bool, Act); 8] = [
        ("comments", true, |agent| {
            agent.says("night-shift", "I have a look");
        }),
        ("labels", true, |agent| agent.github().label(agent.ticket(), "night-shift", "disk").expect("taken")),
        ("takes the label off", true, |agent| {
            agent.github().unlabel(agent.ticket(), "night-shift", "medic:needs-human").expect("taken");
        }),
        ("closes it", true, |agent| {
            agent.github().close(agent.ticket(), "ops-lead", "completed").expect("taken");
        }),
        ("reacts", true, |agent| {
            let issue = agent.issue();
            let call = issue.comments.iter().find(|comment| comment.body.contains("kind=call"));
            let call = call.expect("a call").id;
            agent.github().react(&agent.ticket().repo, call, "ops-lead", "eyes").expect("taken");
        }),
        ("is the reporter, who asks", false, |agent| {
            agent.says(&agent.issue().author, "anybody there?");
        }),
        ("is a machine", false, |agent| {
            agent.github().register("stale-bot", AccountKind::Bot, "stale-token");
            agent.github().label(agent.ticket(), "stale-bot", "stale").expect("taken");
        }),
        ("is only mentioned", false, |_| {}),
    ];
    for (what, taken, act) in acts {
        let (agent, _) = ended("worker-down-not-fixed").await;
        agent.passes(TimeDelta::minutes(60));
        act(&agent);
        agent.passes(TimeDelta::hours(4));
        assert_eq!(reminders(&agent).await, usize::from(!taken), "somebody {what}");
    }
}

#[tokio::test]
async fn an_issue_form_chooses_the_system_and_its_tricks_stay_text() {
    let (agent, case) = ended("worker-down-form").await;
    let unknown: BTreeSet<String> =
        case.triage.as_ref().expect("it was read").unknown_names.iter().map(|it| it.name.clone()).collect();
    assert!(unknown.iter().any(|name| name.contains("@everyone")), "{unknown:?}");
    let report = agent.comment("report");
    // Only the agent's own first line is a comment of HTML, and what a form says is shown as code.
    assert_eq!(report.matches("<!--").count(), 1, "{report}");
    let outside: String = report.split('`').step_by(2).collect();
    assert!(!outside.contains("@everyone") && !outside.contains("{{"), "{report}");
}
