//! Values from PostgreSQL's binary format.

use crate::parameter::POSTGRES_EPOCH_MICROS;
use idp_domain::{Timestamp, Uuid, Value};
use std::error::Error;
use tokio_postgres::types::{FromSql, Type};

/// A value of any type that this crate stores.
pub(crate) struct Decoded(pub(crate) Value);

impl<'a> FromSql<'a> for Decoded {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::FLOAT8 => Value::Float(f64::from_sql(ty, raw)?),
            Type::UUID => Value::Uuid(Uuid::from_slice(raw)?),
            Type::TIMESTAMPTZ => Value::Time(instant(raw)?),
            Type::JSONB => Value::Json(text(raw.get(1..).unwrap_or_default())?),
            Type::JSON => Value::Json(text(raw)?),
            _ => Value::Text(text(raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::BOOL
                | Type::INT8
                | Type::FLOAT8
                | Type::UUID
                | Type::TIMESTAMPTZ
                | Type::JSONB
                | Type::JSON
                | Type::TEXT
        )
    }
}

/// A UUID column that is never null.
pub(crate) struct DecodedUuid(pub(crate) Uuid);

impl<'a> FromSql<'a> for DecodedUuid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Uuid::from_slice(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}

/// An instant that is never null.
pub(crate) struct DecodedTime(pub(crate) Timestamp);

impl<'a> FromSql<'a> for DecodedTime {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(instant(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

fn instant(raw: &[u8]) -> Result<Timestamp, Box<dyn Error + Sync + Send>> {
    let micros = i64::from_be_bytes(raw.try_into()?);
    Ok(Timestamp::from_unix_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS)))
}

fn text(raw: &[u8]) -> Result<String, Box<dyn Error + Sync + Send>> {
    Ok(std::str::from_utf8(raw)?.to_owned())
}
