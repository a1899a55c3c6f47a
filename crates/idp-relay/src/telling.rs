//! What a running relay tells about itself: its numbers, and whoever observes it.

use crate::engine::Engine;
use idp_application::{PresentSeen, RelaySeen};

impl Engine {
    /// Counts what is so now, beside what happened.
    pub(crate) fn count_present(&self) {
        let worker = &self.worker;
        let is_news = self.metrics.send_if_modified(|metrics| {
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
        if is_news {
            self.tell_present(worker.lanes_held());
        }
    }

    /// What is so now, and how many lanes are held.
    pub(crate) fn tell_present(&self, lanes_held: usize) {
        let worker = &self.worker;
        self.tell(RelaySeen::Present(&PresentSeen {
            target: &self.reader.name,
            lanes_held: count(lanes_held),
            lanes_stalled: count(worker.lanes_stalled()),
            lanes_failing: count(worker.lanes_failing()),
            keys_blocked: count(worker.keys_blocked()),
            bus_away: worker.is_bus_away(),
        }));
    }

    pub(crate) fn tell_set_aside(&self, events: usize) {
        if events > 0 {
            let (target, events) = (self.reader.name.as_str(), count(events));
            self.tell(RelaySeen::SetAside { target, events });
        }
    }

    pub(crate) fn tell(&self, seen: RelaySeen<'_>) {
        self.audience.tell(|observer| observer.observe(seen));
    }
}

pub(crate) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
