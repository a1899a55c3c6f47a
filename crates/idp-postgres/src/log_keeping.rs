//! What the log keeps, and for whom (`sql/idp_purge.sql`, `docs/purge.md`).

use crate::decode::DecodedTime;
use crate::error::{corrupt, is_lock_timeout, translate};
use crate::lease::run;
use crate::parameter::Parameter;
use crate::store::PgStore;
use crate::walk::END_OF_WINDOW;
use idp_application::{
    BoxError, BoxFuture, Cursor, Error, ErrorKind, HoldFrom, KeepingAction, KeepingCommand,
    KeepingRecord, LaggingReader, Lane, LogHold, LogKeeping, PurgeBlock, PurgePolicy, PurgeReport,
    ReaderStatus, Sharding,
};
use idp_domain::{TenantId, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

const PURGE: &str = "SELECT dropped, blocked_by, reader, lane, tenant_id, tick, position, since
    FROM idp_purge($1, $2, $3)";

const AHEAD: &str = "SELECT idp_partition_ahead($1)";

const TIDY: &str = "SELECT idp_partition_tidy()";

const READERS: &str = "
    SELECT DISTINCT ON (p.reader) p.reader, p.lane, p.tenant_id, p.tick, p.position,
           (SELECT t.taken_at FROM idp_tick AS t WHERE t.id = p.passed + 1),
           (SELECT count(*) FROM idp_reader_worker AS w
             WHERE w.reader = p.reader AND w.alive_until >= clock_timestamp()),
           (SELECT count(*) FROM idp_set_aside AS a WHERE a.reader = p.reader),
           (SELECT sum(l.missed)::bigint FROM idp_reader_lane AS l WHERE l.reader = p.reader)
      FROM idp_reader_place AS p
     ORDER BY p.reader, p.passed, p.lane, p.tenant_id NULLS FIRST";

const HOLDS: &str = "SELECT name, tick, since FROM idp_log_hold ORDER BY name";

const KEEP: &str = "SELECT idp_keep($1, $2, $3, $4, $5)";

const RECORDS: &str = "SELECT at, actor, action, subject, reason FROM idp_keeping_record
    ORDER BY id DESC LIMIT $1::bigint";

impl PgStore {
    async fn purge_log(&self, policy: &PurgePolicy) -> Result<PurgeReport, Error> {
        policy.check()?;
        // Windows end where somebody took a tick. Readers do, but they may all be away for long.
        self.tick(i64::MAX).await?;
        let report = match self.run_purge(policy).await {
            Ok(rows) => report(&rows).map_err(|e| corrupt("purge", "the report", e))?,
            Err(error) if is_lock_timeout(&error) => {
                PurgeReport { events_dropped: 0, blocked_by: Some(PurgeBlock::Locked) }
            }
            Err(error) => return Err(error),
        };
        self.tend_partitions().await?;
        Ok(report)
    }

    async fn run_purge(&self, policy: &PurgePolicy) -> Result<Vec<Row>, Error> {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let micros = u64::try_from(policy.keep_for.as_micros()).unwrap_or(u64::MAX);
        let [micros, keep, most] = [micros, policy.keep_events, policy.events_max].map(number);
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&micros, Type::INT8), (&keep, Type::INT8), (&most, Type::INT8)];
        let begin =
            format!("BEGIN; SET LOCAL statement_timeout = {}", self.purge_timeout.as_millis());
        let checkout = self.pool.checkout().await?;
        let client = checkout.session.client();
        // All three are sent at once.
        let (begun, rows, ended) = tokio::join!(
            client.batch_execute(&begin),
            client.query_typed(PURGE, &parameters),
            client.batch_execute("COMMIT"),
        );
        if begun.is_ok() && ended.is_ok() {
            checkout.give_back();
        }
        begun.and(rows).and_then(|rows| ended.map(|()| rows)).map_err(|e| translate("purge", e))
    }

    /// Makes partitions ahead and drops those that were emptied, as far as the locks for it are to be
    /// had at once.
    pub(crate) async fn tend_partitions(&self) -> Result<(), Error> {
        let ahead = [Parameter::BigInt(self.partition_size)];
        for (sql, parameters) in [(AHEAD, &ahead[..]), (TIDY, &[])] {
            match run(self, "tend partitions", sql, parameters).await {
                // The next one succeeds, as does one whose range was overtaken by writers (`Invalid`).
                Err(error) if !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Invalid) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn keep_log(&self, command: &KeepingCommand) -> Result<(), Error> {
        let KeepingCommand { actor, action, reason } = command;
        let from = match action {
            KeepingAction::Hold { from: HoldFrom::Newest, .. } => "newest",
            _ => "oldest",
        };
        let texts = [action.code(), action.subject(), from, actor.as_str(), reason];
        let rows = run(self, "keep the log", KEEP, &texts.map(Parameter::Text)).await?;
        let outcome: &str = rows.first().map_or("missing", |row| row.get(0));
        let subject = action.subject();
        let refused = |kind, message| Err(Error::new(kind, "keep the log", message));
        match outcome {
            "done" => Ok(()),
            "taken" => {
                refused(ErrorKind::Duplicate, format!("there is a hold `{subject}` already"))
            }
            "needed" => {
                let message =
                    format!("`{subject}` has living workers, or events that are set aside");
                refused(ErrorKind::Conflict, message)
            }
            _ => refused(ErrorKind::NotFound, format!("there is no `{subject}`")),
        }
    }
}

fn report(rows: &[Row]) -> Result<PurgeReport, BoxError> {
    let row = rows.first().ok_or("there is none")?;
    let dropped: i64 = row.try_get(0)?;
    let blocked_by: Option<&str> = row.try_get(1)?;
    let blocked_by = match blocked_by {
        None => None,
        Some("no_reader") => Some(PurgeBlock::NoReader),
        Some("reader") => Some(PurgeBlock::Reader(place(row, 2)?)),
        Some("hold") => Some(PurgeBlock::Hold(LogHold {
            name: row.try_get(2)?,
            from: Cursor { window: row.try_get(5)?, position: END_OF_WINDOW },
            since: row.try_get::<_, DecodedTime>(7)?.0,
        })),
        Some("policy") => Some(PurgeBlock::Policy),
        Some("limit") => Some(PurgeBlock::Limit),
        Some("late_commit") => Some(PurgeBlock::LateCommit),
        Some(other) => return Err(format!("it says `{other}`").into()),
    };
    Ok(PurgeReport { events_dropped: u64::try_from(dropped)?, blocked_by })
}

/// The place in the columns from that one on.
fn place(row: &Row, first: usize) -> Result<LaggingReader, BoxError> {
    let tenant: Option<&str> = row.try_get(first + 2)?;
    let since: Option<DecodedTime> = row.try_get(first + 5)?;
    Ok(LaggingReader {
        reader: row.try_get(first)?,
        lane: Lane::from_number(row.try_get(first + 1)?),
        tenant: tenant.map(TenantId::new).transpose()?,
        cursor: Cursor { window: row.try_get(first + 3)?, position: row.try_get(first + 4)? },
        since: since.map(|since| since.0),
    })
}

fn status(row: &Row) -> Result<ReaderStatus, BoxError> {
    let furthest_behind = place(row, 0)?;
    let is_whole = furthest_behind.lane == Lane::WHOLE;
    Ok(ReaderStatus {
        name: furthest_behind.reader.clone(),
        sharding: if is_whole { Sharding::Whole } else { Sharding::ByLane },
        workers_live: u16::try_from(row.try_get::<_, i64>(6)?)?,
        events_aside: u64::try_from(row.try_get::<_, i64>(7)?)?,
        events_missed: u64::try_from(row.try_get::<_, i64>(8)?)?,
        furthest_behind,
    })
}

fn hold(row: &Row) -> Result<LogHold, BoxError> {
    let from = Cursor { window: row.try_get(1)?, position: END_OF_WINDOW };
    Ok(LogHold { name: row.try_get(0)?, from, since: row.try_get::<_, DecodedTime>(2)?.0 })
}

fn record(row: &Row) -> Result<KeepingRecord, BoxError> {
    let at: Timestamp = row.try_get::<_, DecodedTime>(0)?.0;
    Ok(KeepingRecord {
        at,
        actor: row.try_get(1)?,
        action: row.try_get(2)?,
        subject: row.try_get(3)?,
        reason: row.try_get(4)?,
    })
}

fn all<T>(
    rows: &[Row],
    what: &'static str,
    read: fn(&Row) -> Result<T, BoxError>,
) -> Result<Vec<T>, Error> {
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|e| corrupt("keep the log", what, e))
}

impl LogKeeping for PgStore {
    fn purge<'a>(&'a self, policy: &'a PurgePolicy) -> BoxFuture<'a, Result<PurgeReport, Error>> {
        Box::pin(self.purge_log(policy))
    }

    fn readers(&self) -> BoxFuture<'_, Result<Vec<ReaderStatus>, Error>> {
        Box::pin(async move {
            all(&run(self, "read the readers", READERS, &[]).await?, "a reader", status)
        })
    }

    fn holds(&self) -> BoxFuture<'_, Result<Vec<LogHold>, Error>> {
        Box::pin(
            async move { all(&run(self, "read the holds", HOLDS, &[]).await?, "a hold", hold) },
        )
    }

    fn keep<'a>(&'a self, command: &'a KeepingCommand) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.keep_log(command))
    }

    fn keeping_records(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeepingRecord>, Error>> {
        Box::pin(async move {
            let limit = [Parameter::BigInt(limit.into())];
            all(&run(self, "read records", RECORDS, &limit).await?, "a record", record)
        })
    }
}
