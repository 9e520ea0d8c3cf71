//! Parsing: from a comment to a command. In doubt there is none: a person who is not heard says it again,
//! but nothing takes back what was done by mistake.

use crate::case::signal::SignalKind;
use crate::chatops::command::{ChatCommand, CommandName, ParseError, RunRequest};
use crate::chatops::locate::locate;
use crate::text::suggest::closest_match;

/// The first command of a comment; `None` if there is none. `prefix` is what every command begins with,
/// slash included; its letters may be written in either case.
pub fn command(body: &str, prefix: &str) -> Option<Result<ChatCommand, ParseError>> {
    locate(body, prefix).map(|words| parse(&words))
}

/// Reads the words behind the prefix.
fn parse(words: &str) -> Result<ChatCommand, ParseError> {
    let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    if word.is_empty() {
        return Ok(ChatCommand::Work);
    }
    let Some(name) = CommandName::from_word(&word.to_lowercase()) else {
        let near = closest_match(word, CommandName::ALL.iter().map(|name| name.word()))
            .and_then(CommandName::from_word);
        return Err(ParseError::Unknown { word: word.to_owned(), near });
    };
    let syntax = || ParseError::Syntax { command: name, said: words.to_owned() };
    Ok(match (name, rest) {
        (CommandName::Take, _) => return Err(syntax()),
        (CommandName::Status, "") => ChatCommand::Status,
        (CommandName::Diagnose, "") => ChatCommand::Diagnose { system: None },
        (CommandName::Diagnose, system) if !system.contains(char::is_whitespace) => {
            ChatCommand::Diagnose { system: Some(system.to_lowercase()) }
        }
        (CommandName::Run, rest) => ChatCommand::Run(run(rest).ok_or_else(syntax)?),
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
        _ => return Err(syntax()),
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
    use proptest::prelude::*;

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
        for (words, command) in [
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
            assert_eq!(parse(words), Err(ParseError::Syntax { command, said: words.into() }), "{words}");
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

    const PREFIX: &str = "/qfield:support";

    #[test]
    fn only_plain_lines_hold_a_command() {
        let take = || Some(Ok(ChatCommand::Work));
        let unknown = |word: &str| Some(Err(ParseError::Unknown { word: word.to_owned(), near: None }));
        for (body, expect) in [
            ("/qfield:support", take()),
            ("/QField:Support  \r\n", take()),
            ("   /qfield:support", take()),
            ("Please look.\n/qfield:support\nThank you", take()),
            (
                "/qfield:support Approve 7F3A",
                Some(Ok(ChatCommand::Signal(SignalKind::Approve { plan: "7f3a".into() }))),
            ),
            ("/qfield:support\tpause  a  migration ", Some(Ok(ChatCommand::Pause("a  migration".into())))),
            ("/qfield:support one\n/qfield:support two", unknown("one")),
            ("", None),
            ("please run /qfield:support", None),
            ("/qfield:supporter", None),
            ("/qfield:support.", None),
            ("/qfield", None),
            ("- /qfield:support", None),
            // Quotes.
            ("> /qfield:support", None),
            ("  >/qfield:support", None),
            ("> said\n\n/qfield:support", take()),
            // GitHub shows this within the quote; mail clients wrap long quoted lines so.
            ("> said\n/qfield:support", None),
            // Code.
            ("    /qfield:support", None),
            ("\t/qfield:support", None),
            ("`/qfield:support`", None),
            ("`a\n/qfield:support\n`", None),
            ("a ` b\n/qfield:support", take()),
            ("``a ` b\n/qfield:support ``", None),
            ("```\n/qfield:support\n```", None),
            ("~~~ sh\n/qfield:support\n```\n/qfield:support\n~~~", None),
            ("````\n```\n/qfield:support\n````\n/qfield:support go", unknown("go")),
            ("1. do\n   ```\n   /qfield:support\n   ```", None),
            ("```\n    ```\n/qfield:support\n```", None),
            ("      ```\n```\n/qfield:support\n```", None),
            ("a\r```\r/qfield:support\r```", None),
            ("a\r/qfield:support go\rb", unknown("go")),
            ("```\n/qfield:support", None),
            ("```x```\n/qfield:support", take()),
            // Comments.
            ("<!-- /qfield:support -->", None),
            ("<!--\n\n/qfield:support\n-->", None),
            ("<!--\n/qfield:support", None),
            ("a <!--\n/qfield:support\n--> b", None),
            ("a <!-- b\n/qfield:support", take()),
            ("<!-- a -->\n/qfield:support", take()),
            ("größer\n/qfield:support ünï", unknown("ünï")),
            // Whatever else is not plain text.
            ("\\/qfield:support", None),
            ("&#47;qfield:support", None),
            ("~~a\n/qfield:support\nb~~", None),
            ("[a\n/qfield:support\nb](c)", None),
            ("# /qfield:support", None),
            ("a | b\n--|--\n/qfield:support | c", None),
            ("<details><summary>x</summary>\n\n/qfield:support\n\n</details>", None),
            ("<blockquote>\n\n/qfield:support\n\n</blockquote>\n\n/qfield:support go", unknown("go")),
            ("a<br>\n/qfield:support", take()),
            // Below a signature, or the mail that is answered.
            ("Thanks\n-- \n/qfield:support", None),
            ("Thanks\n\nSent from my iPhone\n\n/qfield:support", None),
            ("On Mon, 1 Jun 2026, Ada wrote:\n\n/qfield:support", None),
            ("/qfield:support\n\nOn Mon, 1 Jun 2026, Ada wrote:\n> /qfield:support go", take()),
            // What is below a signature still closes what was opened above it.
            ("a <!--\n/qfield:support\n-- \n-->", None),
            ("`a\n/qfield:support\n-- \n`", None),
            ("Thanks\n\n-----Original Message-----\n/qfield:support", None),
            ("/qfield:support\n-- \nAda", take()),
            // Letters that look alike, and letters that are not seen.
            ("/qfield\u{2236}support", None),
            ("/qfi\u{435}ld:support", None),
            ("\u{200B}/qfield:support", None),
            ("/qfield:support\u{200B}", None),
        ] {
            assert_eq!(command(body, PREFIX), expect, "{body:?}");
        }
        assert_eq!(command("anything", ""), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(body in "[`~<>!\\- \t\n/a-cé]{0,60}", prefix in "[/a-cé]{0,4}") {
            command(&body, &prefix);
        }

        #[test]
        fn a_quoted_text_holds_no_command(body in "[`~<>!\\- \t/qfield:suport]{0,80}(\n/qfield:support)?") {
            let quoted: String = body.lines().map(|line| format!("> {line}\n")).collect();
            prop_assert_eq!(command(&quoted, PREFIX), None);
        }
    }
}
