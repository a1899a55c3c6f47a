//! A message on each bus as a client that is not ours finds it there: read by the rules of its
//! binding and held against the schema of CloudEvents, and shown in docs/wire.md as it is.

mod broker;
mod guarantees;
mod http;
mod kafka;
mod nats;
mod pulsar;
mod rabbitmq;
mod redis;
#[path = "../sample/mod.rs"]
mod sample;
mod webhook;

use idp_application::{EventBus, Message};
use interop::{Binding, Sighting, faults_of_json};
use std::time::Duration;

const DOCUMENT: &str = include_str!("../../../docs/wire.md");

/// What a test is given before it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

async fn bounded<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, test).await.expect("it takes no minute")
}

async fn publish(bus: &dyn EventBus, message: &Message) {
    bus.publish(std::slice::from_ref(message)).await.expect("taken over");
}

/// It is the message by the rules of the binding, and the document shows it.
fn check(binding: &Binding, message: &Message, seen: &Sighting) {
    let decoded = seen.read(binding).unwrap_or_else(|faults| panic!("{faults:?} in {seen:#?}"));
    assert_eq!(decoded.attributes, sample::attributes(message));
    assert_eq!(decoded.content_type, message.event.content_type);
    assert_eq!(decoded.data, message.event.data);
    is_documented(seen);
}

fn is_documented(seen: &Sighting) {
    let example = seen.render();
    assert!(
        DOCUMENT.contains(&format!("```text\n{example}\n```")),
        "docs/wire.md does not show what is on the wire:\n{example}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_has_headers_of_its_binding() {
    let message = sample::message("orders");
    check(&Binding::NATS, &message, &bounded(nats::carry(&message, false)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_has_them_in_strict_mode_on_a_subject_for_each_stream_of_messages() {
    let message = sample::message("orders");
    check(&Binding::NATS, &message, &bounded(nats::carry(&message, true)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_has_headers_of_its_binding() {
    let message = sample::message("orders");
    check(&Binding::KAFKA, &message, &bounded(kafka::carry(&message)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_has_fields_like_the_headers_of_kafka() {
    let message = sample::message("orders");
    check(&Binding::REDIS, &message, &bounded(redis::carry(&message)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pulsar_has_properties_like_the_headers_of_kafka() {
    let message = sample::message("persistent://public/default/orders");
    check(&Binding::PULSAR, &message, &bounded(pulsar::carry(&message)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_of_rabbitmq_have_headers_of_the_binding_of_knative() {
    let message = sample::message("orders/order.placed");
    check(&Binding::KNATIVE, &message, &bounded(rabbitmq::carry_to_queue(&message)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_rabbitmq_have_properties_of_the_binding_of_amqp() {
    let message = sample::message("orders");
    check(&Binding::AMQP, &message, &bounded(rabbitmq::carry_to_stream(&message)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_have_headers_of_the_binding_of_http_if_they_are_asked_to() {
    let message = sample::message("acme-orders");
    check(&Binding::HTTP, &message, &bounded(webhook::carry(&message, true)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_have_the_whole_event_as_body() {
    let message = sample::message("acme-orders");
    let seen = bounded(webhook::carry(&message, false)).await;
    let content_type = seen.header("content-type").expect("it is there once");
    assert_eq!(content_type, "application/cloudevents+json; charset=utf-8");
    let body = String::from_utf8(seen.body.clone()).expect("text");
    assert_eq!(faults_of_json(&body), [""; 0], "{body}");
    assert_eq!(body, message.to_json().expect("JSON"));
    is_documented(&seen);
}
