//! The corpus: `fixtures/hostile/*.yaml`, each entry an idea of how to do harm.

use crate::sample::{Described, Sample};
use crate::scenarios::fixtures;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// One hostile input.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `file/name`.
    pub id: String,
    pub bytes: Vec<u8>,
}

/// How an entry is written in its file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Repeated {
        repeat: String,
        times: usize,
    },
    Bytes {
        hex: String,
        #[serde(default = "once")]
        times: usize,
    },
}

fn once() -> usize {
    1
}

impl Entry {
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    pub fn kind(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }
}

/// Every entry.
pub fn corpus() -> Vec<Entry> {
    let folder = fixtures().join("hostile");
    let mut entries = Vec::new();
    for file in std::fs::read_dir(&folder).expect("fixtures/hostile").map(|file| file.expect("a file").path())
    {
        if file.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("text");
        let kind = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let forms: BTreeMap<String, Form> =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{kind}: {error}"));
        for (name, form) in forms {
            let bytes = match form {
                Form::Text(text) => text.into_bytes(),
                Form::Repeated { repeat, times } => repeat.repeat(times).into_bytes(),
                Form::Bytes { hex, times } => hex::decode(&hex).expect("hex").repeat(times),
            };
            entries.push(Entry { id: format!("{kind}/{name}"), bytes });
        }
    }
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries
}

/// Every entry that is text.
pub fn texts() -> Vec<Entry> {
    corpus().into_iter().filter(|entry| entry.text().is_some()).collect()
}

/// How many entries the gate plays where each takes a whole case.
const SAMPLE_SIZE: usize = 18;

/// The entries that the gate plays, some of every kind.
pub fn sample(entries: Vec<Entry>) -> Vec<Entry> {
    let describe = |entry: &Entry| Described { group: entry.kind().to_owned(), name: entry.id.clone() };
    Sample::chosen().pick(entries, SAMPLE_SIZE, describe)
}

/// Works through entries on two threads, each with a runtime of its own, and gathers what was wrong.
pub fn for_each<F>(entries: Vec<Entry>, work: impl Fn(Entry) -> F + Send + Sync) -> usize
where
    F: Future<Output = Vec<String>>,
{
    let count = entries.len();
    let todo = std::sync::Mutex::new(entries.into_iter());
    let next = || todo.lock().expect("nobody panicked").next();
    let thread = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut wrongs = Vec::new();
        while let Some(entry) = next() {
            let id = entry.id.clone();
            let found = runtime.block_on(work(entry));
            wrongs.extend(found.into_iter().map(|wrong| format!("{id}: {wrong}")));
        }
        wrongs
    };
    let wrongs = std::thread::scope(|scope| {
        let threads = [scope.spawn(thread), scope.spawn(thread)];
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert!(
        wrongs.is_empty(),
        "{} wrongs, the first of them:\n{}",
        wrongs.len(),
        wrongs[..wrongs.len().min(20)].join("\n")
    );
    count
}

#[test]
fn every_entry_is_an_attack_of_its_own() {
    let entries = corpus();
    assert!(entries.len() >= 300, "only {} entries", entries.len());
    let distinct: BTreeSet<&[u8]> = entries.iter().map(|entry| &entry.bytes[..]).collect();
    let mut seen = BTreeSet::new();
    for entry in &entries {
        assert!(!entry.bytes.is_empty(), "{} is empty", entry.id);
        assert!(seen.insert(&entry.bytes), "{} is there twice", entry.id);
    }
    assert_eq!(distinct.len(), entries.len());
    println!("{} hostile inputs", entries.len());
}

/// What the fuzzers found worth keeping, and what they broke.
#[test]
fn what_was_fuzzed_stays_right() {
    let root = fixtures().join("../fuzz/corpus");
    for (name, target) in super::targets::ALL {
        let files: Vec<_> = std::fs::read_dir(root.join(name))
            .expect(name)
            .map(|file| file.expect("a file").path())
            .collect();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let data = std::fs::read(&file).expect("it can be read");
            let ran = std::panic::catch_unwind(|| target(&data));
            assert!(ran.is_ok(), "{name} fails on {}", file.display());
        }
    }
}

/// The corpus of attacks is one for the fuzzed functions too.
#[test]
fn every_entry_passes_every_target() {
    for entry in corpus() {
        // What is huge has its own tests, and would take long here.
        let bytes = &entry.bytes[..entry.bytes.len().min(4096)];
        for (name, target) in super::targets::ALL {
            for input in [bytes, &[&[0], bytes].concat()] {
                let ran = std::panic::catch_unwind(|| target(input));
                assert!(ran.is_ok(), "{name} fails on {}", entry.id);
            }
        }
    }
}
