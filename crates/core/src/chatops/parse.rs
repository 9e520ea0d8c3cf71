//! What the words behind the command mean.

use crate::case::signal::SignalKind;
use crate::chatops::{ChatCommand, CommandName, ParseError, RunRequest};
use crate::text::suggest::closest_match;

/// Reads the words behind the command.
pub(crate) fn parse(words: &str) -> Result<ChatCommand, ParseError> {
    let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    if word.is_empty() {
        return Ok(ChatCommand::Work);
    }
    let Some(verb) = CommandName::from_word(&word.to_lowercase()) else {
        let near = closest_match(word, CommandName::ALL.iter().map(|verb| verb.word()))
            .and_then(CommandName::from_word);
        return Err(ParseError::Unknown { word: word.to_owned(), near });
    };
    let misread = || ParseError::Syntax { command: verb, said: words.to_owned() };
    Ok(match (verb, rest) {
        (CommandName::Take, _) => return Err(misread()),
        (CommandName::Status, "") => ChatCommand::Status,
        (CommandName::Diagnose, "") => ChatCommand::Diagnose { system: None },
        (CommandName::Diagnose, system) if !system.contains(char::is_whitespace) => {
            ChatCommand::Diagnose { system: Some(system.to_lowercase()) }
        }
        (CommandName::Run, rest) => ChatCommand::Run(run(rest).ok_or_else(misread)?),
        (CommandName::Approve, plan) if is_hex(plan) => {
            ChatCommand::Signal(SignalKind::Approve { plan: plan.to_ascii_lowercase() })
        }
        (CommandName::Deny, "") => ChatCommand::Signal(SignalKind::Deny),
        (CommandName::Cancel, "") => ChatCommand::Signal(SignalKind::Cancel),
        (CommandName::Retry, "") => ChatCommand::Retry,
        (CommandName::Pause, why) => ChatCommand::Pause(why.to_owned()),
        (CommandName::Resume, "") => ChatCommand::Resume,
        (CommandName::Explain, "") => ChatCommand::Explain,
        (CommandName::Help, _) => ChatCommand::Help,
        _ => return Err(misread()),
    })
}

/// `logs service=app lines=100`. A value with spaces stands in quotes, as in a shell.
fn run(rest: &str) -> Option<RunRequest> {
    let mut words = shlex::split(rest)?.into_iter();
    let playbook = words.next()?.to_lowercase();
    let (mut system, mut values) = (None, Vec::new());
    for word in words {
        let (key, value) = word.split_once('=')?;
        match key.to_lowercase() {
            key if key == RunRequest::SYSTEM && system.is_none() => system = Some(value.to_lowercase()),
            key => values.push((key, value.to_owned())),
        }
    }
    Some(RunRequest { playbook, system, values })
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
            ChatCommand::Run(RunRequest {
                playbook: playbook.into(),
                system: system.map(str::to_owned),
                values,
            })
        };
        for (words, expect) in [
            ("", ChatCommand::Work),
            ("status", ChatCommand::Status),
            ("Status", ChatCommand::Status),
            ("diagnose", ChatCommand::Diagnose { system: None }),
            ("diagnose North", ChatCommand::Diagnose { system: Some("north".into()) }),
            ("run logs", run("logs", None, &[])),
            ("run logs  service=app lines=100", run("logs", None, &[("service", "app"), ("lines", "100")])),
            ("run logs Service=App system=north", run("logs", Some("north"), &[("service", "App")])),
            ("run logs path='/a b'", run("logs", None, &[("path", "/a b")])),
            ("run logs a=b=c", run("logs", None, &[("a", "b=c")])),
            ("run logs system=a system=b", run("logs", Some("a"), &[("system", "b")])),
            ("approve 7F3A", ChatCommand::Signal(SignalKind::Approve { plan: "7f3a".into() })),
            ("deny", ChatCommand::Signal(SignalKind::Deny)),
            ("cancel", ChatCommand::Signal(SignalKind::Cancel)),
            ("retry", ChatCommand::Retry),
            ("pause", ChatCommand::Pause(String::new())),
            ("pause a  migration", ChatCommand::Pause("a  migration".into())),
            ("resume", ChatCommand::Resume),
            ("explain", ChatCommand::Explain),
            ("help", ChatCommand::Help),
            ("help me please", ChatCommand::Help),
        ] {
            assert_eq!(parse(words), Ok(expect), "{words}");
        }
        for (words, verb) in [
            ("approve", CommandName::Approve),
            ("approve all", CommandName::Approve),
            ("approve 7f3a now", CommandName::Approve),
            ("deny it", CommandName::Deny),
            ("cancel that", CommandName::Cancel),
            ("resume 7f3a", CommandName::Resume),
            ("retry now", CommandName::Retry),
            ("status of the queue", CommandName::Status),
            ("diagnose north and south", CommandName::Diagnose),
            ("run", CommandName::Run),
            ("run logs app", CommandName::Run),
            ("run logs service='app", CommandName::Run),
        ] {
            assert_eq!(
                parse(words),
                Err(ParseError::Syntax { command: verb, said: words.into() }),
                "{words}"
            );
        }
        for (words, near) in [
            ("aprove 7f3a", Some(CommandName::Approve)),
            ("diagnosis", Some(CommandName::Diagnose)),
            ("please", None),
            ("take", None),
            ("🚀", None),
        ] {
            let word = words.split(' ').next().unwrap_or_default().to_owned();
            assert_eq!(parse(words), Err(ParseError::Unknown { word, near }), "{words}");
        }
    }
}
