//! Typed identities: a UUID that cannot be mistaken for the identity of something else.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use uuid::Uuid;

/// The identity of an entity. Made by [`entity_id!`](crate::entity_id), never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a typed identity",
    label = "not a typed identity",
    note = "declare one: `entity_id! {{ pub struct RoutePlanId; }}`"
)]
pub trait EntityId: Copy + Eq + Ord + Hash + Debug + Display + Send + Sync + 'static {
    /// The identity with this UUID.
    fn from_uuid(uuid: Uuid) -> Self;
    /// The UUID of this identity.
    fn uuid(self) -> Uuid;
}

/// Declares typed identities.
///
/// ```
/// idp_domain::entity_id! {
///     /// Identifies a route plan.
///     pub struct RoutePlanId;
/// }
/// # use idp_domain::{EntityId, Uuid};
/// let id = RoutePlanId::from_uuid(Uuid::nil());
/// assert_eq!(id.to_string(), "00000000-0000-0000-0000-000000000000");
/// ```
///
/// New identities come from the id source of the context (UUID version 7, RFC 9562), not from the
/// domain: the declared type has no constructor that draws one.
#[macro_export]
macro_rules! entity_id {
    ($($(#[$meta:meta])* $visibility:vis struct $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name($crate::Uuid);

        impl $crate::EntityId for $name {
            fn from_uuid(uuid: $crate::Uuid) -> Self {
                Self(uuid)
            }
            fn uuid(self) -> $crate::Uuid {
                self.0
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::MappingError;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                $crate::Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| $crate::MappingError::new("expected a UUID"))
            }
        }

        impl $crate::FieldType for $name {
            const KIND: $crate::Kind = $crate::Kind::Uuid;

            fn to_value(&self) -> $crate::Value {
                $crate::Value::Uuid(self.0)
            }

            fn from_value(
                value: $crate::Value,
            ) -> ::core::result::Result<Self, $crate::MappingError> {
                <$crate::Uuid as $crate::FieldType>::from_value(value).map(Self)
            }
        }

        impl $crate::Comparable for $name {
            type Operand = Self;

            fn operand(value: Self) -> $crate::Value {
                $crate::Value::Uuid(value.0)
            }
        }

        impl $crate::JsonShape for $name {}

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                $crate::__private::serde::Serialize::serialize(&self.0, serializer)
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                <$crate::Uuid as $crate::__private::serde::Deserialize>::deserialize(deserializer)
                    .map(Self)
            }
        }
    )+};
}
