//! The server that is added.

use crate::cli::answers::{login_user, port};
use crate::cli::prompt::ask;
use crate::core::ids::HostName;
use miette::Result;

/// A server and its login, as the configuration has it or will have it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub name: HostName,
    pub address: String,
    pub port: u16,
    pub user: String,
    /// It has a section `[hosts.…]`.
    pub is_configured: bool,
}

/// Asks for the port of its SSH server, and for the user of the login.
///
/// # Errors
/// If the input ends.
pub(super) fn ask_login() -> Result<(u16, String)> {
    let port = ask("The port of its SSH server", "22", port)?;
    let user =
        ask("The user that Fieldmedic logs in as; it is created there if you like", "medic", login_user)?;
    Ok((port, user))
}
