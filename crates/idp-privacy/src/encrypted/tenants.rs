//! Tenants that are served apart: what is read of them comes in clear, what is set aside is encrypted
//! anew.

use super::Encrypted;
use crate::cipher::Known;
use idp_application::{
    BoxFuture, Error, Lane, LaneLease, LaneTracks, Reader, TenantPolicies, TenantPolicy,
    TenantPolicyOrder, TenantPolicyRecord, TenantTracks, TrackBatch, TrackChange, TrackReading,
    TrackRecord,
};

impl<B: TenantTracks + ?Sized> Encrypted<B> {
    async fn read_tracks_decrypted(
        &self,
        readings: &[TrackReading],
        limit: u32,
    ) -> Result<Vec<TrackBatch>, Error> {
        let mut batches = self.inner.read_tracks(readings, limit).await?;
        let mut known = Known::new();
        let events = batches.iter_mut().flat_map(|batch| &mut batch.events);
        for envelope in events.filter_map(|event| event.envelope.as_mut()) {
            *envelope = self.decrypted(envelope.clone(), &mut known).await?;
        }
        Ok(batches)
    }

    async fn encrypt_and_record_tracks(
        &self,
        reader: &Reader,
        records: &[TrackRecord],
    ) -> Result<Vec<Lane>, Error> {
        let mut records = records.to_vec();
        self.encrypt_all(records.iter_mut().flat_map(|record| &mut record.aside)).await?;
        self.inner.record_tracks(reader, &records).await
    }
}

impl<B: TenantTracks + ?Sized> TenantTracks for Encrypted<B> {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        self.inner.tracks(reader, leases)
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.inner.split(reader, change)
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        self.inner.merge(reader, change)
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        Box::pin(self.read_tracks_decrypted(readings, limit))
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(self.encrypt_and_record_tracks(reader, records))
    }
}

impl<B: TenantPolicies + ?Sized> TenantPolicies for Encrypted<B> {
    fn tenant_policies<'a>(
        &'a self,
        reader: &'a str,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicy>, Error>> {
        self.inner.tenant_policies(reader)
    }

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.set_tenant_policy(reader, order)
    }

    fn tenant_policy_records<'a>(
        &'a self,
        reader: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantPolicyRecord>, Error>> {
        self.inner.tenant_policy_records(reader, limit)
    }
}
