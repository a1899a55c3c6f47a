//! Refusals and their texts.

use crate::route_plan::Status;
use idp_domain::DomainError;
use std::error::Error;

#[derive(DomainError, Debug, PartialEq)]
enum DoorError {
    #[error("the door is locked")]
    Locked,
    #[error("{count} people do not fit, {count} {{at once}}, through {width:>3} cm")]
    TooNarrow { count: u32, width: u32, unsaid: Status },
    #[error("{1} is not {0:?}")]
    NotIn(Status, &'static str),
    #[error("this {type} is a wall")]
    HTTPDoor { r#type: String },
}

#[derive(DomainError, Debug)]
enum NeverRefuses {}

#[test]
fn the_text_shows_the_fields() {
    assert_eq!(DoorError::Locked.to_string(), "the door is locked");
    assert_eq!(
        DoorError::TooNarrow { count: 3, width: 60, unsaid: Status::Draft }.to_string(),
        "3 people do not fit, 3 {at once}, through  60 cm"
    );
    assert_eq!(DoorError::NotIn(Status::Draft, "R-7").to_string(), "R-7 is not Draft");
    assert_eq!(DoorError::HTTPDoor { r#type: "door".into() }.to_string(), "this door is a wall");
}

#[test]
fn the_code_is_the_variant_in_snake_case() {
    assert_eq!(DoorError::Locked.code(), "locked");
    assert_eq!(DoorError::NotIn(Status::Draft, "").code(), "not_in");
    assert_eq!(DoorError::HTTPDoor { r#type: String::new() }.code(), "http_door");
}

#[test]
fn a_refusal_is_an_error() {
    let error: Box<dyn Error> = Box::new(DoorError::Locked);
    assert!(error.downcast_ref::<DoorError>().is_some());
    assert!(None::<NeverRefuses>.is_none());
}
