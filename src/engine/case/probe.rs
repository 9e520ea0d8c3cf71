//! Probing: the probes of a system, side by side. Each command runs as soon as the facts that are part of it are known;
//! its output is read as soon as those are that its own facts rest on.

use crate::core::diagnosis::evidence::{
    Evidence, Observation, ProbeResult, ProbeStatus, RawObservation, read_facts,
};
use crate::core::diagnosis::plan::CommandValues;
use crate::core::ids::{FactName, HostName, ProbeName};
use crate::core::playbook::command::Command;
use crate::core::playbook::inventory::System;
use crate::core::playbook::{Probe, SystemType};
use crate::core::text::redact::Redacted;
use crate::engine::context::ProbeRunner;
use crate::ports::ShellError;
use crate::telemetry::spans;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

/// Runs `probes` on the hosts of `system`. Whatever goes wrong becomes evidence; probing does not fail.
pub async fn run_probes(
    runner: &ProbeRunner,
    system_type: &SystemType,
    system: &System,
    probes: &BTreeSet<ProbeName>,
) -> Evidence {
    let start = Instant::now();
    let (connect_ms, unreached) = connect(runner, system_type, system, probes).await;
    let mut evidence = Evidence { connect_ms, ..Evidence::default() };
    let mut waiting: Vec<&Probe> = probes.iter().filter_map(|name| system_type.probes.get(name)).collect();
    let mut running: JoinSet<(ProbeName, ProbeAnswer)> = JoinSet::new();
    let mut unread: Vec<(&Probe, ProbeAnswer)> = Vec::new();
    while !waiting.is_empty() || !running.is_empty() {
        read_answers(runner, system_type, system, probes, &mut unread, &mut evidence);
        let (ready, rest): (Vec<&Probe>, Vec<&Probe>) =
            waiting.into_iter().partition(|probe| are_there(&probe.command_needs, probes, &evidence));
        waiting = rest;
        if ready.is_empty() && running.is_empty() {
            // What they wait for broke without a result.
            for probe in waiting.drain(..) {
                let result = unready(runner, system, probe, "a probe that it needs gave no result");
                record_unknown(&mut evidence, probe, result);
            }
        }
        for probe in ready {
            match prepare(runner, system_type, system, probe, &evidence) {
                // A host that did not answer is not asked once more for each probe.
                Ok((host, command)) if let Some(error) = unreached.get(&host) => {
                    let answer = ProbeAnswer { host, line: command.summary(), outcome: Err(error.clone()) };
                    unread.push((probe, answer));
                }
                Ok((host, command)) => {
                    let (runner, name, retries) = (runner.clone(), probe.name.clone(), probe.retries);
                    let span = spans::probe(&host, &name);
                    let run = async move { (name, run_probe(runner, host, command, retries).await) };
                    running.spawn(run.instrument(span));
                }
                Err(result) => record_unknown(&mut evidence, probe, result),
            }
        }
        match running.join_next().await {
            Some(Ok((name, answer))) => {
                unread.extend(system_type.probes.get(&name).map(|probe| (probe, answer)));
            }
            Some(Err(error)) => tracing::error!(%error, "a probe broke"),
            None => {}
        }
    }
    read_answers(runner, system_type, system, probes, &mut unread, &mut evidence);
    // What these rest on broke without a result, so their facts are unknown.
    for (probe, answer) in unread {
        record(runner, system_type, system, probe, answer, &mut evidence);
    }
    for probe in probes.iter().filter_map(|name| system_type.probes.get(name)) {
        // A probe that broke must not leave an older result standing.
        if !evidence.probes.contains_key(&probe.name) {
            record_unknown(&mut evidence, probe, unready(runner, system, probe, "the probe broke"));
        }
    }
    evidence.took_ms = millis(start);
    // Evidence counts from when it was complete: nothing may seem to have held for longer than it did.
    evidence.at = runner.clock.now();
    evidence
}

/// Whether the facts of these probes are there, as far as the probes are among those that run.
fn are_there(needs: &BTreeSet<ProbeName>, probes: &BTreeSet<ProbeName>, evidence: &Evidence) -> bool {
    needs.iter().all(|need| evidence.facts.contains_key(need) || !probes.contains(need))
}

/// Reads the facts of every answer that can be read by now.
fn read_answers(
    runner: &ProbeRunner,
    system_type: &SystemType,
    system: &System,
    probes: &BTreeSet<ProbeName>,
    unread: &mut Vec<(&Probe, ProbeAnswer)>,
    evidence: &mut Evidence,
) {
    while let Some(at) = unread.iter().position(|(probe, _)| are_there(&probe.needs, probes, evidence)) {
        let (probe, answer) = unread.swap_remove(at);
        record(runner, system_type, system, probe, answer, evidence);
    }
}

/// Opens every connection that the probes need, side by side. Gives the longest time in milliseconds, and the hosts that
/// cannot be reached.
async fn connect(
    runner: &ProbeRunner,
    system_type: &SystemType,
    system: &System,
    probes: &BTreeSet<ProbeName>,
) -> (u64, BTreeMap<HostName, ShellError>) {
    let roles = probes.iter().filter_map(|name| system_type.probes.get(name)).map(|probe| &probe.host);
    let hosts: BTreeSet<HostName> = roles.filter_map(|role| system.host(role)).cloned().collect();
    let mut opening = JoinSet::new();
    for host in hosts {
        let shell = runner.shell.clone();
        opening.spawn(async move { (shell.connect(&host).await, host) });
    }
    let mut longest = Duration::ZERO;
    let mut unreached = BTreeMap::new();
    for (opened, host) in opening.join_all().await {
        match opened {
            Ok(took) => longest = longest.max(took),
            Err(error) => drop(unreached.insert(host, error)),
        }
    }
    (u64::try_from(longest.as_millis()).unwrap_or(u64::MAX), unreached)
}

/// A command on its way, or what came of it.
struct ProbeAnswer {
    host: HostName,
    line: String,
    outcome: Result<RawObservation, ShellError>,
}

async fn run_probe(runner: ProbeRunner, host: HostName, command: Command, retries: u32) -> ProbeAnswer {
    let mut result = runner.shell.probe(&host, &command).await;
    for _ in 0..retries {
        // Only what was never started: a probe that broke half-way may be what breaks the host.
        if !matches!(result, Err(ShellError::NotStarted { .. })) {
            break;
        }
        result = runner.shell.probe(&host, &command).await;
    }
    ProbeAnswer { host, line: command.summary(), outcome: result }
}

fn prepare(
    runner: &ProbeRunner,
    system_type: &SystemType,
    system: &System,
    probe: &Probe,
    evidence: &Evidence,
) -> Result<(HostName, Command), ProbeResult> {
    let Some(host) = system.host(&probe.host) else {
        return Err(unready(
            runner,
            system,
            probe,
            &format!("no host of this system has the role `{}`", probe.host),
        ));
    };
    let rendered = probe.command.render(&CommandValues::new(system_type, system, evidence));
    rendered
        .map(|command| (host.clone(), command))
        .map_err(|why| unready(runner, system, probe, &why.to_string()))
}

fn unready(runner: &ProbeRunner, system: &System, probe: &Probe, why: &str) -> ProbeResult {
    let status = ProbeStatus::Skipped(runner.redactor.text(why));
    ProbeResult { host: system.host(&probe.host).cloned(), command: Redacted::default(), status }
}

fn record_unknown(evidence: &mut Evidence, probe: &Probe, result: ProbeResult) {
    let why = match &result.status {
        ProbeStatus::Skipped(why) | ProbeStatus::Unreachable(why) | ProbeStatus::Interrupted(why) => {
            why.as_str().to_owned()
        }
        ProbeStatus::Completed(_) => String::new(),
    };
    let facts: BTreeMap<FactName, Result<serde_json::Value, String>> =
        probe.facts.iter().map(|fact| (fact.name.clone(), Err(why.clone()))).collect();
    evidence.facts.insert(probe.name.clone(), facts);
    evidence.probes.insert(probe.name.clone(), result);
}

fn record(
    runner: &ProbeRunner,
    system_type: &SystemType,
    system: &System,
    probe: &Probe,
    answer: ProbeAnswer,
    evidence: &mut Evidence,
) {
    let command = runner.redactor.text(&answer.line);
    let result_of =
        |status| ProbeResult { host: Some(answer.host.clone()), command: command.clone(), status };
    match &answer.outcome {
        Ok(raw) => {
            let scope = evidence.scope(&system_type.params(&system.params));
            let facts = read_facts(probe, raw, &runner.redactor, scope);
            evidence.facts.insert(probe.name.clone(), facts);
            let observation = Observation::new(raw, &runner.redactor);
            evidence.probes.insert(probe.name.clone(), result_of(ProbeStatus::Completed(observation)));
        }
        Err(ShellError::NotStarted { why }) => {
            let status = ProbeStatus::Unreachable(runner.redactor.text(why));
            record_unknown(evidence, probe, result_of(status));
        }
        Err(ShellError::InDoubt { why, .. }) => {
            let status = ProbeStatus::Interrupted(runner.redactor.text(why));
            record_unknown(evidence, probe, result_of(status));
        }
    }
}

/// Since then, in milliseconds.
pub(crate) fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
