//! The metrics of what is done, fed by observing it.

use crate::bounded::FirstTenants;
use crate::crew::Crews;
use crate::facts;
use crate::families::{Counters, Histograms, counters, database_histograms, messaging_histograms};
use crate::held_up::HeldUp;
use idp_application::{KeeperMetrics, ProjectorStatus, RelayMetrics};
use prometheus_client::registry::Registry;

/// One family a field, under the name of the metric.
pub(crate) struct WorkMetrics {
    pub(crate) tenants: FirstTenants,

    pub(crate) outbox_new: Counters,
    pub(crate) uow_commit_duration: Histograms,
    pub(crate) uow_conflicts: Counters,
    pub(crate) uow_lookups: Counters,

    pub(crate) batch_duration: Histograms,
    pub(crate) publish_retry: Counters,
    pub(crate) relays: Crews<RelayMetrics>,
    pub(crate) projectors: Crews<ProjectorStatus>,
    pub(crate) keepers: Crews<KeeperMetrics>,
    pub(crate) held_up: HeldUp,

    pub(crate) operation_duration: Histograms,
    pub(crate) sent_messages: Counters,
}

impl WorkMetrics {
    pub(crate) fn register(registry: &mut Registry, tenants_max: usize) -> Self {
        let r = registry;
        Self {
            tenants: FirstTenants::new(tenants_max),

            outbox_new: counters(r, "outbox_new", "Events that were committed"),
            uow_commit_duration: database_histograms(r, "uow_commit_duration", "Commits"),
            uow_conflicts: counters(r, "uow_conflicts", "Optimistic lock conflicts"),
            uow_lookups: counters(
                r,
                "uow_identity_map_lookups",
                "Aggregates asked for by identity, and whether the unit of work knew them",
            ),

            batch_duration: messaging_histograms(
                r,
                "projector_batch_duration",
                "Batches that a relay sent or a projector applied",
            ),
            publish_retry: counters(r, "event_publish_retry", "Sends that are to be made again"),
            relays: Crews::register(r, &facts::RELAY),
            projectors: Crews::register(r, &facts::PROJECTION),
            keepers: Crews::register(r, &facts::KEEPER),
            held_up: HeldUp::register(r),

            operation_duration: messaging_histograms(
                r,
                "messaging_client_operation_duration",
                "Sends, as OpenTelemetry has them",
            ),
            sent_messages: counters(
                r,
                "messaging_client_sent_messages",
                "Messages that were attempted to be sent, as OpenTelemetry has them",
            ),
        }
    }
}
