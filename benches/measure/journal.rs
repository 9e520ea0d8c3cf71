//! How much a case writes into the journal: incidents of QFieldCloud, played on simulated hosts.

use crate::Figure;
use fieldmedic::engine::{Shutdown, run_case_waiting};
use fieldmedic::library::Files;
use fieldmedic::scenario::{LoadedPlaybooks, ScenarioRun};
use std::collections::BTreeMap;
use std::path::Path;

pub async fn measure() -> Vec<Figure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = Files::from_dir(&root.join("playbooks")).expect("the playbooks can be read");
    let books = LoadedPlaybooks::open(&files).expect("the playbooks are right");
    let mut figures = Vec::new();
    for (name, scenario) in
        [("fixed", "worker-down"), ("escalated", "job-incomplete"), ("answered", "status")]
    {
        let run = ScenarioRun::set_up(&root.join("fixtures/qfieldcloud").join(scenario), &books).await;
        let run = run.expect("the scenario is right");
        let id = run.take_in().await.expect("it becomes a case");
        let (stop, _sender) = Shutdown::new();
        run_case_waiting(&run.agent, &id, &stop).await.expect("it is worked");
        let records = run.agent.journal.stored_records(&id).await.expect("they can be read");
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        for record in &records {
            let body: serde_json::Value = serde_json::from_str(&record.body).expect("JSON");
            *sizes.entry(body["event"].to_string()).or_default() += record.body.len();
        }
        let all: usize = sizes.values().sum();
        figures.push(Figure::new(format!("a case that is {name}"), all as f64 / 1024.0, "KB"));
        let looks = sizes.get("\"probed\"").copied().unwrap_or_default();
        figures.push(Figure::new(format!("… looks of it ({name})"), looks as f64 / 1024.0, "KB"));
    }
    figures
}
