//! A connection to PostgreSQL.

use crate::store::codec::stamp;
use crate::store::error::StoreError;
use crate::store::postgres::dialect::DIALECT;
use crate::store::postgres::error;
use crate::store::sql::connection::{Connection, Row, Value};
use crate::store::sql::dialect::Dialect;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row as _};

impl Connection for PgConnection {
    type Row = PgRow;

    const DIALECT: Dialect = DIALECT;

    async fn execute(&mut self, statement: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        Ok(bind(statement, values).execute(self).await?.rows_affected())
    }

    async fn fetch_optional(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<PgRow>, StoreError> {
        Ok(bind(statement, values).fetch_optional(self).await?)
    }

    async fn fetch_all(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<PgRow>, StoreError> {
        Ok(bind(statement, values).fetch_all(self).await?)
    }

    /// The clock of the server is the same for all replicas: one whose clock is wrong neither loses what it
    /// holds nor takes what others hold. `now()` would be when the transaction began, before it waited.
    async fn clock(&mut self, _: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        Ok(sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(self).await?)
    }

    /// Two names with one number only wait for each other without need.
    async fn lock(&mut self, name: &str) -> Result<(), StoreError> {
        let hash = Sha256::digest(format!("fieldmedic {name}"));
        let number = hash.iter().take(8).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(number).execute(self).await?;
        Ok(())
    }

    /// The primary key and the trigger for the sequence are the fence.
    fn is_taken(error: &StoreError) -> bool {
        matches!(error, StoreError::Store(error) if error::is_taken(error))
    }
}

fn bind<'a>(statement: &'static str, values: &[Value<'_>]) -> Query<'a, Postgres, PgArguments> {
    values.iter().fold(sqlx::query(statement), |query, value| match value {
        Value::Text(text) => query.bind((*text).to_owned()),
        Value::OptionalText(text) => query.bind(text.map(str::to_owned)),
        Value::Texts(texts) => query.bind(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()),
        Value::Integer(number) => query.bind(*number),
        Value::Boolean(yes) => query.bind(*yes),
        Value::Moment(at) => query.bind(*at),
    })
}

impl Row for PgRow {
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
        Ok(self.try_get(column)?)
    }

    fn optional_moment(&self, column: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn stamp(&self, column: &str) -> Result<String, StoreError> {
        Ok(stamp(self.moment(column)?))
    }
}
