//! Chat commands: who may give which, what comes of each, and that each is executed once.

use crate::snapshots::stable;
use crate::test_agent::{BOT, PREFIX, TestAgent, TestAgentBuilder, outcome, plan_of};
use chrono::TimeDelta;
use fieldmedic::core::chatops::access::{Grantees, Permission, Person};
use fieldmedic::engine::accept_comment;
use fieldmedic::ports::Comment;
use fieldmedic::sandbox::github::{AccountKind, RepoRole};
use insta::assert_snapshot;
use std::collections::BTreeSet;

/// A ticket without a case, on the host of a scenario, and people with every role.
fn with_people(scenario: &str) -> TestAgentBuilder {
    let agent = TestAgent::on(scenario).role("reader", RepoRole::Read);
    agent.role("tina", RepoRole::Triage).role("max", RepoRole::Maintain)
}

#[tokio::test]
async fn each_capability_permits_its_own_commands_and_a_refusal_is_posted_once() {
    let agent = with_people("worker-down").build().await;
    for (login, words, taken) in [
        ("stranger", "status", false),
        ("reader", "status", false),
        ("reader", "diagnose", false),
        ("reader", "help", false),
        ("reader", "what is this", false),
        ("tina", "status", true),
        ("tina", "explain", true),
        ("tina", "help", true),
        ("tina", "", false),
        ("tina", "run logs service=app", false),
        ("tina", "retry", false),
        ("tina", "approve 7f3a", false),
        ("tina", "deny", false),
        ("tina", "cancel", false),
        ("tina", "pause", false),
        ("tina", "resume", false),
        ("ops-lead", "status", true),
        ("max", "help", true),
    ] {
        let (id, case) = agent.executes(login, words).await;
        assert_eq!(case, None, "{login}: {words}");
        assert_eq!(agent.reactions(id).contains(&"eyes".to_owned()), taken, "{login}: {words}");
        assert_eq!(agent.replies(id).is_empty(), !taken, "{login}: {words}");
    }
    assert_eq!(agent.case_count().await, 0);
    assert!(agent.pause().await.is_none());
    // Each of the three was told once; after that nothing is written for them.
    let (id, _) = agent.executes("reader", "status").await;
    assert!(agent.reactions(id).is_empty());
    let refusals = agent.comments("refusal");
    assert_eq!(refusals.len(), 3);
    let refusals: BTreeSet<String> = refusals.iter().map(|refusal| stable(refusal)).collect();
    assert_snapshot!(refusals.into_iter().collect::<Vec<_>>().join("\n"), @"
    <!-- fieldmedic refusal by=reader order=status -->
    reader, you don't have permission to run `/qfield:support status` here. People with triage permission or more can. Please ask one of them. I explain this once a day, and ignore further commands of yours until then.
    <!-- fieldmedic refusal by=stranger order=status -->
    stranger, you don't have permission to run `/qfield:support status` here. People with triage permission or more can. Please ask one of them. I explain this once a day, and ignore further commands of yours until then.
    <!-- fieldmedic refusal by=tina order=take -->
    tina, you don't have permission to run `/qfield:support` here. People with write permission or more can. Please ask one of them. I explain this once a day, and ignore further commands of yours until then.
    ");
}

fn named(logins: &[&str]) -> Vec<Person> {
    logins.iter().map(|login| login.parse().expect("a login")).collect()
}

#[tokio::test]
async fn people_named_in_the_configuration_have_their_capabilities_and_no_others() {
    let settings = with_people("worker-down").forge_settings(|forge| {
        forge.roles.pause = Grantees { from: Some(Permission::Admin), people: named(&["tina"]) };
        forge.roles.view = Grantees { from: None, people: named(&["max", "reader"]) };
    });
    let agent = settings.build().await;
    let (id, _) = agent.executes("max", "pause").await;
    assert_eq!(agent.reactions(id), ["confused"]);
    assert!(agent.pause().await.is_none());
    let (id, _) = agent.executes("tina", "pause for the migration").await;
    assert_eq!(agent.reactions(id), ["eyes", "rocket"]);
    assert_snapshot!(stable(&agent.replies(id).join("\n")), @"
    <!-- fieldmedic reply comment=[id] -->
    ⏸️ **Paused** by tina: for the migration. I change nothing on any system until someone comments `/qfield:support resume`. Checks and answers continue.
    ");
    assert!(agent.pause().await.is_some());
    for login in ["tina", "reader"] {
        let (id, _) = agent.executes(login, "status").await;
        assert!(agent.replies(id).is_empty(), "{login} is not named, or has too little permission on GitHub");
    }
    let (id, _) = agent.executes("max", "status").await;
    assert_snapshot!(stable(&agent.replies(id).join("\n")), @"
    <!-- fieldmedic reply comment=[id] -->
    I have not worked on this ticket. To start, comment `/qfield:support`.

    ⏸️ All changes are paused by tina since [time] UTC: for the migration.
    ");
    assert_eq!(agent.comments("refusal").len(), 3, "max, tina and the reader");
}

#[tokio::test]
async fn a_diagnosis_changes_nothing_closes_nothing_and_leaves_the_ticket_open_for_work() {
    let agent = with_people("worker-down").build().await;
    let before = agent.labels();
    let (id, case) = agent.executes("tina", "diagnose").await;
    let case = agent.works(&case.expect("a case")).await;
    assert_eq!(outcome(&case), "answered");
    assert_eq!((agent.changes(), agent.is_closed(), agent.labels()), (0, false, before));
    agent.sees(&["report"]);
    assert!(agent.comment("report").contains("0 of 4 workers are running"));
    assert_eq!(agent.reactions(id), ["eyes", "rocket"]);
    assert!(case.remediations.is_empty() && case.leased_hosts.is_empty());
    // The poll opens a case as if nobody had asked for a diagnosis.
    let [id] = &agent.polls().await[..] else { panic!("one case") };
    let case = agent.works(id).await;
    assert_eq!(outcome(&case), "resolved");
    assert!(agent.is_closed());
    // A closed ticket can be diagnosed, too, and stays closed.
    let (_, case) = agent.executes("tina", "diagnose qfieldcloud").await;
    agent.works(&case.expect("a case")).await;
    agent.sees(&["report", "status", "report", "report"]);
    assert!(agent.is_closed());
}

#[tokio::test]
async fn a_command_to_run_a_playbook_is_under_all_policy() {
    let agent = with_people("worker-down").ask_mode().build().await;
    let (id, case) = agent.executes("ops-lead", "run worker-down").await;
    let case = agent.works(&case.expect("a case")).await;
    // A command is no approval.
    let plan = plan_of(&case);
    assert_eq!((agent.changes(), agent.reactions(id)), (0, vec!["eyes".to_owned()]));
    // Other commands are rejected meanwhile.
    for words in ["", "diagnose", "run logs service=app", "retry"] {
        let (id, case) = agent.executes("ops-lead", words).await;
        assert_eq!(case, None, "{words}");
        assert_eq!(agent.replies(id).len(), 1, "{words}");
        assert_eq!(agent.reactions(id), ["eyes", "confused"]);
    }
    assert_eq!(agent.case_count().await, 1, "nothing is kept for later");
    let (approval, _) = agent.executes("ops-lead", &format!("approve {plan}")).await;
    let case = agent.works(&case.id).await;
    assert_eq!(outcome(&case), "resolved");
    assert_eq!((agent.changes(), agent.is_closed()), (1, true));
    assert_eq!(agent.reactions(id), ["eyes", "rocket"]);
    assert_eq!(agent.reactions(approval), ["eyes", "rocket"]);
    // The same approval from another source, when its case has ended.
    let comment = agent.comment_from_github(approval).await;
    assert!(accept_comment(agent.context(), &comment).await.is_ok());
    assert!(agent.replies(approval).is_empty());
    agent.sees(&["status", "question", "reply", "reply", "reply", "reply", "report"]);
}

#[tokio::test]
async fn a_wrong_command_is_answered_with_what_would_be_right() {
    let agent = with_people("worker-down").build().await;
    let mut answers = String::new();
    for words in [
        "statsu",
        "do everything at once",
        "approve",
        "diagnose north",
        "run",
        "run log service=app",
        "run logs service=app system=north",
        "run logs servce=-f lines=many lines=2000",
        "run logs service=app;reboot",
        "run logs service=$(reboot)",
        "run logs service=ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "run queue-report status=broken",
        "run worker-down lines=5",
        "retry",
        "explain",
        "cancel",
    ] {
        let (id, case) = agent.executes("ops-lead", words).await;
        let [answer] = &agent.replies(id)[..] else { panic!("one answer: {words}") };
        assert!(!answer.contains("could not be filled") && !answer.contains("ghp_"), "{answer}");
        assert!(
            agent.reactions(id).ends_with(&["confused".to_owned()]),
            "{words}: {:?}",
            agent.reactions(id)
        );
        assert_eq!(case, None, "{words}");
        let shown = words.replace("ghp_0123456789", "ghp…");
        answers += &format!("== {shown}\n{}\n", stable(answer));
    }
    assert_eq!(agent.case_count().await, 0);
    assert_eq!(agent.commands(), 0, "the host was given no command");
    assert_snapshot!(answers, @r#"
    == statsu
    <!-- fieldmedic reply comment=[id] -->
    There is no command `statsu`. Did you mean `/qfield:support status`? Usage: `/qfield:support` to work on this ticket, or `/qfield:support <command>`: `status`, `diagnose`, `run`, `approve`, `deny`, `cancel`, `retry`, `pause`, `resume`, `explain`, `help`. `/qfield:support help` explains each of them.

    Please write a new comment; I ignore edits.
    == do everything at once
    <!-- fieldmedic reply comment=[id] -->
    There is no command `do`. Usage: `/qfield:support` to work on this ticket, or `/qfield:support <command>`: `status`, `diagnose`, `run`, `approve`, `deny`, `cancel`, `retry`, `pause`, `resume`, `explain`, `help`. `/qfield:support help` explains each of them.

    Please write a new comment; I ignore edits.
    == approve
    <!-- fieldmedic reply comment=[id] -->
    I do not understand `approve`. Usage:

    ```text
    /qfield:support approve 7f3a
    ```

    My question shows the id of the plan: four or more digits and letters.

    Please write a new comment; I ignore edits.
    == diagnose north
    <!-- fieldmedic reply comment=[id] -->
    There is no system `north`. Known systems: `qfieldcloud`.
    == run
    <!-- fieldmedic reply comment=[id] -->
    I do not understand `run`. Write the name of a playbook after `run`, then its values as `key=value`. Example:

    ```text
    /qfield:support run syncs days=1 jobs_listed=20 status=any
    ```

    Please write a new comment; I ignore edits.
    == run log service=app
    <!-- fieldmedic reply comment=[id] -->
    `qfieldcloud` has no playbook `log`. Did you mean `logs`? Available: `resources`, `capacity`, `database-status`, `health`, `images`, `logs`, `queue-report`, `release-check`, `status-report`, `syncs`, `users-and-quotas`, `start`, `stop`, `database-backup`, `pause-workers`, `rebuild-image`, `reload-proxy`, `restart`, `resume-workers`, `retry-job`, `save-images`, `scale-workers`, `static-files`, `throttle`, `unthrottle`, `disk-full`, `disk-unusable`, `daemon-down`, `job-incomplete`, `login-refused`, `missing-qgis-image`, `network-detached`, `address-unknown`, `dns-in-containers`, `not-deployed`, `orphans`, `pause-ordered`, `port-taken`, `volume-unwritable`, `preparation-failed`, `services-down`, `cron-lock`, `service-unsteady`, `proxy-stale`, `worker-restart-loop`, `workers-paused`, `worker-down`, `workers-frozen`, `queue-stuck`, `application-unwell`, `certificate-expired`, `certificate-expiring`, `crons-silent`, `csrf-origins`, `image-cleanup`, `nginx-connect-timeout`, `out-of-memory`, `outside-only`, `project-invalid`, `project-locked`, `release-mismatch`, `service-unhealthy`, `job-out-of-memory`, `styles-missing`, `tmp-full`, `work-lost`, `workers-busy`.
    Example:

    ```text
    /qfield:support run syncs days=1 jobs_listed=20 status=any
    ```

    Please write a new comment; I ignore edits.
    == run logs service=app system=north
    <!-- fieldmedic reply comment=[id] -->
    There is no system `north`. Known systems: `qfieldcloud`.
    == run logs servce=-f lines=many lines=2000
    <!-- fieldmedic reply comment=[id] -->
    I did not run `logs`:

    - It has no parameter `servce`. Did you mean `service`?
    - `lines`: "many" is not a whole number: use digits only.
    - `lines`: 2000 is more than 500.
    - `service` is missing.

    | parameter | accepts | default | meaning |
    |---|---|---|---|
    | `lines` | a whole number from 1 to 500 | `50` | how many lines of each container |
    | `search` | a list of names |  | only lines that contain one of these words, such as error,timeout |
    | `service` | a name |  | a service of Docker Compose, such as app, db, nginx or worker\_wrapper |

    Example:

    ```text
    /qfield:support run logs lines=50 service=app
    ```

    Please write a new comment; I ignore edits.
    == run logs service=app;reboot
    <!-- fieldmedic reply comment=[id] -->
    I did not run `logs`:

    - `service`: "app;reboot" is not a name: use A-Z, a-z, 0-9, \`.\`, \`\_\`, \`-\`, not beginning with \`-\` or \`.\`.

    | parameter | accepts | default | meaning |
    |---|---|---|---|
    | `lines` | a whole number from 1 to 500 | `50` | how many lines of each container |
    | `search` | a list of names |  | only lines that contain one of these words, such as error,timeout |
    | `service` | a name |  | a service of Docker Compose, such as app, db, nginx or worker\_wrapper |

    Example:

    ```text
    /qfield:support run logs lines=50 service=app
    ```

    Please write a new comment; I ignore edits.
    == run logs service=$(reboot)
    <!-- fieldmedic reply comment=[id] -->
    I did not run `logs`:

    - `service`: "&#36;(reboot)" is not a name: use A-Z, a-z, 0-9, \`.\`, \`\_\`, \`-\`, not beginning with \`-\` or \`.\`.

    | parameter | accepts | default | meaning |
    |---|---|---|---|
    | `lines` | a whole number from 1 to 500 | `50` | how many lines of each container |
    | `search` | a list of names |  | only lines that contain one of these words, such as error,timeout |
    | `service` | a name |  | a service of Docker Compose, such as app, db, nginx or worker\_wrapper |

    Example:

    ```text
    /qfield:support run logs lines=50 service=app
    ```

    Please write a new comment; I ignore edits.
    == run logs service=ghp…abcdefghijABCDEFGHIJ012345
    <!-- fieldmedic reply comment=[id] -->
    I did not run `logs`:

    - `service` looks like a secret. Arguments are stored in the audit log, so I ignored it. Please revoke that secret.

    | parameter | accepts | default | meaning |
    |---|---|---|---|
    | `lines` | a whole number from 1 to 500 | `50` | how many lines of each container |
    | `search` | a list of names |  | only lines that contain one of these words, such as error,timeout |
    | `service` | a name |  | a service of Docker Compose, such as app, db, nginx or worker\_wrapper |

    Example:

    ```text
    /qfield:support run logs lines=50 service=app
    ```

    Please write a new comment; I ignore edits.
    == run queue-report status=broken
    <!-- fieldmedic reply comment=[id] -->
    I did not run `queue-report`:

    - `status`: broken is none of any, pending, queued, started, finished, failed, stopped.

    | parameter | accepts | default | meaning |
    |---|---|---|---|
    | `days` | a whole number from 1 to 30 | `1` | how many days back |
    | `jobs_listed` | a whole number from 1 to 50 | `10` | how many of the newest jobs are listed |
    | `status` | one of any, pending, queued, started, finished, failed, stopped | `any` | which of the newest jobs are listed |

    Example:

    ```text
    /qfield:support run queue-report days=1 jobs_listed=10 status=any
    ```

    Please write a new comment; I ignore edits.
    == run worker-down lines=5
    <!-- fieldmedic reply comment=[id] -->
    `worker-down` fixes a fault and takes no values: the evidence decides what it does. Use:

    ```text
    /qfield:support run worker-down
    ```

    Please write a new comment; I ignore edits.
    == retry
    <!-- fieldmedic reply comment=[id] -->
    I have not worked on this ticket yet, so there is nothing to retry. To start, comment `/qfield:support`.
    == explain
    <!-- fieldmedic reply comment=[id] -->
    I have not worked on this ticket yet, so there is nothing to explain. To start, comment `/qfield:support`; `/qfield:support diagnose` only checks the system.
    == cancel
    <!-- fieldmedic reply comment=[id] -->
    I am not working on this ticket, so there is nothing to approve, deny or cancel. To start, comment `/qfield:support`.
    "#);
}

#[tokio::test]
async fn an_edited_comment_is_no_command_and_no_comment_is_executed_twice() {
    let agent = with_people("worker-down").build().await;
    let [id] = &agent.polls().await[..] else { panic!("one case") };
    agent.works(id).await;
    let hub = agent.github();
    let repo = agent.ticket().repo.clone();
    let edit = |id, body: &str| hub.edit_comment(&repo, id, "max", body).expect("GitHub takes the edit");
    let later = |seconds| agent.passes(TimeDelta::seconds(seconds));

    // A command that is edited into another.
    let (command, _) = agent.executes("ops-lead", "pause").await;
    agent.resumes_at_the_terminal().await;
    later(3600);
    edit(command, &format!("{PREFIX} pause again"));
    agent.polls().await;
    assert!(agent.pause().await.is_none(), "an old command came back");
    // Comments that become commands: one after it was read, one before, and one in the second of its posting.
    let chat = agent.says("ops-lead", "Any news?");
    agent.polls().await;
    later(3600);
    edit(chat, &format!("{PREFIX} pause"));
    let quick = agent.says("ops-lead", "Any?");
    later(5);
    edit(quick, &format!("{PREFIX} pause"));
    let at_once = agent.says("ops-lead", "Hm.");
    edit(at_once, &format!("{PREFIX} pause"));
    for _ in 0..2 {
        agent.polls().await;
        later(30);
    }
    assert!(agent.pause().await.is_none(), "an edit was executed");
    for id in [chat, quick, at_once] {
        let [answer] = &agent.replies(id)[..] else { panic!("{:?}", agent.replies(id)) };
        assert!(answer.contains("edited"), "{answer}");
        assert_eq!(agent.reactions(id), ["confused"]);
    }
    assert_eq!(agent.replies(command).len(), 1);
    agent.sees(&["status", "report", "reply", "reply", "reply", "reply"]);
}

#[tokio::test]
async fn the_agent_ignores_its_own_comments_and_those_of_machines() {
    let agent = with_people("worker-down").build().await;
    let hub = agent.github();
    let repo = &agent.ticket().repo;
    hub.register("helpful-app", AccountKind::Bot, "t");
    hub.grant(repo, "helpful-app", RepoRole::Admin);
    hub.grant(repo, "deploy[bot]", RepoRole::Admin);
    for (login, body) in [
        (BOT, format!("{PREFIX} pause")),
        ("helpful-app", format!("{PREFIX} pause")),
        ("deploy[bot]", format!("{PREFIX} pause")),
        // Its own comments from another account: with a person's token, or copied.
        ("ops-lead", format!("<!-- fieldmedic case=c0123456789ab kind=report -->\n\n{PREFIX} pause")),
        ("ops-lead", format!("{PREFIX} pause\n\n<!-- fieldmedic reply comment=7 -->")),
    ] {
        let comment = agent.comment_from_github(agent.says(login, &body)).await;
        assert_eq!(accept_comment(agent.context(), &comment).await.expect("the journal works"), None);
        assert!(agent.reactions(comment.id).is_empty(), "the agent reacted to {login}");
    }
    // A person's token, upper or lower case, and an app that writes in a person's name.
    let comment = agent.comment_from_github(agent.says("ops-lead", &format!("{PREFIX} pause"))).await;
    for comment in [
        Comment { author: BOT.to_uppercase(), by_bot: false, ..comment.clone() },
        Comment { by_bot: true, ..comment.clone() },
    ] {
        assert_eq!(accept_comment(agent.context(), &comment).await.expect("the journal works"), None);
    }
    assert!(agent.pause().await.is_none());
    // Only the comment that the test itself wrote in its name.
    agent.sees(&["unmarked"]);
}

#[tokio::test]
async fn one_comment_from_every_source_at_once_is_executed_once() {
    let agent = with_people("worker-down").build().await;
    let other = agent.replica();
    for words in ["", "status", "run lgos service=app", "pause"] {
        let body = format!("{PREFIX} {words}");
        let (id, refused) = (agent.says("ops-lead", &body), agent.says("reader", &body));
        let (comment, refused) =
            (agent.comment_from_github(id).await, agent.comment_from_github(refused).await);
        let mut tasks = tokio::task::JoinSet::new();
        for index in 0..10 {
            let agent = if index % 2 == 0 { agent.context().clone() } else { other.clone() };
            let (comment, refused) = (comment.clone(), refused.clone());
            tasks.spawn(async move {
                accept_comment(&agent, &refused).await?;
                accept_comment(&agent, &comment).await
            });
        }
        let taken = tasks.join_all().await;
        let opened = taken.iter().filter(|taken| matches!(taken, Ok(Some(_)))).count();
        assert_eq!(opened, usize::from(words.is_empty()), "{words}: {taken:?}");
        assert!(agent.replies(id).len() <= 1, "{words}: {:?}", agent.replies(id));
        let reactions = agent.reactions(id);
        assert!(reactions.iter().collect::<BTreeSet<_>>().len() == reactions.len());
        let is_first = words.is_empty();
        assert_eq!(agent.reactions(refused.id).len(), usize::from(is_first), "{words}");
    }
    assert_eq!(agent.comments("refusal").len(), 1);
    assert_eq!(agent.case_count().await, 1);
}

#[tokio::test]
async fn a_pause_that_arrives_late_does_not_undo_a_newer_command() {
    let agent = with_people("worker-down").build().await;
    let pause = agent.says("ops-lead", &format!("{PREFIX} pause"));
    agent.passes(TimeDelta::seconds(5));
    let resume = agent.says("ops-lead", &format!("{PREFIX} resume"));
    for id in [resume, pause] {
        let comment = agent.comment_from_github(id).await;
        accept_comment(agent.context(), &comment).await.expect("the journal works");
    }
    assert!(agent.pause().await.is_none());
    agent.sees(&["reply", "reply"]);
}

#[tokio::test]
async fn a_ticket_is_explained_and_retried() {
    let agent = with_people("worker-down-not-fixed").build().await;
    let (_, case) = agent.executes("ops-lead", "").await;
    let first = agent.works(&case.expect("a case")).await;
    assert_eq!(outcome(&first), "escalated");
    let (id, _) = agent.executes("tina", "explain").await;
    assert_snapshot!(stable(&agent.replies(id).join("\n")), @r#"
    <!-- fieldmedic reply comment=[id] -->
    ### Why this ended as escalated (`not-fixed`)

    Reason: worker-down: `workers.running >= settings.workers and workers.looping == 0` did not become true in time.

    I took this ticket to be about `qfieldcloud`.
    I understood the words so: 100 % sure of a trouble of the system; if so, `workers-stopped` 100 % (Workers … docker … ps … worker … wrapper … exited); if not, `status-question` 55 %; language `en`.

    | fault | present? | its condition | the facts | words that it would explain |
    |---|---|---|---|---|
    | `disk-full` | no | `disk.worst > disk_limit` | disk.worst = 47 |  |
    | `disk-unusable` | no | `disk.inodes_full \| length > 0 or disk.read_only \| length > 0 or disk.silent \| length > 0` | disk.inodes\_full = \[\]; disk.read\_only = \[\]; disk.silent = \[\] |  |
    | `daemon-down` | no | `docker.state in ['down', 'mute']` | docker.state = "up" | Workers … docker … ps … worker … wrapper … exited |
    | `job-incomplete` | no | `harm.childless \| length > 0` | harm.childless = \[\] | Workers … docker … ps … worker … wrapper … exited |
    | `login-refused` | no | `unwell.login_refused \| length > 0` | unwell.login\_refused = \[\] | Workers … docker … ps … worker … wrapper … exited |
    | `missing-qgis-image` | no | `needed_images.missing \| length > 0` | needed\_images.missing = \[\] |  |
    | `network-detached` | no | `containers.detached \| length > 0` | containers.detached = \[\] |  |
    | `address-unknown` | no | `unwell.astray \| length > 0` | unwell.astray = \[\] | Workers … docker … ps … worker … wrapper … exited |
    | `dns-in-containers` | no | `dns.deaf \| length > 0` | dns.deaf = \[\] |  |
    | `not-deployed` | no | `containers.rows \| length == 0 and config.wanted \| length > 0` | config.wanted = \["app","db","memcached","nginx","ofelia","qgis3","qgis4","rustfs","worker\_wrappe…; containers.rows: 12 rows |  |
    | `orphans` | no | `containers.orphans \| length > 0` | containers.orphans = \[\] |  |
    | `pause-ordered` | no | `stops.pause_min > 0 and workers.running < settings.workers` | settings.workers = 4; stops.pause\_min = 0; workers.running = 0 | Workers … docker … ps … worker … wrapper … exited |
    | `port-taken` | no | `ports.claims \| length > 0` | ports.claims = \[\] |  |
    | `volume-unwritable` | no | `unwell.denied \| length > 0` | unwell.denied = \[\] |  |
    | `preparation-failed` | no | `containers.failed \| length > 0` | containers.failed = \[\] |  |
    | `services-down` | no | `services.stopped \| length > 0` | services.stopped = \[\] |  |
    | `cron-lock` | no | `crons.stale and services.cache \| length > 0` | crons.stale = false; services.cache = \["qfieldcloud-memcached-1"\] |  |
    | `service-unsteady` | no | `services.unsteady \| length > 0 or services.absent \| length > 0` | services.absent = \[\]; services.unsteady = \[\] |  |
    | `proxy-stale` | no | `web.direct == 'ok' and web.inside == 'bad' and web.inside_code in ['502', '504'] and web.proxy \| length > 0 and services.stopped \| length == 0` | services.stopped = \[\]; web.direct = "ok"; web.inside = "ok"; web.inside\_code = "200"; web.proxy = \["qfieldcloud-nginx-1"\] |  |
    | `worker-restart-loop` | no | `workers.looping > 0` | workers.looping = 0 | Workers … docker … ps … worker … wrapper … exited |
    | `workers-paused` | no | `workers.paused \| length > 0` | workers.paused = \[\] | Workers … docker … ps … worker … wrapper … exited |
    | `worker-down` | **yes** | `workers.running < settings.workers and workers.looping == 0 and workers.paused \| length == 0 and stops.pause_min == 0 and services.rows \| length > 0` | services.rows: 12 rows; settings.workers = 4; stops.pause\_min = 0; workers.looping = 0; workers.paused = \[\]; workers.running = 0 | Workers … docker … ps … worker … wrapper … exited |
    | `workers-frozen` | no | `workers.running > 0 and workers.young == 0 and jobs.takeable > 0 and jobs.started < workers.running and jobs.oldest_waiting_min >= queue_patience_min and (jobs.last_start_s < 0 or jobs.last_start_s > queue_patience_min * 60)` | jobs.last\_start\_s = `1790000000`; jobs.oldest\_waiting\_min = 47; jobs.started = 0; jobs.takeable = 3; workers.running = 0; workers.young = 0 | Workers … docker … ps … worker … wrapper … exited |
    | `queue-stuck` | no | `stuck.count > 0 or stuck.dead \| length > 0 or jobs.overdue > 0` | jobs.overdue = 0; stuck.count = 0; stuck.dead = \[\] |  |
    | `application-unwell` | no | `services.stopped \| length == 0 and (web.direct == 'bad' and web.inside != 'ok' or web.direct == 'ok' and web.inside == 'bad' and web.inside_code not in ['502', '503', '504'])` | services.stopped = \[\]; web.direct = "ok"; web.inside = "ok"; web.inside\_code = "200" |  |
    | `certificate-expired` | no | `web.certificate_days < certificate_days or web.certificate_early != ''` | web.certificate\_days = 61; web.certificate\_early = "" |  |
    | `certificate-expiring` | no | `web.certificate_days < certificate_warn_days and web.certificate_days >= certificate_days` | web.certificate\_days = 61 |  |
    | `crons-silent` | no | `jobs.cron_silent and services.stopped \| length == 0 and not crons.stale` | crons.stale = false; jobs.cron\_silent = false; services.stopped = \[\] |  |
    | `csrf-origins` | no | `web.csrf_refused > 0 or settings.origins \| reject('matching', '^https?://') \| list \| length > 0 or (settings.hosts \| length > 0 and settings.origins \| length > 0 and settings.origins \| matching('[*]') \| length == 0 and settings.origins \| matching('^https?://(' ~ (settings.hosts \| join('\|') \| replace('.', '[.]')) ~ ')(:[0-9]+)?/?$') \| length == 0)` | settings.hosts = \["qfield.example.org"\]; settings.origins = \["https:​//qfield.example.org"\]; web.csrf\_refused = 0 |  |
    | `image-cleanup` | no | `cleanups.found \| length > 0 and needed_images.missing \| length == 0` | cleanups.found = \[\]; needed\_images.missing = \[\] |  |
    | `nginx-connect-timeout` | no | `web.connect_timeouts >= connect_timeouts_limit` | web.connect\_timeouts = 0 |  |
    | `out-of-memory` | no | `makeup.killed \| length > 0` | makeup.killed = \[\] | Workers … docker … ps … worker … wrapper … exited |
    | `outside-only` | no | `web.inside == 'ok' and web.outside == 'bad'` | web.inside = "ok"; web.outside = "ok" |  |
    | `project-invalid` | no | `harm.project \| length > 0 or harm.rejected \| length > 0` | harm.project = \[\]; harm.rejected = \[\] |  |
    | `project-locked` | no | `harm.locked \| length > 0` | harm.locked = \[\] |  |
    | `release-mismatch` | no | `makeup.differs \| length > 0` | makeup.differs = \[\] |  |
    | `service-unhealthy` | no | `services.unhealthy \| length > 0 or web.storage == 'error' or web.storage_full > 0` | services.unhealthy = \[\]; web.storage = "ok"; web.storage\_full = 0 |  |
    | `job-out-of-memory` | no | `harm.killed \| length > 0` | harm.killed = \[\] |  |
    | `styles-missing` | no | `web.styles == 'bad' or (web.manifest > 0 and web.inside == 'ok' and web.styles != 'ok')` | web.inside = "ok"; web.manifest = 0; web.styles = "ok" |  |
    | `tmp-full` | no | `disk.tmp_full \| length > 0` | disk.tmp\_full = \[\] |  |
    | `work-lost` | no | `harm.lost \| length > 0 or harm.deltas \| length > 0` | harm.deltas = \[\]; harm.lost = \[\] |  |
    | `workers-busy` | no | `workers.running > 0 and jobs.started >= workers.running and jobs.takeable > 0 and stuck.dead \| length == 0` | jobs.started = 0; jobs.takeable = 3; stuck.dead = \[\]; workers.running = 0 |  |

    - Worker containers are not running: 0 of 4 workers are running; not fixed (`workers.running >= settings.workers and workers.looping == 0` did not become true in time)

    I fix a fault only if its condition is true. What is unknown changes nothing and closes nothing.

    <sub>Case `[case]`</sub>
    "#);
    let (id, _) = agent.executes("tina", "status").await;
    assert_snapshot!(stable(&agent.replies(id).join("\n")), @"
    <!-- fieldmedic reply comment=[id] -->
    I am not working on this ticket. My last case here (system `qfieldcloud`) ended as escalated (`not-fixed`): worker-down: `workers.running >= settings.workers and workers.looping == 0` did not become true in time. `/qfield:support explain` shows why, and `/qfield:support retry` starts again.

    <sub>Case `[case]`</sub>
    ");
    // Later, when the limits allow it.
    agent.passes(TimeDelta::hours(2));
    let (_, case) = agent.executes("ops-lead", "retry").await;
    let second = agent.works(&case.expect("a case")).await;
    assert_ne!(first.id, second.id);
    assert!(!second.remediations.is_empty(), "it started afresh: {:?}", second.outcome);
    agent.sees(&["status", "report", "call", "reply", "reply", "status", "report", "call"]);
}

#[tokio::test]
async fn nothing_is_started_for_a_closed_or_locked_ticket() {
    let agent = with_people("worker-down").build().await;
    let github = agent.github();
    github.close(agent.ticket(), "ops-lead", "completed").expect("closed");
    for words in ["", "run worker-down"] {
        let (id, case) = agent.executes("ops-lead", words).await;
        assert_eq!((case, agent.replies(id).len()), (None, 1));
    }
    assert_snapshot!(stable(&agent.last_comment("reply")), @"
    <!-- fieldmedic reply comment=[id] -->
    This issue is closed, and I change nothing for closed issues. Reopen it, then comment again. `/qfield:support diagnose` works here too: it changes nothing.
    ");
    agent.reopens("ops-lead");
    github.lock(agent.ticket(), "ops-lead").expect("locked");
    for words in ["", "diagnose"] {
        let (id, case) = agent.executes("ops-lead", words).await;
        assert_eq!((case, agent.reactions(id).last().map(String::as_str)), (None, Some("confused")));
    }
    agent.sees(&["reply"; 4]);
}

#[tokio::test]
async fn help_lists_what_this_person_may_do() {
    let agent = with_people("worker-down").build().await;
    let (id, _) = agent.executes("tina", "help").await;
    assert_snapshot!(stable(&agent.replies(id).join("\n")), @"
    <!-- fieldmedic reply comment=[id] -->
    tina, these are the commands you can use here. Write each as a comment of its own:

    | command | what it does |
    |---|---|
    | `/qfield:support status` | show how this ticket stands |
    | `/qfield:support explain` | show why I did what I did, with the evidence |
    | `/qfield:support diagnose` | check the system and report; nothing is changed |
    | `/qfield:support help` | show this list |

    Reactions: 👀 I read your command, 🚀 it is done, 😕 I could not do it.
    ");
    let (id, _) = agent.executes("ops-lead", "help").await;
    assert_snapshot!(stable(&agent.replies(id).join("\n")), @"
    <!-- fieldmedic reply comment=[id] -->
    ops-lead, these are the commands you can use here. Write each as a comment of its own:

    | command | what it does |
    |---|---|
    | `/qfield:support` | work on this ticket: diagnose, fix what is proven, verify the fix |
    | `/qfield:support status` | show how this ticket stands |
    | `/qfield:support explain` | show why I did what I did, with the evidence |
    | `/qfield:support diagnose` | check the system and report; nothing is changed |
    | `/qfield:support run …` | run one of the playbooks below |
    | `/qfield:support retry` | start again after I gave up |
    | `/qfield:support approve 7f3a` | carry out the plan with this id |
    | `/qfield:support deny` | do not carry it out; hand the ticket to a person |
    | `/qfield:support cancel` | stop, roll back what is half done, and leave this ticket |
    | `/qfield:support pause <reason>` | change nothing on any system |
    | `/qfield:support resume` | allow changes again |
    | `/qfield:support help` | show this list |

    | playbook | what it does |
    |---|---|
    | `/qfield:support run resources` | What each container uses |
    | `/qfield:support run capacity agents=0 days=7` | Whether there are enough workers; `agents`: a whole number from 0 to 1000; `days`: a whole number from 1 to 30 |
    | `/qfield:support run database-status tables=10` | How the database is; `tables`: a whole number from 1 to 50 |
    | `/qfield:support run health` | Whether the pages and the API answer, and how fast |
    | `/qfield:support run images` | Which images are here, and which archives of them |
    | `/qfield:support run logs lines=50 service=app` | The last lines of a service's log; `lines`: a whole number from 1 to 500; `search`: a list of names; `service`: a name |
    | `/qfield:support run queue-report days=1 jobs_listed=10 status=any` | What is in the queue, and what came of the last jobs; `days`: a whole number from 1 to 30; `jobs_listed`: a whole number from 1 to 50; `status`: one of any, pending, queued, started, finished, failed, stopped |
    | `/qfield:support run release-check ref=app` | What a roll-out of another release would meet; `ref`: a name |
    | `/qfield:support run status-report` | Report the state of the system |
    | `/qfield:support run syncs days=1 jobs_listed=20 status=any` | Recent jobs with their projects and errors; `days`: a whole number from 1 to 30; `jobs_listed`: a whole number from 1 to 100; `project`: a name; `status`: one of any, pending, queued, started, finished, failed, stopped |
    | `/qfield:support run users-and-quotas accounts=20` | How many users there are, and what of their quotas is used; `accounts`: a whole number from 1 to 100 |
    | `/qfield:support run start service=app` | fix, if the evidence confirms it: Start a service; `service`: a name |
    | `/qfield:support run stop service=app` | fix, if the evidence confirms it: Stop a service; `service`: a name |
    | `/qfield:support run database-backup younger_than_min=60` | fix, if the evidence confirms it: Back up the database; `younger_than_min`: a whole number from 30 to 10080 |
    | `/qfield:support run pause-workers hours=2` | fix, if the evidence confirms it: Pause the workers; `hours`: a whole number from 1 to 72 |
    | `/qfield:support run rebuild-image older_than_min=60 service=app` | fix, if the evidence confirms it: Build an image for jobs anew; `older_than_min`: a whole number from 30 to 100000; `service`: a name |
    | `/qfield:support run reload-proxy older_than_min=5` | fix, if the evidence confirms it: Reload nginx; `older_than_min`: a whole number from 2 to 1440 |
    | `/qfield:support run restart older_than_min=10 service=app` | fix, if the evidence confirms it: Restart a service; `older_than_min`: a whole number from 5 to 1440; `service`: a name |
    | `/qfield:support run resume-workers` | fix, if the evidence confirms it: End a pause of the workers |
    | `/qfield:support run retry-job job=app` | fix, if the evidence confirms it: Run a failed job once more; `job`: a name |
    | `/qfield:support run save-images which=all` | fix, if the evidence confirms it: Save images as archives; `which`: one of all, jobs |
    | `/qfield:support run scale-workers count=1` | fix, if the evidence confirms it: Change how many workers run; `count`: a whole number from 1 to 16 |
    | `/qfield:support run static-files` | fix, if the evidence confirms it: Collect the static files |
    | `/qfield:support run throttle kb_per_s=16` | fix, if the evidence confirms it: Limit the speed of downloads; `kb_per_s`: a whole number from 16 to 100000; `project`: a list of UUIDs |
    | `/qfield:support run unthrottle` | fix, if the evidence confirms it: Lift a limit of the speed of downloads; `project`: a list of UUIDs |
    | `/qfield:support run disk-full` | fix, if the evidence confirms it: A disk is nearly full |
    | `/qfield:support run daemon-down` | fix, if the evidence confirms it: The Docker engine does not run or does not answer |
    | `/qfield:support run missing-qgis-image` | fix, if the evidence confirms it: A needed image is missing |
    | `/qfield:support run network-detached` | fix, if the evidence confirms it: A running container is not on its network |
    | `/qfield:support run dns-in-containers` | fix, if the evidence confirms it: Containers cannot resolve names, though the host can |
    | `/qfield:support run services-down` | fix, if the evidence confirms it: A service that should run has stopped |
    | `/qfield:support run cron-lock` | fix, if the evidence confirms it: A dead clean-up holds the lock of the cron jobs |
    | `/qfield:support run proxy-stale` | fix, if the evidence confirms it: The application answers, and nginx does not find it |
    | `/qfield:support run worker-down` | fix, if the evidence confirms it: Worker containers are not running |
    | `/qfield:support run queue-stuck` | fix, if the evidence confirms it: Jobs are stuck in the queue |
    | `/qfield:support run styles-missing` | fix, if the evidence confirms it: Pages come without their style sheets |

    Reactions: 👀 I read your command, 🚀 it is done, 😕 I could not do it.
    ");
}
