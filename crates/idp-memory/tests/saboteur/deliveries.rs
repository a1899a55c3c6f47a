//! Broken side tracks.

use super::{Bug, Saboteur};
use idp_application::{
    AsideReason, BlockedKey, BoxFuture, Deliveries, DeliveryKey, Due, Error, Lane, LaneLease,
    LaneProgress, LaneRecord, Reader, SetAside, Settled, Settlement, SideBatch, SideEntry,
};
use idp_domain::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// What a saboteur remembers of what was set aside through it.
#[derive(Default)]
pub(super) struct Memory {
    recorded: Vec<(Lane, SetAside)>,
    recorded_again: Vec<(Lane, SetAside)>,
    /// How often something due was asked for, and how often that was answered.
    asked: i64,
    answered: i64,
    pub(super) refusals: u32,
    pub(super) commands: usize,
    pub(super) commands_kept: usize,
    /// The most that was told of each lag of a reader, and of parked keys.
    pub(super) lags: HashMap<String, Vec<u64>>,
    pub(super) parked: u64,
}

impl Deliveries for Saboteur {
    fn blocked<'a>(
        &'a self,
        reader: &'a Reader,
        lanes: &'a [Lane],
    ) -> BoxFuture<'a, Result<Vec<BlockedKey>, Error>> {
        self.store.blocked(reader, lanes)
    }

    fn record<'a>(
        &'a self,
        reader: &'a Reader,
        records: &'a [LaneRecord],
        lease_ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<Lane>, Error>> {
        Box::pin(async move {
            let mut records = records.to_vec();
            for record in &mut records {
                self.spoil_record(reader, record).await?;
            }
            self.store.record(reader, &records, lease_ttl).await
        })
    }

    fn due<'a>(
        &'a self,
        reader: &'a Reader,
        leases: &'a [LaneLease],
        limit: u32,
    ) -> BoxFuture<'a, Result<Due, Error>> {
        Box::pin(async move {
            self.remembered().asked += 1;
            if self.bug == Bug::NumbersAnewWhenItWasGivenUp {
                tokio::task::yield_now().await;
            }
            let limit = if self.bug == Bug::IgnoresTheLimitOfWhatIsDue { u32::MAX } else { limit };
            let mut leases = leases.to_vec();
            if self.bug == Bug::GivesToAZombie {
                for lease in &mut leases {
                    lease.epoch = self.current_epoch(reader, lease.lane);
                }
            }
            let mut due = self.store.due(reader, &leases, limit).await?;
            self.remembered().answered += 1;
            if let Some(lease) = leases.first() {
                self.spoil_due(reader, lease.lane, &mut due).await?;
            }
            Ok(due)
        })
    }

    fn settle<'a>(
        &'a self,
        reader: &'a Reader,
        settlement: &'a Settlement,
    ) -> BoxFuture<'a, Result<Settled, Error>> {
        Box::pin(async move {
            let mut settlement = settlement.clone();
            match self.bug {
                Bug::SettlesForAZombie => {
                    settlement.epoch = self.current_epoch(reader, settlement.lane);
                }
                Bug::SettlesOneTooMany if settlement.refused.is_none() => settlement.through += 1,
                Bug::ForgetsRefusals => settlement.refused = None,
                Bug::SettlesByHalves => {
                    let acknowledged = Settlement { refused: None, ..settlement.clone() };
                    let _ = self.store.settle(reader, &acknowledged).await?;
                    tokio::task::yield_now().await;
                }
                _ => {}
            }
            let settled = self.store.settle(reader, &settlement).await?;
            if self.bug == Bug::UnblocksTooEarly && settled != Settled::Fenced {
                let parked = self.store.parked(&reader.name, None, None, 100).await?;
                let unblocked = parked.into_iter().map(|parked| parked.key).collect();
                return Ok(Settled::Done { unblocked });
            }
            Ok(settled)
        })
    }
}

impl Saboteur {
    async fn spoil_record(&self, reader: &Reader, record: &mut LaneRecord) -> Result<(), Error> {
        let lane = record.progress.lane;
        let parked = self.store.parked(&reader.name, None, None, 100).await?;
        let is_parked = |aside: &SetAside| {
            parked.iter().any(|parked| parked.key == DeliveryKey::of(&aside.envelope))
        };
        match self.bug {
            Bug::ForgetsWhatWasSetAside => record.aside.clear(),
            Bug::LosesWhatIsBehindADiscardedKey => {
                record.aside.retain(|a| a.reason != AsideReason::Behind || is_parked(a));
            }
            Bug::LosesOneInSeven => record.aside.retain(|aside| aside.sequence % 7 != 0),
            Bug::RecordsUnderAnOldEpoch => {
                let epoch = self.current_epoch(reader, lane);
                record.progress = LaneProgress { epoch, ..record.progress };
            }
            Bug::DeliversEarly => reschedule(record, -3_600),
            Bug::DeliversLate => reschedule(record, 3_600),
            Bug::BlocksForWhatIsScheduled => {
                let scheduled = record.aside.iter_mut();
                let scheduled =
                    scheduled.filter(|aside| matches!(aside.reason, AsideReason::Scheduled(_)));
                scheduled.for_each(|aside| aside.reason = AsideReason::Behind);
            }
            _ => {}
        }
        let mut memory = self.remembered();
        for aside in &record.aside {
            memory.refusals += u32::from(matches!(aside.reason, AsideReason::Refused(_)));
            let one = (lane, aside.clone());
            let is_again = memory.recorded.contains(&one);
            if is_again { memory.recorded_again.push(one) } else { memory.recorded.push(one) }
        }
        Ok(())
    }

    async fn spoil_due(&self, reader: &Reader, lane: Lane, due: &mut Due) -> Result<(), Error> {
        let entries = due.batches.iter_mut().flat_map(|batch| &mut batch.entries);
        let (asked, unanswered) = {
            let memory = self.remembered();
            (memory.asked, memory.asked - memory.answered)
        };
        match self.bug {
            Bug::RenumbersWhatIsGivenAgain => {
                entries.for_each(|entry| entry.sequence += asked);
            }
            Bug::NumbersAnewWhenItWasGivenUp => {
                entries.for_each(|entry| entry.sequence += unanswered);
            }
            Bug::ReusesNumbers => {
                entries.zip(1..).for_each(|(entry, number)| entry.sequence = number);
            }
            Bug::GivesNewBeforeOld => {
                due.batches.iter_mut().for_each(|batch| batch.entries.reverse());
            }
            Bug::ReordersAKey => due.batches.iter_mut().for_each(swap_the_first_two),
            Bug::HidesThatMoreIsDue => due.next = None,
            Bug::SetsAsideAgain => {
                let again = self.remembered().recorded_again.clone();
                add(due, lane, again.into_iter().map(|(_, aside)| aside.envelope));
            }
            Bug::FreesWhatIsScheduledOfAParkedKey => {
                let recorded = self.remembered().recorded.clone();
                let is_scheduled = |aside: &SetAside| {
                    aside.reason == AsideReason::Scheduled(Timestamp::UNIX_EPOCH)
                };
                let scheduled = recorded.into_iter().filter(|(_, aside)| is_scheduled(aside));
                add(due, lane, scheduled.map(|(_, aside)| aside.envelope));
            }
            Bug::SendsParkedKeys => {
                for parked in self.store.parked(&reader.name, None, None, 100).await? {
                    let events = self.store.events(&reader.name, &parked.key).await?;
                    add(due, lane, events.into_iter().map(|event| event.envelope));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn reschedule(record: &mut LaneRecord, by_seconds: i64) {
    for aside in &mut record.aside {
        if let AsideReason::Scheduled(at) = &mut aside.reason {
            *at = Timestamp::from_unix_micros(at.unix_micros() + by_seconds * 1_000_000);
        }
    }
}

/// The numbers stay where they are.
fn swap_the_first_two(batch: &mut SideBatch) {
    if let [first, second, ..] = batch.entries.as_mut_slice() {
        std::mem::swap(&mut first.envelope, &mut second.envelope);
    }
}

/// Adds a batch of events that are not due.
fn add(due: &mut Due, lane: Lane, events: impl Iterator<Item = idp_domain::Envelope>) {
    let entries = events.zip(1_000..);
    let entries: Vec<_> =
        entries.map(|(envelope, sequence)| SideEntry { sequence, envelope }).collect();
    if !entries.is_empty() {
        due.batches.push(SideBatch { lane, entries });
    }
}
