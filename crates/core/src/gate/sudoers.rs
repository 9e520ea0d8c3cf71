//! What the login user may do by `sudo`: the steps that say so, and the commands that `system.yaml` lists
//! for its scripts.
//!
//! Arguments are regular expressions over whole words (sudo 1.9.10 and later). sudo's own `*` matches
//! blanks too, and so any number of further arguments.

use crate::expr::value_type;
use crate::expr::value_type::ValueType;
use crate::gate::{AllowedCommand, Given, HostedSystem, KeyScope, RuleError};
use crate::ids::HostName;
use crate::playbook::command::{Binding, Piece, Template};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// `{{ any.name }}` in a system's `sudo` list: any one value of this type. No probe has this name.
pub const ANY: &str = "any";

/// What a host's login user may do as root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    lines: BTreeSet<String>,
}

impl Grants {
    /// What a host needs root for, for everything that stands on it. A line that several commands need stands
    /// once.
    ///
    /// # Errors
    /// Every command that no rule could tell from others.
    pub fn new(host: &HostName, standing: &[HostedSystem<'_>]) -> Result<Self, Vec<RuleError>> {
        let (mut grants, mut bad) = (Self::default(), Vec::new());
        for one in standing {
            let steps = one.commands(host, KeyScope::All);
            let roots = steps.into_iter().filter(|asked| asked.template.is_root());
            let listed = one.system_type.sudo.iter();
            let listed =
                listed.map(|listed| AllowedCommand::of(format!("{}: sudo", one.system.system_type), listed));
            for AllowedCommand { of, template, given } in roots.chain(listed) {
                match line(template, &|name| known(name, one, given)) {
                    Ok(line) => drop(grants.lines.insert(line)),
                    Err(why) => bad.push(RuleError { of, why }),
                }
            }
        }
        if bad.is_empty() { Ok(grants) } else { Err(bad) }
    }

    /// Whether nothing needs root.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A file for `/etc/sudoers.d`.
    pub fn file(&self, user: &str) -> String {
        let mut text = String::from("# Made by `fieldmedic host-setup`: what its playbooks need root for.\n");
        for line in &self.lines {
            let _ = writeln!(text, "{user} ALL=(root) NOPASSWD: {line}");
        }
        text
    }
}

type Knows<'a> = dyn Fn(&str) -> Result<Binding, String> + 'a;

/// A program and a regular expression for its arguments.
fn line(template: &Template, known: &Knows<'_>) -> Result<String, String> {
    let words = template.words().ok_or(
        "the whole script runs as root, and sudo cannot tell it from another one; write `sudo -n` before the one \
         command that needs it, and list that under `sudo` in system.yaml",
    )?;
    let mut patterns = Vec::new();
    for word in words {
        patterns.extend(pattern(word, known)?);
    }
    let (program, arguments) = patterns.split_first().ok_or("there is no program")?;
    let program = program.replace('\\', "");
    if !program.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_.+-".contains(&b)) {
        return Err(format!("the program `{program}` must be a plain name or path"));
    }
    let place = if program.starts_with('/') { "" } else { "/usr/bin/" };
    Ok(match arguments {
        [] => format!("{place}{program} \"\""),
        _ => format!("{place}{program} ^{}$", arguments.join(" ")),
    })
}

/// The regular expressions for the words that a word of the command becomes.
fn pattern(word: &[Piece], known: &Knows<'_>) -> Result<Vec<String>, String> {
    let mut whole = String::new();
    for piece in word {
        let texts = match piece {
            Piece::Literal(text) => vec![literal(text)?],
            Piece::Value(name) => match known(name)? {
                Binding::Below(ValueType::Path, directory) => {
                    vec![format!("{}(/{PART_OF_PATH})*", literal(directory.trim_end_matches('/'))?)]
                }
                Binding::Type(kind) | Binding::Below(kind, _) => vec![any(kind, name)?],
                Binding::Absent => {
                    return Err(format!("`{name}` has no value, and a rule for sudo needs one"));
                }
                Binding::Value(value, kind) => {
                    let value = kind.check(&value).map_err(|bad| format!("`{name}`: {bad}"))?;
                    value_type::words(&value).iter().map(|text| literal(text)).collect::<Result<_, _>>()?
                }
            },
        };
        match &texts[..] {
            [one] => whole.push_str(one),
            _ if word.len() == 1 => return Ok(texts),
            several => return Err(format!("{} values where one fits", several.len())),
        }
    }
    Ok(vec![whole])
}

fn known(name: &str, standing: &HostedSystem<'_>, given: Option<Given<'_>>) -> Result<Binding, String> {
    if let Some((ANY, kind)) = name.split_once('.') {
        return serde_json::from_value(Value::String(kind.to_owned()))
            .map(Binding::Type)
            .map_err(|_| format!("`{name}`: there is no type `{kind}`"));
    }
    standing.known(name, given)
}

/// One part of a path, which is never `..`.
const PART_OF_PATH: &str = r"\.?[A-Za-z0-9_@:+,-][A-Za-z0-9._@:+,-]*";

/// The regular expression for any value of a type; `None` if no rule can have one. sudo joins the arguments by
/// blanks before it compares, so a value has none. A path is not among them: where another user owns a directory,
/// its links lead root to any file.
pub fn any_value(kind: ValueType) -> Option<&'static str> {
    Some(match kind {
        ValueType::Name => "[A-Za-z0-9_][A-Za-z0-9._-]*",
        ValueType::Image => "[A-Za-z0-9][A-Za-z0-9._/:@-]*",
        ValueType::Integer => "[0-9]+",
        ValueType::Host => "[A-Za-z0-9][A-Za-z0-9.:-]*",
        ValueType::Unit => r"([A-Za-z0-9_]|\\x[0-9a-f][0-9a-f])([A-Za-z0-9:_.@-]|\\x[0-9a-f][0-9a-f])*",
        _ => return None,
    })
}

fn any(kind: ValueType, name: &str) -> Result<String, String> {
    any_value(kind).map(str::to_owned).ok_or_else(|| match kind {
        ValueType::Path => format!(
            "sudo would admit any path for `{name}`; in system.yaml, give the fact the type `path below \
             <parameter>`"
        ),
        _ => format!("`{name}`: a list or a percentage is no single argument"),
    })
}

/// A text as a regular expression that matches it alone.
fn literal(text: &str) -> Result<String, String> {
    if let Some(c) = text.chars().find(|c| c.is_control() || *c == ' ') {
        return Err(format!("{c:?} in an argument of sudo: it could not be told from the next argument"));
    }
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && !"/_-=:,@%".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::command::TemplateSource;
    use regex::Regex;
    use serde_json::json;

    fn written(run: &str) -> Result<String, String> {
        let template = Template::new(TemplateSource { run: Some(run), ..TemplateSource::default() }).unwrap();
        line(&template, &|name| match name {
            "limit" => Ok(Binding::Value(json!(100), ValueType::Integer)),
            "names" => Ok(Binding::Value(json!(["a", "b.c"]), ValueType::Names)),
            "blank" => Ok(Binding::Value(json!("/a b"), ValueType::Path)),
            "any.name" => Ok(Binding::Type(ValueType::Name)),
            "any.names" => Ok(Binding::Type(ValueType::Names)),
            "d.root" => Ok(Binding::Below(ValueType::Path, "/srv/d.d/".into())),
            _ => Ok(Binding::Type(ValueType::Path)),
        })
    }

    #[test]
    fn arguments_are_whole_expressions_without_blanks_in_values() {
        for (run, expect) in [
            ("apt-get clean", "/usr/bin/apt-get ^clean$"),
            ("/sbin/x", "/sbin/x \"\""),
            (
                "find {{ d.root }}/c -name '*.log' -size +{{ limit }}M",
                "/usr/bin/find ^/srv/d\\.d(/\\.?[A-Za-z0-9_@:+,-][A-Za-z0-9._@:+,-]*)*/c -name \\*\\.log -size \\+100M$",
            ),
            ("cut {{ any.name }}", "/usr/bin/cut ^[A-Za-z0-9_][A-Za-z0-9._-]*$"),
            ("stop {{ names }}", "/usr/bin/stop ^a b\\.c$"),
        ] {
            assert_eq!(written(run).as_deref(), Ok(expect), "{run}");
        }
    }

    /// `..` and links of other users lead out of a directory.
    #[test]
    fn a_path_stays_below_its_directory() {
        let rule = written("truncate {{ d.root }}/x").unwrap();
        let (_, arguments) = rule.split_once(' ').unwrap();
        let arguments = Regex::new(arguments).unwrap();
        for path in ["/srv/d.d", "/srv/d.d/a", "/srv/d.d/a/.b..c"] {
            assert!(arguments.is_match(&format!("{path}/x")), "{path}");
        }
        for path in [
            "/srv",
            "/srv/dad",
            "/srv/d.d/..",
            "/srv/d.d/a/../..",
            "/srv/d.d/.",
            "/srv/d.dx",
            "/home/u",
            "/srv/d.d/a b",
        ] {
            assert!(!arguments.is_match(&format!("{path}/x")), "{path}");
        }
    }

    #[test]
    fn what_sudo_could_not_tell_apart_is_refused() {
        for run in [
            "ls {{ free.path }}",
            "ls {{ blank }}",
            "ls 'a b'",
            "ls {{ any.names }}",
            "'a$b' x",
            "{{ d.root }}/x y",
        ] {
            assert!(written(run).is_err(), "{run}: {:?}", written(run));
        }
        let script = TemplateSource { script: Some("id"), sudo: true, ..TemplateSource::default() };
        assert!(line(&Template::new(script).unwrap(), &|_| Err(String::new())).is_err());
    }
}
