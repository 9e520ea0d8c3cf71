//! `fieldmedic playbook`: for authors of playbooks.

use crate::app;
use crate::app::settings::read_config;
use crate::cli::explain::explained;
use crate::cli::output::{ExitStatus, Format};
use crate::cli::wordings::{self, Evaluate, Read};
use crate::console::{Paint, print, print_json, print_marked};
use crate::core::ids::ParamName;
use crate::core::playbook::{Library, Param};
use crate::library;
use crate::library::Files;
use crate::library::migrate::migrate_dir;
use crate::reader::EmbeddingReader;
use crate::scenario;
use crate::scenario::ScenarioVerdict;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, Result, miette};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The command line of `fieldmedic playbook`.
#[derive(Debug, Subcommand)]
pub(super) enum Arguments {
    /// Lists every problem of the playbooks, with file, line and hint.
    Check(DirArgument),
    /// Plays the scenarios of a folder against a fake host. With --verbose, it shows the comments and
    /// commands of every scenario, not only of those that fail.
    Test(Test),
    /// Lists the playbooks, one on each line.
    List(List),
    /// Prints the file of a playbook, or of its system type: `show qfieldcloud/system`.
    Show(PlaybookArgument),
    /// Explains a playbook in plain words.
    Explain(PlaybookArgument),
    /// Writes a page about each system type, in Markdown.
    Docs(Docs),
    /// Says what is understood of a ticket's words.
    Read(Read),
    /// Reads tickets whose cause is known, and says how many would be closed, asked about or answered rightly.
    Evaluate(Evaluate),
    /// Rewrites playbooks and scenarios of the format before `format: 1`.
    Migrate(Migrate),
}

/// The command line of `fieldmedic playbook check`.
#[derive(Debug, Args)]
pub(super) struct DirArgument {
    /// The folder of playbooks [default: as configured, else the built-in ones].
    dir: Option<PathBuf>,
}

/// The command line of `fieldmedic playbook test`.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The folder of scenarios: fixtures/<system>/<scenario>/, or one of them.
    #[arg(default_value = "fixtures")]
    scenarios: PathBuf,
    /// The folder of playbooks [default: as configured, else the built-in ones].
    #[arg(long)]
    playbooks: Option<PathBuf>,
    /// Play only scenarios whose path contains this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// The former name of --verbose.
    #[arg(long, hide = true)]
    show: bool,
}

/// The command line of `fieldmedic playbook migrate`.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// The folder with playbooks, scenarios, or both below it.
    dir: PathBuf,
    /// Show the changes, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The command line of `fieldmedic playbook docs`.
#[derive(Debug, Args)]
pub(super) struct Docs {
    /// The folder that gets the pages, one file for each system type.
    into: PathBuf,
    /// The folder of playbooks [default: as configured, else the built-in ones].
    #[arg(long, value_name = "DIR")]
    playbooks: Option<PathBuf>,
}

/// The command line of `fieldmedic playbook list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The folder of playbooks [default: as configured, else the built-in ones].
    dir: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// The command line of `fieldmedic playbook show` and `explain`.
#[derive(Debug, Args)]
pub(super) struct PlaybookArgument {
    /// `worker-down`, or `qfieldcloud/worker-down`.
    playbook: String,
    /// The folder of playbooks [default: as configured, else the built-in ones].
    #[arg(long, value_name = "DIR")]
    playbooks: Option<PathBuf>,
}

/// Runs a command. `verbose` is the flag of the whole command line.
///
/// # Errors
/// If the playbooks or scenarios cannot be read, have problems, or hold no playbook of the given name.
pub(super) async fn run(config: Option<PathBuf>, arguments: Arguments, verbose: bool) -> Result<ExitStatus> {
    match arguments {
        Arguments::Check(argument) => check(config, argument),
        Arguments::Test(test) => run_scenarios(config, test, verbose).await,
        Arguments::List(arguments) => {
            list(&library::load(&files(config, arguments.dir.clone())?)?, arguments)
        }
        Arguments::Show(named) => show(&files(config, named.playbooks)?, &named.playbook),
        Arguments::Migrate(arguments) => migrate(&arguments),
        Arguments::Read(arguments) => {
            wordings::read(&library::load(&files(config, arguments.playbooks.clone())?)?, arguments).await
        }
        Arguments::Evaluate(arguments) => {
            let reader = match arguments.endpoint {
                true => Some(embedding_reader(config.clone())?),
                false => None,
            };
            let library = library::load(&files(config, arguments.playbooks.clone())?)?;
            wordings::evaluate(&library, reader, arguments).await
        }
        Arguments::Docs(arguments) => {
            docs(&library::load(&files(config, arguments.playbooks.clone())?)?, &arguments.into)
        }
        Arguments::Explain(named) => {
            explain(&library::load(&files(config, named.playbooks)?)?, &named.playbook)
        }
    }
}

/// The reader of the section `[reader]`.
fn embedding_reader(config: Option<PathBuf>) -> Result<EmbeddingReader> {
    app::embedding_reader(&read_config(config)?.config)?.ok_or_else(|| {
        miette!(
            help = "add it, as fieldmedic.example.toml shows",
            "the configuration has no section [reader]"
        )
    })
}

/// The playbooks of the named folder, or of the configured one, or the built-in ones. An author needs no
/// configuration.
fn files(config: Option<PathBuf>, dir: Option<PathBuf>) -> Result<Files> {
    if let Some(dir) = dir {
        return Ok(Files::from_dir(&dir)?);
    }
    let named = config.is_some();
    match read_config(config) {
        Ok(loaded) => app::files(&loaded.config),
        Err(error) if named => Err(error.into()),
        Err(_) => Ok(Files::built_in()),
    }
}

fn check(config: Option<PathBuf>, argument: DirArgument) -> Result<ExitStatus> {
    let files = files(config, argument.dir)?;
    match library::load(&files) {
        Ok(library) => {
            for system in library.systems.values() {
                let faults = system.faults.len();
                let requests = system.requests.len();
                let operations = system.operations.len();
                print(&format!(
                    "{}: {} probes, {faults} faults, {requests} requests, {operations} operations, no problems",
                    system.name,
                    system.probes.len()
                ));
            }
            Ok(ExitStatus::Done)
        }
        Err(problems) => {
            for problem in problems.list() {
                // As compilers print it, so that editors can jump to the place.
                print(&format!("{}:{}:{}: {}", problem.path, problem.line, problem.column, problem.message));
            }
            Err(problems.into())
        }
    }
}

async fn run_scenarios(config: Option<PathBuf>, test: Test, verbose: bool) -> Result<ExitStatus> {
    let files = files(config, test.playbooks)?;
    let playbooks = scenario::LoadedPlaybooks::open(&files)?;
    let mut scenarios = scenario::find(&test.scenarios).into_diagnostic()?;
    if let Some(only) = &test.only {
        scenarios.retain(|path| path.to_string_lossy().contains(only.as_str()));
    }
    if scenarios.is_empty() {
        return Err(miette!(
            "there are no scenarios below {}. A scenario is a folder with ticket.md, host.yaml and expect.yaml",
            test.scenarios.display()
        ));
    }
    let mut failed = 0;
    for path in &scenarios {
        let result = scenario::play(path, &playbooks).await;
        let name = path.display();
        match result {
            Ok(result) => {
                let verdict = result.verdict();
                let passed = verdict == ScenarioVerdict::Passed;
                let (mark, paint) = if passed { ("✓ ", Paint::Good) } else { ("✗ ", Paint::Bad) };
                print_marked(mark, paint, &format!("{name}: {}", result.summary()));
                if let ScenarioVerdict::Failed(failures) = verdict {
                    failed += 1;
                    failures.iter().for_each(|failure| print(&format!("    {failure}")));
                }
                if verbose || test.show || !passed {
                    result.transcript().lines().for_each(|line| print(&format!("    {line}")));
                }
            }
            Err(error) => {
                failed += 1;
                print_marked("✗ ", Paint::Bad, &format!("{name}: {error}"));
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
        for operation in &system.operations {
            let fault = &operation.fault;
            rows.push((&system.name, &fault.name, "operates", &fault.title, &operation.params));
        }
    }
    if arguments.format.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(system, name, kind, title, params)| {
                let params: Vec<_> = params.iter().map(|(name, param)| param_json(name, param)).collect();
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

/// A parameter as JSON.
fn param_json(name: &ParamName, param: &Param) -> serde_json::Value {
    let Param { value_type, default, optional, bounds, help } = param;
    let default = default.as_ref().filter(|_| !optional);
    json!({
        "name": name, "type": value_type, "default": default, "optional": optional, "min": bounds.min, "max": bounds.max,
        "one_of": bounds.one_of, "help": help,
    })
}

fn show(files: &Files, name: &str) -> Result<ExitStatus> {
    let text = files
        .find(name)
        .ok_or_else(|| miette!("there is no playbook `{name}`. `fieldmedic playbook list` lists them"))?;
    // The schema that its first line names stands beside the playbooks of the repository alone.
    let own = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("# yaml-language-server:") => rest,
        _ => text,
    };
    print(own.trim_end());
    Ok(ExitStatus::Done)
}

#[expect(clippy::disallowed_methods, reason = "writes the pages")]
fn docs(library: &Library, into: &Path) -> Result<ExitStatus> {
    fs::create_dir_all(into).into_diagnostic()?;
    for system in library.systems.values() {
        let path = into.join(format!("{}.md", system.name));
        fs::write(&path, library::page(system)).into_diagnostic()?;
        print(&path.display().to_string());
    }
    Ok(ExitStatus::Done)
}

fn explain(library: &Library, name: &str) -> Result<ExitStatus> {
    print(explained(library, name)?.trim_end());
    Ok(ExitStatus::Done)
}

fn migrate(arguments: &Migrate) -> Result<ExitStatus> {
    let report = migrate_dir(&arguments.dir, arguments.dry_run)?;
    print(&report.to_string());
    Ok(ExitStatus::Done)
}
