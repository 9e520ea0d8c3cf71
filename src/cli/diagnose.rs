//! `fieldmedic diagnose`: probes a system without a ticket. Nothing is changed.

use crate::app::ProbeSetup;
use crate::app::settings::LoadedConfig;
use crate::cli::output::{ExitStatus, Format};
use crate::cli::spinner;
use crate::console::{Paint, print, print_json, print_marked};
use crate::core::diagnosis::diagnose::{Diagnosis, diagnose};
use crate::core::diagnosis::evidence::{Evidence, ProbeStatus};
use crate::core::ids::{FactName, SystemName};
use crate::engine::run_probes;
use clap::Args;
use miette::{Result, miette};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The command line of `fieldmedic diagnose`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// System, as the configuration names it.
    system: String,
    #[command(flatten)]
    format: Format,
}

/// Probes one system and prints the diagnosis. The status says whether a fault was found, a condition is
/// unknown, or neither. A host that cannot be reached is no error: what depends on it is unknown.
///
/// # Errors
/// If the playbooks or the inventory cannot be loaded, or the system is not configured.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    probe(settings, &arguments.system, arguments.format.json).await
}

/// The same for people.
///
/// # Errors
/// As [`run`].
pub(super) async fn probe_and_show(settings: &LoadedConfig, system: &str) -> Result<ExitStatus> {
    probe(settings, system, false).await
}

/// What the probes of a system said.
pub(super) struct Look {
    system: SystemName,
    diagnosis: Diagnosis,
    evidence: Evidence,
}

impl Look {
    /// The same as data.
    pub(super) fn json(&self) -> Value {
        let Self { system, diagnosis, evidence } = self;
        json!({ "system": system, "diagnosis": diagnosis, "evidence": evidence })
    }

    /// The diagnosis with the facts, and without the outputs that they were read from.
    pub(super) fn brief(&self) -> Value {
        let Self { system, diagnosis, evidence } = self;
        let known = |(fact, known): (&FactName, &Result<Value, String>)| {
            let value = match known {
                Ok(value) => value.clone(),
                Err(why) => json!({ "unknown": why }),
            };
            (fact.to_string(), value)
        };
        let facts = evidence.facts.iter().map(|(probe, facts)| {
            (probe.to_string(), facts.iter().map(known).collect::<Map<String, Value>>())
        });
        let probes = evidence.probes.iter().map(|(probe, result)| (probe.to_string(), ended(&result.status)));
        json!({
            "system": system, "diagnosis": diagnosis, "facts": facts.collect::<BTreeMap<_, _>>(),
            "probes": probes.collect::<BTreeMap<_, _>>(),
        })
    }
}

async fn probe(settings: &LoadedConfig, system: &str, is_json: bool) -> Result<ExitStatus> {
    let look = look(settings, system).await?;
    let diagnosis = &look.diagnosis;
    if is_json {
        print_json(&look.json())?;
    } else {
        show(look.system.as_str(), diagnosis, &look.evidence);
    }
    Ok(match (diagnosis.findings.is_empty(), diagnosis.unknown.is_empty()) {
        (false, _) => ExitStatus::FaultsFound,
        (true, false) => ExitStatus::Unknown,
        (true, true) => ExitStatus::Done,
    })
}

/// Runs all probes of a system.
///
/// # Errors
/// If the playbooks or the inventory cannot be loaded, or the system is not configured.
pub(super) async fn look(settings: &LoadedConfig, system: &str) -> Result<Look> {
    let ProbeSetup { runner, library, inventory, .. } = ProbeSetup::build(settings)?;
    let systems = &inventory.systems;
    let system = systems.get(system).ok_or_else(|| {
        let known: Vec<&str> = systems.keys().map(SystemName::as_str).collect();
        miette!("there is no system `{system}`; configured are: {}", known.join(", "))
    })?;
    let system_type = library
        .systems
        .get(&system.system_type)
        .ok_or_else(|| miette!("there are no playbooks for the system type `{}`", system.system_type))?;
    let probes = system_type.probes.keys().cloned().collect();
    let waiting = spinner::probing(system_type, &system.name);
    let evidence = run_probes(&runner, system_type, system, &probes).await;
    drop(waiting);
    let diagnosis = diagnose(system_type, system, &evidence);
    Ok(Look { system: system.name.clone(), diagnosis, evidence })
}

/// How a probe ended, in words.
fn ended(status: &ProbeStatus) -> String {
    match status {
        ProbeStatus::Completed(observation) => format!("{}, {} ms", observation.exit, observation.took_ms),
        ProbeStatus::Unreachable(why) => format!("unreachable: {why}"),
        ProbeStatus::Interrupted(why) => format!("interrupted: {why}"),
        ProbeStatus::Skipped(why) => format!("skipped: {why}"),
    }
}

fn show(system: &str, diagnosis: &Diagnosis, evidence: &Evidence) {
    print(&format!(
        "{system}: {} probes in {} ms (connecting {} ms)\n",
        evidence.probes.len(),
        evidence.took_ms,
        evidence.connect_ms
    ));
    let width = evidence.probes.keys().map(|probe| probe.as_str().len()).max().unwrap_or_default();
    for (probe, result) in &evidence.probes {
        let result = ended(&result.status);
        print(&format!("  {:<width$}  {result}", probe.as_str()));
        for (fact, known) in evidence.facts.get(probe).into_iter().flatten() {
            let text = match known {
                Ok(value) => {
                    let text = value.to_string();
                    let short = crate::core::diagnosis::evidence::cut_at(&text, 120);
                    format!("= {short}{}", if short.len() < text.len() { "…" } else { "" })
                }
                Err(why) => format!("is unknown: {why}"),
            };
            print(&format!("    {fact} {text}"));
        }
    }
    print("");
    for finding in &diagnosis.findings {
        let text = format!("{} ({}): {}", finding.title, finding.playbook, finding.summary);
        print_marked("FOUND    ", Paint::Bad, &text);
    }
    for unknown in &diagnosis.unknown {
        print_marked("UNKNOWN  ", Paint::Warn, &format!("{}: {}", unknown.playbook, unknown.why));
    }
    for playbook in &diagnosis.ruled_out {
        print_marked("no       ", Paint::Dim, playbook.as_str());
    }
}
