//! Tells readers that something was committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Notify;

/// Rung after each commit that wrote events, by projectors after each batch, and by whoever
/// [watches](crate::CommitWatch) the commits of other processes. Ringing is cheap, never blocks, and
/// rings that come together count as one: the listener reads a log anyway.
#[derive(Clone, Debug, Default)]
pub struct CommitSignal(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    /// For commits of this and of other processes.
    all: Arc<Bell>,
    /// For commits of this process.
    local: Arc<Bell>,
    is_watched: AtomicBool,
}

impl CommitSignal {
    /// Wakes every listener: this process committed something.
    pub fn ring(&self) {
        self.0.local.ring();
        self.0.all.ring();
    }

    /// Wakes every listener but those that listen to this process alone: another process committed
    /// something, or may have.
    pub fn ring_from_elsewhere(&self) {
        self.0.all.ring();
    }

    /// A listener for the rings from now on.
    pub fn listen(&self) -> CommitListener {
        CommitListener::of(&self.0.all)
    }

    /// A listener for the commits of this process from now on.
    pub fn listen_to_this_process(&self) -> CommitListener {
        CommitListener::of(&self.0.local)
    }

    /// Whether somebody watches the commits of other processes, so that readers need not poll
    /// often. Nobody does until it is said.
    pub fn is_watched(&self) -> bool {
        self.0.is_watched.load(Ordering::SeqCst)
    }

    /// Says whether somebody watches the commits of other processes.
    pub fn set_watched(&self, is_watched: bool) {
        self.0.is_watched.store(is_watched, Ordering::SeqCst);
    }
}

/// Counts how often it was rung, and wakes those who wait in the order in which they began to. A
/// `watch` wakes them in an order that it draws by lot, and nothing would repeat in simulated time.
#[derive(Debug, Default)]
struct Bell {
    rings: AtomicU64,
    waiting: Notify,
}

impl Bell {
    fn ring(&self) {
        self.rings.fetch_add(1, Ordering::SeqCst);
        self.waiting.notify_waiters();
    }

    fn rings(&self) -> u64 {
        self.rings.load(Ordering::SeqCst)
    }
}

/// Waits for a [`CommitSignal`]. No ring is lost: one that came since the last wait ends the next
/// wait at once.
#[derive(Clone, Debug)]
pub struct CommitListener {
    bell: Arc<Bell>,
    /// How many rings there were when the last wait ended.
    heard: u64,
}

impl CommitListener {
    fn of(bell: &Arc<Bell>) -> Self {
        Self { bell: bell.clone(), heard: bell.rings() }
    }

    /// Ends when the signal was rung since the last time this ended; never, when nobody is left who
    /// could ring it. Safe to drop and call again.
    pub async fn rung(&mut self) {
        loop {
            // Before the rings are counted: a ring that is not counted wakes it.
            let woken = self.bell.waiting.notified();
            let rings = self.bell.rings();
            if rings != self.heard {
                self.heard = rings;
                return;
            }
            woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::time::{Duration, timeout};

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn rings_before_the_wait_end_it_at_once_and_count_as_one() {
        let signal = CommitSignal::default();
        signal.ring();
        let mut listener = signal.listen();
        signal.ring();
        signal.ring();
        timeout(LONG, listener.rung()).await.expect("it was rung");
        let again = timeout(LONG, listener.rung()).await;
        assert!(again.is_err(), "nobody rang since, and what was rung before it listened is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_dropped_hears_later_what_was_rung_meanwhile() {
        let signal = CommitSignal::default();
        let mut listener = signal.listen();
        assert!(timeout(LONG, listener.rung()).await.is_err());
        signal.ring_from_elsewhere();
        timeout(LONG, listener.rung()).await.expect("it was rung");
    }

    #[tokio::test(start_paused = true)]
    async fn commits_of_other_processes_do_not_wake_who_listens_to_this_one() {
        let signal = CommitSignal::default();
        let (mut local, mut all) = (signal.listen_to_this_process(), signal.listen());
        signal.ring_from_elsewhere();
        timeout(LONG, all.rung()).await.expect("it was rung");
        assert!(timeout(LONG, local.rung()).await.is_err());
        signal.clone().ring();
        timeout(LONG, local.rung()).await.expect("it was rung");
    }

    #[tokio::test]
    async fn who_began_to_wait_first_is_woken_first() {
        let (signal, woken) = (CommitSignal::default(), Arc::new(Mutex::new(Vec::new())));
        let waits = |number: u32| {
            let (mut listener, woken) = (signal.listen(), woken.clone());
            tokio::spawn(async move {
                listener.rung().await;
                woken.lock().expect("nobody panicked").push(number);
            })
        };
        let waiting: Vec<_> = (0..50).map(waits).collect();
        tokio::task::yield_now().await;
        signal.ring();
        for wait in waiting {
            wait.await.expect("it was woken");
        }
        assert_eq!(*woken.lock().expect("nobody panicked"), (0..50).collect::<Vec<_>>());
    }

    /// With threads, a ring may come between any two steps of a wait.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_ring_is_lost_between_two_waits() {
        let (there, back) = (CommitSignal::default(), CommitSignal::default());
        let (mut heard_there, mut heard_back) = (there.listen(), back.listen());
        let echo = tokio::spawn(async move {
            for _ in 0..10_000 {
                heard_there.rung().await;
                back.ring();
            }
        });
        for _ in 0..10_000 {
            there.ring();
            timeout(LONG, heard_back.rung()).await.expect("each ring is answered");
        }
        echo.await.expect("it answered all");
    }
}
