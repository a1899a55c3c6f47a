//! There is no query without somebody who asks.
use idp_application::*;
use idp_domain::{Aggregate, DomainEvent, Pending, ReadModel, entity_id};

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

#[derive(ReadModel, Clone, Debug)]
#[read_model(name = "door_list", key = door_id)]
pub struct DoorRow {
    door_id: DoorId,
}

async fn example(app: Application, id: DoorId) -> Result<(), Error> {
    app.reads().find::<DoorRow>(id).await?;
    Ok(())
}

fn main() {}
