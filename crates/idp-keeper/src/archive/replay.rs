//! Sends events of an archive to a bus again.

use super::archived_event::ArchivedEvent;
use super::reading::Archive;
use super::selection::ArchiveSelection;
use crate::pauses::Pauses;
use idp_application::{
    CloudEvent, Error, ErrorKind, EventBus, Lane, Message, PublishError, PublishFailure, Reader,
    Stream, Track, Transform, TransformError, WorkerId,
};
use idp_domain::{Envelope, TenantId, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

type Topic = dyn Fn(&Envelope) -> Arc<str> + Send + Sync;

/// Sends events of an archive to a bus, those of an aggregate in their order, as they were sent at
/// first: under the same identities, so that consumers that drop what they have had drop them.
///
/// It is a target of its own: its streams have its name, so that a broker which drops what it has by
/// number takes them all. Run again under the same name, from the beginning, such a broker drops what
/// came through before.
pub struct Replay {
    name: Arc<str>,
    source: Arc<str>,
    bus: Arc<dyn EventBus>,
    topic: Arc<Topic>,
    transforms: Vec<Arc<dyn Transform>>,
    epoch: i64,
    attempts_max: u32,
}

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Events that the bus has taken over.
    pub published: u64,
    /// Sends that failed and were tried again.
    pub retries: u64,
    /// Events that were left out because nobody can read them any more, by tenant and reason.
    pub gone: Vec<GoneEvents>,
}

/// Events of a tenant that nobody can read any more. That is meant so where its keys were destroyed; a
/// replay with the wrong keys says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoneEvents {
    /// Whose.
    pub tenant: TenantId,
    /// Why: names the key.
    pub reason: String,
    /// How many.
    pub events: u64,
}

impl ReplayReport {
    fn add_gone(&mut self, tenant: &TenantId, reason: &str) {
        let is_same = |gone: &&mut GoneEvents| gone.tenant == *tenant && gone.reason == reason;
        match self.gone.iter_mut().find(is_same) {
            Some(gone) => gone.events += 1,
            None => {
                let (tenant, reason) = (tenant.clone(), reason.to_owned());
                self.gone.push(GoneEvents { tenant, reason, events: 1 });
            }
        }
    }
}

impl Replay {
    /// Sends under that name, which no target and no other replay has, to a topic named as the type of
    /// the aggregate.
    pub fn new(name: impl Into<Arc<str>>, bus: Arc<dyn EventBus>) -> Self {
        Self {
            name: name.into(),
            source: "/".into(),
            bus,
            topic: Arc::new(|event| (&*event.aggregate_type).into()),
            transforms: Vec::new(),
            epoch: 1,
            attempts_max: 10,
        }
    }

    /// The `source` of its CloudEvents. Consumers know an event by `source` and `id`: say the same as
    /// the target that sent them at first. `/` unless it is said.
    pub fn source(mut self, source: impl Into<Arc<str>>) -> Self {
        self.source = source.into();
        self
    }

    /// Puts messages where the rule says.
    pub fn topic(mut self, rule: impl Fn(&Envelope) -> Arc<str> + Send + Sync + 'static) -> Self {
        self.topic = Arc::new(rule);
        self
    }

    /// Changes events before they are sent: decrypts, masks, encrypts. Say the same as of the target
    /// that sent them at first. Several are applied in order.
    pub fn transform(mut self, transform: impl Transform) -> Self {
        self.transforms.push(Arc::new(transform));
        self
    }

    /// The epoch of its streams, 1 unless it is said: a bus that fences lets the highest one send.
    pub fn epoch(mut self, epoch: i64) -> Self {
        self.epoch = epoch;
        self
    }

    /// How often a send is tried when the bus is away or asks to be spared, 10 unless it is said. 0 is
    /// taken for 1.
    pub fn attempts_max(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max.max(1);
        self
    }

    /// Sends the events of the selection.
    ///
    /// Fails with [`Invalid`](ErrorKind::Invalid) at once when the name is one that readers may [not
    /// have](Reader::name_fault); as [`Archive::events`] does; with [`Unavailable`](idp_application::ErrorKind::Unavailable) when the bus
    /// stays away; with [`Invalid`](idp_application::ErrorKind::Invalid) when it refuses a message, or one cannot be
    /// transformed, and [`Conflict`](idp_application::ErrorKind::Conflict) when it is fenced. The message names the
    /// event. What was sent before stays sent.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose clock is enabled.
    pub async fn run(
        &self,
        archive: &Archive,
        selection: ArchiveSelection,
    ) -> Result<ReplayReport, Error> {
        if let Some(fault) = Reader::name_fault("name", &self.name) {
            return Err(Error::new(ErrorKind::Invalid, "replay", fault));
        }
        let mut report = ReplayReport::default();
        let mut events = archive.events(selection)?;
        while let Some(segment) = events.next_segment().await? {
            let mut lanes: BTreeMap<Lane, Vec<ArchivedEvent>> = BTreeMap::new();
            for event in segment {
                lanes.entry(event.lane).or_default().push(event);
            }
            for (lane, events) in lanes {
                let track = Track::Main;
                let stream = Arc::new(Stream { target: Arc::clone(&self.name), lane, track });
                for batch in events.chunks(BATCH_SIZE) {
                    self.send(batch, &stream, &mut report).await?;
                }
            }
        }
        for GoneEvents { tenant, reason, events } in &report.gone {
            tracing::warn!(%tenant, reason, events, "events were left out: nobody can read them");
        }
        tracing::info!(target = %self.name, published = report.published, "replayed");
        Ok(report)
    }

    /// Sends events of one lane, from the first that was not taken over, until all are.
    async fn send(
        &self,
        events: &[ArchivedEvent],
        stream: &Arc<Stream>,
        report: &mut ReplayReport,
    ) -> Result<(), Error> {
        let mut pauses = Pauses::new(WorkerId(Uuid::nil()));
        let (mut done, mut failures) = (0, 0);
        while done < events.len() {
            let Sent { settled, gone, failed } = self.publish(&events[done..], stream).await;
            for (place, reason) in gone.iter().filter(|(place, _)| *place < settled) {
                report.add_gone(&events[done + place].envelope.tenant, reason);
            }
            let left_out = gone.iter().filter(|(place, _)| *place < settled).count();
            report.published += count(settled - left_out);
            done += settled;
            let Some(PublishError { failure, error, .. }) = failed else { return Ok(()) };
            failures = if settled > 0 { 1 } else { failures + 1 };
            let asked = match failure {
                PublishFailure::Unavailable => None,
                PublishFailure::Throttled(pause) | PublishFailure::TopicUnavailable(pause) => pause,
                PublishFailure::Refused | PublishFailure::Fenced => {
                    return Err(of_event(events.get(done), error));
                }
            };
            if failures >= self.attempts_max {
                return Err(of_event(events.get(done), error));
            }
            report.retries += 1;
            let pause = pauses.after(failures, PAUSE_MIN, PAUSE_MAX);
            tokio::time::sleep(asked.unwrap_or(pause).min(PAUSE_MAX)).await;
        }
        Ok(())
    }

    /// What cannot be transformed is met as the bus's own failure, after what stands before it was
    /// published.
    async fn publish(&self, events: &[ArchivedEvent], stream: &Arc<Stream>) -> Sent {
        let (mut messages, mut places) = (Vec::new(), Vec::new());
        let mut sent = Sent { settled: events.len(), gone: Vec::new(), failed: None };
        for (place, event) in events.iter().enumerate() {
            let (failure, source) = match self.message(event, stream).await {
                Ok(message) => {
                    messages.push(message);
                    places.push(place);
                    continue;
                }
                Err(TransformError::Gone(error)) => {
                    sent.gone.push((place, error.message().to_owned()));
                    continue;
                }
                Err(TransformError::Refused(error)) => {
                    (PublishError::refused(place, error.message()), error)
                }
                Err(TransformError::Unavailable(error)) => {
                    (PublishError::unavailable(place, error.message()), error)
                }
            };
            sent.settled = place;
            sent.failed = Some(failure.with_source(source));
            break;
        }
        if messages.is_empty() {
            return sent;
        }
        if let Err(error) = self.bus.publish(&messages).await {
            // What stands before the message that was not taken is done, also what was left out.
            sent.settled = places.get(error.accepted).copied().unwrap_or(sent.settled);
            sent.failed = Some(error);
        }
        sent
    }

    async fn message(
        &self,
        event: &ArchivedEvent,
        stream: &Arc<Stream>,
    ) -> Result<Message, TransformError> {
        let topic = (self.topic)(&event.envelope);
        let mut cloud_event = CloudEvent::of(event.envelope.clone(), Arc::clone(&self.source));
        for transform in &self.transforms {
            cloud_event = transform.apply(cloud_event).await?;
        }
        let (stream, sequence, epoch) = (Arc::clone(stream), event.number, self.epoch);
        Ok(Message { topic, event: cloud_event, stream, sequence, epoch })
    }
}

/// What became of events.
struct Sent {
    /// So many, from the first, are done: taken over, or left out.
    settled: usize,
    /// Which nobody can read, by their place, and why.
    gone: Vec<(usize, String)>,
    /// Why the next was not.
    failed: Option<PublishError>,
}

const BATCH_SIZE: usize = 500;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);

fn of_event(event: Option<&ArchivedEvent>, error: Error) -> Error {
    let place = event.map_or_else(String::new, |event| {
        let ArchivedEvent { lane, number, envelope, .. } = event;
        format!("event {}, number {number} of {lane:?}: ", envelope.event_id)
    });
    let kind = error.kind();
    Error::new(kind, "replay", format!("{place}{}", error.message())).with_source(error)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
