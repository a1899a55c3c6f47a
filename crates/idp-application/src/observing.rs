//! What is told to those who watch, and the figures of what runs.

mod audience;
mod projector_status;
mod relay_metrics;

pub use audience::{
    Audience, ProjectionObserver, ProjectionSeen, RelayObserver, RelaySeen, SendSeen,
    UnitOfWorkObserver, UnitOfWorkSeen,
};
pub use projector_status::ProjectorStatus;
pub use relay_metrics::RelayMetrics;
