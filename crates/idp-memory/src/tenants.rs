//! What one reader does for single tenants: their policies, and the tracks of those that are split
//! off.

use idp_application::{Lane, TenantPolicy, TenantPolicyRecord, TenantTrack};
use idp_domain::TenantId;
use std::collections::{BTreeMap, HashMap};

/// The tenants of one reader.
#[derive(Default)]
pub(crate) struct Tenants {
    /// Those that say more than what holds anyway.
    pub(crate) policies: BTreeMap<TenantId, TenantPolicy>,
    /// The latest last.
    pub(crate) records: Vec<TenantPolicyRecord>,
    pub(crate) lanes: HashMap<Lane, Tracks>,
}

/// The tracks of one lane beside its main track.
#[derive(Default)]
pub(crate) struct Tracks {
    /// Rises with each split and each merge.
    pub(crate) revision: i64,
    pub(crate) by_tenant: BTreeMap<TenantId, TenantTrack>,
}
