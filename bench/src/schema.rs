//! A schema of our own on the server to measure on, gone afterwards.

use crate::BoxError;
use idp_application::Migrate;
use idp_domain::TableSchema;
use idp_postgres::{PgOptions, PgStore};
use std::sync::Arc;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

pub(crate) struct Schema {
    pub(crate) url: String,
    pub(crate) name: String,
    /// A connection to it, beside what is measured.
    pub(crate) admin: Client,
}

impl Schema {
    pub(crate) async fn make(url: &str, tables: &[&'static TableSchema]) -> Result<Self, BoxError> {
        let name = format!("bench_{}", Uuid::now_v7().simple());
        let admin = client(url, &name).await?;
        admin.batch_execute(&format!("CREATE SCHEMA {name}")).await?;
        let schema = Self { url: url.into(), name, admin };
        schema.store(2).await?.migrate(tables).await?;
        Ok(schema)
    }

    /// A store on it, as another process would have.
    pub(crate) async fn store(&self, connections_max: u32) -> Result<Arc<PgStore>, BoxError> {
        let schema = Some(self.name.clone());
        let options = PgOptions { schema, connections_max, ..PgOptions::default() };
        Ok(Arc::new(PgStore::connect(&self.url, options).await?))
    }

    /// Another connection to it.
    pub(crate) async fn client(&self) -> Result<Client, BoxError> {
        client(&self.url, &self.name).await
    }

    pub(crate) async fn drop(self) -> Result<(), BoxError> {
        Ok(self.admin.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name)).await?)
    }
}

async fn client(url: &str, schema: &str) -> Result<Client, BoxError> {
    let mut config: tokio_postgres::Config = url.parse()?;
    config.options(format!("-c search_path={schema}"));
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
