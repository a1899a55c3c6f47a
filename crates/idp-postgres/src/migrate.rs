//! Brings the tables to what this build needs, in one transaction.
//!
//! Each table is recorded with the statements that made it. A table whose record equals what this
//! build would make is left alone; one that differs is refused: how to bring the old rows to the new
//! shape only its owner knows.

use crate::dialect::Postgres;
use crate::error::translate;
use crate::store::PgStore;
use idp_application::{BoxFuture, Cost, Error, ErrorKind, Migrate};
use idp_domain::TableSchema;
use idp_sql::table_ddl;

const RECORDS: &str = "CREATE TABLE IF NOT EXISTS idp_table (
  name text COLLATE \"C\" PRIMARY KEY,
  definition text NOT NULL
)";

/// The framework's own tables.
const FRAMEWORK: [(&str, &str); 24] = [
    ("idp_raise", include_str!("../sql/idp_raise.sql")),
    ("idp_meta", include_str!("../sql/idp_meta.sql")),
    ("idp_outbox", include_str!("../sql/idp_outbox.sql")),
    ("idp_tick", include_str!("../sql/idp_tick.sql")),
    ("idp_reader_lane", include_str!("../sql/idp_reader_lane.sql")),
    ("idp_reader_worker", include_str!("../sql/idp_reader_worker.sql")),
    ("idp_advance", include_str!("../sql/idp_advance.sql")),
    ("idp_set_aside", include_str!("../sql/idp_set_aside.sql")),
    ("idp_parked_key", include_str!("../sql/idp_parked_key.sql")),
    ("idp_dead_letter_record", include_str!("../sql/idp_dead_letter_record.sql")),
    ("idp_park", include_str!("../sql/idp_park.sql")),
    ("idp_tenant_policy", include_str!("../sql/idp_tenant_policy.sql")),
    ("idp_tenant_track", include_str!("../sql/idp_tenant_track.sql")),
    ("idp_keep_aside", include_str!("../sql/idp_keep_aside.sql")),
    ("idp_record", include_str!("../sql/idp_record.sql")),
    ("idp_record_tracks", include_str!("../sql/idp_record_tracks.sql")),
    ("idp_due_first", include_str!("../sql/idp_due_first.sql")),
    ("idp_due", include_str!("../sql/idp_due.sql")),
    ("idp_settle", include_str!("../sql/idp_settle.sql")),
    ("idp_command", include_str!("../sql/idp_command.sql")),
    ("idp_log_floor", include_str!("../sql/idp_log_floor.sql")),
    ("idp_partition", include_str!("../sql/idp_partition.sql")),
    ("idp_purge", include_str!("../sql/idp_purge.sql")),
    ("outbox_status", include_str!("../sql/outbox_status.sql")),
];

impl PgStore {
    async fn migrate_tables(&self, tables: &[&'static TableSchema]) -> Result<(), Error> {
        let mut checkout = self.pool.checkout().await?;
        // On any error the connection, and with it the transaction, is dropped.
        let failed = |e| translate("migrate", e);
        let client = checkout.session.client();
        client
            .batch_execute(&format!(
                "BEGIN; SELECT pg_advisory_xact_lock(23109, hashtext(current_schema())); {RECORDS}"
            ))
            .await
            .map_err(failed)?;
        for (name, definition) in definitions(tables) {
            let rows = client
                .query("SELECT definition FROM idp_table WHERE name = $1", &[&name])
                .await
                .map_err(failed)?;
            match rows.first().map(|row| row.get::<_, &str>(0)) {
                Some(known) if known == definition => continue,
                Some(known) => return Err(another_shape(&name, known, &definition)),
                None => {}
            }
            client.batch_execute(&definition).await.map_err(failed)?;
            client
                .execute("INSERT INTO idp_table VALUES ($1, $2)", &[&name, &definition])
                .await
                .map_err(failed)?;
        }
        let lanes = i32::from(self.lanes.get());
        client
            .execute("INSERT INTO idp_meta (lanes) VALUES ($1) ON CONFLICT DO NOTHING", &[&lanes])
            .await
            .map_err(failed)?;
        client.batch_execute("COMMIT").await.map_err(failed)?;
        checkout.session.forget_statements();
        checkout.give_back();
        self.tend_partitions().await?;
        self.check_lanes().await
    }

    /// Fails when the tables were made with another number of lanes.
    pub(crate) async fn check_lanes(&self) -> Result<(), Error> {
        const EXISTS: &str = "SELECT to_regclass('idp_meta') IS NOT NULL";
        let mut cost = Cost::default();
        let exists = self.rows("connect", EXISTS, &[], &mut cost).await?;
        if !exists.first().is_some_and(|row| row.get(0)) {
            return Ok(());
        }
        let rows = self.rows("connect", "SELECT lanes FROM idp_meta", &[], &mut cost).await?;
        let lanes: Option<i32> = rows.first().map(|row| row.get(0));
        match lanes.filter(|lanes| *lanes != i32::from(self.lanes.get())) {
            None => Ok(()),
            Some(lanes) => {
                let message = format!(
                    "PgOptions.lanes must be {lanes}, with which the tables were made, got {}",
                    self.lanes.get()
                );
                Err(Error::new(ErrorKind::Invalid, "connect", message))
            }
        }
    }
}

impl Migrate for PgStore {
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.migrate_tables(tables))
    }
}

fn definitions(tables: &[&'static TableSchema]) -> Vec<(String, String)> {
    let framework = FRAMEWORK.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned()));
    let records = tables
        .iter()
        .map(|table| (table.name.to_owned(), table_ddl(&Postgres, table).statements.join(";\n")));
    framework.chain(records).collect()
}

fn another_shape(name: &str, known: &str, wanted: &str) -> Error {
    let differs = |one: &str, other: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|o| o == *line));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let message = format!(
        "table `{name}` has another shape than this build: it has [{}], this build wants [{}]; bring \
         it over by a migration of your own and update its row in idp_table",
        differs(known, wanted),
        differs(wanted, known)
    );
    Error::new(ErrorKind::Invalid, "migrate", message)
}
