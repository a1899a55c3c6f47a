//! Keys that stand in the settings.

use crate::memory_key_ring::no_key;
use crate::{Key, KeyId, KeyRing};
use idp_application::{BoxFuture, Error, ErrorKind};
use idp_domain::TenantId;
use std::collections::BTreeMap;

/// A key ring that does not change while the process runs.
#[derive(Debug)]
pub struct StaticKeyRing {
    tenants: BTreeMap<TenantId, Vec<Key>>,
}

impl StaticKeyRing {
    /// The keys of a text: entries `tenant/key-id:secret`, with white space or a comma between, the
    /// secret being 32 bytes in Base64. The first entry of a tenant is its current key.
    ///
    /// All that is wrong is told at once, by the number of the entry; no secret is in the error.
    ///
    /// ```
    /// use idp_privacy::StaticKeyRing;
    ///
    /// let keys = StaticKeyRing::parse(
    ///     "acme/2026-11:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
    ///      acme/2025-11:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
    /// );
    /// assert!(keys.is_ok());
    /// assert!(StaticKeyRing::parse("acme:secret").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut tenants: BTreeMap<TenantId, Vec<Key>> = BTreeMap::new();
        let mut faults = Vec::new();
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        for (number, entry) in entries.filter(|entry| !entry.is_empty()).enumerate() {
            match parse_entry(entry) {
                Ok((tenant, key)) => {
                    let keys = tenants.entry(tenant).or_default();
                    if keys.iter().any(|known| known.id() == key.id()) {
                        faults.push(format!("entry {}: `{}` is there twice", number + 1, key.id()));
                    }
                    keys.push(key);
                }
                Err(fault) => faults.push(format!("entry {}: {fault}", number + 1)),
            }
        }
        if faults.is_empty() {
            return Ok(Self { tenants });
        }
        Err(Error::new(ErrorKind::Invalid, "read the keys", faults.join("; ")))
    }
}

fn parse_entry(entry: &str) -> Result<(TenantId, Key), String> {
    let shape = || "expected `tenant/key-id:secret`".to_owned();
    let (name, secret) = entry.split_once(':').ok_or_else(shape)?;
    let (tenant, id) = name.split_once('/').ok_or_else(shape)?;
    let tenant = TenantId::new(tenant).map_err(|e| e.to_string())?;
    let id = KeyId::new(id).map_err(|e| e.message().to_owned())?;
    let key = Key::from_base64(id, secret).map_err(|e| e.message().to_owned())?;
    Ok((tenant, key))
}

impl KeyRing for StaticKeyRing {
    fn current<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Key, Error>> {
        let key = self.tenants.get(tenant).and_then(|keys| keys.first().cloned());
        Box::pin(async move { key.ok_or_else(|| no_key(tenant)) })
    }

    fn find<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<Key>, Error>> {
        let keys = self.tenants.get(tenant).map_or(&[][..], Vec::as_slice);
        let key = keys.iter().find(|key| key.id() == id).cloned();
        Box::pin(async move { Ok(key) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once_and_no_secret() {
        let good = format!("{}=", "A".repeat(43));
        let text = format!(
            "acme/1:{good}, nonsense ACME/1:{good} acme/ä:{good} acme/2:c2VjcmV0,acme/1:{good}"
        );
        let error = StaticKeyRing::parse(&text).expect_err("five faults").message().to_owned();
        for number in 2..=6 {
            assert!(error.contains(&format!("entry {number}: ")), "{error}");
        }
        assert!(!error.contains("entry 1: ") && !error.contains("c2VjcmV0"), "{error}");
    }
}
