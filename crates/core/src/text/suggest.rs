//! "Did you mean": the known word that is most similar to a wrong one.

/// The most similar of the known words, if one is similar enough to have been meant.
pub fn closest_match<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // A much longer word is no misspelling, and comparing it would take long.
    let near = known.into_iter().filter(|name| word.len() <= name.len() + 8);
    let distances = near.map(|name| (strsim::damerau_levenshtein(&word, name), name));
    let close = distances.filter(|(distance, name)| *distance <= 2.max(name.len() / 3)).min();
    close.map(|(_, name)| name).filter(|name| word.len() > 1 && name.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_similar_words_are_suggested() {
        let known = ["status", "diagnose", "run", "approve", "retry"];
        for (word, near) in [
            ("statsu", Some("status")),
            ("Aprove", Some("approve")),
            ("diagnos", Some("diagnose")),
            ("rnu", Some("run")),
            ("retrun", Some("retry")),
            ("please", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest_match(word, known), near, "{word}");
        }
        assert_eq!(closest_match(&"a".repeat(100_000), known), None);
    }
}
