//! Which metric each fact is that relays, projectors and keepers count of themselves. A test goes over all facts.

use crate::crew::Facts;
use idp_application::{KeeperMetrics, ProjectorStatus, RelayMetrics};

/// Those of a relay. `retries` is not among them: each send tells of it, with the class of its failure.
pub(crate) const RELAY: Facts<RelayMetrics> = Facts {
    label: Some("target"),
    counters: &[
        ("outbox_published", "Events that the bus took over", |m| m.published),
        ("outbox_published_late", "Those of them that had been set aside", |m| m.published_late),
        ("outbox_err", "Events that the bus refused for good", |m| m.refused),
        ("outbox_set_aside", "Events that were set aside", |m| m.set_aside),
        ("outbox_gone", "Events that nobody can read any more", |m| m.gone),
        ("relay_batches", "Sends that the bus took over in whole or in part", |m| m.batches),
        ("relay_recorded", "Events recorded as done", |m| m.recorded),
        ("relay_recorded_apart", "Events recorded as done on tracks of tenants", |m| {
            m.recorded_apart
        }),
        ("relay_lanes_claimed", "Lanes claimed", |m| m.claimed),
        ("relay_lanes_released", "Lanes given back", |m| m.released),
        ("relay_fenced", "Lanes lost to another worker", |m| m.fenced),
        ("relay_log_failures", "Failed calls of the outbox log", |m| m.log_failures),
    ],
    sums: &[
        ("relay_lanes_held", "Lanes that this process holds", |m| m.lanes_held),
        ("relay_lanes_stalled", "Lanes held that stand still", |m| m.lanes_stalled),
        ("relay_lanes_failing", "Lanes held with damage", |m| m.lanes_failing),
        ("relay_keys_blocked", "Keys blocked in the lanes held", |m| m.keys_blocked),
        ("relay_tenant_tracks", "Tracks of tenants in the lanes held", |m| m.tenant_tracks),
        ("relay_tenant_tracks_automatic", "Those that nobody asked for", |m| {
            m.tenant_tracks_automatic
        }),
        ("relay_tenant_tracks_paused", "Those of paused tenants", |m| m.tenant_tracks_paused),
    ],
    maxima: &[
        ("relay_breaker_open", "Whether the bus is taken to be away", |m| m.bus_away.into()),
        ("relay_tenants_paused", "Tenants that are paused", |m| m.tenants_paused),
        ("relay_events_missed", "Events dropped before the target began", |m| m.events_missed),
    ],
};

/// Those of a projector.
pub(crate) const PROJECTION: Facts<ProjectorStatus> = Facts {
    label: Some("projection"),
    counters: &[
        ("projection_events", "Events that were folded", |s| s.events),
        ("projection_batches", "Batches that were applied", |s| s.batches),
        ("projection_rows_written", "Rows that were written or removed", |s| s.rows_written),
        ("projection_failures", "Failures of a projector", |s| s.failures),
        ("projection_fenced", "Leases lost to another projector", |s| s.fenced),
    ],
    sums: &[],
    maxima: &[
        ("projection_lease_held", "Whether this process has the lease", |s| s.holds_lease.into()),
        ("projection_checkpoint", "The last event in the read model, of who has the lease", |s| {
            if s.holds_lease { s.checkpoint.unsigned_abs() } else { 0 }
        }),
        ("projection_stalled", "Whether a projector cannot get on without help", |s| {
            s.stalled.is_some().into()
        }),
        ("projection_events_missed", "Events dropped before the projection began", |s| {
            s.events_missed
        }),
    ],
};

/// Those of a keeper, which has no name. `held_up_seconds` is not among them: it is told with what
/// holds the log.
pub(crate) const KEEPER: Facts<KeeperMetrics> = Facts {
    label: None,
    counters: &[
        ("keeper_turns", "Turns of a keeper", |m| m.turns),
        ("keeper_purges", "Purges that the database answered", |m| m.purges),
        ("keeper_purges_locked", "Purges that found the log locked", |m| m.purges_locked),
        ("keeper_purge_failures", "Purges that failed", |m| m.purge_failures),
        ("outbox_purged", "Events that were purged", |m| m.events_dropped),
        ("outbox_archived", "Events that were archived", |m| m.archive_events),
        ("keeper_archive_segments", "Segments that were archived", |m| m.archive_segments),
        ("keeper_archive_bytes", "Their size, compressed", |m| m.archive_bytes),
        ("keeper_archive_failures", "Turns in which nothing could be archived", |m| {
            m.archive_failures
        }),
        ("keeper_archive_fenced", "Lanes lost to another archiver", |m| m.archive_fenced),
        ("keeper_failures", "Steps of a keeper that failed", |m| m.failures),
    ],
    sums: &[],
    maxima: &[
        ("keeper_alarming", "Whether the log is held for too long", |m| m.is_alarming.into()),
        ("keeper_readers_late", "Readers that began when a part was gone", |m| m.readers_late),
    ],
};
