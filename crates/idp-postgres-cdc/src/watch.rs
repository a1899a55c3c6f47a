//! The watch: a stream of changes beside a guard of what it costs.

use crate::CdcConfig;
use crate::error::of_query;
use crate::publication;
use crate::slot::SlotGuard;
use crate::stream::ChangeStream;
use crate::unseen::Unseen;
use idp_application::{BoxFuture, CommitSignal, CommitWatch, Error, ErrorKind};
use pgwire_replication::ReplicationConfig;
use std::fmt;
use tokio::time::{Instant, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// Watches the commits of all processes in the server's write-ahead log. See the documentation of the
/// crate for what the server must allow.
pub struct PgCdc {
    config: CdcConfig,
    database: Config,
}

impl PgCdc {
    /// Watches the database of a URL (`postgres://user:password@host:port/database`). Fails when the
    /// URL or a setting is wrong; nothing is connected yet.
    pub fn new(url: &str, config: CdcConfig) -> Result<Self, Error> {
        config.check()?;
        let invalid = |message: String| {
            Error::new(ErrorKind::Invalid, "configure change data capture", message)
        };
        let mut database: Config = url.parse().map_err(|e| invalid(format!("bad URL: {e}")))?;
        if !matches!(database.get_hosts(), [Host::Tcp(_)]) {
            return Err(invalid("the URL must name one host".to_owned()));
        }
        if let Some(schema) = &config.schema {
            database.options(format!("-c search_path={schema}"));
        }
        Ok(Self { config, database })
    }

    async fn run(
        &self,
        signal: &CommitSignal,
        watching: Box<dyn FnOnce() + Send + '_>,
    ) -> Result<Never, Error> {
        let client = self.connect().await?;
        let publication = publication::ensure(&client).await?;
        let slot = slot_name(&client).await?;
        let replication = self.replication(&slot, &publication);
        let mut stream = ChangeStream::begin(replication, self.config.begin_timeout).await?;
        let retained_bytes_max = self.config.retained_bytes_max;
        let guard = SlotGuard { client, slot, retained_bytes_max };
        watching();
        let mut ticks = tokio::time::interval(self.config.guard_interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unseen = Unseen::default();
        loop {
            tokio::select! {
                committed = stream.committed() => unseen.push(committed?),
                () = sleep_until(unseen.look_again_at()) => {}
                _ = ticks.tick() => {
                    self.answered(guard.check()).await?;
                    continue;
                }
            }
            if self.answered(unseen.look(&guard.client)).await? {
                signal.ring_from_elsewhere();
            }
        }
    }

    /// A server that does not answer has ended the stream as well, perhaps in silence.
    async fn answered<T>(&self, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        timeout(self.config.guard_interval, asked).await.unwrap_or_else(|_| {
            let message = "the server does not answer";
            Err(Error::new(ErrorKind::Timeout, "watch changes", message))
        })
    }

    async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.database.connect(NoTls).await.map_err(of_query)?;
        // Ends by itself when the client is dropped or the server closes the connection.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
        });
        Ok(client)
    }

    fn replication(&self, slot: &str, publication: &str) -> ReplicationConfig {
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into();
        let database = &self.database;
        let host = match database.get_hosts() {
            [Host::Tcp(host)] => host.clone(),
            _ => String::new(), // `new` has refused it.
        };
        let user = database.get_user().unwrap_or("postgres");
        let name = database.get_dbname().unwrap_or(user);
        let password: String = text(database.get_password());
        let config = ReplicationConfig::new(host, user, password, name, slot, publication);
        config
            .with_port(database.get_ports().first().copied().unwrap_or(5432))
            .with_application_name(database.get_application_name().unwrap_or("idp-postgres-cdc"))
            .with_status_interval(self.config.guard_interval)
    }
}

/// What never comes.
enum Never {}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Names of slots are unique on a server. The process of the server that serves the connection beside
/// the stream is in it, so that whoever looks for the owner of a slot finds it.
async fn slot_name(client: &Client) -> Result<String, Error> {
    const NAME: &str = "SELECT 'idp_cdc_' || pg_backend_pid() || '_' || \
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let row = client.query_one(NAME, &[]).await.map_err(of_query)?;
    Ok(row.get(0))
}

impl CommitWatch for PgCdc {
    fn name(&self) -> &'static str {
        "cdc"
    }

    fn watch<'a>(
        &'a self,
        signal: &'a CommitSignal,
        watching: Box<dyn FnOnce() + Send + 'a>,
    ) -> BoxFuture<'a, Error> {
        Box::pin(async move {
            match self.run(signal, watching).await {
                Ok(never) => match never {},
                Err(error) => error,
            }
        })
    }
}

/// Without the password that the URL may hold.
impl fmt::Debug for PgCdc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgCdc").field("config", &self.config).finish_non_exhaustive()
    }
}
