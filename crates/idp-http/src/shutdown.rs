//! Tells everything that could go on for ever that the service is about to stop.

use tokio::sync::watch;

/// Begins once, and is seen by everybody who holds a clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    begun: watch::Sender<bool>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { begun: watch::Sender::new(false) }
    }
}

impl Shutdown {
    /// The service is about to stop: streams end, and no new ones begin to last.
    pub fn begin(&self) {
        self.begun.send_replace(true);
    }

    /// Ends when the shutdown has begun; at once if it has already. Safe to drop and call again.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + 'static {
        let sender = self.begun.clone();
        async move {
            let seen = sender.subscribe().wait_for(|begun| *begun).await.map(|_| ());
            seen.expect("this future keeps the sender alive");
        }
    }
}
