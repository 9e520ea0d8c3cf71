//! Several replicas on one PostgreSQL database: real processes, killed in turn while they work.

use crate::harness::{MEDIC, PATIENCE, TOKEN};
use crate::postgres::{Database, database};
use fieldmedic::clock::SystemClock;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::ticket::{Repo, TicketId};
use fieldmedic::ports::{Clock, Store};
use fieldmedic::sandbox::github::{AccountKind, FakeGitHub, RepoRole};
use fieldmedic::sandbox::host::{AuthorizedKey, FakeHost, HostSpec, Server, SharedHost, write_key};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const HOSTS: usize = 10;
/// Units of each host; each has a system, and a ticket, of its own.
const UNITS: usize = 10;

const SYSTEM: &str = "format: 1
system_type: unit
summary: One of many units of a host
params:
  unit: { type: name, help: its name }
probes:
  show:
    run: unitctl show {{ unit }}
    parse: keyvalue
    facts:
      active: values.active | number
      moved: values.moved | number
";

const PLAYBOOK: &str = "playbook: unit-down
title: The unit is down
symptoms: { patterns: ['down'] }
when: show.active == 0
summary: the unit is down
risk: low
remediation:
  - { name: move its data, run: 'unitctl move {{ unit }}', if_interrupted: escalate, timeout: 5s }
  - { name: start it, run: 'unitctl start {{ unit }}', if_interrupted: rerun, timeout: 5s }
verify:
  - { that: show.active == 1 and show.moved == 1, timeout: 300s }
escalate: { advice: look at the unit }
";

/// A GitHub in a box, ten hosts in boxes, a database, and a configuration for all replicas.
struct Replicas {
    hub: FakeGitHub,
    repo: Repo,
    hosts: Vec<SharedHost>,
    _servers: Vec<Server>,
    database: Database,
    journal: Arc<dyn Store>,
    dir: TempDir,
}

fn host_file() -> HostSpec {
    let mut text = "state:\n".to_owned();
    for unit in 0..UNITS {
        let _ = writeln!(text, "  u{unit}: {{ active: 1, moved: 0 }}");
    }
    text += "commands:\n";
    for unit in 0..UNITS {
        let _ = write!(
            text,
            "  - run: unitctl show u{unit}\n    stdout: |\n      active={{{{ u{unit}.active }}}}\n      \
             moved={{{{ u{unit}.moved }}}}\n  \
             - {{ run: unitctl move u{unit}, duration: 400ms, set: {{ u{unit}.moved: u{unit}.moved + 1 }} }}\n  \
             - {{ run: unitctl start u{unit}, duration: 400ms, set: {{ u{unit}.active: 1 }} }}\n"
        );
    }
    HostSpec::parse(&text).expect("the host file is right")
}

impl Replicas {
    async fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = tempfile::tempdir().expect("a folder");
        let repo: Repo = "example/tickets".parse().expect("a repository");
        let hub = FakeGitHub::start(clock.clone()).await.expect("a GitHub in a box");
        hub.register(MEDIC, AccountKind::Bot, TOKEN);
        hub.grant(&repo, MEDIC, RepoRole::Write);
        hub.grant(&repo, "ops-lead", RepoRole::Write);
        hub.grant(&repo, "field-agent", RepoRole::Read);
        let database = database().await;
        let journal = Arc::new(database.open().await);
        let books = dir.path().join("playbooks/unit");
        std::fs::create_dir_all(&books).expect("a folder");
        std::fs::write(books.join("system.yaml"), SYSTEM).expect("the system is written");
        std::fs::write(books.join("unit-down.yaml"), PLAYBOOK).expect("the playbook is written");
        // A sweep that sees a unit down before the ticket about it is taken would open one of its own.
        let mut config = format!(
            "playbooks = \"playbooks\"\ndashboard = {{ listen = \"127.0.0.1:0\" }}\n[github]\nrepos = [\"example/tickets\"]\non_call = [\"ops-lead\"]\n\
             base_url = \"{}\"\ntoken_env = \"TEST_TOKEN\"\npoll_interval = \"1s\"\nwrite_interval = \"0s\"\n\
             [sweep]\nsystems = \"0 0 1 1 *\"\n[store]\nurl_env = \"RIG_DATABASE\"\n[policy]\nmode = \"act\"\nsoak = \"1s\"\n\
             [policy.limits]\ncooldown = \"0s\"\nmax_remediations_per_hour = 1000\nmax_changes_per_hour = 1000\n\
             failures = {{ count = 1000, pause = \"1s\" }}\nrecurrences = {{ count = 1000, pause = \"1s\" }}\n",
            hub.url()
        );
        let public = write_key(&dir.path().join("key")).expect("a key");
        let (mut hosts, mut servers, mut known_hosts) = (Vec::new(), Vec::new(), String::new());
        let file = host_file();
        for number in 0..HOSTS {
            let host = FakeHost::new(&file, clock.now()).share();
            let authorized = AuthorizedKey::Key(public.clone());
            let server =
                Server::start(host.clone(), &authorized, clock.clone()).await.expect("a host in a box");
            let _ = write!(
                config,
                "[hosts.h{number}]\naddress = \"{}\"\nport = {}\nuser = \"medic\"\nkey = \"key\"\n\
                 known_hosts = \"known_hosts\"\nssh_config = false\n",
                server.address().ip(),
                server.address().port()
            );
            for unit in 0..UNITS {
                let _ = write!(
                    config,
                    "[systems.site-{number}-{unit}]\ntype = \"unit\"\nhosts = {{ main = \"h{number}\" }}\n\
                     params = {{ unit = \"u{unit}\" }}\n"
                );
            }
            known_hosts += &(server.known_hosts().join("\n") + "\n");
            hosts.push(host);
            servers.push(server);
        }
        std::fs::write(dir.path().join("known_hosts"), known_hosts).expect("known_hosts");
        std::fs::write(dir.path().join("fieldmedic.toml"), config).expect("the configuration is written");
        Self { hub, repo, hosts, _servers: servers, database, journal, dir }
    }

    /// Starts a replica.
    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
        let config = self.dir.path().join("fieldmedic.toml");
        command.arg("--config").arg(config).args(["serve", "--cases", "6"]);
        command.env("TEST_TOKEN", TOKEN).env("RIG_DATABASE", self.database.url());
        command.env_remove("SSH_AUTH_SOCK").env_remove("FIELDMEDIC_LOG").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("a replica starts")
    }

    /// Breaks a unit, and files the ticket of somebody who noticed.
    fn break_down(&self, host: usize, unit: usize) -> TicketId {
        let broken = self.hosts[host].lock().set(&format!("u{unit}.active"), 0.into(), SystemClock.now());
        broken.expect("the unit is there");
        let title = format!("site-{host}-{unit} is down");
        self.hub.file(&self.repo, "field-agent", &title, "Nothing works.", &["support"]).expect("it is filed")
    }

    fn closed(&self) -> usize {
        self.hub.issues(&self.repo).iter().filter(|issue| issue.is_closed()).count()
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < end, "it did not come about: {what}; {} are closed", self.closed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn has_ended(&self, number: usize) -> bool {
        let cases = self.journal.cases(1000).await.expect("the journal can be read");
        cases.len() == number && self.journal.open_cases().await.expect("it can be read").is_empty()
    }
}

fn terminate(replica: &Child) {
    let pid = replica.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
}

/// The unit and the word of each change that a host was asked for, in order.
fn changes(host: &SharedHost) -> Vec<(String, String)> {
    let log: Vec<String> = host.lock().log().iter().map(|logged| logged.brief.clone()).collect();
    let change = |line: &String| {
        let mut words = line.split_whitespace().skip(1);
        let (word, unit) = (words.next()?.to_owned(), words.next()?.to_owned());
        (word != "show").then_some((unit, word))
    };
    log.iter().filter_map(change).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_tickets_survive_the_death_of_every_replica() {
    let setup = Replicas::new().await;
    let mut replicas = [setup.start(), setup.start(), setup.start()];
    let mut tickets = Vec::new();
    for unit in 0..UNITS {
        tickets.extend((0..HOSTS).map(|host| setup.break_down(host, unit)));
    }
    let number = tickets.len();
    // Each is killed twice, in the midst of its work, and started again.
    for (round, closed) in [8, 20, 32, 44, 56, 68].into_iter().enumerate() {
        setup.until("work goes on", async || setup.closed() >= closed).await;
        let replica = &mut replicas[round % 3];
        replica.kill().await.expect("it is killed");
        *replica = setup.start();
    }
    setup.until("every case has ended", async || setup.has_ended(number).await).await;
    for replica in &mut replicas {
        terminate(replica);
        assert_eq!(replica.wait().await.expect("it ends").code(), Some(0));
    }

    let cases = setup.journal.cases(1000).await.expect("the journal can be read");
    let of: BTreeSet<TicketId> = cases.iter().map(|case| case.ticket.clone()).collect();
    assert_eq!((cases.len(), of.len()), (number, number), "one case for each ticket, and none lost");
    assert_eq!(setup.hub.issues(&setup.repo).len(), number, "no ticket was opened beside them");
    let (mut resolved, mut in_doubt) = (0, 0);
    for case in &cases {
        let comments = setup.hub.comments(&case.ticket);
        let reports = comments.iter().filter(|comment| comment.body.contains("kind=report")).count();
        assert_eq!(reports, 1, "{}: one report", case.ticket);
        let is_closed = setup.hub.issue(&case.ticket).expect("it is there").is_closed();
        match &case.outcome {
            Some(Outcome::Resolved) => resolved += 1,
            // What must not be done twice was perhaps under way when its replica was killed.
            Some(Outcome::Escalated(escalation)) if escalation.code.to_string() == "in-doubt" => {
                in_doubt += 1
            }
            other => panic!("{}: {other:?}", case.ticket),
        }
        assert_eq!(is_closed, case.outcome == Some(Outcome::Resolved), "{}", case.ticket);
    }
    let mut moved = 0;
    for host in &setup.hosts {
        let (mut times, mut turns) = (BTreeMap::<String, u32>::new(), Vec::new());
        for (unit, word) in changes(host) {
            if word == "move" {
                *times.entry(unit.clone()).or_default() += 1;
            }
            if turns.last() != Some(&unit) {
                turns.push(unit);
            }
        }
        assert!(times.values().all(|times| *times == 1), "done twice: {times:?}");
        let distinct: BTreeSet<&String> = turns.iter().collect();
        assert_eq!(distinct.len(), turns.len(), "two cases changed a host by turns: {turns:?}");
        moved += times.len();
    }
    let audit = setup.journal.audit().await.expect("the journal can be audited");
    assert_eq!((audit.cases, audit.broken), (number as u64, vec![]));
    println!("{resolved} resolved and {in_doubt} in doubt; {moved} changes that must not be made twice");
    assert!(resolved >= number / 2, "{in_doubt} are in doubt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_told_to_stop_hands_its_case_on() {
    let setup = Replicas::new().await;
    let mut first = setup.start();
    let ticket = setup.break_down(0, 0);
    setup.until("a change was begun", async || !changes(&setup.hosts[0]).is_empty()).await;
    terminate(&first);
    assert_eq!(first.wait().await.expect("it ends").code(), Some(0));
    assert!(!setup.hub.issue(&ticket).expect("it is there").is_closed(), "it was in the midst of its work");
    let case: CaseId = setup.journal.open_cases().await.expect("it can be read").remove(0);
    let records = setup.journal.load(&case).await.expect("it can be read");
    let count = |kind: &str| records.iter().filter(|record| record.event.kind() == kind).count();
    assert_eq!(count("change_started"), count("change_ended"), "the step under way was finished");
    let elsewhere = "elsewhere:1:1";
    let claimed = setup.journal.claim(&case, elsewhere, SystemClock.now(), Duration::from_secs(60)).await;
    assert_eq!(claimed, Ok(true), "its claim was given up");
    setup.journal.release(&case, elsewhere, None).await.expect("it is given up");

    let mut second = setup.start();
    setup.until("the second goes on", async || setup.has_ended(1).await).await;
    terminate(&second);
    assert_eq!(second.wait().await.expect("it ends").code(), Some(0));
    assert!(setup.hub.issue(&ticket).expect("it is there").is_closed());
    let asked: Vec<String> = changes(&setup.hosts[0]).into_iter().map(|(_, word)| word).collect();
    assert_eq!(asked, ["move", "start"], "nothing was done twice");
}
