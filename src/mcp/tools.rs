//! The tools of the protocol: one for each question, with typed arguments.

use async_trait::async_trait;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What an assistant may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// What is at work, what waits for people, and how the systems were when they were last swept.
    Status,
    /// What the probes of a system say now.
    Diagnose {
        /// The system, as the configuration names it.
        system: String,
    },
    /// What a playbook does, in plain words.
    Explain {
        /// `worker-down`, or `qfieldcloud/worker-down`.
        playbook: String,
    },
    /// What happened in a case.
    CaseShow {
        /// The case, or the beginning of its id.
        case: String,
    },
    /// What would be done about an issue.
    DryRun {
        /// `owner/name#12`, the URL of the issue, or its number.
        issue: String,
    },
}

/// Who answers questions.
#[async_trait]
pub trait Answers: Send + Sync {
    /// The answer, as a text.
    ///
    /// # Errors
    /// Why there is none, and what to do about it, as a text.
    async fn answer(&self, question: Question) -> Result<String, String>;
}

/// A tool, as clients see it.
pub(super) struct ToolEntry {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    /// The form of its arguments.
    pub schema: fn() -> Map<String, Value>,
    /// The question that these arguments ask.
    pub question: fn(Map<String, Value>) -> Result<Question, serde_json::Error>,
}

/// All of them. None changes anything.
pub(super) const TOOLS: [ToolEntry; 5] = [
    ToolEntry {
        name: "status",
        title: "State of the support agent",
        description: "Which cases are at work or wait for a person, how each system was at the last sweep, whether \
                      changes are paused, and the newest cases that have ended. Reads the journal only.",
        schema: schema::<Nothing>,
        question: |arguments| read(arguments).map(|Nothing {}| Question::Status),
    },
    ToolEntry {
        name: "diagnose",
        title: "Probe a system",
        description: "Runs the read-only probes of a system now, over SSH, and says which faults are present, which \
                      cannot be told, and which are ruled out. Changes nothing. Takes seconds to minutes.",
        schema: schema::<OfSystem>,
        question: |arguments| read(arguments).map(|OfSystem { system }| Question::Diagnose { system }),
    },
    ToolEntry {
        name: "explain",
        title: "Explain a playbook",
        description: "Says in plain words when a playbook applies, what it changes, how the fix is proven, and what \
                      a person should do if it does not help.",
        schema: schema::<OfPlaybook>,
        question: |arguments| read(arguments).map(|OfPlaybook { playbook }| Question::Explain { playbook }),
    },
    ToolEntry {
        name: "case_show",
        title: "Show a case",
        description: "What happened in a case and when: the ticket, the diagnosis, each command with its result, the \
                      verification and the outcome. Reads the journal only.",
        schema: schema::<OfCase>,
        question: |arguments| read(arguments).map(|OfCase { case }| Question::CaseShow { case }),
    },
    ToolEntry {
        name: "dry_run",
        title: "Dry run on an issue",
        description: "Reads an issue, probes its system and says what would be done about it. Changes nothing, posts \
                      nothing and writes nothing to the journal. Takes seconds to minutes.",
        schema: schema::<OfIssue>,
        question: |arguments| read(arguments).map(|OfIssue { issue }| Question::DryRun { issue }),
    },
];

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfSystem {
    /// The system, as the configuration names it. `status` lists the systems.
    #[schemars(length(min = 1, max = LONGEST))]
    system: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfPlaybook {
    /// `worker-down`, or with its system type `qfieldcloud/worker-down`.
    #[schemars(length(min = 1, max = LONGEST))]
    playbook: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfCase {
    /// The case, such as `c0123456789ab`; the beginning is enough.
    #[schemars(length(min = 1, max = LONGEST))]
    case: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfIssue {
    /// `owner/name#12`, the URL of the issue, or its number if one repository is configured.
    #[schemars(length(min = 1, max = LONGEST))]
    issue: String,
}

/// The longest argument, in characters.
pub(super) const LONGEST: usize = 300;

fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, serde_json::Error> {
    use serde::de::Error as _;
    for (name, value) in &arguments {
        let text = value.as_str().unwrap_or_default();
        if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(serde_json::Error::custom(format!(
                "`{name}` has more than {LONGEST} characters, or characters that no name has"
            )));
        }
    }
    serde_json::from_value(Value::Object(arguments))
}

fn schema<T: JsonSchema>() -> Map<String, Value> {
    let mut schema: Schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    // The names of Rust types say nothing to a client.
    schema.remove("title");
    match Value::from(schema) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(name: &str, arguments: Value) -> Result<Question, String> {
        let tool = TOOLS.iter().find(|tool| tool.name == name).unwrap();
        let arguments = arguments.as_object().unwrap().clone();
        (tool.question)(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_typed_and_bounded() {
        assert_eq!(ask("status", json!({})), Ok(Question::Status));
        let system = Question::Diagnose { system: "depot".into() };
        assert_eq!(ask("diagnose", json!({ "system": "depot" })), Ok(system));
        for (name, arguments, expect) in [
            ("status", json!({ "all": true }), "unknown field `all`"),
            ("diagnose", json!({}), "missing field `system`"),
            ("diagnose", json!({ "system": 5 }), "invalid type"),
            ("explain", json!({ "playbook": "a", "system": "b" }), "unknown field `system`"),
            ("case_show", json!({ "case": "c".repeat(301) }), "more than 300 characters"),
            ("dry_run", json!({ "issue": "1\u{1b}[2J" }), "characters that no name has"),
        ] {
            let error = ask(name, arguments.clone()).unwrap_err();
            assert!(error.contains(expect), "{name} {arguments}: {error}");
        }
    }

    #[test]
    fn each_tool_describes_its_arguments() {
        for tool in &TOOLS {
            let schema = (tool.schema)();
            assert_eq!(schema["type"], "object", "{}", tool.name);
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, property) in properties.into_iter().flatten() {
                assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{name}");
                assert_eq!(property["maxLength"], LONGEST, "{name}");
            }
        }
    }
}
