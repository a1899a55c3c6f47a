//! A message as a client that is not ours saw it on a bus.

use crate::Binding;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a client was given, before anybody made sense of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sighting {
    /// Where it was: subject, topic, stream, queue, path.
    pub place: String,
    /// What the broker calls the key of the message.
    pub key: Option<String>,
    /// What the protocol itself says besides headers: the id of an entry, the name of a producer.
    pub properties: Vec<(String, String)>,
    /// Headers, properties of the application or fields, as often and in the order they came.
    pub headers: Vec<(String, String)>,
    /// The media type, where the protocol has a place of its own for it.
    pub content_type: Option<String>,
    /// The payload.
    pub body: Vec<u8>,
}

/// An event as the binding says it is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Context attributes but `datacontenttype`.
    pub attributes: BTreeMap<String, String>,
    /// The media type of the data.
    pub content_type: String,
    /// The data.
    pub data: Vec<u8>,
}

impl Sighting {
    /// What stands under that name, if it stands there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// As an example in a document: the place and the key, the headers by name, the payload.
    pub fn render(&self) -> String {
        let mut lines = vec![("", self.place.as_str())];
        lines.extend(self.key.as_deref().map(|key| ("key", key)));
        lines.extend(self.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        lines.extend(self.content_type.as_deref().map(|text| ("content-type (property)", text)));
        let mut headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.sort_unstable();
        lines.extend(headers);
        let lines = lines.iter().map(|(name, value)| match *name {
            "" => (*value).to_owned(),
            name => format!("{name}: {value}"),
        });
        let body = String::from_utf8_lossy(&self.body);
        format!("{}\n\n{body}", lines.collect::<Vec<_>>().join("\n"))
    }

    /// Reads it by the binding, or says all that is wrong with it.
    pub fn read(&self, binding: &Binding) -> Result<Decoded, Vec<String>> {
        let decoded = binding.read(self)?;
        let faults = crate::faults_of_json(&decoded.to_json());
        if faults.is_empty() { Ok(decoded) } else { Err(faults) }
    }
}

impl Decoded {
    /// The same event in the JSON format.
    pub fn to_json(&self) -> String {
        let mut members: Map<String, Value> = Map::new();
        for (name, value) in &self.attributes {
            members.insert(name.clone(), value.as_str().into());
        }
        members.insert("datacontenttype".to_owned(), self.content_type.as_str().into());
        match serde_json::from_slice(&self.data) {
            Ok(data) => members.insert("data".to_owned(), data),
            Err(_) => members.insert("data_base64".to_owned(), STANDARD.encode(&self.data).into()),
        };
        Value::Object(members).to_string()
    }
}
