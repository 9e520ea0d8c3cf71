//! Groups of files that import one another.

use super::imports::Graph;
use std::collections::{BTreeMap, BTreeSet};

/// Every group of two or more files in which each reaches each other by imports. Without a cycle there is
/// none.
pub fn cycles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (file.as_str(), reachable(graph, file))).collect();
    let mut groups = BTreeSet::new();
    for (file, from_here) in &reach {
        let group: BTreeSet<String> = from_here
            .iter()
            .filter(|other| reach.get(*other).is_some_and(|from_there| from_there.contains(file)))
            .map(|other| (*other).to_owned())
            .collect();
        if group.len() > 1 {
            groups.insert(group);
        }
    }
    groups.into_iter().collect()
}

/// All files that a file imports, directly or by way of others.
fn reachable<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in graph.get(file).into_iter().flat_map(|imports| &imports.files) {
            if found.insert(next.as_str()) {
                open.push(next);
            }
        }
    }
    found
}
