//! How the binary mode of each binding carries attributes: the rules, as their documents state them,
//! and not as our buses have them in code.

use crate::{Decoded, Sighting};
use std::collections::BTreeMap;

/// The binary mode of one binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which document says so.
    pub document: &'static str,
    /// What names of attributes have in front of them.
    pub prefix: &'static str,
    /// Whether values are percent-encoded.
    pub is_percent_encoded: bool,
    /// The header with the media type of the data; `None` where the protocol has a place for it.
    pub content_type: Option<&'static str>,
}

impl Binding {
    /// HTTP (section 3.1).
    pub const HTTP: Self = Self {
        document: "cloudevents/bindings/http-protocol-binding.md",
        prefix: "ce-",
        is_percent_encoded: true,
        content_type: Some("content-type"),
    };
    /// NATS (section 3.1).
    pub const NATS: Self = Self {
        document: "cloudevents/bindings/nats-protocol-binding.md",
        prefix: "ce-",
        is_percent_encoded: true,
        content_type: Some("ce-datacontenttype"),
    };
    /// Kafka (section 3.2).
    pub const KAFKA: Self = Self {
        document: "cloudevents/bindings/kafka-protocol-binding.md",
        prefix: "ce_",
        is_percent_encoded: false,
        content_type: Some("content-type"),
    };
    /// AMQP 1.0 (section 3.1).
    pub const AMQP: Self = Self {
        document: "cloudevents/bindings/amqp-protocol-binding.md",
        prefix: "cloudEvents:",
        is_percent_encoded: false,
        content_type: None,
    };
    /// AMQP 0-9-1, as Knative's broker for RabbitMQ has it.
    pub const KNATIVE: Self = Self {
        document: "knative-extensions/eventing-rabbitmq, cloudevents-protocol-spec/spec.md",
        prefix: "ce-",
        is_percent_encoded: false,
        content_type: None,
    };
    /// Ours for Pulsar: that of Kafka, with properties for headers.
    pub const PULSAR: Self = Self { document: "docs/wire.md", ..Self::KAFKA };
    /// Ours for Redis: that of Kafka, with fields for headers.
    pub const REDIS: Self = Self { document: "docs/wire.md", ..Self::KAFKA };

    /// What the sighting says by these rules, or all that breaks them.
    pub(crate) fn read(&self, sighting: &Sighting) -> Result<Decoded, Vec<String>> {
        let mut faults = Vec::new();
        let mut attributes = BTreeMap::new();
        for (header, value) in &sighting.headers {
            let is_content_type = self.content_type == Some(header);
            let Some(name) = header.strip_prefix(self.prefix).filter(|_| !is_content_type) else {
                continue;
            };
            match self.value(value) {
                Ok(value) => {
                    let before = attributes.insert(name.to_owned(), value);
                    faults.extend(before.map(|_| format!("{header} is there twice")));
                }
                Err(fault) => faults.push(format!("{header}: {fault}")),
            }
        }
        if attributes.contains_key("datacontenttype") {
            faults.push("the media type is an attribute where it has a place of its own".into());
        }
        let content_type = match self.content_type {
            Some(header) => sighting.header(header).map(|value| self.value(value)).transpose(),
            None => Ok(sighting.content_type.clone()),
        };
        let content_type = match content_type {
            Ok(content_type) => content_type.unwrap_or_default(),
            Err(fault) => {
                faults.push(format!("the media type: {fault}"));
                String::new()
            }
        };
        if content_type.is_empty() || content_type.starts_with("application/cloudevents") {
            faults.push(format!("{content_type:?} is no media type of data in binary mode"));
        }
        let data = sighting.body.clone();
        if faults.is_empty() { Ok(Decoded { attributes, content_type, data }) } else { Err(faults) }
    }

    fn value(&self, value: &str) -> Result<String, String> {
        if self.is_percent_encoded { percent_decoded(value) } else { Ok(value.to_owned()) }
    }
}

/// By section 3.1.3.2 of the HTTP binding, which that for NATS repeats.
fn percent_decoded(value: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        match first {
            b'%' => {
                let (digits, behind) =
                    others.split_at_checked(2).ok_or("an encoding is cut off")?;
                bytes.push(hexadecimal(digits).ok_or("an encoding has no two digits")?);
                rest = behind;
            }
            0x21..=0x7e if *first != b'"' => bytes.push(*first),
            other => return Err(format!("the byte {other:#04x} is not encoded")),
        }
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let digits: Option<Vec<u32>> = digits.iter().map(digit).collect();
    digits?.into_iter().try_fold(0_u8, |sum, digit| u8::try_from(u32::from(sum) * 16 + digit).ok())
}
