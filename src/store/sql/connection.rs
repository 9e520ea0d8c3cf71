//! [`Connection`]: what a statement runs on, whichever database it is.
//!
//! Functions that are generic over `sqlx::Database` need a bound for every type that they bind and read, and
//! repeat them all. Our columns have five types, so this trait names those, and each database implements it
//! once.

use crate::core::case::event::CaseId;
use crate::core::ids::SystemName;
use crate::store::codec;
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::dialect::Dialect;
use chrono::{DateTime, Utc};

/// A value that a statement is given, for `$1`, `$2` and so on.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Value<'a> {
    Text(&'a str),
    OptionalText(Option<&'a str>),
    /// The list that a statement of the dialect takes.
    Texts(&'a [&'a str]),
    Integer(i64),
    Boolean(bool),
    Moment(DateTime<Utc>),
}

/// A connection inside a transaction. The caller begins it and commits.
pub(in crate::store) trait Connection: Send {
    type Row: Row;

    /// The statements that this database needs in its own form.
    const DIALECT: Dialect;

    /// Gives the number of rows that were written.
    fn execute(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    fn fetch_optional(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Option<Self::Row>, StoreError>> + Send;

    fn fetch_all(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// The time by which claims, leases and turns run out. Where several machines share the journal it is
    /// the database's, read at this moment; else it is the caller's.
    fn clock(
        &mut self,
        callers: DateTime<Utc>,
    ) -> impl Future<Output = Result<DateTime<Utc>, StoreError>> + Send;

    /// Waits until nobody else has the lock of this name, and has it until the transaction ends.
    fn lock(&mut self, name: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether a record was refused because another one has its number, or because one before it is missing.
    fn is_taken(error: &StoreError) -> bool;
}

/// A row of an answer.
pub(in crate::store) trait Row: Send + Sync {
    fn text(&self, column: &str) -> Result<String, StoreError>;

    fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError>;

    fn integer(&self, column: &str) -> Result<i64, StoreError>;

    fn boolean(&self, column: &str) -> Result<bool, StoreError>;

    fn moment(&self, column: &str) -> Result<DateTime<Utc>, StoreError>;

    fn optional_moment(&self, column: &str) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// A moment as its hash was computed from it, which need not be one.
    fn stamp(&self, column: &str) -> Result<String, StoreError>;

    fn case(&self, column: &str) -> Result<CaseId, StoreError> {
        codec::case(&self.text(column)?)
    }

    /// The column `system`, where the system is known.
    fn system(&self) -> Result<Option<SystemName>, StoreError> {
        self.optional_text("system")?.map(codec::name).transpose()
    }

    /// A number that is not negative.
    fn count(&self, column: &str) -> Result<u64, StoreError> {
        let number = self.integer(column)?;
        u64::try_from(number).map_err(|_| unreadable(format!("{number} is no count")))
    }
}
