//! What the broker has stored, read by a plain client, in the order in which it was stored.

use crate::bus::Bus;
use crate::failure::Outcome;
use crate::place::Place;
use idp_application::BoxFuture;
use idp_domain::Uuid;
use idp_testkit::Delivery;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// After so long without a message there is none left, even on a machine that is busy with other things.
const SILENCE: Duration = Duration::from_secs(3);

/// How long a reading may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// How often it is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// A client of a broker.
pub(crate) trait Reader: Send {
    /// Adds what has come since it was asked last: all of it, a part of it while there is much, or nothing
    /// from a broker that takes its time. When it fails, what it read before is there.
    fn read_on<'a>(
        &'a mut self,
        place: &'a Place,
        all: &'a mut Vec<Found>,
    ) -> BoxFuture<'a, Outcome>;
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// The partition, key or queue that it is in: order is within one.
    pub(crate) shelf: String,
    /// The broker does not know the worker.
    pub(crate) delivery: Delivery,
}

impl Found {
    /// By the attributes of the CloudEvent.
    pub(crate) fn on(
        shelf: impl Into<String>,
        attribute: impl Fn(&str) -> Option<String>,
    ) -> Outcome<Self> {
        let text = |name: &str| attribute(name).ok_or_else(|| format!("a message has no {name}"));
        let stream = text("stream")?;
        let lane = stream.split('/').nth(1).ok_or("a stream has no lane")?.parse()?;
        let delivery = Delivery {
            worker: Uuid::nil(),
            lane,
            epoch: text("epoch")?.parse()?,
            sequence: text("sequence")?.parse()?,
            event: text("id")?.parse()?,
            stream,
        };
        Ok(Self { shelf: shelf.into(), delivery })
    }
}

/// What a bus has stored, read while it grows.
pub(crate) struct Stored {
    reader: Box<dyn Reader>,
    /// What was read so far.
    pub(crate) found: Vec<Found>,
    /// The events of these.
    pub(crate) arrived: HashSet<Uuid>,
}

impl Stored {
    pub(crate) fn by(bus: Bus) -> Self {
        Self { reader: bus.reader(), found: Vec::new(), arrived: HashSet::new() }
    }

    /// Reads all that has come since, when nobody writes any more: until nothing came for [`SILENCE`].
    pub(crate) async fn read_to_end(&mut self, place: &Place) -> Outcome {
        let mut last = Instant::now();
        while last.elapsed() < SILENCE {
            let before = self.found.len();
            self.read_on(place).await?;
            if self.found.len() > before {
                last = Instant::now();
            } else {
                sleep(LOOK_INTERVAL).await;
            }
        }
        Ok(())
    }

    /// Reads what has come since, or a part of it; as much as a broker gives that has just come back, which
    /// may not serve everybody at once.
    pub(crate) async fn try_read_on(&mut self, place: &Place) {
        match timeout(ANSWER_MAX, self.read_on(place)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("chaos: the broker is not read yet: {error}"),
            Err(_) => eprintln!("chaos: the broker is not read yet: no answer in {ANSWER_MAX:?}"),
        }
    }

    /// Reads what has come since, or a part of it.
    pub(crate) async fn read_on(&mut self, place: &Place) -> Outcome {
        let before = self.found.len();
        let read = self.reader.read_on(place, &mut self.found).await;
        self.arrived.extend(self.found[before..].iter().map(|found| found.delivery.event));
        read
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("found", &self.found.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_where_its_event_stands() {
        assert!(Found::on("x", |_| None).is_err());
        let attribute = |name: &str| {
            let value = match name {
                "id" => Uuid::from_u128(5).to_string(),
                "stream" => "broker/12".to_owned(),
                "epoch" => "3".to_owned(),
                "sequence" => "0000000000000000042".to_owned(),
                _ => return None,
            };
            Some(value)
        };
        let delivery = Found::on("x", attribute).expect("it has all").delivery;
        assert_eq!((delivery.lane, delivery.epoch, delivery.sequence), (12, 3, 42));
        assert_eq!(delivery.event, Uuid::from_u128(5));
    }
}
