//! Where a comment holds a command: at the beginning of a line that its author wrote, and that GitHub shows as
//! plain text.

use crate::ticket::authored_text::plain_lines;

/// The words behind the prefix on the first line that begins with it; empty if the prefix stands alone.
pub(crate) fn locate(body: &str, prefix: &str) -> Option<String> {
    if prefix.is_empty() {
        return None;
    }
    plain_lines(body).iter().find_map(|line| words_behind(line, prefix).map(str::to_owned))
}

fn words_behind<'l>(line: &'l str, prefix: &str) -> Option<&'l str> {
    let line = line.trim();
    let (head, words) = line.split_at_checked(prefix.len())?;
    // Behind another letter it is another, longer command.
    let is_whole = words.chars().next().is_none_or(char::is_whitespace);
    (is_whole && head.eq_ignore_ascii_case(prefix)).then(|| words.trim())
}
