//! The sample that the tests of this crate share: doors on floors.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of the sample")]

use idp_application::{Actor, Application, Context, Error, Listing, Migrate};
use idp_domain::{Aggregate, DomainEvent, EntityId, Pending, Record, TenantId, Uuid, entity_id};
use idp_memory::MemoryStore;
use std::sync::Arc;

entity_id! {
    pub struct DoorId;
}

#[derive(DomainEvent, Clone, Debug, PartialEq)]
pub enum DoorEvent {
    #[event(name = "door.moved")]
    Moved { floor: i32 },
}

#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "door")]
pub struct Door {
    id: DoorId,
    floor: i32,
    events: Pending<DoorEvent>,
}

impl Door {
    pub fn new(number: u128, floor: i32) -> Self {
        Self { id: id(number), floor, events: Pending::none() }
    }

    pub fn floor(&self) -> i32 {
        self.floor
    }

    pub fn move_to(&mut self, floor: i32) {
        self.floor = floor;
        self.events.raise(DoorEvent::Moved { floor });
    }
}

pub fn id(number: u128) -> DoorId {
    DoorId::from_uuid(Uuid::from_u128(number))
}

pub fn context() -> Context {
    let tenant = TenantId::new("acme").expect("a valid name");
    Context::new(tenant, Actor::new("ann"))
}

pub async fn application() -> Application {
    let store = MemoryStore::default();
    store.migrate(&[Door::SCHEMA]).await.expect("an empty store takes any table");
    Application::new(Arc::new(store))
}

/// The floors of all doors, by the doors' identities.
pub async fn floors(app: &Application) -> Vec<i32> {
    let unit = app.begin(context());
    let doors = unit.list::<Door>(Listing::of(idp_domain::Specification::all())).await;
    doors.expect("the store answers").iter().map(|door| door.floor()).collect()
}

/// Adds doors with the given floors, numbered from 1.
pub async fn given_doors(app: &Application, floors: &[i32]) {
    let unit = app.begin(context());
    for (number, floor) in (1..).zip(floors) {
        unit.add(Door::new(number, *floor)).expect("the identities differ");
    }
    let written: Result<_, Error> = unit.commit().await;
    written.expect("the store is empty");
}
