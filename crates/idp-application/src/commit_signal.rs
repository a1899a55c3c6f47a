//! Tells readers that something was committed.

use tokio::sync::watch;

/// Rung after each commit that wrote events, by projectors after each batch, and by whoever
/// [watches](crate::CommitWatch) the commits of other processes. Ringing is cheap, never blocks, and
/// rings that come together count as one: the listener reads a log anyway.
#[derive(Clone, Debug)]
pub struct CommitSignal {
    /// Of this and of other processes.
    all: watch::Sender<u64>,
    /// Of this process.
    local: watch::Sender<u64>,
    is_watched: watch::Sender<bool>,
}

impl Default for CommitSignal {
    fn default() -> Self {
        let (all, local) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { all, local, is_watched: watch::Sender::new(false) }
    }
}

impl CommitSignal {
    /// Wakes every listener: this process committed something.
    pub fn ring(&self) {
        advance(&self.local);
        advance(&self.all);
    }

    /// Wakes every listener but those that listen to this process alone: another process committed
    /// something, or may have.
    pub fn ring_from_elsewhere(&self) {
        advance(&self.all);
    }

    /// A listener for the rings from now on.
    pub fn listen(&self) -> CommitListener {
        CommitListener { rings: self.all.subscribe(), _keep: self.all.clone() }
    }

    /// A listener for the commits of this process from now on.
    pub fn listen_to_this_process(&self) -> CommitListener {
        CommitListener { rings: self.local.subscribe(), _keep: self.local.clone() }
    }

    /// Whether somebody watches the commits of other processes, so that readers need not poll
    /// often. Nobody does until it is said.
    pub fn is_watched(&self) -> bool {
        *self.is_watched.borrow()
    }

    /// Says whether somebody watches the commits of other processes.
    pub fn set_watched(&self, is_watched: bool) {
        self.is_watched.send_replace(is_watched);
    }
}

fn advance(rings: &watch::Sender<u64>) {
    rings.send_modify(|count| *count = count.wrapping_add(1));
}

/// Waits for a [`CommitSignal`]. No ring is lost: one that came since the last wait ends the next
/// wait at once.
#[derive(Clone, Debug)]
pub struct CommitListener {
    rings: watch::Receiver<u64>,
    _keep: watch::Sender<u64>,
}

impl CommitListener {
    /// Ends when the signal was rung since the last time this ended. Safe to drop and call again.
    pub async fn rung(&mut self) {
        self.rings.changed().await.expect("the listener keeps the sender alive");
    }
}
