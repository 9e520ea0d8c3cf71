//! Conformance: what the agent asks of GitHub, what the GitHub in a box answers, and what is read of real
//! webhooks, held against what GitHub publishes. `scripts/fetch-github` fetches that.

mod description;
mod drive;
mod recorder;
mod schema;
mod webhooks;

use serde_json::Value;
use std::path::Path;

/// One of the files that GitHub publishes.
fn published(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/github").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{} cannot be read ({error}): run scripts/fetch-github, which fetches it", path.display())
    });
    serde_json::from_slice(&text).expect("JSON")
}
