//! Which Rust types can be a field of an aggregate or read model, and how each becomes a column.

use crate::__private::{from_json_value, to_json_value};
use crate::{Kind, MappingError, Timestamp, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A type that maps to one column.
///
/// Implemented for `bool`, `i16`, `i32`, `i64`, `u8`, `u16`, `u32`, `f64`, `String`, [`Uuid`],
/// [`Timestamp`], typed ids, every type that derives `ValueObject`, `Option` of those, and `Vec`
/// and string-keyed `BTreeMap` of value objects (one JSON column). There is no `u64`: the stores
/// agree on signed 64-bit integers. There is no decimal: keep money in its minor unit as `i64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be mapped to a column",
    label = "this field has no column type",
    note = "derive `ValueObject` for `{Self}`, or declare it with `entity_id!` if it is an identity",
    note = "for `u64`, `usize` and `f32` use `i64`, `u32` or `f64`: every store keeps those"
)]
pub trait FieldType: Clone + PartialEq + Sized {
    /// The kind of the column.
    const KIND: Kind;
    /// Whether the column may be null.
    const NULLABLE: bool = false;

    /// The value as the column holds it.
    fn to_value(&self) -> Value;

    /// The value that the column held. Fails when it does not fit the type.
    fn from_value(value: Value) -> Result<Self, MappingError>;
}

/// A type that can be part of a JSON column: a value object, or a primitive inside of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON form",
    label = "cannot be part of a value object, an event or a JSON column",
    note = "derive `ValueObject` for `{Self}`, or declare it with `entity_id!` if it is an identity",
    note = "for `u64`, `usize` and `f32` use `i64`, `u32` or `f64`"
)]
pub trait JsonShape: Serialize + DeserializeOwned {}

macro_rules! integer_fields {
    ($($type:ty),+) => {$(
        impl FieldType for $type {
            const KIND: Kind = Kind::Int;

            fn to_value(&self) -> Value {
                Value::Int(i64::from(*self))
            }

            fn from_value(value: Value) -> Result<Self, MappingError> {
                match value {
                    Value::Int(number) => Self::try_from(number).map_err(|_| {
                        MappingError::new(format!(
                            "{number} is not within {}..={}", Self::MIN, Self::MAX
                        ))
                    }),
                    other => Err(MappingError::expected("an integer", &other)),
                }
            }
        }

        impl JsonShape for $type {}
    )+};
}

integer_fields!(i16, i32, i64, u8, u16, u32);

macro_rules! plain_fields {
    ($($type:ty => $kind:ident, $what:literal;)+) => {$(
        impl FieldType for $type {
            const KIND: Kind = Kind::$kind;

            fn to_value(&self) -> Value {
                Value::$kind(self.clone())
            }

            fn from_value(value: Value) -> Result<Self, MappingError> {
                match value {
                    Value::$kind(value) => Ok(value),
                    other => Err(MappingError::expected($what, &other)),
                }
            }
        }

        impl JsonShape for $type {}
    )+};
}

plain_fields! {
    bool => Bool, "a boolean";
    f64 => Float, "a float";
    String => Text, "text";
    Uuid => Uuid, "a UUID";
    Timestamp => Time, "an instant";
}

impl<T: FieldType> FieldType for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value) -> Result<Self, MappingError> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: JsonShape> JsonShape for Option<T> {}

macro_rules! json_fields {
    ($(<$($param:ident),*> $type:ty;)+) => {$(
        impl<$($param: JsonShape + Clone + PartialEq),*> FieldType for $type {
            const KIND: Kind = Kind::Json;

            fn to_value(&self) -> Value {
                to_json_value(self)
            }

            fn from_value(value: Value) -> Result<Self, MappingError> {
                from_json_value(value)
            }
        }

        impl<$($param: JsonShape),*> JsonShape for $type {}
    )+};
}

json_fields! {
    <T> Vec<T>;
    <T> BTreeMap<String, T>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_out_of_range_is_refused_with_the_bounds() {
        let error = u8::from_value(Value::Int(300)).expect_err("does not fit");
        assert_eq!(error.to_string(), "300 is not within 0..=255");
    }

    #[test]
    fn an_option_maps_to_a_nullable_column() {
        const { assert!(Option::<i32>::NULLABLE) };
        assert_eq!(None::<i32>.to_value(), Value::Null);
        assert_eq!(Option::<i32>::from_value(Value::Int(3)), Ok(Some(3)));
    }

    #[test]
    fn a_list_is_one_json_column() {
        let list = vec![1_i64, 2];
        assert_eq!(list.to_value(), Value::Json("[1,2]".into()));
        assert_eq!(Vec::<i64>::from_value(Value::Json("[1,2]".into())), Ok(list));
    }
}
