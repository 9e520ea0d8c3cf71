//! `fieldmedic doctor`: everything that has to be right before a ticket comes.

use crate::app;
use crate::app::ProbeSetup;
use crate::cli::host_setup;
use crate::cli::host_setup::Gates;
use crate::cli::{ExitStatus, LoadedConfig, print};
use crate::clock::SystemClock;
use crate::core::gate::RuleError;
use crate::core::ids::HostName;
use crate::core::ticket::Repo;
use crate::engine::run_probes;
use crate::github;
use crate::github::GitHub;
use crate::ports::{Clock, Forge, Permission};
use crate::ssh::{Access, SshHosts};
use clap::Args;
use miette::{Diagnostic, Result};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {}

/// The lines of a check-up, and whether any was bad.
#[derive(Default)]
struct Findings {
    bad: bool,
}

impl Findings {
    fn good(&self, what: &str) {
        print(&format!("✓ {what}"));
    }

    /// What the agent does without.
    fn note(&self, what: &str, why: &str) {
        print(&format!("· {what}: {why}"));
    }

    fn bad(&mut self, what: &str, why: &str) {
        self.bad = true;
        print(&format!("✗ {what}: {why}"));
    }
}

pub async fn run(place: Option<PathBuf>, _: Arguments) -> Result<ExitStatus> {
    let mut findings = Findings::default();
    let setting = match crate::cli::read_config(place) {
        Ok(setting) => setting,
        Err(error) => {
            findings.bad("configuration", &told(&error));
            return Ok(ExitStatus::Failed);
        }
    };
    findings.good(&format!("configuration: {}", setting.path.display()));
    check_journal(&setting, &mut findings).await;
    check_github(&setting, &mut findings).await;
    check_systems(&setting, &mut findings).await;
    Ok(if findings.bad { ExitStatus::Failed } else { ExitStatus::Done })
}

/// An error with its help, in one paragraph.
fn told(error: &(impl Diagnostic + ?Sized)) -> String {
    match error.help() {
        Some(help) => format!("{error}\n  {help}"),
        None => error.to_string(),
    }
}

async fn check_journal(setting: &LoadedConfig, findings: &mut Findings) {
    match app::open_journal(setting).await {
        Ok(journal) => match journal.audit().await {
            Ok(audit) if audit.broken.is_empty() => findings.good(&format!(
                "journal: {}, {} cases, {} records as they were written",
                app::journal_place(&setting.config).unwrap_or_default(),
                audit.cases,
                audit.records
            )),
            Ok(audit) => findings.bad(
                "journal",
                &format!("{} cases are damaged; `fieldmedic audit verify` names them", audit.broken.len()),
            ),
            Err(error) => findings.bad("journal", &error.to_string()),
        },
        Err(error) => findings.bad("journal", &told(&error)),
    }
    if let Ok(journal) = app::open_journal(setting).await
        && let Ok(Some(pause)) = journal.pause_state().await
    {
        let what = format!("paused by {}", crate::cli::pause::told(&pause));
        findings.bad(&what, "nothing is changed until `fieldmedic resume`");
    }
}

async fn check_github(setting: &LoadedConfig, findings: &mut Findings) {
    let config = &setting.config;
    let forge = app::identity(config).and_then(|identity| {
        let options = github::Options {
            base_url: config.github.base_url.clone(),
            ..github::Options::asking_as(identity, app::redactor(config))
        };
        Ok(GitHub::new(options)?)
    });
    let forge = match forge {
        Ok(forge) => forge,
        Err(error) => return findings.bad("GitHub", &told(&error)),
    };
    let me = match forge.me().await {
        Ok(me) => me,
        Err(error) => return findings.bad("GitHub", &format!("{error}\n  {}", advice(&error))),
    };
    findings.good(&format!("GitHub: logged in as {me} at {}", config.github.base_url));
    for repo in &config.github.repos {
        check_repo(&forge, setting, repo, &me, findings).await;
    }
}

/// One repository: whether it can be worked in at all, and each right that is lacking.
async fn check_repo(forge: &GitHub, setting: &LoadedConfig, repo: &Repo, me: &str, findings: &mut Findings) {
    let config = &setting.config;
    let is_app = config.github.app_id.is_some();
    let what = repo.to_string();
    let premises = match forge.repo_status(repo).await {
        Ok(premises) => premises,
        Err(error) => return findings.bad(&what, &format!("{error}\n  {}", reach(is_app))),
    };
    let mut lacking: Vec<String> = Vec::new();
    if premises.archived {
        lacking.push("it is archived: unarchive it in its settings, or take it out of [github] repos".into());
    }
    if !premises.has_issues {
        lacking.push("its issues are turned off: turn them on in its settings, under Features".into());
    }
    match forge.missing_permissions(repo).await {
        Ok(names) if config.webhook.is_none() => {
            lacking.extend(names.into_iter().filter(|name| !name.starts_with("the event")).map(of_app));
        }
        Ok(names) => lacking.extend(names.into_iter().map(of_app)),
        Err(error) => lacking.push(error.to_string()),
    }
    if lacking.is_empty()
        && let Err(error) = forge.tickets(repo, &config.github.label, Some(SystemClock.now())).await
    {
        lacking.push(format!("its issues cannot be read: {error}"));
    }
    if lacking.is_empty()
        && let Err(error) = forge.can_write(repo).await
    {
        lacking.push(format!("its issues cannot be written: {error}"));
    }
    if !is_app {
        match forge.permission(repo, me).await {
            Ok(permission) if permission >= Permission::Write => {}
            Ok(_) => lacking.push(format!(
                "{me} may not write there: labels and closing take the role write, in the repository's settings under Collaborators"
            )),
            Err(error) => lacking.push(format!("what {me} may do cannot be told: {error}\n  the token needs metadata: read")),
        }
    }
    if config.webhook.is_some() {
        match forge.has_hook(repo).await {
            Ok(true) => {}
            Ok(false) => lacking.push(
                "no webhook leads to the agent: `fieldmedic init --finish --webhook-url https://…/webhook` makes one".into(),
            ),
            Err(error) if error.is_permanent() => findings.note(
                &what,
                &format!("its webhook cannot be looked at, so what it misses is found by the poll: {error}"),
            ),
            Err(error) => lacking.push(format!("its webhook cannot be looked at: {error}")),
        }
    }
    match lacking.is_empty() {
        true => findings.good(&format!("{what}: issues can be read and written")),
        false => lacking.iter().for_each(|why| findings.bad(&what, why)),
    }
}

fn of_app(lacking: String) -> String {
    format!(
        "the App lacks {lacking}: give it on the App's settings page, under Permissions & events, and accept the change where it is installed"
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
            "make a new token, and put it into the variable that [github] token_env names"
        }
        crate::ports::ForgeError::Unreachable(_) => "check the network, and [github] base_url",
        _ => "check the token's rights",
    }
}

/// Playbooks, hosts, and whether every probe of every system can be read.
async fn check_systems(setting: &LoadedConfig, findings: &mut Findings) {
    let ProbeSetup { runner: eyes, hosts, library, inventory, .. } = match ProbeSetup::build(setting) {
        Ok(lookout) => lookout,
        Err(error) => return findings.bad("playbooks and systems", &told(&*error)),
    };
    let count: usize =
        library.systems.values().map(|system| system.faults.len() + system.requests.len()).sum();
    findings.good(&format!("playbooks: {count} for {} kinds of system", library.systems.len()));
    if inventory.systems.is_empty() {
        findings.bad("systems", "none is configured: add [hosts.…] and [systems.…]");
    }
    let mut reached = true;
    for host in &inventory.hosts {
        for (purpose, what) in [(Access::Probe, "probes"), (Access::Change, "changes")] {
            match hosts.open(host, purpose).await {
                Ok(took) => {
                    findings.good(&format!("host {host}: logged in for {what} in {} ms", took.as_millis()));
                }
                Err(error) => {
                    reached = false;
                    findings.bad(&format!("host {host}, for {what}"), &error.to_string());
                }
            }
        }
    }
    if !reached {
        return;
    }
    for name in &inventory.hosts {
        let host = &setting.config.hosts[name];
        if !host.local {
            let standing = host_setup::hosted_systems(&library, &inventory, name);
            check_gates(&hosts, name, Gates::new(name, host, &standing), findings).await;
        }
    }
    for site in inventory.systems.values() {
        let system = &library.systems[&site.system_type];
        let evidence = run_probes(&eyes, system, site, &system.probes.keys().cloned().collect()).await;
        let mut unread = evidence.facts.iter().filter_map(|(probe, facts)| {
            let (fact, why) = facts.iter().find_map(|(fact, known)| Some((fact, known.as_ref().err()?)))?;
            Some(format!("{probe}.{fact} is unknown: {why}"))
        });
        let Some(first) = unread.next() else {
            findings.good(&format!("system {}: all {} checks can be read", site.name, evidence.probes.len()));
            continue;
        };
        let more = match unread.count() {
            0 => String::new(),
            more => format!(", and {more} more checks; `fieldmedic diagnose {}` shows them", site.name),
        };
        findings.bad(&format!("system {}", site.name), &format!("{first}{more}"));
    }
}

/// Whether the host itself says what the agent may do there, by the playbooks of today.
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
            Ok(None) => findings.good(&format!("{what}: there is none; `fieldmedic host-setup` prints one")),
            Ok(Some(said)) if rules.is_some_and(|rules| rules.version() == said) => {
                findings.good(&format!("{what}: it admits what these playbooks need, and nothing else"));
            }
            Ok(Some(_)) => findings.bad(
                &what,
                "it was made from other playbooks or parameters\n  make it anew with `fieldmedic host-setup`",
            ),
            Err(error) => findings.bad(&what, &error.to_string()),
        }
    }
}
