//! The dashboard of `serve`, from the configuration.

use crate::app::wiring::token_in;
use crate::config::{Config, DashboardEntry};
use crate::dashboard::Dashboard;
use crate::engine::{Context, Dispatcher};
use crate::telemetry::announce::announce;
use crate::web::{LoginToken, Sessions, Site, SiteSettings};
use miette::{IntoDiagnostic, Result};
use std::net::SocketAddr;
use std::sync::Arc;

/// The dashboard, announced at its address. `None` if strangers could read it and nobody could log in, which is told.
///
/// # Errors
/// If the schedule of sweeps or a template of a page cannot be read.
pub(super) fn site(
    context: &Context,
    dispatcher: &Dispatcher,
    config: &Config,
    listen: SocketAddr,
    sessions: &Arc<Sessions>,
) -> Result<Option<Arc<Site>>> {
    let entry = &config.dashboard;
    let tokens = tokens(entry);
    let login_to_read = entry.needs_login_to_read();
    if login_to_read && tokens.is_empty() {
        tracing::warn!(
            "[dashboard] others than this machine can reach it, and there is no token: it is not served. Set {} to \
             `openssl rand -hex 32`",
            entry.token_env
        );
        return Ok(None);
    }
    let sweeps = config.sweep.systems().into_diagnostic()?;
    let dashboard = Dashboard::new(context.clone(), sweeps, Some(dispatcher.waker()));
    let can_act = if tokens.is_empty() {
        format!(" (read-only: {} is not set)", entry.token_env)
    } else {
        String::new()
    };
    let address = entry
        .public_url
        .as_ref()
        .map_or_else(|| format!("http://{listen}{}/", entry.base_path), |url| url.as_str().to_owned());
    announce(&format!("dashboard on {address}{can_act}"));
    let settings = SiteSettings {
        listen,
        public_url: entry.public_url.clone(),
        base_path: entry.base_path.clone(),
        login_to_read,
        tokens,
    };
    Ok(Some(Arc::new(Site::new(dashboard, settings, Arc::clone(sessions)).into_diagnostic()?)))
}

/// The tokens whose variables are set. One that could be guessed is not taken, which is told.
fn tokens(entry: &DashboardEntry) -> Vec<LoginToken> {
    let own = entry.people.iter().map(|(login, variable)| (Some(login.clone()), variable));
    let all = std::iter::once((None, &entry.token_env)).chain(own);
    let token = |(login, variable): (Option<String>, &String)| {
        let Some(secret) = token_in(variable) else {
            if let Some(login) = login {
                tracing::warn!(
                    "[dashboard] {login} cannot log in: environment variable {variable} is not set"
                );
            }
            return None;
        };
        let token = LoginToken::new(login, secret);
        if token.is_none() {
            tracing::warn!(
                "[dashboard] the token in {variable} is shorter than 16 characters and is not taken"
            );
        }
        token
    };
    all.filter_map(token).collect()
}
