//! Optional parameters in commands: what happens without a value must be said.

use crate::core::playbook::SystemType;
use crate::core::playbook::command::{Template, TemplateSource};

/// A gate knows each command with and without each optional value, so their number doubles with each.
const MOST: usize = 3;

/// What is wrong where a command does not say what happens without a value of an optional parameter, each with a hint. A
/// script gets an empty variable and must test it; a step with `run` must be skipped by its `only_if`, whose text is
/// `guard`.
pub(super) fn problems(
    template: &Template,
    guard: &str,
    source: &TemplateSource<'_>,
    system: &SystemType,
) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let is_optional = |name: &&str| system.params.get(*name).is_some_and(|param| param.optional);
    let optional: Vec<&str> = template.names().into_iter().filter(is_optional).collect();
    if optional.len() > MOST {
        problems.push((
            format!("this command uses {} optional parameters, and may use {MOST}", optional.len()),
            "give some of them a default".to_owned(),
        ));
    }
    for name in optional {
        let variables =
            || source.env.iter().filter(|(_, value)| placeholders(value).any(|used| used == name));
        let is_whole = |value: &str| value.trim() == format!("{{{{ {name} }}}}");
        let is_partial = source.cwd.is_some_and(|cwd| placeholders(cwd).any(|used| used == name))
            || variables().any(|(_, value)| !is_whole(value));
        match source.script {
            None if mentions(guard, name) => {}
            Some(script) if !is_partial => {
                let untested = variables().filter(|(variable, _)| !tests(script, variable));
                problems.extend(untested.map(|(variable, _)| {
                    (
                        format!("the parameter `{name}` is optional, and the script does not test whether `{variable}` is empty"),
                        format!("for example `[ -z \"${variable}\" ] || …`, or `${{{variable}:+…}}`"),
                    )
                }));
            }
            _ => problems.push((
                format!("the parameter `{name}` is optional, and nothing says what this command is without it"),
                format!(
                    "write a `script` with `{{{{ {name} }}}}` as a whole variable, or skip a step by `only_if: {name} != ''`"
                ),
            )),
        }
    }
    problems
}

/// The names in `{{ }}`.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).map(str::trim)
}

/// Whether a script asks if a variable is empty.
fn tests(script: &str, variable: &str) -> bool {
    let asks = ["-z \"$V\"", "-n \"$V\"", "-z \"${V}\"", "-n \"${V}\"", "${V:+", "${V:-", "${V:?"];
    asks.iter().any(|ask| script.contains(&ask.replace('V', variable)))
}

/// Whether an expression uses a name.
fn mentions(expression: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    expression.split(|c| !is_part(c)).any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use crate::core::chatops::arguments::parse_arguments;
    use crate::core::diagnosis::evidence::Evidence;
    use crate::core::diagnosis::plan::CommandValues;
    use crate::core::gate::{GateAnswer, HostedSystem, KeyScope, Rules};
    use crate::core::ids::{HostName, ParamName, Role, SystemName, SystemTypeName};
    use crate::core::playbook::Library;
    use crate::core::playbook::inventory::System;
    use crate::library::{Files, load};
    use std::collections::BTreeMap;

    const SYSTEM: &str = "format: 1\nsystem_type: app\nparams:\n  socket: { type: path, optional: true, help: x }\nprobes:\n  state:\n    env: { SOCKET: \"{{ socket }}\" }\n    script: 'state ${SOCKET:+-s \"$SOCKET\"}'\n    facts: { text: text }\n";
    const LOGS: &str = "playbook: logs\nkind: request\ntitle: Logs\nparams:\n  lines: { type: integer, default: 50 }\n  search: { type: name, optional: true, help: x }\nextra_probes:\n  log:\n    env: { COUNT: \"{{ lines }}\", SEARCH: \"{{ search }}\" }\n    script: '[ -z \"$SEARCH\" ] || exit 3'\n    facts: { text: text, is_searched: \"search != ''\" }\nanswer: \"{{ log.text }}{% if search %} of {{ search }}{% endif %}\"\n";
    const RESTART: &str = "playbook: restart\nkind: operation\ntitle: Restart\nparams:\n  service: { type: name, optional: true, help: x }\nwhen: state.text != ''\nsummary: x\nremediation:\n  - { name: one, run: \"restart {{ service }}\", only_if: service != '', if_interrupted: escalate }\nverify: [{ that: state.text == '' }]\nescalate: { advice: look }\n";

    fn loaded(system: &str, logs: &str, restart: &str) -> Result<Library, Vec<String>> {
        let files = [("system", system), ("logs", logs), ("restart", restart)];
        let files = files.map(|(name, text)| (format!("app/{name}.yaml"), text.to_owned()));
        load(&Files::from_map(files.into())).map_err(|problems| {
            problems.list().iter().map(|problem| format!("{} ({})", problem.message, problem.hint)).collect()
        })
    }

    fn system() -> System {
        System {
            name: SystemName::new("north").unwrap(),
            system_type: SystemTypeName::new("app").unwrap(),
            hosts: BTreeMap::from([(Role::main(), HostName::new("host-1").unwrap())]),
            params: BTreeMap::new(),
            aliases: Vec::new(),
            mode: None,
        }
    }

    #[test]
    fn a_command_says_what_it_is_without_a_value() {
        assert_eq!(loaded(SYSTEM, LOGS, RESTART).err(), None);
        for (from, to, expect) in [
            (
                "[ -z \"$SEARCH\" ] || exit 3",
                "grep -e \"$SEARCH\"",
                "does not test whether `SEARCH` is empty",
            ),
            (
                "SEARCH: \"{{ search }}\"",
                "SEARCH: \"x{{ search }}\"",
                "nothing says what this command is without it",
            ),
            ("    env: { COUNT", "    cwd: \"/srv/{{ search }}\"\n    env: { COUNT", "is without it"),
            (
                "env: { COUNT: \"{{ lines }}\", SEARCH: \"{{ search }}\" }\n    script: '[ -z \"$SEARCH\" ] || exit 3'",
                "run: grep {{ search }}",
                "nothing says",
            ),
            (
                "name, optional: true",
                "name, optional: true, default: x",
                "an optional parameter has no default",
            ),
            ("name, optional: true", "integer, optional: true", "a whole number cannot be optional"),
            ("name, optional: true", "names, optional: true", "give a list `default: []`"),
        ] {
            let logs = LOGS.replace(from, to);
            assert_ne!(logs, LOGS, "{from}");
            let found = loaded(SYSTEM, &logs, RESTART).expect_err(expect);
            assert!(
                found.iter().any(|line| line.contains(expect)),
                "{to:?}: {expect:?} is not in {found:#?}"
            );
        }
        for (from, to, expect) in [
            ("${SOCKET:+-s \"$SOCKET\"}", "-s \"$SOCKET\"", "does not test whether `SOCKET` is empty"),
            // Without a directory, every path would lie below it.
            ("text: text", "text: { value: text, type: path below socket }", "`socket` is not a parameter"),
            (
                "probes:",
                "sudo: [\"rm {{ socket }}\"]\nprobes:",
                "nothing says what this command is without it",
            ),
        ] {
            let found = loaded(&SYSTEM.replace(from, to), LOGS, RESTART).expect_err(expect);
            assert!(
                found.iter().any(|line| line.contains(expect)),
                "{to:?}: {expect:?} is not in {found:#?}"
            );
        }
        let unguarded = RESTART.replace("only_if: service != '', ", "");
        let found = loaded(SYSTEM, LOGS, &unguarded).expect_err("no guard");
        assert!(found.iter().any(|line| line.contains("only_if: service != ''")), "{found:#?}");
    }

    #[test]
    fn without_a_value_a_variable_is_empty_and_a_gate_knows_it() {
        let library = loaded(SYSTEM, LOGS, RESTART).expect("a sound library");
        let system_type = &library.systems["app"];
        let request = &system_type.requests[0];
        let asked = system_type.asked(request);
        let log = &request.extra_probes["log"];
        let line = |given: &[(&str, &str)]| {
            let given: Vec<(String, String)> =
                given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let values = parse_arguments(&request.params, &given).map_err(|errors| format!("{errors:?}"))?;
            let system = System { params: values, ..system() };
            let evidence = Evidence::default();
            let values = CommandValues::new(&asked, &system, &evidence);
            let command = log.command.render(&values).map_err(|problem| problem.to_string())?;
            Ok::<String, String>(command.line())
        };
        let (with, without) = (line(&[("search", "error")]).unwrap(), line(&[]).unwrap());
        assert!(without.starts_with("env COUNT=50 SEARCH= sh -euc "), "{without}");
        assert!(with.starts_with("env COUNT=50 SEARCH=error sh -euc "), "{with}");
        assert!(line(&[("search", "")]).is_err() && line(&[("search", "-x")]).is_err());

        let system = system();
        let standing = [HostedSystem { system_type, system: &system }];
        let host = HostName::new("host-1").unwrap();
        let rules = Rules::new(&host, KeyScope::All, &standing).expect("a gate can tell them apart");
        let admits = |line: &str| matches!(rules.answer(line), GateAnswer::Run(_));
        assert!(admits(&with) && admits(&without));
        let state = &system_type.probes["state"].command;
        let evidence = Evidence::default();
        let state = state.render(&CommandValues::new(system_type, &system, &evidence)).unwrap().line();
        assert!(state.starts_with("env SOCKET= ") && admits(&state), "{state}");
        for line in [with.replace("=error", "='error other'"), with.replace("=error", "='-x'")] {
            assert!(!admits(&line), "{line}");
        }
    }

    #[test]
    fn a_step_that_needs_the_value_cannot_run_without_it() {
        let library = loaded(SYSTEM, LOGS, RESTART).expect("a sound library");
        let operation = &library.systems["app"].operations[0];
        let operated = library.systems["app"].operated(operation);
        let render = |params: BTreeMap<ParamName, serde_json::Value>| {
            let system = System { params, ..system() };
            let evidence = Evidence::default();
            let command = &operation.fault.remediation[0].command;
            command.render(&CommandValues::new(&operated, &system, &evidence)).map(|command| command.line())
        };
        let service = BTreeMap::from([(ParamName::new("service").unwrap(), "web".into())]);
        assert_eq!(render(service).unwrap(), "restart web");
        assert!(render(BTreeMap::new()).is_err());
    }
}
