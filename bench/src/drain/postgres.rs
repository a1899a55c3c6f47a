//! Drains from PostgreSQL.

use super::contender::Contender;
use super::options::Options;
use super::results::{Cell, Drained, Results, Sample};
use super::textbook::Table;
use super::{backlog, bare, ours, textbook};
use crate::BoxError;
use crate::schema::Schema;
use std::time::Duration;
use tokio_postgres::Client;

const PLACE: &str = "PostgreSQL";

/// A backlog with all who drain it. Reading it does not use it up: each reader begins at its start.
struct Place {
    schema: Schema,
    table: Table,
    backlog: u64,
}

pub(crate) async fn measure(
    url: &str,
    backlog: u64,
    options: &Options,
    results: &mut Results,
) -> Result<(), BoxError> {
    let rounds = options.rounds(backlog);
    let wants = |contender: Contender| options.wants(&format!("{PLACE}, {}", contender.title()));
    if !Contender::ALL.into_iter().any(wants) {
        return Ok(());
    }
    let schema = Schema::make(url, &[]).await?;
    backlog::fill(&schema, backlog, backlog::TENANTS).await?;
    let table = Table::make(&schema, backlog).await?;
    let mut place = Place { schema, table, backlog };
    for is_held in [false, true] {
        eprintln!("{PLACE}, {backlog} events, {rounds} rounds, old transaction: {is_held}");
        for round in 0..rounds {
            for workers in &options.workers {
                let mut contenders = Contender::ALL.to_vec();
                contenders.rotate_left(round % Contender::ALL.len());
                // The bare read is the limit of one reader.
                contenders.retain(|contender| *contender != Contender::Bare || *workers == 1);
                contenders.retain(|contender| wants(*contender));
                let cell = Cell { place: PLACE, backlog, workers: *workers, is_held };
                for contender in contenders {
                    let sample = place.sample(cell, contender).await?;
                    results.add(cell, contender.title(), sample);
                }
            }
        }
    }
    place.schema.drop().await
}

impl Place {
    async fn sample(&mut self, cell: Cell, contender: Contender) -> Result<Sample, BoxError> {
        let part = contender.part_of(self.backlog);
        if matches!(contender, Contender::Textbook(_)) {
            self.table.ready(&self.schema, part).await?;
        }
        let holder = self.schema.client().await?;
        if cell.is_held {
            let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM idp_meta";
            holder.batch_execute(hold).await?;
        }
        let admin = &self.schema.admin;
        let (wal_before, replaced_before) = (wal(admin).await?, replaced(admin).await?);
        let drained = self.drain(contender, part, cell.workers).await?;
        let wal = Some(wal(admin).await?.saturating_sub(wal_before));
        // The server counts for a session what it did a second ago, or when it ends.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let replaced = Some(replaced(admin).await?.saturating_sub(replaced_before));
        let dead = Some(dead(admin).await?);
        if let Contender::Textbook(_) = contender {
            self.table.drained(drained.events);
        }
        Ok(Sample { drained, wal, replaced, dead })
    }

    async fn drain(
        &self,
        contender: Contender,
        part: u64,
        workers: u16,
    ) -> Result<Drained, BoxError> {
        match contender {
            Contender::Bare => bare::drain(&self.schema, part).await,
            Contender::Textbook(status) => {
                textbook::drain(&self.schema, part, workers, status).await
            }
            Contender::Ours => {
                let mut stores = Vec::new();
                for _ in 0..workers {
                    stores.push(self.schema.store(4).await?);
                }
                ours::Workers::warm(stores, ours::config()).await?.drain(part).await
            }
        }
    }
}

async fn wal(admin: &Client) -> Result<u64, BoxError> {
    number(admin, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").await
}

async fn replaced(admin: &Client) -> Result<u64, BoxError> {
    let sql = "SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables \
               WHERE schemaname = current_schema()";
    number(admin, sql).await
}

async fn dead(admin: &Client) -> Result<u64, BoxError> {
    let sql = "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables \
               WHERE schemaname = current_schema()";
    number(admin, sql).await
}

async fn number(admin: &Client, sql: &str) -> Result<u64, BoxError> {
    let number: i64 = admin.query_one(sql, &[]).await?.get(0);
    Ok(u64::try_from(number)?)
}

/// What of the server the figures depend on.
pub(crate) async fn facts(url: &str) -> Result<Vec<(&'static str, String)>, BoxError> {
    const SETTINGS: [&str; 4] = ["server_version", "fsync", "synchronous_commit", "shared_buffers"];
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let mut facts = Vec::new();
    for name in SETTINGS {
        let value = client.query_one(&format!("SHOW {name}"), &[]).await?.get(0);
        facts.push((name, value));
    }
    Ok(facts)
}
