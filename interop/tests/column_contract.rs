//! The columns that readers of the table rely on are there, in the table and in its partitions, and
//! the settings for Debezium name no others. (That nothing updates a row, the suite of the store
//! holds; that a real Debezium is content with it, the tests beside this one.)

use idp_application::Migrate;
use idp_postgres::{PgOptions, PgStore};
use interop::{COLUMNS, FoundColumn, column_faults};
use std::hash::{BuildHasher, RandomState};
use tokio_postgres::{Client, NoTls};

const SETTINGS: &str = include_str!("../debezium/outbox.properties");

const FOUND: &str = "
    SELECT attname::text, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute
     WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";

const TABLES: &str = "
    SELECT 'idp_outbox' UNION ALL
    SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'idp_outbox'::regclass";

/// Goes from the server when it is dropped, whatever the test came to.
struct Schema {
    client: Client,
    url: String,
    name: String,
}

impl Schema {
    async fn create() -> Self {
        let url = std::env::var("IDP_TEST_PG");
        let url = url.expect("IDP_TEST_PG names no server: run `cargo xtask test -p interop`");
        let name = format!("columns_{:016x}", RandomState::new().hash_one("idp"));
        let client = client(&url).await;
        let make = format!(
            "CREATE SCHEMA {name}; SET search_path = {name}; SET application_name = {name}"
        );
        client.batch_execute(&make).await.expect("a new schema");
        let schema = Self { client, url, name };
        let options = PgOptions { schema: Some(schema.name.clone()), ..PgOptions::default() };
        let store = PgStore::connect(&schema.url, options).await.expect("the server is there");
        store.migrate(&[]).await.expect("the tables can be made");
        schema
    }

    async fn faults(&self) -> Vec<String> {
        let tables = self.client.query(TABLES, &[]).await.expect("the catalogue can be read");
        let mut faults = Vec::new();
        for table in tables.iter().map(|row| row.get::<_, String>(0)) {
            let rows = self.client.query(FOUND, &[&table]).await.expect("it can be read");
            let found: Vec<_> = rows
                .iter()
                .map(|row| FoundColumn {
                    name: row.get(0),
                    sql_type: row.get(1),
                    is_nullable: row.get(2),
                })
                .collect();
            faults.extend(column_faults(&found));
        }
        assert!(tables.len() >= 3, "the table, the rest and a partition: {}", tables.len());
        faults
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.expect("it is valid");
    }
}

async fn client(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("the server is there");
    tokio::spawn(connection);
    client
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.name.clone());
        // A test's runtime cannot be blocked on from within: another thread cleans up.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                // A test that failed may have left a transaction open, with locks.
                let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                    WHERE application_name = $1";
                let admin = client(&url).await;
                admin.execute(end, &[&name]).await.expect("its connection can be ended");
                let drop = format!("SET lock_timeout = '5s'; DROP SCHEMA {name} CASCADE");
                admin.batch_execute(&drop).await.expect("the schema can be dropped");
            });
        });
        let cleaned = cleaner.join();
        assert!(cleaned.is_ok() || std::thread::panicking(), "the schema was not dropped");
    }
}

#[tokio::test]
async fn the_table_and_its_partitions_have_the_columns_of_the_contract() {
    let schema = Schema::create().await;
    assert_eq!(schema.faults().await, [""; 0]);
}

#[tokio::test]
async fn a_table_with_other_columns_is_convicted() {
    let sabotages = [
        ("ALTER TABLE idp_outbox RENAME type TO event_type", "no column type"),
        ("ALTER TABLE idp_outbox ALTER payload TYPE jsonb", "payload is jsonb"),
        ("ALTER TABLE idp_outbox ALTER aggregateid DROP NOT NULL", "aggregateid can be null"),
        ("ALTER TABLE idp_outbox ALTER content_hash TYPE varchar(99)", "content_hash is char"),
    ];
    let schema = Schema::create().await;
    for (sabotage, fault) in sabotages {
        schema.run(&format!("BEGIN; {sabotage}")).await;
        let faults = schema.faults().await;
        assert!(faults.iter().any(|found| found.contains(fault)), "{sabotage}: {faults:?}");
        schema.run("ROLLBACK").await;
    }
}

#[test]
fn the_settings_for_debezium_name_columns_of_the_contract() {
    let settings = SETTINGS.replace("\\\n", "");
    let (_, placements) = settings.split_once("fields.additional.placement=").expect("a setting");
    let placements = placements.lines().next().expect("the rest of the line");
    let mut names = Vec::new();
    for placement in placements.split(',') {
        let parts: Vec<&str> = placement.trim().split(':').collect();
        let [column, "header", _] = parts.as_slice() else { panic!("{placement:?} is no header") };
        assert!(COLUMNS.iter().any(|known| known.name == *column), "there is no column {column}");
        names.push(*column);
    }
    let left_out = COLUMNS.iter().filter(|column| !names.contains(&column.name));
    let left_out: Vec<_> = left_out.map(|column| column.name).collect();
    assert_eq!(left_out, ["payload"], "which is the value");
}
