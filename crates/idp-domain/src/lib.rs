//! The pure vocabulary of idp. No async, no I/O, no clock: what is written with it can be tested
//! with nothing but values.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// The derives name this crate by its public path, also inside this crate's own tests.
#[allow(unused_extern_crates, reason = "only the expansion of a derive uses it")]
extern crate self as idp_domain;

mod aggregate;
mod pending;

mod canonical_json;
mod content_hash;
mod envelope;
mod event;

mod field;
mod predicate;
mod specification;

mod field_type;
mod mapping;
mod record;
mod schema;
mod value;

mod domain_error;
mod entity_id;
mod tenant;
mod timestamp;

pub use aggregate::{Aggregate, Entity, ValueObject};
pub use canonical_json::{CanonicalJsonError, canonical_json};
pub use content_hash::{ContentHash, ContentHasher, ParseContentHashError};
pub use domain_error::DomainError;
pub use entity_id::EntityId;
pub use envelope::{Envelope, EventRecord, Metadata};
pub use event::{DomainEvent, EventSchema, PayloadError};
pub use field::{Comparable, Direction, Field, Order, OrderOf, TextField};
pub use field_type::{FieldType, JsonShape};
pub use mapping::MappingError;
pub use pending::{Pending, Raised};
pub use predicate::{Comparison, Predicate};
pub use record::{ReadModel, Record, RowValues};
pub use schema::{Column, ColumnSet, TableKind, TableSchema};
pub use specification::{Specification, SpecificationOf};
pub use tenant::{InvalidTenantId, TenantId};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use uuid::Uuid;
pub use value::{Kind, Value};

pub use idp_macros::{Aggregate, DomainError, DomainEvent, ReadModel, ValueObject};

#[doc(hidden)]
pub mod __private;
