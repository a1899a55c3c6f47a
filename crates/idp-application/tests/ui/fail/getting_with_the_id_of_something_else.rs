//! Identities are typed.
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

entity_id! {
    pub struct KeyId;
}

async fn example(uow: Uow, id: KeyId) -> Result<(), Error> {
    uow.get::<Door>(id).await?;
    Ok(())
}

fn main() {}
