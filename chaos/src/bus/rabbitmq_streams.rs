//! A RabbitMQ stream, read in the form that the broker gives it to AMQP 0-9-1.

use super::rabbitmq::{found, open, short};
use super::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, QUIET, Reading};
use crate::failure::Outcome;
use crate::place::Place;
use crate::stored::{Found, Reader};
use futures_util::StreamExt;
use idp_application::{BoxFuture, EventBus};
use idp_rabbitmq::{RabbitStreamBus, RabbitStreamConfig};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use std::sync::Arc;
use tokio::time::timeout;

const AT_ONCE: u16 = 500;
const OFFSET: &str = "x-stream-offset";

pub(super) async fn prepare(place: &Place) -> Outcome {
    let connection = open(&place.admin).await?;
    let channel = connection.create_channel().await?;
    let mut table = FieldTable::default();
    table.insert(short("x-queue-type")?, AMQPValue::LongString("stream".into()));
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(short(&place.stream)?, options, table).await?;
    Ok(())
}

pub(super) async fn connect(place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let config = RabbitStreamConfig {
        connect_timeout: CONNECT_TIMEOUT,
        confirm_timeout: ANSWER_TIMEOUT,
        ..RabbitStreamConfig::at(&place.broker, "chaos")
    };
    Ok(Arc::new(RabbitStreamBus::connect(config).await?))
}

/// The offset to read on from.
#[derive(Default)]
pub(super) struct Stream(i64);

impl Stream {
    async fn read(&mut self, place: &Place, all: &mut Vec<Found>) -> Outcome {
        let connection = open(&place.admin).await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(AT_ONCE, BasicQosOptions::default()).await?;
        let mut from = FieldTable::default();
        from.insert(short(OFFSET)?, AMQPValue::LongLongInt(self.0));
        let options = BasicConsumeOptions::default();
        let (stream, tag) = (short(&place.stream)?, short("reader")?);
        let mut consumer = channel.basic_consume(stream, tag, options, from).await?;
        let reading = Reading::begin();
        while reading.goes_on()
            && let Ok(Some(delivery)) = timeout(QUIET, consumer.next()).await
        {
            let delivery = delivery?;
            delivery.ack(BasicAckOptions::default()).await?;
            let offset = offset(&delivery).ok_or("a message of a stream has no offset")?;
            // The broker gives whole chunks, which may begin earlier.
            if offset >= self.0 {
                all.push(found(&delivery.properties, "cloudEvents:")?);
                self.0 = offset + 1;
            }
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

fn offset(delivery: &Delivery) -> Option<i64> {
    let headers = delivery.properties.headers().as_ref()?;
    match headers.inner().iter().find(|(name, _)| name.as_str() == OFFSET)?.1 {
        AMQPValue::LongLongInt(offset) => Some(*offset),
        _ => None,
    }
}
