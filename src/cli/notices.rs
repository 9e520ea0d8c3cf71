//! `fieldmedic notices`: the channels by which people are told, and whether they work.

#![expect(clippy::disallowed_methods, reason = "a test notice is of now")]

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::output::ExitStatus;
use crate::console::{Paint, print, print_marked};
use crate::core::ids::ChannelName;
use crate::core::text::suggest::closest_match;
use crate::engine::test_message;
use chrono::Utc;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, Result, miette};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The command line of `fieldmedic notices`.
#[derive(Debug, Subcommand)]
pub(super) enum Arguments {
    /// The channels, what they are told, and how many notices wait for each.
    List,
    /// Sends a test to one channel, or to all of them.
    Test(Test),
}

/// The command line of `fieldmedic notices test`.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The channel's name; all, if none is named.
    channel: Option<String>,
}

/// Runs a subcommand. [`ExitStatus::Failed`] if a test could not be sent.
///
/// # Errors
/// If there is no such channel, a secret is missing, or the journal cannot be used.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    if settings.config.notices.is_empty() {
        return Err(miette!(
            help = "fieldmedic.example.toml shows one",
            "{} has no section [notices.*]",
            settings.path.display()
        ));
    }
    match arguments {
        Arguments::List => list(settings).await,
        Arguments::Test(arguments) => test(settings, arguments).await,
    }
}

async fn list(settings: &LoadedConfig) -> Result<ExitStatus> {
    let journal = app::open_journal(settings).await?;
    let waiting: BTreeMap<ChannelName, u64> =
        journal.waiting_notices().await.into_diagnostic()?.into_iter().collect();
    for (name, rules) in app::notice_rules(&settings.config) {
        let Some(entry) = settings.config.notices.get(&name) else { continue };
        let mut parts = vec![entry.kind.to_string()];
        parts.extend(rules.quiet.map(|quiet| format!("quiet {quiet}")));
        parts.extend(entry.digest.map(|digest| format!("digest {}", humantime::format_duration(digest))));
        if !rules.systems.is_empty() {
            let systems: Vec<&str> = rules.systems.iter().map(|system| system.as_str()).collect();
            parts.push(format!("for {}", systems.join(", ")));
        }
        parts.push(format!("{} waiting", waiting.get(&name).copied().unwrap_or_default()));
        print(&format!("{name}: {}", parts.join("; ")));
        let events: Vec<String> = rules
            .events
            .iter()
            .map(|event| match rules.urgent.contains(event) {
                true => format!("{event} (urgent)"),
                false => event.to_string(),
            })
            .collect();
        print(&format!("  {}", events.join(", ")));
    }
    Ok(ExitStatus::Done)
}

async fn test(settings: &LoadedConfig, arguments: Test) -> Result<ExitStatus> {
    let config = &settings.config;
    // It hides the secrets in what is printed from now on.
    let redactor = app::redactor(config);
    let prompts = app::prompts(config)?;
    let mut channels = app::notice_channels(config)?;
    if let Some(named) = &arguments.channel {
        channels.retain(|name, _| name.as_str() == named);
        if channels.is_empty() {
            let known = config.notices.keys().map(ChannelName::as_str);
            let hint = closest_match(named, known.clone()).map_or_else(
                || format!("there are {}", known.collect::<Vec<_>>().join(", ")),
                |close| format!("did you mean `{close}`?"),
            );
            return Err(miette!(help = hint, "there is no [notices.{named}]"));
        }
    }
    let mut status = ExitStatus::Done;
    for (name, channel) in channels {
        let now = Utc::now();
        let digest = Sha256::digest(format!("test {name} {}", now.to_rfc3339()));
        let id = hex::encode(digest).chars().take(32).collect();
        match channel.send(&test_message(&prompts, name.as_str(), id, now)).await {
            Ok(()) => print_marked("✓ ", Paint::Good, &format!("{name}: sent")),
            Err(error) => {
                status = ExitStatus::Failed;
                let why = redactor.text(&error.to_string());
                print_marked("✗ ", Paint::Bad, &format!("{name}: {why}"));
            }
        }
    }
    Ok(status)
}
