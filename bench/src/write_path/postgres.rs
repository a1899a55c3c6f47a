//! PostgreSQL, reached directly and through a network half a millisecond long.

use super::UNIT_OF_WORK;
use super::by_hand::{SqlxTransaction, TokioPostgresStatement};
use super::contender::Contender;
use super::place::{CpuTimes, Place};
use super::route_plan::RoutePlan;
use super::unit_of_work::{UnitOfWork, seed};
use crate::BoxError;
use crate::delay_proxy::DelayProxy;
use idp_application::{BoxFuture, Migrate};
use idp_domain::Record;
use idp_postgres::{PgOptions, PgStore};
use sqlx_postgres::PgConnectOptions;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

pub(crate) const LOOPBACK: &str = "PostgreSQL on loopback";
pub(crate) const DELAYED: &str = "PostgreSQL behind a delay of 0.5 ms";

pub(crate) const SQLX: &str = "(a) sqlx transaction";
pub(crate) const TOKIO_POSTGRES: &str = "(b) tokio-postgres statement";

/// A schema of our own on a server, with the tables of idp.
pub(crate) struct Server {
    url: String,
    schema: String,
    store: Arc<PgStore>,
    admin: Client,
    proxy: DelayProxy,
}

impl Server {
    pub(crate) async fn prepare(url: &str) -> Result<Arc<Self>, BoxError> {
        let schema = format!("bench_{}", Uuid::now_v7().simple());
        let admin = connect(&url.parse()?).await?;
        admin.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
        admin.batch_execute(&format!("SET search_path = {schema}")).await?;
        let store = Arc::new(PgStore::connect(url, options(&schema, 2)).await?);
        store.migrate(&[RoutePlan::SCHEMA]).await?;
        let proxy = DelayProxy::start(&address(&url.parse()?)?)?;
        Ok(Arc::new(Self { url: url.into(), schema, store, admin, proxy }))
    }

    pub(crate) async fn clean_up(&self) -> Result<(), BoxError> {
        Ok(self.admin.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.schema)).await?)
    }

    /// The two ways to the server.
    pub(crate) fn places(self: &Arc<Self>) -> Result<[Box<dyn Place>; 2], BoxError> {
        let place = |title, url| -> Box<dyn Place> {
            Box::new(Postgres { title, url, server: Arc::clone(self) })
        };
        let near = place(LOOPBACK, self.url.clone());
        let far = place(DELAYED, self.delayed_url()?);
        Ok([near, far])
    }

    /// What matters of the server, as `name: value`.
    pub(crate) async fn describe(&self) -> Result<Vec<(&'static str, String)>, BoxError> {
        let mut facts = Vec::new();
        for setting in [
            "server_version",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "shared_buffers",
            "max_wal_size",
        ] {
            let row = self.admin.query_one(&format!("SHOW {setting}"), &[]).await?;
            facts.push((setting, row.get(0)));
        }
        let trip = |duration: Duration| format!("{} µs", duration.as_micros());
        facts.push(("round trip on loopback", trip(round_trip(&self.url).await?)));
        facts.push(("round trip behind the delay", trip(round_trip(&self.delayed_url()?).await?)));
        Ok(facts)
    }

    /// The URL with the address of the proxy in the place of the server's.
    fn delayed_url(&self) -> Result<String, BoxError> {
        let (scheme, rest) = self.url.split_once("://").ok_or("IDP_TEST_PG is not a URL")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        Ok(format!("{scheme}://{user}@{}/{path}", self.proxy.address()))
    }
}

struct Postgres {
    title: &'static str,
    url: String,
    server: Arc<Server>,
}

impl Postgres {
    async fn reseed(&self, plans: usize) -> Result<Vec<Uuid>, BoxError> {
        let admin = &self.server.admin;
        admin.batch_execute("TRUNCATE route_plan, idp_outbox").await?;
        let ids = seed(self.server.store.clone(), plans).await?;
        admin.batch_execute("TRUNCATE idp_outbox").await?;
        admin.batch_execute("ANALYZE route_plan").await?;
        Ok(ids)
    }

    async fn contender(
        &self,
        name: &'static str,
        tasks: usize,
    ) -> Result<Arc<dyn Contender>, BoxError> {
        let schema = &self.server.schema;
        match name {
            UNIT_OF_WORK => {
                let options = options(schema, u32::try_from(tasks)?);
                let store = Arc::new(PgStore::connect(&self.url, options).await?);
                Ok(Arc::new(UnitOfWork::over(store)?))
            }
            SQLX => {
                let options: PgConnectOptions = self.url.parse()?;
                let options = options.options([("search_path", schema)]);
                Ok(Arc::new(SqlxTransaction::connect(options, tasks).await?))
            }
            _ => {
                let mut config: Config = self.url.parse()?;
                config.options(format!("-c search_path={schema}"));
                Ok(Arc::new(TokioPostgresStatement::connect(&config, tasks).await?))
            }
        }
    }

    async fn only_rows(&self) -> Result<String, BoxError> {
        const PLAN: &str = "SELECT (to_jsonb(p) - '{id,created_at,updated_at}'::text[])::text
            FROM route_plan AS p";
        const EVENT: &str = "SELECT payload::text || (to_jsonb(e) - '{id,aggregateid,occurred_at,
            content_hash,lane,position,xid,payload}'::text[])::text FROM idp_outbox AS e";
        let plan = self.server.admin.query_one(PLAN, &[]).await?;
        let event = self.server.admin.query_one(EVENT, &[]).await?;
        Ok(format!("{}\n{}", plan.get::<_, &str>(0), event.get::<_, &str>(0)))
    }

    async fn backend_cpu(&self) -> Result<CpuTimes, BoxError> {
        const BACKENDS: &str = "SELECT pid FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let backends = self.server.admin.query(BACKENDS, &[]).await?;
        let times = backends.iter().filter_map(|row| {
            let process: i32 = row.get(0);
            let times = fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
            let nanos: u64 = times.split_whitespace().next()?.parse().ok()?;
            Some((process, nanos / 1_000))
        });
        Ok(times.collect())
    }
}

impl Place for Postgres {
    fn title(&self) -> &'static str {
        self.title
    }

    fn contenders(&self) -> &'static [&'static str] {
        &[UNIT_OF_WORK, SQLX, TOKIO_POSTGRES]
    }

    fn operations(&self, tasks: usize) -> usize {
        match tasks {
            1 => 600,
            8 => 2_400,
            _ => 4_000,
        }
    }

    fn seed(&self, plans: usize) -> BoxFuture<'_, Result<Vec<Uuid>, BoxError>> {
        Box::pin(self.reseed(plans))
    }

    fn enter(
        &self,
        contender: &'static str,
        tasks: usize,
    ) -> BoxFuture<'_, Result<Arc<dyn Contender>, BoxError>> {
        Box::pin(self.contender(contender, tasks))
    }

    fn written(&self) -> BoxFuture<'_, Result<String, BoxError>> {
        Box::pin(self.only_rows())
    }

    fn server_cpu(&self) -> BoxFuture<'_, Result<CpuTimes, BoxError>> {
        Box::pin(self.backend_cpu())
    }
}

fn options(schema: &str, connections_max: u32) -> PgOptions {
    PgOptions { connections_max, schema: Some(schema.into()), ..PgOptions::default() }
}

async fn connect(config: &Config) -> Result<Client, BoxError> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn address(config: &Config) -> Result<String, BoxError> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts() {
        [Host::Tcp(host)] => Ok(format!("{host}:{port}")),
        _ => Err("IDP_TEST_PG must name one host, by TCP".into()),
    }
}

/// The median of many.
async fn round_trip(url: &str) -> Result<Duration, BoxError> {
    const TRIPS: usize = 301;
    let client = connect(&url.parse()?).await?;
    let statement = client.prepare("SELECT 1").await?;
    let mut trips = Vec::with_capacity(TRIPS);
    for _ in 0..TRIPS {
        let start = Instant::now();
        client.query_one(&statement, &[]).await?;
        trips.push(start.elapsed());
    }
    trips.sort_unstable();
    Ok(trips[TRIPS / 2])
}
