//! A unit of work that was committed is gone.
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

async fn example(app: Application, context: Context, id: DoorId) -> Result<(), Error> {
    let unit = app.begin(context);
    unit.commit().await?;
    unit.get::<Door>(id).await?;
    Ok(())
}

fn main() {}
