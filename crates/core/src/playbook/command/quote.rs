//! How a word is quoted for a POSIX shell, and read back.

/// Quotes one word for a POSIX shell: as it is where that is safe, else in single quotes, in which
/// nothing is special but the quote itself. People read and repeat these lines, so a script stays one
/// readable block. Values are checked to hold no NUL, the one thing that cannot be quoted; should one
/// get here, it is dropped.
pub(crate) fn quote(word: &str) -> String {
    if !word.is_empty() && !always_quoted(word) {
        return word.to_owned();
    }
    format!("'{}'", escaped(&word.replace('\0', "")))
}

/// Whether a word that holds this text is quoted, whatever else it holds.
pub(crate) fn always_quoted(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    !text.bytes().all(is_plain)
}

/// Text as it stands between single quotes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\'', r"'\''")
}

/// Takes one word off a line, if it is quoted as [`quote`] quotes it: the word, and what follows.
pub(crate) fn take_word(line: &str) -> Option<(String, &str)> {
    let end = match line.strip_prefix('\'') {
        Some(inner) => line.len() - behind_quoted(inner)?.len(),
        None => line.find(' ').unwrap_or(line.len()),
    };
    let (encoded, rest) = line.split_at(end);
    let word = match encoded.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')) {
        Some(inner) => inner.replace(r"'\''", "'"),
        None => encoded.to_owned(),
    };
    (quote(&word) == encoded).then_some((word, rest))
}

/// What follows the quote that closes a quoted word.
fn behind_quoted(mut inner: &str) -> Option<&str> {
    loop {
        let (_, behind) = inner.split_once('\'')?;
        match behind.strip_prefix(r"\''") {
            Some(goes_on) => inner = goes_on,
            None => return Some(behind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_from_a_shell_as_it_was() {
        for word in [
            "",
            "a",
            "it's",
            "''",
            "a\nb",
            "$(x)",
            "`x`",
            "\\",
            "a b",
            "*",
            "~",
            "é",
            "'; rm -rf /; '",
            "-n",
            "\t",
        ] {
            assert_eq!(shlex::split(&quote(word)), Some(vec![word.to_owned()]), "{word:?}");
            let line = format!("{} 'next' one", quote(word));
            assert_eq!(take_word(&line), Some((word.to_owned(), " 'next' one")), "{word:?}");
        }
    }
}
