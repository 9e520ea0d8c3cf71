//! The part of a large set of runs that the gate plays. The commit's hash chooses it, so each commit plays
//! another part, and over time the gate plays everything.
//!
//! - `FIELDMEDIC_SAMPLE=<text>` plays the sample of that text, such as a commit's hash.
//! - `FIELDMEDIC_SAMPLE=all` plays everything. `scripts/nightly` does.

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::process::Command;

/// The environment variable that chooses the sample.
const VARIABLE: &str = "FIELDMEDIC_SAMPLE";

/// Which runs are played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample {
    All,
    /// Chosen by this text.
    Keyed(String),
}

impl Sample {
    /// The sample that the environment asks for, or the sample of the commit that is checked out.
    pub fn chosen() -> Self {
        match std::env::var(VARIABLE) {
            Ok(key) if key == "all" => Self::All,
            Ok(key) if !key.is_empty() => Self::Keyed(key),
            _ => Self::Keyed(commit().unwrap_or_else(|| "no commit".to_owned())),
        }
    }

    /// At most `size` of the items, in their order. As long as `size` allows, every group has one.
    pub fn pick<T>(&self, items: Vec<T>, size: usize, describe: impl Fn(&T) -> Described) -> Vec<T> {
        if *self == Self::All || items.len() <= size {
            return items;
        }
        let mut ranked: Vec<(u64, String, usize)> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let Described { group, name } = describe(item);
                (self.rank(&name), group, index)
            })
            .collect();
        ranked.sort();
        // The first of each group go before all others.
        let mut groups = BTreeSet::new();
        let (firsts, others): (Vec<_>, Vec<_>) =
            ranked.into_iter().partition(|(_, group, _)| groups.insert(group.clone()));
        let picked = firsts.into_iter().chain(others).take(size);
        let picked: BTreeSet<usize> = picked.map(|(.., index)| index).collect();
        let picked = items.into_iter().enumerate().filter(|(index, _)| picked.contains(index));
        picked.map(|(_, item)| item).collect()
    }

    /// The first of the seeds that this sample plays; 1 if everything is played.
    pub fn first_seed(&self) -> u64 {
        match self {
            Self::All => 1,
            Self::Keyed(_) => 1 + self.rank("first seed") % 1_000_000_000,
        }
    }

    /// A number that the sample and the text determine.
    fn rank(&self, text: &str) -> u64 {
        let hash = Sha256::digest(format!("{self}\0{text}"));
        hash.iter().take(8).fold(0, |rank, byte| rank << 8 | u64::from(*byte))
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "{VARIABLE}=all"),
            Self::Keyed(key) => write!(f, "{VARIABLE}={key}"),
        }
    }
}

/// What a sample knows of an item: the group that must be there, and a name that no other item has.
pub struct Described {
    pub group: String,
    pub name: String,
}

/// The hash of the commit that is checked out.
fn commit() -> Option<String> {
    let head =
        Command::new("git").args(["rev-parse", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let head = head.ok().filter(|head| head.status.success())?;
    Some(String::from_utf8_lossy(&head.stdout).trim().to_owned())
}

#[test]
fn a_sample_holds_every_group_and_differs_by_its_key() {
    let items: Vec<usize> = (0..1000).collect();
    // Group 0 has one item; group 9 has very many.
    let group = |item: &usize| if *item < 10 { *item } else { 9 };
    let describe = |item: &usize| Described { group: group(item).to_string(), name: item.to_string() };
    let pick = |key: &str| Sample::Keyed(key.to_owned()).pick(items.clone(), 100, describe);
    let one = pick("one");
    assert_eq!(one, pick("one"));
    assert_ne!(one, pick("two"));
    assert!(one.is_sorted());
    assert_eq!(one.len(), 100);
    for number in 0..10 {
        assert!(one.iter().any(|item| group(item) == number), "group {number} is missing");
    }
    assert_eq!(Sample::All.pick(items.clone(), 100, describe), items);
    // So many commits play everything.
    let played: BTreeSet<usize> = (0..200).flat_map(|key| pick(&key.to_string())).collect();
    assert_eq!(played.len(), items.len());
    let seeds = ["one", "two"].map(|key| Sample::Keyed(key.to_owned()).first_seed());
    assert!(seeds[0] != seeds[1] && seeds[0] > 0, "{seeds:?}");
    assert_eq!(Sample::All.first_seed(), 1);
}
