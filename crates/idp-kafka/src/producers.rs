//! The producers: one for each stream that is published, closed when it is idle.

use crate::KafkaConfig;
use crate::caller::Caller;
use crate::config::Delivery;
use crate::deadline::Deadline;
use crate::gate::Gate;
use crate::positions::Positions;
use crate::session::{Next, Session, Stopped};
use idp_application::{Message, PublishError, Stream};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many streams are taken over at the same time. A worker that takes over many, as when another one has
/// died, gets through with a few after the other: all at once, on a slow machine, none is done in time.
const TAKEN_OVER_MAX: usize = 8;
/// How often a call takes its stream over when others do so at the same time.
const TAKEOVERS_MAX: u32 = 4;
/// How many steps a send may go on for whose caller has gone: to wait until it may take the stream over,
/// four to do so, and one to store. One that goes on for longer waits for a time of day that was set back
/// (see [`Place`]).
const LAST_STEPS_MAX: u32 = 6;
/// How often whoever waits for its turn looks whether the one before it is lost.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// All producers of a bus.
pub(crate) struct Producers {
    config: Arc<KafkaConfig>,
    takeovers: SyncMutex<Arc<Takeovers>>,
    places: SyncMutex<HashMap<Arc<Stream>, Arc<Place>>>,
    busy: Arc<Semaphore>,
}

/// What streams share while they are taken over.
struct Takeovers {
    positions: Arc<Positions>,
    gate: Gate,
}

impl Default for Takeovers {
    fn default() -> Self {
        Self { positions: Arc::default(), gate: Gate::new(TAKEN_OVER_MAX) }
    }
}

/// The place of one stream. Whoever has its slot is the only one to publish the stream in this process,
/// also when its caller has gone.
///
/// librdkafka waits by the time of day (`cnd_timedwait_ms`, its issue 2145): when that is set back
/// while no broker answers, a call does not return until it has come again. So a place is given up
/// whose caller has gone long ago, and the next one takes the stream over, which fences what is left
/// of the send. Without transactions nothing would: then it has to be waited for.
#[derive(Default)]
struct Place {
    slot: Arc<Mutex<Slot>>,
    /// Of the send under way.
    caller: SyncMutex<Option<Arc<Caller>>>,
}

/// What whoever has the turn works with.
#[derive(Default)]
struct Slot {
    session: Option<Session>,
    last_used: Option<Instant>,
    /// The newest epoch that the stream was published under, as far as it is known.
    newest_epoch: Option<i64>,
}

/// The turn of one call.
pub(crate) struct Turn {
    producers: Arc<Producers>,
    stream: Arc<Stream>,
    place: Arc<Place>,
    slot: OwnedMutexGuard<Slot>,
    _permit: OwnedSemaphorePermit,
}

impl Producers {
    pub(crate) fn new(config: Arc<KafkaConfig>) -> Self {
        let most = usize::try_from(config.producers_max).expect("it is at most 400");
        Self {
            config,
            takeovers: SyncMutex::default(),
            places: SyncMutex::default(),
            busy: Arc::new(Semaphore::new(most)),
        }
    }

    /// Waits until every earlier call for the stream has ended or is lost, and until there is room for a
    /// producer.
    pub(crate) async fn turn(self: &Arc<Self>, stream: &Arc<Stream>, caller: &Arc<Caller>) -> Turn {
        let (place, slot) = self.slot(stream).await;
        let permit = Arc::clone(&self.busy).acquire_owned().await;
        // The turn takes it back.
        *locked(&place.caller) = Some(Arc::clone(caller));
        Turn {
            producers: Arc::clone(self),
            stream: Arc::clone(stream),
            place,
            slot,
            _permit: permit.expect("the semaphore is never closed"),
        }
    }

    async fn slot(&self, stream: &Arc<Stream>) -> (Arc<Place>, OwnedMutexGuard<Slot>) {
        loop {
            let place = self.place(stream);
            let mut waiting = std::pin::pin!(Arc::clone(&place.slot).lock_owned());
            while !self.is_lost(&place) {
                if let Ok(slot) = timeout(LOOK_INTERVAL, &mut waiting).await {
                    return (place, slot);
                }
            }
        }
    }

    /// Another one if that which is there is lost.
    fn place(&self, stream: &Arc<Stream>) -> Arc<Place> {
        let mut places = locked(&self.places);
        let place = places.entry(Arc::clone(stream)).or_default();
        if self.is_lost(place) {
            tracing::warn!(%stream, "a send has not ended; another producer takes its stream over");
            *place = Arc::default();
            // What it has borrowed does not come back, either, and it may be inside the gate.
            *locked(&self.takeovers) = Arc::default();
        }
        Arc::clone(place)
    }

    fn is_lost(&self, place: &Place) -> bool {
        let patience = self.config.step_timeout * LAST_STEPS_MAX;
        let caller = locked(&place.caller);
        self.config.delivery == Delivery::Transactional
            && caller.as_ref().is_some_and(|caller| caller.is_gone_for(patience))
    }

    fn takeovers(&self) -> Arc<Takeovers> {
        Arc::clone(&locked(&self.takeovers))
    }

    /// Closes what was not used for so long. It blocks.
    pub(crate) fn close_idle(&self) {
        let idle_max = self.config.producer_idle_max;
        self.close_idle_for(idle_max);
        self.takeovers().positions.close_idle(idle_max);
    }

    /// Closes everything that nobody uses. It blocks.
    pub(crate) fn close(&self) {
        self.close_idle_for(Duration::ZERO);
        self.takeovers().positions.close_idle(Duration::ZERO);
    }

    fn close_idle_for(&self, idle_max: Duration) {
        let mut closed = Vec::new();
        locked(&self.places).retain(|_, place| {
            // Nobody else can come by it while the map is locked.
            let is_alone = Arc::strong_count(place) == 1;
            let Ok(mut free) = place.slot.try_lock() else { return true };
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
            let places = locked(&self.places);
            let free = places.values().filter_map(|place| place.slot.try_lock().ok());
            let mut idle: Vec<_> = free.filter(|slot| slot.session.is_some()).collect();
            idle.sort_by_key(|slot| slot.last_used);
            // The caller is one of the busy.
            let busy = most - self.busy.available_permits();
            let surplus = (idle.len() + busy).saturating_sub(most);
            closed.extend(idle.iter_mut().take(surplus).filter_map(|slot| slot.session.take()));
        }
        drop(closed);
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
        let Producers { config, .. } = self.producers.as_ref();
        self.producers.make_room();
        let takeovers = self.producers.takeovers();
        let inside = takeovers.gate.enter(Deadline::after(config.step_timeout));
        let Some(_inside) = inside else {
            return Err(Stopped::unavailable(0, "too many streams are being taken over at a time"));
        };
        let session = Session::open(config, &takeovers.positions, &self.stream, epoch)?;
        if matches!(session, Session::Transactional(_)) {
            self.slot.newest_epoch = self.slot.newest_epoch.max(Some(epoch));
        }
        Ok(session)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *locked(&self.place.caller) = None;
    }
}

fn locked<T>(mutex: &SyncMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Present;
    use idp_application::{Lane, PublishFailure, Track};

    const STEP: Duration = Duration::from_secs(1);
    const LONG: Duration = Duration::from_secs(30);

    fn producers(delivery: Delivery) -> Arc<Producers> {
        let config = KafkaConfig { delivery, step_timeout: STEP, ..KafkaConfig::new("x:1", "x-") };
        Arc::new(Producers::new(Arc::new(config)))
    }

    fn stream() -> Arc<Stream> {
        let lane = Lane::from_number(0);
        Arc::new(Stream { target: "letters".into(), lane, track: Track::Main })
    }

    /// A send whose caller has gone, and which never ends.
    async fn hanging(producers: &Arc<Producers>) -> Turn {
        let present = Present::default();
        producers.turn(&stream(), &present.0).await
    }

    #[tokio::test]
    async fn a_stream_whose_send_never_ends_is_published_by_another_producer() {
        let producers = producers(Delivery::Transactional);
        let hanging = hanging(&producers).await;
        let takeovers = producers.takeovers();
        let begun = Instant::now();
        let next = Present::default();
        let turn = timeout(LONG, producers.turn(&stream(), &next.0)).await;
        let turn = turn.expect("the other one is given up");
        assert!(begun.elapsed() >= STEP * LAST_STEPS_MAX - LOOK_INTERVAL, "it was given up early");
        assert!(!Arc::ptr_eq(&turn.place, &hanging.place));
        let shared = producers.takeovers();
        assert!(!Arc::ptr_eq(&takeovers, &shared), "what it has borrowed is missed by the others");
        drop(hanging);
        let present = Present::default();
        let third = timeout(STEP, producers.turn(&stream(), &present.0)).await;
        assert!(third.is_err(), "two have the stream at the same time");
    }

    #[tokio::test]
    async fn a_stream_waits_while_many_others_are_taken_over() {
        let producers = producers(Delivery::Transactional);
        let takeovers = producers.takeovers();
        let enter = || takeovers.gate.enter(Deadline::after(LONG)).expect("there is room");
        let _others: Vec<_> = (0..TAKEN_OVER_MAX).map(|_| enter()).collect();
        let present = Present::default();
        let mut turn = producers.turn(&stream(), &present.0).await;
        let stopped = turn.session(1).err().expect("nobody has left the gate");
        assert!(stopped.error.to_string().contains("too many streams"), "{}", stopped.error);
        assert_eq!(stopped.error.failure, PublishFailure::Unavailable);
    }

    #[tokio::test]
    async fn a_send_whose_caller_waits_is_waited_for() {
        let producers = producers(Delivery::Transactional);
        let present = Present::default();
        let turn = producers.turn(&stream(), &present.0).await;
        let next = Present::default();
        let waiting =
            timeout(STEP * (LAST_STEPS_MAX + 1), producers.turn(&stream(), &next.0)).await;
        assert!(waiting.is_err(), "two have the stream at the same time");
        drop(turn);
        timeout(LONG, producers.turn(&stream(), &next.0)).await.expect("it has ended");
    }

    /// Nothing would fence it.
    #[tokio::test]
    async fn without_transactions_every_send_is_waited_for() {
        let producers = producers(Delivery::Idempotent);
        let _hanging = hanging(&producers).await;
        let next = Present::default();
        let waiting =
            timeout(STEP * (LAST_STEPS_MAX + 1), producers.turn(&stream(), &next.0)).await;
        assert!(waiting.is_err(), "two have the stream at the same time");
    }
}
