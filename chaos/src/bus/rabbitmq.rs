//! A RabbitMQ queue behind an exchange. Reading takes messages out.

use super::{ANSWER_TIMEOUT, CONNECT_TIMEOUT};
use crate::failure::Outcome;
use crate::place::Place;
use crate::stored::{Found, Reader};
use idp_application::{BoxFuture, EventBus};
use idp_rabbitmq::{RabbitBus, RabbitConfig};
use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Connection, ConnectionProperties, ExchangeKind};
use std::sync::Arc;

pub(super) async fn prepare(place: &Place) -> Outcome {
    let connection = open(&place.admin).await?;
    let channel = connection.create_channel().await?;
    let (name, durable) = (short(&place.stream)?, true);
    let exchange = ExchangeDeclareOptions { durable, ..Default::default() };
    let kind = ExchangeKind::Topic;
    channel.exchange_declare(name.clone(), kind, exchange, FieldTable::default()).await?;
    let queue = QueueDeclareOptions { durable, ..Default::default() };
    channel.queue_declare(name.clone(), queue, FieldTable::default()).await?;
    let (key, options) = (short("tallies")?, QueueBindOptions::default());
    channel.queue_bind(name.clone(), name, key, options, FieldTable::default()).await?;
    Ok(())
}

pub(super) async fn connect(place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let config = RabbitConfig {
        connect_timeout: CONNECT_TIMEOUT,
        confirm_timeout: ANSWER_TIMEOUT,
        ..RabbitConfig::at(format!("{}/%2f", place.broker))
    };
    Ok(Arc::new(RabbitBus::connect(config).await?))
}

/// What is in the queue.
#[derive(Default)]
pub(super) struct Queue;

impl Reader for Queue {
    fn read_on<'a>(
        &'a mut self,
        place: &'a Place,
        all: &'a mut Vec<Found>,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let connection = open(&place.admin).await?;
            let channel = connection.create_channel().await?;
            loop {
                let options = BasicGetOptions { no_ack: true };
                match channel.basic_get(short(&place.stream)?, options).await? {
                    Some(got) => all.push(found(&got.delivery.properties, "ce-")?),
                    None => return Ok(()),
                }
            }
        })
    }
}

pub(super) async fn open(uri: &str) -> Outcome<Connection> {
    Ok(Connection::connect(uri, ConnectionProperties::default()).await?)
}

pub(super) fn short(text: &str) -> Outcome<ShortString> {
    Ok(ShortString::try_new(text).map_err(|_| format!("{text} is too long"))?)
}

/// By the headers that begin so.
pub(super) fn found(properties: &BasicProperties, prefix: &str) -> Outcome<Found> {
    let headers = properties.headers().clone().unwrap_or_default();
    Found::on("queue", |name| {
        let mut values = headers.inner().iter();
        let (_, value) = values.find(|(key, _)| key.as_str().strip_prefix(prefix) == Some(name))?;
        match value {
            AMQPValue::LongString(text) => Some(text.to_string()),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            _ => None,
        }
    })
}
