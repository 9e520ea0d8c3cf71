//! A look: the probes of a system, side by side, each as soon as what it needs is known.

use crate::core::diagnosis::evidence::{
    Evidence, Observation, ProbeResult, ProbeStatus, RawObservation, read_facts,
};
use crate::core::diagnosis::plan::CommandValues;
use crate::core::ids::{FactName, HostName, ProbeName};
use crate::core::playbook::command::Command;
use crate::core::playbook::inventory::System;
use crate::core::playbook::{Probe, SystemType};
use crate::core::text::redact::{Redacted, Redactor};
use crate::ports::{Clock, Shell, ShellError};
use crate::telemetry::spans;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

/// What a look needs.
#[derive(Clone)]
pub struct ProbeRunner {
    pub shell: Arc<dyn Shell>,
    pub clock: Arc<dyn Clock>,
    pub redactor: Arc<Redactor>,
}

/// Runs `probes` on the hosts of `site`. Whatever goes wrong becomes evidence; a look does not fail.
pub async fn run_probes(
    eyes: &ProbeRunner,
    system: &SystemType,
    site: &System,
    probes: &BTreeSet<ProbeName>,
) -> Evidence {
    let start = Instant::now();
    let connect_ms = connect(eyes, system, site, probes).await;
    let mut evidence = Evidence { connect_ms, ..Evidence::default() };
    let mut waiting: Vec<&Probe> = probes.iter().filter_map(|name| system.probes.get(name)).collect();
    let mut running: JoinSet<(ProbeName, ProbeAnswer)> = JoinSet::new();
    while !waiting.is_empty() || !running.is_empty() {
        let (ready, rest): (Vec<&Probe>, Vec<&Probe>) =
            waiting.into_iter().partition(|probe| can_run(probe, probes, &evidence));
        waiting = rest;
        if ready.is_empty() && running.is_empty() {
            // What they wait for broke without an answer.
            for probe in waiting.drain(..) {
                let sight = unready(eyes, site, probe, "a probe that it needs gave nothing");
                record_unknown(&mut evidence, probe, sight);
            }
        }
        for probe in ready {
            match prepare(eyes, system, site, probe, &evidence) {
                Ok((host, command)) => {
                    let (eyes, name, retries) = (eyes.clone(), probe.name.clone(), probe.retries);
                    let span = spans::probe(&host, &name);
                    running.spawn(
                        async move { (name, run_probe(eyes, host, command, retries).await) }.instrument(span),
                    );
                }
                Err(sight) => record_unknown(&mut evidence, probe, sight),
            }
        }
        match running.join_next().await {
            Some(Ok((name, answer))) => {
                if let Some(probe) = system.probes.get(&name) {
                    record(eyes, system, site, probe, answer, &mut evidence);
                }
            }
            Some(Err(error)) => tracing::error!(%error, "a probe broke"),
            None => {}
        }
    }
    for probe in probes.iter().filter_map(|name| system.probes.get(name)) {
        // A probe that broke must not leave an older sight standing.
        if !evidence.probes.contains_key(&probe.name) {
            record_unknown(&mut evidence, probe, unready(eyes, site, probe, "the probe broke"));
        }
    }
    evidence.took_ms = millis(start);
    // Evidence counts from when it was complete: nothing may seem to have held for longer than it did.
    evidence.at = eyes.clock.now();
    evidence
}

fn can_run(probe: &Probe, probes: &BTreeSet<ProbeName>, evidence: &Evidence) -> bool {
    probe.needs.iter().all(|need| evidence.facts.contains_key(need) || !probes.contains(need))
}

/// Opens every connection that the look needs, side by side. Gives the longest time in milliseconds.
/// A host that cannot be reached is told by its probes.
async fn connect(
    eyes: &ProbeRunner,
    system: &SystemType,
    site: &System,
    probes: &BTreeSet<ProbeName>,
) -> u64 {
    let roles = probes.iter().filter_map(|name| system.probes.get(name)).map(|probe| &probe.host);
    let hosts: BTreeSet<HostName> = roles.filter_map(|role| site.host(role)).cloned().collect();
    let mut opening = JoinSet::new();
    for host in hosts {
        let shell = eyes.shell.clone();
        opening.spawn(async move { shell.connect(&host).await });
    }
    let times = opening.join_all().await;
    let longest = times.into_iter().flatten().max().unwrap_or_default();
    u64::try_from(longest.as_millis()).unwrap_or(u64::MAX)
}

/// A command on its way, or what came of it.
struct ProbeAnswer {
    host: HostName,
    line: String,
    result: Result<RawObservation, ShellError>,
}

async fn run_probe(eyes: ProbeRunner, host: HostName, command: Command, retries: u32) -> ProbeAnswer {
    let mut result = eyes.shell.probe(&host, &command).await;
    for _ in 0..retries {
        // Only what was never started: a probe that broke half-way may be what breaks the host.
        if !matches!(result, Err(ShellError::NotStarted { .. })) {
            break;
        }
        result = eyes.shell.probe(&host, &command).await;
    }
    ProbeAnswer { host, line: command.summary(), result }
}

fn prepare(
    eyes: &ProbeRunner,
    system: &SystemType,
    site: &System,
    probe: &Probe,
    evidence: &Evidence,
) -> Result<(HostName, Command), ProbeResult> {
    let Some(host) = site.host(&probe.host) else {
        return Err(unready(
            eyes,
            site,
            probe,
            &format!("no host of this system has the role `{}`", probe.host),
        ));
    };
    let rendered = probe.command.render(&CommandValues::new(system, site, evidence));
    rendered
        .map(|command| (host.clone(), command))
        .map_err(|why| unready(eyes, site, probe, &why.to_string()))
}

fn unready(eyes: &ProbeRunner, site: &System, probe: &Probe, why: &str) -> ProbeResult {
    let seen = ProbeStatus::Skipped(eyes.redactor.text(why));
    ProbeResult { host: site.host(&probe.host).cloned(), command: Redacted::default(), status: seen }
}

fn record_unknown(evidence: &mut Evidence, probe: &Probe, sight: ProbeResult) {
    let why = match &sight.status {
        ProbeStatus::Skipped(why) | ProbeStatus::Unreachable(why) | ProbeStatus::Interrupted(why) => {
            why.as_str().to_owned()
        }
        ProbeStatus::Completed(_) => String::new(),
    };
    let facts: BTreeMap<FactName, Result<serde_json::Value, String>> =
        probe.facts.iter().map(|fact| (fact.name.clone(), Err(why.clone()))).collect();
    evidence.facts.insert(probe.name.clone(), facts);
    evidence.probes.insert(probe.name.clone(), sight);
}

fn record(
    eyes: &ProbeRunner,
    system: &SystemType,
    site: &System,
    probe: &Probe,
    answer: ProbeAnswer,
    evidence: &mut Evidence,
) {
    let command = eyes.redactor.text(&answer.line);
    let sight =
        |seen| ProbeResult { host: Some(answer.host.clone()), command: command.clone(), status: seen };
    match &answer.result {
        Ok(raw) => {
            let scope = evidence.scope(&system.params(&site.params));
            let facts = read_facts(system, probe, raw, &eyes.redactor, scope);
            evidence.facts.insert(probe.name.clone(), facts);
            let observation = Observation::new(raw, &eyes.redactor);
            evidence.probes.insert(probe.name.clone(), sight(ProbeStatus::Completed(observation)));
        }
        Err(ShellError::NotStarted { why }) => {
            let seen = ProbeStatus::Unreachable(eyes.redactor.text(why));
            record_unknown(evidence, probe, sight(seen));
        }
        Err(ShellError::InDoubt { why, .. }) => {
            let seen = ProbeStatus::Interrupted(eyes.redactor.text(why));
            record_unknown(evidence, probe, sight(seen));
        }
    }
}

/// Since then, in milliseconds.
pub(crate) fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
