//! Every text that people read, as they read it: comments in each phase and of each outcome, and what the
//! commands print.
//!
//! A difference here is a change of wording. Read it as its reader would, then accept it with
//! `cargo insta test --accept --test suite`.

use crate::harness::TestBinary;
use crate::snapshots::{stable, without_evidence};
use crate::test_agent::{TestAgent, outcome};
use fieldmedic::core::case::Case;
use fieldmedic::engine::{Observer, Progress};
use fieldmedic::sandbox::github::FakeGitHub;
use insta::assert_snapshot;
use std::sync::{Arc, Mutex};

/// A scenario, worked on to its end.
async fn ended(scenario: &str, expected: &str) -> (TestAgent, Case) {
    let agent = TestAgent::on(scenario).build().await;
    let case = agent.works(&agent.opens_case().await).await;
    assert_eq!(outcome(&case), expected);
    (agent, case)
}

/// The status comment as it stood in each phase: one for each title.
struct StatusReader {
    github: FakeGitHub,
    phases: Mutex<Vec<String>>,
}

impl Observer for StatusReader {
    fn on_progress(&self, progress: Progress<'_>) {
        let Progress::Starting { case, .. } = progress else { return };
        let comments = self.github.comments(&case.ticket.id);
        let Some(status) = comments.iter().find(|comment| comment.body.contains("kind=status")) else {
            return;
        };
        let title = |body: &str| body.lines().find(|line| line.starts_with("###")).map(str::to_owned);
        let mut phases = self.phases.lock().expect("nobody panics with it");
        if !phases.iter().any(|known| title(known) == title(&status.body)) {
            phases.push(status.body.clone());
        }
    }
}

/// Every status of a case, in the order in which people could read them.
async fn statuses(scenario: &str) -> String {
    let mut agent = TestAgent::on(scenario).build().await;
    let reader = Arc::new(StatusReader { github: agent.github().clone(), phases: Mutex::new(Vec::new()) });
    agent.context_mut().observer = reader.clone();
    agent.works(&agent.opens_case().await).await;
    agent.all_comments();
    let phases = reader.phases.lock().expect("nobody panics with it").clone();
    phases
        .iter()
        .chain([&agent.comment("status")])
        .map(|body| without_evidence(body))
        .collect::<Vec<_>>()
        .join("\n\n")
}

#[tokio::test]
async fn the_status_in_each_phase_of_a_fix() {
    assert_snapshot!(statuses("worker-down").await, @"
    <!-- fieldmedic case=[case] kind=status -->
    ### 🩺 Fixing · `qfieldcloud`

    **Worker containers are not running**: 0 of 4 workers are running.

    - ▫️ start the workers on `main`
    - ▫️ create the workers that are missing on `main`

    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · as of [time] UTC</sub>

    <!-- fieldmedic case=[case] kind=status -->
    ### 🩺 Verifying the fix · `qfieldcloud`

    **Worker containers are not running**: 0 of 4 workers are running.

    - ✅ start the workers on `main` ([duration])
    - ➖ create the workers that are missing on `main`
    - ⏳ I verify that it worked, and that it stays so; I know by [time] UTC at the latest

    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · as of [time] UTC</sub>

    <!-- fieldmedic case=[case] kind=status -->
    ✅ **Fieldmedic has finished** · `qfieldcloud` · resolved after [duration]; the report is below.

    <sub>Case `[case]` · as of [time] UTC</sub>

    <!-- fieldmedic case=[case] kind=status -->
    ✅ **Fieldmedic has finished** · `qfieldcloud` · resolved after [duration]; the report is below.

    <sub>Case `[case]` · as of [time] UTC</sub>
    ");
}

#[tokio::test]
async fn the_status_in_each_phase_of_a_fix_that_is_rolled_back() {
    assert_snapshot!(statuses("worker-down-not-fixed").await, @"
    <!-- fieldmedic case=[case] kind=status -->
    ### 🩺 Fixing · `qfieldcloud`

    **Worker containers are not running**: 0 of 4 workers are running.

    - ▫️ start the workers on `main`
    - ▫️ create the workers that are missing on `main`

    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · as of [time] UTC</sub>

    <!-- fieldmedic case=[case] kind=status -->
    ### 🩺 Verifying the fix · `qfieldcloud`

    **Worker containers are not running**: 0 of 4 workers are running.

    - ✅ start the workers on `main` ([duration])
    - ➖ create the workers that are missing on `main`
    - ⏳ I verify that it worked, and that it stays so; I know by [time] UTC at the latest

    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · as of [time] UTC</sub>

    <!-- fieldmedic case=[case] kind=status -->
    ### 🩺 Rolling back · `qfieldcloud`

    **Worker containers are not running**: 0 of 4 workers are running.

    - ✅ start the workers on `main` ([duration])
    - ➖ create the workers that are missing on `main`
    - ↩️ it did not help: `workers.running >= settings.workers and workers.looping == 0` did not become true in time; I roll it back

    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · as of [time] UTC</sub>

    <!-- fieldmedic case=[case] kind=status -->
    🧑‍🔧 **Fieldmedic has finished** · `qfieldcloud` · a person is needed; the report is below.

    <sub>Case `[case]` · as of [time] UTC</sub>

    <!-- fieldmedic case=[case] kind=status -->
    🧑‍🔧 **Fieldmedic has finished** · `qfieldcloud` · a person is needed; the report is below.

    <sub>Case `[case]` · as of [time] UTC</sub>
    ");
}

#[tokio::test]
async fn the_report_of_a_resolved_case() {
    let (agent, _) = ended("worker-down", "resolved").await;
    agent.sees(&["status", "report"]);
    assert_snapshot!(stable(&agent.comment("report")), @r#"
    <!-- fieldmedic case=[case] kind=report -->
    ### ✅ Resolved

    The machines that process your projects had stopped. They run again, and what was waiting is being worked off.

    **Worker containers are not running**: 0 of 4 workers are running.

    1. start the workers: done in [duration]

    2. create the workers that are missing: skipped (not needed: workers.rows \| length &lt; settings.workers)

    Fixed and verified: 4 conditions held, the longest for [duration].

    <details><summary>Commands and proof</summary>

    start the workers (on `main`, done), last line of output: `qfieldcloud-worker_wrapper-4`
    ```text
    docker start qfieldcloud-worker_wrapper-1 qfieldcloud-worker_wrapper-2 qfieldcloud-worker_wrapper-3 qfieldcloud-worker_wrapper-4
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
    | `containers` | main | exit 0 | [duration] | absent = \[\]; blocked = \[\]; detached = \[\]; down\_now = \[\]; failed = \[\]; held = \[\]; keep = \["qfieldcloud-db-1","qfieldcloud-rustfs-1","qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfieldcloud-worker\_wrapper-3","qfieldcloud-worker\_wrapper-4"\]; late\_candidates = \[\]; late\_now = \[\]; limited = \[\]; oom\_down = \[\]; oom\_lately = \[\]; oom\_soon = \[\]; orphans = \[\]; patient = \[\]; paused = \[\]; portless = \[\]; restartable = \[\]; rows: 12 rows; running = \["qfieldcloud-app-1","qfieldcloud-db-1","qfieldcloud-memcached-1","qfieldcloud-nginx-1","qfieldcloud-ofelia-1","qfieldcloud-rustfs-1","qfieldcloud-worker\_wrapper-1","qfieldcloud-worker\_wrapper-2","qfi…; starting = \[\]; stopped = \[\]; suspicious = \[\]; unhealthy = \[\]; unproven = \[\]; unsure = \[\]; unsure\_now = \[\]; unwell = \[\] |
    | `crons` | main | exit 0 | [duration] | locks = \[\]; oldest\_min = 0; running = false; stale = false; unread = "" |
    | `disk` | main | exit 0 | [duration] | docker\_free\_mb = 53352; docker\_mount = "/var/lib/docker"; docker\_percent = 47; docker\_size\_kb = `103081248`; full = \[\]; inodes\_full = \[\]; inodes\_worst = 12; read\_only = \[\]; rows: 7 rows; silent = \[\]; skipped = \[\]; system\_percent = 31; tmp\_full = \[\]; worst = 47 |
    | `dns` | main | exit 0 | [duration] | deaf = \[\]; lost = \[\]; rows: 3 rows |
    | `docker` | main | exit 0 | [duration] | containerd = false; live\_restore = "unknown"; manager = "none"; root = "/var/lib/docker"; state = "up"; unit = ""; version = "26.1.5" |
    | `harm` | main | exit 0 | [duration] | childless = \[\]; deltas = \[\]; deltas\_count = 0; killed = \[\]; locked = \[\]; lost = \[\]; project = \[\]; rejected = \[\] |
    | `host` | main | exit 0 | [duration] | cores = 4; load = 0.42; memory\_free\_mb = 9871; memory\_mb = 15914; uptime\_h = 1042 |
    | `jobs` | main | exit 0 | [duration] | agents\_week = 9; cron\_age\_s = 40; cron\_last\_s = 40; cron\_silent = false; cron\_steady = true; failed\_day = 2; failing\_projects = 0; finished\_day = 133; imageless\_day = 0; last\_start\_s = 20; mean\_s = 38; moving = true; oldest\_waiting\_min = 0; overdue = 0; pending = 0; queued = 0; requeued = 0; requeued\_finished = 0; requeued\_taken = 0; retry = \[\]; started = 0; takeable = 0; waiting\_30 = 0 |
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

    Not settled? Reopen this issue, or say that it is still broken. Then a person looks at it.

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    "#);
}

#[tokio::test]
async fn the_report_and_the_call_of_an_escalated_case() {
    let (agent, _) = ended("worker-down-not-fixed", "escalated").await;
    agent.sees(&["status", "report", "call"]);
    assert_snapshot!(without_evidence(&agent.comment("report")), @r"
    <!-- fieldmedic case=[case] kind=report -->
    ### 🧑‍🔧 A person is needed

    I could not settle this by myself. A person takes over from here.

    **Worker containers are not running**: 0 of 4 workers are running.

    1. start the workers: done in [duration]

    2. create the workers that are missing: skipped (not needed: workers.rows \| length &lt; settings.workers)

    Not fixed: `workers.running >= settings.workers and workers.looping == 0` did not become true in time. I rolled back what I had changed.
    - rollback of start the workers: done

    **Why** (`not-fixed`):
    worker-down: `workers.running >= settings.workers and workers.looping == 0` did not become true in time

    **What to do:** The fix did not work. What I did and what I saw is below.

    Read `docker compose logs --tail 100 worker_wrapper` in the project directory. A worker that does not stay up usually lacks a variable after an upgrade, the Docker socket, or the database.

    <details><summary>Commands and proof</summary>

    start the workers (on `main`, done), last line of output: `qfieldcloud-worker_wrapper-1`
    ```text
    docker start qfieldcloud-worker_wrapper-1 qfieldcloud-worker_wrapper-2 qfieldcloud-worker_wrapper-3 qfieldcloud-worker_wrapper-4
    ```

    </details>
    <details><summary>Evidence: 22 probes</summary> … </details>

    <details><summary>What I understood of the ticket</summary>

    100 % sure of a trouble of the system; if so, `workers-stopped` 100 % (Workers … docker … ps … worker … wrapper … exited); if not, `status-question` 55 %; language `en`

    </details>

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    ");
    assert_snapshot!(stable(&agent.comment("call")), @r"
    <!-- fieldmedic case=[case] kind=call -->
    @ops-lead: this ticket needs a person. The report above says why, and what to do.
    ");
}

#[tokio::test]
async fn the_report_of_a_host_that_cannot_be_reached() {
    let (agent, _) = ended("worker-down-unreachable", "escalated").await;
    agent.sees(&["report", "call"]);
    assert_snapshot!(stable(&agent.comment("report")), @"
    <!-- fieldmedic case=[case] kind=report -->
    ### 🧑‍🔧 A person is needed

    I could not settle this by myself. A person takes over from here.

    **Why** (`unreachable`):
    `main`

    ```text
    main cannot be reached: nothing listens on port 22 (connection refused)
    ```

    **What to do:** Check that the host is up and that Fieldmedic may log in: `fieldmedic doctor` tries it and says what is wrong.

    <details><summary>What I understood of the ticket</summary>

    88 % sure of a trouble of the system; if so, `workers-stopped` 49 % (workers … are … stopped … is … 9 … 30), `everything-down` 36 %; if not, `status-question` 39 %; language `en`

    </details>

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    ");
}

#[tokio::test]
async fn the_report_of_an_answered_question() {
    let (agent, _) = ended("status", "answered").await;
    agent.sees(&["report"]);
    assert_snapshot!(without_evidence(&agent.comment("report")), @"
    <!-- fieldmedic case=[case] kind=report -->
    ### 📋 Answered

    | Service | State |
    |---|---|
    | `app` | Up 6 weeks |
    | `memcached` | Up 6 weeks |
    | `nginx` | Up 6 weeks |
    | `ofelia` | Up 6 weeks |
    | `db` | Up 6 weeks |
    | `rustfs` | Up 6 weeks (healthy) |
    | `qgis3` | Exited (0) 6 weeks ago (it prepares something and ends; that is normal) |
    | `qgis4` | Exited (0) 6 weeks ago (it prepares something and ends; that is normal) |
    | `worker_wrapper` | 4 of 4 running |

    | | |
    |---|---|
    | Queue | 0 pending, 0 queued, 1 running; the oldest has waited [duration] |
    | Last 24 hours | 126 jobs finished, 2 failed, [duration] on average |
    | Disk `/var/lib/docker` | 47% full, 52.1 GB free |
    | Disk `/` | 31% full, 33.9 GB free |
    | Memory | 9871 of 15914 MB available |
    | Pages and API | 200 through nginx, 200 from the application, 200 by the public name |
    | Uptime | 43 days, load 0.42 on 4 cores |

    <details><summary>Evidence: 22 probes</summary> … </details>

    Not settled? Reopen this issue, or say that it is still broken. Then a person looks at it.

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    ");
}

#[tokio::test]
async fn the_report_of_a_declined_command() {
    let (agent, _) = ended("run-queue-stuck-cause-first", "declined").await;
    assert_snapshot!(without_evidence(&agent.last_comment("report")), @"
    <!-- fieldmedic case=[case] kind=report -->
    ### ➖ Declined

    Reason: worker-down (0 of 4 workers are running) can cause it, and is there too: it has to be fixed first.

    > Jobs become stuck when a worker is killed between taking and starting one. If new jobs keep arriving as `queued`, something else writes them so (an API or a script), and its code must be fixed.

    **Found, and not fixed**
    - Jobs are stuck in the queue: 5 jobs are queued, were never started and no container works on them; 0 were started by a worker that is gone; 0 were started longer ago than a job may last
    - Worker containers are not running: 0 of 4 workers are running
    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · [duration]: connecting [duration], probes [duration], changes [duration], verification [duration], GitHub [duration]</sub>
    ");
    agent.all_comments();
}

/// What a command of the program prints.
async fn prints(binary: &TestBinary, arguments: &[&str]) -> String {
    let ran = binary.run(arguments).await;
    let folder = binary.dir.path().display().to_string();
    let shown = format!("{}{}", ran.stdout, ran.stderr).replace(&folder, "[folder]");
    format!("exit status {}\n{}", ran.code.unwrap_or(-1), stable(&shown))
}

#[tokio::test]
async fn what_the_commands_print() {
    let binary = TestBinary::new("worker-down").await;
    let ticket =
        binary.file("Sync never finishes", "Since this morning changes stay pending on all tablets.");
    assert_snapshot!(prints(&binary, &["doctor"]).await, @"
    exit status 0
    ✓ configuration: [folder]/fieldmedic.toml
    ✓ journal: [folder]/journal.db, 0 cases, 0 records, hash chains intact
    ✓ journal's disk: [space] are free
    ✓ GitHub: logged in as fieldmedic-bot at http://127.0.0.1:[port]
    ✓ clock: this machine and GitHub agree
    ✓ example/tickets: issues can be read and written
    ✓ example/tickets: ops-lead, on call, can be assigned
    ✓ playbooks: 325 for 14 system types
    ✓ host main: logged in for probes in [duration]
    ✓ host main: logged in for changes in [duration]
    ✓ host main, gate for probes: none; `fieldmedic host-setup` prints one
    ✓ host main, sudo: it allows find, ss, stat, truncate
    ✓ system qfieldcloud: all 22 probes give facts
    ");
    let resolved = binary.run(&["resolve", &ticket.number.to_string()]).await;
    assert_eq!(resolved.code, Some(0), "{resolved:?}");
    assert_snapshot!(prints(&binary, &["status"]).await, @"
    exit status 0
    mode act; changes are not paused
    · qfieldcloud (qfieldcloud, act): no sweep yet
    no case is at work
    ");
    let list = binary.run(&["case", "list"]).await;
    let case = list.stdout.split_whitespace().next().expect("a case").to_owned();
    // Its moments and rounds are those of a real run, so only the order of what happened is held.
    let shown = prints(&binary, &["case", "show", &case]).await;
    let mut rest = shown.as_str();
    for kind in [
        "opened",
        "triaged",
        "probed",
        "diagnosed",
        "hosts_leased",
        "remediation_started",
        "change_started",
        "change_ended",
        "conditions_checked",
        "verification_passed",
        "outcome_decided",
        "ended",
    ] {
        rest = rest.split_once(&format!("  {kind}")).unwrap_or_else(|| panic!("no `{kind}` in {shown}")).1;
    }
    assert_snapshot!(prints(&binary, &["playbook", "explain", "worker-down"]).await, @r#"
    exit status 0
    qfieldcloud/worker-down: Worker containers are not running

    The fault is present if
      workers.running < settings.workers and workers.looping == 0 and workers.paused | length == 0 and stops.pause_min == 0 and services.rows | length > 0

      `config` is read on main with
        if ! config=$(docker compose config --format json); then
             docker compose version >/dev/null 2>&1 || case $(docker-compose version --short 2>/dev/null || true) in
               '') ;;
               1.*) echo "there is only docker-compose 1 here, and this needs Docker Compose v2 (docker compose)" >&2 ;;
               *) echo "Docker Compose is here as docker-compose only; link it as ~/.docker/cli-plugins/docker-compose" >&2 ;;
             esac
             exit 3
           fi
           printf '%s\n' "$config" | awk '
             function key() { sub(/^ *"/, "", line); k = line; sub(/":.*/, "", k); return k }
             function text() { v = $0; sub(/^ *"([^"\\]|\\.)*": */, "", v); sub(/,$/, "", v); return v }
             function flush() {
               if (service == "") return
               printf "{\"kind\":\"service\",\"name\":\"%s\",\"image\":%s,\"build\":%s,\"restart\":%s,\"replicas\":%d,\"should\":%s}\n",
                 service, image, build, restart, replicas, should
               service = ""
             }
             { line = $0; match($0, /^ */); depth = RLENGTH }
             line !~ /^ *"/ { next }
             depth == 2 { flush(); top = key(); if (top == "name") printf "{\"kind\":\"project\",\"name\":%s}\n", text() }
             top == "services" && depth == 4 {
               flush(); service = key(); image = "\"\""; build = "false"; restart = "\"no\""; replicas = 1; should = "\"\"" }
             top == "services" && depth == 6 {
               third = key()
               if (third == "image") image = text()
               if (third == "restart") restart = text()
               if (third == "scale") replicas = text() + 0
               if (third == "build") build = "true" }
             top == "services" && depth == 8 {
               fourth = key()
               if (third == "deploy" && fourth == "replicas") replicas = text() + 0
               if (third == "labels" && fourth == "fieldmedic.should-run") should = text() }
             # A service that another one waits for until it has ended prepares something.
             top == "services" && depth == 10 && third == "depends_on" && key() == "condition" && /service_completed_successfully/ {
               printf "{\"kind\":\"ending\",\"name\":\"%s\"}\n", fourth }
             top == "networks" && depth == 6 {
               if (key() == "name") printf "{\"kind\":\"network\",\"name\":%s}\n", text()
               if (k == "external" && /true/) print "{\"kind\":\"external\",\"name\":\"\"}" }
             END { flush() }'
           # Services of profiles that are not active may have containers, and are no leftovers.
           profiles=$(docker compose config --profiles | tr '\n' ',')
           if [ -n "$profiles" ]; then
             others=$(COMPOSE_PROFILES=$profiles docker compose config --services)
             printf '%s\n' "$others" | awk 'NF { printf "{\"kind\":\"known\",\"name\":\"%s\"}\n", $1 }'
           fi
      `services` is read on main with
        docker compose ps -a --format json
      `settings` is read on main with
        if ! config=$(docker compose config --format json); then
             docker compose version >/dev/null 2>&1 || case $(docker-compose version --short 2>/dev/null || true) in
               '') ;;
               1.*) echo "there is only docker-compose 1 here, and this needs Docker Compose v2 (docker compose)" >&2 ;;
               *) echo "Docker Compose is here as docker-compose only; link it as ~/.docker/cli-plugins/docker-compose" >&2 ;;
             esac
             exit 3
           fi
           printf '%s\n' "$config" | sed -E \
             's/("[A-Za-z0-9_.-]*(PASSWORD|SECRET|KEY|TOKEN|SALT|DSN|STORAGES|PROVIDERS|CREDENTIALS)[A-Za-z0-9_.-]*": *)"([^"\\]|\\.)*"/\1"***"/'
      `stops` is read on main with
        seconds() { date -u -d "$(printf '%s' "$1" | cut -c 1-19 | tr T ' ')" +%s; }
           now=$(date +%s)
           if [ -f .fieldmedic-workers-paused ]; then
             until=$(sed -n 's/^until=\([0-9]\{10\}\)$/\1/p' .fieldmedic-workers-paused | head -n 1)
             [ -z "$until" ] || [ "$until" -le "$now" ] || echo "pause $(((until - now + 59) / 60))"
           fi
           ids=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" --filter status=exited)
           all=$([ -z "$ids" ] || docker inspect \
             --format '{{.Name}} {{.State.ExitCode}} {{.State.StartedAt}} {{.State.FinishedAt}} {{.HostConfig.RestartPolicy.Name}}' $ids)
           printf '%s\n' "$all" | while read -r name code started finished policy; do
             case $code in 0 | 143) ;; *) continue ;; esac
             if [ "$code" = 0 ] && [ "${policy:-no}" = no ] &&
               [ $(($(seconds "$finished") - $(seconds "$started"))) -lt 3600 ]; then
               echo "ended ${name#/}"
             elif [ "$(seconds "$finished")" -gt $((now - MINUTES * 60)) ]; then
               echo "stopped ${name#/}"
             fi
           done
           { ps -eo args 2>/dev/null || ps -o args; } | grep -oE \
             '(^|[ /])(pg_dump(all)?|pg_basebackup|restic|borg|duplicity|rsnapshot|rdiff-backup|kopia|[A-Za-z0-9_.-]*backup[A-Za-z0-9_.-]*\.sh)( |$)' |
             tr -d ' /' | sort -u | sed 's/^/backup /' || true
      `workers` is read on main with
        look() {
             docker inspect --format '{{.Name}} {{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.State.StartedAt}}' $ids
           }
           # By labels, which all versions of Compose write alike; containers of `compose run` are not counted.
           named() { docker ps -a --filter label=com.docker.compose.service=worker_wrapper \
             --filter label=com.docker.compose.oneoff=False "$@"; }
           ids=$(named -q --filter "label=com.docker.compose.project=$PROJECT")
           if [ -z "$ids" ]; then
             [ -z "$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT")" ] || exit 0
             others=$(named --format '{{.Label "com.docker.compose.project"}}' | sort -u | tr '\n' ' ')
             echo "there is no container of the project $PROJECT${others:+; workers run in the project: $others}" >&2
             exit 5
           fi
           # Compose writes where it was run: another folder's stack of the same name is somebody else's.
           docker inspect --format '{{index .Config.Labels "com.docker.compose.project.working_dir"}}' $ids | sort -u |
             while read -r dir; do
               real=$(readlink -f "$dir" 2>/dev/null || printf '%s' "$dir")
               case $real/ in / | "$(pwd -P)"/*) continue ;; esac
               echo "the workers of the project $PROJECT belong to $dir, not to $(pwd -P)" >&2
               exit 6
             done
           since=$(date -u -d "@$(($(date +%s) - 120))" +%Y-%m-%dT%H:%M:%S)
           before=$(look)
           after=$before
           if printf '%s\n' "$before" | awk -v since="$since" '
             $2 == "restarting" || ($4 >= 3 && $5 > since) { found = 1 } END { exit !found }'; then
             sleep 45
             before=$(look)
             sleep 20
             after=$(look)
           fi
           { printf '%s\n' "$before"; echo; printf '%s\n' "$after"; } | awk -v since="$since" '
             NF == 0 { again = 1; next }
             !again { count[$1] = $4; next }
             {
               loops = ($2 == "restarting" || $4 > count[$1]) ? "true" : "false"
               printf "{\"name\":\"%s\",\"state\":\"%s\",\"exit\":%d,\"restarts\":%d,\"loops\":%s,\"young\":%s}\n",
                 substr($1, 2), $2, $3, $4, loops, ($2 == "running" && $5 > since) ? "true" : "false"
             }'

    It can cause job-out-of-memory, out-of-memory, project-invalid, project-locked, queue-stuck, work-lost, workers-busy, workers-frozen, so it is fixed first.

    If the policy allows low risk, these steps run in order:
      1. start the workers (on main)
         docker start <workers.stopped>
         only if workers.stopped | length > 0
         if interrupted: the step runs again after its timeout
         rollback: ids=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" \
             --filter label=com.docker.compose.service=worker_wrapper --filter label=com.docker.compose.oneoff=False)
           [ -n "$ids" ] || exit 0
           since=$(date -u -d "@$(($(date +%s) - 60))" +%Y-%m-%dT%H:%M:%S)
           docker inspect --format '{{.Name}} {{.State.Status}} {{.RestartCount}} {{.State.StartedAt}}' $ids |
             awk -v since="$since" '$2 == "restarting" || ($2 == "running" && $3 > 0 && $4 > since) { print substr($1, 2) }' |
             while read -r name; do docker stop -t 10 "$name"; done
      2. create the workers that are missing (on main)
         docker compose up -d --no-build --no-recreate --no-deps worker_wrapper
         only if workers.rows | length < settings.workers
         if interrupted: the step runs again after its timeout
         rollback: ids=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" \
             --filter label=com.docker.compose.service=worker_wrapper --filter label=com.docker.compose.oneoff=False)
           [ -n "$ids" ] || exit 0
           since=$(date -u -d "@$(($(date +%s) - 60))" +%Y-%m-%dT%H:%M:%S)
           docker inspect --format '{{.Name}} {{.State.Status}} {{.RestartCount}} {{.State.StartedAt}}' $ids |
             awk -v since="$since" '$2 == "restarting" || ($2 == "running" && $3 > 0 && $4 > since) { print substr($1, 2) }' |
             while read -r name; do docker stop -t 10 "$name"; done

    The fault is fixed if the condition above has turned false and stays false, and
      workers.running >= settings.workers and workers.looping == 0 (within 3m, for [duration])
      jobs.moving (within 3m)
      jobs.requeued == 0 or jobs.requeued_taken > 0 (within 5m)

    If it is not fixed, a person gets this advice: Read `docker compose logs --tail 100 worker_wrapper` in the project directory. A worker that does not stay up usually lacks a variable after an upgrade, the Docker socket, or the database.
    "#);
}
