//! What operators say about single tenants.

use crate::state::State;
use crate::store::MemoryStore;
use idp_application::{
    BoxFuture, Error, TenantPolicies, TenantPolicy, TenantPolicyOrder, TenantPolicyRecord,
};
use idp_domain::Timestamp;

impl State {
    fn set_tenant_policy(
        &mut self,
        reader: &str,
        order: &TenantPolicyOrder,
        at: Timestamp,
    ) -> Result<(), Error> {
        let TenantPolicyOrder { actor, policy, reason } = order;
        policy.check()?;
        let paused = &mut self.side_tracks.entry(reader.to_owned()).or_default().paused;
        match policy.is_paused {
            true => paused.insert(policy.tenant.clone()),
            false => paused.remove(&policy.tenant),
        };
        let tenants = self.tenants.entry(reader.to_owned()).or_default();
        match policy.is_usual() {
            true => tenants.policies.remove(&policy.tenant),
            false => tenants.policies.insert(policy.tenant.clone(), policy.clone()),
        };
        let (policy, reason) = (policy.clone(), reason.clone());
        let actor = actor.as_str().to_owned();
        tenants.records.push(TenantPolicyRecord { at, actor, policy, reason });
        Ok(())
    }
}

impl TenantPolicies for MemoryStore {
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>> {
        Box::pin(async move {
            let state = self.state();
            let tenants = state.tenants.get(reader);
            Ok(tenants.map_or_else(Vec::new, |t| t.policies.values().cloned().collect()))
        })
    }

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let now = self.now();
            self.state().set_tenant_policy(reader, order, now)
        })
    }

    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>> {
        Box::pin(async move {
            let state = self.state();
            let records = state.tenants.get(reader).map_or(&[][..], |tenants| &tenants.records);
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(records.iter().rev().take(limit).cloned().collect())
        })
    }
}
