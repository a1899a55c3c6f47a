//! What nearly every use case and read model names: `use idp::prelude::*`.

pub use idp_application::{
    Application, Context, Error, ErrorKind, Failure, Listing, Page, PageRequest, Projection, Reads,
    Recorded, Repository, Revised, Tracked, Uow,
};
pub use idp_domain::{Aggregate, Entity, EntityId, ReadModel, Specification, TenantId, Timestamp};
