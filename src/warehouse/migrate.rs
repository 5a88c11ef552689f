//! Applies `clickhouse/NNNN_*.sql`, each once, in order. The files are plain numbered SQL, never edited once landed.

use clickhouse::Row;
use serde::Deserialize;

use super::failure::{Error, within};
use super::{SCHEMA_LIMIT, Warehouse};

/// One numbered file.
pub struct Migration {
    /// Its number.
    pub version: u32,
    /// Its file name.
    pub name: &'static str,
    /// Its statements.
    pub text: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal,)*) => {
        /// Every file of `clickhouse/`, in order.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            text: include_str!(concat!("../../clickhouse/", $name)),
        }),*];
    };
}

migrations! {
    1 "0001_events.sql",
    2 "0002_collection.sql",
    3 "0003_visitors.sql",
    4 "0004_coordinates.sql",
    5 "0005_ad_network.sql",
    6 "0006_quarter_hours.sql",
    7 "0007_visitors_of_events.sql",
}

#[derive(Row, Deserialize)]
struct AppliedRow {
    version: u32,
}

impl Warehouse {
    /// Creates the database if it is not there, then applies what is missing; tells the names of the files applied.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses a statement. Statements tell `IF NOT EXISTS`, so that a migration that
    /// was cut short can be run again.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, Error> {
        self.create_database().await?;
        let log = "CREATE TABLE IF NOT EXISTS schema_version {on_cluster} (version UInt32, name String, applied DateTime DEFAULT now()) \
                   ENGINE = {merge_tree} ORDER BY version";
        self.execute_ddl(log).await?;
        let applied: Vec<AppliedRow> =
            within(SCHEMA_LIMIT, self.writer.query("SELECT version FROM schema_version ORDER BY version").fetch_all())
                .await?;
        let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
        if let Some(newer) = applied.iter().map(|row| row.version).find(|&version| version > newest) {
            return Err(Error::Misconfigured(format!(
                "the database has schema version {newer}, this program knows up to {newest}: run the newer program"
            )));
        }
        let mut done = Vec::new();
        for migration in MIGRATIONS {
            if applied.iter().any(|row| row.version == migration.version) {
                continue;
            }
            for statement in self.statements(migration.text) {
                self.execute_ddl(statement).await?;
            }
            let note = self
                .writer
                .query_raw("INSERT INTO schema_version (version, name) SELECT {version:UInt32}, {name:String}")
                .param("version", migration.version)
                .param("name", migration.name);
            within(SCHEMA_LIMIT, note.execute()).await?;
            done.push(migration.name);
        }
        Ok(done)
    }

    /// How many of [`MIGRATIONS`] have been applied; 0 also where there is no database yet.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn migrations_applied(&self) -> Result<usize, Error> {
        let log = "SELECT toUInt32(count()) AS version FROM system.tables WHERE database = currentDatabase() AND name = 'schema_version'";
        match within(SCHEMA_LIMIT, self.writer.query(log).fetch_one::<AppliedRow>()).await {
            Ok(AppliedRow { version: 0 }) => return Ok(0),
            // The database itself is made by the first migration.
            Err(Error::Misconfigured(_)) => return Ok(0),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        let applied = "SELECT toUInt32(uniqExact(version)) AS version FROM schema_version";
        let row = within(SCHEMA_LIMIT, self.writer.query(applied).fetch_one::<AppliedRow>()).await?;
        Ok(row.version as usize)
    }

    /// The statements of a file that apply to this installation, without comments around them.
    fn statements<'a>(&self, text: &'a str) -> Vec<&'a str> {
        text.split(";\n")
            .map(str::trim)
            .filter(|statement| statement.lines().any(|line| !line.is_empty() && !line.starts_with("--")))
            .filter(|statement| self.cluster.is_some() || !statement.lines().any(|line| line == "-- only: cluster"))
            .map(|statement| statement.trim_end_matches(';'))
            .collect()
    }

    async fn execute_ddl(&self, statement: &str) -> Result<(), Error> {
        within(SCHEMA_LIMIT, self.writer.query_raw(&self.fill_in(statement)).execute()).await
    }

    /// Puts the engines of this installation into a statement.
    pub(super) fn fill_in(&self, statement: &str) -> String {
        let replicated = "('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')";
        let (on_cluster, local, cluster) = match &self.cluster {
            Some(name) => (format!("ON CLUSTER {}", quoted(name)), "_local", quoted(name)),
            None => (String::new(), "", String::new()),
        };
        let engine = |name: &str| match &self.cluster {
            Some(_) => format!("Replicated{name}{replicated}"),
            None => name.to_owned(),
        };
        let window = if self.cluster.is_some() {
            "replicated_deduplication_window"
        } else {
            "non_replicated_deduplication_window"
        };
        statement
            .replace("{on_cluster}", &on_cluster)
            .replace("{local}", local)
            .replace("{cluster}", &cluster)
            .replace("{merge_tree}", &engine("MergeTree"))
            .replace("{aggregating_merge_tree}", &engine("AggregatingMergeTree"))
            .replace("{window}", window)
    }
}

/// An identifier from our own settings, quoted.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::QueriesConfig;
    use crate::warehouse::WarehouseOptions;

    /// The names that a warehouse of this kind creates, in order.
    fn created(cluster: Option<&str>) -> Vec<String> {
        let url = || "http://localhost:1/linktrail".to_owned().into();
        let warehouse = Warehouse::new(&WarehouseOptions {
            writer_url: url(),
            reader_url: url(),
            cluster: cluster.map(str::to_owned),
            queries: QueriesConfig::default(),
        });
        let warehouse = warehouse.unwrap();
        let statements = warehouse.statements(MIGRATIONS[0].text).into_iter().map(|text| warehouse.fill_in(text));
        let name = |text: String| text.split("IF NOT EXISTS ").nth(1)?.split_whitespace().next().map(str::to_owned);
        statements.filter_map(name).collect()
    }

    #[test]
    fn one_server_has_no_distributed_tables() {
        assert_eq!(created(None), ["events", "events_15m", "events_15m_fill"]);
        let sharded = ["events_local", "events_15m_local", "events_15m_fill", "events", "events_15m"];
        assert_eq!(created(Some("main")), sharded);
    }
}
