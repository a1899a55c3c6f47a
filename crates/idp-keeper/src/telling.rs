//! What a running keeper tells whoever observes it.

use crate::engine::Engine;
use idp_application::KeeperSeen;

impl Engine {
    /// Where it stands now.
    pub(crate) fn tell_counted(&self) {
        let status = self.status.borrow().clone();
        let (worker, metrics) = (self.parts.worker, &status.metrics);
        let held_by = status.held_up.as_ref().map(|held| &held.by);
        self.tell(KeeperSeen::Counted { worker, metrics, held_by });
    }

    fn tell(&self, seen: KeeperSeen<'_>) {
        self.parts.audience.tell(|observer| observer.observe(seen));
    }
}

/// However it ends, also when its handle is dropped: what it met must not be shown for ever.
impl Drop for Engine {
    fn drop(&mut self) {
        self.tell_counted();
        self.tell(KeeperSeen::Ended { worker: self.parts.worker });
    }
}
