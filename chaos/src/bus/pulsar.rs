//! Pulsar: one topic without partitions, which keeps what nobody has subscribed to.

mod wire;

use super::{CONNECT_TIMEOUT, QUIET, Reading};
use crate::failure::Outcome;
use crate::place::Place;
use crate::stored::{Found, Reader};
use idp_application::{BoxFuture, EventBus};
use idp_pulsar::{PulsarBus, PulsarConfig};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::{Position, Wire};

/// Without retention the broker drops what no subscription waits for.
const KEEP: &str = r#"{"retentionTimeInMinutes":-1,"retentionSizeInMB":-1}"#;

pub(super) async fn prepare(place: &Place) -> Outcome {
    ask(place, "POST", "namespaces/public/default/retention", KEEP).await?;
    ask(place, "PUT", &format!("persistent/public/default/{}", place.stream), "{}").await
}

pub(super) async fn connect(place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let config = PulsarConfig {
        connect_timeout: CONNECT_TIMEOUT,
        ..PulsarConfig::for_service("chaos", &place.broker)
    };
    Ok(Arc::new(PulsarBus::connect(config).await?))
}

/// A request to the interface for operators.
async fn ask(place: &Place, method: &str, path: &str, body: &str) -> Outcome {
    let host = place.admin.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).await?;
    let length = body.len();
    let request = format!(
        "{method} /admin/v2/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if status.starts_with('2') { Ok(()) } else { Err(format!("{method} {path}: {answer}").into()) }
}

/// The last message of the topic that was read.
#[derive(Default)]
pub(super) struct Topic(Option<Position>);

impl Topic {
    async fn read(&mut self, place: &Place, all: &mut Vec<Found>) -> Outcome {
        let host = place.broker.trim_start_matches("pulsar://");
        let mut wire = Wire::connect(host).await?;
        wire.read_from(&place.bus.topic(place), self.0).await?;
        let reading = Reading::begin();
        while reading.goes_on()
            && let Ok(message) = timeout(QUIET, wire.message()).await
        {
            let message = message?;
            if self.0.is_some_and(|last| message.position <= last) {
                continue;
            }
            self.0 = Some(message.position);
            let attribute = |name: &str| message.properties.get(&format!("ce_{name}")).cloned();
            all.push(Found::on("topic", attribute)?);
        }
        Ok(())
    }
}

impl Reader for Topic {
    fn read_on<'a>(
        &'a mut self,
        place: &'a Place,
        all: &'a mut Vec<Found>,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(self.read(place, all))
    }
}
