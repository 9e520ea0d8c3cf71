//! Decodes `system.yaml`: parameters and probes.

use crate::core::expr::value_type::ValueType;
use crate::core::gate::sudoers::ANY;
use crate::core::ids::{FactName, ParamName, ProbeName, Role, SystemTypeName};
use crate::core::playbook::command::Template;
use crate::core::playbook::parse::OutputParser;
use crate::core::playbook::{Fact, Param, Probe, SystemType};
use crate::core::text::pattern::{Matching, compile};
use crate::library::backup::BackupWrapper;
use crate::library::decode::{Map, YamlFile, suggest};
use crate::library::node::{Content, MapKey, Node, Span};
use crate::library::{extends, param, series, sudo_list};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The deadline of a probe without `timeout`.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time between two runs of a probe in sweeps: the turns of the journal are remembered for so long.
const LONGEST_SWEEP_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);

/// Decodes `system.yaml`. `loaded`: the system types that it may extend; `folders`: all that there are.
pub(super) fn decode(
    file: &YamlFile,
    mut map: Map<'_>,
    loaded: &BTreeMap<SystemTypeName, SystemType>,
    folders: &[&str],
) -> Option<SystemType> {
    // It was checked before: the format selects the decoder.
    map.take("format");
    let name = map.require("system_type", "the name of the system type, the same as the folder's");
    let name = name.and_then(|node| file.named(&node, SystemTypeName::new))?;
    let mut bases = Vec::new();
    for (base, span) in extends::decode_names(file, &mut map) {
        match loaded.get(&base) {
            Some(base) => bases.push((base, span)),
            None if folders.contains(&base.as_str()) => file.report(
                span,
                &format!(
                    "`{base}` cannot be extended: it has problems itself, or it extends `{name}` in turn"
                ),
                "correct that one first",
            ),
            None => file.report(
                span,
                &format!("there is no system type `{base}`"),
                &suggest(base.as_str(), loaded.keys().map(SystemTypeName::as_str)),
            ),
        }
    }
    let mut system = extends::inherit(file, name, bases);
    let inherited = system.probes.clone();
    extends::leave_out(file, &mut map, &mut system);
    system.summary = map.take("summary").and_then(|node| file.text_of(&node)).unwrap_or_default();
    system.aliases = map.items("aliases", |node| file.text_of(node));
    system.problem_patterns.extend(map.items("problem_patterns", |node| file.regex(node)));
    system.transient_patterns.extend(map.items("transient_patterns", |node| file.regex(node)));
    if let Some(params) = map.take("params").and_then(|node| file.map(node)) {
        param::decode(file, params, &mut system.params);
    }
    let probes = match inherited.is_empty() {
        true => map.require("probes", "a system type needs at least one probe"),
        false => map.take("probes"),
    };
    if let Some(probes) = probes.and_then(|node| file.map(node)) {
        decode_probes(file, probes, &mut system, &inherited);
    }
    extends::check_probes(file, &inherited, &system);
    let own = map.items("sudo", |node| sudo_list::decode(file, node, &system));
    system.sudo.extend(own);
    system.discover = map.take("discover").and_then(|node| decode_discover(file, node, &system));
    map.finish();
    Some(system)
}

/// Decodes `discover`. It runs before anything is known of a host, so it has no values, and it needs no root.
fn decode_discover(file: &YamlFile, node: Node, system: &SystemType) -> Option<Template> {
    let span = node.span;
    let mut map = file.map(node)?;
    let command =
        map.command(&format!("discover-{}", system.name), PROBE_TIMEOUT, system, BackupWrapper::None);
    map.finish();
    let command = command?;
    if !command.names().is_empty() {
        file.report(span, "`discover` cannot use values", "it runs before the parameters are known");
    }
    if command.is_root() || command.script().is_some_and(uses_root) {
        let hint = "print `unknown` and the reason where something cannot be read; `sudo -n -l` may ask what is allowed";
        file.report(span, "`discover` runs without sudo", hint);
    }
    Some(command)
}

/// Whether a script runs anything by `sudo`. To ask it what is allowed runs nothing.
fn uses_root(script: &str) -> bool {
    let code = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = code.flat_map(|line| line.split(|c: char| c.is_whitespace() || ";|&()`".contains(c)));
    let mut runs = false;
    while let Some(word) = words.next() {
        runs |= word == "sudo" && (words.next(), words.next()) != (Some("-n"), Some("-l"));
    }
    runs
}

fn named_key<N>(
    file: &YamlFile,
    key: &MapKey,
    new: impl FnOnce(String) -> Result<N, crate::core::ids::NameError>,
) -> Option<N> {
    new(key.name.clone()).map_err(|bad| file.report(key.span, &bad.to_string(), "")).ok()
}

/// Decodes the `extra_probes` of a request or an operation as if they were in `system.yaml`, beside its parameters.
/// Gives the system type as the playbook sees it, and its own probes.
pub(super) fn decode_extra_probes(
    file: &YamlFile,
    map: &mut Map<'_>,
    params: &BTreeMap<ParamName, Param>,
    system: &SystemType,
) -> (SystemType, BTreeMap<ProbeName, Probe>) {
    let mut extended = system.clone();
    extended.params.extend(params.clone());
    if let Some(probes) = map.take("extra_probes").and_then(|node| file.map(node)) {
        decode_probes(file, probes, &mut extended, &BTreeMap::new());
    }
    let own = extended.probes.iter().filter(|(name, _)| !system.probes.contains_key(*name));
    let own: BTreeMap<ProbeName, Probe> = own.map(|(name, probe)| (name.clone(), probe.clone())).collect();
    if own.values().any(|probe| probe.facts.iter().any(|fact| fact.series.is_some())) {
        let message = "`extra_probes` keep no series: no sweep runs them";
        file.report_at_text("keep_series", message, "move the probe to system.yaml");
    }
    (extended, own)
}

/// Decodes probes, which may use each other's facts in any order. So the facts are decoded before the
/// commands. They may replace those of `inherited`, and no others.
fn decode_probes(
    file: &YamlFile,
    map: Map<'_>,
    system: &mut SystemType,
    inherited: &BTreeMap<ProbeName, Probe>,
) {
    let mut drafts = Vec::new();
    for (key, node) in map.into_entries() {
        let Some(name) = named_key(file, &key, ProbeName::new) else { continue };
        let Some(mut map) = file.map(node) else { continue };
        let facts = map.require("facts", "the values that the probe reads").and_then(|node| file.map(node));
        let facts = facts.map_or_else(Vec::new, |facts| decode_facts(file, facts, &system.params));
        if name.as_str() == ANY {
            file.report(key.span, "`any` is reserved", "give the probe another name");
        }
        if system.probes.contains_key(&name) && !inherited.contains_key(&name) {
            file.report(
                key.span,
                &format!("the system type already has a probe `{name}`"),
                "rename one of them",
            );
            continue;
        }
        if system.params.contains_key(name.as_str()) {
            file.report(key.span, &format!("there is also a parameter `{name}`"), "rename one of them");
        }
        let spans: Vec<Span> = facts.iter().map(|(_, span)| *span).collect();
        let facts = facts.into_iter().map(|(fact, _)| fact).collect();
        let probe = Probe {
            name: name.clone(),
            host: Role::main(),
            command: crate::core::playbook::command::Template::nothing(),
            parser: OutputParser::Text,
            ok_exits: vec![0],
            retries: 0,
            sweep_every: None,
            error: None,
            row_defaults: BTreeMap::new(),
            row_if: None,
            needs: BTreeSet::new(),
            command_needs: BTreeSet::new(),
            facts,
        };
        system.probes.insert(name.clone(), probe);
        drafts.push((name, map, spans));
    }
    for (name, map, spans) in drafts {
        // A probe with a mistake keeps its facts, so that expressions with them are not reported too.
        if let Some(probe) = finish_probe(file, &name, map, &spans, system) {
            system.probes.insert(name, probe);
        }
    }
    check_cycles(file, system);
    series::check(file, system);
}

/// The type of a fact, and for `path below <param>` the parameter.
fn decode_fact_type(
    file: &YamlFile,
    node: &Node,
    params: &BTreeMap<ParamName, Param>,
) -> Option<(ValueType, Option<ParamName>)> {
    let text = file.text_of(node)?;
    let Some((kind, param)) = text.split_once(" below ") else {
        return Some((param::decode_type(file, node)?, None));
    };
    let value_type = match kind.trim() {
        "path" => ValueType::Path,
        "paths" => ValueType::Paths,
        _ => {
            file.report(
                node.span,
                &format!("`{kind}` cannot be below a directory"),
                "only path and paths can",
            );
            return None;
        }
    };
    // Without a directory, every path would lie below it.
    let is_directory = |param: &Param| param.value_type == ValueType::Path && !param.optional;
    let (name, known) = (param.trim(), params.iter().filter(|(_, param)| is_directory(param)));
    let found = known.clone().find(|(known, _)| known.as_str() == name);
    if found.is_none() {
        let hint = suggest(name, known.map(|(name, _)| name.as_str()));
        file.report(node.span, &format!("`{name}` is not a parameter of the type path"), &hint);
    }
    Some((value_type, Some(found?.0.clone())))
}

fn decode_facts(file: &YamlFile, map: Map<'_>, params: &BTreeMap<ParamName, Param>) -> Vec<(Fact, Span)> {
    let mut facts = Vec::new();
    for (key, node) in map.into_entries() {
        let Some(name) = named_key(file, &key, FactName::new) else { continue };
        let span = node.span;
        let (value, value_type, below, series) = match node.content {
            Content::Map(_) => {
                let Some(mut map) = file.map(node) else { continue };
                let value = map.require("value", "an expression over the output");
                let value = value.and_then(|node| file.expr(&node));
                let value_type = map.take("type").and_then(|node| decode_fact_type(file, &node, params));
                let series = map.take("keep_series");
                map.finish();
                let (value_type, below) = value_type.unzip();
                let series = series.and_then(|node| series::decode(file, node, value_type, params));
                (value, value_type, below.flatten(), series)
            }
            _ => (file.expr(&node), None, None, None),
        };
        if let Some(value) = value {
            facts.push((Fact { name, value, value_type, below, series }, span));
        }
    }
    facts
}

fn finish_probe(
    file: &YamlFile,
    name: &ProbeName,
    mut map: Map<'_>,
    spans: &[Span],
    system: &SystemType,
) -> Option<Probe> {
    let draft = system.probes.get(name)?;
    let span = map.span();
    let host = map.take("host").and_then(|node| file.named(&node, Role::new)).unwrap_or_else(Role::main);
    let command = map.command(name.as_str(), PROBE_TIMEOUT, system, BackupWrapper::None);
    let parser = map.take("parse").map_or(Some(OutputParser::Text), |node| decode_parser(file, node));
    let ok_exits = map.items("ok_exits", |node| file.number(node));
    let ok_exits: Vec<i32> = ok_exits.into_iter().filter_map(|n| i32::try_from(n).ok()).collect();
    let retries = map.take("retries").and_then(|node| file.number(&node)).unwrap_or(0);
    let sweep_every = map.take("sweep_every").and_then(|node| Some((file.duration(&node)?, node.span)));
    if let Some((_, span)) = sweep_every.filter(|(every, _)| *every > LONGEST_SWEEP_EVERY) {
        file.report(span, "`sweep_every` is longer than a week", "give a week at most");
    }
    let sweep_every = sweep_every.map(|(every, _)| every);
    let error = map.take("error").and_then(|node| Some((file.expr(&node)?, node.span)));
    let row_defaults =
        map.take("row_defaults").and_then(|node| file.map(node)).map_or_else(BTreeMap::new, |map| {
            map.into_entries().into_iter().map(|(key, node)| (key.name, node.value())).collect()
        });
    let row_if = map.take("row_if").and_then(|node| Some((file.expr(&node)?, node.span)));
    map.finish();
    let (command, parser) = (command?, parser?);
    if (!row_defaults.is_empty() || row_if.is_some()) && !parser.names().contains(&"rows") {
        file.report(
            span,
            "`row_defaults` and `row_if` need a parser with rows",
            "use `parse: jsonlines` or `parse: table`",
        );
    }
    let plain: Vec<&str> = parser.names().iter().copied().chain(["exit", "stderr"]).collect();
    let with_row: Vec<&str> = plain.iter().copied().chain(["row"]).collect();
    let command_needs = system.probes_named(command.names());
    let mut used = BTreeSet::new();
    let facts = draft.facts.iter().map(|fact| &fact.value).zip(spans.iter().copied());
    let facts = facts.chain(error.iter().map(|(expr, span)| (expr, *span)));
    let facts = facts.map(|(expr, span)| (expr, span, &plain));
    let selection = row_if.iter().map(|(expr, span)| (expr, *span, &with_row));
    for (value, span, plain) in facts.chain(selection) {
        let names = value.names();
        file.check_names(span, &names, plain, system);
        used.extend(names.into_iter().filter(|n| !plain.contains(&n.split('.').next().unwrap_or(""))));
    }
    let mut needs = system.probes_named(used.iter().map(String::as_str));
    needs.extend(command_needs.iter().cloned());
    if needs.contains(name) {
        file.report(
            span,
            &format!("the probe `{name}` uses its own facts"),
            "read its facts from the output, or from other probes",
        );
    }
    let ok_exits = if ok_exits.is_empty() { vec![0] } else { ok_exits };
    let (error, row_if) = (error.map(|(expr, _)| expr), row_if.map(|(expr, _)| expr));
    let retries = retries.min(5);
    Some(Probe {
        host,
        command,
        parser,
        ok_exits,
        retries,
        sweep_every,
        error,
        row_defaults,
        row_if,
        needs,
        command_needs,
        ..draft.clone()
    })
}

fn decode_parser(file: &YamlFile, node: Node) -> Option<OutputParser> {
    if let Content::Map(_) = node.content {
        let mut map = file.map(node)?;
        let regex = map.require("regex", "`parse: { regex: \"…\" }`").and_then(|node| {
            // Unlike patterns for tickets, this one is case-sensitive, and `^` and `$` match at each line.
            let text = file.text_of(&node)?;
            let built = compile(&text, Matching::Lines);
            built.map_err(|error| file.report(node.span, &error.to_string(), "")).ok()
        });
        map.finish();
        return regex.map(OutputParser::Regex);
    }
    let word = file.text_of(&node)?;
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
            file.report(
                node.span,
                &format!("`{word}` is not a valid value of `parse`"),
                &suggest(&word, known),
            );
            None
        }
    }
}

/// Reports probes that need each other: they could never run.
fn check_cycles(file: &YamlFile, system: &SystemType) {
    for (name, probe) in &system.probes {
        let reached = system.with_needs(probe.needs.iter().filter(|need| *need != name).cloned());
        if reached.contains(name) {
            file.report_at_text(
                &format!("{name}:"),
                &format!("the probe `{name}` needs itself through other probes"),
                "remove the other's facts from one of them",
            );
        }
    }
}
