//! The front door, as it should be used.
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

#[derive(idp_domain::DomainError, Debug)]
pub enum DoorError {
    #[error("there is no door above the roof")]
    AboveTheRoof,
}

impl Door {
    pub fn open(&mut self) -> Result<(), DoorError> {
        if self.floor > 9 {
            return Err(DoorError::AboveTheRoof);
        }
        self.events.raise(DoorEvent::Opened);
        Ok(())
    }
}

#[derive(Clone)]
pub struct OpenDoor {
    door: DoorId,
}

pub async fn open_door(uow: Uow, command: OpenDoor) -> Result<(), Failure<DoorError>> {
    let mut door = uow.get::<Door>(command.door).await?;
    door.open()?;
    Ok(())
}

pub trait Doors: Repository<Door> {
    fn upstairs(&self) -> impl Future<Output = Result<Vec<Tracked<Door>>, Error>> + Send {
        self.list(Listing::of(Door::FLOOR.gt(0)).by(Door::FLOOR.desc()).first(10))
    }
}

impl<R: Repository<Door>> Doors for R {}

fn is_send<T: Send>(value: T) -> T {
    value
}

pub async fn edge(app: Application, context: Context, command: OpenDoor) {
    let running = app.run(context.clone(), move |uow| open_door(uow, command.clone()));
    is_send(running).await.ok();
    let listing = app.run(context, async |uow: Uow| {
        let doors = uow.repository::<Door>().upstairs().await?;
        Ok::<_, Error>(doors.len())
    });
    listing.await.ok();
}

fn main() {}
