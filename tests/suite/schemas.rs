//! The schemas that editors read agree with what reads the files. `fieldmedic schema` prints them, and `schemas/`
//! holds them.

use fieldmedic::config::Config;
use fieldmedic::library::{Files, load};
use fieldmedic::{config, library, scenario};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema(name: &str) -> Value {
    match name {
        "config" => config::schema(),
        "system" => library::schema::system(),
        "playbook" => library::schema::playbook(),
        "symptom" => library::schema::symptom(),
        "scenario" => scenario::schema::expect(),
        "host" => scenario::schema::host(),
        _ => panic!("no schema {name}"),
    }
}

const NAMES: [&str; 6] = ["config", "system", "playbook", "symptom", "scenario", "host"];

fn validator(name: &str) -> Validator {
    jsonschema::validator_for(&schema(name)).expect("a schema")
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

/// The name of the schema for a file of playbooks or scenarios.
fn schema_of(path: &Path) -> &'static str {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    match path.file_name().and_then(|name| name.to_str()) {
        Some("system.yaml") => "system",
        Some("expect.yaml") => "scenario",
        _ if folder == "symptoms" => "symptom",
        _ if path.components().any(|part| part.as_os_str() == "fixtures") => "host",
        _ => "playbook",
    }
}

/// The files with this ending below some folders, in order.
fn files(folders: &[&str], ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_schemas_of_the_repository_are_those_of_the_program() {
    for name in NAMES {
        let path = root().join(format!("schemas/{name}.json"));
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let today = serde_json::to_string_pretty(&schema(name)).expect("JSON") + "\n";
        assert!(committed == today, "schemas/{name}.json is old: run `scripts/schemas`");
    }
}

#[test]
fn the_files_of_the_repository_fit_their_schemas() {
    let validators: BTreeMap<&str, Validator> = NAMES.map(|name| (name, validator(name))).into();
    let mut all = files(&["playbooks", "fixtures", "tests/data/every-key"], "yaml");
    all.retain(|path| !path.starts_with(root().join("fixtures/hostile")));
    assert!(all.len() > 500, "{} files", all.len());
    for path in all {
        let value = yaml(&fs::read_to_string(&path).expect("a text"));
        let errors: Vec<String> = validators[schema_of(&path)]
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [] as [String; 0], "{}", path.display());
    }
    let example = example();
    let errors: Vec<String> =
        validators["config"].iter_errors(&example).map(|error| error.to_string()).collect();
    assert_eq!(errors, [] as [String; 0]);
}

/// Editors find the schema by the first line of a file.
#[test]
fn files_name_their_schemas() {
    for path in files(&["playbooks"], "yaml") {
        let text = fs::read_to_string(&path).expect("a text");
        let first = text.lines().next().unwrap_or_default();
        let up = path.strip_prefix(root()).expect("below the root").components().count() - 1;
        let expect =
            format!("# yaml-language-server: $schema={}schemas/{}.json", "../".repeat(up), schema_of(&path));
        assert_eq!(first, expect, "the first line of {}: run `scripts/schemas`", path.display());
    }
    let example = fs::read_to_string(root().join("fieldmedic.example.toml")).expect("a text");
    assert_eq!(example.lines().next(), Some("#:schema ./schemas/config.json"));
}

fn example() -> Value {
    let text = fs::read_to_string(root().join("fieldmedic.example.toml")).expect("a text");
    serde_json::to_value(toml::from_str::<toml::Table>(&text).expect("TOML")).expect("JSON")
}

/// What is changed in a file, as a path of keys and indices.
type Place = Vec<String>;

/// The places of all values, that of the whole first.
fn places(value: &Value) -> Vec<Place> {
    let mut found = vec![Place::new()];
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        found.extend(places(child).into_iter().map(|place| [vec![key.clone()], place].concat()));
    }
    found
}

fn pointer(place: &[String]) -> String {
    place.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

/// The same with something else at a place.
fn with(value: &Value, place: &[String], new: &Value) -> Value {
    let mut changed = value.clone();
    *changed.pointer_mut(&pointer(place)).expect("it is there") = new.clone();
    changed
}

const UNKNOWN: &str = "zzzzzzzzzzzz";

/// The changes that a schema should see: unknown keys, values of other types, and missing keys.
fn mutants(value: &Value) -> Vec<(String, Value)> {
    let mut mutants = Vec::new();
    for place in places(value) {
        let old = value.pointer(&pointer(&place)).expect("it is there");
        let at = pointer(&place);
        if let Value::Object(map) = old {
            let mut more = map.clone();
            more.insert(UNKNOWN.into(), json!({}));
            mutants.push((format!("unknown {at}"), with(value, &place, &Value::Object(more))));
            for key in map.keys() {
                let less: Map<String, Value> = map
                    .iter()
                    .filter(|(other, _)| *other != key)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                mutants.push((format!("missing {at}/{key}"), with(value, &place, &Value::Object(less))));
            }
        }
        let other = match old {
            Value::Array(_) => json!(12),
            Value::String(_) => json!({ UNKNOWN: {} }),
            _ => json!(UNKNOWN),
        };
        if !place.is_empty() {
            mutants.push((format!("type {at} = {other}"), with(value, &place, &other)));
        }
    }
    mutants
}

/// What the reader says of a library.
fn problems(files: &BTreeMap<String, String>) -> Vec<String> {
    let problems = load(&Files::from_map(files.clone())).err();
    let all = problems.iter().flat_map(|problems| problems.list());
    all.map(|problem| format!("{}: {} ({})", problem.path, problem.message, problem.hint)).collect()
}

fn every_key() -> BTreeMap<String, String> {
    Files::from_dir(&root().join("tests/data/every-key")).expect("playbooks").as_map().clone()
}

/// Whether this is a problem that a schema must show, because it is one of the form.
fn is_of_the_form(problem: &str) -> bool {
    // The type of a parameter is optional for one that is inherited, which no schema of one file can tell.
    let is_optional = problem.contains("`type` is missing");
    let says = |words: &str| problem.contains(words);
    (says(": unknown key `") || says(": expected ") || says(" is missing") || says("is not a valid value"))
        && !is_optional
}

#[test]
fn the_decoder_of_playbooks_and_its_schemas_agree() {
    let library = every_key();
    assert_eq!(problems(&library), [] as [String; 0]);
    let (mut tried, mut wrong) = (0, Vec::new());
    for (path, text) in &library {
        let validator = validator(schema_of(Path::new(path)));
        for (change, mutant) in mutants(&yaml(text)) {
            let mut files = library.clone();
            files.insert(path.clone(), mutant.to_string());
            let found = problems(&files);
            let is_valid = validator.is_valid(&mutant);
            if !is_valid && found.is_empty() {
                let errors: Vec<String> =
                    validator.iter_errors(&mutant).map(|error| error.to_string()).collect();
                wrong.push(format!("{path}: {change}: only the schema refuses it: {errors:?}"));
            }
            let of_the_form: Vec<&String> = found
                .iter()
                .filter(|problem| problem.starts_with(path.as_str()) && is_of_the_form(problem))
                .collect();
            if is_valid && !of_the_form.is_empty() {
                wrong.push(format!("{path}: {change}: only the decoder refuses it: {of_the_form:?}"));
            }
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 400, "{tried} changes were tried");
}

/// The keys of each map of a schema that has no others.
fn maps_of_schema(schema: &Value, found: &mut BTreeSet<BTreeSet<String>>) {
    if let (Some(Value::Object(keys)), Some(Value::Bool(false))) =
        (schema.get("properties"), schema.get("additionalProperties"))
    {
        found.insert(keys.keys().cloned().collect());
    }
    match schema {
        Value::Object(map) => map.values().for_each(|value| maps_of_schema(value, found)),
        Value::Array(items) => items.iter().for_each(|value| maps_of_schema(value, found)),
        _ => {}
    }
}

/// A key that the decoder learns is one that its form must name, and the other way round.
#[test]
fn the_schemas_name_each_key_of_the_decoder() {
    let mut of_schemas = BTreeSet::new();
    for name in ["system", "playbook", "symptom"] {
        maps_of_schema(&schema(name), &mut of_schemas);
    }
    let library = every_key();
    let mut of_decoder = BTreeSet::new();
    for (path, text) in &library {
        for (_, mutant) in
            mutants(&yaml(text)).into_iter().filter(|(change, _)| change.starts_with("unknown "))
        {
            let mut files = library.clone();
            files.insert(path.clone(), mutant.to_string());
            for problem in problems(&files) {
                let known = problem
                    .contains(&format!("unknown key `{UNKNOWN}`"))
                    .then(|| problem.split_once("(known are: "))
                    .flatten();
                let Some((_, known)) = known else { continue };
                let mut keys: BTreeSet<String> =
                    known.trim_end_matches(')').split(", ").map(str::to_owned).collect();
                // An operation is decoded as a fault is, after what only faults have was refused.
                if keys.contains("extra_probes") && keys.contains("symptoms") {
                    for key in
                        ["symptoms", "causes", "caused_by", "independent_of", "reported_only", "refines"]
                    {
                        assert!(keys.remove(key), "{key}");
                    }
                }
                of_decoder.insert(keys);
            }
        }
    }
    assert_eq!(of_decoder, of_schemas);
}

#[test]
fn the_configuration_and_its_schema_agree() {
    let validator = validator("config");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("fieldmedic.toml");
    for (change, mutant) in mutants(&example()) {
        let Ok(text) = toml::to_string(&mutant) else { continue };
        fs::write(&path, text).expect("written");
        let (read, is_valid) = (Config::read(&path), validator.is_valid(&mutant));
        assert!(is_valid || read.is_err(), "{change}: the schema refuses it, and the program does not");
        // Only what the program says of more than one key is not in the schema.
        let is_form = |error: &str| {
            ["unknown", "missing field", "invalid type"].iter().any(|word| error.contains(word))
        };
        let refused = read.err().map(|error| error.to_string()).filter(|error| is_form(error));
        assert!(!is_valid || refused.is_none(), "{change}: the schema does not refuse it: {refused:?}");
    }
}

#[test]
fn files_of_scenarios_with_mistakes_do_not_fit() {
    for (name, good, bad) in [
        ("scenario", "outcome: resolved", "outcome: resolved\nremedied: [x]"),
        ("scenario", "outcome: resolved\nreporter: works", "outcome: resolved\nreporter: maybe"),
        ("scenario", "outcome: resolved\nstate: [a == 1]", "outcome: resolved\nstate: a == 1"),
        ("host", "base: ../healthy.yaml\nstate: { a: 1 }", "base: 5"),
        ("host", "commands: [{ run: a, sudo: required }]", "commands: [{ run: a, sudo: sometimes }]"),
        ("host", "commands: [{ run: a, fault: drop }]", "commands: [{ run: a, falt: drop }]"),
    ] {
        let validator = validator(name);
        assert!(validator.is_valid(&yaml(good)), "{good}");
        assert!(!validator.is_valid(&yaml(bad)), "{bad}");
    }
}
