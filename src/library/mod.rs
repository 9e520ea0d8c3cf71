//! From YAML files to a [`Library`] of playbooks: every problem at once, each with its place and a hint.

mod decode;
mod fault;
mod files;
mod keep;
pub mod migrate;
mod node;
mod param;
mod problem;
mod request;
mod root;
mod system;

pub use crate::library::files::{Files, FilesError};
pub(crate) use crate::library::node::options as yaml;
pub use crate::library::problem::{Problem, Problems};

use crate::core::ids::{PlaybookName, SystemTypeName};
use crate::core::playbook::{Fault, Library, LibraryHash, SystemType};
use crate::library::decode::{Map, YamlFile};
use std::collections::{BTreeMap, BTreeSet};

/// Loads a library.
///
/// # Errors
/// Every problem of every file, in the order of files and lines.
pub fn load(files: &Files) -> Result<Library, Problems> {
    let mut found = Vec::new();
    let mut systems = BTreeMap::new();
    for (folder, names) in files.folders() {
        if let Some(system) = load_folder(files, &folder, &names, &mut found) {
            systems.insert(system.name.clone(), system);
        }
    }
    if !found.is_empty() {
        return Err(Problems::new(found));
    }
    Ok(Library { hash: LibraryHash(files.hash()), systems })
}

/// One folder: `system.yaml` and its playbooks.
fn load_folder(
    files: &Files,
    folder: &str,
    names: &[String],
    found: &mut Vec<Problem>,
) -> Option<SystemType> {
    let system_path = format!("{folder}/system.yaml");
    let Some(text) = files.text(&system_path) else {
        found.push(Problem::of_file(
            &system_path,
            "there is no system.yaml in this folder",
            "a folder of playbooks needs a system.yaml with its parameters and probes",
        ));
        return None;
    };
    let page = YamlFile::new(&system_path, text);
    let mut system = page.read(|map| system::decode(&page, map));
    let mut places = BTreeMap::new();
    let mut pages = vec![page];
    for name in names.iter().filter(|name| **name != system_path) {
        let page = YamlFile::new(name, files.text(name).unwrap_or_default());
        if let Some(system) = &mut system {
            page.read(|map| decode_playbook(&page, map, name, system, &mut places));
        }
        pages.push(page);
    }
    if let Some(system) = &mut system {
        check_folder_name(&pages[0], folder, &system.name);
        order(system, &pages);
        root::check(system, &pages);
    }
    let had = found.len();
    found.extend(pages.into_iter().flat_map(YamlFile::into_problems));
    if found.len() > had { None } else { system }
}

fn check_folder_name(page: &YamlFile, folder: &str, kind: &SystemTypeName) {
    if folder.rsplit('/').next() != Some(kind.as_str()) {
        page.report_file(
            &format!("the folder is `{folder}`, but its system is `{kind}`"),
            "give both the same name",
        );
    }
}

fn decode_playbook(
    page: &YamlFile,
    map: Map<'_>,
    path: &str,
    system: &mut SystemType,
    places: &mut BTreeMap<PlaybookName, String>,
) -> Option<()> {
    let is_request = map.peek_text("kind").is_some_and(|kind| kind == "request");
    let name = if is_request {
        let request = request::decode(page, map, system)?;
        let name = request.name.clone();
        system.requests.push(request);
        name
    } else {
        let fault = fault::decode(page, map, system)?;
        let name = fault.name.clone();
        system.faults.push(fault);
        name
    };
    let stem = path.rsplit('/').next().and_then(|file| file.strip_suffix(".yaml"));
    if stem != Some(name.as_str()) {
        page.report_file(
            &format!("the playbook `{name}` stands in `{path}`"),
            &format!("call the file {name}.yaml"),
        );
    }
    if let Some(other) = places.insert(name.clone(), path.to_owned()) {
        page.report_file(&format!("there is a playbook `{name}` already, in {other}"), "rename one of them");
    }
    Some(())
}

/// Puts the faults in causal order: each after all that come before it; by name where that leaves a
/// choice, so that the order is always the same.
fn order(system: &mut SystemType, pages: &[YamlFile]) {
    let names: BTreeSet<PlaybookName> = system.faults.iter().map(|fault| fault.name.clone()).collect();
    let page_of = |name: &PlaybookName| {
        let file = format!("/{name}.yaml");
        pages.iter().find(|page| page.path().ends_with(&file)).unwrap_or(&pages[0])
    };
    for fault in &system.faults {
        for missing in fault.causes.difference(&names) {
            page_of(&fault.name).report_at_text(
                missing.as_str(),
                &format!("`before` names `{missing}`, which is no playbook of this system"),
                &decode::suggest(missing.as_str(), names.iter().map(PlaybookName::as_str)),
            );
        }
    }
    let mut rest: Vec<Fault> = std::mem::take(&mut system.faults);
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    while !rest.is_empty() {
        let free = (0..rest.len()).find(|&i| {
            !rest.iter().enumerate().any(|(j, other)| j != i && other.causes.contains(&rest[i].name))
        });
        match free {
            Some(index) => system.faults.push(rest.remove(index)),
            None => {
                let circle: Vec<&str> = rest.iter().map(|fault| fault.name.as_str()).collect();
                page_of(&rest[0].name).report_file(
                    &format!("`before` runs in a circle through {}", circle.join(", ")),
                    "decide which of them is the cause",
                );
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "system: x\nparams:\n  dir: { type: path, default: /srv }\nprobes:\n  disk:\n    run: df -P {{ dir }}\n    read: table\n    facts:\n      used: rows[0].Capacity | number\n      mount: { is: \"rows[0].Mounted\", type: path }\n";
    const FAULT: &str = "playbook: full\ntitle: Full\nwhen: disk.used > 90\nbecause: \"{{ disk.used }} %\"\nremedy:\n  - { name: clean, run: \"clean {{ disk.mount }}\", replay: safe }\nverify:\n  - { holds: disk.used < 90 }\nescalate: { advice: look }\n";

    fn problems(system: &str, fault: &str) -> Vec<String> {
        let files = [("x/system.yaml", system), ("x/full.yaml", fault)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        match load(&Files::from_map(files.into())) {
            Ok(_) => Vec::new(),
            Err(problems) => {
                let told = problems.list().iter();
                told.map(|p| format!("{}:{}:{}: {} ({})", p.path, p.line, p.column, p.message, p.hint))
                    .collect()
            }
        }
    }

    #[test]
    fn a_sound_library_loads() {
        assert_eq!(problems(SYSTEM, FAULT), Vec::<String>::new());
        load(&Files::built_in()).expect("the built-in playbooks are sound");
    }

    #[test]
    fn each_mistake_is_told_with_its_place_and_what_to_do() {
        for (from, to, expect) in [
            (
                "title: Full",
                "titel: Full",
                "x/full.yaml:2:1: `titel` is not known here (did you mean `title`?)",
            ),
            (
                "disk.used > 90",
                "disk.usd > 90",
                "x/full.yaml:3:7: the probe `disk` has no fact `usd` (did you mean `used`?)",
            ),
            ("disk.used > 90", "dsk.used > 90", "(did you mean `disk`?)"),
            ("disk.used > 90", "disk.used >", "not an expression"),
            ("replay: safe", "replay: perhaps", "`perhaps` is no replay"),
            (", replay: safe", "", "`replay` is missing"),
            ("disk.mount", "disk.used", "has no type, so it cannot become part of a command"),
            ("clean {{ disk.mount }}", "clean | sh", "`|` in `run` needs a shell"),
            ("clean {{ disk.mount }}", "docker system prune -f", "deletes images"),
            ("clean {{ disk.mount }}", "docker image prune -af", "deletes images"),
            ("clean {{ disk.mount }}", "docker volume prune -f", "deletes data"),
            ("clean {{ disk.mount }}", "docker compose down -v", "deletes data"),
            ("escalate: { advice: look }", "", "`escalate: { advice: … }` is missing"),
            ("verify:\n  - { holds: disk.used < 90 }\n", "", "no `verify`"),
            ("playbook: full", "playbook: fuller", "call the file fuller.yaml"),
            ("title: Full", "title: Full\nbefore: [other]", "`before` names `other`"),
            ("replay: safe }", "keep: state, replay: safe }", "`keep` goes with `script`"),
            ("replay: safe }", "keep: state, replay: safe }", "nothing reads what is kept"),
            ("replay: safe }", "replay: safe, undo: { script: 'cat \"$KEPT\"' } }", "its step keeps nothing"),
            (
                "run: \"clean {{ disk.mount }}\", replay: safe }",
                "script: x, env: { KEPT: a }, keep: y, replay: safe, undo: { script: 'cat \"$KEPT\"' } }",
                "`KEPT` has a meaning beside `keep`",
            ),
            (
                "run: \"clean {{ disk.mount }}\", replay: safe }",
                "script: x, keep: y, replay: safe, undo: { sudo: true, script: 'cat \"$KEPT\"' } }",
                "one has `sudo`",
            ),
            ("clean {{ disk.mount }}", "clean {{ keep }}", "`keep` is neither a parameter nor a fact"),
            (
                "run: \"clean {{ disk.mount }}\"",
                "script: 'sudo -n rm -f /x'",
                "`sudo -n rm -f /x` is not in the list `sudo` of system.yaml",
            ),
            ("title: Full", "title: [", ""),
        ] {
            let told = problems(SYSTEM, &FAULT.replace(from, to));
            assert!(told.iter().any(|line| line.contains(expect)), "{to:?}: {expect:?} is not in {told:#?}");
        }
    }

    #[test]
    fn what_scripts_run_as_root_is_listed() {
        let fault = FAULT.replace(
            "run: \"clean {{ disk.mount }}\"",
            "script: 'n=$(sudo -n stat -c %s \"$LOG\"); sudo -n truncate -s 0 \"$LOG\" || true'",
        );
        let listed = |list: &str| problems(&format!("{SYSTEM}sudo: {list}\n"), &fault);
        let truncate = "'truncate -s 0 {{ disk.mount }}/{{ any.name }}'";
        assert_eq!(listed(&format!("['stat -c %s {{{{ any.path }}}}', {truncate}]")), Vec::<String>::new());
        for (list, expect) in [
            (format!("[{truncate}]"), "`sudo -n stat -c %s \"$LOG\"` is not in the list"),
            (format!("['stat -c %s /x', {truncate}]"), "`sudo -n stat -c %s \"$LOG\"` is not in the list"),
            (
                format!("['stat -c %s {{{{ any.path }}}}', id, {truncate}]"),
                "no script runs `id` by `sudo -n`",
            ),
            (format!("['stat -c %s {{{{ any.thing }}}}', {truncate}]"), "there is no type `thing`"),
        ] {
            let told = listed(&list);
            assert!(told.iter().any(|line| line.contains(expect)), "{list}: {expect:?} is not in {told:#?}");
        }
    }

    #[test]
    fn what_is_kept_lies_elsewhere_in_each_case_and_makes_no_other_plan() {
        use crate::core::diagnosis::evidence::Evidence;
        use crate::core::diagnosis::plan::plan;
        use crate::core::ids::*;
        use crate::core::playbook::inventory::System;
        let fault = FAULT.replace(
            "run: \"clean {{ disk.mount }}\", replay: safe }",
            "script: x, keep: y, replay: safe, undo: { script: 'cat \"$KEPT\"' } }",
        );
        let files = [("x/system.yaml", SYSTEM.to_owned()), ("x/full.yaml", fault)];
        let files = files.map(|(path, text)| (path.to_owned(), text));
        let library = load(&Files::from_map(files.into())).expect("a sound library");
        let system = &library.systems["x"];
        let main = HostName::new("main").expect("a name");
        let site = System {
            name: SystemName::new("x").expect("a name"),
            system_type: system.name.clone(),
            hosts: BTreeMap::from([(Role::main(), main)]),
            params: BTreeMap::new(),
            aliases: Vec::new(),
            mode: None,
        };
        let planned =
            |keep: &str| plan(system, &site, &system.faults[0], &Evidence::default(), keep).expect("a plan");
        let (one, other) = (planned("c0123456789ab-0"), planned("cba9876543210-1"));
        assert_eq!(one.hash, other.hash, "an approval of the one is an approval of the other");
        assert_ne!(one.steps[0].command, other.steps[0].command);
        assert_eq!(one.steps[0].backup.as_deref(), Some("~/.fieldmedic/kept/c0123456789ab-0-0"));
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let system = SYSTEM
            .replace("read: table", "read: tabel")
            .replace("type: path, default", "type: paht, default");
        let fault = FAULT.replace("replay: safe", "replay: maybe").replace("disk.used > 90", "nowhere > 1");
        let told = problems(&system, &fault);
        for expect in ["`tabel`", "`paht`", "`maybe` is no replay", "`nowhere`"] {
            assert!(told.iter().any(|line| line.contains(expect)), "{expect} is not in {told:#?}");
        }
    }
}
