//! Messages, and the buses that carry them.

mod cloud_event;
mod event_bus;
mod header_value;
mod message;
mod transform;

pub use cloud_event::CloudEvent;
pub use event_bus::{BusGuarantees, Duplicates, EventBus, PublishError, PublishFailure};
pub use header_value::header_value;
pub use message::{Message, Stream, Track};
pub use transform::{Transform, TransformError};
