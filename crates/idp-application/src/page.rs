//! Pages of a query, for the read side only.

use crate::{Error, ErrorKind, OrderKey};
use idp_domain::{
    Kind, Order, OrderOf, Record, Specification, SpecificationOf, TableSchema, Timestamp, Uuid,
    Value,
};
use serde_json::Value as Json;
use std::fmt;

/// Which rows to show, in which order, from where and how many.
pub struct PageRequest<R> {
    pub(crate) specification: Specification<R>,
    pub(crate) order: Vec<Order<R>>,
    pub(crate) after: Option<KeysetToken>,
    pub(crate) offset: u32,
    pub(crate) size: u32,
}

impl<R: Record> PageRequest<R> {
    /// The most rows that a page can have.
    pub const SIZE_MAX: u32 = 1_000;

    /// The first page of that many rows.
    pub fn of(specification: impl SpecificationOf<R>, size: u32) -> Self {
        let specification = specification.into_specification();
        Self { specification, order: Vec::new(), after: None, offset: 0, size }
    }

    /// Sorts by this, after what it is sorted by already. Ties are broken by the key.
    pub fn by(mut self, order: impl OrderOf<R>) -> Self {
        self.order.push(order.into_order());
        self
    }

    /// Starts behind the place that the token of another page of the same query names. Rows that
    /// come and go meanwhile neither repeat nor hide others.
    pub fn after(mut self, token: Option<KeysetToken>) -> Self {
        self.after = token;
        self
    }

    /// Skips that many rows: for jumping to a page. Costs the store as much as reading them.
    pub fn skip(mut self, rows: u32) -> Self {
        self.offset = rows;
        self
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; `None` when this is the last one.
    pub next: Option<KeysetToken>,
}

/// A place in a sorted list, as text that callers hand back as they got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysetToken(String);

impl KeysetToken {
    /// The token that a caller handed back. Whether it fits is checked when it is used.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to hand out: safe in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(values: &[Value]) -> Self {
        let json: Vec<Json> = values.iter().map(to_json).collect();
        let text = Json::Array(json).to_string();
        Self(text.bytes().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The values of the sort keys. Fails when the token is not one of this query.
    pub(crate) fn values(
        &self,
        table: &TableSchema,
        keys: &[OrderKey],
    ) -> Result<Vec<Value>, Error> {
        self.parse(table, keys).ok_or_else(|| {
            let message = "`after` is not the `next` of a page of this list";
            Error::new(ErrorKind::Invalid, "page", message)
        })
    }

    fn parse(&self, table: &TableSchema, keys: &[OrderKey]) -> Option<Vec<Value>> {
        let bytes = self.0.as_bytes().chunks(2).map(|pair| {
            std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
        });
        let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
        let values: Vec<Json> = serde_json::from_slice(&bytes).ok()?;
        if values.len() != keys.len() {
            return None;
        }
        let typed = values.into_iter().zip(keys).map(|(value, key)| {
            from_json(value, kind_of(table, *key)).filter(|value| value.fault().is_none())
        });
        typed.collect()
    }
}

impl fmt::Display for KeysetToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn kind_of(table: &TableSchema, key: OrderKey) -> Kind {
    match key {
        OrderKey::Column(column) => table.columns[column].kind,
        OrderKey::Revision => Kind::Int,
        OrderKey::Tenant => Kind::Text,
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Json(_) => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(value) => value.as_str().into(),
        Value::Uuid(value) => value.to_string().into(),
        Value::Time(value) => value.unix_micros().into(),
    }
}

fn from_json(json: Json, kind: Kind) -> Option<Value> {
    match (kind, json) {
        (Kind::Bool, Json::Bool(value)) => Some(Value::Bool(value)),
        (Kind::Int, Json::Number(value)) => value.as_i64().map(Value::Int),
        (Kind::Float, Json::Number(value)) => value.as_f64().map(Value::Float),
        (Kind::Text, Json::String(value)) => Some(Value::Text(value)),
        (Kind::Uuid, Json::String(value)) => Uuid::parse_str(&value).ok().map(Value::Uuid),
        (Kind::Time, Json::Number(value)) => {
            value.as_i64().map(|micros| Value::Time(Timestamp::from_unix_micros(micros)))
        }
        _ => None,
    }
}
