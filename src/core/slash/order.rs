//! What the words behind the command mean.

use super::{Misread, Run, Slash, Verb};
use crate::core::near::nearest;
use crate::core::word::Says;

/// Reads the words behind the command.
pub(super) fn read(words: &str) -> Result<Slash, Misread> {
    let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    if word.is_empty() {
        return Ok(Slash::Take);
    }
    let Some(verb) = Verb::from_word(&word.to_lowercase()) else {
        let near = nearest(word, Verb::ALL.iter().map(|verb| verb.word())).and_then(Verb::from_word);
        return Err(Misread::Unknown { word: word.to_owned(), near });
    };
    let misread = || Misread::Form { verb, said: words.to_owned() };
    Ok(match (verb, rest) {
        (Verb::Take, _) => return Err(misread()),
        (Verb::Status, "") => Slash::Status,
        (Verb::Diagnose, "") => Slash::Diagnose { system: None },
        (Verb::Diagnose, system) if !system.contains(char::is_whitespace) => {
            Slash::Diagnose { system: Some(system.to_lowercase()) }
        }
        (Verb::Run, rest) => Slash::Run(run(rest).ok_or_else(misread)?),
        (Verb::Approve, plan) if is_hex(plan) => {
            Slash::Say(Says::Approve { plan: plan.to_ascii_lowercase() })
        }
        (Verb::Deny, "") => Slash::Say(Says::Deny),
        (Verb::Cancel, "") => Slash::Say(Says::Cancel),
        (Verb::Retry, "") => Slash::Retry,
        (Verb::Pause, why) => Slash::Halt(why.to_owned()),
        (Verb::Resume, "") => Slash::Resume,
        (Verb::Explain, "") => Slash::Explain,
        (Verb::Help, _) => Slash::Help,
        _ => return Err(misread()),
    })
}

/// `logs service=app lines=100`. A value with spaces stands in quotes, as in a shell.
fn run(rest: &str) -> Option<Run> {
    let mut words = shlex::split(rest)?.into_iter();
    let playbook = words.next()?.to_lowercase();
    let (mut system, mut values) = (None, Vec::new());
    for word in words {
        let (key, value) = word.split_once('=')?;
        match key.to_lowercase() {
            key if key == Run::SYSTEM && system.is_none() => system = Some(value.to_lowercase()),
            key => values.push((key, value.to_owned())),
        }
    }
    Some(Run { playbook, system, values })
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_read_and_nothing_else() {
        let run = |playbook: &str, system: Option<&str>, values: &[(&str, &str)]| {
            let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            Slash::Run(Run { playbook: playbook.into(), system: system.map(str::to_owned), values })
        };
        for (words, expect) in [
            ("", Slash::Take),
            ("status", Slash::Status),
            ("Status", Slash::Status),
            ("diagnose", Slash::Diagnose { system: None }),
            ("diagnose North", Slash::Diagnose { system: Some("north".into()) }),
            ("run logs", run("logs", None, &[])),
            ("run logs  service=app lines=100", run("logs", None, &[("service", "app"), ("lines", "100")])),
            ("run logs Service=App system=north", run("logs", Some("north"), &[("service", "App")])),
            ("run logs path='/a b'", run("logs", None, &[("path", "/a b")])),
            ("run logs a=b=c", run("logs", None, &[("a", "b=c")])),
            ("run logs system=a system=b", run("logs", Some("a"), &[("system", "b")])),
            ("approve 7F3A", Slash::Say(Says::Approve { plan: "7f3a".into() })),
            ("deny", Slash::Say(Says::Deny)),
            ("cancel", Slash::Say(Says::Cancel)),
            ("retry", Slash::Retry),
            ("pause", Slash::Halt(String::new())),
            ("pause a  migration", Slash::Halt("a  migration".into())),
            ("resume", Slash::Resume),
            ("explain", Slash::Explain),
            ("help", Slash::Help),
            ("help me please", Slash::Help),
        ] {
            assert_eq!(read(words), Ok(expect), "{words}");
        }
        for (words, verb) in [
            ("approve", Verb::Approve),
            ("approve all", Verb::Approve),
            ("approve 7f3a now", Verb::Approve),
            ("deny it", Verb::Deny),
            ("cancel that", Verb::Cancel),
            ("resume 7f3a", Verb::Resume),
            ("retry now", Verb::Retry),
            ("status of the queue", Verb::Status),
            ("diagnose north and south", Verb::Diagnose),
            ("run", Verb::Run),
            ("run logs app", Verb::Run),
            ("run logs service='app", Verb::Run),
        ] {
            assert_eq!(read(words), Err(Misread::Form { verb, said: words.into() }), "{words}");
        }
        for (words, near) in [
            ("aprove 7f3a", Some(Verb::Approve)),
            ("diagnosis", Some(Verb::Diagnose)),
            ("please", None),
            ("take", None),
            ("🚀", None),
        ] {
            let word = words.split(' ').next().unwrap_or_default().to_owned();
            assert_eq!(read(words), Err(Misread::Unknown { word, near }), "{words}");
        }
    }
}
