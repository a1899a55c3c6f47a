//! The bus.

use crate::client::Client;
use crate::error::Failure;
use crate::round::{Outcome, ROOM_FOR_METADATA, Round};
use crate::streams::Streams;
use crate::{Access, Deduplication, PulsarConfig, sweeper};
use idp_application::{
    BoxFuture, BusGuarantees, Duplicates, Error, ErrorKind, EventBus, Message, PublishError,
    PublishFailure,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Publishes to Apache Pulsar.
///
/// The topic of a message is `persistent://tenant/namespace/topic`, or a short form of it. The name of
/// the producer is the prefix of the configuration and the name of the stream; the sequence id is
/// the number of the message.
///
/// A call that is dropped closes the producers by which it had something under way. What it had handed to
/// the connection by then may still be stored, in order, before anything that is published later. What
/// it was opening is opened further, for the next call of that stream and epoch; if none comes within
/// [`idle_timeout`](PulsarConfig::idle_timeout) after that, it is closed.
pub struct PulsarBus {
    client: Arc<Client>,
    streams: Arc<Streams>,
    message_bytes_max: usize,
}

impl PulsarBus {
    /// Connects to the first host of the service URL that lets us in.
    ///
    /// Fails with [`Invalid`](ErrorKind::Invalid) if the configuration is, and with
    /// [`Unavailable`](ErrorKind::Unavailable) if no broker can be reached or it does not let us in.
    pub async fn connect(config: PulsarConfig) -> Result<Self, Error> {
        let idle = config.idle_timeout;
        let client = Arc::new(Client::new(config)?);
        let connection = client.connect().await.map_err(Failure::while_connecting)?;
        let message_bytes_max = connection.message_bytes_max();
        let streams = Arc::default();
        sweeper::start(&streams, idle);
        Ok(Self { client, streams, message_bytes_max })
    }

    async fn publish_in_order(&self, messages: &[Message]) -> Result<(), PublishError> {
        let Some(first) = messages.first() else {
            return Ok(());
        };
        check_order(messages)?;
        let config = &self.client.config;
        let mut turn = self.streams.turn(first, config.access).await;
        let mut patience = Patience::new(config.patience);
        let mut accepted = 0;
        loop {
            let rest = &messages[accepted..];
            let session = turn.session(first, &config.producer_prefix).await;
            let outcome = Round::new(&self.client, session, rest).run().await;
            let Outcome { accepted: more, failure, is_doubtful } = outcome;
            accepted += more;
            if is_doubtful {
                // What is not used again must be closed before anything is opened.
                turn.close().await;
            }
            let Some(failure) = failure else { break };
            if more > 0 {
                patience = Patience::new(config.patience);
            }
            if !failure.passes_soon() || patience.is_over() {
                turn.end();
                return Err(failure.after(accepted));
            }
            tracing::debug!(stream = %first.stream, ?failure, "trying again");
            patience.wait().await;
        }
        turn.end();
        Ok(())
    }
}

impl EventBus for PulsarBus {
    fn system(&self) -> &'static str {
        "pulsar"
    }

    fn guarantees(&self) -> BusGuarantees {
        let config = &self.client.config;
        let duplicates = match config.deduplication {
            Deduplication::Required => Duplicates::NeverWithin(config.producer_memory),
            Deduplication::Off => Duplicates::Possible,
        };
        BusGuarantees {
            duplicates,
            fences_zombies: config.access == Access::Exclusive,
            data_bytes_max: Some(self.message_bytes_max.saturating_sub(ROOM_FOR_METADATA)),
        }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.publish_in_order(messages))
    }
}

/// A number behind a higher one would be dropped by the broker as known: rather nothing is sent.
fn check_order(messages: &[Message]) -> Result<(), PublishError> {
    let first = &messages[0];
    let rises = messages.is_sorted_by(|a, b| a.sequence < b.sequence) && first.sequence > 0;
    let is_of_first =
        |message: &Message| message.stream == first.stream && message.epoch == first.epoch;
    if rises && messages.iter().all(is_of_first) {
        return Ok(());
    }
    let what = "the messages of a call must have one stream, one epoch, and rising numbers from 1";
    let error = Error::new(ErrorKind::Invalid, "publish", what);
    Err(PublishError { accepted: 0, failure: PublishFailure::Unavailable, error })
}

/// How long a call still tries again without progress.
struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    const PAUSE_MIN: Duration = Duration::from_millis(10);
    const PAUSE_MAX: Duration = Duration::from_millis(200);

    fn new(time: Duration) -> Self {
        Self { until: Instant::now() + time, pause: Self::PAUSE_MIN }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    async fn wait(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Self::PAUSE_MAX);
    }
}
