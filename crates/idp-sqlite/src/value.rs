//! Values on their way into SQLite and back.

use idp_domain::{Kind, Timestamp, Uuid, Value};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// A value as a parameter; nothing is copied.
pub(crate) struct Bound<'v>(pub(crate) &'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer((*value).into()),
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Float(value) => ValueRef::Real(*value),
            Value::Text(text) | Value::Json(text) => ValueRef::Text(text.as_bytes()),
            Value::Uuid(value) => ValueRef::Blob(value.as_bytes()),
            Value::Time(value) => ValueRef::Integer(value.unix_micros()),
        }))
    }
}

/// A UUID as a parameter.
pub(crate) struct BoundUuid(pub(crate) Uuid);

impl ToSql for BoundUuid {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

/// The value of a column of that kind; `None` when what is stored there is none.
pub(crate) fn decode(kind: Kind, stored: ValueRef<'_>) -> Option<Value> {
    Some(match (kind, stored) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Bool, ValueRef::Integer(number @ (0 | 1))) => Value::Bool(number == 1),
        (Kind::Int, ValueRef::Integer(number)) => Value::Int(number),
        (Kind::Float, ValueRef::Real(number)) => Value::Float(number),
        (Kind::Text, ValueRef::Text(bytes)) => Value::Text(text(bytes)?),
        (Kind::Json, ValueRef::Text(bytes)) => Value::Json(text(bytes)?),
        (Kind::Uuid, ValueRef::Blob(bytes)) => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        (Kind::Time, ValueRef::Integer(micros)) => Value::Time(instant(micros)?),
        _ => return None,
    })
}

/// The instant, unless it lies outside of what an instant can be.
pub(crate) fn instant(micros: i64) -> Option<Timestamp> {
    Some(Timestamp::from_unix_micros(micros)).filter(|instant| instant.unix_micros() == micros)
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(kind: Kind, value: &Value) -> Option<Value> {
        let connection = rusqlite::Connection::open_in_memory().expect("memory opens");
        connection
            .query_row("SELECT ?1", [Bound(value)], |row| Ok(decode(kind, row.get_ref(0)?)))
            .expect("a value can be selected")
    }

    #[test]
    fn every_kind_comes_back_as_it_went() {
        let values = [
            (Kind::Bool, Value::Bool(true)),
            (Kind::Int, Value::Int(i64::MIN)),
            (Kind::Float, Value::Float(5e-324)),
            (Kind::Text, Value::Text("Ä \"x\" 🚚".into())),
            (Kind::Uuid, Value::Uuid(Uuid::from_u128(7))),
            (Kind::Time, Value::Time(Timestamp::from_unix_micros(-1))),
            (Kind::Json, Value::Json("{}".into())),
            (Kind::Int, Value::Null),
        ];
        for (kind, value) in values {
            assert_eq!(there_and_back(kind, &value), Some(value));
        }
    }

    #[test]
    fn what_is_not_of_the_kind_is_no_value() {
        let strangers = [
            (Kind::Bool, Value::Int(2)),
            (Kind::Int, Value::Text("1".into())),
            (Kind::Uuid, Value::Text("00000000-0000-0000-0000-000000000000".into())),
            (Kind::Time, Value::Int(i64::MAX)),
        ];
        for (kind, value) in strangers {
            assert_eq!(there_and_back(kind, &value), None, "{kind:?} {value:?}");
        }
    }
}
