//! The generated code gives no reason for a warning, whatever the lints of the crate.
#![deny(warnings, missing_docs, unreachable_pub, private_interfaces, trivial_bounds)]
#![deny(unused_qualifications, unused_lifetimes, single_use_lifetimes, unused_results)]
#![deny(future_incompatible, nonstandard_style, rust_2018_idioms, missing_debug_implementations)]

use idp_domain::{
    Aggregate, DomainError, DomainEvent, Entity, Pending, ReadModel, ValueObject, entity_id,
};

entity_id! {
    /// Identifies a door.
    pub struct DoorId;
}

/// What a door can be.
#[derive(ValueObject, Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// One can pass.
    Open,
}

/// Something with a text that can be compared.
#[derive(ValueObject, Clone, Debug, PartialEq)]
pub struct Label(String);

/// Something with a list that cannot.
#[derive(ValueObject, Clone, Debug, PartialEq)]
pub struct Labels(Vec<String>);

/// What happens to no door.
#[derive(DomainEvent, Clone, Debug)]
pub enum NoEvent {}

/// What happens to a door.
#[derive(DomainEvent, Clone, Debug)]
pub enum DoorEvent {
    /// It has another label.
    #[event(name = "door.labelled")]
    Labelled(Label),
}

/// A door, with a state that is less public than itself.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "door", audit, unique(label))]
pub struct Door {
    id: DoorId,
    state: State,
    label: Label,
    labels: Labels,
    width: f64,
    events: Pending<DoorEvent>,
}

/// An aggregate that is nothing but an identity.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(name = "key")]
pub struct Key {
    id: DoorId,
    events: Pending<NoEvent>,
}

/// The doors of a floor.
#[derive(ReadModel, Clone, Debug)]
#[read_model(name = "door_board", key = door)]
pub struct DoorBoard {
    door: DoorId,
}

/// Why not.
#[derive(DomainError, Debug)]
pub enum DoorError {
    /// It is locked.
    #[error("locked, {count} times")]
    Locked {
        /// How often.
        count: u32,
        /// By whom, which is a secret.
        by: DoorId,
    },
}

/// Uses what the compiler would otherwise find unused.
pub fn use_all(door: &Door, key: &Key, board: &DoorBoard) -> bool {
    let error = DoorError::Locked { count: 1, by: door.id };
    let labels = (&door.labels.0, &door.label.0, door.width, error.code());
    let ids = [door.id(), key.id(), board.door];
    door.state == State::Open && ids.len() == labels.0.len() && key.events.is_empty()
}

fn main() {}
