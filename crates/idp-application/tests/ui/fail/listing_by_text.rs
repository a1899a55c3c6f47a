//! A sort order is made of fields, not of text from outside.
use idp_application::*;
use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};

entity_id! {
    pub struct DoorId;
}

#[derive(DomainEvent, Clone, Debug)]
pub enum DoorEvent {
    #[event(name = "door.opened")]
    Opened,
}

#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "door")]
pub struct Door {
    id: DoorId,
    floor: i32,
    events: Pending<DoorEvent>,
}

async fn example(uow: Uow, order_by: String) -> Result<(), Error> {
    uow.list::<Door>(Listing::of(Door::FLOOR.gt(1)).by(order_by)).await?;
    Ok(())
}

fn main() {}
