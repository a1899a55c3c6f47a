//! Broken service of tenants.

use super::Saboteur;
use idp_application::{
    BoxFuture, Error, Lane, LaneLease, LaneTracks, Reader, TenantPolicies, TenantPolicy,
    TenantPolicyOrder, TenantPolicyRecord, TenantTracks, TrackBatch, TrackChange, TrackReading,
    TrackRecord,
};

impl TenantTracks for Saboteur {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        self.store.tracks(reader, leases)
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.store.split(reader, change)
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.store.merge(reader, change)
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        self.store.read_tracks(readings, limit)
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        self.store.record_tracks(reader, records)
    }
}

impl TenantPolicies for Saboteur {
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>> {
        self.store.tenant_policies(reader)
    }

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.store.set_tenant_policy(reader, order)
    }

    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>> {
        self.store.tenant_policy_records(reader, limit)
    }
}
