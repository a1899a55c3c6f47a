//! A bus that is broken on purpose, in one way at a time.
#![allow(unreachable_pub, reason = "shared by test files")]

mod bus;
mod spoiled;

use crate::bus_harness::MemoryBusHarness;
use bus::{Saboteur, Shared};
use idp_application::EventBus;
use idp_conformance::{BusHarness, Full, Received, Way};
use std::sync::Arc;
use std::time::Duration;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Nothing: what every clause must let pass.
    None,
    /// Nothing: it waits for room a while, which a bus may.
    WaitsForRoom,
    /// Nothing: it needs a while for its first send, and gives it up, which a bus may on a slow machine.
    GivesUpLateOnce,

    GivesUpAtOnce,
    GivesUpAgainAndAgain,

    SwapsTwoMessages,
    AcksBeforeItStores,
    StoresInTheFirstTopic,
    RefusesAnEmptyCall,

    DropsAnAttribute,
    ForgetsTheContentType,
    EncodesTwice,
    BreaksHeaders,
    CutsDataAtAZero,
    DeclaresMoreThanItTakes,

    CallsTooLargeUnavailable,
    ForgetsWhatItTookBeforeARefusal,
    StoresTheRestAfterARefusal,
    CountsARefusedMessageAsTaken,
    CallsAnUnknownTopicUnavailable,
    IsSilentAboutAnUnknownTopic,
    RefusesTheNextOne,

    StoresAgain,
    NumbersFromOneInEachProcess,
    JudgesABatchByItsFirst,
    KeepsNumbersIn32Bits,
    LosesTheFirstOfAnEpoch,
    TakesTracksForOne,

    LetsZombiesIn,
    CallsAFenceUnavailable,
    FencesAtTheStartOfASend,
    FencesEveryStream,

    NeverRecovers,
    HangsWithoutANetwork,
    CallsACutARefusal,
    LosesOneOnReconnect,
    ClaimsOneTooMany,
    TurnsRoundOnReconnect,
    /// Of the harness: it says that it cuts, and does not.
    CutsNothing,

    RefusesForWantOfRoom,
    DropsForWantOfRoom,
    CountsWhatFoundNoRoomAsTaken,
    ThrottlesAllForOneTopic,
    StopsAllForOneTopic,
    SendsOneAtATime,
    StaysFull,
    /// Of the broker: some streams find room, which is no test for them.
    IsFullForSome,

    LeavesALateMessage,
    TakesADroppedSendForDone,
    FlushesABufferOutOfOrder,
    StaysBusyAfterADrop,
    IsBusyAWhileAfterADrop,
    BeginsAnewAfterADrop,

    LosesOneUnderLoad,
    KnowsOneHandle,
    SplitsLargeBatches,
}

impl Bug {
    /// Whether the bug shows in front of a broker that keeps all promises. The others are hidden
    /// by one that drops what it has seen, or are about promises that it does not keep.
    fn is_of_a_strict_broker(self) -> bool {
        use Bug::*;
        matches!(self, JudgesABatchByItsFirst | CallsAFenceUnavailable | LosesTheFirstOfAnEpoch)
    }
}

/// The memory bus with a bug in front of it.
pub struct SabotagedBusHarness {
    memory: MemoryBusHarness,
    bug: Bug,
    shared: Arc<Shared>,
}

impl SabotagedBusHarness {
    /// The bug in front of the broker that it shows with.
    pub fn start(bug: Bug) -> Self {
        let is_strict = bug == Bug::None || bug.is_of_a_strict_broker();
        let memory = if is_strict { MemoryBusHarness::strict() } else { MemoryBusHarness::plain() };
        Self { memory, bug, shared: Arc::default() }
    }
}

impl BusHarness for SabotagedBusHarness {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(Saboteur::new(self.memory.broker.clone(), self.bug, self.shared.clone()))
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        self.memory.topic(name).await
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        self.memory.missing_topic()
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        self.memory.stored(topic).await
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        self.memory.data_bytes_too_many()
    }

    async fn cut(&self) -> bool {
        self.bug == Bug::CutsNothing || self.memory.cut().await
    }

    async fn restore(&self) {
        self.memory.restore().await;
    }

    async fn cut_after(&self, way: Way, bytes: u64) -> bool {
        self.bug == Bug::CutsNothing || self.memory.cut_after(way, bytes).await
    }

    async fn is_cut(&self) -> bool {
        self.memory.is_cut().await
    }

    async fn fill(&self, topic: &str) -> Option<Full> {
        self.memory.fill(topic).await
    }

    async fn drain(&self, topic: &str) {
        self.memory.drain(topic).await;
    }

    async fn slow_down(&self, answers: Duration) -> bool {
        self.shared.slow_down(answers);
        true
    }
}
