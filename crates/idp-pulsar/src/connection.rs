//! One connection to a broker, which all streams with topics there share.
//!
//! Whole frames are handed to one task that writes them, so that a caller that is dropped leaves no
//! half of one. Commands go before messages, so that what closes a producer overtakes what it still
//! has to send. That is not sent any more: the broker would close the connection over it.

use crate::Token;
use crate::answers::{Answers, Event};
use crate::command::{Command, Kind};
use crate::error::Failure;
use crate::handshake::{Welcome, fresh_token};
use crate::network::Network;
use crate::{frame, handshake};
use bytes::{Bytes, BytesMut};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How many bundles of messages wait for the network.
const BUNDLES_WAITING: usize = 4;

pub(crate) struct Connection {
    answers: Arc<Answers>,
    commands: mpsc::UnboundedSender<Bytes>,
    bundles: mpsc::Sender<Bundle>,
    message_bytes_max: usize,
}

/// Messages to be written as long as whoever sends them is there.
pub(crate) struct Bundle {
    pub(crate) parts: Vec<Bytes>,
    pub(crate) sender: Weak<()>,
}

/// What a connection needs to know.
#[derive(Clone)]
pub(crate) struct Manners {
    pub(crate) token: Option<Token>,
    pub(crate) keep_alive: Duration,
}

impl Connection {
    /// Introduces us on a stream to a broker and serves it until it breaks, or until the connection
    /// and all producers on it are dropped.
    pub(crate) async fn begin(
        mut network: Box<dyn Network>,
        manners: Manners,
        proxied_to: Option<&str>,
    ) -> Result<Self, Failure> {
        let hands = handshake::shake_hands(&mut *network, manners.token.as_ref(), proxied_to);
        let Welcome { message_bytes_max, received } = hands.await?;
        let (commands, commands_waiting) = mpsc::unbounded_channel();
        let (bundles, bundles_waiting) = mpsc::channel(BUNDLES_WAITING);
        let answers = Arc::new(Answers::default());
        let ear = Ear { answers: answers.clone(), commands: commands.downgrade(), manners };
        tokio::spawn(async move {
            let (reader, writer) = tokio::io::split(network);
            let answers = ear.answers.clone();
            let reason = tokio::select! {
                reason = ear.listen(reader, received) => reason,
                reason = talk(writer, commands_waiting, bundles_waiting) => reason,
            };
            answers.lose(&reason);
        });
        Ok(Self { answers, commands, bundles, message_bytes_max })
    }

    /// The most bytes that a message may have with its metadata.
    pub(crate) fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.answers.lost().is_some()
    }

    /// Asks the broker something and waits for the answer.
    pub(crate) async fn ask(
        &self,
        within: Duration,
        question: impl FnOnce(u64) -> Command,
    ) -> Result<Command, Failure> {
        let expected = self.answers.expect()?;
        self.tell(&question(expected.request));
        let late = |_| Failure::Unavailable(format!("the broker did not answer within {within:?}"));
        timeout(within, expected.answer()).await.map_err(late)?
    }

    /// Tells from now on what happens to the producer.
    pub(crate) fn follow(
        &self,
        producer: u64,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<(), Failure> {
        self.answers.follow(producer, events)
    }

    /// Whether what happens to the producer is told.
    pub(crate) fn is_followed(&self, producer: u64) -> bool {
        self.answers.is_followed(producer)
    }

    /// Closes a producer, without waiting for the broker: what is asked behind this comes after it.
    pub(crate) fn close(&self, producer: u64) {
        self.answers.forget(producer);
        self.tell(&Command::close_producer(producer, self.answers.next_request()));
    }

    /// Hands messages over to be written, when there is room. Those of a connection that is gone are
    /// dropped: whoever follows their producers is told.
    pub(crate) async fn send(&self, bundle: Bundle) {
        let _ = self.bundles.send(bundle).await;
    }

    /// Commands to a connection that is gone have nobody to tell.
    fn tell(&self, command: &Command) {
        let _ = self.commands.send(frame::command(command));
    }
}

impl Bundle {
    fn parts_if_wanted(self) -> Vec<Bytes> {
        if self.sender.strong_count() > 0 { self.parts } else { Vec::new() }
    }
}

/// What hears the broker.
struct Ear {
    answers: Arc<Answers>,
    commands: mpsc::WeakUnboundedSender<Bytes>,
    manners: Manners,
}

impl Ear {
    /// Hears the broker until it is heard no more, and says why.
    async fn listen(&self, mut reader: impl AsyncRead + Unpin, mut received: BytesMut) -> String {
        let keep_alive = self.manners.keep_alive;
        let mut is_asked = false;
        loop {
            loop {
                match frame::take(&mut received) {
                    Ok(Some(command)) => self.hear(command),
                    Ok(None) => break,
                    Err(reason) => return reason,
                }
            }
            match timeout(keep_alive, reader.read_buf(&mut received)).await {
                Ok(Ok(0)) => return "the broker closed the connection".to_owned(),
                Ok(Ok(_)) => is_asked = false,
                Ok(Err(error)) => return format!("the connection broke: {error}"),
                Err(_) if is_asked => return format!("no sign of the broker for {keep_alive:?}"),
                Err(_) => {
                    is_asked = true;
                    self.say(&Command::ping());
                }
            }
        }
    }

    fn hear(&self, command: Command) {
        match Kind::try_from(command.kind) {
            Ok(Kind::Ping) => self.say(&Command::pong()),
            Ok(Kind::AuthChallenge) => self.say(&fresh_token(self.manners.token.as_ref())),
            _ => self.answers.hand_out(command),
        }
    }

    fn say(&self, command: &Command) {
        if let Some(commands) = self.commands.upgrade() {
            let _ = commands.send(frame::command(command));
        }
    }
}

/// Writes what is handed over, commands first, until nobody can hand over any more, and says why it
/// stopped.
async fn talk(
    mut writer: impl AsyncWrite + Unpin,
    mut commands: mpsc::UnboundedReceiver<Bytes>,
    mut bundles: mpsc::Receiver<Bundle>,
) -> String {
    loop {
        let parts = tokio::select! {
            biased;
            command = commands.recv() => command.map(|frame| vec![frame]),
            bundle = bundles.recv() => bundle.map(Bundle::parts_if_wanted),
        };
        let Some(parts) = parts else {
            return "the connection is not used any more".to_owned();
        };
        if let Err(error) = write(&mut writer, &parts).await {
            return format!("the connection broke: {error}");
        }
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), parts: &[Bytes]) -> std::io::Result<()> {
    for part in parts {
        writer.write_all(part).await?;
    }
    writer.flush().await
}
