//! The pure parts, each with what it works on.

use fieldmedic::core::case::Case;
use fieldmedic::core::case::record::Record;
use fieldmedic::core::decide::{DecisionInput, decide};
use fieldmedic::core::expr::{Expr, Scope};
use fieldmedic::core::ids::{HostName, Role, SystemName, SystemTypeName};
use fieldmedic::core::playbook::inventory::{Inventory, System};
use fieldmedic::core::text::redact::{Redacted, Redactor};
use fieldmedic::core::ticket::Ticket;
use fieldmedic::core::ticket::triage::triage;
use fieldmedic::core::view::report::report;
use fieldmedic::engine::{Shutdown, run_case_waiting};
use fieldmedic::library::{self, Files};
use fieldmedic::scenario::{LoadedPlaybooks, ScenarioRun};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

/// So many playbooks a large library has.
const PLAYBOOKS: usize = 1000;

/// One part.
pub struct Part {
    pub name: &'static str,
    pub run: Box<dyn Fn()>,
}

fn part<T>(name: &'static str, run: impl Fn() -> T + 'static) -> Part {
    Part { name, run: Box::new(move || drop(black_box(run()))) }
}

/// All of them.
pub async fn parts() -> Vec<Part> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.ancestors().find(|folder| folder.join("playbooks/qfieldcloud").is_dir());
    let root = root.expect("the root of the project");
    let files = Files::from_dir(&root.join("playbooks")).expect("the playbooks can be read");
    let books = LoadedPlaybooks::open(&files).expect("the playbooks are right");
    let run = ScenarioRun::set_up(&root.join("fixtures/qfieldcloud/worker-down"), &books).await;
    let run = run.expect("the scenario is right");
    let id = run.take_in().await.expect("it becomes a case");
    let (stop, _sender) = Shutdown::new();
    let case = run_case_waiting(&run.agent, &id, &stop).await.expect("it is worked");
    let records: Vec<Record> = run.agent.journal.load(&id).await.expect("they can be read");
    let stages: Vec<Case> =
        (1..=records.len()).map(|number| Case::fold(&id, &records[..number]).expect("it is whole")).collect();
    let agent = run.agent;
    let ticket = case.ticket.clone();
    let report_library = agent.library.clone();
    let mut parts = texts();
    parts.push(part("fold of a fixed case", move || Case::fold(&id, &records)));
    parts.push(part("decisions of a fixed case", move || {
        for case in &stages {
            black_box(decide(
                case,
                DecisionInput {
                    library: &agent.library,
                    inventory: &agent.inventory,
                    policy: &agent.policy,
                    pause: None,
                    signals: &[],
                    history: None,
                    now: agent.clock.now(),
                },
            ));
        }
    }));
    parts.push(part("report of a fixed case", move || report(&case, &report_library)));
    parts.push(expression());
    parts.extend(large_library(&ticket));
    parts
}

/// Redaction.
fn texts() -> Vec<Part> {
    let ticket = "The synchronisation has been waiting since this morning, and nothing happens. ".repeat(26);
    let service = r#"{"image":"registry.example.org/app:1.2","ports":["8000:8000"],"path":"/opt/app/log"},"#;
    let output = format!("[{}]", service.repeat(60));
    let redactor = Redactor::default;
    vec![
        part("redaction of a ticket of 2 KB", {
            let redactor = redactor();
            move || redactor.text(&ticket)
        }),
        part("redaction of an output of 5 KB", {
            let redactor = redactor();
            move || redactor.text(&output)
        }),
    ]
}

fn expression() -> Part {
    let expr =
        Expr::new("disk.used > 90 and (disk.rows | length > 3 or mode == 'act')").expect("an expression");
    let mut scope = Scope::default();
    scope.set("mode", Ok("act".into()));
    let facts = [("used", 93.into()), ("rows", vec![1, 2].into())];
    scope.set_namespace("disk", facts.map(|(name, value)| (name.to_owned(), Ok(value))).into());
    part("expression", move || expr.truth(&scope))
}

/// A system type with so many faults, each with patterns of its own.
pub fn large_files(playbooks: usize) -> Files {
    let system = "format: 1\nsystem_type: large\nprobes:\n  disk:\n    run: df -P /\n    parse: table\n    facts:\n      used: rows[0].Capacity | number\n";
    let mut files = BTreeMap::from([("large/system.yaml".to_owned(), system.to_owned())]);
    for number in 0..playbooks {
        let name = format!("fault-{number}");
        let text = format!(
            "playbook: {name}\ntitle: Fault {number}\nsymptoms:\n  patterns: ['\\bunit{number}\\w* (?:is|are) (?:down|dead|gone)\\b', 'error {number}\\b.*\\b(?:service|queue)']\nwhen: disk.used > {number}\nsummary: \"{{{{ disk.used }}}} %\"\nremediation:\n  - {{ name: clean, run: 'clean {number}', if_interrupted: rerun }}\nverify:\n  - {{ that: disk.used < {number} }}\nescalate: {{ advice: look }}\n"
        );
        files.insert(format!("large/{name}.yaml"), text);
    }
    Files::from_map(files)
}

fn large_library(ticket: &Ticket) -> Vec<Part> {
    let files = large_files(PLAYBOOKS);
    let library = library::load(&files).expect("it is right");
    let main = HostName::new("main").expect("a name");
    let name = SystemName::new("large").expect("a name");
    let system = System {
        name: name.clone(),
        system_type: SystemTypeName::new("large").expect("a name"),
        hosts: BTreeMap::from([(Role::main(), main)]),
        params: BTreeMap::new(),
        aliases: Vec::new(),
        mode: None,
    };
    let inventory = Inventory { systems: BTreeMap::from([(name, system)]), ..Inventory::default() };
    let words =
        "The synchronisation has been waiting since this morning, and unit7 is not as it was. ".repeat(24);
    let ticket = Ticket {
        body: Redactor::default().text(&format!("{words} unit500 is down.")),
        title: Redacted::constant("Nothing works"),
        ..ticket.clone()
    };
    let found = triage(&ticket, &library, &inventory, None, None).matched_faults;
    assert!(!found.is_empty(), "the fault of that unit");
    let (first_library, first_inventory, first_ticket) = (library.clone(), inventory.clone(), ticket.clone());
    vec![
        part("triage at 1,000 playbooks", move || triage(&ticket, &library, &inventory, None, None)),
        // A clone builds its index anew; what the clone itself takes is a part of it.
        part("first triage at 1,000 playbooks", move || {
            triage(&first_ticket, &first_library.clone(), &first_inventory, None, None)
        }),
        part("load of 1,000 playbooks", move || library::load(&files).is_ok()),
    ]
}
