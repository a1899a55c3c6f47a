//! What masks change and what they let pass.

use super::*;
use crate::Place;
use idp_domain::{ContentHasher, Envelope, EventRecord, Timestamp, Uuid};
use serde_json::json;

fn event(tenant: &str, payload: &Value) -> CloudEvent {
    let record = EventRecord {
        event_id: Uuid::from_u128(1),
        occurred_at: Timestamp::UNIX_EPOCH,
        tenant: TenantId::new(tenant).expect("valid"),
        aggregate_type: "order".into(),
        aggregate_id: Uuid::from_u128(2),
        aggregate_version: 1,
        event_type: "order.placed".into(),
        schema_id: "order.placed".into(),
        schema_version: 1,
        payload: canonical_json(payload).expect("canonical"),
        metadata: [("actor".to_owned(), "ann".to_owned())].into(),
    };
    let envelope = Envelope::seal(record, &ContentHasher::Plain).expect("canonical");
    CloudEvent::of(envelope, "/shop".into())
}

fn payload() -> Value {
    json!({
        "email": "ann@example.org",
        "lines": [{"sku": "a", "note": "x"}, {"sku": "b", "note": "y"}],
        "odd/na~me": 1,
        "deep": {"email": "bob@example.org", "list": [{"email": "eve@example.org"}]},
    })
}

fn masked(mask: &Mask) -> Value {
    let event = mask.masked(event("acme", &payload())).expect("masked");
    assert_eq!(event.content_hash, None);
    serde_json::from_slice(&event.data).expect("it is JSON")
}

fn hashing(key: &[u8]) -> MaskAction {
    MaskAction::Hash(MaskKey::new(key).expect("long enough"))
}

fn at(pointer: &str) -> Place {
    Place::pointer(pointer).expect("a pointer")
}

#[test]
fn a_pointer_leads_through_objects_and_arrays() {
    let star = Value::from("*");
    let replace = || MaskAction::Replace(star.clone());
    let mask = Mask::new()
        .field("order.placed", at("/lines/*/note"), replace())
        .field("order.placed", at("/lines/1/sku"), MaskAction::Remove)
        .field("order.placed", at("/odd~1na~0me"), replace())
        .field("order.placed", at("/deep/list/0"), MaskAction::Remove)
        .field("order.placed", at("/not/there"), MaskAction::Remove);
    let expected = json!({
        "email": "ann@example.org",
        "lines": [{"sku": "a", "note": "*"}, {"note": "*"}],
        "odd/na~me": "*",
        "deep": {"email": "bob@example.org", "list": []},
    });
    assert_eq!(masked(&mask), expected);
}

#[test]
fn a_name_is_masked_at_any_depth() {
    let masked = masked(&Mask::new().field_of_all(Place::named("email"), MaskAction::Remove));
    assert!(!masked.to_string().contains("example.org"), "{masked}");
    assert_eq!(masked["deep"], json!({"list": [{}]}));
}

#[test]
fn equal_values_have_equal_hashes_within_a_tenant_and_a_key_only() {
    let hash = |tenant: &str, key: &[u8], value: &str| {
        let mask = Mask::new().field_of_all(Place::named("a"), hashing(key));
        let event = mask.masked(event(tenant, &json!({"a": value}))).expect("masked");
        String::from_utf8(event.data.to_vec()).expect("text")
    };
    let (one, two) = (b"one key of sixteen", b"two keys of sixteen");
    let first = hash("acme", one, "ann");
    assert_eq!(first, hash("acme", one, "ann"));
    let others = [hash("other", one, "ann"), hash("acme", two, "ann"), hash("acme", one, "bob")];
    assert!(!others.contains(&first));
    assert!(first.starts_with(r#"{"a":"hmac-sha256:"#) && !first.contains("ann"), "{first}");
}

#[test]
fn metadata_is_masked_too() {
    let mask = Mask::new().metadata("actor", MaskAction::Replace("somebody".into()));
    let masked = mask.masked(event("acme", &payload())).expect("masked");
    assert_eq!((masked.metadata("actor"), masked.content_hash), (Some("somebody"), None));
    let removed = Mask::new().metadata("actor", MaskAction::Remove);
    let removed = removed.masked(event("acme", &payload())).expect("masked");
    assert!(removed.attributes().iter().all(|(name, _)| name != "actor"));
}

#[test]
fn what_no_rule_is_about_passes_with_its_hash() {
    let mask = Mask::new()
        .field("order.cancelled", at("/email"), MaskAction::Remove)
        .field_of_all(Place::named("iban"), MaskAction::Remove)
        .metadata("origin", MaskAction::Remove);
    let event = event("acme", &payload());
    assert!(event.content_hash.is_some());
    assert_eq!(mask.masked(event.clone()).expect("unchanged"), event);
}

#[test]
fn a_required_field_that_is_missing_is_refused() {
    let mask = Mask::new().required_field("order.placed", at("/e-mail"), MaskAction::Remove);
    let error = mask.masked(event("acme", &payload())).expect_err("it has another name");
    assert!(error.message().contains("/e-mail"), "{error}");
}

#[test]
fn what_cannot_be_looked_into_is_refused_and_does_not_pass_unmasked() {
    let mask = Mask::new().field_of_all(Place::named("email"), MaskAction::Remove);
    let mut encrypted = event("acme", &payload());
    encrypted.content_type = "application/jose+json".into();
    assert!(mask.masked(encrypted).is_err());
    let mut broken = event("acme", &payload());
    broken.data = "{".into();
    assert!(mask.masked(broken).is_err());
}

#[test]
fn what_is_no_pointer_to_a_field_is_refused() {
    for text in ["", "email", "/a~", "/a~2b", "#/a"] {
        assert!(Place::pointer(text).is_err(), "{text}");
    }
    assert_eq!(at("/a~1b/*/~0").to_string(), "/a~1b/*/~0");
}

#[test]
fn keys_are_not_shown() {
    let mask = Mask::new().metadata("actor", hashing(b"s3cret-s3cret-s3cret"));
    let shown = format!("{mask:?}");
    assert!(shown.contains("Hash(..)") && !shown.contains("115"), "{shown}");
}
