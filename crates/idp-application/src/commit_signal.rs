//! Tells readers in the same process that something was committed.

use tokio::sync::watch;

/// Rung after each commit that wrote events, and by projectors after each batch. Ringing is cheap,
/// never blocks, and rings that come together count as one: the listener reads a log anyway.
#[derive(Clone, Debug)]
pub struct CommitSignal {
    rings: watch::Sender<u64>,
}

impl Default for CommitSignal {
    fn default() -> Self {
        Self { rings: watch::Sender::new(0) }
    }
}

impl CommitSignal {
    /// Wakes every listener.
    pub fn ring(&self) {
        self.rings.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A listener for the rings from now on.
    pub fn listen(&self) -> CommitListener {
        CommitListener { rings: self.rings.subscribe(), _keep: self.rings.clone() }
    }
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
