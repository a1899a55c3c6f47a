//! The judges of CloudEvents: our message passes, and each message with one fault is convicted.

mod sample;

use idp_application::CloudEvent;
use interop::{Binding, Sighting, faults_of_json};
use serde_json::{Value, json};

/// Spoils an event.
type Spoiling = fn(&mut Value);

fn sample_json() -> Value {
    let json = sample::message("orders").to_json().expect("JSON");
    serde_json::from_str(&json).expect("JSON")
}

#[test]
fn a_message_as_json_keeps_to_the_schema_and_the_specification() {
    let mut message = sample::message("orders");
    let passes = |json: &str| assert_eq!(faults_of_json(json), [""; 0], "{json}");
    passes(&message.to_json().expect("JSON"));
    passes(&message.to_json_with_base64());
    for metadata in ["Ä\u{1f600}", "correlation id", "DATA", "data_base64", "specversion", "--"] {
        message.event.metadata.insert(metadata.to_owned(), "Ä \"quoted\" \\ 100%".to_owned());
    }
    passes(&message.to_json().expect("JSON"));
    for data in ["null", "1.5", "\"text\"", "[]", "true", "{\"a\": {\"b\": [1]}}"] {
        message.event.data = data.into();
        passes(&message.to_json().expect("JSON"));
    }
    message.event.content_type = "application/octet-stream".into();
    message.event.content_hash = None;
    message.event.data = b"\xff\0".as_slice().into();
    passes(&message.to_json().expect("it need not be JSON"));
}

#[test]
fn json_with_one_fault_is_convicted_of_it() {
    let sabotages: [(&str, Spoiling); 17] = [
        ("source", |event| event["source"] = json!("")),
        ("source", |event| event["source"] = json!("not a reference")),
        ("source", |event| drop(event.as_object_mut().expect("one").remove("source"))),
        ("id", |event| event["id"] = json!("")),
        ("id", |event| event["id"] = json!(7)),
        ("type", |event| drop(event.as_object_mut().expect("one").remove("type"))),
        ("specversion", |event| event["specversion"] = json!("1")),
        ("time", |event| event["time"] = json!("2023-11-14 22:13")),
        ("time", |event| event["time"] = json!(1_700_000_000)),
        ("\"tenantId\"", |event| event["tenantId"] = json!("acme")),
        ("\"tenant_id\"", |event| event["tenant_id"] = json!("acme")),
        ("\"größe\"", |event| event["größe"] = json!("1")),
        ("\"\"", |event| event[""] = json!("1")),
        ("remark", |event| event["remark"] = json!("a\u{7}b")),
        ("remark", |event| event["remark"] = json!("")),
        ("remark", |event| event["remark"] = json!({ "nested": true })),
        ("data twice", |event| event["data_base64"] = json!("AA==")),
    ];
    for (name, sabotage) in sabotages {
        let mut event = sample_json();
        sabotage(&mut event);
        let faults = faults_of_json(&event.to_string());
        assert!(faults.iter().any(|fault| fault.contains(name)), "{name} in {faults:?}: {event}");
    }
}

#[test]
fn text_that_is_no_event_is_convicted() {
    for text in ["", "[]", "7", "{\"id\":", "null"] {
        assert!(!faults_of_json(text).is_empty(), "{text}");
    }
    let twice = sample_json().to_string().replacen('{', "{\"id\":\"another\",", 1);
    assert_eq!(faults_of_json(&twice), ["a member is there twice"]);
}

/// As a perfect bus would have it.
fn perfect(binding: &Binding) -> Sighting {
    let message = sample::message("orders");
    let encoded = |value: String| match binding.is_percent_encoded {
        true => value.replace('ë', "%C3%AB").replace('ü', "%c3%bc").replace(' ', "%20"),
        false => value,
    };
    let attributes = message.attributes().into_iter();
    let mut headers: Vec<_> = attributes
        .map(|(name, value)| (format!("{}{name}", binding.prefix), encoded(value)))
        .collect();
    let json = CloudEvent::JSON.to_owned();
    headers.extend(binding.content_type.map(|header| (header.to_owned(), json.clone())));
    headers.push(("of-the-protocol".to_owned(), "passed over".to_owned()));
    let content_type = binding.content_type.is_none().then_some(json);
    let body = message.event.data.to_vec();
    Sighting { headers, content_type, body, ..Sighting::default() }
}

const BINDINGS: [Binding; 7] = [
    Binding::HTTP,
    Binding::NATS,
    Binding::KAFKA,
    Binding::AMQP,
    Binding::KNATIVE,
    Binding::PULSAR,
    Binding::REDIS,
];

#[test]
fn a_message_that_keeps_to_the_rules_of_a_binding_is_read() {
    let message = sample::message("orders");
    for binding in BINDINGS {
        let decoded = perfect(&binding).read(&binding).expect("it is perfect");
        assert_eq!(decoded.attributes, sample::attributes(&message), "{}", binding.document);
        assert_eq!(decoded.data, message.event.data);
        assert_eq!(decoded.content_type, CloudEvent::JSON);
    }
}

/// A bus with one fault, and what a judge must say about it.
type Sabotage = (&'static str, fn(&Binding, &mut Sighting));

const SABOTAGES: [Sabotage; 11] = [
    ("source", |binding, seen| seen.set(binding, "source", "")),
    ("\"Remark\"", |binding, seen| seen.set(binding, "Remark", "x")),
    ("\"tenant_id\"", |binding, seen| seen.set(binding, "tenant_id", "x")),
    ("\"\"", |binding, seen| seen.set(binding, "", "x")),
    ("specversion", |binding, seen| seen.set(binding, "specversion", "1")),
    ("time", |binding, seen| seen.set(binding, "time", "yesterday")),
    ("required", |binding, seen| {
        let is_other = |name: &str| Some(name) != binding.content_type;
        let attributes = seen.headers.iter_mut().filter(|(name, _)| is_other(name));
        attributes.for_each(|(name, _)| name.insert_str(0, "x-"));
    }),
    ("twice", |_, seen| seen.headers.push(seen.headers[0].clone())),
    ("media type", |binding, seen| {
        seen.content_type = None;
        seen.headers.retain(|(name, _)| Some(name.as_str()) != binding.content_type);
    }),
    ("media type", |binding, seen| {
        let structured = "application/cloudevents+json".to_owned();
        match binding.content_type {
            None => seen.content_type = Some(structured),
            Some(header) => {
                seen.headers.retain(|(name, _)| name != header);
                seen.headers.push((header.to_owned(), structured));
            }
        }
    }),
    ("remark", |binding, seen| seen.set(binding, "remark", "%07\u{7}")),
];

trait Set {
    fn set(&mut self, binding: &Binding, attribute: &str, value: &str);
}

impl Set for Sighting {
    fn set(&mut self, binding: &Binding, attribute: &str, value: &str) {
        let header = format!("{}{attribute}", binding.prefix);
        self.headers.retain(|(name, _)| *name != header);
        self.headers.push((header, value.to_owned()));
    }
}

#[test]
fn a_bus_with_one_fault_is_convicted_of_it_whatever_its_binding() {
    for binding in BINDINGS {
        for (name, sabotage) in SABOTAGES {
            let mut seen = perfect(&binding);
            sabotage(&binding, &mut seen);
            let read = seen.read(&binding);
            // The names of other headers than those of attributes are free.
            let faults = match read {
                Err(faults) => faults,
                Ok(decoded) => panic!("{name} in {}: {decoded:?}", binding.document),
            };
            let document = binding.document;
            assert!(faults.iter().any(|fault| fault.contains(name)), "{document}: {faults:?}");
        }
    }
}

#[test]
fn text_that_must_be_encoded_and_is_not_is_convicted() {
    for value in ["Zoë", "a b", "say \"x\"", "100%", "%4", "%C0%A0", "%+1", "a\tb"] {
        for binding in [Binding::HTTP, Binding::NATS] {
            let mut seen = perfect(&binding);
            seen.set(&binding, "remark", value);
            let faults = seen.read(&binding).expect_err(value);
            assert!(faults.iter().any(|fault| fault.contains("remark")), "{value}: {faults:?}");
        }
        let mut seen = perfect(&Binding::KAFKA);
        seen.set(&Binding::KAFKA, "remark", value);
        assert_eq!(seen.read(&Binding::KAFKA).is_ok(), !value.contains('\t'), "{value}");
    }
}
