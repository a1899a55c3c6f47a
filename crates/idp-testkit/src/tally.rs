//! A tally: an aggregate, and a read model of it, small enough for tests of everything around them.

use idp_application::{Projection, Recorded};
use idp_domain::Record;
use idp_domain::{
    Aggregate, DomainEvent, FieldType, Pending, ReadModel, TableSchema, Timestamp, Uuid, Value,
    entity_id,
};

entity_id! {
    /// Identifies a tally.
    pub struct TallyId;
}

/// What happens to tallies.
#[derive(DomainEvent, Clone, Debug, PartialEq)]
pub enum TallyEvent {
    /// It counted on.
    #[event(name = "tally.counted")]
    Counted {
        /// Up to this number.
        to: i64,
    },
    /// Somebody took a note, of which no read model tells.
    #[event(name = "tally.noted")]
    Noted {
        /// The note.
        note: String,
    },
    /// It was wiped out.
    #[event(name = "tally.wiped")]
    Wiped,
}

/// Counts.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "tally")]
pub struct Tally {
    id: TallyId,
    count: i64,
    events: Pending<TallyEvent>,
}

impl Tally {
    /// A tally that has counted nothing.
    pub fn new(id: TallyId) -> Self {
        Self { id, count: 0, events: Pending::none() }
    }

    /// Counts on by one, that many times: an event each.
    pub fn count(&mut self, times: u32) {
        for _ in 0..times {
            self.count += 1;
            self.events.raise(TallyEvent::Counted { to: self.count });
        }
    }

    /// Takes a note, which changes nothing.
    pub fn note(&mut self, note: impl Into<String>) {
        self.events.raise(TallyEvent::Noted { note: note.into() });
    }

    /// Takes a note of which others are to hear at that time.
    pub fn remind(&mut self, note: impl Into<String>, at: Timestamp) {
        self.events.schedule(TallyEvent::Noted { note: note.into() }, at);
    }

    /// Starts over.
    pub fn wipe(&mut self) {
        self.count = 0;
        self.events.raise(TallyEvent::Wiped);
    }
}

/// What the board shows of a tally that has counted since it was last wiped.
#[derive(ReadModel, Clone, Debug, PartialEq)]
#[read_model(name = "tally_board", key = tally)]
pub struct TallyRow {
    /// Which tally.
    pub tally: Uuid,
    /// How far it is.
    pub count: i64,
    /// How often it counted; an event folded twice, or not at all, shows here.
    pub steps: i64,
    /// A digest of everything that was folded, in its order.
    pub digest: i64,
}

/// The board of all tallies.
#[derive(Clone, Copy, Debug, Default)]
pub struct TallyBoard;

impl Projection for TallyBoard {
    type Event = TallyEvent;
    type Row = TallyRow;

    const NAME: &'static str = "tally_board";

    fn key(&self, event: &Recorded<'_, TallyEvent>) -> Option<Value> {
        let concerns = !matches!(event.event, TallyEvent::Noted { .. });
        concerns.then(|| event.envelope.aggregate_id.to_value())
    }

    fn fold(&self, row: Option<TallyRow>, event: &Recorded<'_, TallyEvent>) -> Option<TallyRow> {
        let TallyEvent::Counted { to } = *event.event else { return None };
        let tally = event.envelope.aggregate_id;
        let row = row.unwrap_or(TallyRow { tally, count: 0, steps: 0, digest: 0 });
        let digest = row.digest.wrapping_mul(31).wrapping_add(to) % 1_000_003;
        Some(TallyRow { count: to, steps: row.steps + 1, digest, ..row })
    }
}

/// The tables of this module, for [`Migrate`](idp_application::Migrate).
pub const TALLY_TABLES: &[&TableSchema] = &[Tally::SCHEMA, TallyRow::SCHEMA];
