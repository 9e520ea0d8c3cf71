//! What went wrong with the database, as a sentence and what to do next. Nothing here knows the URL.

use crate::ports::JournalError;
use crate::store::error::StoreError;
use sqlx::Error;
use std::time::Duration;

/// How long a call may take. It is well below the time that a claim lasts, so that a replica which has
/// lost the server stops before another takes its cases.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Explains a failure; `place` is the database, as people know it.
pub(super) fn explain(place: &str, failure: StoreError) -> JournalError {
    let error = match failure {
        StoreError::Said(error) => return error,
        StoreError::Store(error) => error,
    };
    let said = error.to_string();
    JournalError::Unavailable(match (&error, &*code(&error)) {
        (_, "28P01" | "28000") => {
            format!("the {place} refuses the login: {said}. Check user and password of the URL")
        }
        (_, "3D000") => format!("there is no {place}: {said}. Make it with `createdb`"),
        (_, "42501") => format!(
            "the {place} does not let the user do this: {said}. Make the user the owner of the database, or \
             of its schema `fieldmedic`"
        ),
        (_, "25006") => format!(
            "the {place} may only be read, as a standby may: {said}. Name the server that takes writes"
        ),
        (_, "53100") => format!("the disk of the {place} is full: {said}. Free some space, then try again"),
        (_, "53300") => {
            format!("the {place} has no connection left: {said}. Raise `max_connections` of the server")
        }
        (_, "57P01" | "57P02" | "57P03") => {
            format!("the {place} is being stopped or started: {said}. It is tried again")
        }
        (_, "57014" | "55P03" | "25P03" | "40001" | "40P01") => {
            format!("the {place} is too busy: {said}. See `pg_stat_activity` for what holds it up")
        }
        (Error::PoolTimedOut, _) => too_slow(place),
        (Error::Io(_) | Error::Tls(_) | Error::PoolClosed | Error::WorkerCrashed | Error::Protocol(_), _) => {
            format!("the {place} cannot be reached: {said}. Check that the server runs and is reachable")
        }
        _ => format!("{place}: {said}"),
    })
}

/// What is said when no answer comes.
pub(super) fn too_slow(place: &str) -> String {
    format!(
        "the {place} does not answer within {} s. Check that the server runs, is reachable and is not \
         overloaded",
        PATIENCE.as_secs()
    )
}

/// A record with this number is there already, or one before it is not.
pub(super) fn is_taken(error: &Error) -> bool {
    matches!(&*code(error), UNIQUE_VIOLATION | INTEGRITY_CONSTRAINT_VIOLATION)
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const UNIQUE_VIOLATION: &str = "23505";
/// What the trigger `event_in_sequence` raises.
const INTEGRITY_CONSTRAINT_VIOLATION: &str = "23000";

fn code(error: &Error) -> String {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .map_or_else(String::new, |code| code.into_owned())
}
