//! The broker as seen by a client that is not ours: lapin, used directly.

use super::{broker_uri, soon};
use futures_util::StreamExt;
use idp_conformance::Received;
use lapin::message::Delivery;
use lapin::options::*;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};

/// A connection of its own, with one channel.
pub struct Plain {
    _connection: Connection,
    channel: Channel,
}

impl Plain {
    pub async fn connect() -> Self {
        Self::connect_to(&broker_uri()).await
    }

    pub async fn connect_to(uri: &str) -> Self {
        let connecting = Connection::connect(uri, ConnectionProperties::default());
        let connection = soon("a connection", connecting).await.expect("the broker is there");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { _connection: connection, channel }
    }

    pub async fn declare_exchange(&self, name: &str) {
        self.declare_exchange_with(name, ExchangeDeclareOptions::default()).await;
    }

    /// One that only other exchanges may write to.
    pub async fn declare_internal_exchange(&self, name: &str) {
        let options = ExchangeDeclareOptions { internal: true, ..Default::default() };
        self.declare_exchange_with(name, options).await;
    }

    async fn declare_exchange_with(&self, name: &str, options: ExchangeDeclareOptions) {
        let (name, kind) = (short(name), ExchangeKind::Topic);
        let declared = self.channel.exchange_declare(name, kind, options, FieldTable::default());
        soon("an exchange", declared).await.expect("declared");
    }

    pub async fn delete_exchange(&self, name: &str) {
        let deleting = self.channel.exchange_delete(short(name), ExchangeDeleteOptions::default());
        soon("the end of an exchange", deleting).await.expect("deleted");
    }

    /// A durable queue, with more arguments of numbers or texts.
    pub async fn declare_queue(&self, name: &str, arguments: &[(&str, AMQPValue)]) {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        let mut table = FieldTable::default();
        for (key, value) in arguments {
            table.insert(short(key), value.clone());
        }
        let declaring = self.channel.queue_declare(short(name), options, table);
        soon("a queue", declaring).await.expect("declared");
    }

    pub async fn declare_stream(&self, name: &str) {
        self.declare_queue(name, &[("x-queue-type", text("stream"))]).await;
    }

    pub async fn delete_queue(&self, name: &str) {
        let deleting = self.channel.queue_delete(short(name), QueueDeleteOptions::default());
        soon("the end of a queue", deleting).await.expect("deleted");
    }

    pub async fn bind(&self, queue: &str, exchange: &str, key: &str) {
        let (queue, exchange, key) = (short(queue), short(exchange), short(key));
        let (options, table) = (QueueBindOptions::default(), FieldTable::default());
        let binding = self.channel.queue_bind(queue, exchange, key, options, table);
        soon("a binding", binding).await.expect("bound");
    }

    pub async fn unbind(&self, queue: &str, exchange: &str, key: &str) {
        let (queue, exchange, key) = (short(queue), short(exchange), short(key));
        let unbinding = self.channel.queue_unbind(queue, exchange, key, FieldTable::default());
        soon("the end of a binding", unbinding).await.expect("unbound");
    }

    /// Publishes to a queue until it takes nothing any more.
    pub async fn stuff(&self, queue: &str) {
        loop {
            let (options, properties) =
                (BasicPublishOptions::default(), BasicProperties::default());
            let sending =
                self.channel.basic_publish(short(""), short(queue), options, b"full", properties);
            let confirm = soon("a message", sending).await.expect("sent");
            if soon("its confirmation", confirm).await.expect("confirmed").is_nack() {
                return;
            }
        }
    }

    /// Takes the first message of a queue, as it is on the wire.
    pub async fn take_raw(&self, queue: &str) -> Option<Delivery> {
        let getting = self.channel.basic_get(short(queue), BasicGetOptions { no_ack: true });
        soon("a message", getting).await.expect("the queue exists").map(|got| got.delivery)
    }

    /// Takes everything out of a queue.
    pub async fn drain(&self, queue: &str) -> Vec<Received> {
        let mut all = Vec::new();
        while let Some(delivery) = self.take_raw(queue).await {
            all.push(received(&delivery, "ce-"));
        }
        all
    }

    /// Everything in a stream, in the form that the broker gives it to AMQP 0-9-1.
    pub async fn read_stream(&self, stream: &str) -> Vec<Received> {
        let raw = self.read_stream_raw(stream).await;
        raw.iter().map(|delivery| received(delivery, "cloudEvents:")).collect()
    }

    /// Reads up to a message that is written at the end for that purpose.
    pub async fn read_stream_raw(&self, stream: &str) -> Vec<Delivery> {
        let end = super::unique("end");
        self.publish_end(stream, &end).await;
        let qos = self.channel.basic_qos(200, BasicQosOptions::default());
        soon("the quality of service", qos).await.expect("set");
        let mut from = FieldTable::default();
        from.insert(short("x-stream-offset"), text("first"));
        let options = BasicConsumeOptions::default();
        let consuming = self.channel.basic_consume(short(stream), short(&end), options, from);
        let mut consumer = soon("a consumer", consuming).await.expect("the stream exists");
        let mut all = Vec::new();
        loop {
            let delivery = soon("a message of the stream", consumer.next()).await;
            let delivery = delivery.expect("it goes on").expect("it can be read");
            delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
            match kind(&delivery) {
                Some(kind) if kind == end => break,
                Some(kind) if kind.starts_with("idp-end-") => {}
                _ => all.push(delivery),
            }
        }
        let cancelling = self.channel.basic_cancel(short(&end), BasicCancelOptions::default());
        soon("the end of the consumer", cancelling).await.expect("cancelled");
        all
    }

    async fn publish_end(&self, stream: &str, end: &str) {
        let properties = BasicProperties::default().with_type(short(end));
        let options = BasicPublishOptions::default();
        let sending =
            self.channel.basic_publish(short(""), short(stream), options, b"", properties);
        let confirm = soon("the end of the stream", sending).await.expect("sent");
        assert!(soon("its confirmation", confirm).await.expect("confirmed").is_ack());
    }
}

pub fn short(text: &str) -> ShortString {
    ShortString::try_new(text).expect("short")
}

pub fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn kind(delivery: &Delivery) -> Option<String> {
    delivery.properties.kind().as_ref().map(ToString::to_string)
}

/// What a delivery says, by a binding with that prefix.
pub fn received(delivery: &Delivery, prefix: &str) -> Received {
    let properties = &delivery.properties;
    let headers = properties.headers().clone().unwrap_or_default();
    let attributes = headers.inner().iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(prefix)?;
        // A stream gives short strings as such to AMQP 0-9-1.
        let value = match value {
            AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()),
            AMQPValue::ShortString(text) => Ok(text.to_string()),
            other => panic!("{name} is {other:?}, not text"),
        };
        Some((name.to_owned(), value.expect("attributes are text")))
    });
    Received {
        attributes: attributes.collect(),
        content_type: properties.content_type().as_ref().map(ToString::to_string).expect("set"),
        data: delivery.data.clone(),
    }
}
