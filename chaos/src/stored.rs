//! What the broker has stored, read by a plain client, in the order in which it was stored.

use crate::failure::Outcome;
use async_nats::HeaderMap;
use async_nats::jetstream;
use idp_domain::Uuid;
use idp_testkit::Delivery;
use std::collections::HashSet;

/// A stream that is read while it grows.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    read: u64,
    /// What was read so far. The broker does not know the worker.
    pub(crate) deliveries: Vec<Delivery>,
    /// The events of these.
    pub(crate) arrived: HashSet<Uuid>,
}

impl Stored {
    /// Reads what has come since.
    pub(crate) async fn read_on(&mut self, url: &str, stream: &str) -> Outcome {
        let jetstream = jetstream::new(async_nats::connect(url).await?);
        let mut stream = jetstream.get_stream(stream).await?;
        let last = stream.info().await?.state.last_sequence;
        if last < self.read {
            return Err(format!("the broker forgot messages {last} to {}", self.read).into());
        }
        while self.read < last {
            let message = stream.get_raw_message(self.read + 1).await?;
            let delivery = delivery(&message.headers)?;
            self.read += 1;
            self.arrived.insert(delivery.event);
            self.deliveries.push(delivery);
        }
        Ok(())
    }
}

fn delivery(headers: &HeaderMap) -> Outcome<Delivery> {
    let text = |name: &str| -> Outcome<&str> {
        let value = headers.get(name).ok_or_else(|| format!("a message has no {name}"))?;
        Ok(value.as_str())
    };
    let stream = text("ce-stream")?.to_owned();
    let lane = stream.split('/').nth(1).ok_or("a stream has no lane")?.parse()?;
    Ok(Delivery {
        worker: Uuid::nil(),
        lane,
        epoch: text("ce-epoch")?.parse()?,
        sequence: text("ce-sequence")?.parse()?,
        event: text("ce-id")?.parse()?,
        stream,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_where_its_event_stands() {
        let mut headers = HeaderMap::new();
        assert!(delivery(&headers).is_err());
        for (name, value) in [
            ("ce-id", Uuid::from_u128(5).to_string()),
            ("ce-stream", "broker/12".to_owned()),
            ("ce-epoch", "3".to_owned()),
            ("ce-sequence", "0000000000000000042".to_owned()),
        ] {
            headers.insert(name, value.as_str());
        }
        let delivery = delivery(&headers).expect("it has all");
        assert_eq!((delivery.lane, delivery.epoch, delivery.sequence), (12, 3, 42));
        assert_eq!(delivery.event, Uuid::from_u128(5));
    }
}
