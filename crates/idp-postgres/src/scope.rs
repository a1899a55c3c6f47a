//! Reads the log in scopes: the events of some tenants, and how many others stand between them.
//!
//! What a scope does not admit is counted by the database and does not leave it.

use crate::error::translate;
use crate::outbox_log::STATEMENTS_MAX;
use crate::store::PgStore;
use crate::walk::{END_OF_WINDOW, Stretch, Walk};
use crate::window::{
    BYTES_MAX, Decoded, EVENT_COLUMNS, FLOOR, IN_ORDER, Page, Slice, check_there, envelope,
    slice_sql,
};
use idp_application::{
    BoxError, Cursor, Error, LOOKS_PER_EVENT, Lane, TenantScope, TrackBatch, TrackReading,
};
use idp_domain::{Envelope, TenantId};
use std::collections::BTreeMap;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// How many events may still be given, and looked at, and how many bytes of payload read.
#[derive(Clone, Copy)]
struct Left {
    given: u32,
    looks: u32,
    bytes: usize,
}

/// A row: an event that is given, or the last one of its lane that was looked at.
struct Looked {
    lane: Lane,
    cursor: Cursor,
    /// How many events of the lane were looked at up to it.
    number: u32,
    envelope: Option<Envelope>,
}

impl PgStore {
    /// Lanes that are read in the same scope are read together.
    pub(crate) async fn read_scopes(
        &self,
        readings: &[TrackReading],
        limit: u32,
    ) -> Result<Vec<TrackBatch>, Error> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for reading in readings {
            match groups.iter_mut().find(|group| group.scope == &reading.scope) {
                Some(group) => group.tracks.push(Track::of(reading)),
                None => {
                    groups.push(Group { scope: &reading.scope, tracks: vec![Track::of(reading)] });
                }
            }
        }
        let mut walk = Walk::new(self);
        let looks = limit.saturating_mul(LOOKS_PER_EVENT);
        let mut left = Left { given: limit, looks, bytes: BYTES_MAX };
        let mut others = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        for group in &mut groups {
            let (given, looks) = (left.given.div_ceil(others), left.looks.div_ceil(others));
            let share = Left { given, looks, ..left };
            let rest = self.read_group(group, &mut walk, share).await?;
            left.given -= share.given - rest.given;
            left.looks -= share.looks - rest.looks;
            left.bytes = rest.bytes;
            others -= 1;
        }
        let tracks = groups.into_iter().flat_map(|group| group.tracks);
        Ok(tracks.filter(Track::has_news).map(|track| track.batch).collect())
    }

    /// Reads on, some windows at a time. Gives what is left.
    ///
    /// Looks at as many events as it may give, and at more each time that few of them were of the
    /// scope: where most are, none is looked at in vain.
    async fn read_group(
        &self,
        group: &mut Group<'_>,
        walk: &mut Walk<'_>,
        mut left: Left,
    ) -> Result<Left, Error> {
        let (share, mut looks_at_once) = (left, left.given);
        for _ in 0..STATEMENTS_MAX {
            let Some(least) = group.least() else { break };
            if left.given == 0 || left.looks == 0 || left.bytes == 0 {
                break;
            }
            let wanted = left.looks.min(looks_at_once).min(SORTED_MAX);
            let Some(stretch) = walk.stretch(least, wanted).await? else {
                group.tracks.iter_mut().for_each(|track| track.batch.has_more = false);
                break;
            };
            let starts = group.before_end_of(&stretch);
            let looks = left.looks.min(looks_at_once).min(looks_max(&stretch, &starts));
            let now = Left { looks, ..left };
            let is_sparse = looks_at_once > share.given && left.given == share.given;
            let page = self.scoped_page(&stretch, &starts, group, (now, is_sparse)).await?;
            let (last, bytes) = (page.rows.last().map(|row| row.cursor), page.bytes);
            let Taken { given, looks, is_whole } = group.take(page, now.given);
            left.given -= given;
            left.looks -= looks.min(left.looks);
            left.bytes = left.bytes.saturating_sub(bytes);
            let is_cut = !is_whole || looks >= now.looks;
            let end = Cursor { window: stretch.last(), position: END_OF_WINDOW };
            if is_whole {
                group.reach(last.filter(|_| is_cut).unwrap_or(end));
            }
            if is_cut && left.given <= share.given / 4 * 3 || !is_whole {
                break;
            }
            looks_at_once = looks_at_once.saturating_mul(8);
        }
        Ok(left)
    }

    /// What of a stretch belongs to a group. Where little is expected of it, the events are only counted
    /// first, which is far cheaper than to say of each where it stands.
    async fn scoped_page(
        &self,
        stretch: &Stretch,
        starts: &[(Lane, Cursor)],
        group: &Group<'_>,
        (left, is_sparse): (Left, bool),
    ) -> Result<Page<Looked>, Error> {
        let Left { looks: limit, bytes, .. } = left;
        let slice = Slice { starts, ends: &group.ends_sql(), limit, bytes };
        let (condition, tenants) = condition(group.scope);
        let slice_of = slice_sql(stretch, &slice);
        let is_whole = matches!(starts, [(Lane::WHOLE, _)]);
        let lane = if is_whole { WHOLE } else { "lane" };
        let parts = Parts { slice: &slice_of, lane, condition };
        let is_in_order = slice.is_in_order(stretch);
        let asking = Asking { tenants, is_in_order, stretch, bytes };
        if is_sparse && asking.is_in_order && stretch.until.len() == 1 {
            let sql = counted_sql(&parts, stretch.last());
            let counted: Page<Counted> = self.page(&sql, &asking).await?;
            if counted.rows.iter().all(|row| !row.has_some) {
                let rows = counted.rows.into_iter().map(|row| row.last).collect();
                return Ok(Page { rows, is_cut: false, bytes: 0 });
            }
        }
        // Behind the last event that may be given, one row says that there are more.
        let given_max = usize::try_from(left.given).unwrap_or(usize::MAX);
        let sql = scoped_sql(&parts, given_max.saturating_add(starts.len() + 1));
        self.page(&sql, &asking).await
    }

    async fn page<T: Decoded>(&self, sql: &str, asking: &Asking<'_>) -> Result<Page<T>, Error> {
        let failed = |e| translate("read the outbox", e);
        let checkout = self.pool.checkout().await?;
        let client = checkout.session.client();
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&asking.tenants, Type::TEXT_ARRAY)];
        let (begun, page, ended, first) = tokio::join!(
            client.batch_execute(if asking.is_in_order { IN_ORDER } else { AS_IT_LIKES }),
            Page::of(client, sql, &parameters, asking.bytes),
            client.batch_execute("COMMIT"),
            client.query_typed(FLOOR, &[]),
        );
        begun.map_err(failed)?;
        ended.map_err(failed)?;
        check_there(&first.map_err(failed)?, asking.stretch.first)?;
        let page = page?;
        checkout.give_back();
        Ok(page)
    }
}

/// How a statement is asked.
struct Asking<'s> {
    tenants: Vec<&'s str>,
    is_in_order: bool,
    stretch: &'s Stretch,
    bytes: usize,
}

const AS_IT_LIKES: &str = "BEGIN; SET LOCAL jit = off";

/// The first page of a large window is found by sorting all of it; that is quick for few rows only.
const LOOKS_MAX_OF_FIRST_PAGE: u32 = 1_000;

/// Of no more positions all are sorted at once. Small windows are read together up to that many.
const SORTED_MAX: u32 = 8 * LOOKS_MAX_OF_FIRST_PAGE;

fn looks_max(stretch: &Stretch, starts: &[(Lane, Cursor)]) -> u32 {
    let is_sorted = !Slice { starts, ends: "", limit: 0, bytes: 0 }.is_in_order(stretch);
    let positions = stretch.end().position_max - stretch.before.position_max;
    match is_sorted && positions > i64::from(SORTED_MAX) {
        true => LOOKS_MAX_OF_FIRST_PAGE,
        false => u32::MAX,
    }
}

/// Lanes that are read in one scope.
struct Group<'r> {
    scope: &'r TenantScope,
    tracks: Vec<Track>,
}

/// What was taken of the rows of a statement.
struct Taken {
    given: u32,
    looks: u32,
    /// Whether all of them were: then everything up to the last was looked at in every lane.
    is_whole: bool,
}

struct Track {
    began: Cursor,
    until: Option<Cursor>,
    batch: TrackBatch,
}

impl Track {
    fn of(reading: &TrackReading) -> Self {
        let (began, until) = (reading.cursor, reading.until);
        let mut track = Self { began, until, batch: TrackBatch::at(reading) };
        track.reach(began);
        track
    }

    /// It is read up to there, or to where reading ends.
    fn reach(&mut self, cursor: Cursor) {
        let reached = self.until.map_or(cursor, |until| cursor.min(until));
        self.batch.through = self.batch.through.max(reached);
        if self.until.is_some_and(|until| until <= self.batch.through) {
            self.batch.has_more = false;
        }
    }

    fn has_news(&self) -> bool {
        let batch = &self.batch;
        batch.has_more || !batch.events.is_empty() || batch.through > self.began
    }
}

impl Group<'_> {
    fn unread(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| track.batch.has_more)
    }

    /// Where the lane is that is furthest behind.
    fn least(&self) -> Option<Cursor> {
        self.unread().map(|track| track.batch.through).min()
    }

    /// The lanes of which something may be in the stretch, and where they are.
    fn before_end_of(&self, stretch: &Stretch) -> Vec<(Lane, Cursor)> {
        let end = Cursor { window: stretch.last(), position: END_OF_WINDOW };
        let places = self.unread().map(|track| (track.batch.lane, track.batch.through));
        places.filter(|(_, cursor)| *cursor < end).collect()
    }

    /// Leaves out what stands behind where reading ends, before it counts.
    fn ends_sql(&self) -> String {
        let ends = self.unread().filter_map(|track| Some((track.batch.lane, track.until?)));
        if let [Track { until: Some(Cursor { window, position }), batch, .. }] = &self.tracks[..]
            && batch.lane == Lane::WHOLE
        {
            return format!("(in_window, position) <= ({window}, {position})");
        }
        let ends: BTreeMap<usize, Cursor> = ends
            .map(|(lane, until)| (usize::try_from(lane.number()).unwrap_or_default(), until))
            .collect();
        let Some((last, _)) = ends.last_key_value() else { return String::new() };
        let none = Cursor { window: i64::MAX, position: i64::MAX };
        let each = |number: fn(Cursor) -> i64| {
            let numbers = (0..=*last).map(|lane| number(ends.get(&lane).copied().unwrap_or(none)));
            let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
            format!("coalesce(('{{{}}}'::bigint[])[lane + 1], {})", numbers.join(","), i64::MAX)
        };
        let (windows, positions) = (each(|end| end.window), each(|end| end.position));
        format!("(in_window, position) <= ({windows}, {positions})")
    }

    /// Takes what was looked at, up to the last event that may be given.
    fn take(&mut self, page: Page<Looked>, given_max: u32) -> Taken {
        let mut numbers: BTreeMap<Lane, u32> = BTreeMap::new();
        let (mut given, mut is_whole) = (0, !page.is_cut);
        for Looked { lane, cursor, number, envelope } in page.rows {
            if given == given_max {
                is_whole = false;
                break;
            }
            let before = numbers.insert(lane, number).unwrap_or(0);
            let track = self.tracks.iter_mut().find(|track| track.batch.lane == lane);
            let Some(Track { batch, .. }) = track else { continue };
            let Some(envelope) = envelope else {
                batch.pass(cursor, number - before);
                continue;
            };
            if number - before > 1 {
                // Somewhere before the one that is given.
                let position = cursor.position - 1;
                batch.pass(Cursor { position, ..cursor }, number - before - 1);
            }
            given += 1;
            batch.give(cursor, envelope);
        }
        Taken { given, looks: numbers.values().sum(), is_whole }
    }

    fn reach(&mut self, cursor: Cursor) {
        self.tracks.iter_mut().filter(|t| t.batch.has_more).for_each(|track| track.reach(cursor));
    }
}

fn condition(scope: &TenantScope) -> (&'static str, Vec<&str>) {
    match scope {
        TenantScope::Except(tenants) => {
            ("tenant_id <> ALL ($1)", tenants.iter().map(TenantId::as_str).collect())
        }
        TenantScope::Only(tenant) => ("tenant_id = ANY ($1)", vec![tenant.as_str()]),
    }
}

/// The lane of every event, for those who read the whole log.
const WHOLE: &str = "(-1)::smallint";

/// What a statement is made of.
struct Parts<'s> {
    slice: &'s str,
    lane: &'s str,
    condition: &'s str,
}

/// The statement for a slice: its events that meet the condition, and of each lane the last one that was
/// looked at, each with its number in the slice; at most so many rows.
///
/// `OFFSET 0` keeps the planner from asking the condition for each column anew.
fn scoped_sql(parts: &Parts<'_>, rows_max: usize) -> String {
    let Parts { slice, lane, condition } = parts;
    let names = || EVENT_COLUMNS.split(", ").map(|column| column.trim_end_matches("::text"));
    let columns: String =
        names().map(|name| format!(", CASE WHEN is_given THEN {name} END AS {name}")).collect();
    let names: String = names().map(|name| format!(", {name}")).collect();
    format!(
        "SELECT lane, in_window, position, number, is_given{names} FROM (\
           SELECT *, row_number() OVER of_lane AS number, \
                  lead(position) OVER of_lane IS NULL AS is_last FROM (\
             SELECT {lane} AS lane, in_window, position, is_given{columns} \
               FROM (SELECT *, {condition} AS is_given FROM ({slice}) AS s OFFSET 0) AS a \
              OFFSET 0) AS b \
           WINDOW of_lane AS (PARTITION BY lane ORDER BY in_window, position)\
         ) AS c WHERE is_given OR is_last ORDER BY in_window, position LIMIT {rows_max}"
    )
}

/// The statement that counts a slice of one window: of each lane how many events of it there are, the last of
/// them, and whether some meet the condition.
fn counted_sql(parts: &Parts<'_>, window: i64) -> String {
    let Parts { slice, lane, condition } = parts;
    format!(
        "SELECT {lane} AS lane, {window}::bigint AS in_window, max(position) AS position, \
                count(*) AS number, bool_or({condition}) AS has_some \
           FROM ({slice}) AS s GROUP BY 1 ORDER BY 3"
    )
}

/// What [`counted_sql`] says of a lane.
struct Counted {
    last: Looked,
    has_some: bool,
}

impl Decoded for Counted {
    fn of(row: &Row) -> Result<Self, BoxError> {
        Ok(Self { last: looked(row, None)?, has_some: row.try_get(4)? })
    }

    fn bytes(&self) -> usize {
        0
    }
}

impl Decoded for Looked {
    fn of(row: &Row) -> Result<Self, BoxError> {
        let is_given: bool = row.try_get(4)?;
        looked(row, is_given.then(|| envelope(row, 5)).transpose()?)
    }

    fn bytes(&self) -> usize {
        self.envelope.as_ref().map_or(0, |envelope| envelope.payload.len())
    }
}

fn looked(row: &Row, envelope: Option<Envelope>) -> Result<Looked, BoxError> {
    let lane = Lane::from_number(row.try_get(0)?);
    let cursor = Cursor { window: row.try_get(1)?, position: row.try_get(2)? };
    let number = u32::try_from(row.try_get::<_, i64>(3)?)?;
    Ok(Looked { lane, cursor, number, envelope })
}
