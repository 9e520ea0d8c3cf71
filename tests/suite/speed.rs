//! A smoke of the benches: no pure part takes twice what was noted, measured against a reference in the same run.
//!
//! Times say nothing on a shared machine. These are ratios of the processor's time of one thread, each the smallest
//! of many runs in turn with the reference, so that what else runs here counts for little. `scripts/bench` measures
//! the release build.

#[path = "../../benches/pure/parts.rs"]
mod parts;

use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

/// What each part takes, as a multiple of the reference, in the profile of the tests.
const NOTED: &[(&str, f64)] = &[
    ("redaction of a ticket of 2 KB", 1.0),
    ("redaction of an output of 5 KB", 1.0),
    ("fold of a fixed case", 1.0),
    ("decisions of a fixed case", 1.0),
    ("report of a fixed case", 1.0),
    ("expression", 1.0),
    ("triage at 1,000 playbooks", 1.0),
    ("first triage at 1,000 playbooks", 1.0),
    ("load of 1,000 playbooks", 1.0),
];

/// How often each is measured, and so much time of the processor it may take altogether.
const RUNS: usize = 20;
const ENOUGH: Duration = Duration::from_millis(600);

/// What everything is compared with: words are read, counted and sorted.
fn reference() -> usize {
    let text = "the worker of queue seven is down since this morning, and nothing happens ".repeat(40);
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for word in text.split(' ') {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    let mut found: Vec<(usize, String)> = words.into_iter().map(|(word, count)| (count, word)).collect();
    found.sort();
    found.len()
}

fn time_of(run: impl FnOnce()) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a time after the start");
    let begun = now();
    run();
    now() - begun
}

#[tokio::test]
async fn no_pure_part_takes_twice_what_was_noted() {
    let parts = parts::parts().await;
    let mut too_slow = Vec::new();
    for part in &parts {
        let noted = NOTED.iter().find(|(name, _)| *name == part.name).expect("each part is noted").1;
        (part.run)();
        let (mut least, mut least_reference, mut all) = (Duration::MAX, Duration::MAX, Duration::ZERO);
        for _ in 0..RUNS {
            least_reference = least_reference.min(time_of(|| drop(black_box(reference()))));
            let took = time_of(&part.run);
            least = least.min(took);
            all += took;
            if all > ENOUGH {
                break;
            }
        }
        let ratio = least.as_secs_f64() / least_reference.as_secs_f64();
        println!("    (\"{}\", {ratio:.2}),", part.name);
        if ratio > 2.0 * noted {
            too_slow.push(format!("{}: {ratio:.2} times the reference, and {noted} were noted", part.name));
        }
    }
    assert!(too_slow.is_empty(), "{too_slow:#?}");
    assert_eq!(parts.len(), NOTED.len(), "a part is noted and not there");
}
