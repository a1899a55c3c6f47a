//! A process that commits, processes that relay, and a step of the ladder between them.

use crate::database::{Database, Kind, Opened};
use crate::step::{PATIENCE, Step};
use idp_application::{
    Actor, CommitSignal, DeadLetterAction, DeadLetterCommand, Message, ParkedKey, SystemClock,
    UuidV7Ids, WorkerId,
};
use idp_domain::Uuid;
use idp_relay::{Relay, RelayHandle, Target, WakeUpHandle};
use idp_testkit::{Reception, Recorder, Sink, Tallying, check};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

pub(crate) struct Place {
    step: Step,
    database: Database,
    writer: Opened,
    tallying: Tallying,
    /// So that other processes hear of what the writer commits, where a step needs that.
    _writer_ladder: Option<WakeUpHandle>,
    pub(crate) recorder: Recorder,
    /// The aggregates of which the bus takes nothing.
    poison: Arc<Mutex<Vec<Uuid>>>,
}

/// A relay, in a process of its own as far as the database and the ladder go.
pub(crate) struct RelayProcess {
    pub(crate) relay: RelayHandle,
    _opened: Opened,
    _ladder: Option<WakeUpHandle>,
}

/// Each method of it is a commit.
impl Deref for Place {
    type Target = Tallying;

    fn deref(&self) -> &Tallying {
        &self.tallying
    }
}

impl Place {
    pub(crate) async fn start(name: &str, step: Step, kind: Kind) -> Self {
        let database = Database::new(kind, name).await;
        let recorder = Recorder::new(step.config().batch_size);
        let writer = database.open().await;
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(UuidV7Ids::default()));
        let tallying = Tallying::on(writer.backend(), recorder.clone(), clock, ids);
        // Only NOTIFY asks something of those who commit.
        let writer_ladder = match step {
            Step::Notify => step.watch(&database, &writer, tallying.app().committed()).await,
            _ => None,
        };
        let poison = Arc::default();
        Self { step, database, writer, tallying, _writer_ladder: writer_ladder, recorder, poison }
    }

    /// A relay that has all lanes that are free.
    pub(crate) async fn relay(&self, number: u128) -> RelayProcess {
        self.relay_to("bus", number, &self.step, &self.recorder).await
    }

    /// A relay to another target, woken by another step, whose deliveries are recorded elsewhere.
    pub(crate) async fn relay_to(
        &self,
        target: &str,
        number: u128,
        step: &Step,
        recorder: &Recorder,
    ) -> RelayProcess {
        let opened = self.database.open().await;
        let signal = match step.is_in_process() {
            true => self.tallying.app().committed().clone(),
            false => CommitSignal::default(),
        };
        let ladder = step.watch(&self.database, &opened, &signal).await;
        let worker = WorkerId(Uuid::from_u128(number));
        let poison = Arc::clone(&self.poison);
        let plan = move |messages: &[Message]| {
            let poison = poison.lock().expect("nobody panics with it");
            let refused = messages.iter().position(|m| poison.contains(&m.event.aggregate_id));
            refused.map_or(Reception::Take, |accepted| Reception::Refuse { accepted })
        };
        let bus = Sink::new(worker, recorder.clone()).with_plan(plan);
        let target = Target::new(target, Arc::new(bus));
        let relay = Relay::new(target, step.config(), opened.backend(), worker, &signal);
        let relay = relay.expect("the configuration is valid").start();
        RelayProcess { relay, _opened: opened, _ladder: ladder }
    }

    /// Has the bus refuse everything of an aggregate, or nothing any more.
    pub(crate) fn poison(&self, aggregates: &[Uuid]) {
        *self.poison.lock().expect("nobody panics with it") = aggregates.to_vec();
    }

    /// Waits until that many events have arrived.
    pub(crate) async fn events(&self, count: usize) {
        let arrived = timeout(PATIENCE, self.recorder.wait_for_events(count)).await;
        arrived.unwrap_or_else(|_| {
            let delivered = self.recorder.history().deliveries.len();
            panic!("{count} events should arrive, {delivered} deliveries did")
        });
    }

    /// Waits until the one key that is parked has that many events.
    pub(crate) async fn parked(&self, events: u64) -> ParkedKey {
        let backend = self.writer.backend();
        let parked = async {
            loop {
                let parked = backend.parked("bus", None, None, 10).await.expect("it answers");
                if let [one] = parked.as_slice()
                    && u64::from(one.events) == events
                {
                    return one.clone();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, parked).await.expect("the key should be parked")
    }

    pub(crate) async fn resume(&self, parked: &ParkedKey) {
        let command = DeadLetterCommand {
            actor: Actor::new("operator"),
            key: parked.key.clone(),
            revision: parked.revision,
            action: DeadLetterAction::Resume,
            reason: "a test".into(),
        };
        self.writer.backend().command("bus", &command).await.expect("it is parked");
    }

    /// Holds what was recorded against the guarantees; each event must have come once.
    pub(crate) async fn end(self) {
        let history = self.recorder.history();
        assert_eq!(check(&history), []);
        let mut events: Vec<_> = history.deliveries.iter().map(|d| d.event).collect();
        events.sort_unstable();
        assert!(events.is_sorted_by(|one, other| one < other), "each came once");
        self.remove().await;
    }

    /// Removes what would stay.
    pub(crate) async fn remove(self) {
        self.database.end().await;
    }
}

impl RelayProcess {
    /// Gives the lanes back and ends.
    pub(crate) async fn stop(self) {
        timeout(PATIENCE, self.relay.stop()).await.expect("it stops").expect("the store answers");
    }

    /// Waits until it holds that many lanes.
    pub(crate) async fn lanes(&self, count: u64) {
        let mut metrics = self.relay.watch();
        let held = timeout(PATIENCE, metrics.wait_for(|metrics| metrics.lanes_held == count)).await;
        drop(held.expect("it should get them").expect("the relay runs"));
    }
}
