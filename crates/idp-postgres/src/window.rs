//! Reads the events of a stretch of windows.

use crate::decode::{DecodedTime, DecodedUuid};
use crate::error::translate;
use crate::store::PgStore;
use crate::tick::Snapshot;
use crate::walk::Stretch;
use futures_util::StreamExt;
use idp_application::{BoxError, Cursor, Error, ErrorKind, Lane, LoggedEvent};
use idp_domain::{ContentHash, Envelope, EventRecord, TenantId};
use std::collections::BTreeMap;
use std::fmt::Write;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// Which part of a stretch to read.
pub(crate) struct Slice<'s> {
    /// The lanes to read, each from behind its cursor; [`Lane::WHOLE`] alone is the whole log.
    pub(crate) starts: &'s [(Lane, Cursor)],
    /// A condition on what counts, for those who do not read to the end; empty for none.
    pub(crate) ends: &'s str,
    pub(crate) limit: u32,
    /// How many bytes of payload to read at most, and one event more.
    pub(crate) bytes: usize,
}

impl Slice<'_> {
    /// The position in the first window of a stretch behind which something is wanted; 0 when all of it
    /// may be. Then, and only then, there may be other windows in the stretch.
    pub(crate) fn after(&self, window: i64) -> i64 {
        let after = |cursor: &Cursor| match cursor.window == window {
            true => cursor.position,
            false => 0,
        };
        self.starts.iter().map(|(_, cursor)| after(cursor)).min().unwrap_or(0)
    }

    /// Whether to follow the primary key: a later page of a window that may be large, or the first of a large one
    /// before which not more of the log can lie than in it. The first page of another window is sorted.
    pub(crate) fn is_in_order(&self, stretch: &Stretch) -> bool {
        let before = stretch.before.position_max;
        let drawn = stretch.end().position_max - before;
        let is_most = stretch.until.len() == 1 && drawn > LARGE && drawn >= before;
        self.after(stretch.first) > 0 || is_most
    }
}

/// In a large window more positions were drawn.
const LARGE: i64 = 2_000;

impl PgStore {
    /// The events of a slice, by window and position, each with its lane. They are taken as they come, while
    /// the server goes on, and no more bytes of them than the slice may have.
    pub(crate) async fn slice(
        &self,
        stretch: &Stretch,
        slice: &Slice<'_>,
    ) -> Result<Page<(Lane, LoggedEvent)>, Error> {
        let sql = slice_sql(stretch, slice);
        let failed = |e| translate("read the outbox", e);
        let checkout = self.pool.checkout().await?;
        let client = checkout.session.client();
        // The bounds stand in the text and the statement is planned on each call: a plan for
        // unknown bounds would read the log from its start.
        let page = if slice.is_in_order(stretch) {
            // By position, without sorting the rest of the window again. All three are sent at once;
            // after an error the connection, and with it the transaction, is dropped.
            let (begun, page, ended, first) = tokio::join!(
                client.batch_execute(IN_ORDER),
                Page::of(client, &sql, &[], slice.bytes),
                client.batch_execute("COMMIT"),
                client.query_typed(FLOOR, &[]),
            );
            begun.map_err(failed)?;
            ended.map_err(failed)?;
            check_there(&first.map_err(failed)?, stretch.first)?;
            page?
        } else {
            let (page, first) = tokio::join!(
                Page::of(client, &sql, &[], slice.bytes),
                client.query_typed(FLOOR, &[])
            );
            check_there(&first.map_err(failed)?, stretch.first)?;
            page?
        };
        checkout.give_back();
        Ok(page)
    }
}

/// How many bytes of payload are read at once; one event more may be among them.
pub(crate) const BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// What was read of a slice.
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    /// Whether there were more rows than it may have bytes.
    pub(crate) is_cut: bool,
    pub(crate) bytes: usize,
}

/// Something that is read of a row.
pub(crate) trait Decoded: Sized {
    fn of(row: &Row) -> Result<Self, BoxError>;

    /// How many bytes of payload it has.
    fn bytes(&self) -> usize;
}

impl<T: Decoded> Page<T> {
    /// Answers have to be read to their end, or those behind them do not come.
    pub(crate) async fn of(
        client: &Client,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
        bytes_max: usize,
    ) -> Result<Self, Error> {
        let failed = |e| translate("read the outbox", e);
        let parameters = parameters.iter().map(|(value, of_type)| (*value, of_type.clone()));
        let answer = client.query_typed_raw(sql, parameters).await.map_err(failed)?;
        let mut answer = std::pin::pin!(answer);
        let mut page = Self { rows: Vec::new(), is_cut: false, bytes: 0 };
        let mut damage = None;
        while let Some(row) = answer.next().await {
            let row = row.map_err(failed)?;
            page.is_cut |= page.bytes >= bytes_max;
            if page.is_cut || damage.is_some() {
                continue;
            }
            match T::of(&row) {
                Ok(decoded) => {
                    page.bytes += decoded.bytes();
                    page.rows.push(decoded);
                }
                Err(error) => damage = Some(unreadable(&error)),
            }
        }
        damage.map_or(Ok(page), Err)
    }
}

fn unreadable(error: &BoxError) -> Error {
    let message = format!("an event of the outbox cannot be read: {error}");
    Error::new(ErrorKind::Corrupt, "read the outbox", message)
}

/// Asked after the rows, in the same round trip: what was read counts only if nothing of the window was
/// purged by then.
pub(crate) const FLOOR: &str = "SELECT window_first FROM idp_log_floor";

pub(crate) fn check_there(floor: &[Row], window: i64) -> Result<(), Error> {
    match floor.first().map(|row| row.get::<_, i64>(0)) {
        Some(first) if window < first => Err(purged(window)),
        _ => Ok(()),
    }
}

/// The error for a window that was purged.
pub(crate) fn purged(window: i64) -> Error {
    let message = format!("window {window} of the log was purged");
    Error::new(ErrorKind::Corrupt, "read the outbox", message)
}

/// Makes the planner follow the primary key, and neither compile for the costs that this pretends nor call for
/// workers, who would read beyond the page.
pub(crate) const IN_ORDER: &str = "BEGIN; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; \
    SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0";

/// The columns of an event, as [`envelope`] expects them.
pub(crate) const EVENT_COLUMNS: &str = "id, tenant_id, aggregatetype, aggregateid, \
    aggregate_version, type, schema_id, schema_version, payload::text, metadata::text, \
    content_hash, occurred_at";

/// What began after the earlier snapshot, or was running in it, and is seen by the last one.
pub(crate) fn slice_sql(stretch: &Stretch, slice: &Slice<'_>) -> String {
    let (before, end) = (&stretch.before, stretch.end());
    let mut sql = format!(
        "SELECT position, lane, {} AS in_window, {EVENT_COLUMNS} FROM idp_outbox \
         WHERE (xid >= '{}'::xid8 AND xid < '{}'::xid8",
        window_sql(stretch),
        before.xmax,
        end.xmax,
    );
    if !before.running.is_empty() {
        write!(sql, " OR xid = ANY({}::xid8[])", array(&before.running)).expect(INFALLIBLE);
    }
    let (after, max) = (slice.after(stretch.first), end.position_max);
    let seen = is_seen(end);
    write!(sql, ") AND {seen} AND position > {after} AND position <= {max}").expect(INFALLIBLE);
    if !matches!(slice.starts, [(Lane::WHOLE, _)]) {
        let lanes: Vec<i16> = slice.starts.iter().map(|(lane, _)| lane.number()).collect();
        write!(sql, " AND lane = ANY({}::smallint[])", array(&lanes)).expect(INFALLIBLE);
    }
    let order = if stretch.until.len() > 1 { "in_window, position" } else { "position" };
    let ends = (!slice.ends.is_empty()).then(|| slice.ends.to_owned());
    let bounds = starts_sql(stretch, slice).into_iter().chain(ends);
    let bounds = bounds.collect::<Vec<_>>().join(" AND ");
    if !bounds.is_empty() {
        sql = format!("SELECT * FROM ({sql}) AS s WHERE {bounds}");
    }
    write!(sql, " ORDER BY {order} LIMIT {}", slice.limit).expect(INFALLIBLE);
    sql
}

const INFALLIBLE: &str = "writing to a string does not fail";

/// In which window a row of the stretch is: the first that sees it. That is the first whose snapshot was taken after
/// the transaction had begun; of a transaction that was running in some of them, the one behind the last of these.
/// Both are found by bisection.
fn window_sql(stretch: &Stretch) -> String {
    let (first, last) = (stretch.first, stretch.last());
    let earlier = || stretch.numbered().take(stretch.until.len() - 1);
    if stretch.until.len() == 1 {
        return format!("{last}::bigint");
    }
    let begun: Vec<u64> = earlier().map(|(_, until)| until.xmax).collect();
    let begun = format!("{first}::bigint + width_bucket(xid, {}::xid8[])", array(&begun));
    let behind = |(number, until): (i64, &Snapshot)| {
        until.running.iter().map(move |xid| (*xid, number + 1)).collect::<Vec<_>>()
    };
    let running: BTreeMap<u64, i64> = earlier().flat_map(behind).collect();
    if running.is_empty() {
        return begun;
    }
    let (xids, windows): (Vec<u64>, Vec<i64>) = running.into_iter().unzip();
    let (xids, windows) = (format!("{}::xid8[]", array(&xids)), array(&windows));
    let place = format!("width_bucket(xid, {xids})");
    format!(
        "CASE WHEN ({xids})[{place}] = xid THEN ({windows}::bigint[])[{place}] ELSE {begun} END"
    )
}

fn is_seen(by: &Snapshot) -> String {
    format!("pg_visible_in_snapshot(xid, '{}'::pg_snapshot)", by.text)
}

/// Leaves out what some lanes have behind them; `None` when that is nothing, or the same for all.
fn starts_sql(stretch: &Stretch, slice: &Slice<'_>) -> Option<String> {
    let after = Cursor { window: stretch.first, position: slice.after(stretch.first) };
    if slice.starts.iter().all(|(_, cursor)| *cursor <= after) {
        return None;
    }
    let lanes = slice.starts.iter().map(|(lane, _)| usize::try_from(lane.number()).unwrap_or(0));
    let mut starts = vec![Cursor::default(); lanes.clone().max().map_or(0, |last| last + 1)];
    lanes.zip(slice.starts).for_each(|(lane, (_, cursor))| starts[lane] = *cursor);
    let windows: Vec<i64> = starts.iter().map(|cursor| cursor.window).collect();
    let positions: Vec<i64> = starts.iter().map(|cursor| cursor.position).collect();
    Some(format!(
        "(in_window, position) > (({}::bigint[])[lane + 1], ({}::bigint[])[lane + 1])",
        array(&windows),
        array(&positions)
    ))
}

/// The literal of an array of numbers.
fn array<T: ToString>(numbers: &[T]) -> String {
    let numbers: Vec<String> = numbers.iter().map(T::to_string).collect();
    format!("'{{{}}}'", numbers.join(","))
}

impl Decoded for (Lane, LoggedEvent) {
    fn of(row: &Row) -> Result<Self, BoxError> {
        let cursor = Cursor { window: row.try_get(2)?, position: row.try_get(0)? };
        let lane = Lane::from_number(row.try_get(1)?);
        Ok((lane, LoggedEvent { cursor, envelope: envelope(row, 3)? }))
    }

    fn bytes(&self) -> usize {
        self.1.envelope.payload.len()
    }
}

/// The event whose columns begin at that one.
pub(crate) fn envelope(row: &Row, first: usize) -> Result<Envelope, BoxError> {
    let metadata: &str = row.try_get(first + 9)?;
    let schema_version: i32 = row.try_get(first + 7)?;
    let record = EventRecord {
        event_id: row.try_get::<_, DecodedUuid>(first)?.0,
        occurred_at: row.try_get::<_, DecodedTime>(first + 11)?.0,
        tenant: TenantId::new(row.try_get(first + 1)?)?,
        aggregate_type: row.try_get::<_, String>(first + 2)?.into(),
        aggregate_id: row.try_get::<_, DecodedUuid>(first + 3)?.0,
        aggregate_version: row.try_get(first + 4)?,
        event_type: row.try_get::<_, String>(first + 5)?.into(),
        schema_id: row.try_get::<_, String>(first + 6)?.into(),
        schema_version: u32::try_from(schema_version)?,
        payload: row.try_get(first + 8)?,
        metadata: EventRecord::metadata_from_json(metadata)?,
    };
    let hash: ContentHash = row.try_get::<_, &str>(first + 10)?.parse()?;
    Ok(Envelope::restore(record, hash))
}
