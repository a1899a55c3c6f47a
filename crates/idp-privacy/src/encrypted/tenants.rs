//! Tenants that are served apart: what is read of them comes in clear, what is set aside is encrypted
//! anew.

use super::Encrypted;
use crate::cipher::Known;
use idp_application::{
    BoxFuture, Error, Lane, Reader, TenantPolicies, TenantTracks, TrackBatch, TrackReading,
    TrackRecord, delegate_port,
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
    delegate_port!(TenantTracks { tracks, split, merge } => |this| this.inner);

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
    delegate_port!(TenantPolicies => |this| this.inner);
}
