//! A CloudEvent in the JSON format, held against the official JSON schema and against the rules of
//! the specification that the schema leaves out.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::sync::LazyLock;

/// As it is in the repository `cloudevents/spec`; the note beside it says where from.
const SCHEMA: &str = include_str!("../cloudevents/cloudevents.schema.json");

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).expect("the schema is a schema")
});

/// What is wrong with an event in the JSON format; nothing if it is as it should be.
pub fn faults_of_json(text: &str) -> Vec<String> {
    let event: Value = match serde_json::from_str(text) {
        Ok(event) => event,
        Err(error) => return vec![format!("it is not JSON: {error}")],
    };
    let by_schema = VALIDATOR.iter_errors(&event);
    let mut faults: Vec<String> =
        by_schema.map(|error| format!("{}: {error}", error.instance_path())).collect();
    let Value::Object(members) = &event else { return faults };
    faults.extend(members.iter().filter_map(|(name, value)| fault_of_member(name, value)));
    if members.get("specversion").is_some_and(|version| version != "1.0") {
        faults.push("specversion: it is not 1.0".to_owned());
    }
    if members.contains_key("data") && members.contains_key("data_base64") {
        faults.push("it has data twice".to_owned());
    }
    let names = serde_json::from_str::<Names>(text).map_or(0, |Names(names)| names.len());
    if names != members.len() {
        faults.push("a member is there twice".to_owned());
    }
    faults
}

/// Names are lower-case letters and digits (section 3.1.1); values are of one of the types of
/// attributes, texts without control characters (section 3.1.2).
fn fault_of_member(name: &str, value: &Value) -> Option<String> {
    if ["data", "data_base64"].contains(&name) {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() || !name.chars().all(is_plain) {
        return Some(format!("{name:?} is no name of an attribute"));
    }
    match value {
        Value::String(text) if text.is_empty() => Some(format!("{name}: it is empty")),
        Value::String(text) if text.chars().any(char::is_control) => {
            Some(format!("{name}: it has a control character"))
        }
        Value::String(_) | Value::Bool(_) => None,
        Value::Number(number) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => None,
        _ => Some(format!("{name}: an attribute cannot be {value}")),
    }
}

/// The names of the members of an object, as often as they are there.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some((name, _)) = members.next_entry::<String, IgnoredAny>()? {
            names.push(name);
        }
        Ok(Names(names))
    }
}
