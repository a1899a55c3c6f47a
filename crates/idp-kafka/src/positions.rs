//! The few readers of positions that all streams share.

use crate::KafkaConfig;
use crate::deadline::Deadline;
use crate::gate::Gate;
use crate::position::Position;
use crate::position_reader::PositionReader;
use idp_application::PublishError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More would save little time when a worker takes over many streams at once.
const READERS_MAX: usize = 4;
/// How often to ask whether the transactions that were under way have ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Lends readers; makes them when they are needed, and closes them when they are not.
pub(crate) struct Positions {
    lent: Gate,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<PositionReader>,
    last_used: Option<Instant>,
}

impl Default for Positions {
    fn default() -> Self {
        Self { lent: Gate::new(READERS_MAX), pool: Mutex::default() }
    }
}

impl Positions {
    /// The position of a stream, with everything counted that was committed before the call; `None` if
    /// nothing of it was ever stored. It waits for the transactions under way in the partition. It blocks.
    pub(crate) fn read(
        &self,
        config: &KafkaConfig,
        partition: i32,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<Position>, PublishError> {
        let end = self.with_reader(config, deadline, |reader| reader.end(partition, deadline))?;
        loop {
            // What is waited for may need a reader: it is given back meanwhile.
            let read = |reader: &PositionReader| reader.read_settled(partition, end, key, deadline);
            if let Some(position) = self.with_reader(config, deadline, read)? {
                return Ok(position);
            }
            if deadline.has_passed() {
                let message = "a transaction of another worker keeps the positions from being read";
                return Err(PublishError::unavailable(0, message));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The position of a stream as far as it can be seen now. It blocks.
    pub(crate) fn glance(
        &self,
        config: &KafkaConfig,
        partition: i32,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<Position>, PublishError> {
        let read = |reader: &PositionReader| reader.read_visible(partition, key, deadline);
        self.with_reader(config, deadline, read)
    }

    fn with_reader<T>(
        &self,
        config: &KafkaConfig,
        deadline: Deadline,
        read: impl FnOnce(&PositionReader) -> Result<T, PublishError>,
    ) -> Result<T, PublishError> {
        let busy = || PublishError::unavailable(0, "no reader of positions is free in time");
        let _loan = self.lent.enter(deadline).ok_or_else(busy)?;
        let idle = self.lock().idle.pop();
        let reader = idle.map_or_else(|| PositionReader::new(config), Ok)?;
        let outcome = read(&reader);
        let mut pool = self.lock();
        pool.last_used = Some(Instant::now());
        // One that failed may hold on to a connection that is dead.
        if outcome.is_ok() {
            pool.idle.push(reader);
        }
        outcome
    }

    /// Closes the readers if none was used for so long. It blocks.
    pub(crate) fn close_idle(&self, idle_max: Duration) {
        let mut pool = self.lock();
        let is_idle = pool.last_used.is_some_and(|at| at.elapsed() >= idle_max);
        let closed = if is_idle { std::mem::take(&mut pool.idle) } else { Vec::new() };
        drop(pool);
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
