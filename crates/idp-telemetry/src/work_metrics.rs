//! The metrics of what is done, fed by observing it.

use crate::bounded::FirstTenants;
use crate::families::{
    Counters, Gauges, Histograms, counters, database_histograms, gauges, messaging_histograms,
};
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
    pub(crate) outbox_err: Counters,
    pub(crate) outbox_published: Counters,
    pub(crate) outbox_set_aside: Counters,
    pub(crate) log_failures: Counters,
    pub(crate) fenced: Counters,
    pub(crate) lanes_held: Gauges,
    pub(crate) lanes_stalled: Gauges,
    pub(crate) lanes_failing: Gauges,
    pub(crate) keys_blocked: Gauges,
    pub(crate) breaker_open: Gauges,

    pub(crate) operation_duration: Histograms,
    pub(crate) sent_messages: Counters,

    pub(crate) projection_events: Counters,
    pub(crate) projection_failures: Counters,
    pub(crate) projection_stalled: Gauges,
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
            outbox_err: counters(r, "outbox_err", "Events that the bus refused for good"),
            outbox_published: counters(r, "outbox_published", "Events that the bus took over"),
            outbox_set_aside: counters(r, "outbox_set_aside", "Events that were set aside"),
            log_failures: counters(r, "relay_log_failures", "Failed calls of the outbox log"),
            fenced: counters(r, "relay_fenced", "Lanes lost to another worker"),
            lanes_held: gauges(r, "relay_lanes_held", "Lanes that this worker holds"),
            lanes_stalled: gauges(r, "relay_lanes_stalled", "Lanes held that stand still"),
            lanes_failing: gauges(r, "relay_lanes_failing", "Lanes held with damage"),
            keys_blocked: gauges(r, "relay_keys_blocked", "Keys blocked in the lanes held"),
            breaker_open: gauges(r, "relay_breaker_open", "Whether the bus is taken to be away"),

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

            projection_events: counters(r, "projection_events", "Events that were folded"),
            projection_failures: counters(r, "projection_failures", "Failures of a projector"),
            projection_stalled: gauges(
                r,
                "projection_stalled",
                "Whether a projector cannot get on without help",
            ),
        }
    }
}
