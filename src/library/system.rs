//! `system.yaml`: parameters and probes.

use super::decode::{Map, Page};
use super::keep::Around;
use super::node::{Content, Node, Place};
use super::{param, root};
use crate::core::gate::sudoers::ANY;
use crate::core::name::{FactName, KindName, ProbeName, Role};
use crate::core::playbook::{Fact, Probe, System};
use crate::core::reading::Read;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The deadline of a probe that names none.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn decode(page: &Page, mut map: Map<'_>) -> Option<System> {
    let kind = map.need("system", "the name of this kind of system, as its folder has it");
    let kind = kind.and_then(|node| page.named(&node, KindName::new))?;
    let mut system = System {
        kind,
        summary: map.take("summary").and_then(|node| page.text_of(&node)).unwrap_or_default(),
        aliases: map.items("aliases", |node| page.text_of(node)),
        trouble: map.items("trouble", |node| page.regex(node)),
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
        map.need("probes", "a system needs at least one probe").and_then(|node| page.map(node))
    {
        decode_probes(page, probes, &mut system);
    }
    system.sudo = map.items("sudo", |node| root::decode(page, node, &system));
    map.finish();
    Some(system)
}

fn named_key<N>(
    page: &Page,
    key: &super::node::Key,
    new: impl FnOnce(String) -> Result<N, crate::core::name::BadName>,
) -> Option<N> {
    new(key.name.clone()).map_err(|bad| page.report(key.place, &bad.to_string(), "")).ok()
}

/// Probes may use each other's facts in any order in the file: their facts are known first, then their
/// commands are read.
pub(super) fn decode_probes(page: &Page, map: Map<'_>, system: &mut System) {
    let mut drafts = Vec::new();
    for (key, node) in map.into_entries() {
        let Some(name) = named_key(page, &key, ProbeName::new) else { continue };
        let Some(mut map) = page.map(node) else { continue };
        let facts = map.need("facts", "a probe is there for its facts").and_then(|node| page.map(node));
        let facts = facts.map_or_else(Vec::new, |facts| decode_facts(page, facts));
        if name.as_str() == ANY {
            page.report(key.place, "`any` has a meaning of its own", "name the probe otherwise");
        }
        if system.probes.contains_key(&name) {
            page.report(key.place, &format!("the system has a probe `{name}` already"), "rename one of them");
            continue;
        }
        if system.params.contains_key(name.as_str()) {
            page.report(
                key.place,
                &format!("there is a parameter `{name}` too"),
                "expressions could not tell them apart; rename one",
            );
        }
        let places: Vec<Place> = facts.iter().map(|(_, place)| *place).collect();
        let facts = facts.into_iter().map(|(fact, _)| fact).collect();
        let probe = Probe {
            name: name.clone(),
            on: Role::main(),
            command: crate::core::command::Template::nothing(),
            read: Read::Text,
            exits: vec![0],
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

fn decode_facts(page: &Page, map: Map<'_>) -> Vec<(Fact, Place)> {
    let mut facts = Vec::new();
    for (key, node) in map.into_entries() {
        let Some(name) = named_key(page, &key, FactName::new) else { continue };
        let place = node.place;
        let (is, kind) = match node.content {
            Content::Map(_) => {
                let Some(mut map) = page.map(node) else { continue };
                let is = map.need("is", "the expression that reads it").and_then(|node| page.expr(&node));
                let kind = map.take("type").and_then(|node| param::decode_kind(page, &node));
                map.finish();
                (is, kind)
            }
            _ => (page.expr(&node), None),
        };
        if let Some(is) = is {
            facts.push((Fact { name, is, kind }, place));
        }
    }
    facts
}

fn finish_probe(
    page: &Page,
    name: &ProbeName,
    mut map: Map<'_>,
    places: &[Place],
    system: &System,
) -> Option<Probe> {
    let draft = system.probes.get(name)?;
    let place = map.place();
    let on = map.take("on").and_then(|node| page.named(&node, Role::new)).unwrap_or_else(Role::main);
    let command = map.command(name.as_str(), PROBE_TIMEOUT, system, Around::Nothing);
    let read = map.take("read").map_or(Some(Read::Text), |node| decode_read(page, node));
    let exits = map.items("exits", |node| page.number(node));
    let exits: Vec<i32> = exits.into_iter().filter_map(|n| i32::try_from(n).ok()).collect();
    let retries = map.take("retries").and_then(|node| page.number(&node)).unwrap_or(0);
    map.finish();
    let (command, read) = (command?, read?);
    let plain: Vec<&str> = read.names().iter().copied().chain(["exit", "stderr"]).collect();
    let mut used: BTreeSet<String> = command.names().into_iter().map(str::to_owned).collect();
    for (fact, place) in draft.facts.iter().zip(places) {
        let names = fact.is.names();
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
    Some(Probe { on, command, read, exits, retries: retries.min(5), needs, ..draft.clone() })
}

fn decode_read(page: &Page, node: Node) -> Option<Read> {
    if let Content::Map(_) = node.content {
        let mut map = page.map(node)?;
        let regex = map.need("regex", "`read: { regex: \"…\" }`").and_then(|node| {
            // Unlike the phrases in tickets, outputs are matched as they are, and by line.
            let text = page.text_of(&node)?;
            let built = regex::RegexBuilder::new(&text).multi_line(true).build();
            built.map_err(|error| page.report(node.place, &error.to_string(), "")).ok()
        });
        map.finish();
        return regex.map(Read::Regex);
    }
    let word = page.text_of(&node)?;
    match word.as_str() {
        "text" => Some(Read::Text),
        "lines" => Some(Read::Lines),
        "number" => Some(Read::Number),
        "json" => Some(Read::Json),
        "jsonlines" => Some(Read::JsonLines),
        "table" => Some(Read::Table),
        "keyvalue" => Some(Read::KeyValue),
        _ => {
            let known = ["text", "lines", "number", "json", "jsonlines", "table", "keyvalue"];
            page.report(
                node.place,
                &format!("`{word}` is no way to read an output"),
                &super::decode::suggest(&word, known),
            );
            None
        }
    }
}

/// Probes that wait for each other would never run.
fn check_circles(page: &Page, system: &System) {
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
