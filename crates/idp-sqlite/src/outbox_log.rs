//! The outbox as its readers see it. What writes goes through the queue of the writer and shares the
//! wait for the disk with the commits of units of work.

use crate::error::translate;
use crate::store::SqliteStore;
use crate::{lease, reading};
use idp_application::{
    BoxFuture, Claim, Error, Lane, LaneBatch, LaneLease, LaneProgress, Membership, OutboxLog,
    Reader, WorkerId,
};
use std::time::Duration;

impl OutboxLog for SqliteStore {
    fn join<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Membership, Error>> {
        let (reader, lanes) = (reader.clone(), self.lanes);
        let join = move |c: &_| lease::join(c, &reader, worker, ttl, lanes);
        Box::pin(self.writer.run("join", join))
    }

    fn claim<'a>(
        &'a self,
        reader: &'a Reader,
        claim: Claim,
    ) -> BoxFuture<'a, Result<Vec<LaneLease>, Error>> {
        let reader = reader.clone();
        let claim = move |c: &_| lease::claim(c, &reader, claim).map_err(|e| translate("claim", e));
        Box::pin(self.writer.run("claim", claim))
    }

    fn read<'a>(
        &'a self,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<LaneBatch>, Error>> {
        let (leases, lanes) = (leases.to_vec(), self.lanes);
        let read = move |connection: &_| reading::read(connection, &leases, lanes, limit);
        Box::pin(self.readers.aside(read))
    }

    fn advance<'a>(
        &'a self,
        reader: &'a Reader,
        progress: &'a [LaneProgress],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            if progress.is_empty() {
                return Ok(Vec::new());
            }
            let (name, progress) = (reader.name.clone(), progress.to_vec());
            let advance = move |connection: &_| {
                let until = lease::after(lease::now(connection)?, lease_ttl);
                let mut held = Vec::with_capacity(progress.len());
                for progress in &progress {
                    if lease::advance(connection, &name, progress, until)? {
                        held.push(progress.lane);
                    }
                }
                Ok(held)
            };
            let advance = move |c: &_| advance(c).map_err(|e| translate("advance", e));
            self.writer.run("advance", advance).await
        })
    }

    fn release<'a>(
        &'a self,
        reader: &'a Reader,
        worker: WorkerId,
        leases: &'a [LaneLease],
    ) -> BoxFuture<'a, Result<(), Error>> {
        let (reader, leases) = (reader.clone(), leases.to_vec());
        let release = move |c: &_| {
            lease::release(c, &reader, worker, &leases).map_err(|e| translate("release", e))
        };
        Box::pin(self.writer.run("release", release))
    }
}
