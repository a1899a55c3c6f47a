//! The store: connecting, reading, committing.

use crate::commit::CommitStatement;
use crate::decode::Decoded;
use crate::dialect::Postgres;
use crate::error::{is_answered, translate};
use crate::lane_rows::LaneRows;
use crate::options::PgOptions;
use crate::parameter::Parameter;
use crate::pool::Pool;
use crate::tick::Ticks;
use idp_application::{
    BoxFuture, ChangeSet, Cost, Error, ErrorKind, Fetched, LaneCount, RowQuery, Store, StoredRow,
};
use idp_domain::{TenantId, Value};
use idp_sql::Statement;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Row;

/// A PostgreSQL database as a store of idp. Clones share the connections.
#[derive(Clone)]
pub struct PgStore {
    pub(crate) pool: Arc<Pool>,
    pub(crate) ticks: Arc<Ticks>,
    pub(crate) lane_rows: Arc<LaneRows>,
    pub(crate) lanes: LaneCount,
    pub(crate) partition_size: i64,
    pub(crate) purge_timeout: Duration,
}

impl PgStore {
    /// Connects to the database of a URL (`postgres://user:password@host:port/database`).
    ///
    /// Fails when the settings are wrong, when the server cannot be reached, and when the tables
    /// were made with another number of lanes.
    pub async fn connect(url: &str, options: PgOptions) -> Result<Self, Error> {
        let invalid = |e: String| Error::new(ErrorKind::Invalid, "connect to PostgreSQL", e);
        options.validate().map_err(|e| invalid(e.to_string()))?;
        let config: tokio_postgres::Config =
            url.parse().map_err(|e: tokio_postgres::Error| invalid(format!("bad URL: {e}")))?;
        let config = configured(config, &options);
        let pool = Pool::new(config, options.connections_max, options.checkout_timeout);
        let store = Self {
            pool: Arc::new(pool),
            ticks: Arc::default(),
            lane_rows: Arc::default(),
            lanes: options.lanes,
            partition_size: options.partition_size.into(),
            purge_timeout: options.purge_timeout,
        };
        store.check_lanes().await?;
        Ok(store)
    }

    pub(crate) async fn rows(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
        cost: &mut Cost,
    ) -> Result<Vec<Row>, Error> {
        let mut checkout = self.pool.checkout().await?;
        let result = checkout.session.query(sql, parameters, cost).await;
        checkout.give_back();
        result.map_err(|e| translate(operation, e))
    }

    /// Runs a query that changes nothing; once more on another connection if the first was lost.
    async fn read(&self, statement: &Statement, cost: &mut Cost) -> Result<Vec<Row>, Error> {
        let parameters: Vec<_> = statement.params.iter().map(Parameter::of).collect();
        match self.rows("read", &statement.sql, &parameters, cost).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                self.rows("read", &statement.sql, &parameters, cost).await
            }
            result => result,
        }
    }

    async fn fetch_rows(&self, query: RowQuery) -> Result<Fetched, Error> {
        let mut cost = Cost::default();
        let rows = self.read(&idp_sql::select(&Postgres, &query), &mut cost).await?;
        let rows: Vec<StoredRow> =
            rows.iter().map(|row| stored_row(row, &query)).collect::<Result<_, _>>()?;
        cost.rows_read = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        Ok(Fetched { rows, cost })
    }

    async fn count_rows(&self, query: RowQuery) -> Result<u64, Error> {
        let rows = self.read(&idp_sql::count(&Postgres, &query), &mut Cost::default()).await?;
        let count: i64 = rows.first().map_or(0, |row| row.get(0));
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn commit_changes(&self, changes: ChangeSet) -> Result<Cost, Error> {
        let statement = CommitStatement::of(&changes, self.lanes);
        let mut cost = Cost::default();
        let mut checkout = self.pool.checkout().await?;
        let result = checkout.session.query(&statement.sql, &statement.parameters, &mut cost).await;
        checkout.give_back();
        match result {
            Ok(_) => {
                let written = changes.writes.len() + changes.events.len();
                cost.rows_written = u32::try_from(written).unwrap_or(u32::MAX);
                Ok(cost)
            }
            Err(error) if is_answered(&error) => Err(statement.refusal(error)),
            Err(error) => Err(translate("commit", error).with_outcome_unknown()),
        }
    }
}

impl Store for PgStore {
    fn fetch(&self, query: RowQuery) -> BoxFuture<'_, Result<Fetched, Error>> {
        Box::pin(self.fetch_rows(query))
    }

    fn count(&self, query: RowQuery) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.count_rows(query))
    }

    fn commit(&self, changes: ChangeSet) -> BoxFuture<'_, Result<Cost, Error>> {
        Box::pin(self.commit_changes(changes))
    }
}

fn configured(mut config: tokio_postgres::Config, options: &PgOptions) -> tokio_postgres::Config {
    let mut settings = config.get_options().unwrap_or_default().to_owned();
    let timeout = options.statement_timeout.as_millis();
    settings.push_str(&format!(" -c statement_timeout={timeout}"));
    // Statements look anew after they waited for a lock, whatever the database's own default is.
    settings.push_str(" -c default_transaction_isolation=read\\ committed");
    if let Some(schema) = &options.schema {
        settings.push_str(&format!(" -c search_path={schema}"));
    }
    if config.get_application_name().is_none() {
        config.application_name("idp");
    }
    config.options(settings.trim());
    config
}

fn stored_row(row: &Row, query: &RowQuery) -> Result<StoredRow, Error> {
    let corrupt = |e: Box<dyn std::error::Error + Send + Sync>| {
        let message = format!("a row of `{}` cannot be read: {e}", query.table.name);
        Error::new(ErrorKind::Corrupt, "read", message)
    };
    let tenant: &str = row.try_get(0).map_err(|e| corrupt(e.into()))?;
    let version: i64 = row.try_get(1).map_err(|e| corrupt(e.into()))?;
    let values = (2..row.len()).map(|index| row.try_get::<_, Decoded>(index).map(|d| d.0));
    let values: Vec<Value> = values.collect::<Result<_, _>>().map_err(|e| corrupt(e.into()))?;
    let tenant = TenantId::new(tenant).map_err(|e| corrupt(e.into()))?;
    Ok(StoredRow { tenant, version, values })
}
