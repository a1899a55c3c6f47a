//! JetStream.

use super::{ANSWER_TIMEOUT, CONNECT_TIMEOUT};
use crate::failure::Outcome;
use crate::place::Place;
use crate::stored::{Found, Reader};
use async_nats::jetstream;
use idp_application::{BoxFuture, EventBus};
use idp_nats::{Deduplication, NatsBus, NatsConfig};
use std::sync::Arc;

pub(super) async fn prepare(place: &Place) -> Outcome {
    let jetstream = jetstream::new(async_nats::connect(&place.admin).await?);
    let config = jetstream::stream::Config {
        name: place.stream.clone(),
        subjects: vec![format!("{}.>", place.stream)],
        ..Default::default()
    };
    jetstream.create_stream(config).await?;
    Ok(())
}

pub(super) async fn connect(place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let mut config = NatsConfig::new(&place.broker, "chaos", [&place.stream]);
    config.deduplication = Deduplication::Strict;
    config.ack_timeout = ANSWER_TIMEOUT;
    config.connect_timeout = CONNECT_TIMEOUT;
    Ok(Arc::new(NatsBus::connect(config).await?))
}

/// How far the stream is read.
#[derive(Default)]
pub(super) struct Stream(u64);

impl Stream {
    async fn read(&mut self, place: &Place, all: &mut Vec<Found>) -> Outcome {
        let jetstream = jetstream::new(async_nats::connect(&place.admin).await?);
        let mut stream = jetstream.get_stream(&place.stream).await?;
        let last = stream.info().await?.state.last_sequence;
        if last < self.0 {
            return Err(format!("the broker forgot messages {last} to {}", self.0).into());
        }
        while self.0 < last {
            let message = stream.get_raw_message(self.0 + 1).await?;
            let header = |name: &str| message.headers.get(format!("ce-{name}"));
            all.push(Found::on("stream", |name| header(name).map(|value| value.to_string()))?);
            self.0 += 1;
        }
        Ok(())
    }
}

impl Reader for Stream {
    fn read_on<'a>(
        &'a mut self,
        place: &'a Place,
        all: &'a mut Vec<Found>,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(self.read(place, all))
    }
}
