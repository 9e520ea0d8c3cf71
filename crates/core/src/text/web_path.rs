//! Paths under which a reverse proxy shows something.

/// The longest of them, in bytes.
const LONGEST: usize = 100;

/// Whether a text is `/a/b`, or empty: plain segments, so that it means nothing else in a link or in a header.
pub fn is_web_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_segment =
        |part: &str| !part.is_empty() && part.bytes().all(is_plain) && !part.bytes().all(|byte| byte == b'.');
    let is_whole = |path: &str| path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment));
    path.is_empty() || (path.len() <= LONGEST && is_whole(path))
}
