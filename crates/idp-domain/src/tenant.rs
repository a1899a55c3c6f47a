//! Who the data belongs to.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A tenant's identity: 1 to 63 characters of `a-z`, `0-9`, `-` and `_`, the first of them a letter
/// or digit (the shape of a DNS label, so that it can stand in topics, file names and metrics).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The longest identity.
    pub const LENGTH_MAX: usize = 63;

    /// The tenant of that name, if the name has the shape that [`TenantId`] describes.
    pub fn new(name: &str) -> Result<Self, InvalidTenantId> {
        let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let only_allowed = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if starts_well && only_allowed && name.len() <= Self::LENGTH_MAX {
            Ok(Self(name.into()))
        } else {
            Err(InvalidTenantId(name.chars().take(80).collect()))
        }
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a tenant identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTenantId(String);

impl fmt::Display for InvalidTenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tenant must be 1 to {} characters of a-z, 0-9, - and _, starting with a letter or \
             digit, got {:?}",
            TenantId::LENGTH_MAX,
            self.0
        )
    }
}

impl std::error::Error for InvalidTenantId {}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl Serialize for TenantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&name).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_agreed_shape_is_a_tenant() {
        for name in ["a", "acme", "0-9_z", &"x".repeat(63)] {
            assert!(TenantId::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn every_other_name_is_refused() {
        for name in ["", "*", "Acme", "-a", "a b", "ä", "a/b", &"x".repeat(64)] {
            assert!(TenantId::new(name).is_err(), "{name}");
        }
    }
}
