//! `fieldmedic playbook`: for those who write playbooks.

use crate::app;
use crate::app::settings::read_config;
use crate::cli::output::{ExitStatus, Format};
use crate::console::{print, print_json};
use crate::core::expr::value_type::words;
use crate::core::ids::ParamName;
use crate::core::playbook::{Fault, IfInterrupted, Library, Param, Request, SystemType};
use crate::library;
use crate::library::Files;
use crate::scenario;
use crate::scenario::ScenarioVerdict;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, Result, miette};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Lists every problem of the playbooks, with its place and a hint.
    Check(DirArgument),
    /// Plays the scenarios under a folder against the host in a box.
    Test(Test),
    /// The playbooks, a line each.
    List(List),
    /// A playbook's file.
    Show(PlaybookArgument),
    /// What a playbook does, in plain words.
    Explain(PlaybookArgument),
}

#[derive(Debug, Args)]
pub struct DirArgument {
    /// The folder of playbooks [default: as configured, else the built-in ones].
    dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Test {
    /// The folder of scenarios: fixtures/<system>/<scenario>/, or one of them.
    #[arg(default_value = "fixtures")]
    scenarios: PathBuf,
    /// The folder of playbooks [default: as configured, else the built-in ones].
    #[arg(long)]
    playbooks: Option<PathBuf>,
    /// Only scenarios whose path holds this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Show what happened in every scenario, not only in those that fail.
    #[arg(long)]
    verbose: bool,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub struct PlaybookArgument {
    /// `worker-down`, or `qfieldcloud/worker-down`.
    playbook: String,
}

pub async fn run(config: Option<PathBuf>, arguments: Arguments) -> Result<ExitStatus> {
    match arguments {
        Arguments::Check(place) => check(config, place),
        Arguments::Test(test) => run_scenarios(config, test).await,
        Arguments::List(arguments) => list(&library::load(&files(config, None)?)?, arguments),
        Arguments::Show(named) => show(&files(config, None)?, &named.playbook),
        Arguments::Explain(named) => explain(&library::load(&files(config, None)?)?, &named.playbook),
    }
}

/// The folder that was named, or the configured one, or the built-in playbooks. Without a
/// configuration there is nothing wrong: an author needs none.
fn files(config: Option<PathBuf>, dir: Option<PathBuf>) -> Result<Files> {
    if let Some(dir) = dir {
        return Ok(Files::from_dir(&dir)?);
    }
    let named = config.is_some();
    match read_config(config) {
        Ok(setting) => app::files(&setting.config),
        Err(error) if named => Err(error.into()),
        Err(_) => Ok(Files::built_in()),
    }
}

fn check(config: Option<PathBuf>, place: DirArgument) -> Result<ExitStatus> {
    let files = files(config, place.dir)?;
    match library::load(&files) {
        Ok(library) => {
            for system in library.systems.values() {
                let faults = system.faults.len();
                let requests = system.requests.len();
                print(&format!(
                    "{}: {} probes, {faults} faults, {requests} requests, no problems",
                    system.name,
                    system.probes.len()
                ));
            }
            Ok(ExitStatus::Done)
        }
        Err(problems) => {
            for problem in problems.list() {
                // The place first, as compilers print it, so that editors can jump to it.
                print(&format!("{}:{}:{}: {}", problem.path, problem.line, problem.column, problem.message));
            }
            Err(problems.into())
        }
    }
}

async fn run_scenarios(config: Option<PathBuf>, test: Test) -> Result<ExitStatus> {
    let files = files(config, test.playbooks)?;
    let books = scenario::LoadedPlaybooks::open(&files)?;
    let mut scenarios = scenario::find(&test.scenarios).into_diagnostic()?;
    if let Some(only) = &test.only {
        scenarios.retain(|path| path.to_string_lossy().contains(only.as_str()));
    }
    if scenarios.is_empty() {
        return Err(miette!(
            "there are no scenarios under {}: a scenario is a folder with ticket.md, host.yaml and expect.yaml",
            test.scenarios.display()
        ));
    }
    let mut failed = 0;
    for path in &scenarios {
        let played = scenario::play(path, &books).await;
        let name = path.display();
        match played {
            Ok(played) => {
                let verdict = played.verdict();
                let passed = verdict == ScenarioVerdict::Passed;
                print(&format!("{} {name}: {}", if passed { "✓" } else { "✗" }, played.summary()));
                if let ScenarioVerdict::Failed(wrongs) = verdict {
                    failed += 1;
                    wrongs.iter().for_each(|wrong| print(&format!("    {wrong}")));
                }
                if test.verbose || !passed {
                    played.transcript().lines().for_each(|line| print(&format!("    {line}")));
                }
            }
            Err(error) => {
                failed += 1;
                print(&format!("✗ {name}: {error}"));
            }
        }
    }
    print(&format!("{} passed, {failed} failed", scenarios.len() - failed));
    Ok(if failed == 0 { ExitStatus::Done } else { ExitStatus::Failed })
}

fn list(library: &Library, arguments: List) -> Result<ExitStatus> {
    let nothing = BTreeMap::new();
    let mut rows = Vec::new();
    for system in library.systems.values() {
        for fault in &system.faults {
            let kind = if fault.remediation.is_empty() { "escalates" } else { "fixes" };
            rows.push((&system.name, &fault.name, kind, &fault.title, &nothing));
        }
        for request in &system.requests {
            rows.push((&system.name, &request.name, "answers", &request.title, &request.params));
        }
    }
    if arguments.format.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(system, name, kind, title, params)| {
                let params: Vec<_> = params.iter().map(|(name, param)| told_param(name, param)).collect();
                json!({ "system": system, "playbook": name, "does": kind, "title": title, "params": params })
            })
            .collect();
        print_json(&rows)?;
    } else {
        let width = rows.iter().map(|(system, name, ..)| system.as_str().len() + name.as_str().len() + 1);
        let width = width.max().unwrap_or(0);
        for (system, name, kind, title, params) in &rows {
            let keys: Vec<&str> = params.keys().map(|name| name.as_str()).collect();
            let keys = if keys.is_empty() { String::new() } else { format!(" ({})", keys.join(", ")) };
            print(&format!("{:<width$}  {kind:<9}  {title}{keys}", format!("{system}/{name}")));
        }
    }
    Ok(ExitStatus::Done)
}

/// A parameter for programs.
fn told_param(name: &ParamName, param: &Param) -> serde_json::Value {
    let Param { value_type: kind, default, bounds: limits, help } = param;
    json!({
        "name": name, "type": kind, "default": default, "min": limits.min, "max": limits.max,
        "one_of": limits.one_of, "help": help,
    })
}

fn show(files: &Files, name: &str) -> Result<ExitStatus> {
    let wanted = format!("{}.yaml", name.rsplit('/').next().unwrap_or(name));
    let found = files.as_map().iter().find(|(path, _)| {
        path.ends_with(&format!("/{wanted}")) && (!name.contains('/') || **path == format!("{name}.yaml"))
    });
    let (_, text) = found
        .ok_or_else(|| miette!("there is no playbook `{name}`; `fieldmedic playbook list` shows them"))?;
    print(text.trim_end());
    Ok(ExitStatus::Done)
}

fn explain(library: &Library, name: &str) -> Result<ExitStatus> {
    let (kind, playbook) =
        name.rsplit_once('/').map_or((None, name), |(kind, playbook)| (Some(kind), playbook));
    let systems =
        library.systems.values().filter(|system| kind.is_none_or(|kind| system.name.as_str() == kind));
    for system in systems {
        if let Some(fault) = system.faults.iter().find(|fault| fault.name.as_str() == playbook) {
            explain_fault(system, fault);
            return Ok(ExitStatus::Done);
        }
        if let Some(request) = system.requests.iter().find(|request| request.name.as_str() == playbook) {
            explain_request(system, request);
            return Ok(ExitStatus::Done);
        }
    }
    Err(miette!("there is no playbook `{name}`; `fieldmedic playbook list` shows them"))
}

fn explain_fault(system: &SystemType, fault: &Fault) {
    print(&format!("{}/{}: {}\n", system.name, fault.name, fault.title));
    print(&format!("It is confirmed when\n  {}\n", fault.when.source()));
    let names = fault.when.names();
    let probes = system.probes_of(names.iter().map(String::as_str));
    for probe in probes.iter().filter_map(|name| system.probes.get(name)) {
        print(&format!(
            "  where `{}` is read on {} by\n    {}",
            probe.name,
            probe.host,
            indented(&probe.command.to_string())
        ));
    }
    if !fault.causes.is_empty() {
        let names: Vec<&str> = fault.causes.iter().map(|name| name.as_str()).collect();
        print(&format!("\nIt is treated before {}, which it can cause.", names.join(", ")));
    }
    if fault.remediation.is_empty() {
        print("\nIt is never treated: a person is called at once.");
    } else {
        print(
            &format!("\nThen, if policy allows {:?} risk, these changes are made in order:", fault.risk)
                .to_lowercase(),
        );
    }
    for (index, step) in fault.remediation.iter().enumerate() {
        print(&format!("  {}. {} (on {})", index + 1, step.name, step.host));
        print(&format!("     {}", indented(&step.command.to_string())));
        if let Some(only_if) = &step.only_if {
            print(&format!("     only if {}", only_if.source()));
        }
        let replay = match &step.if_interrupted {
            IfInterrupted::RerunNow => "run again".to_owned(),
            IfInterrupted::Rerun => "run again when its time is over".to_owned(),
            IfInterrupted::Check(expr) => format!("run again unless {}", expr.source()),
            IfInterrupted::Escalate => "left alone, and a person is called".to_owned(),
        };
        print(&format!("     if it was cut off: {replay}"));
        if let Some(undo) = &step.rollback {
            print(&format!("     undone by {}", indented(&undo.to_string())));
        }
    }
    if !fault.verify.is_empty() {
        print("\nIt counts as mended when the condition above has turned false, and stays so, and");
        for check in &fault.verify {
            let within = humantime::format_duration(check.timeout);
            let steady = match check.hold_for.is_zero() {
                true => String::new(),
                false => format!(", for {}", humantime::format_duration(check.hold_for)),
            };
            print(&format!("  {} (within {within}{steady})", check.that.source()));
        }
    }
    print(&format!("\nOtherwise a person is told: {}", fault.advice));
}

fn explain_request(system: &SystemType, request: &Request) {
    print(&format!("{}/{}: {}\n", system.name, request.name, request.title));
    if request.question_patterns.is_empty() {
        print("It is asked for by a command alone,");
    } else {
        print("It answers tickets that say, and complain of nothing,");
    }
    for ask in &request.question_patterns {
        print(&format!("  {}", ask.as_str()));
    }
    for (name, param) in &request.params {
        let default = param.default.as_ref().map(|value| format!(", or {}", words(value).join(",")));
        print(&format!("  {name}={}{}: {}", param.accepts(), default.unwrap_or_default(), param.help));
    }
    let probes: Vec<&str> = request.probes.iter().map(|probe| probe.as_str()).collect();
    print(&format!("\nfrom the probes {}.", probes.join(", ")));
    for probe in request.extra_probes.values() {
        print(&format!(
            "  where `{}` is read on {} by\n    {}",
            probe.name,
            probe.host,
            indented(&probe.command.to_string())
        ));
    }
    if request.health {
        print("It asks about health: faults that are found are treated first.");
    }
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n       ")
}
