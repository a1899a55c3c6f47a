//! A parcel: an aggregate with a field of every kind, soft delete, audit and a unique reference.

use idp_domain::{
    Aggregate, DomainEvent, EntityId, Pending, Timestamp, Uuid, ValueObject, entity_id,
};

entity_id! {
    /// Identifies a parcel.
    pub struct ParcelId;
    /// Identifies a carrier.
    pub struct CarrierId;
}

/// How far a parcel is.
#[derive(ValueObject, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// On its way.
    InTransit,
    /// At its door.
    Delivered,
    /// Nobody knows where.
    Lost,
}

/// A thing in a parcel.
#[derive(ValueObject, Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub name: String,
    /// How much it weighs.
    pub weight: f64,
    /// How many there are.
    pub count: i64,
    /// How large it is, if that is known.
    pub size: Option<Size>,
}

/// The size of an item.
#[derive(ValueObject, Clone, Debug, PartialEq)]
pub enum Size {
    /// As in a shop.
    Letter(String),
    /// In millimetres.
    Box {
        /// The long side.
        length: u32,
        /// The short side.
        width: u32,
    },
}

/// What happens to parcels.
#[derive(DomainEvent, Clone, Debug, PartialEq)]
pub enum ParcelEvent {
    /// It was handed in.
    #[event(name = "parcel.registered")]
    Registered {
        /// Under this reference.
        reference: String,
    },
    /// Somebody wrote on it.
    #[event(name = "parcel.noted", version = 2, upcast = from_v1)]
    Noted {
        /// This.
        note: String,
        /// The weight at the time.
        weight: f64,
    },
    /// It arrived.
    #[event(name = "parcel.delivered")]
    Delivered,
}

/// Version 1 had no weight.
fn from_v1(_version: u32, mut payload: serde_json::Value) -> Result<serde_json::Value, String> {
    payload["weight"] = 0.0.into();
    Ok(payload)
}

/// The aggregate with a field of every kind. Its fields are public because the suites set them to
/// everything that a store has to keep; an aggregate of an application hides its own.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "parcel", soft_delete, audit, unique(reference), index(status, priority))]
#[allow(missing_docs, reason = "each field stands for its type")]
pub struct Parcel {
    pub id: ParcelId,
    pub reference: String,
    pub status: Status,
    pub fragile: bool,
    pub priority: i16,
    pub pieces: i32,
    pub value: i64,
    pub zone: u8,
    pub port: u16,
    pub serial: u32,
    pub weight: f64,
    pub note: Option<String>,
    pub rank: Option<i32>,
    pub tariff: Option<f64>,
    pub insured: Option<bool>,
    pub carrier: Option<CarrierId>,
    pub label: Uuid,
    pub due_at: Timestamp,
    pub seen_at: Option<Timestamp>,
    pub outcome: Option<Status>,
    pub items: Vec<Item>,
    pub largest: Option<Item>,
    pub events: Pending<ParcelEvent>,
}

impl Parcel {
    /// A plain parcel with that identity, whose reference says the identity, and the event of its
    /// registration.
    pub fn registered(id: ParcelId) -> Self {
        let reference = format!("parcel {id}");
        let registered = ParcelEvent::Registered { reference: reference.clone() };
        Self {
            id,
            reference,
            status: Status::InTransit,
            fragile: false,
            priority: 0,
            pieces: 1,
            value: 0,
            zone: 0,
            port: 0,
            serial: 0,
            weight: 1.0,
            note: None,
            rank: None,
            tariff: None,
            insured: None,
            carrier: None,
            label: id.uuid(),
            due_at: Timestamp::UNIX_EPOCH,
            seen_at: None,
            outcome: None,
            items: Vec::new(),
            largest: None,
            events: Pending::first(registered),
        }
    }

    /// Writes on the parcel, which tells the world.
    pub fn write_note(&mut self, note: &str) {
        self.note = Some(note.into());
        self.events.raise(ParcelEvent::Noted { note: note.into(), weight: self.weight });
    }

    /// Arrives.
    pub fn deliver(&mut self) {
        self.status = Status::Delivered;
        self.events.raise(ParcelEvent::Delivered);
    }
}
