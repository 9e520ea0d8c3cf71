//! Asks a server what runs there. The commands are those of the system types, are constant, and change nothing.

use crate::app;
use crate::app::ProbeSetup;
use crate::app::settings::LoadedConfig;
use crate::cli::spinner::Spinner;
use crate::core::diagnosis::evidence::{Observation, RawObservation};
use crate::core::expr::value_type::ValueType;
use crate::core::ids::HostName;
use crate::core::playbook::command::Values;
use crate::core::playbook::discovery::Discovery;
use crate::core::text::redact::Redactor;
use crate::ports::{Shell, ShellError};
use miette::{IntoDiagnostic, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// Nothing is known of the server yet.
struct Nothing;

impl Values for Nothing {
    fn value(&self, _: &str) -> Result<(Value, ValueType), String> {
        Err("a look at a new server has no values".to_owned())
    }
}

/// What every system type of the library finds on a host.
///
/// # Errors
/// If the playbooks cannot be loaded.
pub(super) async fn look(loaded: &LoadedConfig, host: &HostName) -> Result<Discovery> {
    let ProbeSetup { hosts, library, .. } = ProbeSetup::build(loaded)?;
    let redactor = app::redactor(&loaded.config);
    let mut looks = JoinSet::new();
    let mut longest = Duration::ZERO;
    for (name, system_type) in &library.systems {
        let Some(template) = &system_type.discover else { continue };
        let command = template.render(&Nothing).into_diagnostic()?;
        longest = longest.max(command.timeout());
        let (hosts, host, name) = (hosts.clone(), host.clone(), name.clone());
        looks.spawn(async move { (name, hosts.probe(&host, &command).await) });
    }
    let waiting = Spinner::start(&format!("looking at what runs on {host}"), Some(longest));
    let answers: BTreeMap<_, _> =
        looks.join_all().await.into_iter().map(|(name, answer)| (name, text(answer, &redactor))).collect();
    drop(waiting);
    Ok(Discovery::read(&library, host, &answers))
}

/// What a command printed, or why it cannot be used.
fn text(answer: Result<RawObservation, ShellError>, redactor: &Redactor) -> Result<String, String> {
    let seen = Observation::new(&answer.map_err(|error| error.to_string())?, redactor);
    if !seen.exit.is_success() {
        let last = seen.stderr.text.as_str().lines().last().unwrap_or_default().to_owned();
        return Err(format!("the look ended with {}: {last}", seen.exit));
    }
    if seen.stdout.cut || seen.stdout.binary {
        return Err("its answer is too long, or no text".to_owned());
    }
    Ok(seen.stdout.text.as_str().to_owned())
}
