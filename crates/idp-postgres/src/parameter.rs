//! Parameters in PostgreSQL's binary format.

use bytes::{BufMut, BytesMut};
use idp_domain::{Timestamp, Uuid, Value};
use idp_sql::Param;
use std::error::Error;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// Microseconds from 1970 to 2000, where PostgreSQL starts to count.
pub(crate) const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// One parameter of a statement.
#[derive(Debug)]
pub(crate) enum Parameter<'a> {
    Null,
    Value(&'a Value),
    Values(Vec<Parameter<'a>>),
    Text(&'a str),
    Json(&'a str),
    Uuid(Uuid),
    BigInt(i64),
    Int(i32),
    SmallInt(i16),
    Time(Timestamp),
    Owned(String),
}

impl<'a> Parameter<'a> {
    pub(crate) fn of(param: &'a Param) -> Self {
        match param {
            Param::One(_, value) => Self::Value(value),
            Param::Many(_, values) => Self::Values(values.iter().map(Self::Value).collect()),
        }
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null | Self::Value(Value::Null) => return Ok(IsNull::Yes),
            Self::Value(Value::Bool(value)) => out.put_u8(u8::from(*value)),
            Self::Value(Value::Int(value)) | Self::BigInt(value) => out.put_i64(*value),
            Self::Value(Value::Float(value)) => out.put_f64(*value),
            Self::Value(Value::Text(text)) | Self::Owned(text) => out.put_slice(text.as_bytes()),
            Self::Text(text) => out.put_slice(text.as_bytes()),
            Self::Value(Value::Uuid(uuid)) | Self::Uuid(uuid) => out.put_slice(uuid.as_bytes()),
            Self::Value(Value::Time(time)) | Self::Time(time) => {
                out.put_i64(time.unix_micros().saturating_sub(POSTGRES_EPOCH_MICROS));
            }
            Self::Value(Value::Json(text)) => put_json(text, ty, out),
            Self::Json(text) => put_json(text, ty, out),
            Self::Int(value) => out.put_i32(*value),
            Self::SmallInt(value) => out.put_i16(*value),
            Self::Values(values) => return values.to_sql(ty, out),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // The statements of this crate cast their parameters to the types that are sent.
        true
    }

    to_sql_checked!();
}

fn put_json(text: &str, ty: &Type, out: &mut BytesMut) {
    if *ty == Type::JSONB {
        out.put_u8(1); // The version of the format.
    }
    out.put_slice(text.as_bytes());
}
