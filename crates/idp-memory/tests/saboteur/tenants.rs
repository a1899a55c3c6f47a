//! Broken service of tenants.

use super::{Bug, Saboteur};
use idp_application::{
    BoxFuture, Error, Lane, LaneLease, LaneTracks, Reader, TenantPolicies, TenantPolicy,
    TenantPolicyOrder, TenantScope, TenantTracks, TrackBatch, TrackChange, TrackReading,
    TrackRecord, delegate_port,
};

impl TenantTracks for Saboteur {
    fn tracks<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<Vec<LaneTracks>, Error>> {
        Box::pin(async move {
            let mut known = self.store.tracks(reader, leases).await?;
            if self.bug == Bug::StartsATrackAnew {
                let tracks = known.iter_mut().flat_map(|lane| &mut lane.tracks);
                tracks.for_each(|track| track.sequence = 0);
            }
            Ok(known)
        })
    }

    fn split<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(async move {
            let change = self.spoiled_change(reader, change).await?;
            self.store.split(reader, &change).await
        })
    }

    fn merge<'a>(
        &'a self,
        reader: &'a Reader,
        change: &'a TrackChange,
    ) -> BoxFuture<'a, Result<Option<LaneTracks>, Error>> {
        Box::pin(async move {
            let known = self.store.merge(reader, change).await?;
            Ok(known.map(|mut known| {
                if self.bug == Bug::MergesTooEarly {
                    known.tracks.retain(|track| track.tenant != change.tenant);
                }
                known
            }))
        })
    }

    fn read_tracks<'a>(
        &'a self,
        readings: &'a [TrackReading],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TrackBatch>, Error>> {
        Box::pin(async move {
            let mut readings = readings.to_vec();
            if self.bug == Bug::ShowsOthersInAScope {
                readings.iter_mut().for_each(|r| r.scope = TenantScope::Except(Vec::new()));
            }
            let mut batches = self.store.read_tracks(&readings, limit).await?;
            if self.bug == Bug::DropsWhatTheScopeLeavesOut {
                batches.iter_mut().for_each(|b| b.events.retain(|event| event.envelope.is_some()));
            }
            Ok(batches)
        })
    }

    fn record_tracks<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [TrackRecord],
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let mut records = records.to_vec();
            for record in &mut records {
                match self.bug {
                    Bug::LosesWhatATrackSetAside => record.aside.clear(),
                    Bug::RecordsTracksUnderAnOldEpoch => {
                        record.epoch = self.current_epoch(reader, record.lane);
                    }
                    _ => {}
                }
            }
            self.store.record_tracks(reader, &records).await
        })
    }
}

impl TenantPolicies for Saboteur {
    delegate_port!(TenantPolicies { tenant_policies, tenant_policy_records } => |this| this.store);

    fn set_tenant_policy<'a>(
        &'a self,
        reader: &'a str,
        order: &'a TenantPolicyOrder,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match self.bug {
                Bug::ForgetsPolicies => Ok(()),
                Bug::TakesAnyPolicy => {
                    let tenant = order.policy.tenant.clone();
                    let policy = TenantPolicy { is_paused: true, ..TenantPolicy::usual(tenant) };
                    let order = TenantPolicyOrder { policy, ..order.clone() };
                    self.store.set_tenant_policy(reader, &order).await
                }
                _ => self.store.set_tenant_policy(reader, order).await,
            }
        })
    }
}

impl Saboteur {
    async fn spoiled_change(
        &self,
        reader: &Reader,
        change: &TrackChange,
    ) -> Result<TrackChange, Error> {
        let mut change = change.clone();
        let epoch = self.current_epoch(reader, change.lane);
        match self.bug {
            Bug::SplitsUnderAnOldEpoch => change.epoch = epoch,
            Bug::ForgetsTheRevision => {
                let lease =
                    LaneLease { lane: change.lane, epoch, cursor: Default::default(), sequence: 0 };
                let known = self.store.tracks(reader, &[lease]).await?;
                change.revision = known.first().map_or(0, |known| known.revision);
            }
            _ => {}
        }
        Ok(change)
    }
}
