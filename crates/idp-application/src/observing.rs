//! What is told to those who watch, and the figures of what runs.

mod audience;
mod keeper_metrics;
mod projector_status;
mod relay_metrics;

pub use audience::{
    Audience, KeeperObserver, KeeperSeen, ProjectionObserver, ProjectionSeen, RelayObserver,
    RelaySeen, SendSeen, UnitOfWorkObserver, UnitOfWorkSeen,
};
pub use keeper_metrics::KeeperMetrics;
pub use projector_status::ProjectorStatus;
pub use relay_metrics::RelayMetrics;
