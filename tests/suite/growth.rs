//! The journal of a healthy installation does not grow: a sweep that finds nothing new leaves nothing.

use crate::sample::Sample;
use crate::test_agent::TestAgent;
use chrono::TimeDelta;
use fieldmedic::core::ids::SystemName;
use fieldmedic::engine::check_systems;
use fieldmedic::ports::{Clock, Measurements};
use fieldmedic::store::Sqlite;
use std::path::Path;
use std::sync::Arc;

/// The length of the journal's file, without what waits in the log.
async fn length(journal: Sqlite, file: &Path) -> u64 {
    journal.close().await;
    std::fs::metadata(file).expect("the journal").len()
}

#[tokio::test]
async fn a_week_of_sweeps_leaves_nothing() {
    // The gate plays a day on some of the systems.
    let (systems, hours) = if Sample::chosen() == Sample::All { (50, 7 * 24) } else { (10, 24) };
    let mut agent = TestAgent::on("disk-full-healthy").build().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("journal.db");
    let context = agent.context_mut();
    let mut library = (*context.library).clone();
    let system_type = library.systems.get_mut("qfieldcloud").expect("a system type");
    system_type.faults.retain(|fault| fault.name.as_str() == "disk-full");
    context.library = Arc::new(library);
    let mut inventory = (*context.inventory).clone();
    let system = inventory.systems.values().next().expect("a system").clone();
    for number in 1..systems {
        let mut another = system.clone();
        another.name = SystemName::new(format!("another-{number}")).expect("a name");
        inventory.systems.insert(another.name.clone(), another);
    }
    context.inventory = Arc::new(inventory);

    let mut lengths = Vec::new();
    let mut records = Vec::new();
    for hour in 0..hours {
        let journal = Sqlite::open(&file).await.expect("a journal");
        agent.context_mut().journal = Arc::new(journal.clone());
        let swept = check_systems(agent.context()).await.expect("it is swept");
        assert_eq!(swept.len(), systems);
        assert!(swept.iter().all(|swept| swept.opened.is_none() && swept.diagnosis.findings.is_empty()));
        assert_eq!(agent.journal().sweeps().await.expect("they can be read").len(), systems);
        // Measurements are bounded by their age alone, so their age is made short here.
        let now = agent.clock().now() + TimeDelta::hours(1);
        journal.purge_measurements(now, now).await.expect("they can be removed");
        if hour % 12 == 11 {
            records.push(agent.journal().audit().await.expect("it can be read").records);
            lengths.push(length(journal, &file).await);
        }
        agent.passes(TimeDelta::hours(1));
    }
    assert!(records.iter().all(|count| *count == 0), "{records:?}");
    // Rows are written anew in place; two pages are what that may take.
    let first = lengths.first().copied().expect("half a day") + 2 * 4096;
    assert!(lengths.iter().all(|length| *length <= first), "{lengths:?}");
}
