//! The JSON format of CloudEvents 1.0: a message as one document, for buses and files that carry it
//! whole (`application/cloudevents+json`).

use crate::{Error, ErrorKind, Message};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

impl Message {
    /// The message as a JSON object of its [attributes](Self::attributes) and its data. Data of a JSON
    /// media type is embedded byte for byte, all other is in `data_base64`.
    ///
    /// # Errors
    /// With [`Invalid`](ErrorKind::Invalid) when the data is not the JSON that its media type says.
    pub fn to_json(&self) -> Result<String, Error> {
        if !is_json(&self.event.content_type) {
            return Ok(self.to_json_with_base64());
        }
        let data = std::str::from_utf8(&self.event.data).map_err(not_json)?;
        serde_json::from_str::<IgnoredAny>(data).map_err(not_json)?;
        let mut json = self.json_attributes(data.len());
        json.push_str("\"data\":");
        json.push_str(data);
        json.push('}');
        Ok(json)
    }

    /// The same with the data in `data_base64`, whatever its media type.
    pub fn to_json_with_base64(&self) -> String {
        let data = STANDARD.encode(&self.event.data);
        let mut json = self.json_attributes(data.len());
        json.push_str("\"data_base64\":\"");
        json.push_str(&data);
        json.push_str("\"}");
        json
    }

    /// All before the data.
    fn json_attributes(&self, data_bytes: usize) -> String {
        let mut json = String::with_capacity(1_024 + data_bytes);
        json.push('{');
        for (name, value) in self.attributes() {
            member(&mut json, &name, &value);
        }
        member(&mut json, "datacontenttype", &self.event.content_type);
        json
    }
}

fn not_json(cause: impl Into<crate::BoxError>) -> Error {
    let message = "the data is not the JSON that its media type says";
    Error::new(ErrorKind::Invalid, "write an event as JSON", message).with_source(cause)
}

fn member(json: &mut String, name: &str, value: &str) {
    for (text, end) in [(name, ':'), (value, ',')] {
        json.push_str(&serde_json::to_string(text).expect("text is written as JSON"));
        json.push(end);
    }
}

/// Whether the format embeds data of that media type as it is (section 3.1.1).
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.split_once('/').is_some_and(|(_, kind)| kind == "json" || kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CloudEvent, Lane, Stream, Track};
    use idp_domain::{TenantId, Timestamp, Uuid};
    use std::sync::Arc;

    fn message(content_type: &'static str, data: &'static [u8]) -> Message {
        let event = CloudEvent {
            id: Uuid::nil(),
            source: "/test".into(),
            event_type: "door.opened".into(),
            time: Timestamp::from_unix_micros(0),
            tenant: TenantId::new("acme").expect("valid"),
            aggregate_type: "door".into(),
            aggregate_id: Uuid::nil(),
            aggregate_version: 1,
            schema_id: "door.opened".into(),
            schema_version: 1,
            content_hash: None,
            metadata: [("actor".to_owned(), "\"Ä\"\n".to_owned())].into(),
            content_type: content_type.into(),
            data: data.into(),
        };
        let lane = Lane::from_number(1);
        let stream = Stream { target: "doors".into(), lane, track: Track::Main };
        Message { topic: "doors".into(), event, stream: Arc::new(stream), sequence: 1, epoch: 1 }
    }

    #[test]
    fn json_of_any_kind_is_embedded() {
        for yes in ["application/json", "Text/JSON; charset=utf-8", "application/jose+json"] {
            assert!(is_json(yes), "{yes}");
        }
        for no in ["application/jose", "text/plain", "json", "application/json-seq", ""] {
            assert!(!is_json(no), "{no}");
        }
    }

    #[test]
    fn data_in_json_stays_as_it_is_to_the_byte() {
        let json = message("application/json", b"{ \"b\":1.50,\n\"a\":null}").to_json();
        let json = json.expect("it is JSON");
        assert!(json.ends_with(",\"data\":{ \"b\":1.50,\n\"a\":null}}"), "{json}");
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["actor"], "\"Ä\"\n");
        assert_eq!(value["datacontenttype"], "application/json");
    }

    #[test]
    fn data_that_is_no_json_is_in_base64_or_an_error() {
        let other = message("text/plain", b"\xff").to_json().expect("it need not be JSON");
        assert!(other.ends_with(",\"data_base64\":\"/w==\"}"), "{other}");
        let broken: [&[u8]; 5] = [b"", b"{", b"{}{}", b"\"\xff\"", b"\xef\xbb\xbf{}"];
        for data in broken {
            let message = message("application/json", data);
            let error = message.to_json().expect_err("it is not JSON");
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let value: serde_json::Value =
                serde_json::from_str(&message.to_json_with_base64()).expect("JSON");
            assert_eq!(value["data_base64"], STANDARD.encode(data));
        }
    }
}
