//! `--answers`: a file of TOML in place of questions. Everything that is wrong with it is told at once.

#![expect(clippy::disallowed_methods, reason = "reads the file that --answers names")]

use crate::cli::addresses;
use crate::core::ids::HostName;
use crate::core::text::suggest::closest_match;
use crate::core::ticket::Repo;
use miette::{IntoDiagnostic, Result, WrapErr, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::{Table, Value};

/// What `--help` shows of the file.
pub(super) const EXAMPLE: &str = "\
A file for --answers; only what has no comment is needed:
  repos = [\"example/tickets\"]      # init: where people file tickets
  auth = \"token\"                   # init: or \"app\"; token by default
  on_call = [\"ops-lead\"]           # init: nobody by default

  [host]                           # host add; init goes without, if it is left out
  address = \"203.0.113.10\"
  host_key = \"SHA256:…\"            # its fingerprint; needed unless the key is known already
  name = \"main\"                    # main by default
  port = 22                        # 22 by default
  user = \"medic\"                   # medic by default
  admin = \"root\"                   # your own login there: user and key are set up over your ssh
  docker = true                    # whether the user may use Docker; true by default
  systems = [\"main\", \"app\"]        # which of those that are found are added; all by default

  [host.params.app]                # values in place of those that were found
  project_path = \"/srv/app\"";

/// Whose questions the file answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// `init`: the repositories; a host is possible.
    Repos,
    /// `host add`: a host.
    Host,
}

/// All answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answers {
    pub repos: Vec<Repo>,
    /// Whether to work as an App; `None` leaves it open.
    pub app: Option<bool>,
    pub on_call: Vec<String>,
    pub host: Option<HostAnswers>,
}

/// The answers about a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HostAnswers {
    pub name: HostName,
    pub address: String,
    pub port: u16,
    pub user: String,
    /// The fingerprint of its key, `SHA256:…`.
    pub host_key: Option<String>,
    /// The login by which the server is set up over the person's own ssh.
    pub admin: Option<String>,
    pub docker: bool,
    /// The names of the systems to add; `None`: all that are found.
    pub systems: Option<BTreeSet<String>>,
    /// Values by system and parameter.
    pub params: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Answers {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Every answer that is missing, unknown or cannot be used.
    pub(super) fn read(path: &Path, needs: Needs) -> Result<Self> {
        let text = std::fs::read_to_string(path).into_diagnostic().wrap_err(path.display().to_string())?;
        let table: Table = text.parse().into_diagnostic().wrap_err(path.display().to_string())?;
        let mut problems = Vec::new();
        let answers = Self::decode(table, needs, &mut problems);
        if !problems.is_empty() {
            let lines: Vec<String> = problems.iter().map(|problem| format!("  - {problem}")).collect();
            bail!("the answers in {} cannot be used:\n{}", path.display(), lines.join("\n"));
        }
        Ok(answers)
    }

    fn decode(table: Table, needs: Needs, problems: &mut Vec<String>) -> Self {
        let mut section = Section::new("", table);
        let repos = section.take("repos", problems, |value| each(value, addresses::repo));
        if needs == Needs::Repos && repos.as_ref().is_none_or(Vec::is_empty) && !section.is_bad("repos") {
            problems.push("`repos` is missing: where people file tickets".to_owned());
        }
        let app = section.take("auth", problems, |value| match text(value)?.as_str() {
            "token" => Ok(false),
            "app" => Ok(true),
            other => Err(format!("`{other}` is neither token nor app")),
        });
        let on_call = section.take("on_call", problems, |value| each(value, addresses::login));
        let host = section.take("host", problems, |value| {
            value.as_table().cloned().ok_or_else(|| "it is a section, [host]".to_owned())
        });
        if needs == Needs::Host && host.is_none() && !section.is_bad("host") {
            problems.push("the section [host] is missing".to_owned());
        }
        let host = host.and_then(|table| HostAnswers::decode(table, problems));
        section.finish(problems);
        Self { repos: repos.unwrap_or_default(), app, on_call: on_call.unwrap_or_default(), host }
    }
}

impl HostAnswers {
    fn decode(table: Table, problems: &mut Vec<String>) -> Option<Self> {
        let mut section = Section::new("host.", table);
        let address = section.take("address", problems, |value| host_address(&text(value)?));
        if address.is_none() && !section.is_bad("address") {
            problems.push("`host.address` is missing: the address of the server".to_owned());
        }
        let name = section.take("name", problems, |value| host_name(&text(value)?));
        let port = section.take("port", problems, |value| {
            let number = value.as_integer().and_then(|number| u16::try_from(number).ok());
            number.filter(|port| *port > 0).ok_or_else(|| "it is a number from 1 to 65535".to_owned())
        });
        let user = section.take("user", problems, |value| login_user(&text(value)?));
        let admin = section.take("admin", problems, |value| login_user(&text(value)?));
        let host_key = section.take("host_key", problems, |value| fingerprint(&text(value)?));
        let docker = section.take("docker", problems, |value| {
            value.as_bool().ok_or_else(|| "it is true or false".to_owned())
        });
        let systems = section.take("systems", problems, |value| each(value, |name| Ok(name.to_owned())));
        let params = section.take("params", problems, |value| {
            let of_system = |(name, values): (&String, &Value)| {
                let values = values.as_table()?.clone().into_iter().collect();
                Some((name.clone(), values))
            };
            let table = value.as_table().and_then(|table| table.iter().map(of_system).collect());
            table.ok_or_else(|| "it has a section for each system, [host.params.<system>]".to_owned())
        });
        section.finish(problems);
        Some(Self {
            name: name.or_else(|| HostName::new("main").ok())?,
            address: address?,
            port: port.unwrap_or(22),
            user: user.unwrap_or_else(|| "medic".to_owned()),
            host_key,
            admin,
            docker: docker.unwrap_or(true),
            systems: systems.map(|names| names.into_iter().collect()),
            params: params.unwrap_or_default(),
        })
    }
}

/// One table of the file. What is not taken is unknown.
struct Section {
    prefix: &'static str,
    table: Table,
    known: Vec<&'static str>,
    bad: Vec<&'static str>,
}

impl Section {
    fn new(prefix: &'static str, table: Table) -> Self {
        Self { prefix, table, known: Vec::new(), bad: Vec::new() }
    }

    fn take<T>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<String>,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        read(&value)
            .map_err(|why| {
                self.bad.push(key);
                problems.push(format!("`{}{key}`: {why}", self.prefix));
            })
            .ok()
    }

    /// Whether the key is there and cannot be used, so that it is not missing.
    fn is_bad(&self, key: &str) -> bool {
        self.bad.contains(&key)
    }

    fn finish(self, problems: &mut Vec<String>) {
        for key in self.table.keys() {
            let hint = match closest_match(key, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are: {}", self.known.join(", ")),
            };
            problems.push(format!("`{}{key}` is unknown; {hint}", self.prefix));
        }
    }
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| "it is a text, in quotes".to_owned())
}

fn each<T>(value: &Value, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let items = value.as_array().ok_or("it is a list of texts, [\"…\"]")?;
    items.iter().map(|item| read(&text(item)?)).collect()
}

/// A name or an IP address of a server, or an alias of OpenSSH's configuration.
///
/// # Errors
/// Says what is expected.
pub(super) fn host_address(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
    let is_address =
        !text.is_empty() && text.len() <= 253 && !text.starts_with('-') && text.chars().all(is_plain);
    match is_address {
        true => Ok(text.to_owned()),
        false => {
            Err(format!("`{text}` is not an address; write a name or an IP address, without user and port"))
        }
    }
}

/// The name of a host in the configuration.
///
/// # Errors
/// Says what is expected.
pub(super) fn host_name(text: &str) -> Result<HostName, String> {
    HostName::new(text).map_err(|error| error.to_string())
}

/// A TCP port.
///
/// # Errors
/// Says what is expected.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let number = text.parse::<u16>().ok().filter(|port| *port > 0);
    number.ok_or_else(|| format!("`{text}` is not a port; write a number from 1 to 65535"))
}

/// A plain name of a user: it stands in shell text.
///
/// # Errors
/// Says what is expected.
pub(super) fn login_user(text: &str) -> Result<String, String> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    match begins && text.len() <= 32 && text.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "`{text}` is not a plain user name: use a-z, 0-9, `_` and `-`, beginning with a letter"
        )),
    }
}

fn fingerprint(text: &str) -> Result<String, String> {
    match text.strip_prefix("SHA256:").is_some_and(|body| body.len() >= 40) {
        true => Ok(text.trim_end_matches('=').to_owned()),
        false => Err(format!("`{text}` is not a fingerprint, SHA256:…; `ssh-keygen -lf` shows it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str, needs: Needs) -> Result<Answers, Vec<String>> {
        let mut problems = Vec::new();
        let answers = Answers::decode(text.parse().unwrap(), needs, &mut problems);
        if problems.is_empty() { Ok(answers) } else { Err(problems) }
    }

    #[test]
    fn the_example_of_the_help_can_be_read() {
        let (_, example) = EXAMPLE.split_once('\n').unwrap();
        let whole = example.replace("SHA256:…", &format!("SHA256:{}", "A".repeat(43)));
        let host = decode(&whole, Needs::Repos).unwrap().host.unwrap();
        assert_eq!((host.name.as_str(), host.port, host.admin.as_deref()), ("main", 22, Some("root")));
        assert_eq!(host.params["app"]["project_path"].as_str(), Some("/srv/app"));
        let short = decode("[host]\naddress = \"203.0.113.10\"\n", Needs::Host).unwrap().host.unwrap();
        assert_eq!((short.name, short.port, short.user), (host.name, host.port, host.user));
        assert_eq!((short.systems, short.docker), (None, true));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text = "repos = [\"nonsense\"]\non_cal = [\"x\"]\nauth = \"key\"\n[host]\nport = 0\nuser = \"a b\"\nhost_key = \"MD5:x\"\n\
                    adress = \"x\"\n[host.params]\napp = 1\n";
        let problems = decode(text, Needs::Repos).unwrap_err();
        for expect in [
            "`repos`: `nonsense` is not a repository",
            "did you mean `on_call`?",
            "neither token nor app",
            "`host.address` is missing",
            "did you mean `address`?",
            "`host.port`",
            "`host.user`",
            "`host.host_key`",
            "`host.params`",
        ] {
            let found = problems.iter().filter(|problem| problem.contains(expect)).count();
            assert_eq!(found, 1, "{expect}: {problems:#?}");
        }
        assert_eq!(problems.len(), 9, "{problems:#?}");
        assert_eq!(decode("", Needs::Repos).unwrap_err().len(), 1);
        assert_eq!(decode("", Needs::Host).unwrap_err(), ["the section [host] is missing"]);
    }

    #[test]
    fn what_stands_in_a_command_is_plain() {
        for user in ["medic", "_apt", "ada-1"] {
            assert!(login_user(user).is_ok(), "{user}");
        }
        for user in ["", "-x", "a b", "a;b", "Ada", "a'b", "$x", &"a".repeat(33)] {
            assert!(login_user(user).is_err(), "{user}");
        }
        for address in ["203.0.113.10", "db.example.org", "2001:db8::1", "gis-north"] {
            assert!(host_address(address).is_ok(), "{address}");
        }
        for address in ["", "-oProxyCommand=x", "a b", "ada@example.org", "a;b"] {
            assert!(host_address(address).is_err(), "{address}");
        }
    }
}
