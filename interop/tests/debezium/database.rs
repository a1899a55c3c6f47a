//! A database of its own, with an outbox in small partitions.

use idp_application::{
    Actor, Application, Claim, Context, LaneLease, LaneProgress, LogKeeping, Migrate, OutboxLog,
    PurgePolicy, PurgeReport, Reader, Sharding, WorkerId,
};
use idp_conformance::sample::{self, Counter, CounterId, Parcel, ParcelId};
use idp_domain::{EntityId, Envelope, EventRecord, TenantId, Uuid};
use idp_postgres::{PgOptions, PgStore};
use interop::Committed;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls, Row};

const LONG: Duration = Duration::from_secs(3_600);
const EVERYTHING: PurgePolicy =
    PurgePolicy { keep_for: Duration::ZERO, keep_events: 0, events_max: u64::MAX };

/// Each column but `xid`, which is not for subscribers.
const EVENTS: &str = "
    SELECT position, lane, id::text, tenant_id, aggregatetype, aggregateid::text, type, schema_id,
           aggregate_version, schema_version, payload::text, metadata::text, content_hash,
           to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS time
      FROM idp_outbox WHERE position > $1 ORDER BY position";

pub(crate) struct Database {
    name: String,
    server: Config,
    pub(crate) client: Client,
    store: Arc<PgStore>,
    app: Application,
    lease: LaneLease,
    committed: Vec<Committed>,
    numbers: u128,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let url = std::env::var("IDP_TEST_PG");
        let url = url.expect("IDP_TEST_PG names no server: run `cargo xtask debezium`");
        let server: Config = url.parse().expect("IDP_TEST_PG is a URL");
        let name = format!("interop_{:016x}", RandomState::new().hash_one("idp"));
        let control = connect(&server).await;
        control.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a new database");
        let client = connect(server.clone().dbname(&name)).await;
        let options = PgOptions { partition_size: 10, ..PgOptions::default() };
        let (base, _) = url.rsplit_once('/').expect("IDP_TEST_PG names a database");
        let store = PgStore::connect(&format!("{base}/{name}"), options).await;
        let store = Arc::new(store.expect("the server can be reached"));
        store.migrate(sample::TABLES).await.expect("the tables can be made");
        let lease = claim(&store).await;
        let app = Application::new(store.clone());
        let committed = Vec::new();
        Self { name, server, client, store, app, lease, committed, numbers: 0 }
    }

    /// What Debezium has to know of it.
    pub(crate) fn settings(&self) -> Vec<String> {
        let Host::Tcp(host) = &self.server.get_hosts()[0] else { panic!("a host with a name") };
        let port = self.server.get_ports().first().copied().unwrap_or(5432);
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into();
        let password: String = text(self.server.get_password());
        vec![
            format!("database.hostname={host}"),
            format!("database.port={port}"),
            format!("database.user={}", self.server.get_user().unwrap_or_default()),
            format!("database.password={password}"),
            format!("database.dbname={}", self.name),
            format!("slot.name={}", self.name),
        ]
    }

    /// So many aggregates of two tenants, with three events each in two units of work, and one unit
    /// of work that is rolled back behind each. Gives the identity of the last event.
    pub(crate) async fn commit(&mut self, aggregates: u32) -> String {
        for _ in 0..aggregates {
            self.numbers += 1;
            let tenant = if self.numbers.is_multiple_of(2) { "acme" } else { "globex" };
            let id = Uuid::from_u128(self.numbers);
            let context = Context::new(TenantId::new(tenant).expect("valid"), Actor::new("Zoë"));
            let unit = self.app.begin(context.clone());
            unit.add(Parcel::registered(ParcelId::from_uuid(id))).expect("new");
            unit.commit().await.expect("written");
            let unit = self.app.begin(context.clone());
            let mut parcel = unit.get::<Parcel>(ParcelId::from_uuid(id)).await.expect("there");
            parcel.weight = 1.25;
            parcel.write_note("\"Größe\": 10 €\n\u{1f600}\\");
            drop(parcel);
            let mut counter = Counter::new(CounterId::from_uuid(id));
            counter.count_on();
            unit.add(counter).expect("new");
            unit.commit().await.expect("written");
            let unit = self.app.begin(context);
            let again = Parcel::registered(ParcelId::from_uuid(id));
            unit.add(again).expect("it is not known to be there");
            unit.commit().await.expect_err("the parcel is there already");
        }
        self.note_what_is_new().await;
        self.committed.last().expect("something was committed").event.event_id.to_string()
    }

    async fn note_what_is_new(&mut self) {
        let last = self.committed.last().map_or(0, |event| event.position);
        let rows = self.client.query(EVENTS, &[&last]).await.expect("the log can be read");
        self.committed.extend(rows.iter().map(committed));
    }

    /// All that was ever committed, by position.
    pub(crate) fn committed(&self) -> &[Committed] {
        &self.committed
    }

    /// Lets the one reader pass all there is, and drops what can be dropped.
    pub(crate) async fn purge(&mut self) -> PurgeReport {
        loop {
            let batches = self.store.read(&[self.lease], 1_000).await.expect("read");
            let Some(batch) = batches.into_iter().next() else { break };
            self.lease.cursor = batch.through;
            self.lease.sequence += i64::try_from(batch.events.len()).expect("few");
        }
        let LaneLease { lane, epoch, cursor, sequence } = self.lease;
        let progress = LaneProgress { lane, epoch, cursor, sequence };
        let held = self.store.advance(&reader(), &[progress], LONG).await.expect("recorded");
        assert_eq!(held.len(), 1);
        self.store.purge(&EVERYTHING).await.expect("no trouble")
    }

    /// The names of the partitions.
    pub(crate) async fn partitions(&self) -> Vec<String> {
        const PARTITIONS: &str = "SELECT inhrelid::regclass::text FROM pg_inherits
            WHERE inhparent = 'idp_outbox'::regclass ORDER BY 1";
        let rows = self.client.query(PARTITIONS, &[]).await.expect("the catalogue can be read");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// With its slot. A test that failed leaves both on its throw-away server.
    pub(crate) async fn destroy(self) {
        let Self { name, server, client, store, app, .. } = self;
        drop((client, store, app));
        let control = connect(&server).await;
        let slot = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
            WHERE slot_name = $1";
        control.execute(slot, &[&name]).await.expect("nobody uses the slot");
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        control.batch_execute(&drop).await.expect("the database can be dropped");
    }
}

fn reader() -> Reader {
    Reader { name: "projector".into(), sharding: Sharding::Whole }
}

async fn claim(store: &PgStore) -> LaneLease {
    let worker = WorkerId(Uuid::from_u128(1));
    store.join(&reader(), worker, LONG).await.expect("joined");
    let claim = Claim { worker, lanes_max: 1, lease_ttl: LONG };
    store.claim(&reader(), claim).await.expect("claimed")[0]
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the server can be reached");
    tokio::spawn(connection);
    client
}

fn committed(row: &Row) -> Committed {
    let text = |column: &str| row.get::<_, String>(column);
    let uuid = |column: &str| Uuid::parse_str(&text(column)).expect("a UUID");
    let record = EventRecord {
        event_id: uuid("id"),
        occurred_at: text("time").parse().expect("an instant"),
        tenant: TenantId::new(&text("tenant_id")).expect("valid"),
        aggregate_type: text("aggregatetype").into(),
        aggregate_id: uuid("aggregateid"),
        aggregate_version: row.get("aggregate_version"),
        event_type: text("type").into(),
        schema_id: text("schema_id").into(),
        schema_version: row.get::<_, i32>("schema_version").try_into().expect("positive"),
        payload: text("payload"),
        metadata: EventRecord::metadata_from_json(&text("metadata")).expect("texts"),
    };
    let hash = text("content_hash").parse().expect("a hash");
    let (position, lane) = (row.get("position"), row.get("lane"));
    Committed { event: Envelope::restore(record, hash), position, lane }
}
