//! The bus in front of the memory bus, with its bugs of memory and of time.

use super::{Bug, spoiled};
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, EventBus, Message, PublishError, PublishFailure,
    delegate_port,
};
use idp_memory::MemoryBus;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a bus waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Saboteur {
    broker: Arc<MemoryBus>,
    bug: Bug,
    shared: Arc<Shared>,
    /// Which handle this is, from 0.
    handle: usize,
    /// How many messages of each stream this handle has sent.
    counts: Mutex<HashMap<String, i64>>,
    sends: AtomicUsize,
    failed: AtomicBool,
    is_busy: AtomicBool,
    turn: tokio::sync::Mutex<()>,
    buffer: Mutex<Vec<Message>>,
    /// The numbers that sends began with, and did not end with.
    begun: Mutex<BTreeMap<String, i64>>,
}

/// What the handles have in common: the broker of the bug.
#[derive(Default)]
pub(super) struct Shared {
    handles: AtomicUsize,
    under_way: AtomicUsize,
    /// The highest number and the highest epoch seen of each stream, or of what a bug takes for one.
    marks: Mutex<HashMap<String, (i64, i64)>>,
    /// How long an answer takes.
    answer_time: Mutex<Duration>,
}

impl Shared {
    pub(super) fn slow_down(&self, answers: Duration) {
        *self.answer_time.lock().expect("no panic") = answers;
    }
}

impl Saboteur {
    pub(super) fn new(broker: Arc<MemoryBus>, bug: Bug, shared: Arc<Shared>) -> Self {
        let handle = shared.handles.fetch_add(1, SeqCst);
        Self {
            broker,
            bug,
            shared,
            handle,
            counts: Mutex::default(),
            sends: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            buffer: Mutex::default(),
            begun: Mutex::default(),
        }
    }

    async fn send(&self, messages: &[Message]) -> Result<(), PublishError> {
        self.wait_for_the_broker().await;
        let spoilt = spoiled::messages(self.bug, messages);
        match self.bug {
            Bug::RefusesAnEmptyCall if messages.is_empty() => {
                Err(PublishError::unavailable(0, "nothing to publish"))
            }
            Bug::AcksBeforeItStores => {
                let broker = Arc::clone(&self.broker);
                tokio::spawn(async move { broker.publish(&spoilt).await });
                Ok(())
            }
            Bug::StoresTheRestAfterARefusal => self.store_around(messages).await,
            Bug::IsSilentAboutAnUnknownTopic => {
                let known = spoilt.into_iter().filter(|message| &*message.topic != "nowhere");
                self.broker.publish(&known.collect::<Vec<_>>()).await
            }
            Bug::LosesOneUnderLoad => self.send_under_load(messages).await,
            Bug::KnowsOneHandle if self.handle > 0 => Ok(()),
            Bug::GivesUpLateOnce | Bug::GivesUpAtOnce if self.sends.fetch_add(1, SeqCst) == 0 => {
                self.give_up().await
            }
            Bug::GivesUpAgainAndAgain => self.give_up().await,
            Bug::LeavesALateMessage => {
                let late = Late { broker: &self.broker, message: messages.last().cloned() };
                let outcome = self.broker.publish(messages).await;
                late.disarm();
                outcome
            }
            Bug::StaysBusyAfterADrop => {
                if self.is_busy.swap(true, SeqCst) {
                    std::future::pending::<()>().await;
                }
                let outcome = self.broker.publish(messages).await;
                self.is_busy.store(false, SeqCst);
                outcome
            }
            Bug::IsBusyAWhileAfterADrop => {
                if self.is_busy.swap(true, SeqCst) {
                    tokio::time::sleep(PATIENCE).await;
                }
                let outcome = self.broker.publish(messages).await;
                self.is_busy.store(false, SeqCst);
                outcome
            }
            Bug::WaitsForRoom => self.wait_for_room(messages).await,
            Bug::SendsOneAtATime => {
                let _turn = self.turn.lock().await;
                self.wait_for_room(messages).await
            }
            Bug::IsFullForSome => self.find_room(messages).await,
            Bug::TakesADroppedSendForDone => self.send_what_was_not_begun(messages).await,
            _ => self.send_some(spoilt).await,
        }
    }

    async fn give_up(&self) -> Result<(), PublishError> {
        if self.bug != Bug::GivesUpAtOnce {
            tokio::time::sleep(PATIENCE).await;
        }
        Err(PublishError::unavailable(0, "no answer in time"))
    }

    /// Before the first message comes the way to the broker, of one answer; with the bug, of three, which
    /// are asked for again by each send.
    async fn wait_for_the_broker(&self) {
        let answer = *self.shared.answer_time.lock().expect("no panic");
        if !answer.is_zero() {
            let answers = if self.bug == Bug::BeginsAnewAfterADrop { 3 } else { 1 };
            tokio::time::sleep(answer * answers).await;
        }
    }

    /// Bugs of which messages go out.
    async fn send_some(&self, mut messages: Vec<Message>) -> Result<(), PublishError> {
        let has_failed = self.failed.load(SeqCst);
        match self.bug {
            Bug::RefusesTheNextOne if has_failed => {
                self.failed.store(false, SeqCst);
                return Err(PublishError::refused(0, "the channel is closed"));
            }
            Bug::NeverRecovers if has_failed => {
                return Err(PublishError::unavailable(0, "not connected"));
            }
            Bug::StaysFull if has_failed => {
                return Err(PublishError::topic_unavailable(0, None, "there was no room"));
            }
            Bug::StopsAllForOneTopic if has_failed => {
                self.failed.store(false, SeqCst);
                return Err(PublishError::topic_unavailable(0, None, "there was no room"));
            }
            Bug::LosesOneOnReconnect if has_failed => drop(messages.drain(..1)),
            Bug::TurnsRoundOnReconnect if has_failed => messages.reverse(),
            Bug::FlushesABufferOutOfOrder => {
                let buffer = std::mem::take(&mut *self.buffer.lock().expect("no panic"));
                if self.broker.publish(&buffer).await.is_err() {
                    *self.buffer.lock().expect("no panic") = buffer;
                }
            }
            Bug::FencesAtTheStartOfASend | Bug::FencesEveryStream => self.fence(&messages)?,
            _ => self.drop_seen(&mut messages),
        }
        let outcome = self.broker.publish(&messages).await;
        let failure = outcome.as_ref().err().map(|error| error.failure);
        self.failed.store(failure.is_some(), SeqCst);
        if failure == Some(PublishFailure::Unavailable) {
            if self.bug == Bug::HangsWithoutANetwork {
                std::future::pending::<()>().await;
            }
            *self.buffer.lock().expect("no panic") = messages.split_off(messages.len().min(1));
        }
        outcome
    }

    /// Bugs of a broker that drops numbers it has seen.
    fn drop_seen(&self, messages: &mut Vec<Message>) {
        let mut marks = self.shared.marks.lock().expect("no panic");
        let batch_is_old = messages.first().is_some_and(|first| {
            marks.get(&first.stream.to_string()).is_some_and(|(seen, _)| first.sequence <= *seen)
        });
        messages.retain(|message| {
            let stream = message.stream.to_string();
            let (name, number) = match self.bug {
                Bug::NumbersFromOneInEachProcess => (stream.clone(), self.count(&stream)),
                Bug::KeepsNumbersIn32Bits => (stream, message.sequence & 0xffff_ffff),
                Bug::TakesTracksForOne => {
                    (message.stream.lane.number().to_string(), message.sequence)
                }
                _ => (stream, message.sequence),
            };
            let (seen, epoch) = marks.entry(name).or_default();
            let (is_new, is_new_epoch) = (number > *seen, message.epoch > *epoch);
            (*seen, *epoch) = (number.max(*seen), message.epoch.max(*epoch));
            match self.bug {
                Bug::NumbersFromOneInEachProcess
                | Bug::KeepsNumbersIn32Bits
                | Bug::TakesTracksForOne
                | Bug::LetsZombiesIn => is_new,
                Bug::LosesTheFirstOfAnEpoch => !is_new_epoch || message.epoch == 1,
                Bug::JudgesABatchByItsFirst => !batch_is_old,
                _ => true,
            }
        });
    }

    fn count(&self, stream: &str) -> i64 {
        let mut counts = self.counts.lock().expect("no panic");
        let count = counts.entry(stream.to_owned()).or_default();
        *count += 1;
        *count
    }

    fn fence(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else { return Ok(()) };
        let every = self.bug == Bug::FencesEveryStream;
        let name = if every { String::new() } else { first.stream.to_string() };
        let mut marks = self.shared.marks.lock().expect("no panic");
        let (_, epoch) = marks.entry(name).or_default();
        if first.epoch < *epoch {
            return Err(PublishError::fenced(0, "a newer epoch publishes"));
        }
        *epoch = first.epoch;
        Ok(())
    }

    async fn store_around(&self, messages: &[Message]) -> Result<(), PublishError> {
        let outcome = self.broker.publish(messages).await;
        if let Err(error) = &outcome {
            let rest = messages.get(error.accepted + 1..).unwrap_or_default();
            self.broker.publish(rest).await?;
        }
        outcome
    }

    /// Says only after a while that there is none.
    async fn wait_for_room(&self, messages: &[Message]) -> Result<(), PublishError> {
        let outcome = self.broker.publish(messages).await;
        let failure = outcome.as_ref().err().map(|error| error.failure);
        if matches!(failure, Some(PublishFailure::TopicUnavailable(_))) {
            tokio::time::sleep(PATIENCE).await;
        }
        outcome
    }

    /// Streams of even lanes find some.
    async fn find_room(&self, messages: &[Message]) -> Result<(), PublishError> {
        let outcome = self.broker.publish(messages).await;
        let Some(first) = messages.first().filter(|first| first.stream.lane.number() % 2 == 0)
        else {
            return outcome;
        };
        tokio::time::sleep(PATIENCE).await;
        let accepted = match outcome {
            Err(error) => error.accepted,
            Ok(()) => return Ok(()),
        };
        self.broker.drain(&first.topic);
        let outcome = self.broker.publish(&messages[accepted..]).await;
        self.broker.fill(&*first.topic);
        outcome
    }

    async fn send_under_load(&self, messages: &[Message]) -> Result<(), PublishError> {
        let others = self.shared.under_way.fetch_add(1, SeqCst);
        let lost = usize::from(others > 30 && messages.len() > 1);
        let outcome = self.broker.publish(&messages[lost..]).await;
        self.shared.under_way.fetch_sub(1, SeqCst);
        outcome
    }

    async fn send_what_was_not_begun(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(last) = messages.last() else { return Ok(()) };
        let name = last.stream.to_string();
        let begun = self.begun.lock().expect("no panic").insert(name.clone(), last.sequence);
        let begun = begun.unwrap_or(0);
        let rest = messages.iter().filter(|message| message.sequence > begun).cloned();
        let outcome = self.broker.publish(&rest.collect::<Vec<_>>()).await;
        self.begun.lock().expect("no panic").remove(&name);
        outcome
    }
}

/// The end of a batch, which is stored when the send is dropped.
struct Late<'s> {
    broker: &'s Arc<MemoryBus>,
    message: Option<Message>,
}

impl Late<'_> {
    fn disarm(mut self) {
        self.message = None;
    }
}

impl Drop for Late<'_> {
    fn drop(&mut self) {
        let (broker, message) = (Arc::clone(self.broker), self.message.take());
        if let Some(message) = message {
            tokio::spawn(async move { broker.publish(&[message]).await });
        }
    }
}

impl EventBus for Saboteur {
    delegate_port!(EventBus { system } => |this| this.broker);

    fn guarantees(&self) -> BusGuarantees {
        let mut guarantees = self.broker.guarantees();
        match self.bug {
            Bug::DeclaresMoreThanItTakes => {
                guarantees.data_bytes_max = guarantees.data_bytes_max.map(|bytes| bytes + 1);
            }
            Bug::StoresAgain => guarantees.duplicates = Duplicates::Never,
            Bug::LetsZombiesIn | Bug::FencesAtTheStartOfASend | Bug::FencesEveryStream => {
                guarantees.fences_zombies = true;
            }
            _ => {}
        }
        guarantees
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move { spoiled::outcome(self.bug, self.send(messages).await, messages) })
    }
}
