//! From YAML files to a [`Library`] of playbooks: every problem at once, each with its place and a hint.

mod decode;
mod fault;
mod files;
mod node;
mod problem;
mod request;
mod system;

pub use files::{Files, FilesError};
pub use problem::{Problem, Problems};

use crate::core::name::{KindName, PlaybookName};
use crate::core::playbook::{Fault, Library, LibraryHash, System};
use decode::{Map, Page};
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
            systems.insert(system.kind.clone(), system);
        }
    }
    if !found.is_empty() {
        return Err(Problems::new(found));
    }
    Ok(Library { hash: LibraryHash(files.hash()), systems })
}

/// One folder: `system.yaml` and its playbooks.
fn load_folder(files: &Files, folder: &str, names: &[String], found: &mut Vec<Problem>) -> Option<System> {
    let system_path = format!("{folder}/system.yaml");
    let Some(text) = files.text(&system_path) else {
        found.push(Problem::of_file(
            &system_path,
            "there is no system.yaml in this folder",
            "a folder of playbooks needs a system.yaml with its parameters and probes",
        ));
        return None;
    };
    let page = Page::new(&system_path, text);
    let mut system = page.read(|map| system::decode(&page, map));
    let mut places = BTreeMap::new();
    let mut pages = vec![page];
    for name in names.iter().filter(|name| **name != system_path) {
        let page = Page::new(name, files.text(name).unwrap_or_default());
        if let Some(system) = &mut system {
            page.read(|map| decode_playbook(&page, map, name, system, &mut places));
        }
        pages.push(page);
    }
    if let Some(system) = &mut system {
        check_folder_name(&pages[0], folder, &system.kind);
        order(system, &pages);
    }
    let had = found.len();
    found.extend(pages.into_iter().flat_map(Page::into_problems));
    if found.len() > had { None } else { system }
}

fn check_folder_name(page: &Page, folder: &str, kind: &KindName) {
    if folder.rsplit('/').next() != Some(kind.as_str()) {
        page.report_file(
            &format!("the folder is `{folder}`, but its system is `{kind}`"),
            "give both the same name",
        );
    }
}

fn decode_playbook(
    page: &Page,
    map: Map<'_>,
    path: &str,
    system: &mut System,
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
fn order(system: &mut System, pages: &[Page]) {
    let names: BTreeSet<PlaybookName> = system.faults.iter().map(|fault| fault.name.clone()).collect();
    let page_of = |name: &PlaybookName| {
        let file = format!("/{name}.yaml");
        pages.iter().find(|page| page.path().ends_with(&file)).unwrap_or(&pages[0])
    };
    for fault in &system.faults {
        for missing in fault.before.difference(&names) {
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
            !rest.iter().enumerate().any(|(j, other)| j != i && other.before.contains(&rest[i].name))
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
