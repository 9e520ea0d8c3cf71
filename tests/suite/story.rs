//! Read this first: one ticket from the webhook to its close.
//!
//! GitHub and the server are simulated; the router, the signature check, the GitHub client, the playbooks,
//! the decisions and the journal are the real ones. Time is virtual, so minutes pass at once.

use crate::snapshots::{as_shown, stable};
use crate::test_agent::{PREFIX, TestAgent, outcome, plan_of};
use chrono::TimeDelta;
use fieldmedic::engine::check_recurrences;
use http::StatusCode;
use insta::assert_snapshot;

#[tokio::test]
async fn a_ticket_from_the_webhook_to_its_close() {
    // All four workers of this QFieldCloud server are down. The agent may change nothing by itself.
    let mut agent = TestAgent::on("worker-down").ask_mode().webhooks().build().await;

    // A reporter files a ticket in plain words. It names no server, no container and no command.
    let ticket =
        agent.files("Sync never finishes", "Since this morning changes stay pending on all tablets.");
    agent.follows(ticket);

    // GitHub sends a signed webhook. A forged one is refused; the real one opens a case.
    let mut forged = agent.held_webhooks().remove(0);
    forged.signature = format!("sha256={}", "0".repeat(64));
    assert_eq!(agent.delivers(&forged).await, StatusCode::UNAUTHORIZED);
    let [case] = &agent.receives_webhooks().await[..] else { panic!("one case") };

    // The agent runs every probe, finds the one fault that is there, and asks before it fixes it.
    let waiting = agent.works(case).await;
    let plan = plan_of(&waiting);
    assert_eq!(agent.changes(), 0);
    assert_eq!(agent.labels(), ["support", "medic:needs-approval"]);
    assert_snapshot!(as_shown(&agent.comment("status")), @"
    <!-- fieldmedic case=[case] kind=status -->
    ### 🩺 Waiting for approval · `qfieldcloud`

    ✋ **Waiting for approval** of plan `[plan]` (worker-down) until [time] UTC.

    - 🔎 Worker containers are not running: 0 of 4 workers are running

    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · as of [time] UTC</sub>
    ");
    assert_snapshot!(stable(&agent.comment("question")), @r#"
    <!-- fieldmedic case=[case] kind=question plan=[hash] -->
    ### ✋ May I do this? (plan `[plan]`)

    @ops-lead: **Worker containers are not running**: 0 of 4 workers are running.

    I change nothing until somebody with the right to approve answers with a comment:

    ```text
    /qfield:support approve [plan]
    ```

    ```text
    /qfield:support deny
    ```

    I look again before I begin. If the plan has changed by then, I ask again. Without an answer until [time] UTC I hand this ticket over to a person. The risk is low.

    1. start the workers (on `main`), only if `workers.stopped \| length > 0`
    ```text
    docker start qfieldcloud-worker_wrapper-1 qfieldcloud-worker_wrapper-2 qfieldcloud-worker_wrapper-3 qfieldcloud-worker_wrapper-4
    ```

       If it does not help, I roll it back with:

    ```text
    env PROJECT=qfieldcloud sh -euc 'ids=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" \
      --filter label=com.docker.compose.service=worker_wrapper --filter label=com.docker.compose.oneoff=False)
    [ -n "$ids" ] || exit 0
    since=$(date -u -d "@$(($(date +%s) - 60))" +%Y-%m-%dT%H:%M:%S)
    docker inspect --format '\''{{.Name}} {{.State.Status}} {{.RestartCount}} {{.State.StartedAt}}'\'' $ids |
      awk -v since="$since" '\''$2 == "restarting" || ($2 == "running" && $3 > 0 && $4 > since) { print substr($1, 2) }'\'' |
      while read -r name; do docker stop -t 10 "$name"; done' 'rollback start the workers'
    ```

    2. create the workers that are missing (on `main`), only if `workers.rows \| length < settings.workers`
    ```text
    cd -- /opt/qfieldcloud && docker compose up -d --no-build --no-recreate --no-deps worker_wrapper
    ```

       If it does not help, I roll it back with:

    ```text
    env PROJECT=qfieldcloud sh -euc 'ids=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" \
      --filter label=com.docker.compose.service=worker_wrapper --filter label=com.docker.compose.oneoff=False)
    [ -n "$ids" ] || exit 0
    since=$(date -u -d "@$(($(date +%s) - 60))" +%Y-%m-%dT%H:%M:%S)
    docker inspect --format '\''{{.Name}} {{.State.Status}} {{.RestartCount}} {{.State.StartedAt}}'\'' $ids |
      awk -v since="$since" '\''$2 == "restarting" || ($2 == "running" && $3 > 0 && $4 > since) { print substr($1, 2) }'\'' |
      while read -r name; do docker stop -t 10 "$name"; done' 'rollback create the workers that are missing'
    ```

    <sub>Case `[case]`</sub>
    "#);

    // A person approves this plan. The reporter could not.
    agent.says("field-agent", &format!("{PREFIX} approve {plan}"));
    agent.receives_webhooks().await;
    assert!(agent.works(case).await.pending_approval.is_some());
    assert_snapshot!(stable(&agent.comment("refusal")), @r"
    <!-- fieldmedic refusal by=field-agent order=approve -->
    field-agent, you don't have permission to run `/qfield:support approve` here. People with write permission or more can. Please ask one of them. I explain this once a day, and ignore further commands of yours until then.
    ");
    agent.says("ops-lead", &format!("{PREFIX} approve {plan}"));
    agent.receives_webhooks().await;

    // The agent probes once more, starts the workers, verifies that jobs are processed again and stay so,
    // reports in the reporter's words and closes the ticket.
    let closed = agent.works(case).await;
    assert_eq!(outcome(&closed), "resolved");
    assert_eq!(agent.changes(), 1);
    assert_eq!(agent.labels(), ["support", "medic:resolved"]);
    assert_eq!(agent.issue().close_reason(), Some("completed"));
    assert_snapshot!(as_shown(&agent.comment("status")), @r"
    <!-- fieldmedic case=[case] kind=status -->
    ✅ **Fieldmedic has finished** · `qfieldcloud` · resolved after [duration]; the report is below.

    <sub>Case `[case]` · as of [time] UTC</sub>
    ");
    assert_snapshot!(as_shown(&agent.comment("report")), @r"
    <!-- fieldmedic case=[case] kind=report -->
    ### ✅ Resolved

    The machines that process your projects had stopped. They run again, and what was waiting is being worked off.

    **Worker containers are not running**: 0 of 4 workers are running. ops-lead approved the plan.

    1. start the workers: done in [duration]

    2. create the workers that are missing: skipped (not needed: workers.rows \| length &lt; settings.workers)

    Fixed and verified: 4 conditions held, the longest for [duration].

    <details><summary>Commands and proof</summary> … </details>
    <details><summary>Evidence: 22 probes</summary> … </details>

    Not settled? Reopen this issue, or say that it is still broken. Then a person looks at it.

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    ");

    // A quarter of an hour later it probes again, by itself. The workers still run, so nothing happens.
    agent.passes(TimeDelta::minutes(16));
    assert!(check_recurrences(agent.context()).await.expect("the journal works").is_empty());

    // Nothing else was said or done: the harness fails for any comment or command that nobody expected.
    agent.sees(&["status", "question", "refusal", "report"]);
}
