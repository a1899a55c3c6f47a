//! What the network is like just now, and what has passed.

use super::Direction;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What all connections of a proxy share.
#[derive(Debug)]
pub(super) struct Line {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    condition: Condition,
    /// How often it was cut: a connection notices a cut that is over already.
    cuts: u64,
    delay: Duration,
    connections: u64,
    connections_live: u64,
    round_trips: u64,
    to_server: Traffic,
    to_client: Traffic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    Whole,
    Stalled,
    Cut,
}

#[derive(Debug, Default)]
struct Traffic {
    /// How many have passed.
    bytes: u64,
    /// How many have passed or are about to.
    admitted: u64,
    /// After how many the network is cut.
    cut_at: Option<u64>,
}

impl Traffic {
    /// How many of so many bytes may pass before the cut.
    fn admit(&mut self, bytes: usize) -> usize {
        let left = self.cut_at.map(|cut_at| cut_at.saturating_sub(self.admitted));
        let left = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        let admitted = bytes.min(left);
        self.admitted += admitted as u64;
        admitted
    }

    fn is_used_up(&self) -> bool {
        self.cut_at.is_some_and(|cut_at| self.bytes >= cut_at)
    }

    /// After a cut, nothing is about to pass.
    fn settle(&mut self) {
        self.admitted = self.bytes;
        self.cut_at = None;
    }
}

impl State {
    fn traffic(&mut self, direction: Direction) -> &mut Traffic {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    fn bytes(&self, direction: Direction) -> u64 {
        match direction {
            Direction::ToServer => self.to_server.bytes,
            Direction::ToClient => self.to_client.bytes,
        }
    }

    fn cut_when_used_up(&mut self, direction: Direction) -> bool {
        let is_used_up = self.traffic(direction).is_used_up();
        if is_used_up {
            self.set(Condition::Cut);
        }
        is_used_up
    }

    fn set(&mut self, condition: Condition) {
        self.condition = condition;
        self.cuts += u64::from(condition == Condition::Cut);
        self.to_server.settle();
        self.to_client.settle();
    }
}

impl Default for Line {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }
}

impl Line {
    pub(super) fn cut(&self) {
        self.state.send_modify(|state| state.set(Condition::Cut));
    }

    pub(super) fn stall(&self) {
        self.state.send_modify(|state| state.condition = Condition::Stalled);
    }

    pub(super) fn restore(&self) {
        self.state.send_modify(|state| state.set(Condition::Whole));
    }

    pub(super) fn cut_after(&self, direction: Direction, bytes: u64) {
        self.state.send_modify(|state| {
            let traffic = state.traffic(direction);
            traffic.cut_at = Some(traffic.admitted + bytes);
        });
    }

    pub(super) fn set_delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.state.borrow().condition == Condition::Cut
    }

    pub(super) fn bytes(&self, direction: Direction) -> u64 {
        self.state.borrow().bytes(direction)
    }

    pub(super) fn connections(&self) -> u64 {
        self.state.borrow().connections
    }

    pub(super) fn round_trips(&self) -> u64 {
        self.state.borrow().round_trips
    }

    pub(super) async fn until_cut(&self) {
        self.until(|state| state.condition == Condition::Cut).await;
    }

    pub(super) async fn until_bytes(&self, direction: Direction, bytes: u64) {
        self.until(|state| state.bytes(direction) >= bytes).await;
    }

    /// Until every connection of before the last cut is closed, or the network is whole again.
    pub(super) async fn until_idle(&self) {
        self.until(|state| state.connections_live == 0 || state.condition != Condition::Cut).await;
    }

    async fn until(&self, condition: impl FnMut(&State) -> bool) {
        let mut changes = self.state.subscribe();
        changes.wait_for(condition).await.expect("the line keeps the sender alive");
    }

    /// Lets a connection through, unless the network is cut.
    pub(super) fn connect(self: &Arc<Self>) -> Option<Passage> {
        let mut born = None;
        self.state.send_if_modified(|state| {
            let is_open = state.condition != Condition::Cut;
            if is_open {
                state.connections += 1;
                state.connections_live += 1;
                born = Some(state.cuts);
            }
            is_open
        });
        born.map(|born| Passage { line: Arc::clone(self), born })
    }
}

/// The right of one connection to pass, until the network is cut.
pub(super) struct Passage {
    line: Arc<Line>,
    /// How often the network had been cut before.
    born: u64,
}

impl Passage {
    /// Ends when the network is cut.
    pub(super) async fn closed(&self) {
        self.line.until(|state| state.cuts > self.born).await;
    }

    /// How long a chunk that comes now is on its way.
    pub(super) fn delay(&self) -> Duration {
        self.line.state.borrow().delay
    }

    /// Waits while nothing may pass, and says how many of so many bytes may; never none.
    pub(super) async fn admit(&self, direction: Direction, bytes: usize) -> usize {
        loop {
            self.line.until(|state| state.condition == Condition::Whole).await;
            let mut admitted = 0;
            self.line.state.send_if_modified(|state| {
                if state.condition == Condition::Whole {
                    admitted = state.traffic(direction).admit(bytes);
                }
                state.cut_when_used_up(direction)
            });
            if admitted > 0 {
                return admitted;
            }
            // Others carry the last bytes before the cut.
            tokio::task::yield_now().await;
        }
    }

    /// Counts bytes that have passed, and cuts the network after the last that may.
    pub(super) fn passed(&self, direction: Direction, bytes: usize) {
        self.line.state.send_modify(|state| {
            let traffic = state.traffic(direction);
            traffic.bytes += bytes as u64;
            traffic.admitted = traffic.admitted.max(traffic.bytes);
            state.cut_when_used_up(direction);
        });
    }

    /// Counts a client that waits for an answer.
    pub(super) fn asked(&self) {
        self.line.state.send_modify(|state| state.round_trips += 1);
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.line.state.send_modify(|state| state.connections_live -= 1);
    }
}
