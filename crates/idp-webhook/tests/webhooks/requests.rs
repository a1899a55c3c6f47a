//! What subscribers get: checked with the reference library of Standard Webhooks, and against the
//! text of CloudEvents.

use crate::support::messages::message;
use crate::support::{Fixture, SECRET};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ed25519_dalek::Verifier as _;
use idp_application::EventBus as _;
use idp_webhook::{Endpoint, Mode, SigningKey, WebhookConfig};
use serde_json::json;
use standardwebhooks::Webhook;

#[tokio::test]
async fn the_reference_library_accepts_the_signature() {
    let fixture = Fixture::start().await;
    fixture.bus.publish(&[message(1)]).await.expect("delivered");
    let delivery = fixture.subscriber.deliveries().remove(0);
    let verifier = Webhook::new(SECRET).expect("a key");
    verifier.verify(&delivery.body, &delivery.headers).expect("the signature is right");
    let mut changed = delivery.body.to_vec();
    changed[10] ^= 1;
    verifier.verify(&changed, &delivery.headers).expect_err("another body");
}

#[tokio::test]
async fn the_body_is_the_whole_cloud_event() {
    let fixture = Fixture::start().await;
    let message = message(1);
    fixture.bus.publish(std::slice::from_ref(&message)).await.expect("delivered");
    let delivery = fixture.subscriber.deliveries().remove(0);
    assert_eq!(delivery.path, "/orders");
    assert_eq!(delivery.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(delivery.header("host"), fixture.subscriber.address().to_string());
    let mut expected = json!({
        "datacontenttype": "application/json",
        "data": {"item": "Ä \"x\" €", "number": 1},
    });
    for (name, value) in message.attributes() {
        expected[&*name] = value.into();
    }
    assert_eq!(delivery.json(), expected);
    assert_eq!(expected["specversion"], "1.0");
    assert_eq!(expected["actor"], "Ann Ä");
}

#[tokio::test]
async fn data_that_is_not_json_travels_as_base64() {
    let fixture = Fixture::start().await;
    let mut message = message(1);
    message.event.content_type = "application/jose".into();
    message.event.data = Bytes::from_static(b"eyJ.\xff");
    fixture.bus.publish(&[message]).await.expect("delivered");
    let json = fixture.subscriber.deliveries()[0].json();
    assert_eq!(json["data_base64"], STANDARD.encode(b"eyJ.\xff"));
    assert_eq!(
        (json["datacontenttype"].as_str(), json.get("data")),
        (Some("application/jose"), None)
    );
}

#[tokio::test]
async fn in_binary_mode_the_attributes_are_headers_and_the_body_is_the_data() {
    let config = WebhookConfig { mode: Mode::Binary, ..WebhookConfig::for_development() };
    let fixture = Fixture::with(config).await;
    let message = message(1);
    fixture.bus.publish(std::slice::from_ref(&message)).await.expect("delivered");
    let delivery = fixture.subscriber.deliveries().remove(0);
    assert_eq!(delivery.body, message.event.data);
    assert_eq!(delivery.header("content-type"), "application/json");
    assert_eq!(delivery.header("ce-actor"), "Ann%20%C3%84");
    assert_eq!(delivery.header("ce-type"), "order.placed");
    assert_eq!(delivery.header("ce-sequence"), "0000000000000000001");
    let attributes = delivery.headers.keys().filter(|name| name.as_str().starts_with("ce-"));
    assert_eq!(attributes.count(), message.attributes().len());
    let verifier = Webhook::new(SECRET).expect("a key");
    verifier.verify(&delivery.body, &delivery.headers).expect("the signature is right");
}

#[tokio::test]
async fn while_keys_change_both_signatures_are_sent() {
    let fixture = Fixture::start().await;
    let second = format!("whsec_{}", STANDARD.encode([9; 32]));
    let third = format!("whsk_{}", STANDARD.encode([5; 32]));
    let texts = [SECRET, &second, &third];
    let keys = texts.map(|text| SigningKey::parse(text).expect("a key"));
    let endpoint = fixture.endpoints.get("orders").expect("registered");
    fixture.endpoints.put("orders", Endpoint { keys: keys.to_vec(), ..(*endpoint).clone() });
    fixture.bus.publish(&[message(1)]).await.expect("delivered");
    let delivery = fixture.subscriber.deliveries().remove(0);
    for secret in [SECRET, &second] {
        let verifier = Webhook::new(secret).expect("a key");
        verifier.verify(&delivery.body, &delivery.headers).expect("one of the signatures fits");
    }
    let stranger = Webhook::new(&format!("whsec_{}", STANDARD.encode([8; 32]))).expect("a key");
    stranger.verify(&delivery.body, &delivery.headers).expect_err("none of its signatures");
    let signatures: Vec<&str> = delivery.header("webhook-signature").split(' ').collect();
    assert_eq!(signatures.len(), 3);
    let signature = STANDARD.decode(signatures[2].strip_prefix("v1a,").expect("the scheme"));
    let (id, at) = (delivery.header("webhook-id"), delivery.header("webhook-timestamp"));
    let signed = [format!("{id}.{at}.").as_bytes(), &delivery.body].concat();
    let signature = signature.expect("Base64").try_into().expect("64 bytes");
    let public = ed25519_dalek::SigningKey::from_bytes(&[5; 32]).verifying_key();
    public.verify(&signed, &ed25519_dalek::Signature::from_bytes(&signature)).expect("it fits");
}

#[tokio::test]
async fn the_id_is_that_of_the_event_on_every_attempt() {
    let fixture = Fixture::start().await;
    let message = message(1);
    fixture.bus.publish(std::slice::from_ref(&message)).await.expect("delivered");
    fixture.bus.publish(std::slice::from_ref(&message)).await.expect("delivered");
    let id = message.event.id.to_string();
    assert_eq!(fixture.subscriber.ids(), [id.clone(), id]);
}
