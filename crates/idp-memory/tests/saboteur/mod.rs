//! A store that is broken on purpose, in one way at a time.

mod dead_letters;
mod deliveries;
mod keeping;
mod lag;
mod log;
mod projection;
mod store;
mod tenants;

use crate::harness::MemoryHarness;
use deliveries::Memory;
use idp_application::{
    Backend, BoxFuture, Error, LaneLease, LogKeeping, LogLag, Migrate, Reader, WorkerId,
};
use idp_conformance::log_keeping::KeepingHarness;
use idp_conformance::log_lag::LagHarness;
use idp_conformance::{AuditColumns, Capabilities, Harness};
use idp_domain::{TableSchema, TenantId, Uuid};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Nothing: what every clause must let pass.
    None,

    LosesTheLastEvent,
    SwapsTwoEvents,
    WritesEventsBeforeItChecks,
    CommitsRowByRow,
    YieldsInTheMiddleOfACommit,
    RereadsTheVersion,
    ClearsOtherColumns,
    SwallowsDuplicates,
    CountsNoRows,
    TakesARoundTripMore,

    LeaksAnotherTenant,
    ShowsDeletedRows,
    TakesUnknownForFalse,
    SortsTextByLanguage,
    SortsNullsFirst,
    IgnoresTheStartOfAPage,
    IgnoresTheLimit,
    RoundsFloats,
    TrimsText,
    CutsMicroseconds,

    SkipsAnEvent,
    ReadsAnEventTwice,
    ReordersALane,
    IgnoresTheLimitOfARead,
    ChangesAnEnvelope,
    GivesALaneToTwo,
    KeepsTheEpoch,
    AcceptsOldProgress,
    LetsLeasesExpireEarly,
    LetsLeasesExpireLate,
    ForgetsToRenew,
    ForgetsProgress,

    MovesTheCheckpointWithoutRows,
    WritesRowsWithoutTheCheckpoint,
    AppliesUnderAnOldEpoch,
    YieldsBetweenRowsAndCheckpoint,
    KeepsRowsAtAReset,
    ForgetsRevisions,

    ForgetsWhatWasSetAside,
    RecordsUnderAnOldEpoch,
    CountsWhatItWasTold,
    SetsAsideAgain,
    SendsParkedKeys,
    LosesWhatIsBehindADiscardedKey,
    ReordersAKey,
    UnblocksTooEarly,
    ForgetsRefusals,
    RenumbersWhatIsGivenAgain,
    GivesNewBeforeOld,
    ReusesNumbers,
    IgnoresTheLimitOfWhatIsDue,
    HidesThatMoreIsDue,
    GivesToAZombie,
    SettlesForAZombie,
    SettlesOneTooMany,
    DeliversEarly,
    DeliversLate,
    BlocksForWhatIsScheduled,
    FreesWhatIsScheduledOfAParkedKey,
    LosesTheLastRecord,
    ListsTheOldestRecordFirst,
    ListsFromTheStart,
    DiscardsTheWholeKey,
    HidesEdits,
    ResumesAfterAnEdit,
    IgnoresRevisions,
    ResumesTwice,
    MixesTenantsUp,
    MixesReadersUp,
    LosesOneInSeven,
    IsLockedOutNowAndThen,
    NumbersAnewWhenItWasGivenUp,
    SettlesByHalves,
    RecordsALittleLater,

    SplitsUnderAnOldEpoch,
    ForgetsTheRevision,
    StartsATrackAnew,
    MergesTooEarly,
    LosesWhatATrackSetAside,
    RecordsTracksUnderAnOldEpoch,
    ShowsOthersInAScope,
    DropsWhatTheScopeLeavesOut,
    ForgetsPolicies,
    TakesAnyPolicy,

    DropsWhatOneReaderHasPassed,
    IgnoresHolds,
    IgnoresThePolicy,
    ForgetsTheLiving,
    LosesTheLastKeepingRecord,
    ForgetsHowManyWereDropped,
    TakesWhatIsGoneForNothing,
    RebuildsFromAPart,

    CountsWhatIsPassed,
    MixesTenantsInALag,
    HidesStandingLanes,
    TellsTheYoungestForTheOldest,
    SaysThatAllWasLookedAt,
    LooksAtMoreThanTheBound,
    TakesResumedForParked,
    TakesScheduledForBlocked,
    HidesHolds,
}

/// A store with a bug.
pub(crate) struct Saboteur {
    store: Arc<dyn Backend>,
    keeping: Arc<dyn LogKeeping>,
    lag: Arc<dyn LogLag>,
    bug: Bug,
    /// Every lease that it gave, the last one last.
    given: Mutex<Vec<(Reader, WorkerId, LaneLease)>>,
    memory: Mutex<Memory>,
}

impl Saboteur {
    fn given(&self) -> Vec<(Reader, WorkerId, LaneLease)> {
        self.given.lock().expect("nothing panics while it holds this").clone()
    }

    fn remembered(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("nothing panics while it holds this")
    }
}

impl Migrate for Saboteur {
    fn migrate<'a>(
        &'a self,
        tables: &'a [&'static TableSchema],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.store.migrate(tables)
    }
}

/// The memory store with a bug in front of it.
pub(crate) struct SabotagedHarness {
    memory: MemoryHarness,
    saboteur: Arc<Saboteur>,
}

impl SabotagedHarness {
    pub(crate) async fn start(bug: Bug) -> Self {
        let memory = MemoryHarness::start().await;
        let (given, remembered) = Default::default();
        let (store, keeping, lag) = (memory.backend(), memory.keeping(), memory.lag());
        let saboteur = Saboteur { store, keeping, lag, bug, given, memory: remembered };
        Self { memory, saboteur: Arc::new(saboteur) }
    }
}

impl Harness for SabotagedHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        self.saboteur.clone()
    }

    async fn second_process(&self) -> Arc<dyn Backend> {
        self.saboteur.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    async fn audit(
        &self,
        tenant: &TenantId,
        table: &'static TableSchema,
        key: Uuid,
    ) -> Option<AuditColumns> {
        self.memory.audit(tenant, table, key).await
    }

    fn advance_lease_clock(&self, by: Duration) -> bool {
        self.memory.advance_lease_clock(by)
    }
}
