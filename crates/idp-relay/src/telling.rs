//! What a running relay tells about itself: its numbers, and whoever observes it.

use crate::engine::Engine;
use idp_application::RelaySeen;

impl Engine {
    /// Counts what is so now, beside what happened, and tells of what changed.
    pub(crate) fn count_present(&mut self) {
        let worker = &self.worker;
        self.metrics.send_if_modified(|metrics| {
            let before = *metrics;
            metrics.lanes_held = count(worker.lanes_held());
            metrics.lanes_stalled = count(worker.lanes_stalled());
            metrics.lanes_failing = count(worker.lanes_failing());
            metrics.keys_blocked = count(worker.keys_blocked());
            metrics.bus_away = worker.is_bus_away();
            metrics.tenants_paused = count(worker.tenants_paused());
            metrics.tenant_tracks = count(worker.tracks_held());
            metrics.tenant_tracks_automatic = count(worker.tracks_automatic());
            metrics.tenant_tracks_paused = count(worker.tracks_paused());
            *metrics != before
        });
        self.tell_counted();
    }

    fn tell_counted(&mut self) {
        let metrics = *self.metrics.borrow();
        if metrics != self.told {
            self.told = metrics;
            let (target, worker, metrics) = (self.reader.name.as_str(), self.id, &metrics);
            self.tell(RelaySeen::Counted { target, worker, metrics });
        }
    }

    fn tell(&self, seen: RelaySeen<'_>) {
        self.audience.tell(|observer| observer.observe(seen));
    }
}

/// However it ends, also when its handle is dropped: what it held must not be shown for ever.
impl Drop for Engine {
    fn drop(&mut self) {
        self.tell_counted();
        self.tell(RelaySeen::Ended { target: &self.reader.name, worker: self.id });
    }
}

pub(crate) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
