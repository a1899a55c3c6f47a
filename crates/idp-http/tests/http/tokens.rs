//! Which tokens are accepted, and how the others are turned away.

use crate::client::{Answer, get, send};
use axum::http::Request;
use axum::{Router, routing};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use idp_application::ManualClock;
use idp_domain::Timestamp;
use idp_http::{Authenticator, Caller, VerificationKey};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 1_800_000_000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(key: &SigningKey) -> VerificationKey {
    VerificationKey::ed25519(key.verifying_key().as_bytes()).expect("a sound key")
}

fn authenticator(keys: impl IntoIterator<Item = VerificationKey>) -> Authenticator {
    let clock = ManualClock::at(Timestamp::from_unix_micros(NOW * 1_000_000));
    Authenticator::new(keys, "https://issuer", "routes").expect("sound").clock(Arc::new(clock))
}

fn routes(authenticator: Authenticator) -> Router {
    let whoami = async |Caller(context): Caller| {
        format!("{} for {}", context.actor().as_str(), context.tenant())
    };
    Router::new().route("/", routing::get(whoami)).with_state(authenticator)
}

fn claims() -> Value {
    json!({
        "iss": "https://issuer", "aud": "routes", "sub": "ann", "exp": NOW + 600, "tenant": "acme",
    })
}

/// The good claims, changed: `null` takes a claim away.
fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

fn encode(part: &(impl ToString + ?Sized)) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}

fn signed_by(key: &SigningKey, header: &Value, claims: &(impl ToString + ?Sized)) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn ed(claims: &(impl ToString + ?Sized)) -> String {
    signed_by(&key(1), &json!({ "alg": "EdDSA", "typ": "JWT" }), claims)
}

fn hs(secret: &[u8], claims: &Value) -> String {
    let message = format!("{}.{}", encode(&json!({ "alg": "HS256" })), encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length").chain_update(&message);
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

async fn ask(authenticator: Authenticator, token: &str) -> Answer {
    let request = get("/").header("authorization", format!("Bearer {token}"));
    send(routes(authenticator), request.body("").expect("a request")).await
}

/// What every token that is not accepted gets, whatever is wrong with it.
async fn assert_refused(authenticator: Authenticator, token: &str, case: &str) -> String {
    let answer = ask(authenticator, token).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().as_str()),
        (401, "invalid_token"),
        "{case}"
    );
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge, Some("Bearer error=\"invalid_token\""), "{case}");
    let mut body = answer.json();
    body["instance"] = Value::Null;
    body.to_string()
}

#[tokio::test]
async fn a_good_token_is_accepted_in_every_form_it_may_have() {
    let table = [
        claims(),
        claims_with(&json!({ "aud": ["other", "routes"] })),
        claims_with(&json!({ "exp": NOW as f64 + 0.5 })),
        claims_with(&json!({ "exp": NOW - 29 })),
        claims_with(&json!({ "nbf": NOW + 29 })),
        claims_with(&json!({ "nbf": NOW - 1, "iat": NOW, "scope": "any", "jti": "7" })),
    ];
    for claims in table {
        let answer = ask(authenticator([public(&key(1))]), &ed(&claims)).await;
        assert_eq!(answer.text, "ann for acme", "{claims}");
    }
    let access_token = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "2027" });
    let token = signed_by(&key(1), &access_token, &claims());
    assert_eq!(ask(authenticator([public(&key(1))]), &token).await.text, "ann for acme");
    let shared = VerificationKey::hs256(SECRET).expect("long enough");
    assert_eq!(ask(authenticator([shared]), &hs(SECRET, &claims())).await.text, "ann for acme");
}

/// Made with the Python package `cryptography` 48 (OpenSSL) from the seed of `key(1)`.
#[tokio::test]
async fn a_token_that_another_library_signed_is_accepted() {
    let pem = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=\n\
        -----END PUBLIC KEY-----\n";
    let token = "eyJhbGciOiAiRWREU0EiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIiLCAiYXVk\
        IjogInJvdXRlcyIsICJzdWIiOiAiYW5uIiwgImV4cCI6IDE4MDAwMDA2MDAsICJ0ZW5hbnQiOiAiYWNtZSJ9.zk3o\
        Me7Kb9CxUngo3BoDVMGMJshwpX-sCDgC1fkqhj1cTDqyYL9x7sl36grJ2me2O3GhPUinmKYNrN3pS8XICA";
    let key = VerificationKey::ed25519_pem(pem).expect("a key");
    assert_eq!(ask(authenticator([key]), token).await.text, "ann for acme");
}

#[tokio::test]
async fn claims_that_are_missing_wrong_or_of_another_type_are_refused_all_alike() {
    let table = [
        ("expired", json!({ "exp": NOW - 31 })),
        ("no exp", json!({ "exp": null })),
        ("exp as text", json!({ "exp": (NOW + 600).to_string() })),
        ("exp as list", json!({ "exp": [NOW + 600] })),
        ("exp before all time", json!({ "exp": -1e300 })),
        ("not yet valid", json!({ "nbf": NOW + 31 })),
        ("nbf as text", json!({ "nbf": "0" })),
        ("another audience", json!({ "aud": "billing" })),
        ("other audiences", json!({ "aud": ["billing", "Routes"] })),
        ("no audience", json!({ "aud": null })),
        ("an empty list of audiences", json!({ "aud": [] })),
        ("audience as object", json!({ "aud": { "routes": true } })),
        ("another issuer", json!({ "iss": "https://issuer.evil" })),
        ("issuer as list", json!({ "iss": ["https://issuer"] })),
        ("no issuer", json!({ "iss": null })),
        ("no subject", json!({ "sub": null })),
        ("an empty subject", json!({ "sub": "" })),
        ("subject as number", json!({ "sub": 7 })),
        ("subject with a line break", json!({ "sub": "ann\nbob" })),
        ("a very long subject", json!({ "sub": "x".repeat(256) })),
        ("a tenant that cannot be one", json!({ "tenant": "*" })),
        ("tenant as list", json!({ "tenant": ["acme"] })),
        ("tenants as text", json!({ "tenant": null, "tenants": "acme" })),
        ("tenant and tenants", json!({ "tenants": ["acme", "globex"] })),
    ];
    let mut bodies = Vec::new();
    for (case, changes) in table {
        let token = ed(&claims_with(&changes));
        bodies.push(assert_refused(authenticator([public(&key(1))]), &token, case).await);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "no answer says which part failed");
}

#[tokio::test]
async fn a_claim_that_stands_twice_is_refused() {
    let text = claims().to_string();
    let twice = text.replacen('{', r#"{"tenant":"globex","#, 1);
    assert_refused(authenticator([public(&key(1))]), &ed(&twice), "tenant twice").await;
    assert_refused(authenticator([public(&key(1))]), &ed("[]"), "claims as list").await;
    assert_refused(authenticator([public(&key(1))]), &ed("not JSON"), "no claims").await;
}

#[tokio::test]
async fn the_token_never_chooses_the_algorithm() {
    let public_bytes = key(1).verifying_key().to_bytes();
    let spki_pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::prelude::BASE64_STANDARD.encode(
            [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", &public_bytes[..]].concat()
        )
    );
    let unsigned = format!("{}.{}.", encode(&json!({ "alg": "none" })), encode(&claims()));
    let with_alg = |alg: Value| signed_by(&key(1), &json!({ "alg": alg }), &claims());
    let table = [
        ("none", unsigned.clone()),
        (
            "None",
            unsigned
                .replace(&encode(&json!({ "alg": "none" })), &encode(&json!({ "alg": "None" }))),
        ),
        ("HS256 with the public key as secret", hs(&public_bytes, &claims())),
        ("HS256 with the PEM of the public key as secret", hs(spki_pem.as_bytes(), &claims())),
        ("HS256 said, EdDSA done", with_alg(json!("HS256"))),
        ("in lower case", with_alg(json!("eddsa"))),
        ("as a list", with_alg(json!(["EdDSA"]))),
        ("missing", signed_by(&key(1), &json!({ "typ": "JWT" }), &claims())),
    ];
    for (case, token) in table {
        let pem = VerificationKey::ed25519_pem(&spki_pem).expect("a key");
        assert_refused(authenticator([pem]), &token, case).await;
    }
    let shared = || VerificationKey::hs256(SECRET).expect("long enough");
    for (case, token) in [("none", unsigned), ("EdDSA", ed(&claims()))] {
        assert_refused(authenticator([shared()]), &token, case).await;
    }
}

#[tokio::test]
async fn a_token_that_was_touched_is_refused() {
    let good = ed(&claims());
    let [header, payload, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let other_tenant = encode(&claims_with(&json!({ "tenant": "globex" })));
    let table = [
        ("the payload exchanged", format!("{header}.{other_tenant}.{signature}")),
        ("the signature cut", format!("{header}.{payload}.{}", &signature[..80])),
        ("the signature gone", format!("{header}.{payload}.")),
        ("a part more", format!("{good}.{payload}")),
        ("a part less", format!("{header}.{payload}")),
        ("padding", format!("{header}.{payload}.{signature}==")),
        ("the other base64", format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+"))),
        ("signed by somebody else", signed_by(&key(2), &json!({ "alg": "EdDSA" }), &claims())),
        ("empty", String::new()),
        ("nonsense", "nonsense".to_owned()),
        ("good but too long", ed(&claims_with(&json!({ "note": "x".repeat(9_000) })))),
    ];
    for (case, token) in table {
        assert_refused(authenticator([public(&key(1))]), &token, case).await;
    }
}

#[tokio::test]
async fn headers_that_change_the_meaning_are_refused() {
    for header in [
        json!({ "alg": "EdDSA", "crit": ["exp"], "exp": 1 }),
        json!({ "alg": "EdDSA", "crit": [] }),
        json!({ "alg": "EdDSA", "typ": "logout+jwt" }),
        json!({ "alg": "EdDSA", "typ": "dpop+jwt" }),
    ] {
        let token = signed_by(&key(1), &header, &claims());
        assert_refused(authenticator([public(&key(1))]), &token, &header.to_string()).await;
    }
}

#[tokio::test]
async fn while_keys_change_both_are_accepted() {
    let both = || authenticator([public(&key(2)), public(&key(1))]);
    assert_eq!(ask(both(), &ed(&claims())).await.text, "ann for acme");
    let token = signed_by(&key(2), &json!({ "alg": "EdDSA" }), &claims());
    assert_eq!(ask(both(), &token).await.text, "ann for acme");
    let token = signed_by(&key(3), &json!({ "alg": "EdDSA" }), &claims());
    assert_refused(both(), &token, "a third key").await;
}

#[tokio::test]
async fn a_token_counts_only_in_the_header_and_only_once() {
    let token = ed(&claims());
    let service = || routes(authenticator([public(&key(1))]));
    let answer = send(service(), get(&format!("/?access_token={token}")).body("").unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (401, "unauthenticated"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "no error without a token");

    let malformed = [
        vec![format!("Bearer {token}"), format!("Bearer {token}")],
        vec![format!("Basic {token}")],
        vec!["Bearer".to_owned()],
        vec![token.clone()],
    ];
    for values in malformed {
        let request = values.iter().fold(Request::get("/"), |r, v| r.header("authorization", v));
        let answer = send(service(), request.body("").unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (401, "invalid_request"));
    }
    let request = get("/").header("authorization", format!("bearer  {token}"));
    assert_eq!(send(service(), request.body("").unwrap()).await.text, "ann for acme");
}

#[test]
fn an_authenticator_that_could_let_anybody_in_cannot_be_made() {
    let hs = || VerificationKey::hs256(SECRET).expect("long enough");
    let mixed = Authenticator::new([hs(), public(&key(1))], "i", "a").expect_err("two algorithms");
    assert!(mixed.to_string().contains("one algorithm"));
    let error = Authenticator::new([], "", "").expect_err("nothing is right").to_string();
    assert_eq!(
        error,
        "it needs at least one key; the issuer must not be empty; the audience must not be empty"
    );
    let sound = Authenticator::new([hs()], "i", "a").expect("sound");
    assert!(sound.clone().leeway(Duration::from_secs(300)).is_ok());
    assert!(sound.leeway(Duration::from_secs(301)).is_err());
}
