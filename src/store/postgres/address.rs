//! Where the database is. The URL may hold a password, so it is never shown; the place is.

use percent_encoding::percent_decode_str;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::net::IpAddr;
use url::Url;

/// A `postgres://` URL that was understood.
#[derive(Clone)]
pub struct Address {
    pub(super) options: PgConnectOptions,
    place: String,
    passwords: Vec<String>,
}

/// What a URL may say after its `?`. The driver passes over what it does not know, and a misspelt
/// `sslmode` would be a connection without TLS.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Why a URL is none of a PostgreSQL database. It says nothing of the URL itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is no URL; holds the reason.
    #[error("it is no URL ({0}); write postgres://user:password@host/database")]
    NoUrl(String),
    /// The scheme is not `postgres` or `postgresql`.
    #[error("it does not begin with postgres://")]
    OtherKind,
    /// A parameter after the `?` is not known; holds its name.
    #[error("`{0}` is not known after the `?`")]
    UnknownParameter(String),
    /// The driver does not accept a value; holds its reason.
    #[error("{0}")]
    Refused(String),
    /// The server is on another machine, and nothing says how the connection is protected.
    #[error(
        "the connection to {server} would not be protected: add `sslmode=verify-full` (and `sslrootcert=<file>` for \
         a CA of your own) after the `?`. If the network is trusted, write out the weaker `sslmode` that you want"
    )]
    Unprotected {
        /// Host and port, such as `db.example.org:5432`.
        server: String,
    },
}

impl Address {
    /// Understands a URL. What it leaves open comes from the variables that PostgreSQL's own programs
    /// know, such as `PGPASSWORD`, and from `~/.pgpass`.
    ///
    /// # Errors
    /// It is no URL of a PostgreSQL database, or says something that is not known; or it names a server on
    /// another machine and no `sslmode`, and the driver's own choice would send the password to whoever answers.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text.trim()).map_err(|error| AddressError::NoUrl(error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(AddressError::OtherKind);
        }
        if let Some((unknown, _)) = url.query_pairs().find(|(name, _)| !PARAMETERS.contains(&&**name)) {
            return Err(AddressError::UnknownParameter(unknown.into_owned()));
        }
        let options =
            PgConnectOptions::from_url(&url).map_err(|error| AddressError::Refused(error.to_string()))?;
        let server = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let is_explicit = url.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"));
        if !is_explicit && !is_local(&options) && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Err(AddressError::Unprotected { server });
        }
        let database = options.get_database().unwrap_or(options.get_username());
        let place = format!("database {database} at {server}");
        Ok(Self { place, passwords: passwords(&url), options: options.disable_statement_logging() })
    }

    /// The passwords that the URL holds, as they are and as they are written in it.
    pub fn passwords(&self) -> &[String] {
        &self.passwords
    }

    /// Where it is, for people.
    pub fn place(&self) -> &str {
        &self.place
    }
}

/// Whether the connection stays on this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let is_loopback = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some()
        // libpq's form of a socket's directory.
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || is_loopback(host.trim_start_matches('[').trim_end_matches(']'))
}

fn passwords(url: &Url) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(written) = url.password() {
        found.push(percent_decode_str(written).decode_utf8_lossy().into_owned());
        found.push(written.to_owned());
    }
    found.extend(
        url.query_pairs().filter(|(name, _)| name == "password").map(|(_, value)| value.into_owned()),
    );
    found
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("place", &self.place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_what_is_secret() {
        for (url, place, passwords) in [
            (
                "postgres://medic:s3cr%40t+1@db.example.org/fm?sslmode=verify-full",
                "database fm at db.example.org:5432",
                &["s3cr@t+1", "s3cr%40t+1"][..],
            ),
            (
                "postgresql://medic@203.0.113.7:6543?sslmode=require",
                "database medic at 203.0.113.7:6543",
                &[],
            ),
            (
                "postgres:///fm?host=/run/postgresql&user=medic&password=s3cr@t",
                "database fm at /run/postgresql",
                &["s3cr@t"],
            ),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.place(), place);
            assert_eq!(address.passwords(), passwords);
            assert!(!format!("{address:?}").contains("s3cr"), "{address:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_what_is_secret() {
        for (url, expect) in [
            ("medic:s3cret@db/fm", "does not begin with postgres://"),
            ("s3cret", "it is no URL"),
            ("mysql://medic:s3cret@db/fm", "does not begin with postgres://"),
            ("postgres://medic:s3cret@db/fm?sslmod=require", "`sslmod` is not known"),
            ("postgres://medic:s3cret@db/fm?sslmode=sure", "`ssl_mode`"),
            ("postgres://medic:s3cret@db:port/fm", "it is no URL"),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(expect) && !error.contains("s3cret"), "{url}: {error}");
        }
    }

    #[test]
    fn a_server_elsewhere_is_used_with_verified_tls_or_what_is_written_out() {
        for (url, is_refused) in [
            ("postgres://medic:s3cret@db.example.org/fm", true),
            ("postgres://medic:s3cret@203.0.113.7/fm", true),
            ("postgres://medic:s3cret@[2001:db8::7]/fm", true),
            ("postgres://medic:s3cret@localhost.example.org/fm", true),
            ("postgres:///fm?host=db.example.org&user=medic", true),
            ("postgres://medic:s3cret@127.0.0.1/fm?host=db.example.org", true),
            ("postgres://medic:s3cret@db.example.org/fm?sslmode=verify-full", false),
            ("postgres://medic:s3cret@db.example.org/fm?sslmode=require", false),
            ("postgres://medic:s3cret@db.example.org/fm?ssl-mode=disable", false),
            ("postgres://medic:s3cret@localhost/fm", false),
            ("postgres://medic:s3cret@127.0.0.2/fm", false),
            ("postgres://medic:s3cret@[::1]/fm", false),
            ("postgres:///fm?host=/run/postgresql&user=medic", false),
        ] {
            let refused = matches!(Address::parse(url), Err(AddressError::Unprotected { .. }));
            assert_eq!(refused, is_refused, "{url}");
        }
    }
}
