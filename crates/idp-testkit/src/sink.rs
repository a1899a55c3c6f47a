//! A bus that records what arrives, and takes batches over as it is told.

use crate::{Delivery, Entry, Fault, Recorder};
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, EventBus, Message, PublishError, WorkerId,
};
use std::time::Duration;

/// How a batch is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// All of it arrives, and the bus says so.
    Take,
    /// So many messages arrive, and the bus says that so many of them did, and fails.
    Fail {
        /// What the bus says.
        accepted: usize,
        /// What arrives; no fewer than `accepted`.
        arriving: usize,
    },
    /// So many messages arrive, and the bus refuses the next one for good.
    Refuse {
        /// What arrives.
        accepted: usize,
    },
    /// So many messages arrive, and the bus never answers.
    Silence {
        /// What arrives.
        arriving: usize,
    },
    /// The bus never answers, and all messages arrive so much later, in order, even if nobody
    /// waits for the answer any more.
    Late(Duration),
}

type Plan = dyn Fn(&[Message]) -> Reception + Send + Sync;

/// The bus as one worker sees it: the deliveries that it records name the worker.
pub struct Sink {
    worker: WorkerId,
    recorder: Recorder,
    pace: Duration,
    plan: Box<Plan>,
}

impl Sink {
    /// The bus of that worker. It takes everything over at once.
    pub fn new(worker: WorkerId, recorder: Recorder) -> Self {
        Self { worker, recorder, pace: Duration::ZERO, plan: Box::new(|_| Reception::Take) }
    }

    /// Lets so much time pass before each message arrives.
    pub fn with_pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Receives batches as the plan says.
    pub fn with_plan(
        mut self,
        plan: impl Fn(&[Message]) -> Reception + Send + Sync + 'static,
    ) -> Self {
        self.plan = Box::new(plan);
        self
    }

    /// Says that the bus will not have named messages that arrived.
    fn ambiguous(&self, messages: &[Message]) {
        let Some(first) = messages.first() else { return };
        self.recorder.record(Entry::Fault(Fault::AmbiguousSend {
            worker: self.worker.0,
            lane: first.stream.lane.number(),
            epoch: first.epoch,
            messages: u64::try_from(messages.len()).unwrap_or(u64::MAX),
        }));
    }

    async fn receive(&self, messages: &[Message]) -> Result<(), PublishError> {
        let at_most = |count: usize| count.min(messages.len());
        match (self.plan)(messages) {
            Reception::Take => {
                arrive(&self.recorder, self.worker, self.pace, messages).await;
                Ok(())
            }
            Reception::Fail { accepted, arriving } => {
                let (accepted, arriving) = (at_most(accepted), at_most(arriving.max(accepted)));
                self.ambiguous(&messages[accepted..arriving]);
                arrive(&self.recorder, self.worker, self.pace, &messages[..arriving]).await;
                Err(PublishError::unavailable(accepted, "the bus was told to fail"))
            }
            Reception::Refuse { accepted } => {
                let accepted = at_most(accepted);
                arrive(&self.recorder, self.worker, self.pace, &messages[..accepted]).await;
                Err(PublishError::refused(accepted, "the bus was told to refuse it"))
            }
            Reception::Silence { arriving } => {
                let arriving = &messages[..at_most(arriving)];
                self.ambiguous(arriving);
                arrive(&self.recorder, self.worker, self.pace, arriving).await;
                std::future::pending().await
            }
            Reception::Late(after) => {
                self.ambiguous(messages);
                self.arrive_late(after, messages.to_vec());
                std::future::pending().await
            }
        }
    }

    fn arrive_late(&self, after: Duration, messages: Vec<Message>) {
        let (recorder, worker, pace) = (self.recorder.clone(), self.worker, self.pace);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            arrive(&recorder, worker, pace, &messages).await;
        });
    }
}

async fn arrive(recorder: &Recorder, worker: WorkerId, pace: Duration, messages: &[Message]) {
    for message in messages {
        if !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
        recorder.record(Entry::Delivery(Delivery {
            worker: worker.0,
            lane: message.stream.lane.number(),
            stream: message.stream.to_string(),
            epoch: message.epoch,
            sequence: message.sequence,
            event: message.event.id,
        }));
    }
}

impl EventBus for Sink {
    fn system(&self) -> &'static str {
        "sink"
    }

    fn guarantees(&self) -> BusGuarantees {
        let duplicates = Duplicates::Possible;
        BusGuarantees { duplicates, fences_zombies: false, data_bytes_max: None }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.receive(messages))
    }
}
