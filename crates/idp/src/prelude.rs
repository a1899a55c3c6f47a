//! What nearly every file of an application names: `use idp::prelude::*`.

pub use idp_application::{
    Application, Context, Error, ErrorKind, Failure, Listing, Page, PageRequest, Projection, Reads,
    Recorded, Repository, Revised, Tracked, Uow,
};
pub use idp_domain::{
    Aggregate, DomainError, DomainEvent, Entity, EntityId, Pending, ReadModel, Specification,
    TenantId, Timestamp, ValueObject, entity_id,
};
