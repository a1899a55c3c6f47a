//! Schemas for values that travel as text, and whose types know nothing of schemas.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Describes an identity: a UUID in its text form.
/// `#[schemars(with = "IdText")]` on a field says that this is what it holds.
#[derive(Clone, Copy, Debug)]
pub enum IdText {}

/// Describes an instant: RFC 3339 in UTC. Used as [`IdText`] is.
#[derive(Clone, Copy, Debug)]
pub enum TimeText {}

impl JsonSchema for IdText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "IdText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

impl JsonSchema for TimeText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
