//! Orders by comment: who may give which, what comes of each, and that each is followed once.

use crate::scenarios::scene;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::chatops::access::{Grantees, Permission};
use fieldmedic::core::policy::permit::{Mode, Policy};
use fieldmedic::engine::poll;
use fieldmedic::engine::{Context, ForgeSettings, Shutdown, accept_comment, run_case_waiting};
use fieldmedic::ports::{Clock, Comment};
use fieldmedic::sandbox::github::{AccountKind, Comment as Seen, RepoRole};
use fieldmedic::scenario::ScenarioRun;
use std::sync::Arc;

const PREFIX: &str = "/qfield:support";
const MEDIC: &str = "fieldmedic-bot";

/// A ticket that nobody has handed in, on the host of a scenario.
struct Desk {
    scene: ScenarioRun,
}

impl Desk {
    async fn new(scenario: &str) -> Self {
        let scene = scene(scenario).await;
        for (login, role) in
            [("reader", RepoRole::Read), ("tina", RepoRole::Triage), ("max", RepoRole::Maintain)]
        {
            scene.hub.grant(&scene.ticket.repo, login, role);
        }
        Self { scene }
    }

    fn agent(&self) -> &Context {
        &self.scene.agent
    }

    fn write(&self, login: &str, body: &str) -> u64 {
        self.scene.hub.comment(&self.scene.ticket, login, body).expect("GitHub takes the comment")
    }

    /// A comment as GitHub gives it.
    async fn comment(&self, id: u64) -> Comment {
        let all = self.agent().forge.comments(&self.scene.ticket.repo, chrono::DateTime::UNIX_EPOCH).await;
        all.expect("GitHub answers").into_iter().find(|comment| comment.id == id).expect("it is there")
    }

    /// Orders something; gives the comment, and the case that it opened or spoke to.
    async fn order(&self, login: &str, words: &str) -> (u64, Option<CaseId>) {
        let id = self.write(login, &format!("{PREFIX} {words}"));
        let comment = self.comment(id).await;
        (id, accept_comment(self.agent(), &comment).await.expect("the journal works"))
    }

    async fn drive(&self, case: &CaseId) -> fieldmedic::core::case::Case {
        let (stop, _pull) = Shutdown::new();
        run_case_waiting(self.agent(), case, &stop).await.expect("the case goes on")
    }

    /// What was answered to a comment.
    fn answers(&self, id: u64) -> Vec<String> {
        self.said().into_iter().filter(|body| body.contains(&format!("reply comment={id} "))).collect()
    }

    fn said(&self) -> Vec<String> {
        let all = self.scene.hub.comments(&self.scene.ticket).into_iter();
        all.filter(|comment| comment.author == MEDIC).map(|comment| comment.body).collect()
    }

    fn reactions(&self, id: u64) -> Vec<String> {
        let is_it = |comment: &&Seen| comment.id == id;
        let comments = self.scene.hub.comments(&self.scene.ticket);
        let comment = comments.iter().find(is_it).expect("it is there");
        comment.reactions.iter().map(|reaction| reaction.content.clone()).collect()
    }

    fn changes(&self) -> usize {
        self.scene.host.lock().log().iter().filter(|logged| logged.line.contains("up -d")).count()
    }

    fn labels(&self) -> Vec<String> {
        let issue = self.scene.hub.issue(&self.scene.ticket).expect("the issue is there");
        issue.labels.iter().map(|label| label.to_string()).collect()
    }

    fn is_closed(&self) -> bool {
        self.scene.hub.issue(&self.scene.ticket).expect("the issue is there").is_closed()
    }

    async fn cases(&self) -> usize {
        self.agent().journal.cases(100).await.expect("the journal works").len()
    }
}

#[tokio::test]
async fn each_right_opens_its_own_orders_and_a_refusal_is_said_once() {
    let desk = Desk::new("worker-down").await;
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
        let (id, case) = desk.order(login, words).await;
        assert_eq!(case, None, "{login}: {words}");
        assert_eq!(desk.reactions(id).contains(&"eyes".to_owned()), taken, "{login}: {words}");
        assert_eq!(desk.answers(id).is_empty(), !taken, "{login}: {words}");
    }
    assert_eq!(desk.cases().await, 0);
    assert!(desk.agent().journal.pause_state().await.expect("the journal works").is_none());
    let refusals = || desk.said().into_iter().filter(|body| body.contains("fieldmedic refusal")).count();
    // `help` and what is unknown are one kind for the reader each; the rest differ.
    assert_eq!(refusals(), 13);
    // Again, and no word of it.
    for words in ["status", "diagnose"] {
        let (id, _) = desk.order("reader", words).await;
        assert_eq!(desk.reactions(id), ["confused"]);
    }
    assert_eq!(refusals(), 13);
    let refusal = desk.said().into_iter().find(|body| body.contains("by=tina order=approve")).expect("said");
    assert!(refusal.contains("People with write permission or more can"), "{refusal}");
}

#[tokio::test]
async fn people_that_the_configuration_names_have_their_rights_and_no_others() {
    let mut desk = Desk::new("worker-down").await;
    let mut manners: ForgeSettings = (*desk.scene.agent.forge_settings).clone();
    manners.roles.pause = Grantees { from: Some(Permission::Admin), people: vec!["tina".into()] };
    manners.roles.view = Grantees { from: None, people: vec!["reader".into()] };
    desk.scene.agent.forge_settings = Arc::new(manners);
    let pause = async || desk.agent().journal.pause_state().await.expect("the journal works");
    desk.order("max", "pause").await;
    assert!(pause().await.is_none());
    let (id, _) = desk.order("tina", "pause for the migration").await;
    assert_eq!(desk.reactions(id), ["eyes", "rocket"]);
    assert!(desk.answers(id)[0].contains("for the migration"), "{:?}", desk.answers(id));
    assert!(pause().await.is_some());
    let (id, _) = desk.order("max", "status").await;
    assert_eq!(desk.reactions(id), ["confused"], "a look is for one person alone");
    let (id, _) = desk.order("reader", "status").await;
    assert!(desk.answers(id)[0].contains("All changes are paused by tina"), "{:?}", desk.answers(id));
}

#[tokio::test]
async fn a_look_changes_nothing_closes_nothing_and_leaves_the_ticket_to_be_taken() {
    let desk = Desk::new("worker-down").await;
    let before = desk.labels();
    let (id, case) = desk.order("tina", "diagnose").await;
    let case = desk.drive(&case.expect("a case")).await;
    assert_eq!(case.outcome.as_ref().map(|outcome| outcome.word()), Some("answered"));
    assert_eq!((desk.changes(), desk.is_closed(), desk.labels()), (0, false, before));
    let [report] = &desk.said()[..] else { panic!("one report: {:?}", desk.said()) };
    assert!(
        report.contains("0 of 4 workers are running") && report.contains("Nothing was changed"),
        "{report}"
    );
    assert_eq!(desk.reactions(id), ["eyes", "rocket"]);
    assert!(case.remediations.is_empty() && case.leased_hosts.is_empty());
    // Its own accord takes the ticket as if nobody had looked.
    poll(desk.agent()).await.expect("GitHub answers");
    let [id] = &desk.agent().journal.open_cases().await.expect("the journal works")[..] else {
        panic!("one case")
    };
    let case = desk.drive(id).await;
    assert_eq!(case.outcome.as_ref().map(|outcome| outcome.word()), Some("resolved"));
    assert!(desk.is_closed());
    // A closed one can be looked at, too, and stays closed.
    let (_, case) = desk.order("tina", "diagnose qfieldcloud").await;
    desk.drive(&case.expect("a case")).await;
    assert!(desk.said().last().expect("said").contains("No fault that I know is there"));
    assert!(desk.is_closed());
}

#[tokio::test]
async fn an_order_runs_one_fault_under_all_policy() {
    let mut desk = Desk::new("worker-down").await;
    desk.scene.agent.policy = Arc::new(Policy { mode: Mode::Ask, ..(*desk.scene.agent.policy).clone() });
    let (id, case) = desk.order("ops-lead", "run worker-down").await;
    let case = desk.drive(&case.expect("a case")).await;
    let plan = case.pending_approval.expect("an order is no yes").plan.short_id().to_owned();
    assert_eq!((desk.changes(), desk.reactions(id)), (0, vec!["eyes".to_owned()]));
    // What comes meanwhile is told so.
    for words in ["", "diagnose", "run logs service=app", "retry"] {
        let (id, case) = desk.order("ops-lead", words).await;
        assert_eq!(case, None, "{words}");
        assert!(desk.answers(id)[0].contains("I am already working on this ticket"), "{words}");
        assert_eq!(desk.reactions(id), ["eyes", "confused"]);
    }
    assert_eq!(desk.cases().await, 1, "nothing is kept for later");
    let (yes, _) = desk.order("ops-lead", &format!("approve {plan}")).await;
    let case = desk.drive(&case.id).await;
    assert_eq!(case.outcome.as_ref().map(|outcome| outcome.word()), Some("resolved"));
    assert_eq!((desk.changes(), desk.is_closed()), (1, true));
    assert_eq!(desk.reactions(id), ["eyes", "rocket"]);
    assert_eq!(desk.reactions(yes), ["eyes", "rocket"]);
    // The same yes by another door, when its case has ended.
    let comment = desk.comment(yes).await;
    assert!(accept_comment(desk.agent(), &comment).await.is_ok());
    assert!(desk.answers(yes).is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_told_at_once_with_what_would_be_right() {
    let desk = Desk::new("worker-down").await;
    for (words, says) in [
        ("statsu", &["`statsu`", "Did you mean `/qfield:support status`?"][..]),
        ("do everything at once", &["There is no command `do`", "`diagnose`, `run`"]),
        ("approve", &["/qfield:support approve 7f3a"]),
        ("diagnose north", &["There is no system `north`", "`qfieldcloud`"]),
        ("run", &["/qfield:support run queue-report"]),
        ("run log service=app", &["has no playbook `log`", "Did you mean `logs`?", "`worker-down`"]),
        ("run logs service=app system=north", &["There is no system `north`"]),
        (
            "run logs servce=-f lines=many lines=2000",
            &[
                "It has no parameter `servce`. Did you mean `service`?",
                "`lines`: \"many\" is not a whole number",
                "`lines`: 2000 is more than 500",
                "`service` is missing",
                "a whole number from 1 to 500",
                "/qfield:support run logs lines=50 service=app",
            ],
        ),
        ("run logs service=app;reboot", &["`service`: \"app;reboot\" is not a name"]),
        ("run logs service=$(reboot)", &["is not a name"]),
        ("run logs service=ghp_0123456789abcdefghijABCDEFGHIJ012345", &["looks like a secret"]),
        ("run queue-report status=broken", &["broken is none of any, pending"]),
        ("run worker-down lines=5", &["takes no values", "/qfield:support run worker-down"]),
        ("retry", &["not worked on this ticket yet, so there is nothing to retry"]),
        ("explain", &["nothing to explain"]),
        ("cancel", &["I am not working on this ticket"]),
    ] {
        let (id, case) = desk.order("ops-lead", words).await;
        let [answer] = &desk.answers(id)[..] else { panic!("{words}: {:?}", desk.said()) };
        for says in says {
            assert!(answer.contains(says), "{words}: {says:?} is not in {answer}");
        }
        assert!(!answer.contains("could not be filled") && !answer.contains("ghp_"), "{answer}");
        assert!(desk.reactions(id).ends_with(&["confused".to_owned()]), "{words}: {:?}", desk.reactions(id));
        assert_eq!(case, None, "{words}");
    }
    assert_eq!(desk.cases().await, 0);
    assert!(desk.scene.host.lock().log().is_empty(), "the host was asked nothing");
}

#[tokio::test]
async fn an_edited_comment_orders_nothing_and_no_comment_orders_twice() {
    let desk = Desk::new("worker-down").await;
    poll(desk.agent()).await.expect("GitHub answers");
    let id = desk.agent().journal.open_cases().await.expect("the journal works").remove(0);
    desk.drive(&id).await;
    let hub = &desk.scene.hub;
    let repo = desk.scene.ticket.repo.clone();
    let edit = |id, body: &str| hub.edit_comment(&repo, id, "max", body).expect("GitHub takes the edit");
    let later = |seconds| desk.scene.clock.set(desk.scene.clock.now() + chrono::TimeDelta::seconds(seconds));
    let pause = async || desk.agent().journal.pause_state().await.expect("the journal works");
    let poll = async || drop(poll(desk.agent()).await.expect("GitHub answers"));

    // One that was an order, and is edited into another.
    let (order, _) = desk.order("ops-lead", "pause").await;
    desk.agent().journal.set_pause(None).await.expect("lifted at the terminal");
    later(3600);
    edit(order, &format!("{PREFIX} pause again"));
    poll().await;
    assert!(pause().await.is_none(), "an old order came back");
    // One that was none when it was read, and one that nobody had read yet.
    let chat = desk.write("ops-lead", "Any news?");
    poll().await;
    later(3600);
    edit(chat, &format!("{PREFIX} pause"));
    let quick = desk.write("ops-lead", "Any?");
    later(5);
    edit(quick, &format!("{PREFIX} pause"));
    for _ in 0..2 {
        poll().await;
        later(30);
    }
    assert!(pause().await.is_none(), "an edit was followed");
    for id in [chat, quick] {
        let [answer] = &desk.answers(id)[..] else { panic!("{:?}", desk.answers(id)) };
        assert!(answer.contains("was edited before I read it"), "{answer}");
        assert_eq!(desk.reactions(id), ["confused"]);
    }
    assert_eq!(desk.answers(order).len(), 1);
}

#[tokio::test]
async fn the_agent_hears_neither_itself_nor_any_machine() {
    let desk = Desk::new("worker-down").await;
    let hub = &desk.scene.hub;
    let repo = &desk.scene.ticket.repo;
    hub.register("helpful-app", AccountKind::Bot, "t");
    hub.grant(repo, "helpful-app", RepoRole::Admin);
    hub.grant(repo, "deploy[bot]", RepoRole::Admin);
    for (login, body) in [
        (MEDIC, format!("{PREFIX} pause")),
        ("helpful-app", format!("{PREFIX} pause")),
        ("deploy[bot]", format!("{PREFIX} pause")),
        // Its own words by another hand: a person's token, or a copy.
        ("ops-lead", format!("<!-- fieldmedic case=c0123456789ab kind=report -->\n\n{PREFIX} pause")),
        ("ops-lead", format!("{PREFIX} pause\n\n<!-- fieldmedic reply comment=7 -->")),
    ] {
        let comment = desk.comment(desk.write(login, &body)).await;
        assert_eq!(accept_comment(desk.agent(), &comment).await.expect("the journal works"), None);
        assert!(desk.reactions(comment.id).is_empty(), "{login} was heard");
    }
    // A person's token, upper or lower case, and an app that writes in a person's name.
    let comment = desk.comment(desk.write("ops-lead", &format!("{PREFIX} pause"))).await;
    for comment in [
        Comment { author: MEDIC.to_uppercase(), by_bot: false, ..comment.clone() },
        Comment { by_bot: true, ..comment.clone() },
    ] {
        assert_eq!(accept_comment(desk.agent(), &comment).await.expect("the journal works"), None);
    }
    assert!(desk.agent().journal.pause_state().await.expect("the journal works").is_none());
    assert!(desk.said().iter().all(|body| body.contains(PREFIX)), "it answered: {:?}", desk.said());
}

#[tokio::test]
async fn one_comment_by_every_door_at_once_is_followed_once() {
    let desk = Desk::new("worker-down").await;
    let other = desk.scene.restarted().expect("another client");
    for words in ["", "status", "run lgos service=app", "pause"] {
        let body = format!("{PREFIX} {words}");
        let (id, refused) = (desk.write("ops-lead", &body), desk.write("reader", &body));
        let (comment, refused) = (desk.comment(id).await, desk.comment(refused).await);
        let mut tasks = tokio::task::JoinSet::new();
        for index in 0..10 {
            let agent = if index % 2 == 0 { desk.agent().clone() } else { other.clone() };
            let (comment, refused) = (comment.clone(), refused.clone());
            tasks.spawn(async move {
                accept_comment(&agent, &refused).await?;
                accept_comment(&agent, &comment).await
            });
        }
        let taken = tasks.join_all().await;
        let opened = taken.iter().filter(|taken| matches!(taken, Ok(Some(_)))).count();
        assert_eq!(opened, usize::from(words.is_empty()), "{words}: {taken:?}");
        assert!(desk.answers(id).len() <= 1, "{words}: {:?}", desk.answers(id));
        let reactions = desk.reactions(id);
        assert!(reactions.iter().collect::<std::collections::BTreeSet<_>>().len() == reactions.len());
        assert_eq!(desk.reactions(refused.id), ["confused"], "{words}");
    }
    let refusals = desk.said().into_iter().filter(|body| body.contains("fieldmedic refusal")).count();
    assert_eq!(refusals, 4, "{:?}", desk.said());
    assert_eq!(desk.cases().await, 1);
}

#[tokio::test]
async fn a_halt_that_comes_late_does_not_undo_a_newer_order() {
    let desk = Desk::new("worker-down").await;
    let pause = desk.write("ops-lead", &format!("{PREFIX} pause"));
    desk.scene.clock.set(desk.scene.clock.now() + chrono::TimeDelta::seconds(5));
    let resume = desk.write("ops-lead", &format!("{PREFIX} resume"));
    for id in [resume, pause] {
        accept_comment(desk.agent(), &desk.comment(id).await).await.expect("the journal works");
    }
    assert!(desk.agent().journal.pause_state().await.expect("the journal works").is_none());
}

#[tokio::test]
async fn a_ticket_is_begun_afresh_and_explained() {
    let desk = Desk::new("worker-down-not-fixed").await;
    let (_, case) = desk.order("ops-lead", "").await;
    let first = desk.drive(&case.expect("a case")).await;
    assert_eq!(first.outcome.as_ref().map(|outcome| outcome.word()), Some("escalated"));
    let (id, _) = desk.order("tina", "explain").await;
    let [answer] = &desk.answers(id)[..] else { panic!("one answer") };
    for says in [
        "ended as escalated (`not-fixed`)",
        "| `worker-down` | **yes** | `workers.running < config.workers and workers.looping == 0` |",
        "workers.running = 0",
        "| `disk-full` | no |",
        "| Workers not running |",
    ] {
        assert!(answer.contains(says), "{says:?} is not in {answer}");
    }
    let (id, _) = desk.order("tina", "status").await;
    assert!(desk.answers(id)[0].contains("ended as escalated"), "{:?}", desk.answers(id));
    // A while later, when the budgets allow it.
    desk.scene.clock.set(desk.scene.clock.now() + chrono::TimeDelta::hours(2));
    let (_, case) = desk.order("ops-lead", "retry").await;
    let second = desk.drive(&case.expect("a case")).await;
    assert_ne!(first.id, second.id);
    assert!(!second.remediations.is_empty(), "it began afresh: {:?}", second.outcome);
}

#[tokio::test]
async fn nothing_is_begun_for_a_closed_or_locked_issue() {
    let desk = Desk::new("worker-down").await;
    let scene = &desk.scene;
    scene.hub.close(&scene.ticket, "ops-lead", "completed").expect("closed");
    for words in ["", "run worker-down"] {
        let (id, case) = desk.order("ops-lead", words).await;
        assert_eq!(case, None);
        assert!(desk.answers(id)[0].contains("This issue is closed"), "{:?}", desk.answers(id));
    }
    scene.hub.reopen(&scene.ticket, "ops-lead").expect("open");
    scene.hub.lock(&scene.ticket, "ops-lead").expect("locked");
    for words in ["", "diagnose"] {
        let (id, case) = desk.order("ops-lead", words).await;
        assert_eq!((case, desk.reactions(id).last().map(String::as_str)), (None, Some("confused")));
    }
}

#[tokio::test]
async fn help_says_what_this_person_may_say() {
    let desk = Desk::new("worker-down").await;
    for (login, says, not) in [
        ("tina", &["diagnose", "status", "explain"][..], &["approve", "pause", "run ", "retry"][..]),
        ("ops-lead", &["approve 7f3a", "run logs lines=50 service=app", "fix, if"], &[]),
    ] {
        let (id, _) = desk.order(login, "help").await;
        let [answer] = &desk.answers(id)[..] else { panic!("one answer: {:?}", desk.said()) };
        for says in says {
            assert!(
                answer.contains(&format!("{PREFIX} {says}")) || answer.contains(says),
                "{says}: {answer}"
            );
        }
        for not in not {
            assert!(!answer.contains(not), "{not}: {answer}");
        }
    }
}
