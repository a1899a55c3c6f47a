//! What the derives expand to. Not a public interface: it may change with any release.

pub use serde;
pub use serde_json;

use crate::{EventSchema, JsonShape, MappingError, PayloadError, RowValues, Value};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Display;
use std::str::FromStr;

/// The value of a column as the type of its field.
pub fn take<T>(
    row: &mut RowValues,
    column: usize,
    from_value: fn(Value) -> Result<T, MappingError>,
) -> Result<T, MappingError> {
    row.take_as(column, from_value)
}

/// A composite value as the JSON text that a store keeps.
pub fn to_json_value<T: Serialize>(value: &T) -> Value {
    // Serializing can only fail on map keys that are not strings; `JsonShape` types have none.
    Value::Json(serde_json::to_string(value).expect("a value object serializes to JSON"))
}

/// The composite value that a store kept as JSON text.
pub fn from_json_value<T: DeserializeOwned>(value: Value) -> Result<T, MappingError> {
    match value {
        Value::Json(text) | Value::Text(text) => {
            serde_json::from_str(&text).map_err(|e| MappingError::new(format!("bad JSON: {e}")))
        }
        other => Err(MappingError::expected("JSON", &other)),
    }
}

/// The payload of one event variant.
pub fn to_payload<T: Serialize>(fields: &T) -> serde_json::Value {
    serde_json::to_value(fields).expect("an event payload serializes to JSON")
}

/// The fields of one event variant, read from its payload. Unknown members are ignored.
pub fn from_payload<T: DeserializeOwned>(
    event: &'static str,
    payload: serde_json::Value,
) -> Result<T, PayloadError> {
    serde_json::from_value(payload).map_err(|e| PayloadError::malformed(event, e.to_string()))
}

/// The payload of an event that this build writes in the version of the schema: no other is read.
pub fn current(
    schema: &EventSchema,
    version: u32,
    payload: serde_json::Value,
) -> Result<serde_json::Value, PayloadError> {
    if version == schema.version {
        return Ok(payload);
    }
    Err(PayloadError::unknown_version(schema.name, version, schema.version))
}

/// The same, for an event with an upcaster: that lifts an older payload.
pub fn lift<E: Display>(
    schema: &EventSchema,
    version: u32,
    payload: serde_json::Value,
    upcast: impl FnOnce(u32, serde_json::Value) -> Result<serde_json::Value, E>,
) -> Result<serde_json::Value, PayloadError> {
    if !(1..schema.version).contains(&version) {
        return current(schema, version, payload);
    }
    upcast(version, payload).map_err(|e| PayloadError::malformed(schema.name, e.to_string()))
}

/// `JsonShape`, with functions to name: a type without it is reported at that name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON form",
    label = "cannot be part of a value object, an event or a JSON column",
    note = "derive `ValueObject` for `{Self}`, or declare it with `entity_id!` if it is an identity",
    note = "for `u64`, `usize` and `f32` use `i64`, `u32` or `f64`"
)]
pub trait JsonPart: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

impl<T: JsonShape> JsonPart for T {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

/// A field of a JSON value. It knows how to read and write its type, which so need not be named
/// wherever the field is.
pub trait JsonMember {
    type Value;

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error>;
    fn write<S: Serializer>(value: &Self::Value, serializer: S) -> Result<S::Ok, S::Error>;
}

/// A field that was read.
pub struct Read<M: JsonMember>(pub M::Value);

impl<'de, M: JsonMember> Deserialize<'de> for Read<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        M::read(deserializer).map(Self)
    }
}

/// A field that is written.
pub struct Written<'a, M: JsonMember>(pub &'a M::Value);

impl<M: JsonMember> Serialize for Written<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        M::write(self.0, serializer)
    }
}

/// The enum that a store kept as text.
pub fn from_text_value<T: FromStr<Err = MappingError>>(value: Value) -> Result<T, MappingError> {
    match value {
        Value::Text(text) => text.parse(),
        other => Err(MappingError::expected("text", &other)),
    }
}

/// The enum that stands as text in JSON.
pub fn deserialize_text<'de, T: FromStr<Err = MappingError>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

/// A text that names no variant of an enum.
pub fn not_one_of(names: &[&str], text: &str) -> MappingError {
    MappingError::new(format!("expected one of `{}`, found `{text}`", names.join("`, `")))
}
