//! What was found on a server, for a person to confirm, change or drop; or for a file of answers to choose from.

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::answers::HostAnswers;
use crate::cli::prompt::{ask, ask_optional};
use crate::config::Config;
use crate::console::{Paint, eprint, eprint_marked};
use crate::core::expr::value_type::words;
use crate::core::ids::{HostName, ParamName, SystemName};
use crate::core::playbook::discovery::{Discovery, Proposal, system_name, value_of};
use crate::core::playbook::{Library, Param, SystemType};
use crate::core::text::suggest::closest_match;
use miette::{Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The systems to add. Their names are free, and their parameters are complete.
///
/// # Errors
/// If the playbooks cannot be loaded, an answer is missing, or one of the file cannot be used.
pub(super) fn choose(
    loaded: &LoadedConfig,
    host: &HostName,
    mut discovery: Discovery,
    answers: Option<&HostAnswers>,
) -> Result<Vec<Proposal>> {
    let library = app::library(&loaded.config)?;
    let known = name_freely(&loaded.config, host, &mut discovery.proposals);
    eprint("");
    if !known.is_empty() {
        eprint(&format!("Already in the configuration: {}", known.join(", ")));
    }
    if discovery.proposals.is_empty() {
        eprint(&format!("Nothing new was found on {host}."));
    } else {
        eprint(&format!("Found on {host}:"));
    }
    for proposal in &discovery.proposals {
        show(proposal);
    }
    show_unknown(&discovery.unknown);
    match answers {
        Some(answers) => by_answers(&library, discovery.proposals, &known, answers),
        None => by_person(&loaded.config, &library, discovery.proposals),
    }
}

/// Gives each proposal a name that nothing else has. What the configuration has already is taken out; gives its names.
fn name_freely(config: &Config, host: &HostName, proposals: &mut Vec<Proposal>) -> Vec<String> {
    let mut known = Vec::new();
    let mut taken: BTreeSet<String> = config.systems.keys().map(ToString::to_string).collect();
    proposals.retain_mut(|proposal| {
        let same = config.systems.iter().find(|(name, entry)| {
            entry.type_name(name) == proposal.system_type.as_str()
                && entry.hosts.values().any(|of| of == host)
                && proposal.params.iter().all(|(param, value)| {
                    // What differs was decided by a person; what only one of them says is no difference.
                    entry.params.get(param).is_none_or(|own| own == value)
                })
        });
        if let Some((name, _)) = same {
            known.push(name.to_string());
            return false;
        }
        let own = proposal.name.to_string();
        let of_host = format!("{own}-{host}");
        let mut names = [own.clone(), of_host.clone()]
            .into_iter()
            .chain((2..).map(|number| format!("{of_host}-{number}")));
        let free = names.find(|name| !taken.contains(name)).and_then(|name| system_name(&name));
        proposal.name = free.unwrap_or_else(|| proposal.name.clone());
        taken.insert(proposal.name.to_string())
    });
    known
}

fn show(proposal: &Proposal) {
    eprint_marked("  + ", Paint::Good, &format!("{}: {}", proposal.name, proposal.what));
    eprint_marked("    ", Paint::Dim, &details(proposal));
}

/// The type, and the parameters that were found or are missing.
fn details(proposal: &Proposal) -> String {
    let mut parts = vec![format!("type {}", proposal.system_type)];
    parts.extend(proposal.params.iter().map(|(param, value)| format!("{param} = {}", shown(value))));
    parts.extend(proposal.missing.iter().map(|param| format!("{param} is missing")));
    parts.join(", ")
}

/// What could not be read, each reason once with the types that it kept from looking.
fn show_unknown(unknown: &[(crate::core::ids::SystemTypeName, String)]) {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (system_type, why) in unknown {
        reasons.entry(why).or_default().push(system_type.as_str());
    }
    if !reasons.is_empty() {
        eprint("Unknown, so it may be there:");
    }
    for (why, mut types) in reasons {
        types.dedup();
        eprint_marked("  ? ", Paint::Warn, &format!("{}: {why}", types.join(", ")));
    }
}

/// What a file chooses. All that does not fit is told at once.
fn by_answers(
    library: &Library,
    proposals: Vec<Proposal>,
    known: &[String],
    answers: &HostAnswers,
) -> Result<Vec<Proposal>> {
    let found: Vec<&str> = proposals.iter().map(|proposal| proposal.name.as_str()).collect();
    let named = answers.systems.iter().flatten().map(|name| ("systems", name));
    let named = named.chain(answers.params.keys().map(|name| ("params", name)));
    let mut problems: Vec<String> = named
        // The same answers may be given again.
        .filter(|(_, name)| !found.contains(&name.as_str()) && !known.contains(name))
        .map(|(key, name)| match closest_match(name, found.iter().copied()) {
            Some(near) => format!("`host.{key}`: `{name}` was not found; did you mean `{near}`?"),
            None => format!("`host.{key}`: `{name}` was not found; found were: {}", found.join(", ")),
        })
        .collect();
    let mut chosen = Vec::new();
    for mut proposal in proposals {
        let is_named = answers.systems.as_ref().is_none_or(|names| names.contains(proposal.name.as_str()));
        let Some(system_type) = library.systems.get(&proposal.system_type).filter(|_| is_named) else {
            continue;
        };
        for (param, value) in answers.params.get(proposal.name.as_str()).into_iter().flatten() {
            let value = serde_json::to_value(value).unwrap_or_default();
            if let Err(why) = set(system_type, &mut proposal, param, &value) {
                problems.push(format!("`host.params.{}.{param}`: {why}", proposal.name));
            }
        }
        for param in &proposal.missing {
            let name = &proposal.name;
            problems.push(format!(
                "`host.params.{name}.{param}` is missing; or leave `{name}` out of `host.systems`"
            ));
        }
        chosen.push(proposal);
    }
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(|problem| format!("  - {problem}")).collect();
        bail!("the answers do not fit what was found:\n{}", lines.join("\n"));
    }
    Ok(chosen)
}

/// What a person says to each, and what they add that was not found.
fn by_person(config: &Config, library: &Library, proposals: Vec<Proposal>) -> Result<Vec<Proposal>> {
    let mut chosen: Vec<Proposal> = Vec::new();
    if !proposals.is_empty() {
        eprint("");
    }
    for mut proposal in proposals {
        let Some(system_type) = library.systems.get(&proposal.system_type) else { continue };
        let default = if proposal.missing.is_empty() { "y" } else { "e" };
        let question = format!(
            "Add {} ({})? y: yes, n: no, e: edit name and parameters",
            proposal.name, proposal.system_type
        );
        let answer = ask(&question, default, |answer| match answer.to_lowercase().as_str() {
            "y" | "yes" if !proposal.missing.is_empty() => {
                Err(format!("{}: answer e, or n", details(&proposal)))
            }
            "y" | "yes" => Ok('y'),
            "n" | "no" => Ok('n'),
            "e" | "edit" => Ok('e'),
            _ => Err(format!("`{answer}` is none of y, n and e")),
        })?;
        match answer {
            'n' => continue,
            'e' => edit(config, system_type, &mut proposal, &chosen)?,
            _ => {}
        }
        chosen.push(proposal);
    }
    loop {
        let types: Vec<&str> = library.systems.keys().map(|name| name.as_str()).collect();
        let question = "Another type of system that runs there (empty: none; ? lists them)";
        let read = |answer: &str| match answer {
            "" => Ok(None),
            "?" => Err(types.join(", ")),
            _ => library.systems.get(answer).map(Some).ok_or_else(|| {
                let near = closest_match(answer, types.iter().copied());
                let near = near.map_or_else(|| types.join(", "), |near| format!("did you mean `{near}`?"));
                format!("there is no type `{answer}`; {near}")
            }),
        };
        let Some(system_type) = ask_optional(question, read)?.flatten() else { return Ok(chosen) };
        let Some(name) = system_name(system_type.name.as_str()) else { continue };
        let missing = system_type.params.iter().filter(|(_, param)| param.default.is_none());
        let mut proposal = Proposal {
            system_type: system_type.name.clone(),
            name,
            what: String::new(),
            params: BTreeMap::new(),
            missing: missing.map(|(name, _)| name.clone()).collect(),
        };
        edit(config, system_type, &mut proposal, &chosen)?;
        chosen.push(proposal);
    }
}

/// Asks for the name, for each parameter that is known or needed, and for others.
fn edit(
    config: &Config,
    system_type: &SystemType,
    proposal: &mut Proposal,
    chosen: &[Proposal],
) -> Result<()> {
    proposal.name =
        ask("  its name in tickets and in the configuration", proposal.name.as_str(), |answer| {
            let name = SystemName::new(answer).map_err(|error| error.to_string())?;
            let is_taken =
                config.systems.contains_key(&name) || chosen.iter().any(|other| other.name == name);
            if is_taken { Err(format!("there is a system `{name}` already")) } else { Ok(name) }
        })?;
    let asked: Vec<ParamName> = proposal.params.keys().chain(&proposal.missing).cloned().collect();
    for name in asked {
        let Some(param) = system_type.params.get(&name) else { continue };
        let current = proposal.params.get(&name).map(shown).unwrap_or_default();
        let value = ask(&format!("  {name}, {}", param.help), &current, |answer| checked(param, answer))?;
        proposal.missing.remove(&name);
        proposal.params.insert(name, value);
    }
    let question = "  another parameter, as name=value (empty: none; ? lists them)";
    while let Some((name, value)) = ask(question, "", |answer| parameter(system_type, answer))? {
        proposal.params.insert(name, value);
    }
    Ok(())
}

/// `name=value`; `None` for nothing.
fn parameter(system_type: &SystemType, answer: &str) -> Result<Option<(ParamName, Value)>, String> {
    match answer {
        "" => return Ok(None),
        "?" => {
            let list = system_type.params.iter().map(|(name, param)| {
                let default = param.default.as_ref().map(shown).unwrap_or_default();
                format!("{name} [{default}]: {}", param.help)
            });
            return Err(list.collect::<Vec<_>>().join("\n  "));
        }
        _ => {}
    }
    let (name, value) = answer.split_once('=').ok_or("write name=value, such as project_path=/srv/app")?;
    let (name, param) = find(system_type, name.trim())?;
    Ok(Some((name.clone(), checked(param, value.trim())?)))
}

fn checked(param: &Param, answer: &str) -> Result<Value, String> {
    param.check(&value_of(param.value_type, answer)).map_err(|error| error.to_string())
}

fn find<'a>(system_type: &'a SystemType, name: &str) -> Result<(&'a ParamName, &'a Param), String> {
    system_type.params.get_key_value(name).ok_or_else(|| {
        let known: Vec<&str> = system_type.params.keys().map(ParamName::as_str).collect();
        match closest_match(name, known.iter().copied()) {
            Some(near) => format!("`{name}` is no parameter of {}; did you mean `{near}`?", system_type.name),
            None => {
                format!("`{name}` is no parameter of {}; known are: {}", system_type.name, known.join(", "))
            }
        }
    })
}

fn set(system_type: &SystemType, proposal: &mut Proposal, name: &str, value: &Value) -> Result<(), String> {
    let (name, param) = find(system_type, name)?;
    let value = param.check(value).map_err(|error| error.to_string())?;
    proposal.missing.remove(name);
    proposal.params.insert(name.clone(), value);
    Ok(())
}

fn shown(value: &Value) -> String {
    words(value).join(",")
}
