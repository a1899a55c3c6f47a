//! The form of documents, frozen and held against other implementations.

use super::*;
use idp_domain::TenantId;

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

fn key() -> Key {
    let secret = std::array::from_fn(|at| u8::try_from(at).expect("small"));
    Key::new(KeyId::new("acme-2026").expect("valid"), secret)
}

fn subject(tenant: &TenantId) -> Subject<'_> {
    Subject { event: Uuid::from_u128(0x77), tenant, event_type: "order.placed" }
}

const DATA: &[u8] = br#"{"item":"\u00c4","number":1}"#;

fn document() -> Document {
    let one_time = OneTime { key: Zeroizing::new([0x42; 32]), nonce: [0x17; 12] };
    Document::encrypt(subject(&tenant("acme")), "application/json", DATA, &key(), &one_time)
        .expect("small enough")
}

fn opened(document: &Document) -> Result<Opened, Fault> {
    document.decrypt(subject(&tenant("acme")), &key())
}

#[test]
fn what_was_encrypted_decrypts() {
    let text = document().to_text();
    let read = Document::recognise(text.as_bytes()).expect("a document");
    let expected = Opened { content_type: "application/json".into(), data: DATA.to_vec() };
    assert_eq!(opened(&read), Ok(expected));
}

#[test]
fn a_document_opens_for_its_event_and_tenant_only() {
    let (acme, other) = (tenant("acme"), tenant("other"));
    let own = subject(&acme);
    for wrong in [
        Subject { event: Uuid::from_u128(0x78), ..own },
        Subject { tenant: &other, ..own },
        Subject { event_type: "order.cancelled", ..own },
    ] {
        let fault = document().decrypt(wrong, &key()).expect_err("not its subject");
        assert_eq!(fault, "it belongs to another event");
    }
}

/// Whoever changes the header so that it fits another event breaks the seal.
#[test]
fn a_change_anywhere_shows() {
    let text = document().to_text();
    let original: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for member in ["protected", "encrypted_key", "iv", "ciphertext", "tag"] {
        let before = original[member].as_str().expect("text");
        let last_but_two = before.len() - 3;
        for at in [0, before.len() / 2, last_but_two] {
            let mut changed = before.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let mut document = original.clone();
            document[member] = String::from_utf8(changed).expect("ASCII").into();
            let document: Document = serde_json::from_value(document).expect("its form is right");
            assert!(opened(&document).is_err(), "{member} at {at}");
        }
    }
    let header = r#"{"alg":"A256KW","enc":"A256GCM","cty":"json","event":"00000000-0000-0000-0000-000000000078","tenant":"acme","type":"order.placed"}"#;
    let forged = Document { protected: URL_SAFE_NO_PAD.encode(header), ..document() };
    let (acme, event) = (tenant("acme"), Uuid::from_u128(0x78));
    assert_eq!(forged.decrypt(Subject { event, ..subject(&acme) }, &key()), Err(DAMAGED));
}

#[test]
fn another_key_can_be_wrapped_around_the_same_ciphertext() {
    let new = Key::new(KeyId::new("acme-2027").expect("valid"), [9; 32]);
    let rewrapped = document().rewrap(&key(), &new).expect("the old key fits");
    assert_eq!(rewrapped.key_id(), Ok(new.id().clone()));
    assert_eq!(rewrapped.ciphertext, document().ciphertext);
    let acme = tenant("acme");
    assert_eq!(rewrapped.decrypt(subject(&acme), &new).expect("the new key fits").data, DATA);
    assert_eq!(rewrapped.decrypt(subject(&acme), &key()), Err(DAMAGED));
    assert_eq!(document().rewrap(&new, &key()), Err(DAMAGED));
}

#[test]
fn other_algorithms_and_other_forms_are_not_ours() {
    for header in [
        r#"{"alg":"dir","enc":"A256GCM","cty":"json","event":"00000000-0000-0000-0000-000000000077","tenant":"acme","type":"order.placed"}"#,
        r#"{"alg":"A256KW","enc":"A128GCM","cty":"json","event":"00000000-0000-0000-0000-000000000077","tenant":"acme","type":"order.placed"}"#,
        r#"{"alg":"A256KW","enc":"A256GCM"}"#,
    ] {
        let other = Document { protected: URL_SAFE_NO_PAD.encode(header), ..document() };
        assert!(opened(&other).is_err_and(|fault| fault.contains("ours")), "{header}");
    }
    for text in [r#"{"a":1}"#, "null", "", r#"{"protected":"x"}"#, "[]", "\u{0}"] {
        assert_eq!(Document::recognise(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn media_types_are_shortened_as_in_the_standard() {
    for (full, short) in [
        ("application/json", "json"),
        ("application/x;p=\"a/b\"", "application/x;p=\"a/b\""),
        ("text/plain", "text/plain"),
    ] {
        assert_eq!((shortened(full), &*lengthened(short)), (short, full));
    }
}

/// Opened once by hand with npm `jose` 6.2 and Python `jwcrypto` 1.6: subscribers in other languages
/// can read what we write, and what we wrote stays readable.
#[test]
fn the_document_of_known_bits_is_frozen() {
    assert_eq!(document().to_text(), FROZEN);
}

#[test]
fn documents_of_other_implementations_open() {
    for text in [BY_JOSE, BY_JWCRYPTO] {
        let document = Document::recognise(text.as_bytes()).expect("a document");
        let expected = "{\"item\":\"Ä\",\"number\":1}";
        assert_eq!(opened(&document).expect("it opens").data, expected.as_bytes(), "{text}");
    }
}

const FROZEN: &str = concat!(
    r#"{"protected":"eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2R0NNIiwiY3R5IjoianNvbiIsImV2ZW"#,
    r#"50IjoiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDc3IiwidGVuYW50IjoiYWNtZSIsIn"#,
    r#"R5cGUiOiJvcmRlci5wbGFjZWQifQ","header":{"kid":"acme-2026"},"encrypted_key":"Db4o"#,
    r#"oJNIiQZjXh9dg8m976HAEtBBbKXIZD7uTh8Uw7IIX8gxlJZxwA","iv":"FxcXFxcXFxcXFxcX","cip"#,
    r#"hertext":"h4D0xhmCWyP_3hODnLqcAQZWqrpJHRw6sUt_xw","tag":"3ItWJnsLQkMJlEXtt6meag""#,
    r#"}"#,
);

/// Made by npm `jose` 6.2.17.
const BY_JOSE: &str = concat!(
    r#"{"ciphertext":"TuBFKL1WTxZZzhChW93fW9oCmx3eJdsy","iv":"wJP0pe1G1hPij0rU","tag":""#,
    r#"4c2pOPtetfoWk3zbjEV65Q","encrypted_key":"9wgVOH0tkvhMsKfJdq8hUWU6iwhcH1ys75m5nox"#,
    r#"HleffOIeFU0_USA","protected":"eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2R0NNIiwiY3R5Ij"#,
    r#"oianNvbiIsImV2ZW50IjoiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDc3IiwidGVuYW"#,
    r#"50IjoiYWNtZSIsInR5cGUiOiJvcmRlci5wbGFjZWQifQ","header":{"kid":"acme-2026"}}"#,
);

/// Made by Python `jwcrypto` 1.6.1.
const BY_JWCRYPTO: &str = concat!(
    r#"{"ciphertext":"_SVekubwm52w5v1HZ1x3KupC8Bwun1Cj","encrypted_key":"NMa8NXeBruxy8Z"#,
    r#"CbiUZ3p9PXzlxhz3TuWz5csp09gDCvhQ-afKSx1g","header":{"kid":"acme-2026"},"iv":"1_5"#,
    r#"mBGej7k1aZI4A","protected":"eyJhbGciOiAiQTI1NktXIiwgImVuYyI6ICJBMjU2R0NNIiwgImN0"#,
    r#"eSI6ICJqc29uIiwgImV2ZW50IjogIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDA3NyIs"#,
    r#"ICJ0ZW5hbnQiOiAiYWNtZSIsICJ0eXBlIjogIm9yZGVyLnBsYWNlZCJ9","tag":"WHlpHy5oUVB-5SZ"#,
    r#"xoc5ziw"}"#,
);
