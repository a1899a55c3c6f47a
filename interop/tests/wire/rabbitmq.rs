//! RabbitMQ, seen by a plain client of AMQP 0-9-1, for which the broker translates what is in
//! streams.

use crate::broker::{pairs, to, unique, variable};
use crate::publish;
use futures_util::StreamExt as _;
use idp_application::Message;
use idp_rabbitmq::{RabbitBus, RabbitConfig, RabbitStreamBus, RabbitStreamConfig};
use interop::Sighting;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};

/// Its topic is an exchange and a routing key.
pub(crate) async fn carry_to_queue(message: &Message) -> Sighting {
    let (broker, name) = (Broker::connect().await, unique());
    let (_, key) = message.topic.split_once('/').expect("an exchange and a key");
    let (options, none) = (ExchangeDeclareOptions::default(), FieldTable::default());
    let declared =
        broker.channel.exchange_declare(short(&name), ExchangeKind::Topic, options, none);
    declared.await.expect("declared");
    broker.declare_queue(&name, "classic").await;
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    let bound = broker.channel.queue_bind(short(&name), short(&name), short(key), options, none);
    bound.await.expect("bound");

    let bus = RabbitBus::connect(RabbitConfig::at(variable("IDP_TEST_RABBITMQ"))).await;
    publish(&bus.expect("the broker is there"), &to(message, &format!("{name}/{key}"))).await;

    let got = broker.channel.basic_get(short(&name), BasicGetOptions { no_ack: true }).await;
    let delivery = got.expect("the queue exists").expect("it is in the queue").delivery;
    let options = ExchangeDeleteOptions::default();
    broker.channel.exchange_delete(short(&name), options).await.expect("deleted");
    broker.delete_queue(&name).await;
    sighting(&delivery, &message.topic)
}

pub(crate) async fn carry_to_stream(message: &Message) -> Sighting {
    let (broker, name) = (Broker::connect().await, unique());
    broker.declare_queue(&name, "stream").await;
    let config = RabbitStreamConfig::at(variable("IDP_TEST_RABBITMQ_STREAM"), "interop");
    let bus = RabbitStreamBus::connect(config).await.expect("the broker is there");
    publish(&bus, &to(message, &name)).await;

    let qos = broker.channel.basic_qos(1, BasicQosOptions::default());
    qos.await.expect("streams want one");
    let mut from = FieldTable::default();
    from.insert(short("x-stream-offset"), text("first"));
    let options = BasicConsumeOptions::default();
    let consuming = broker.channel.basic_consume(short(&name), short("reader"), options, from);
    let mut consumer = consuming.await.expect("the stream exists");
    let delivery = consumer.next().await.expect("it goes on").expect("it can be read");
    delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
    broker.delete_queue(&name).await;
    sighting(&delivery, &message.topic)
}

struct Broker {
    _connection: Connection,
    channel: Channel,
}

impl Broker {
    async fn connect() -> Self {
        let uri = variable("IDP_TEST_RABBITMQ");
        let connecting = Connection::connect(&uri, ConnectionProperties::default());
        let connection = connecting.await.expect("the broker is there");
        let channel = connection.create_channel().await.expect("a channel");
        Self { _connection: connection, channel }
    }

    async fn declare_queue(&self, name: &str, kind: &str) {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        let mut arguments = FieldTable::default();
        arguments.insert(short("x-queue-type"), text(kind));
        let declared = self.channel.queue_declare(short(name), options, arguments);
        declared.await.expect("declared");
    }

    async fn delete_queue(&self, name: &str) {
        let deleted = self.channel.queue_delete(short(name), QueueDeleteOptions::default());
        deleted.await.expect("deleted");
    }
}

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).expect("short")
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn sighting(delivery: &Delivery, place: &str) -> Sighting {
    let properties = &delivery.properties;
    let headers = properties.headers().clone().unwrap_or_default();
    let headers = headers.inner().iter().filter(|(name, _)| name.as_str() != "x-stream-offset");
    let headers = headers.map(|(name, value)| {
        let value = match value {
            AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()),
            AMQPValue::ShortString(text) => Ok(text.to_string()),
            other => panic!("{name} is {other:?}, not text"),
        };
        (name.to_string(), value.expect("UTF-8"))
    });
    let shown = [
        ("message-id", properties.message_id().as_ref().map(ToString::to_string)),
        ("type", properties.kind().as_ref().map(ToString::to_string)),
        ("timestamp", properties.timestamp().as_ref().map(ToString::to_string)),
        ("delivery-mode", properties.delivery_mode().as_ref().map(ToString::to_string)),
    ];
    Sighting {
        place: place.to_owned(),
        properties: pairs(shown.into_iter().filter_map(|(name, value)| Some((name, value?)))),
        headers: pairs(headers),
        content_type: properties.content_type().as_ref().map(ToString::to_string),
        body: delivery.data.clone(),
        ..Sighting::default()
    }
}
