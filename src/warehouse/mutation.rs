//! Deleting for good: `ALTER TABLE ... DELETE`, waited for until every part of the table is rewritten, its projection too.
//!
//! A lightweight `DELETE` would only hide rows, and ClickHouse refuses it on a table with a projection.

use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;

use super::failure::{Error, within};
use super::sql::Sql;
use super::{BATCH_LIMIT, Warehouse};

/// Rewriting a large table takes its time.
pub(super) const MUTATION_LIMIT: Duration = Duration::from_secs(6 * 3_600);
/// Wait for the mutation, on all replicas.
const WAIT: (&str, &str) = ("mutations_sync", "2");
/// Which rows go is asked of tables that replicas share; the answer is the same on each.
const SUBQUERIES: (&str, &str) = ("allow_nondeterministic_mutations", "1");

/// Mutations under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct Mutations {
    /// How many.
    pub unfinished: u64,
    /// Parts of tables that they still have to rewrite.
    pub parts: u64,
}

impl Warehouse {
    /// Runs a statement that deletes, and waits until what it deletes is gone. `{local}` and `{on_cluster}` in its text are
    /// filled in as in migrations.
    ///
    /// # Errors
    /// When ClickHouse refuses it, or falls silent: then it may go on there by itself.
    pub(super) async fn delete(&self, sql: &Sql) -> Result<(), Error> {
        let text = self.fill_in(sql.text());
        let query = sql.query_as(&self.writer, &text).with_setting(WAIT.0, WAIT.1);
        within(MUTATION_LIMIT, query.with_setting(SUBQUERIES.0, SUBQUERIES.1).execute()).await
    }

    /// What deletions of this database still have to do; `None` when ClickHouse does not let us see it, for which its user
    /// needs `GRANT SELECT ON system.mutations`.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn mutations(&self) -> Result<Option<Mutations>, Error> {
        let question = "SELECT count() AS unfinished, toUInt64(sum(parts_to_do)) AS parts FROM system.mutations \
                        WHERE database = currentDatabase() AND NOT is_done";
        match within(BATCH_LIMIT, self.writer.query_raw(question).fetch_one()).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::Misconfigured(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
