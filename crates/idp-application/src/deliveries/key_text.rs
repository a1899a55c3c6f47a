//! Keys as text: how operators name them.

use crate::DeliveryKey;
use idp_domain::{TenantId, Uuid};
use std::fmt;
use std::str::FromStr;

/// `TENANT/AGGREGATE`, the aggregate as a UUID. It reads back.
impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.aggregate_id)
    }
}

/// The text is not a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDeliveryKey(String);

impl fmt::Display for InvalidDeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected TENANT/AGGREGATE, the aggregate as a UUID: {}", self.0)
    }
}

impl std::error::Error for InvalidDeliveryKey {}

impl FromStr for DeliveryKey {
    type Err = InvalidDeliveryKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/');
        let (tenant, aggregate) = parts.ok_or_else(|| InvalidDeliveryKey("it has no /".into()))?;
        let tenant = TenantId::new(tenant).map_err(|e| InvalidDeliveryKey(e.to_string()))?;
        let aggregate_id =
            Uuid::parse_str(aggregate).map_err(|e| InvalidDeliveryKey(e.to_string()))?;
        Ok(Self { tenant, aggregate_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890000-0000-7000-8000-000000000007";

    #[test]
    fn a_key_reads_back_from_its_text() {
        let key: DeliveryKey = format!("acme/{ID}").parse().expect("a key");
        assert_eq!((key.tenant.as_str(), key.aggregate_id.to_string().as_str()), ("acme", ID));
        assert_eq!(key.to_string(), format!("acme/{ID}"));
    }

    #[test]
    fn any_other_text_is_refused_with_what_was_expected() {
        let others = ["", "acme", ID, &format!("Acme/{ID}"), &format!("/{ID}"), "acme/7"];
        for text in others {
            let error = text.parse::<DeliveryKey>().expect_err(text).to_string();
            assert!(error.starts_with("expected TENANT/AGGREGATE"), "{text}: {error}");
        }
    }
}
