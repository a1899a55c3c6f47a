//! The read side knows read models only.
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

async fn example(reads: Reads, id: DoorId) -> Result<(), Error> {
    reads.find::<Door>(id).await?;
    Ok(())
}

fn main() {}
