//! `system.yaml`: parameters and probes.

use crate::core::gate::sudoers::ANY;
use crate::core::ids::{FactName, ProbeName, Role, SystemTypeName};
use crate::core::playbook::parse::OutputParser;
use crate::core::playbook::{Fact, Probe, SystemType};
use crate::library::decode::{Map, YamlFile};
use crate::library::keep::BackupWrapper;
use crate::library::node::{Content, Node, Span};
use crate::library::{param, root};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The deadline of a probe that names none.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn decode(page: &YamlFile, mut map: Map<'_>) -> Option<SystemType> {
    let kind = map.require("system", "the name of this kind of system, as its folder has it");
    let kind = kind.and_then(|node| page.named(&node, SystemTypeName::new))?;
    let mut system = SystemType {
        name: kind,
        summary: map.take("summary").and_then(|node| page.text_of(&node)).unwrap_or_default(),
        aliases: map.items("aliases", |node| page.text_of(node)),
        problem_patterns: map.items("trouble", |node| page.regex(node)),
        params: BTreeMap::new(),
        probes: BTreeMap::new(),
        sudo: Vec::new(),
        faults: Vec::new(),
        requests: Vec::new(),
    };
    if let Some(params) = map.take("params").and_then(|node| page.map(node)) {
        system.params = param::decode(page, params);
    }
    if let Some(probes) =
        map.require("probes", "a system needs at least one probe").and_then(|node| page.map(node))
    {
        decode_probes(page, probes, &mut system);
    }
    system.sudo = map.items("sudo", |node| root::decode(page, node, &system));
    map.finish();
    Some(system)
}

fn named_key<N>(
    page: &YamlFile,
    key: &crate::library::node::MapKey,
    new: impl FnOnce(String) -> Result<N, crate::core::ids::NameError>,
) -> Option<N> {
    new(key.name.clone()).map_err(|bad| page.report(key.span, &bad.to_string(), "")).ok()
}

/// Probes may use each other's facts in any order in the file: their facts are known first, then their
/// commands are read.
pub(super) fn decode_probes(page: &YamlFile, map: Map<'_>, system: &mut SystemType) {
    let mut drafts = Vec::new();
    for (key, node) in map.into_entries() {
        let Some(name) = named_key(page, &key, ProbeName::new) else { continue };
        let Some(mut map) = page.map(node) else { continue };
        let facts = map.require("facts", "a probe is there for its facts").and_then(|node| page.map(node));
        let facts = facts.map_or_else(Vec::new, |facts| decode_facts(page, facts));
        if name.as_str() == ANY {
            page.report(key.span, "`any` has a meaning of its own", "name the probe otherwise");
        }
        if system.probes.contains_key(&name) {
            page.report(key.span, &format!("the system has a probe `{name}` already"), "rename one of them");
            continue;
        }
        if system.params.contains_key(name.as_str()) {
            page.report(
                key.span,
                &format!("there is a parameter `{name}` too"),
                "expressions could not tell them apart; rename one",
            );
        }
        let places: Vec<Span> = facts.iter().map(|(_, place)| *place).collect();
        let facts = facts.into_iter().map(|(fact, _)| fact).collect();
        let probe = Probe {
            name: name.clone(),
            host: Role::main(),
            command: crate::core::playbook::command::Template::nothing(),
            parser: OutputParser::Text,
            ok_exits: vec![0],
            retries: 0,
            needs: BTreeSet::new(),
            facts,
        };
        system.probes.insert(name.clone(), probe);
        drafts.push((name, map, places));
    }
    for (name, map, places) in drafts {
        // A probe with a mistake keeps its facts, so that what uses them is not reported too.
        if let Some(probe) = finish_probe(page, &name, map, &places, system) {
            system.probes.insert(name, probe);
        }
    }
    check_circles(page, system);
}

fn decode_facts(page: &YamlFile, map: Map<'_>) -> Vec<(Fact, Span)> {
    let mut facts = Vec::new();
    for (key, node) in map.into_entries() {
        let Some(name) = named_key(page, &key, FactName::new) else { continue };
        let place = node.span;
        let (is, kind) = match node.content {
            Content::Map(_) => {
                let Some(mut map) = page.map(node) else { continue };
                let is = map.require("is", "the expression that reads it").and_then(|node| page.expr(&node));
                let kind = map.take("type").and_then(|node| param::decode_type(page, &node));
                map.finish();
                (is, kind)
            }
            _ => (page.expr(&node), None),
        };
        if let Some(is) = is {
            facts.push((Fact { name, value: is, value_type: kind }, place));
        }
    }
    facts
}

fn finish_probe(
    page: &YamlFile,
    name: &ProbeName,
    mut map: Map<'_>,
    places: &[Span],
    system: &SystemType,
) -> Option<Probe> {
    let draft = system.probes.get(name)?;
    let place = map.place();
    let on = map.take("on").and_then(|node| page.named(&node, Role::new)).unwrap_or_else(Role::main);
    let command = map.command(name.as_str(), PROBE_TIMEOUT, system, BackupWrapper::None);
    let read = map.take("read").map_or(Some(OutputParser::Text), |node| decode_parser(page, node));
    let exits = map.items("exits", |node| page.number(node));
    let exits: Vec<i32> = exits.into_iter().filter_map(|n| i32::try_from(n).ok()).collect();
    let retries = map.take("retries").and_then(|node| page.number(&node)).unwrap_or(0);
    map.finish();
    let (command, read) = (command?, read?);
    let plain: Vec<&str> = read.names().iter().copied().chain(["exit", "stderr"]).collect();
    let mut used: BTreeSet<String> = command.names().into_iter().map(str::to_owned).collect();
    for (fact, place) in draft.facts.iter().zip(places) {
        let names = fact.value.names();
        page.check_names(*place, &names, &plain, system);
        used.extend(names.into_iter().filter(|n| !plain.contains(&n.split('.').next().unwrap_or(""))));
    }
    let needs: BTreeSet<ProbeName> = used
        .iter()
        .filter_map(|used| system.probes.get_key_value(used.split('.').next()?))
        .map(|(name, _)| name.clone())
        .collect();
    if needs.contains(name) {
        page.report(
            place,
            &format!("the probe `{name}` uses its own facts"),
            "a fact is read from the output",
        );
    }
    let exits = if exits.is_empty() { vec![0] } else { exits };
    Some(Probe {
        host: on,
        command,
        parser: read,
        ok_exits: exits,
        retries: retries.min(5),
        needs,
        ..draft.clone()
    })
}

fn decode_parser(page: &YamlFile, node: Node) -> Option<OutputParser> {
    if let Content::Map(_) = node.content {
        let mut map = page.map(node)?;
        let regex = map.require("regex", "`read: { regex: \"…\" }`").and_then(|node| {
            // Unlike the phrases in tickets, outputs are matched as they are, and by line.
            let text = page.text_of(&node)?;
            let built = regex::RegexBuilder::new(&text).multi_line(true).build();
            built.map_err(|error| page.report(node.span, &error.to_string(), "")).ok()
        });
        map.finish();
        return regex.map(OutputParser::Regex);
    }
    let word = page.text_of(&node)?;
    match word.as_str() {
        "text" => Some(OutputParser::Text),
        "lines" => Some(OutputParser::Lines),
        "number" => Some(OutputParser::Number),
        "json" => Some(OutputParser::Json),
        "jsonlines" => Some(OutputParser::JsonLines),
        "table" => Some(OutputParser::Table),
        "keyvalue" => Some(OutputParser::KeyValue),
        _ => {
            let known = ["text", "lines", "number", "json", "jsonlines", "table", "keyvalue"];
            page.report(
                node.span,
                &format!("`{word}` is no way to read an output"),
                &crate::library::decode::suggest(&word, known),
            );
            None
        }
    }
}

/// Probes that wait for each other would never run.
fn check_circles(page: &YamlFile, system: &SystemType) {
    for (name, probe) in &system.probes {
        let reached = system.with_needs(probe.needs.iter().filter(|need| *need != name).cloned());
        if reached.contains(name) {
            page.report_at_text(
                &format!("{name}:"),
                &format!("the probe `{name}` needs itself, through others"),
                "break the circle: one of them must do without the other's facts",
            );
        }
    }
}
