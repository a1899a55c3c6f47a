//! What a relay counts. It stands here because whoever observes relays is told of it.

/// What a relay has done since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayMetrics {
    /// Events that the bus acknowledged.
    pub published: u64,
    /// Sends that were acknowledged in whole or in part.
    pub batches: u64,
    /// Sends that failed, each of which is tried again unless the lane is lost.
    pub retries: u64,
    /// Lanes claimed.
    pub claimed: u64,
    /// Lanes given back.
    pub released: u64,
    /// Lanes lost to another worker.
    pub fenced: u64,
    /// Calls of the log that failed, each of which is made again.
    pub log_failures: u64,
    /// Lanes held now, as far as the worker knows.
    pub lanes_held: u64,
    /// Events that are recorded as done: sent, passed over or set aside.
    pub recorded: u64,
    /// Events that were left out of what is sent, since nobody can read them any more: the key of
    /// their tenant was destroyed. They do not count as published.
    pub gone: u64,
    /// Messages that the bus refused for good. Each parks its key.
    pub refused: u64,
    /// Events set aside: refused, behind one that was, or scheduled.
    pub set_aside: u64,
    /// Events of side tracks that the bus acknowledged; they count as published, too.
    pub published_late: u64,
    /// Keys blocked now in the lanes held, as far as the worker knows.
    pub keys_blocked: u64,
    /// Lanes held that stand still because no more may be set aside in them. Alarm on it.
    pub lanes_stalled: u64,
    /// Lanes held of which something cannot be read or recorded: they are tried again after pauses.
    /// Alarm on it.
    pub lanes_failing: u64,
    /// Whether the bus is thought to be away: only one lane tries it.
    pub bus_away: bool,
    /// Events that are recorded as done on the tracks of tenants, those of others passed over
    /// included. They do not count as recorded.
    pub recorded_apart: u64,
    /// Events that had been dropped from the log before the target began: it never gets them, unless
    /// they are replayed from an archive.
    pub events_missed: u64,
    /// Tenants that are paused now.
    pub tenants_paused: u64,
    /// Tracks of tenants now in the lanes held.
    pub tenant_tracks: u64,
    /// Those that nobody has asked for: their tenant filled the lane, or has no policy any more. They
    /// are gone when they have caught up.
    pub tenant_tracks_automatic: u64,
    /// Those of tenants that are paused: each keeps what is behind it from being purged. Alarm on it
    /// when it lasts.
    pub tenant_tracks_paused: u64,
}
