//! `fieldmedic diagnose`: a look at a system, without a ticket. Nothing is changed.

use crate::app::ProbeSetup;
use crate::cli::{ExitStatus, Format, LoadedConfig, print, print_json};
use crate::core::diagnosis::diagnose::{Diagnosis, diagnose};
use crate::core::diagnosis::evidence::{Evidence, ProbeStatus};
use crate::core::ids::SystemName;
use crate::engine::run_probes;
use clap::Args;
use miette::{Result, miette};
use serde_json::json;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The system, as the configuration names it.
    system: String,
    #[command(flatten)]
    format: Format,
}

pub async fn run(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let ProbeSetup { runner: eyes, library, inventory, .. } = ProbeSetup::build(setting)?;
    let systems = &inventory.systems;
    let site = systems.get(arguments.system.as_str()).ok_or_else(|| {
        let known: Vec<&str> = systems.keys().map(SystemName::as_str).collect();
        miette!("there is no system `{}`; there is: {}", arguments.system, known.join(", "))
    })?;
    let system = &library.systems[&site.system_type];
    let probes = system.probes.keys().cloned().collect();
    let evidence = run_probes(&eyes, system, site, &probes).await;
    let diagnosis = diagnose(system, site, &evidence);
    if arguments.format.json {
        print_json(&json!({ "system": site.name, "diagnosis": diagnosis, "evidence": evidence }))?;
    } else {
        show(site.name.as_str(), &diagnosis, &evidence);
    }
    Ok(match (diagnosis.findings.is_empty(), diagnosis.unknown.is_empty()) {
        (false, _) => ExitStatus::FaultsFound,
        (true, false) => ExitStatus::CannotTell,
        (true, true) => ExitStatus::Done,
    })
}

fn show(system: &str, diagnosis: &Diagnosis, evidence: &Evidence) {
    print(&format!(
        "{system}: {} checks in {} ms (connecting {} ms)\n",
        evidence.probes.len(),
        evidence.took_ms,
        evidence.connect_ms
    ));
    for (probe, sight) in &evidence.probes {
        let result = match &sight.status {
            ProbeStatus::Completed(observation) => {
                format!("{}, {} ms", observation.exit, observation.took_ms)
            }
            ProbeStatus::Unreachable(why) => format!("not reached: {why}"),
            ProbeStatus::Interrupted(why) => format!("lost: {why}"),
            ProbeStatus::Skipped(why) => format!("not run: {why}"),
        };
        print(&format!("  {probe}  {result}"));
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
        print(&format!("FOUND    {} ({}): {}", finding.title, finding.playbook, finding.summary));
    }
    for unknown in &diagnosis.unknown {
        print(&format!("UNKNOWN  {}: {}", unknown.playbook, unknown.why));
    }
    for playbook in &diagnosis.ruled_out {
        print(&format!("no       {playbook}"));
    }
}
