//! A connection to SQLite. Moments stand in columns as text that sorts, and lists are given as JSON.

use crate::store::codec::{moment, stamp};
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::connection::{Connection, Row, Value};
use crate::store::sql::dialect::Dialect;
use crate::store::sqlite::dialect::DIALECT;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite, SqliteConnection};

impl Connection for SqliteConnection {
    type Row = SqliteRow;

    const DIALECT: Dialect = DIALECT;

    async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        Ok(bind(statement, values).execute(self).await?.rows_affected())
    }

    async fn fetch_optional(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<SqliteRow>, StoreError> {
        Ok(bind(statement, values).fetch_optional(self).await?)
    }

    async fn fetch_all(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<SqliteRow>, StoreError> {
        Ok(bind(statement, values).fetch_all(self).await?)
    }

    /// The file lives on one machine, which has one clock.
    async fn clock(&mut self, callers: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        Ok(callers)
    }

    /// A transaction that writes has the lock of the whole file from its beginning.
    async fn lock(&mut self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Nobody writes between the reading of the last record and the next one.
    fn is_taken(_: &StoreError) -> bool {
        false
    }
}

fn bind<'a>(statement: &'static str, values: &[Value<'_>]) -> Query<'a, Sqlite, SqliteArguments> {
    values.iter().fold(sqlx::query(statement), |query, value| match value {
        Value::Text(text) => query.bind((*text).to_owned()),
        Value::OptionalText(text) => query.bind(text.map(str::to_owned)),
        Value::Texts(texts) => query.bind(json!(texts).to_string()),
        Value::Integer(number) => query.bind(*number),
        Value::Boolean(yes) => query.bind(*yes),
        Value::Moment(at) => query.bind(stamp(*at)),
    })
}

impl Row for SqliteRow {
    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn integer(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn boolean(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn moment(&self, column: &str) -> Result<DateTime<Utc>, StoreError> {
        read_moment(&self.text(column)?)
    }

    fn optional_moment(&self, column: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.optional_text(column)?.as_deref().map(read_moment).transpose()
    }

    fn stamp(&self, column: &str) -> Result<String, StoreError> {
        self.text(column)
    }
}

fn read_moment(text: &str) -> Result<DateTime<Utc>, StoreError> {
    moment(text).ok_or_else(|| unreadable(format!("`{text}` is not a moment")))
}
