//! The producers: one for each stream that is published, closed when it is idle.

use crate::KafkaConfig;
use crate::positions::Positions;
use crate::session::{Next, Session, Stopped};
use idp_application::{Message, PublishError, Stream};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// How often a call takes its stream over when others do so at the same time.
const TAKEOVERS_MAX: u32 = 4;

/// All producers of a bus.
pub(crate) struct Producers {
    config: Arc<KafkaConfig>,
    positions: Arc<Positions>,
    slots: SyncMutex<HashMap<Arc<Stream>, Arc<Mutex<Slot>>>>,
    busy: Arc<Semaphore>,
}

/// The place of one stream. Whoever has it is the only one to publish the stream in this process, also when
/// its caller has gone.
#[derive(Default)]
pub(crate) struct Slot {
    session: Option<Session>,
    last_used: Option<Instant>,
    /// The newest epoch that the stream was published under, as far as it is known.
    newest_epoch: Option<i64>,
}

/// The turn of one call.
pub(crate) struct Turn {
    producers: Arc<Producers>,
    stream: Arc<Stream>,
    slot: OwnedMutexGuard<Slot>,
    _permit: OwnedSemaphorePermit,
}

impl Producers {
    pub(crate) fn new(config: Arc<KafkaConfig>) -> Self {
        let most = usize::try_from(config.producers_max).expect("it is at most 400");
        Self {
            config,
            positions: Arc::default(),
            slots: SyncMutex::default(),
            busy: Arc::new(Semaphore::new(most)),
        }
    }

    /// Waits until every earlier call for the stream has ended, and until there is room for a producer.
    pub(crate) async fn turn(self: &Arc<Self>, stream: &Arc<Stream>) -> Turn {
        let slot = Arc::clone(self.slots().entry(Arc::clone(stream)).or_default());
        let slot = slot.lock_owned().await;
        let permit = Arc::clone(&self.busy).acquire_owned().await;
        Turn {
            producers: Arc::clone(self),
            stream: Arc::clone(stream),
            slot,
            _permit: permit.expect("the semaphore is never closed"),
        }
    }

    /// Closes what was not used for so long. It blocks.
    pub(crate) fn close_idle(&self) {
        let idle_max = self.config.producer_idle_max;
        self.close_idle_for(idle_max);
        self.positions.close_idle(idle_max);
    }

    /// Closes everything that nobody uses. It blocks.
    pub(crate) fn close(&self) {
        self.close_idle_for(Duration::ZERO);
        self.positions.close_idle(Duration::ZERO);
    }

    fn close_idle_for(&self, idle_max: Duration) {
        let mut closed = Vec::new();
        self.slots().retain(|_, slot| {
            // Nobody else can come by it while the map is locked.
            let is_alone = Arc::strong_count(slot) == 1;
            let Ok(mut free) = slot.try_lock() else { return true };
            if free.last_used.is_none_or(|at| at.elapsed() >= idle_max) {
                closed.extend(free.session.take());
                return !is_alone;
            }
            true
        });
        drop(closed);
    }

    /// Closes the producers that were idle for longest, until there is room for one more.
    fn make_room(&self) {
        let most = usize::try_from(self.config.producers_max).expect("it is at most 400");
        let mut closed = Vec::new();
        {
            let slots = self.slots();
            let free = slots.values().filter_map(|slot| slot.try_lock().ok());
            let mut idle: Vec<_> = free.filter(|slot| slot.session.is_some()).collect();
            idle.sort_by_key(|slot| slot.last_used);
            // The caller is one of the busy.
            let busy = most - self.busy.available_permits();
            let surplus = (idle.len() + busy).saturating_sub(most);
            closed.extend(idle.iter_mut().take(surplus).filter_map(|slot| slot.session.take()));
        }
        drop(closed);
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Arc<Stream>, Arc<Mutex<Slot>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Publishes the messages under the epoch. It blocks.
    pub(crate) fn publish(
        mut self,
        epoch: i64,
        messages: &[Message],
        abandoned: &AtomicBool,
    ) -> Result<(), PublishError> {
        let result = self.try_publish(epoch, messages, abandoned);
        self.slot.last_used = Some(Instant::now());
        result.map_err(|stopped| {
            self.slot.newest_epoch = self.slot.newest_epoch.max(stopped.newer_epoch);
            stopped.error
        })
    }

    fn try_publish(
        &mut self,
        epoch: i64,
        messages: &[Message],
        abandoned: &AtomicBool,
    ) -> Result<(), Stopped> {
        if let Some(newest) = self.slot.newest_epoch.filter(|newest| *newest > epoch) {
            return Err(Stopped::fenced(0, newest));
        }
        let mut accepted = 0;
        for left in (0..TAKEOVERS_MAX).rev() {
            match self.publish_once(epoch, messages, abandoned) {
                Err(stopped) if stopped.next == Next::Reopen && left > 0 => {
                    accepted = accepted.max(stopped.error.accepted);
                }
                Err(mut stopped) => {
                    stopped.error.accepted = accepted.max(stopped.error.accepted);
                    return Err(stopped);
                }
                Ok(()) => break,
            }
        }
        Ok(())
    }

    fn publish_once(
        &mut self,
        epoch: i64,
        messages: &[Message],
        abandoned: &AtomicBool,
    ) -> Result<(), Stopped> {
        // While it is in use it is nobody's, so that one that is left in the middle is never used again.
        let mut session = self.session(epoch)?;
        let outcome = session.publish(messages, abandoned);
        if outcome.as_ref().is_err_and(|stopped| stopped.next != Next::Keep) {
            return outcome;
        }
        self.slot.session = Some(session);
        outcome
    }

    fn session(&mut self, epoch: i64) -> Result<Session, Stopped> {
        if let Some(session) = self.slot.session.take().filter(|session| session.serves(epoch)) {
            return Ok(session);
        }
        let Producers { config, positions, .. } = self.producers.as_ref();
        self.producers.make_room();
        let session = Session::open(config, positions, &self.stream, epoch)?;
        if matches!(session, Session::Transactional(_)) {
            self.slot.newest_epoch = self.slot.newest_epoch.max(Some(epoch));
        }
        Ok(session)
    }
}
