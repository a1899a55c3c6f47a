//! There is no update: change the aggregate, the commit sees it.
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

async fn example(uow: Uow, id: DoorId) -> Result<(), Error> {
    let door = uow.get::<Door>(id).await?;
    uow.repository::<Door>().update(door);
    Ok(())
}

fn main() {}
