//! The generated code uses none of the names around it.
#![deny(warnings)]
#![allow(dead_code)]

struct Result;
struct Option;
struct Vec;
struct String;
struct Ok;
struct Err;
struct Some;
struct None;
struct Value;
struct Kind;
struct Read;
struct Written;
struct StopRead;
trait Clone {}
trait Copy {}
trait PartialEq {}
trait Into {}
trait From {}
trait Default {}
trait Iterator {}
trait ToString {}
trait Serialize {}
trait Deserialize {}
mod core {}
mod std {}
mod serde {}
mod serde_json {}
mod idp_domain {}

::idp_domain::entity_id! { struct DoorId; }

#[derive(::idp_domain::ValueObject, ::core::clone::Clone, Debug, ::core::cmp::PartialEq)]
struct Label(::std::string::String);

#[derive(::idp_domain::ValueObject, ::core::clone::Clone, Debug, ::core::cmp::PartialEq)]
struct Labels(::std::vec::Vec<Label>);

#[derive(::idp_domain::ValueObject, ::core::clone::Clone, Debug, ::core::cmp::PartialEq)]
struct Stop {
    label: ::core::option::Option<Label>,
}

#[derive(::idp_domain::ValueObject, ::core::clone::Clone, Debug, ::core::cmp::PartialEq)]
enum State {
    Open,
    Closed,
}

#[derive(::idp_domain::ValueObject, ::core::clone::Clone, Debug, ::core::cmp::PartialEq)]
enum Action {
    Wait,
    Visit(Stop),
    Paint { label: Label },
}

#[derive(::idp_domain::DomainEvent, ::core::clone::Clone, Debug)]
enum DoorEvent {
    #[event(name = "door.opened", version = 2, upcast = lift)]
    Opened { by: Label },
    #[event(name = "door.painted")]
    Painted(Stop),
    #[event(name = "door.closed")]
    Closed,
}

fn lift(
    _: u32,
    payload: ::serde_json::Value,
) -> ::core::result::Result<::serde_json::Value, ::core::convert::Infallible> {
    ::core::result::Result::Ok(payload)
}

#[derive(::idp_domain::Aggregate, ::core::clone::Clone)]
#[aggregate(name = "door", unique(label), index(state))]
struct Door {
    id: DoorId,
    label: Label,
    labels: Labels,
    state: State,
    action: ::core::option::Option<Action>,
    events: ::idp_domain::Pending<DoorEvent>,
}

#[derive(::idp_domain::ReadModel, ::core::clone::Clone)]
#[read_model(name = "door_board", key = door)]
struct DoorBoard {
    door: DoorId,
}

#[derive(::idp_domain::DomainError, Debug)]
enum DoorError {
    #[error("{0} is locked")]
    Locked(u32),
    #[error("closed")]
    Closed,
}

fn main() {}
