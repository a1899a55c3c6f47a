//! Payloads that a target encrypts, opened by a library that is not ours (Nimbus JOSE + JWT).

mod java;
mod sample;

use idp_application::{CloudEvent, Error, Lane, Message, Stream, Track, Transform};
use idp_privacy::{Cipher, Encrypt, Random, StaticKeyRing};
use interop::faults_of_json;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const DOCUMENT: &str = include_str!("../../docs/wire.md");

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// So that the example in the document can be made again; never to be used for anything else.
#[derive(Default)]
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

async fn encrypted_with(key: &str) -> CloudEvent {
    let keys = StaticKeyRing::parse(&format!("acme/2026-11:{key}")).expect("a key");
    let cipher = Cipher::new(Arc::new(keys)).with_random(Arc::new(Counting::default()));
    Encrypt::new(cipher).apply(sample::event()).await.expect("acme has a key")
}

/// What the library says of each document.
fn opened(documents: &[String]) -> Vec<Value> {
    let mut command = java::program("jose/OpenDocument.java", "IDP_TEST_JOSE");
    command.arg(KEY).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("Java can be started");
    let mut input = process.stdin.take().expect("it is piped");
    input.write_all((documents.join("\n") + "\n").as_bytes()).expect("it reads");
    drop(input);
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The document with another value in the place of one of its members.
fn with(document: &str, member: &str, change: impl Fn(&str) -> String) -> String {
    let mut document: Value = serde_json::from_str(document).expect("JSON");
    let value = document[member].as_str().expect("text").to_owned();
    document[member] = change(&value).into();
    document.to_string()
}

/// For libraries that know no other form. The key has to be chosen before.
fn compact(document: &str) -> String {
    let document: Value = serde_json::from_str(document).expect("JSON");
    let members = ["protected", "encrypted_key", "iv", "ciphertext", "tag"];
    members.map(|member| document[member].as_str().expect("text")).join(".")
}

/// The same length, another first byte.
fn damaged(text: &str) -> String {
    let first = if text.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", &text[1..])
}

#[tokio::test]
async fn a_library_of_others_opens_what_is_whole_and_nothing_else() {
    let event = encrypted_with(KEY).await;
    let whole = String::from_utf8(event.data.to_vec()).expect("text");
    assert!(DOCUMENT.contains(&whole), "docs/wire.md does not show:\n{whole}");
    let other = encrypted_with(OTHER_KEY).await;
    let mut documents = vec![whole.clone(), String::from_utf8(other.data.into()).expect("text")];
    let members = ["protected", "encrypted_key", "iv", "ciphertext", "tag"];
    documents.extend(members.map(|member| with(&whole, member, damaged)));
    documents.push(compact(&whole));
    let mut answers = opened(&documents);
    assert_eq!(answers.len(), 8);
    let compact = answers.pop().expect("the last");
    assert_eq!(compact["data"], sample::record().payload, "{compact}");
    assert_eq!(answers[0]["data"], sample::record().payload, "{}", answers[0]);
    assert_eq!(answers[0]["kid"], "2026-11");
    let protected = json!({
        "alg": "A256KW",
        "enc": "A256GCM",
        "cty": "json",
        "event": event.id.to_string(),
        "tenant": "acme",
        "type": "order.placed",
    });
    assert_eq!(answers[0]["protected"], protected);
    for (answer, what) in answers[1..].iter().zip(["another key"].iter().chain(&members)) {
        assert!(answer.get("data").is_none() && answer["error"].is_string(), "{what}: {answer}");
    }
}

#[tokio::test]
async fn an_encrypted_event_is_still_a_cloud_event() {
    let stream =
        Stream { target: "partners".into(), lane: Lane::from_number(12), track: Track::Main };
    let message = Message {
        topic: "orders".into(),
        event: encrypted_with(KEY).await,
        stream: Arc::new(stream),
        sequence: 42,
        epoch: 3,
    };
    let json = message.to_json().expect("it is JSON");
    assert_eq!(faults_of_json(&json), [""; 0], "{json}");
    let event: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(event["datacontenttype"], "application/jose+json");
    assert_eq!(event.get("contenthash"), None, "what arrives is not what was hashed");
    assert!(!json.contains("Zoë\",\"total"), "nothing of the payload is in clear");
}
