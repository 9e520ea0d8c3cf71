//! `fieldmedic doctor`: checks everything that has to be right before a ticket comes.

use crate::app;
use crate::app::ProbeSetup;
use crate::app::settings::{LoadedConfig, read_config};
use crate::cli::host_setup;
use crate::cli::host_setup::Gates;
use crate::cli::output::ExitStatus;
use crate::cli::spinner;
use crate::cli::spinner::Spinner;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::console::{Paint, print_marked};
use crate::core::chatops::access::Person;
use crate::core::gate::{HostedSystem, RuleError};
use crate::core::ids::HostName;
use crate::core::ticket::Repo;
use crate::engine::run_probes;
use crate::github;
use crate::github::GitHub;
use crate::ports::{Account, ChannelCheck, Clock, Forge, Permission};
use crate::ssh::{Access, SshHosts};
use clap::Args;
use miette::{Diagnostic, Result};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// GitHub accepts the token of an App for about a minute around the time that it states.
const CLOCK_TOLERANCE: i64 = 30;

/// With less space than this beside the journal, in bytes, it may soon not be written any more.
const LEAST_SPACE: u64 = 256 << 20;

/// The command line of `fieldmedic doctor`.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// The lines of a check-up, and whether any was bad.
#[derive(Default)]
struct Findings {
    bad: bool,
}

impl Findings {
    fn good(&self, what: &str) {
        print_marked("✓ ", Paint::Good, what);
    }

    /// Something that Fieldmedic works without.
    fn note(&self, what: &str, why: &str) {
        print_marked("· ", Paint::Warn, &format!("{what}: {why}"));
    }

    fn bad(&mut self, what: &str, why: &str) {
        self.bad = true;
        print_marked("✗ ", Paint::Bad, &format!("{what}: {why}"));
    }
}

/// Prints one line for each check. [`ExitStatus::Failed`] if one of them is bad.
///
/// # Errors
/// None: what cannot be checked is a bad line of the output.
pub(super) async fn run(place: Option<PathBuf>, _: Arguments) -> Result<ExitStatus> {
    let mut findings = Findings::default();
    let settings = match read_config(place) {
        Ok(settings) => settings,
        Err(error) => {
            findings.bad("configuration", &with_help(&error));
            return Ok(ExitStatus::Failed);
        }
    };
    findings.good(&format!("configuration: {}", settings.path.display()));
    check_journal(&settings, &mut findings).await;
    check_github(&settings, &mut findings).await;
    check_reader(&settings, &mut findings).await;
    check_notices(&settings, &mut findings).await;
    check_surroundings(&settings, &mut findings).await;
    check_systems(&settings, &mut findings).await;
    Ok(if findings.bad { ExitStatus::Failed } else { ExitStatus::Done })
}

/// An error with its help, in one paragraph.
fn with_help(error: &(impl Diagnostic + ?Sized)) -> String {
    match error.help() {
        Some(help) => format!("{error}\n  {help}"),
        None => error.to_string(),
    }
}

async fn check_journal(settings: &LoadedConfig, findings: &mut Findings) {
    match app::open_journal(settings).await {
        Ok(journal) => match journal.audit().await {
            Ok(audit) if audit.broken.is_empty() => findings.good(&format!(
                "journal: {}, {} cases, {} records, hash chains intact",
                app::journal_place(&settings.config).unwrap_or_default(),
                audit.cases,
                audit.records
            )),
            Ok(audit) => findings.bad(
                "journal",
                &format!("{} cases are damaged; `fieldmedic audit verify` names them", audit.broken.len()),
            ),
            Err(error) => findings.bad("journal", &error.to_string()),
        },
        Err(error) => findings.bad("journal", &with_help(&error)),
    }
    match app::free_space(&settings.config) {
        Some(free) if free < LEAST_SPACE => findings.bad(
            "journal's disk",
            &format!("{} MiB are free; Fieldmedic stops when it cannot write\n  free some space", free >> 20),
        ),
        Some(free) => findings.good(&format!("journal's disk: {} MiB are free", free >> 20)),
        // PostgreSQL keeps it, on a disk of its own.
        None => {}
    }
    if let Ok(journal) = app::open_journal(settings).await
        && let Ok(Some(pause)) = journal.pause_state().await
    {
        let what = format!("paused by {}", crate::cli::pause::describe(&pause));
        findings.bad(&what, "no change is started until `fieldmedic resume`");
    }
}

async fn check_github(settings: &LoadedConfig, findings: &mut Findings) {
    let config = &settings.config;
    let forge = app::identity(config).and_then(|identity| {
        let options = github::Options {
            base_url: config.github.base_url.clone(),
            ..github::Options::asking_as(identity, app::redactor(config))
        };
        Ok(GitHub::new(options)?)
    });
    let forge = match forge {
        Ok(forge) => forge,
        Err(error) => return findings.bad("GitHub", &with_help(&error)),
    };
    let waiting = Spinner::start(&format!("asking GitHub at {}", config.github.base_url), None);
    let me = forge.me().await;
    drop(waiting);
    let me = match me {
        Ok(me) => me,
        Err(error) => return findings.bad("GitHub", &format!("{error}\n  {}", advice(&error))),
    };
    findings.good(&format!("GitHub: logged in as {me} at {}", config.github.base_url));
    match forge.clock_skew(SystemClock.now()).await {
        Ok(seconds) if seconds.abs() <= CLOCK_TOLERANCE => {
            findings.good("clock: this machine and GitHub agree");
        }
        Ok(seconds) => findings.bad(
            "clock",
            &format!(
                "GitHub's clock differs by {seconds} s, so times are compared wrongly, and an App cannot log in\n  set this machine's clock, for example with `timedatectl set-ntp true`"
            ),
        ),
        Err(error) => findings.bad("clock", &error.to_string()),
    }
    for repo in &config.github.repos {
        check_repo(&forge, settings, repo, &me, findings).await;
    }
}

/// One repository: whether it can be used at all, and each missing permission.
async fn check_repo(forge: &GitHub, settings: &LoadedConfig, repo: &Repo, me: &str, findings: &mut Findings) {
    let config = &settings.config;
    let is_app = config.github.app_id.is_some();
    let what = repo.to_string();
    let status = match forge.repo_status(repo).await {
        Ok(status) => status,
        Err(error) => return findings.bad(&what, &format!("{error}\n  {}", reach(is_app))),
    };
    let mut missing: Vec<String> = Vec::new();
    if status.archived {
        missing.push("it is archived: unarchive it in its settings, or take it out of [github] repos".into());
    }
    if !status.has_issues {
        missing.push("its issues are turned off: turn them on in its settings, under Features".into());
    }
    match forge.missing_permissions(repo).await {
        Ok(names) if config.webhook.is_none() => {
            missing.extend(names.into_iter().filter(|name| !name.starts_with("the event")).map(of_app));
        }
        Ok(names) => missing.extend(names.into_iter().map(of_app)),
        Err(error) => missing.push(error.to_string()),
    }
    if missing.is_empty()
        && let Err(error) = forge.tickets(repo, Some(&config.github.label), Some(SystemClock.now())).await
    {
        missing.push(format!("its issues cannot be read: {error}"));
    }
    if missing.is_empty()
        && let Err(error) = forge.can_write(repo, &app::ticket_label(config)).await
    {
        missing.push(format!("its issues cannot be written: {error}"));
    }
    if !is_app {
        match forge.account(repo, me).await {
            Ok(account) if account.permission >= Permission::Write => {}
            Ok(_) => missing.push(format!(
                "{me} has no write permission: labels and closing need the role write, in the repository's settings under Collaborators"
            )),
            Err(error) => missing.push(format!("the permission of {me} is unknown: {error}\n  the token needs metadata: read")),
        }
    }
    if config.webhook.is_some() {
        match forge.has_hook(repo).await {
            Ok(true) => {}
            Ok(false) => missing.push(
                "no webhook points to Fieldmedic: `fieldmedic init --finish --webhook-url https://…/webhook` creates one".into(),
            ),
            Err(error) if error.is_permanent() => findings.note(
                &what,
                &format!("its webhook cannot be read, so the poll finds what it misses: {error}"),
            ),
            Err(error) => missing.push(format!("its webhook cannot be read: {error}")),
        }
    }
    match missing.is_empty() {
        true => findings.good(&format!("{what}: issues can be read and written")),
        false => missing.iter().for_each(|why| findings.bad(&what, why)),
    }
    check_people(forge, config, repo, findings).await;
}

/// The people whom the configuration names: who may command, and who is called.
async fn check_people(forge: &GitHub, config: &Config, repo: &Repo, findings: &mut Findings) {
    let access = config.roles();
    for person in access.people() {
        let what = format!("{repo}: {person}, named in [roles] or approvers");
        match forge.account(repo, &person.login).await {
            Ok(account) if account.permission < Person::LEAST => findings.bad(
                &what,
                &format!(
                    "has the permission `{}` there, and {} is the least for a command\n  give it, or take the name out",
                    account.permission.word(),
                    Person::LEAST.word()
                ),
            ),
            Ok(Account { id: Some(id), .. }) if person.id.is_some_and(|named| named != id) => findings.bad(
                &what,
                &format!("the account with this login is number {id} now: somebody else may have taken the login"),
            ),
            Ok(Account { id: Some(id), permission, .. }) if person.id.is_none() => findings.note(
                &what,
                &format!("`{}`; write `{}#{id}`, so that the login alone is not enough", permission.word(), person.login),
            ),
            Ok(account) => findings.good(&format!("{what}: `{}`", account.permission.word())),
            Err(error) => findings.bad(&what, &format!("its permission is unknown: {error}")),
        }
    }
    for login in &config.github.on_call {
        match forge.can_be_assigned(repo, login).await {
            Ok(true) => findings.good(&format!("{repo}: {login}, on call, can be assigned")),
            Ok(false) => findings.bad(
                &format!("{repo}: {login}, on call"),
                "GitHub cannot assign issues there to this login\n  check its spelling, and give it read permission",
            ),
            Err(error) => findings.bad(&format!("{repo}: {login}, on call"), &error.to_string()),
        }
    }
}

fn of_app(missing: String) -> String {
    format!(
        "the App lacks {missing}: grant it on the App's settings page, under Permissions & events, and accept the change where it is installed"
    )
}

fn reach(is_app: bool) -> &'static str {
    match is_app {
        true => "the App's public page has a button to install it; choose this repository there",
        false => "give the token this repository, under Repository access, with issues: read and write",
    }
}

fn advice(error: &crate::ports::ForgeError) -> &'static str {
    match error {
        crate::ports::ForgeError::Unauthorized(_) => {
            "create a new token, and set it in the variable that [github] token_env names"
        }
        crate::ports::ForgeError::Unreachable(_) => "check the network, and [github] base_url",
        _ => "check the token's permissions",
    }
}

/// Whether the endpoint of `[reader]` gives embeddings, if there is one. Tickets are read without it too.
async fn check_reader(settings: &LoadedConfig, findings: &mut Findings) {
    let asked = match app::embedding_reader(&settings.config) {
        Ok(None) => return,
        Ok(Some(reader)) => reader.check().await.map_err(|error| error.to_string()),
        Err(error) => Err(with_help(&error)),
    };
    match asked {
        Ok(width) => findings.good(&format!("reader: the endpoint gives embeddings of {width} numbers")),
        Err(error) => findings.bad("reader", &error),
    }
}

/// Whether each channel of notices answers, as far as that can be found out without telling anybody.
async fn check_notices(settings: &LoadedConfig, findings: &mut Findings) {
    let channels = match app::notice_channels(&settings.config) {
        Ok(channels) => channels,
        Err(error) => return findings.bad("notices", &with_help(&error)),
    };
    for (name, channel) in channels {
        match channel.check().await {
            Ok(ChannelCheck::Answered) => findings.good(&format!("notices: {name} answers")),
            Ok(ChannelCheck::NotAsked) => {
                findings.good(&format!(
                    "notices: {name} is configured; `fieldmedic notices test {name}` tries it"
                ));
            }
            Err(error) => findings.bad(&format!("notices: {name}"), &error.to_string()),
        }
    }
}

/// What `serve` needs of the environment, and does not start without: secrets and addresses that variables hold.
async fn check_surroundings(settings: &LoadedConfig, findings: &mut Findings) {
    let config = &settings.config;
    if let Some(webhook) = &config.webhook {
        match app::webhook_secrets(webhook) {
            Ok(_) => findings.good("webhook: its secret is there"),
            Err(error) => findings.bad("webhook", &with_help(&error)),
        }
    }
    if !config.alerts.is_empty() {
        match app::alert_sources(config) {
            Ok(sources) => {
                findings.good(&format!("alerts: the secrets of {} monitors are there", sources.len()))
            }
            Err(error) => findings.bad("alerts", &with_help(&error)),
        }
    }
    if let Some(entry) = &config.heartbeat {
        match app::heartbeat::address(entry) {
            Ok(_) => findings.good("heartbeat: its address is there"),
            Err(error) => findings.bad("heartbeat", &with_help(&error)),
        }
    }
    if let Some(entry) = &config.traces {
        let checked = match app::traces::Collector::new(entry) {
            Ok(collector) => collector.check().await.map_err(|error| error.to_string()),
            Err(error) => Err(with_help(&error)),
        };
        match checked {
            Ok(()) => findings.good("traces: the collector answers"),
            Err(error) => findings.bad("traces", &error),
        }
    }
}

/// Playbooks, hosts, and whether every probe of every system gives facts.
async fn check_systems(settings: &LoadedConfig, findings: &mut Findings) {
    let ProbeSetup { runner, hosts, library, inventory, .. } = match ProbeSetup::build(settings) {
        Ok(setup) => setup,
        Err(error) => return findings.bad("playbooks and systems", &with_help(&*error)),
    };
    let count: usize =
        library.systems.values().map(|system| system.faults.len() + system.requests.len()).sum();
    findings.good(&format!("playbooks: {count} for {} system types", library.systems.len()));
    if inventory.systems.is_empty() {
        findings.bad("systems", "no system is configured: add [hosts.…] and [systems.…]");
    }
    let mut reached = true;
    for host in &inventory.hosts {
        for (purpose, what) in [(Access::Probe, "probes"), (Access::Change, "changes")] {
            let waiting = Spinner::start(&format!("host {host}: logging in for {what}"), None);
            let opened = hosts.open(host, purpose).await;
            drop(waiting);
            match opened {
                Ok(took) => {
                    findings.good(&format!("host {host}: logged in for {what} in {} ms", took.as_millis()));
                }
                Err(error) => {
                    reached = false;
                    findings.bad(&format!("host {host}, login for {what}"), &error.to_string());
                }
            }
        }
    }
    if !reached {
        return;
    }
    for name in &inventory.hosts {
        let host = settings.config.hosts.get(name).filter(|host| !host.local);
        if let Some(host) = host {
            let hosted = host_setup::hosted_systems(&library, &inventory, name);
            check_gates(&hosts, name, Gates::new(name, host, &hosted), findings).await;
        }
        let hosted = host_setup::hosted_systems(&library, &inventory, name);
        check_sudo(&hosts, name, &hosted, findings).await;
    }
    for system in inventory.systems.values() {
        let Some(system_type) = library.systems.get(&system.system_type) else { continue };
        let waiting = spinner::probing(system_type, &system.name);
        let evidence =
            run_probes(&runner, system_type, system, &system_type.probes.keys().cloned().collect()).await;
        drop(waiting);
        let mut unread = evidence.facts.iter().filter_map(|(probe, facts)| {
            let (fact, why) = facts.iter().find_map(|(fact, known)| Some((fact, known.as_ref().err()?)))?;
            Some(format!("{probe}.{fact} is unknown: {why}"))
        });
        let Some(first) = unread.next() else {
            findings.good(&format!(
                "system {}: all {} probes give facts",
                system.name,
                evidence.probes.len()
            ));
            continue;
        };
        let more = match unread.count() {
            0 => String::new(),
            more => format!(", and {more} more; `fieldmedic diagnose {}` shows them", system.name),
        };
        findings.bad(&format!("system {}", system.name), &format!("{first}{more}"));
    }
}

/// Whether sudo allows the programs that the playbooks' scripts need there, where no gate tells.
async fn check_sudo(hosts: &SshHosts, name: &HostName, hosted: &[HostedSystem<'_>], findings: &mut Findings) {
    let entries = hosted.iter().flat_map(|hosted| &hosted.system_type.sudo).map(ToString::to_string);
    let programs: BTreeSet<String> =
        entries.filter_map(|entry| entry.split_whitespace().next().map(str::to_owned)).collect();
    if programs.is_empty() {
        return;
    }
    let what = format!("host {name}, sudo");
    match hosts.sudo_rules(name).await {
        Ok(None) => {}
        Ok(Some(rules)) => {
            let lacking: Vec<&str> = programs
                .iter()
                .map(String::as_str)
                .filter(|program| !allows_without_password(&rules, program))
                .collect();
            match lacking.is_empty() {
                true => findings.good(&format!("{what}: it allows {}", Vec::from_iter(programs).join(", "))),
                false => findings.bad(
                    &what,
                    &format!(
                        "without a password it does not allow {}, so some fixes will fail\n  `fieldmedic host-setup` prints the rules",
                        lacking.join(", ")
                    ),
                ),
            }
        }
        Err(error) => findings.bad(&what, &error.to_string()),
    }
}

/// Whether a list of `sudo -l` lets a program run without a password. An entry begins with the users in
/// parentheses, and may go on over several lines.
fn allows_without_password(rules: &str, program: &str) -> bool {
    let entries = rules.split("\n    (").filter_map(|entry| entry.split_once("NOPASSWD:"));
    let mut words = entries.flat_map(|(_, commands)| commands.split(|c: char| c.is_whitespace() || c == ','));
    words.any(|word| word == "ALL" || word.rsplit('/').next() == Some(program))
}

/// Whether the gates on the host match today's playbooks.
async fn check_gates(
    hosts: &SshHosts,
    name: &HostName,
    gates: Result<Gates, Vec<RuleError>>,
    findings: &mut Findings,
) {
    let mut logins = vec![(Access::Probe, "probes", gates.as_ref().ok().map(|gates| &gates.probes))];
    if let Ok(Gates { changes: Some(changes), .. }) = &gates {
        logins.push((Access::Change, "changes", Some(changes)));
    }
    for (purpose, what, rules) in logins {
        let what = format!("host {name}, gate for {what}");
        match hosts.ask_gate(name, purpose).await {
            Ok(None) => findings.good(&format!("{what}: none; `fieldmedic host-setup` prints one")),
            Ok(Some(said)) if rules.is_some_and(|rules| rules.version() == said) => {
                findings.good(&format!("{what}: it allows exactly what these playbooks need"));
            }
            Ok(Some(_)) => findings.bad(
                &what,
                "it was generated from other playbooks or parameters\n  generate it again with `fieldmedic host-setup`",
            ),
            Err(error) => findings.bad(&what, &error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_lists_are_read_as_they_are_printed() {
        let list = |entries: &str| format!("User medic may run the following commands on north:\n{entries}");
        for (entries, allowed) in [
            ("    (ALL) NOPASSWD: ALL\n", true),
            ("    (ALL : ALL) ALL\n", false),
            ("    (root) NOPASSWD: /usr/bin/du *, /usr/bin/truncate ^-s 0 /x$\n", true),
            ("    (root) NOPASSWD: /usr/bin/du *,\n        /usr/bin/truncate ^-s 0 /x$\n", true),
            ("    (root) NOPASSWD: /usr/bin/du *\n    (root) /usr/bin/truncate\n", false),
            ("    (root) NOPASSWD: /usr/bin/truncate-all\n", false),
        ] {
            assert_eq!(allows_without_password(&list(entries), "truncate"), allowed, "{entries}");
        }
        assert!(!allows_without_password("", "truncate"));
    }
}
