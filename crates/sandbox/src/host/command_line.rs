//! A command line as a host is given it, taken apart again; and the patterns that match it.

use std::collections::BTreeMap;

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedCommand {
    /// The working directory, if the line begins with `cd`.
    pub cwd: Option<String>,
    /// Through `sudo -n`.
    pub sudo: bool,
    /// What it runs, without `cd` and `sudo`.
    pub what: What,
}

/// What a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A program and its arguments, unquoted. A line that no shell could split is one word.
    Words(Vec<String>),
    /// A script of a playbook, by the name that it gets as `$0`.
    Script {
        /// The name of the script's probe or step.
        name: String,
        /// The variables that `env` sets for it, name to value.
        env: BTreeMap<String, String>,
    },
}

impl ReceivedCommand {
    /// Takes apart what `Command::line` put together. Any other line is words.
    pub fn read(line: &str) -> Self {
        let Some(words) = shlex::split(line) else {
            return Self { cwd: None, sudo: false, what: What::Words(vec![line.to_owned()]) };
        };
        let (cwd, words) = match &words[..] {
            [cd, dashes, cwd, and, rest @ ..] if cd == "cd" && dashes == "--" && and == "&&" => {
                (Some(cwd.clone()), rest)
            }
            all => (None, all),
        };
        let (sudo, words) = match words {
            [sudo, n, dashes, rest @ ..] if sudo == "sudo" && n == "-n" && dashes == "--" => (true, rest),
            all => (false, all),
        };
        let what = script(words).unwrap_or_else(|| What::Words(words.to_vec()));
        Self { cwd, sudo, what }
    }

    /// The command without its wrapping: `docker compose up -d`, or `script queue`.
    pub fn brief(&self) -> String {
        match &self.what {
            What::Words(words) => words.join(" "),
            What::Script { name, .. } => format!("script {name}"),
        }
    }

    /// The variables of a script.
    pub fn env(&self) -> BTreeMap<String, String> {
        match &self.what {
            What::Words(_) => BTreeMap::new(),
            What::Script { env, .. } => env.clone(),
        }
    }

    /// The program, as a shell that does not find it names it.
    pub fn program(&self) -> &str {
        match &self.what {
            What::Words(words) => words.first().map_or("", String::as_str),
            What::Script { name, .. } => name,
        }
    }
}

/// `env A=b … sh -euc <text> <name>`.
fn script(words: &[String]) -> Option<What> {
    let (first, rest) = words.split_first()?;
    let variables = rest.iter().take_while(|word| word.contains('=')).count();
    let (variables, call) = rest.split_at(variables);
    match (first.as_str(), call) {
        ("env", [sh, flags, _, name]) if sh == "sh" && flags == "-euc" => {
            let env = variables.iter().filter_map(|word| word.split_once('='));
            let env = env.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            Some(What::Script { name: name.clone(), env })
        }
        _ => None,
    }
}

/// What a rule answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    Words(Vec<Word>),
    Script(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Exactly(String),
    /// `*`
    Any,
    /// `**`, the last of them.
    Rest,
}

impl Pattern {
    /// Reads the words of `run`.
    pub(super) fn words(text: &str) -> Result<Self, String> {
        let words = shlex::split(text).ok_or("a quote is not closed")?;
        if words.is_empty() {
            return Err("`run` is empty".into());
        }
        let last = words.len() - 1;
        let words = words.into_iter().enumerate().map(|(at, word)| match word.as_str() {
            "*" => Ok(Word::Any),
            "**" if at == last => Ok(Word::Rest),
            "**" => Err("`**` can only be the last word".to_owned()),
            _ => Ok(Word::Exactly(word)),
        });
        Ok(Pattern::Words(words.collect::<Result<_, _>>()?))
    }

    /// The words that the stars stand for, if it matches.
    pub(super) fn matches(&self, what: &What) -> Option<Vec<String>> {
        match (self, what) {
            (Pattern::Script(wanted), What::Script { name, .. }) => (wanted == name).then(Vec::new),
            (Pattern::Words(pattern), What::Script { .. }) => (pattern[..] == [Word::Rest]).then(Vec::new),
            (Pattern::Script(_), What::Words(_)) => None,
            (Pattern::Words(pattern), What::Words(words)) => {
                let mut stars = Vec::new();
                let mut rest = words.iter();
                for wanted in pattern {
                    match wanted {
                        Word::Rest => return Some(stars.into_iter().chain(rest.cloned()).collect()),
                        Word::Any => stars.push(rest.next()?.clone()),
                        Word::Exactly(text) if rest.next()? == text => {}
                        Word::Exactly(_) => return None,
                    }
                }
                rest.next().is_none().then_some(stars)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let asked = ReceivedCommand::read("cd -- '/opt/q c' && sudo -n -- docker compose up -d 'a b'");
        assert_eq!((asked.cwd.as_deref(), asked.sudo), (Some("/opt/q c"), true));
        assert_eq!(asked.brief(), "docker compose up -d a b");
        let asked = ReceivedCommand::read("env 'ALL=a b' D=/x sh -euc 'cd \"$D\"\nls | wc' count");
        let What::Script { name, env } = &asked.what else { panic!("{asked:?}") };
        assert_eq!((name.as_str(), env["ALL"].as_str(), env["D"].as_str()), ("count", "a b", "/x"));
        assert_eq!(ReceivedCommand::read("echo 'x").program(), "echo 'x");
    }

    #[test]
    fn patterns_match_words() {
        for (pattern, line, stars) in [
            ("df -P *", "df -P /opt", Some(vec!["/opt"])),
            ("df -P *", "df -P", None),
            ("df -P *", "df -P /a /b", None),
            ("docker **", "docker ps -a", Some(vec!["ps", "-a"])),
            ("docker **", "docker", Some(vec![])),
            ("docker ps", "docker ps -a", None),
            ("echo 'a b'", "echo \"a b\"", Some(vec![])),
            ("**", "env A=b sh -euc text name", Some(vec![])),
        ] {
            let found = Pattern::words(pattern).unwrap().matches(&ReceivedCommand::read(line).what);
            let stars = stars.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(found, stars, "{pattern} on {line}");
        }
        assert!(Pattern::words("a ** b").is_err());
    }
}
