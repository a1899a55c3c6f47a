//! One connection with the statements prepared on it.

use crate::error::translate;
use crate::parameter::Parameter;
use idp_application::{Cost, Error};
use std::collections::HashMap;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

/// Statements are cached by text. Their number is bounded by the shapes of an application; should
/// it pass this, the cache starts afresh.
const STATEMENTS_MAX: usize = 512;

pub(crate) struct Session {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Session {
    pub(crate) async fn connect(config: &tokio_postgres::Config) -> Result<Self, Error> {
        let connecting = config.connect(NoTls).await;
        let (client, connection) = connecting.map_err(|e| translate("connect", e))?;
        // Ends by itself when the client is dropped or the server closes the connection.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
        });
        Ok(Self { client, statements: HashMap::new() })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Forgets the prepared statements: the tables they were planned for have changed.
    pub(crate) fn forget_statements(&mut self) {
        self.statements.clear();
    }

    /// Runs a statement, prepared on its first use.
    pub(crate) async fn query(
        &mut self,
        sql: &str,
        parameters: &[Parameter<'_>],
        cost: &mut Cost,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.prepare(sql, cost).await?;
        cost.statements += 1;
        cost.round_trips += 1;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|parameter| parameter as &(dyn ToSql + Sync)).collect();
        self.client.query(&statement, &parameters).await
    }

    async fn prepare(
        &mut self,
        sql: &str,
        cost: &mut Cost,
    ) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        cost.round_trips += 1;
        let statement = self.client.prepare(sql).await?;
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}
