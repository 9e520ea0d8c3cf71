//! The rules of `docs/ARCHITECTURE.md` that neither the compiler nor clippy can hold.
//!
//! The rules read the syntax of every source in the workspace. [`LAYERS`] is the one table of what may
//! import what.

mod cycles;
mod imports;

use cycles::cycles;
use imports::{Graph, Source, attributes, is_test, read};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use syn::visit::Visit;

/// Each folder (or file) and the folders that it may import. A row may always import itself. The longest
/// row that fits a file is its layer.
///
/// In the core a folder is a phase of the work. Where an earlier phase needs one type of a later one, the
/// row names the file; that no two files import one another is a rule of its own.
const LAYERS: &[(&str, &[&str])] = &[
    // The pure core. What serves all phases stands first.
    ("crates/core/src/lib.rs", &[]),
    ("crates/redact/src", &[]),
    ("crates/classifier/src", &[]),
    ("crates/core/src/text", &[REDACT]),
    ("crates/core/src/ids.rs", &[TEXT]),
    ("crates/core/src/expr", &[TEXT]),
    ("crates/core/src/reading", &[CLASSIFIER, IDS]),
    ("crates/core/src/playbook", &[TEXT, IDS, EXPR, MODE, "crates/core/src/policy/permit.rs"]),
    ("crates/core/src/diagnosis", &[TEXT, IDS, EXPR, PLAYBOOK, MODE, "crates/core/src/policy/permit.rs"]),
    (
        "crates/core/src/ticket",
        &[
            TEXT,
            IDS,
            EXPR,
            READING,
            PLAYBOOK,
            MODE,
            "crates/core/src/diagnosis/evidence.rs",
            "crates/core/src/diagnosis/observation.rs",
            "crates/core/src/policy/permit.rs",
            "crates/core/src/chatops/scope.rs",
        ],
    ),
    (
        "crates/core/src/chatops",
        &[
            TEXT,
            IDS,
            EXPR,
            PLAYBOOK,
            TICKET,
            "crates/core/src/case",
            "crates/core/src/policy",
            "crates/core/src/view",
        ],
    ),
    (
        "crates/core/src/policy",
        &[
            TEXT,
            IDS,
            EXPR,
            PLAYBOOK,
            DIAGNOSIS,
            TICKET,
            "crates/core/src/case/event.rs",
            "crates/core/src/case/record.rs",
        ],
    ),
    (
        "crates/core/src/case",
        &[TEXT, IDS, EXPR, READING, PLAYBOOK, DIAGNOSIS, TICKET, POLICY, "crates/core/src/chatops/scope.rs"],
    ),
    (
        "crates/core/src/decide",
        &[
            TEXT,
            IDS,
            EXPR,
            READING,
            PLAYBOOK,
            DIAGNOSIS,
            TICKET,
            POLICY,
            CASE,
            "crates/core/src/chatops/scope.rs",
        ],
    ),
    ("crates/core/src/view", &[TEXT, IDS, EXPR, READING, PLAYBOOK, DIAGNOSIS, TICKET, POLICY, CASE]),
    ("crates/core/src/notice", &[TEXT, IDS, READING, DIAGNOSIS, TICKET, POLICY, CASE]),
    // The check that an SSH key's forced command makes on a host.
    ("crates/core/src/gate", &[TEXT, IDS, EXPR, PLAYBOOK, DIAGNOSIS]),
    // Numbers over time, and what they run to.
    ("crates/core/src/measurement", &[TEXT, IDS, EXPR, PLAYBOOK, "crates/core/src/diagnosis/evidence.rs"]),
    // The ports, and what simulates the outside behind them.
    ("crates/ports/src", &[CORE]),
    ("crates/sandbox/src/lib.rs", &[]),
    ("crates/sandbox/src/clock.rs", &[PORTS]),
    ("crates/sandbox/src/github", &[CORE, PORTS]),
    ("crates/sandbox/src/host", &[CORE, PORTS]),
    // What reads files that people write, and what writes text that people read.
    ("src/lib.rs", &[CORE, PORTS, SANDBOX]),
    ("src/render", &[CORE]),
    ("src/library", &[CORE, "src/render"]),
    ("src/console.rs", &[CORE, "src/render"]),
    // Spans and log lines, which any part of the program may write.
    ("src/telemetry", &[CORE, PORTS, "src/console.rs"]),
    // One client for HTTP, beside that of GitHub.
    ("src/http_client.rs", &[CORE]),
    ("src/reader", &[CORE, PORTS, "src/http_client.rs", "src/library"]),
    // The engine performs what the core decides. It knows no adapter.
    ("src/engine", &[CORE, PORTS, "src/library", "src/render", "src/telemetry"]),
    // What pages show, as plain data.
    ("src/dashboard", &[CORE, PORTS, "src/engine", "src/render"]),
    // The adapters know the ports, and none knows another.
    ("src/clock.rs", &[PORTS]),
    ("src/alerts", &[CORE]),
    ("src/github", &[CORE, PORTS, "src/render", "src/telemetry"]),
    ("src/ssh", &[CORE, PORTS]),
    ("src/store", &[CORE, PORTS]),
    ("src/notices", &[CORE, PORTS, "src/http_client.rs"]),
    // What an assistant may ask. It knows neither a port nor the engine, so it can order nothing.
    ("src/mcp", &[CORE]),
    // What a webhook means is GitHub's; how it arrives is the web's.
    ("src/web", &[CORE, PORTS, "src/dashboard", "src/github/webhook.rs", "src/render", "src/telemetry"]),
    // The composition: configuration, wiring, the commands.
    ("src/config", &[CORE, PORTS, "src/library", "src/store"]),
    (
        "src/scenario",
        &[
            CORE,
            PORTS,
            SANDBOX,
            "src/engine",
            "src/github",
            "src/library",
            "src/reader",
            "src/render",
            "src/ssh",
            "src/store",
        ],
    ),
    (
        "src/app",
        &[
            CORE,
            PORTS,
            "src/alerts",
            "src/clock.rs",
            "src/config",
            "src/console.rs",
            "src/dashboard",
            "src/engine",
            "src/github",
            "src/http_client.rs",
            "src/library",
            "src/notices",
            "src/reader",
            "src/render",
            "src/ssh",
            "src/store",
            "src/telemetry",
            "src/web",
        ],
    ),
    ("src/cli", &[CORE, PORTS, SANDBOX, "src"]),
    ("src/main.rs", &["src/cli", "src/console.rs", "src/telemetry"]),
];

const CORE: &str = "crates/core/src";
const PORTS: &str = "crates/ports/src";
const SANDBOX: &str = "crates/sandbox/src";
const CLASSIFIER: &str = "crates/classifier/src";
const REDACT: &str = "crates/redact/src";
const TEXT: &str = "crates/core/src/text";
const IDS: &str = "crates/core/src/ids.rs";
const EXPR: &str = "crates/core/src/expr";
const READING: &str = "crates/core/src/reading";
const PLAYBOOK: &str = "crates/core/src/playbook";
const DIAGNOSIS: &str = "crates/core/src/diagnosis";
const TICKET: &str = "crates/core/src/ticket";
const POLICY: &str = "crates/core/src/policy";
const CASE: &str = "crates/core/src/case";
/// Mode and risk, which the inventory and the playbooks name.
const MODE: &str = "crates/core/src/policy/mode.rs";

/// Imports that the table forbids and that are still there. Only remove entries.
const KNOWN_IMPORTS: &[(&str, &str)] = &[];

/// Crates that stand between the program and the outside, and the only folders that may name them.
const VENDORS: &[(&str, &[&str])] = &[
    ("octocrab", &["src/github"]),
    ("russh", &["src/ssh", "crates/sandbox/src/host"]),
    ("lettre", &["src/notices"]),
    ("rmcp", &["src/mcp"]),
    ("sqlx", &["src/store"]),
    ("axum", &["src/web", "crates/sandbox/src/github"]),
    ("clap", &["src/cli", "src/main.rs", "src/telemetry/log.rs"]),
];

/// The crates of the workspace: the name, and the folder of its sources.
const CRATES: [(&str, &str); 6] = [
    ("fieldmedic", "src"),
    ("fieldmedic_classifier", "crates/classifier/src"),
    ("fieldmedic_core", "crates/core/src"),
    ("fieldmedic_ports", "crates/ports/src"),
    ("fieldmedic_redact", "crates/redact/src"),
    ("fieldmedic_sandbox", "crates/sandbox/src"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under a folder, as (path from the root, text).
fn files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a folder of the project") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}

fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// A source, with its module by the place of its file in the crate.
fn source(krate: &str, folder: &str, file: &str, text: &str) -> Source {
    let inner = file.trim_start_matches(folder).trim_start_matches('/').trim_end_matches(".rs");
    let names = inner.split('/').filter(|name| !["lib", "mod", "main"].contains(name));
    // The binary is a crate of its own.
    let krate = if inner == "main" { format!("{krate}_bin") } else { krate.to_owned() };
    let module = std::iter::once(krate).chain(names.map(str::to_owned)).collect();
    Source { file: file.to_owned(), module, text: text.to_owned() }
}

/// Every source that ships.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let of_crate = |&(krate, folder): &(&'static str, &'static str)| {
        let shipped = files(folder).into_iter().filter(|(file, _)| !is_test_file(file));
        shipped.map(move |(file, text)| source(krate, folder, &file, &text)).collect::<Vec<_>>()
    };
    CRATES.iter().flat_map(of_crate).collect()
});

static GRAPH: LazyLock<Graph> = LazyLock::new(|| read(&SOURCES));

/// Whether a file is, or lies in, this folder.
fn is_in(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The row of a file in a table of layers.
fn layer<'a>(layers: &'a [(&'a str, &'a [&'a str])], file: &str) -> Option<&'a (&'a str, &'a [&'a str])> {
    layers.iter().filter(|(folder, _)| is_in(file, folder)).max_by_key(|(folder, _)| folder.len())
}

/// Every import that the table forbids, and every file and row that has no counterpart.
fn layer_violations(graph: &Graph, layers: &[(&str, &[&str])], known: &[(&str, &str)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, target) in known {
        if !graph.get(*file).is_some_and(|imports| imports.files.contains(*target)) {
            wrong.push(format!("{file} imports {target} no more; remove it from the known imports"));
        }
    }
    for (file, imports) in graph {
        let Some((own, allowed)) = layer(layers, file) else {
            wrong.push(format!("{file} is in no layer"));
            continue;
        };
        for target in &imports.files {
            let is_allowed = is_in(target, own) || allowed.iter().any(|folder| is_in(target, folder));
            if !is_allowed && !known.contains(&(file.as_str(), target.as_str())) {
                wrong.push(format!("{file} imports {target}, which {own} may not"));
            }
        }
    }
    for (folder, _) in layers {
        if !graph.keys().any(|file| layer(layers, file).is_some_and(|(row, _)| row == folder)) {
            wrong.push(format!("{folder} is a layer without files"));
        }
    }
    wrong
}

/// Every use of a vendor's crate outside its home.
fn vendor_violations(graph: &Graph, vendors: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, imports) in graph {
        for (vendor, homes) in vendors {
            if imports.vendors.contains(*vendor) && !homes.iter().any(|home| is_in(file, home)) {
                wrong.push(format!("{file} names {vendor}"));
            }
        }
    }
    wrong
}

/// Every cycle, in words.
fn cycle_violations(graph: &Graph) -> Vec<String> {
    cycles(graph).iter().map(|group| format!("these files import one another: {group:#?}")).collect()
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_import_is_allowed_by_the_table_of_layers() {
    assert_none(&layer_violations(&GRAPH, LAYERS, KNOWN_IMPORTS));
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    assert_none(&cycle_violations(&GRAPH));
}

#[test]
fn vendor_crates_are_named_in_their_home_only() {
    assert_none(&vendor_violations(&GRAPH, VENDORS));
}

#[test]
fn permits_leases_and_redacted_text_have_one_source_each() {
    for (file, imports) in &*GRAPH {
        let used = imports.paths.iter().find(|path| path.contains("::Permit::"));
        assert!(used.is_none() || is_in(file, "crates/core/src/policy"), "{file} uses {used:?}");
    }
}

/// What a rule about syntax finds in one file.
#[derive(Default)]
struct Findings {
    is_pure: bool,
    wrong: Vec<String>,
}

impl<'ast> Visit<'ast> for Findings {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = attributes(item);
        if is_test(attributes) {
            let is_tests = matches!(item, syn::Item::Mod(module) if module.ident == "tests");
            if !is_tests {
                self.wrong.push("has `cfg(test)` outside `mod tests`".to_owned());
            }
            return;
        }
        let name = match item {
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = name.map(ToString::to_string) {
            let vague = ["Manager", "Helper", "Util", "Service", "Data"];
            // What tower calls a service is one.
            if vague.iter().any(|part| name.contains(part)) && name != "InProcessService" {
                self.wrong.push(format!("names a type {name}"));
            }
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if ["dbg", "todo", "unimplemented"].iter().any(|name| mac.path.is_ident(name)) {
            let name = mac.path.segments.last().map(|segment| segment.ident.to_string());
            self.wrong.push(format!("calls {}!", name.unwrap_or_default()));
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if self.is_pure && signature.asyncness.is_some() {
            self.wrong.push(format!("waits in `{}`", signature.ident));
        }
        syn::visit::visit_signature(self, signature);
    }
}

fn findings(source: &Source) -> Vec<String> {
    let mut findings = Findings {
        is_pure: [CORE, REDACT].iter().any(|folder| is_in(&source.file, folder)),
        wrong: Vec::new(),
    };
    findings.visit_file(&syn::parse_file(&source.text).expect("it is Rust"));
    findings.wrong.into_iter().map(|wrong| format!("{} {wrong}", source.file)).collect()
}

#[test]
fn what_is_tested_is_what_ships_and_the_core_never_waits() {
    assert_none(&SOURCES.iter().flat_map(findings).collect::<Vec<_>>());
}

#[test]
fn every_file_says_what_it_is_for() {
    for (file, text) in ["src", "crates", "tests"].into_iter().flat_map(files) {
        assert!(text.starts_with("//! "), "{file} does not open with `//!`");
    }
}

/// Sources in memory, to try the rules on: each is a file of the crate `it` under `src`, and its text.
fn graph_of(sources: &[(&str, &str)]) -> Graph {
    let sources: Vec<Source> =
        sources.iter().map(|(file, text)| source("it", "src", &format!("src/{file}"), text)).collect();
    read(&sources)
}

fn imports_of(graph: &Graph, file: &str) -> Vec<String> {
    graph[file].files.iter().cloned().collect()
}

#[test]
fn imports_are_found_wherever_they_stand() {
    for text in [
        "use crate::low::Thing;",
        "use crate::{low::{Thing, Other}};",
        "use super::low::Thing as Renamed;",
        "use crate::low::*;",
        "fn f() -> crate::low::Thing { loop {} }",
        "fn f() { use crate::low; low::thing() }",
        "fn f() { println!(\"{}\", crate::low::name()) }",
        "fn f() -> bool { matches!(1, x if x == crate::low::ONE) }",
        "#[derive(serde::Serialize)] struct S(#[serde(with = \"crate::low::format\")] u8);",
        "mod inner { use super::super::low::Thing; }",
        "impl crate::low::Trait for u8 {}",
    ] {
        let graph = graph_of(&[("high.rs", text), ("low.rs", ""), ("lib.rs", "mod high; mod low;")]);
        assert_eq!(imports_of(&graph, "src/high.rs"), ["src/low.rs"], "{text}");
    }
}

#[test]
fn declarations_comments_strings_and_tests_import_nothing() {
    for text in [
        "pub mod low;",
        "// use crate::low::Thing;",
        "/// See [`crate::low::Thing`].\nfn f() {}",
        "fn f() -> &'static str { \"use crate::low::Thing;\" }",
        "#[cfg(test)]\nmod tests { use crate::low::Thing; }",
        "use std::fmt::Write;",
    ] {
        let graph = graph_of(&[("high/mod.rs", text), ("low.rs", ""), ("high/low.rs", "")]);
        assert!(imports_of(&graph, "src/high/mod.rs").is_empty(), "{text}: {graph:?}");
    }
}

#[test]
fn a_bad_import_breaks_the_rules() {
    let layers: &[(&str, &[&str])] = &[("src/low", &[]), ("src/high", &["src/low"])];
    let good = graph_of(&[("low/a.rs", ""), ("high/b.rs", "use crate::low::a::A;")]);
    assert!(layer_violations(&good, layers, &[]).is_empty());
    assert!(cycle_violations(&good).is_empty());

    let upwards = graph_of(&[("low/a.rs", "use crate::high::b::B;"), ("high/b.rs", "")]);
    assert_eq!(
        layer_violations(&upwards, layers, &[]),
        ["src/low/a.rs imports src/high/b.rs, which src/low may not"]
    );
    assert!(layer_violations(&upwards, layers, &[("src/low/a.rs", "src/high/b.rs")]).is_empty());
    let stale = layer_violations(&good, layers, &[("src/low/a.rs", "src/high/b.rs")]);
    assert!(stale[0].contains("remove it"), "{stale:?}");

    let strange = graph_of(&[("low/a.rs", ""), ("high/b.rs", ""), ("new/c.rs", "")]);
    assert_eq!(layer_violations(&strange, layers, &[]), ["src/new/c.rs is in no layer"]);
    // `src/lower` is not in `src/low`.
    let alike = graph_of(&[("low/a.rs", ""), ("high/b.rs", ""), ("lower.rs", "")]);
    assert_eq!(layer_violations(&alike, layers, &[]), ["src/lower.rs is in no layer"]);
    let empty = graph_of(&[("high/b.rs", "")]);
    assert_eq!(layer_violations(&empty, layers, &[]), ["src/low is a layer without files"]);

    let vendor = graph_of(&[("low/a.rs", "fn f() { vendor::call() }"), ("high/b.rs", "use vendor::X;")]);
    assert_eq!(vendor_violations(&vendor, &[("vendor", &["src/high"])]), ["src/low/a.rs names vendor"]);
}

#[test]
fn a_cycle_is_found() {
    let graph = graph_of(&[
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "fn f() { crate::c::c() }"),
        ("c.rs", "use super::a::A;"),
        ("d.rs", "use crate::a::A;"),
    ]);
    assert_eq!(cycle_violations(&graph).len(), 1);
    // A facade that re-exports a child which imports the facade is a cycle.
    let facade = graph_of(&[
        ("f/mod.rs", "mod child; pub use crate::f::child::C;"),
        ("f/child.rs", "use crate::f::Other;"),
    ]);
    assert_eq!(cycle_violations(&facade).len(), 1);
}

/// What the tables are made from, to read with `--ignored --nocapture`.
#[test]
#[ignore = "prints the imports and the cycles of today"]
fn show_imports_and_cycles() {
    for (file, imports) in &*GRAPH {
        println!("{file}: {:?} {:?}", imports.files, imports.vendors);
    }
    for group in cycles(&GRAPH) {
        println!("cycle: {group:?}");
    }
}
