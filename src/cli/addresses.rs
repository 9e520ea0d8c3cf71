//! Repositories and logins as people write them.

use crate::core::chatops::access::Person;
use crate::core::ticket::Repo;

/// A repository as people write it: `owner/name`, or any address on GitHub below it.
///
/// # Errors
/// Says what is expected.
pub(super) fn repo(text: &str) -> Result<Repo, String> {
    let expected = || format!("`{text}` is not a repository; write owner/name, such as example/support");
    let path = match path_of(text) {
        Some(path) => path,
        // The form of `git clone` over SSH.
        None => text.split_once(':').map_or(text, |(_, path)| path),
    };
    let is_address = path.len() < text.len();
    let mut parts = path.trim_matches('/').split('/');
    let (owner, name) = parts.next().zip(parts.next()).ok_or_else(expected)?;
    if parts.next().is_some() && !is_address {
        return Err(expected());
    }
    let name = name.strip_suffix(".git").unwrap_or(name);
    format!("{}/{name}", owner.trim_start_matches('@')).parse().map_err(|_| expected())
}

/// One repository or more, with spaces or commas between.
///
/// # Errors
/// Says which of them is none.
pub(super) fn repos(text: &str) -> Result<Vec<Repo>, String> {
    let repos = words(text).map(repo).collect::<Result<Vec<_>, _>>()?;
    if repos.is_empty() { Err("at least one repository is needed".to_owned()) } else { Ok(repos) }
}

/// A login as people write it: with or without `@`, or the address of the account's page.
///
/// # Errors
/// Says what is expected.
pub(super) fn login(text: &str) -> Result<String, String> {
    let name = path_of(text).map_or(text, |path| path.trim_end_matches('/'));
    match name.parse::<Person>() {
        Ok(Person { login, id: None }) if login.len() <= 39 => Ok(login),
        _ => Err(format!("`{text}` is not a login on GitHub, such as ops-lead")),
    }
}

/// The path of an address, with or without its scheme; `None` if the text is no address. The name of an owner
/// has no dot, and the name of a machine has one.
fn path_of(text: &str) -> Option<&str> {
    let address = text.split_once("://").map_or(text, |(_, address)| address);
    let (machine, path) = address.split_once('/')?;
    let is_machine = machine.contains('.') && !machine.contains(':');
    (address.len() < text.len() || is_machine).then_some(path)
}

/// Any number of logins, with spaces or commas between.
///
/// # Errors
/// Says which of them is none.
pub(super) fn logins(text: &str) -> Result<Vec<String>, String> {
    words(text).map(login).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    words.filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("and"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_understood_as_people_write_them() {
        for text in [
            "example/support",
            " example/support ",
            "@example/support",
            "https://github.com/example/support",
            "https://github.com/example/support/",
            "https://github.com/example/support.git",
            "https://github.com/example/support/issues/12",
            "http://ghe.example.org/example/support",
            "github.com/example/support",
            "www.github.com/example/support/issues",
            "git@github.com:example/support.git",
        ] {
            assert_eq!(repos(text).map(|repos| repos[0].to_string()), Ok("example/support".into()), "{text}");
        }
        let several = repos("example/support, example/other;example/third and example/fourth");
        assert_eq!(several.map(|repos| repos.len()), Ok(4));
        for text in ["", "example", "example/", "/support", "a/b/c", "https://github.com/example", "a b/c"] {
            assert!(repos(text).is_err(), "{text}");
        }
    }

    #[test]
    fn logins_are_understood_as_people_write_them() {
        for text in ["ops-lead", "@ops-lead", "https://github.com/ops-lead", "github.com/ops-lead/"] {
            assert_eq!(login(text), Ok("ops-lead".into()), "{text}");
        }
        assert_eq!(logins("@ops-lead, night-shift"), Ok(vec!["ops-lead".into(), "night-shift".into()]));
        assert_eq!(logins(""), Ok(Vec::new()));
        for text in ["ops lead!", "ada@example.org", "a/b", "@"] {
            assert!(logins(text).is_err(), "{text}");
        }
    }
}
