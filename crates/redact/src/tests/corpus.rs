//! Secrets and harmless texts in the notations of real tools, from `tests/data/redaction`.

use crate::{MASK, Redactor};

const SECRETS: &str = include_str!("../../../../tests/data/redaction/secrets.txt");
const HARMLESS: &str = include_str!("../../../../tests/data/redaction/harmless.txt");

/// A text, and what must be hidden in it.
struct Entry {
    kind: String,
    text: String,
    secrets: Vec<String>,
}

/// The entries of a file: each begins with `%%` and its kind.
fn entries(file: &str) -> Vec<Entry> {
    let parts = file.split("\n%%").skip(1);
    parts
        .map(|part| {
            let (kind, text) = part.split_once('\n').expect("an entry has a text");
            let text = text.strip_suffix('\n').unwrap_or(text).replace('¦', "").replace('␀', "\0");
            let secrets =
                text.split('⟦').skip(1).map(|rest| rest.split('⟧').next().unwrap_or_default().to_owned());
            Entry {
                kind: kind.trim().to_owned(),
                secrets: secrets.collect(),
                text: text.replace(['⟦', '⟧'], ""),
            }
        })
        .collect()
}

/// Whether a reader of `said` learns a secret: it is there whole, or at least 6 characters and 30 % of it
/// are, or 12.
fn leaks(said: &str, secret: &str) -> bool {
    let letters: Vec<char> = secret.chars().collect();
    let share = letters.len().div_ceil(3).clamp(6, 12).min(letters.len());
    letters.windows(share).any(|window| said.contains(&window.iter().collect::<String>()))
}

#[test]
fn at_least_99_percent_of_all_secrets_are_hidden() {
    let entries = entries(SECRETS);
    assert!(entries.len() >= 300, "{}", entries.len());
    let redactor = Redactor::default();
    let mut failed = Vec::new();
    for entry in &entries {
        let kept = redactor.text(&entry.text).to_string();
        let published = redactor.publish(&entry.text).to_string();
        assert!(!entry.secrets.is_empty(), "nothing is marked in {}", entry.text);
        for secret in &entry.secrets {
            if (entry.kind != "publish only" && leaks(&kept, secret)) || leaks(&published, secret) {
                failed.push(format!(
                    "{}: {:?}\n  became {kept:?}\n  published {published:?}",
                    entry.kind, entry.text
                ));
                break;
            }
        }
    }
    for failure in &failed {
        println!("{failure}");
    }
    assert!(failed.len() * 100 <= entries.len(), "{} of {} secrets stay", failed.len(), entries.len());
}

#[test]
fn at_most_2_percent_of_harmless_texts_are_touched() {
    let entries = entries(HARMLESS);
    assert!(entries.len() >= 200, "{}", entries.len());
    let redactor = Redactor::default();
    let mut touched = 0;
    for entry in &entries {
        let kept = redactor.text(&entry.text).to_string();
        let published = redactor.publish(&entry.text).to_string();
        if kept != entry.text || published != entry.text {
            touched += 1;
            println!("{:?}\n  became {kept:?}\n  published {published:?}", entry.text);
        }
    }
    assert!(touched * 50 <= entries.len(), "{touched} of {} harmless texts are touched", entries.len());
}

/// Wherever a text with a key is cut, the rest of the key is hidden.
#[test]
fn a_key_stays_hidden_wherever_the_text_is_cut() {
    let redactor = Redactor::default();
    let keys = entries(SECRETS)
        .into_iter()
        .filter(|entry| entry.kind == "keys" && entry.secrets.len() > 2 && entry.text.contains("BEGIN"));
    for entry in keys {
        let lines: Vec<&str> = entry.text.lines().collect();
        for first in 0..lines.len() {
            let said = redactor.text(&lines[first..].join("\n")).to_string();
            for secret in &entry.secrets {
                assert!(!leaks(&said, secret), "from line {first} on: {said}");
            }
        }
    }
}

#[test]
fn what_is_published_twice_is_published_once() {
    let redactor = Redactor::default();
    for entry in entries(SECRETS).iter().chain(&entries(HARMLESS)) {
        let once = redactor.publish(&entry.text);
        assert_eq!(redactor.publish(once.as_str()), once, "{:?}", entry.text);
        assert_eq!(redactor.text(once.as_str()), once, "{:?}", entry.text);
        let kept = redactor.text(&entry.text);
        assert_eq!(redactor.text(kept.as_str()), kept, "{:?}", entry.text);
    }
    assert_eq!(redactor.publish(MASK).as_str(), MASK);
}
