//! The use-case machinery of idp and its ports.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod application;
mod failure;
mod batch;
mod retry;

mod collect;
mod identity_map;
mod overlay;
mod repository;
mod slot;
mod tracked;
mod unit_of_work;

mod page;
mod reads;

mod authority;
mod clock;
mod content_hashing;
mod context;
mod trace_context;
mod id_source;

mod change_set;
mod cost;
mod interceptor;
mod query;
mod row;
mod store;

mod commit_signal;
mod commit_watch;
mod dead_letters;
mod deliveries;
mod edited_event;
mod event_json;
mod lane;
mod log_keeping;
mod log_lag;
mod messaging;
mod outbox_log;
mod projection;
mod reader_name;
mod tenant_policies;
mod tenant_tracks;

mod observing;

mod bounds;
mod error;

mod delegate_port;
#[doc(hidden)] // for `delegate_port!`, whose users need not depend on the domain
pub use idp_domain as __domain;

pub use application::{Application, ApplicationBuilder};
pub use authority::{AdminAuthority, AllTenants, Scope};
pub use batch::BatchError;
pub use bounds::out_of_bounds;
pub use change_set::{ChangeSet, NewEvent, RowWrite, SystemColumn, WriteKind};
pub use clock::{Clock, ManualClock, SystemClock};
pub use commit_signal::{CommitListener, CommitSignal};
pub use commit_watch::CommitWatch;
pub use content_hashing::{ContentHashing, PlainHashing};
pub use context::{Actor, Context};
pub use cost::Cost;
pub use dead_letters::{
    DeadLetterAction, DeadLetterCommand, DeadLetterRecord, DeadLetters, ParkedEvent, ParkedKey,
};
pub use deliveries::{
    AsideReason, BlockedKey, Deliveries, DeliveryKey, Due, InvalidDeliveryKey, LaneRecord,
    SetAside, Settled, Settlement, SideBatch, SideEntry,
};
pub use edited_event::edited_event;
pub use error::{BoxError, Error, ErrorKind};
pub use failure::Failure;
pub use id_source::{IdSource, SequentialIds, UuidV7Ids};
pub use identity_map::Savepoint;
pub use interceptor::{Interceptor, Interceptors};
pub use lane::{Lane, LaneCount};
pub use log_keeping::{
    HoldFrom, KeepingAction, KeepingCommand, KeepingRecord, LaggingReader, LogHold, LogKeeping,
    PurgeBlock, PurgePolicy, PurgeReport, ReaderStatus,
};
pub use log_lag::{Blocker, BlockerKind, LagBounds, LagReport, LogLag, ReaderLag, TenantLag};
pub use messaging::{
    BusGuarantees, CloudEvent, Duplicates, EventBus, Message, PublishError, PublishFailure, Stream,
    Track, Transform, TransformError, header_value,
};
pub use observing::{
    Audience, KeeperMetrics, KeeperObserver, KeeperSeen, ProjectionObserver, ProjectionSeen,
    ProjectorStatus, RelayMetrics, RelayObserver, RelaySeen, SendSeen, UnitOfWorkObserver,
    UnitOfWorkSeen,
};
pub use outbox_log::{
    Claim, Cursor, LaneBatch, LaneLease, LaneProgress, LoggedEvent, Membership, OutboxLog, Reader,
    Sharding, WorkerId,
};
pub use page::{KeysetToken, Page, PageRequest};
pub use projection::{
    Applied, Projection, ProjectionBatch, ProjectionStore, ProjectionWrite, Recorded,
};
pub use query::{KeysetStart, OrderBy, OrderKey, RowQuery, Visibility};
pub use reads::{Reads, Revised};
pub use repository::{Listing, Repository, TrackedRepository};
pub use retry::RetryPolicy;
pub use row::{Fetched, StoredRow};
pub use store::{Backend, BoxFuture, Migrate, RelayLog, Store};
pub use tenant_policies::{TenantPolicies, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord};
pub use tenant_tracks::{
    LOOKS_PER_EVENT, LaneTracks, TenantScope, TenantTrack, TenantTracks, TrackBatch, TrackChange,
    TrackEvent, TrackReading, TrackRecord,
};
pub use trace_context::TraceContext;
pub use tracked::Tracked;
pub use unit_of_work::{Receipt, UnitOfWork, Uow};
