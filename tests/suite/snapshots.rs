//! What snapshots leave out of the texts that people read: times, ids, durations and ports.
//!
//! The texts stand in the tests as inline snapshots. `cargo insta test --accept --test suite` writes them
//! anew after a change of wording; `INSTA_UPDATE=no`, which `scripts/test` sets, lets every difference fail.

use regex::Regex;
use std::sync::LazyLock;

/// What is different each time, and what stands in its place.
static FILTERS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"\bc[0-9a-f]{12}\b", "[case]"),
        (r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?", "[time]"),
        (r"\b\d{4}-\d{2}-\d{2}\b", "[date]"),
        (r"\b\d{2}:\d{2}(:\d{2})?\b", "[time]"),
        (r"\b\d+(\.\d+)? ?(ms|s|min|h)\b", "[duration]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"\b\d+ MiB are free", "[space] are free"),
        (r"\b(approve|plan `?)( ?)[0-9a-f]{7,}", "$1$2[plan]"),
        (r"comment=\d+", "comment=[id]"),
        (r"[0-9a-f]{40,64}", "[hash]"),
        (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:[key]"),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with))
    .collect()
});

/// A text without what is different each time, and without trailing spaces.
pub fn stable(text: &str) -> String {
    let text = FILTERS
        .iter()
        .fold(text.to_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned());
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The same, as GitHub shows it before anybody unfolds a section.
pub fn as_shown(text: &str) -> String {
    static SECTION: LazyLock<Regex> = LazyLock::new(|| {
        let section = r"(?s)(<details><summary>[^<]*</summary>).*?</details>";
        Regex::new(section).expect("a pattern")
    });
    SECTION.replace_all(&stable(text), "$1 … </details>").into_owned()
}

/// The same, with the table of probes folded: it is long, and one test shows it.
pub fn without_evidence(text: &str) -> String {
    static TABLE: LazyLock<Regex> = LazyLock::new(|| {
        let table = r"(?s)(<details><summary>Evidence[^<]*</summary>).*?</details>";
        Regex::new(table).expect("a pattern")
    });
    TABLE.replace_all(&stable(text), "$1 … </details>").into_owned()
}

#[test]
fn times_ids_durations_and_ports_are_left_out() {
    let text =
        "Case c0123456789ab · as of 2026-09-21 13:33 UTC after 12 s on 127.0.0.1:4711, approve 0a1b2c3d";
    assert_eq!(
        stable(text),
        "Case [case] · as of [time] UTC after [duration] on 127.0.0.1:[port], approve [plan]"
    );
}
