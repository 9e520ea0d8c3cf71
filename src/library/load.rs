//! Loads a [`Library`]: every problem at once, each with its place and a hint.

use crate::core::ids::{PlaybookName, SystemTypeName};
use crate::core::playbook::{Fault, Library, LibraryHash, SymptomCatalogue, SystemType};
use crate::library::decode::{Map, YamlFile, suggest};
use crate::library::fault::Relations;
use crate::library::files::{Files, is_symptom, stem};
use crate::library::format::{self, Format};
use crate::library::independence::Independence;
use crate::library::migrate::{FORMAT, migrate_files};
use crate::library::node::{Content, Node};
use crate::library::problem::{Problem, Problems};
use crate::library::{extends, fault, independence, operation, request, sudo_list, symptom, system};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Loads a library of today's format.
///
/// # Errors
/// Every problem of every file, in the order of files and lines. A folder of another format is one problem.
pub fn load(files: &Files) -> Result<Library, Problems> {
    let folders = files.folders();
    let mut loader = Loader {
        files,
        folders: &folders,
        begun: BTreeSet::new(),
        systems: BTreeMap::new(),
        problems: Vec::new(),
    };
    for folder in folders.keys() {
        loader.load(folder);
    }
    let Loader { systems, mut problems, .. } = loader;
    problems.sort_by(|a, b| a.path.cmp(&b.path));
    if !problems.is_empty() {
        return Err(Problems::new(problems));
    }
    Ok(Library { hash: LibraryHash(files.hash()), systems })
}

/// Loads a library of any known format, as a journal recorded it. Format 0 is upgraded in memory. The hash
/// is the one of the recorded files, to which cases are pinned.
///
/// # Errors
/// Every problem of every file; a format that this version does not know is one of them.
pub fn load_recorded(files: &Files) -> Result<Library, Problems> {
    let upgraded = migrate_files(files.as_map()).map_err(|errors| {
        let problem = |error: &crate::library::migrate::MigrateError| {
            Problem::at_line(&error.path, error.line, error.column, &error.message, &error.hint)
        };
        Problems::new(errors.list.iter().map(problem).collect())
    })?;
    let library = load(&Files::from_map(upgraded.files))?;
    Ok(Library { hash: LibraryHash(files.hash()), ..library })
}

fn last_part(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// Loads system types, each after those that it extends.
struct Loader<'f> {
    files: &'f Files,
    folders: &'f BTreeMap<String, Vec<String>>,
    /// The folders whose loading has begun. One that is met again before it has ended extends itself.
    begun: BTreeSet<&'f str>,
    /// What was found of a folder with problems is here too, so that those that extend it are checked as well.
    systems: BTreeMap<SystemTypeName, SystemType>,
    problems: Vec<Problem>,
}

impl<'f> Loader<'f> {
    /// Loads a folder: `system.yaml` and the playbooks beside it.
    fn load(&mut self, folder: &'f str) {
        let Some(paths) = self.folders.get(folder).filter(|_| self.begun.insert(folder)) else { return };
        let system_path = paths.iter().find(|path| stem(path) == "system");
        let Some((system_path, text)) = system_path.and_then(|path| Some((path, self.files.text(path)?)))
        else {
            self.problems.push(Problem::of_file(
                &format!("{folder}/system.yaml"),
                "there is no system.yaml in this folder",
                "a folder of playbooks needs a system.yaml with its parameters and probes",
            ));
            return;
        };
        let system_file = YamlFile::new(system_path, text);
        let parsed = system_file.parse();
        if let Some(map) = &parsed {
            if !check_format(&system_file, map, self.files) {
                self.problems.extend(system_file.into_problems());
                return;
            }
            for base in extends::peek_names(map) {
                let folders = self.folders;
                if let Some(folder) = folders.keys().find(|folder| last_part(folder) == base) {
                    self.load(folder);
                }
            }
        }
        let known: Vec<&str> = self.folders.keys().map(|folder| last_part(folder)).collect();
        let mut system = parsed.and_then(|map| system::decode(&system_file, map, &self.systems, &known));
        let mut playbook_files = Vec::new();
        if let Some(system) = &mut system {
            check_folder_name(&system_file, folder, &system.name);
            let bases = system.extends.iter().filter_map(|base| self.systems.get(base));
            let inherited_sudo = bases.clone().map(|base| base.sudo.len()).sum();
            let inherited = bases.flat_map(|base| base.probes.keys().cloned()).collect();
            let beside: Vec<&String> = paths.iter().filter(|path| *path != system_path).collect();
            playbook_files = decode_folder(self.files, &beside, system, &system_file);
            extends::check_unneeded(&system_file, &inherited, system);
            sudo_list::check(system, inherited_sudo, &system_file, &playbook_files);
        }
        let files = std::iter::once(system_file).chain(playbook_files);
        self.problems.extend(files.flat_map(YamlFile::into_problems));
        self.systems.extend(system.map(|system| (system.name.clone(), system)));
    }
}

/// Decodes the symptoms and the playbooks beside a `system.yaml`. Gives their files.
fn decode_folder(
    files: &Files,
    paths: &[&String],
    system: &mut SystemType,
    system_file: &YamlFile,
) -> Vec<YamlFile> {
    let (mut relations, mut defined) = (Vec::new(), BTreeMap::new());
    let (symptoms, playbooks): (Vec<&String>, Vec<&String>) = paths.iter().partition(|path| is_symptom(path));
    let mut decoded = decode_symptoms(files, &symptoms, system);
    for path in playbooks {
        let file = YamlFile::new(path, files.text(path).unwrap_or_default());
        if let Some(map) = file.parse() {
            decode_playbook(&file, map, path, system, (&mut defined, &mut relations));
        }
        decoded.push(file);
    }
    add_causes(system, &relations, system_file, &decoded);
    if sort_by_cause(system, system_file, &decoded) {
        let stated = relations.iter().flat_map(|(name, relations)| {
            relations.independent_of.iter().map(|other| (name.clone(), other.clone()))
        });
        let stated: Vec<Independence> = stated.collect();
        independence::add(system, &stated, |name| file_of(name, system_file, &decoded));
    }
    decoded
}

/// Whether a folder has the format that this version decodes; reports it otherwise.
fn check_format(file: &YamlFile, map: &Map<'_>, files: &Files) -> bool {
    match format::read(map) {
        Format::Current => return true,
        Format::Missing => file.report_file(
            "the key `format` is missing",
            &format!("write `format: {FORMAT}` on the first line"),
        ),
        Format::Old => {
            let dir = files.root().map_or_else(|| "<dir>".to_owned(), |root| root.display().to_string());
            file.report_file(
                &format!("these playbooks have format 0, and this version needs format {FORMAT}"),
                &format!("run `fieldmedic playbook migrate {dir}`; with --dry-run it changes nothing"),
            );
        }
        Format::Unknown { span, value } => file.report(
            span,
            &format!("the format is `{value}`, and this version knows formats 0 and {FORMAT}"),
            "use the version of Fieldmedic that these playbooks were written for",
        ),
    }
    false
}

/// Decodes the symptoms, which playbooks name. Gives their files.
fn decode_symptoms(files: &Files, paths: &[&String], system: &mut SystemType) -> Vec<YamlFile> {
    let mut symptoms = system.symptoms.symptoms().clone();
    let mut decoded = Vec::new();
    for path in paths {
        let file = YamlFile::new(path, files.text(path).unwrap_or_default());
        if let Some((name, symptom)) = file.parse().and_then(|map| symptom::decode(&file, map)) {
            if stem(path) != name.as_str() {
                file.report_file(
                    &format!("the symptom `{name}` is in the file `{path}`"),
                    &format!("rename the file to {name}.yaml"),
                );
            }
            extends::add_symptom(&mut symptoms, &name, &symptom);
        }
        decoded.push(file);
    }
    system.symptoms = Arc::new(SymptomCatalogue::new(symptoms));
    decoded
}

fn check_folder_name(file: &YamlFile, folder: &str, system_type: &SystemTypeName) {
    if last_part(folder) != system_type.as_str() {
        file.report_file(
            &format!("the folder is `{folder}`, but its `system_type` is `{system_type}`"),
            "give both the same name",
        );
    }
}

/// The kind of a playbook that does not say what it is.
const FAULT: &str = "fault";

/// A fault, and what it says about others.
type Related = (PlaybookName, Relations);

/// Decodes a playbook into its system type, where it takes the place of an inherited one of its name.
fn decode_playbook(
    file: &YamlFile,
    map: Map<'_>,
    path: &str,
    system: &mut SystemType,
    (defined, related): (&mut BTreeMap<PlaybookName, String>, &mut Vec<Related>),
) -> Option<()> {
    let kind = match map.peek("kind") {
        None | Some(Node { content: Content::Plain(Value::Null), .. }) => FAULT.to_owned(),
        Some(node) => file.text_of(node)?,
    };
    let name = match kind.as_str() {
        "request" => {
            let request = request::decode(file, map, system)?;
            replace(&mut system.requests, request, |request| &request.name)
        }
        "operation" => {
            let operation = operation::decode(file, map, system)?;
            replace(&mut system.operations, operation, |operation| &operation.fault.name)
        }
        FAULT => {
            let is_refined = map.peek("refines").is_some();
            let (fault, relations) = fault::decode(file, map, system)?;
            related.push((fault.name.clone(), relations));
            if !is_refined {
                independence::forget(system, &fault.name);
            }
            replace(&mut system.faults, fault, |fault| &fault.name)
        }
        _ => {
            let span = map.peek("kind")?.span;
            let hint = suggest(&kind, [FAULT, "operation", "request"]);
            file.report(span, &format!("`{kind}` is not a kind of playbook"), &hint);
            return None;
        }
    };
    if stem(path) != name.as_str() {
        file.report_file(
            &format!("the playbook `{name}` is in the file `{path}`"),
            &format!("rename the file to {name}.yaml"),
        );
    }
    if let Some(other) = defined.insert(name.clone(), path.to_owned()) {
        file.report_file(&format!("the playbook `{name}` is also in {other}"), "rename one of them");
    }
    Some(())
}

/// Adds a playbook in the place of one with its name. Two of this system type's own with one name are reported by
/// their files.
fn replace<T>(playbooks: &mut Vec<T>, playbook: T, name_of: impl Fn(&T) -> &PlaybookName) -> PlaybookName {
    let name = name_of(&playbook).clone();
    playbooks.retain(|other| *name_of(other) != name);
    playbooks.push(playbook);
    name
}

/// Notes at each cause what says that it is caused by it.
fn add_causes(system: &mut SystemType, related: &[Related], system_file: &YamlFile, files: &[YamlFile]) {
    let caused_by = related
        .iter()
        .flat_map(|(name, relations)| relations.caused_by.iter().map(move |cause| (cause, name)));
    for (cause, caused) in caused_by {
        match system.faults.iter_mut().find(|fault| fault.name == *cause) {
            Some(fault) => drop(fault.causes.insert(caused.clone())),
            None => file_of(caused, system_file, files).report_at_text(
                cause.as_str(),
                &format!("`caused_by` names `{cause}`, which is not a playbook of this system type"),
                &suggest(cause.as_str(), system.faults.iter().map(|fault| fault.name.as_str())),
            ),
        }
    }
}

/// Sorts the faults in causal order: each after its causes, otherwise by name, so that the order is always
/// the same. Whether there is such an order; there is none if they form a cycle, which is reported.
fn sort_by_cause(system: &mut SystemType, system_file: &YamlFile, files: &[YamlFile]) -> bool {
    let names: BTreeSet<PlaybookName> = system.faults.iter().map(|fault| fault.name.clone()).collect();
    let file_of = |name: &PlaybookName| file_of(name, system_file, files);
    for fault in &system.faults {
        for missing in fault.causes.difference(&names) {
            file_of(&fault.name).report_at_text(
                missing.as_str(),
                &format!("`causes` names `{missing}`, which is not a playbook of this system type"),
                &suggest(missing.as_str(), names.iter().map(PlaybookName::as_str)),
            );
        }
    }
    let mut rest: Vec<Fault> = std::mem::take(&mut system.faults);
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    while !rest.is_empty() {
        let is_caused = |fault: &Fault| {
            rest.iter().any(|other| other.name != fault.name && other.causes.contains(&fault.name))
        };
        match rest.iter().position(|fault| !is_caused(fault)) {
            Some(index) => system.faults.push(rest.remove(index)),
            None => {
                let circle: Vec<&str> = rest.iter().map(|fault| fault.name.as_str()).collect();
                if let Some(first) = rest.first() {
                    file_of(&first.name).report_file(
                        &format!("`causes` forms a cycle: {}", circle.join(", ")),
                        "decide which of them is the cause",
                    );
                }
                return false;
            }
        }
    }
    true
}

/// The file of a playbook.
fn file_of<'f>(name: &PlaybookName, system_file: &'f YamlFile, files: &'f [YamlFile]) -> &'f YamlFile {
    let end = format!("/{name}.yaml");
    files.iter().find(|file| file.path().ends_with(&end)).unwrap_or(system_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "format: 1\nsystem_type: x\nparams:\n  dir: { type: path, default: /srv }\nprobes:\n  disk:\n    run: df -P {{ dir }}\n    parse: table\n    facts:\n      used: rows[0].Capacity | number\n      mount: { value: \"rows[0].Mounted\", type: path }\n";
    const FAULT: &str = "playbook: full\ntitle: Full\nwhen: disk.used > 90\nsummary: \"{{ disk.used }} %\"\nremediation:\n  - { name: clean, run: \"clean {{ disk.mount }}\", if_interrupted: rerun }\nverify:\n  - { that: disk.used < 90 }\nescalate: { advice: look }\n";

    fn problems(system: &str, fault: &str) -> Vec<String> {
        let files = [("x/system.yaml", system), ("x/full.yaml", fault)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        match load(&Files::from_map(files.into())) {
            Ok(_) => Vec::new(),
            Err(problems) => {
                let found = problems.list().iter();
                found
                    .map(|p| format!("{}:{}:{}: {} ({})", p.path, p.line, p.column, p.message, p.hint))
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
    fn added_files_extend_and_replace_the_others() {
        let files = |files: &[(&str, &str)]| {
            Files::from_map(
                files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
            )
        };
        let own = files(&[("x/system.yml", SYSTEM), ("x/full.yml", FAULT)]);
        let title = FAULT.replace("title: Full", "title: Nearly full");
        let added = files(&[
            ("x/full.yml", &title),
            ("x/fuller.yaml", &FAULT.replace("playbook: full", "playbook: fuller")),
        ]);
        let library = load(&own.with(added)).expect("a sound library");
        let faults = &library.systems.values().next().expect("a system").faults;
        let titles: Vec<_> = faults.iter().map(|fault| (fault.name.as_str(), fault.title.as_str())).collect();
        assert_eq!(titles, [("full", "Nearly full"), ("fuller", "Full")]);
    }

    #[test]
    fn what_is_kept_over_time_is_checked() {
        let kept = |series: &str| {
            let fact = format!("used: {{ value: \"rows[0].Capacity | number\", keep_series: {series} }}");
            let params = "  most: { type: percent, default: 90 }\n";
            let system = SYSTEM.replace("used: rows[0].Capacity | number", &fact);
            problems(&system.replace("probes:\n", &format!("{params}probes:\n")), FAULT)
        };
        for sound in [
            "true",
            "false",
            "{}",
            "{ unit: \"%\", limit: 90 }",
            "{ unit: MB/s, limit: most, watch: 80 }",
            "{ unit: days, floor: 14, watch: 30 }",
            "{ only_if: \"disk.mount == '/srv'\" }",
        ] {
            assert_eq!(kept(sound), Vec::<String>::new(), "{sound}");
        }
        for (series, expect) in [
            ("yes please", "expected true or a map, found a text (write `keep_series: true`"),
            ("{ limt: 90 }", "unknown key `limt` (did you mean `limit`?)"),
            (
                "{ limit: mst }",
                "`mst` is neither a number nor a parameter that holds one (did you mean `most`?)",
            ),
            ("{ limit: dir }", "`dir` is neither a number nor a parameter"),
            ("{ limit: 90, floor: 10 }", "a series has a `limit` or a `floor`, not both"),
            ("{ watch: 90 }", "`watch` needs a `limit` or a `floor`"),
            ("{ limit: 90, watch: 95 }", "`watch` is not on the good side of the limit"),
            ("{ floor: 14, watch: 7 }", "`watch` is not on the good side of the limit"),
            ("{ unit: \"=1+1\" }", "this is no unit"),
            ("{ unit: \"a, b\" }", "this is no unit"),
            ("{ only_if: disk.mont }", "the probe `disk` has no fact `mont` (did you mean `mount`?)"),
        ] {
            let found = kept(series);
            assert!(found.iter().any(|problem| problem.contains(expect)), "{series}: {expect}: {found:?}");
        }
        let path = SYSTEM.replace("type: path }\n", "type: path, keep_series: true }\n");
        let found = problems(&path, FAULT);
        assert!(
            found.iter().any(|it| it.contains("the fact is a path, so `keep_series` cannot keep it")),
            "{found:?}"
        );
    }

    #[test]
    fn each_mistake_is_reported_with_its_place_and_a_hint() {
        for (from, to, expect) in [
            ("title: Full", "titel: Full", "x/full.yaml:2:1: unknown key `titel` (did you mean `title`?)"),
            (
                "disk.used > 90",
                "disk.usd > 90",
                "x/full.yaml:3:7: the probe `disk` has no fact `usd` (did you mean `used`?)",
            ),
            ("disk.used > 90", "dsk.used > 90", "(did you mean `disk`?)"),
            ("disk.used > 90", "disk.used >", "not an expression"),
            (
                "if_interrupted: rerun",
                "if_interrupted: perhaps",
                "`perhaps` is not a valid value of `if_interrupted`",
            ),
            (", if_interrupted: rerun", "", "`if_interrupted` is missing"),
            ("disk.mount", "disk.used", "has no type, so commands cannot use it"),
            ("clean {{ disk.mount }}", "clean | sh", "`|` in `run` needs a shell"),
            ("clean {{ disk.mount }}", "docker system prune -f", "deletes images"),
            ("clean {{ disk.mount }}", "docker image prune -af", "deletes images"),
            ("clean {{ disk.mount }}", "docker volume prune -f", "deletes data"),
            ("clean {{ disk.mount }}", "docker compose down -v", "deletes data"),
            ("escalate: { advice: look }", "", "`escalate: { advice: … }` is missing"),
            ("verify:\n  - { that: disk.used < 90 }\n", "", "no `verify`"),
            ("playbook: full", "playbook: fuller", "rename the file to fuller.yaml"),
            ("title: Full", "title: Full\ncauses: [other]", "`causes` names `other`"),
            ("if_interrupted: rerun }", "backup: state, if_interrupted: rerun }", "`backup` needs `script`"),
            ("if_interrupted: rerun }", "backup: state, if_interrupted: rerun }", "nothing reads the backup"),
            (
                "if_interrupted: rerun }",
                "if_interrupted: rerun, rollback: { script: 'cat \"$BACKUP\"' } }",
                "its step makes no backup",
            ),
            (
                "run: \"clean {{ disk.mount }}\", if_interrupted: rerun }",
                "script: x, env: { BACKUP: a }, backup: y, if_interrupted: rerun, rollback: { script: 'cat \"$BACKUP\"' } }",
                "the variable `BACKUP` is reserved",
            ),
            (
                "run: \"clean {{ disk.mount }}\", if_interrupted: rerun }",
                "script: x, backup: y, if_interrupted: rerun, rollback: { sudo: true, script: 'cat \"$BACKUP\"' } }",
                "different `sudo`",
            ),
            (
                "clean {{ disk.mount }}",
                "clean {{ backup_name }}",
                "`backup_name` is neither a parameter nor a fact",
            ),
            (
                "run: \"clean {{ disk.mount }}\"",
                "script: 'sudo -n rm -f /x'",
                "`sudo -n rm -f /x` is not in the list `sudo` of system.yaml",
            ),
            ("title: Full", "title: [", ""),
        ] {
            let found = problems(SYSTEM, &FAULT.replace(from, to));
            assert!(
                found.iter().any(|line| line.contains(expect)),
                "{to:?}: {expect:?} is not in {found:#?}"
            );
        }
    }

    #[test]
    fn a_path_lies_below_a_parameter() {
        let problems = |to| problems(&SYSTEM.replace("type: path }\n", to), FAULT);
        assert_eq!(problems("type: path below dir }\n"), Vec::<String>::new());
        for (to, expect) in [
            ("type: path below dirs }\n", "`dirs` is not a parameter of the type path (did you mean `dir`?)"),
            ("type: name below dir }\n", "`name` cannot be below a directory (only path and paths can)"),
        ] {
            let found = problems(to);
            assert!(found.iter().any(|line| line.contains(expect)), "{expect:?} is not in {found:#?}");
        }
    }

    #[test]
    fn what_scripts_run_with_sudo_is_listed() {
        let fault = FAULT.replace(
            "run: \"clean {{ disk.mount }}\"",
            "script: 'n=$(sudo -n id -u \"$USER_NAME\"); sudo -n truncate -s 0 \"$LOG\" || true'",
        );
        let listed = |list: &str| problems(&format!("{SYSTEM}sudo: {list}\n"), &fault);
        let truncate = "'truncate -s 0 {{ disk.mount }}/{{ any.name }}'";
        assert_eq!(listed(&format!("['id -u {{{{ any.name }}}}', {truncate}]")), Vec::<String>::new());
        for (list, expect) in [
            (format!("[{truncate}]"), "`sudo -n id -u \"$USER_NAME\"` is not in the list"),
            (format!("['id -u root', {truncate}]"), "`sudo -n id -u \"$USER_NAME\"` is not in the list"),
            (format!("['id -u {{{{ any.name }}}}', id, {truncate}]"), "no script runs `id` with `sudo -n`"),
            (format!("['id -u {{{{ any.thing }}}}', {truncate}]"), "cannot be any thing"),
            (format!("['id -u {{{{ any.path }}}}', {truncate}]"), "cannot be any path"),
        ] {
            let found = listed(&list);
            assert!(
                found.iter().any(|line| line.contains(expect)),
                "{list}: {expect:?} is not in {found:#?}"
            );
        }
    }

    #[test]
    fn each_case_has_its_own_backup_and_the_same_plan() {
        use crate::core::diagnosis::evidence::Evidence;
        use crate::core::diagnosis::plan::plan;
        use crate::core::ids::*;
        use crate::core::playbook::inventory::System;
        let fault = FAULT.replace(
            "run: \"clean {{ disk.mount }}\", if_interrupted: rerun }",
            "script: x, backup: y, if_interrupted: rerun, rollback: { script: 'cat \"$BACKUP\"' } }",
        );
        let files = [("x/system.yaml", SYSTEM.to_owned()), ("x/full.yaml", fault)];
        let files = files.map(|(path, text)| (path.to_owned(), text));
        let library = load(&Files::from_map(files.into())).expect("a sound library");
        let system_type = &library.systems["x"];
        let main = HostName::new("main").expect("a name");
        let instance = System {
            name: SystemName::new("x").expect("a name"),
            system_type: system_type.name.clone(),
            hosts: BTreeMap::from([(Role::main(), main)]),
            params: BTreeMap::new(),
            aliases: Vec::new(),
            mode: None,
        };
        let planned = |backup: &str| {
            plan(system_type, &instance, &system_type.faults[0], &Evidence::default(), backup)
                .expect("a plan")
        };
        let (one, other) = (planned("c0123456789ab-0"), planned("cba9876543210-1"));
        assert_eq!(one.hash, other.hash, "an approval of the one is an approval of the other");
        assert_ne!(one.steps[0].command, other.steps[0].command);
        assert_eq!(one.steps[0].backup.as_deref(), Some("~/.fieldmedic/kept/c0123456789ab-0-0"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let system = SYSTEM
            .replace("parse: table", "parse: tabel")
            .replace("type: path, default", "type: paht, default");
        let fault = FAULT
            .replace("if_interrupted: rerun", "if_interrupted: maybe")
            .replace("disk.used > 90", "nowhere > 1");
        let found = problems(&system, &fault);
        for expect in ["`tabel`", "`paht`", "`maybe` is not a valid value of `if_interrupted`", "`nowhere`"] {
            assert!(found.iter().any(|line| line.contains(expect)), "{expect} is not in {found:#?}");
        }
    }

    #[test]
    fn another_format_is_one_problem_that_names_the_next_step() {
        let old = SYSTEM.replace("format: 1\nsystem_type:", "system:");
        let migrate = "these playbooks have format 0, and this version needs format 1 (run `fieldmedic playbook migrate <dir>`";
        for (system, expect) in [
            (old.clone(), format!("x/system.yaml:1:1: {migrate}")),
            (format!("format: 0\n{old}"), format!("x/system.yaml:1:1: {migrate}")),
            (SYSTEM.replace("format: 1\n", ""), "x/system.yaml:1:1: the key `format` is missing".to_owned()),
            (
                SYSTEM.replace("format: 1", "format: 2"),
                "x/system.yaml:1:9: the format is `2`, and this version knows formats 0 and 1".to_owned(),
            ),
        ] {
            let found = problems(&system, "playbook: [\n");
            assert!(found.len() == 1 && found[0].starts_with(&expect), "{expect:?} is not in {found:#?}");
        }
    }

    #[test]
    fn an_old_key_is_reported_with_its_new_name() {
        let found = problems(SYSTEM, &FAULT.replace("summary:", "because:"));
        let expect = "x/full.yaml:4:1: unknown key `because` (format 1 calls it `summary`)";
        assert!(found.iter().any(|line| line == expect), "{found:#?}");
    }

    #[test]
    fn a_folder_of_format_0_is_named_in_the_hint() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("x")).expect("a folder");
        std::fs::write(dir.path().join("x/system.yaml"), "system: x\nprobes: {}\n").expect("a file");
        let problems = load(&Files::from_dir(dir.path()).expect("readable")).expect_err("format 0");
        let hint = format!("fieldmedic playbook migrate {}", dir.path().display());
        assert!(problems.list()[0].hint.contains(&hint), "{:?}", problems.list());
    }

    /// Playbooks of format 0 as a journal recorded them, and the same playbooks of format 1.
    fn recorded(format: &str) -> Files {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/playbooks").join(format);
        Files::from_map(Files::from_dir(&dir).expect("test data").as_map().clone())
    }

    #[test]
    fn recorded_playbooks_of_format_0_mean_the_same_and_keep_their_hash() {
        let old = recorded("format-0");
        assert!(load(&old).is_err(), "format 0 has a decoder of its own");
        let upgraded = load_recorded(&old).expect("format 0 is upgraded");
        let migrated = load_recorded(&recorded("format-1")).expect("format 1 loads");
        assert_eq!(format!("{:#?}", upgraded.systems), format!("{:#?}", migrated.systems));
        assert_eq!(upgraded.systems["qfieldcloud"].faults.len(), 5);
        assert_eq!(upgraded.hash.0, old.hash());
        assert_ne!(upgraded.hash.0, migrated.hash.0);
    }

    #[test]
    fn recorded_playbooks_of_a_later_format_are_named_as_such() {
        let files = [("x/system.yaml".to_owned(), SYSTEM.replace("format: 1", "format: 7"))];
        let problems = load_recorded(&Files::from_map(files.into())).expect_err("an unknown format");
        let [problem] = problems.list() else { panic!("{problems:?}") };
        assert_eq!(problem.message, "the format is `7`, and this version knows formats 0 and 1");
        assert_eq!((problem.path.as_str(), problem.line), ("x/system.yaml", 1));
    }
}
