//! Which row of a read model.

use idp_domain::{Kind, TenantId, Value};
use std::cmp::Ordering;

/// A key of one tenant. All keys that are compared with each other are of one kind, which can be
/// compared; [`fault`] sorts out the others.
#[derive(Clone, Debug)]
pub(crate) struct RowKey {
    pub(crate) tenant: TenantId,
    pub(crate) value: Value,
}

impl Ord for RowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let tenants = self.tenant.cmp(&other.tenant);
        tenants.then_with(|| self.value.sort_compare(&other.value))
    }
}

impl PartialOrd for RowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RowKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for RowKey {}

/// Why the value cannot be the key of a table whose keys are of that kind, if so.
pub(crate) fn fault(value: &Value, kind: Kind) -> Option<String> {
    let fits = matches!(
        (kind, value),
        (Kind::Bool, Value::Bool(_))
            | (Kind::Int, Value::Int(_))
            | (Kind::Float, Value::Float(_))
            | (Kind::Text, Value::Text(_))
            | (Kind::Uuid, Value::Uuid(_))
            | (Kind::Time, Value::Time(_))
    );
    if !fits {
        return Some(format!("the key {value:?} is not of the kind {kind:?}"));
    }
    value.fault().map(|fault| format!("the key {value:?} {fault}"))
}
