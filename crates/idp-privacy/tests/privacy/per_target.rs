//! What one target encrypts and masks.

use crate::support::{key_id, tenant};
use idp_application::{CloudEvent, Error, Transform as _, TransformError};
use idp_domain::{ContentHasher, Envelope, EventRecord, Timestamp, Uuid};
use idp_privacy::{
    Cipher, Decrypt, Encrypt, Key, Mask, MaskAction, MemoryKeyRing, Place, Random, SystemRandom,
};
use std::sync::Arc;

fn event(name: &str) -> CloudEvent {
    let record = EventRecord {
        event_id: Uuid::from_u128(0x77),
        occurred_at: Timestamp::UNIX_EPOCH,
        tenant: tenant(name),
        aggregate_type: "order".into(),
        aggregate_id: Uuid::from_u128(2),
        aggregate_version: 1,
        event_type: "order.placed".into(),
        schema_id: "order.placed".into(),
        schema_version: 1,
        payload: r#"{"email":"ann@example.org","number":1}"#.into(),
        metadata: Default::default(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    CloudEvent::of(envelope, "/shop".into())
}

fn keys() -> Arc<MemoryKeyRing> {
    let ring = MemoryKeyRing::default();
    let key = Key::generate(key_id("subscriber"), &SystemRandom).expect("randomness");
    ring.add(tenant("acme"), key).expect("a new id");
    Arc::new(ring)
}

#[tokio::test]
async fn a_target_can_send_encrypted() {
    let cipher = Cipher::new(keys());
    let sent = Encrypt::new(cipher.clone()).apply(event("acme")).await.expect("encrypted");
    assert_eq!((&*sent.content_type, sent.content_hash), ("application/jose+json", None));
    let json: serde_json::Value = serde_json::from_slice(&sent.data).expect("JSON");
    assert!(json["ciphertext"].is_string() && !json.to_string().contains("ann"));
    let read = Decrypt::new(cipher).apply(sent.clone()).await.expect("the subscriber reads it");
    assert_eq!(read, CloudEvent { content_hash: None, ..event("acme") });
    let unchanged = CloudEvent {
        data: sent.data.clone(),
        content_type: sent.content_type.clone(),
        content_hash: None,
        ..event("acme")
    };
    assert_eq!(sent, unchanged, "only the data changes");
}

#[tokio::test]
async fn a_tenant_without_a_key_gets_nothing_in_clear() {
    let refused = Encrypt::new(Cipher::new(keys())).apply(event("other")).await;
    assert!(matches!(refused, Err(TransformError::Refused(_))));
}

#[tokio::test]
async fn a_target_can_mask_and_then_encrypt() {
    let cipher = Cipher::new(keys());
    let mask = Mask::new().field_of_all(Place::named("email"), MaskAction::Remove);
    let masked = mask.apply(event("acme")).await.expect("masked");
    let sent = Encrypt::new(cipher.clone()).apply(masked).await.expect("encrypted");
    let read = Decrypt::new(cipher).apply(sent.clone()).await.expect("readable");
    assert_eq!(read.data, r#"{"number":1}"#);
    let refused = mask.apply(sent).await;
    assert!(matches!(refused, Err(TransformError::Refused(_))), "too late to mask");
}

/// A machine without randomness.
struct Exhausted;

impl Random for Exhausted {
    fn fill(&self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::new(idp_application::ErrorKind::Unavailable, "draw randomness", "there is none"))
    }
}

#[tokio::test]
async fn without_randomness_nothing_is_sent() {
    let cipher = Cipher::new(keys()).with_random(Arc::new(Exhausted));
    let waiting = Encrypt::new(cipher).apply(event("acme")).await;
    assert!(matches!(waiting, Err(TransformError::Unavailable(_))));
}
