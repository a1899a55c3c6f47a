//! A bare client of Pulsar's protocol: no more than the frames, nothing of the crate.

use super::protobuf::{Fields, Writer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

pub(crate) const CONNECT: u64 = 2;
pub(crate) const SUBSCRIBE: u64 = 4;
pub(crate) const PRODUCER: u64 = 5;
pub(crate) const SEND: u64 = 6;
pub(crate) const RECEIPT: u64 = 7;
pub(crate) const MESSAGE: u64 = 9;
pub(crate) const FLOW: u64 = 11;
pub(crate) const ERROR: u64 = 14;
pub(crate) const PING: u64 = 18;
pub(crate) const PONG: u64 = 19;
pub(crate) const CLOSE_PRODUCER: u64 = 15;
pub(crate) const PRODUCER_SUCCESS: u64 = 17;
pub(crate) const PARTITIONS: u64 = 21;
pub(crate) const PARTITIONS_RESPONSE: u64 = 22;
pub(crate) const CHALLENGE: u64 = 36;
pub(crate) const CHALLENGE_RESPONSE: u64 = 37;
pub(crate) const LOOKUP: u64 = 23;
pub(crate) const LOOKUP_RESPONSE: u64 = 24;
pub(crate) const LAST_ID: u64 = 29;
pub(crate) const LAST_ID_RESPONSE: u64 = 30;

pub(crate) const SHARED: u64 = 0;
pub(crate) const EXCLUSIVE_WITH_FENCING: u64 = 3;

/// A connection.
pub(crate) struct Bare {
    network: TcpStream,
    received: Vec<u8>,
}

/// A frame: the kind of its command, the command, and what stands behind it.
pub(crate) struct Frame {
    pub(crate) kind: u64,
    pub(crate) command: Fields,
    pub(crate) rest: Vec<u8>,
}

/// The receipt of a message that was known already.
pub(crate) const KNOWN: (u64, u64) = (u64::MAX, u64::MAX);

impl Bare {
    pub(crate) async fn connect(address: &str) -> Self {
        let network = TcpStream::connect(address).await.expect("the broker is there");
        network.set_nodelay(true).expect("it can be asked for");
        let mut bare = Self { network, received: Vec::new() };
        bare.command(CONNECT, Writer::default().bytes(1, "bare").number(4, 19)).await;
        bare.answer(3).await;
        bare
    }

    /// Opens producer 1. Gives the last number that the broker knows of the name, or the number of
    /// its error.
    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        name: &str,
        access: u64,
        epoch: Option<u64>,
    ) -> Result<i64, u64> {
        self.look_up(topic).await;
        let open = Writer::default().bytes(1, topic).number(2, 1).number(3, 2).bytes(4, name);
        let open = open.number(9, 1).number(10, access);
        self.command(PRODUCER, epoch.iter().fold(open, |open, epoch| open.number(11, *epoch)))
            .await;
        let answer = self.next_of(&[PRODUCER_SUCCESS, ERROR]).await;
        match answer.kind {
            ERROR => Err(answer.command.number(2).expect("a number")),
            _ => Ok(answer.command.number(3).unwrap_or(u64::MAX).cast_signed()),
        }
    }

    pub(crate) async fn look_up(&mut self, topic: &str) {
        self.command(LOOKUP, Writer::default().bytes(1, topic).number(2, 1)).await;
        self.answer(LOOKUP_RESPONSE).await;
    }

    /// Sends a message of that number by producer 1 and waits for its receipt.
    pub(crate) async fn send(&mut self, name: &str, sequence: u64, data: &[u8]) -> (u64, u64) {
        let metadata = Writer::default().bytes(1, name).number(2, sequence).number(3, 1);
        let frame = message_frame(sequence, &metadata, data);
        self.write(&frame).await;
        self.receipt(sequence).await
    }

    /// The ledger and entry of the next receipt, which is of that number.
    pub(crate) async fn receipt(&mut self, sequence: u64) -> (u64, u64) {
        let receipt = self.answer(RECEIPT).await;
        assert_eq!(receipt.number(2), Some(sequence));
        let id = receipt.message(3).expect("an id");
        (id.number(1).expect("a ledger"), id.number(2).expect("an entry"))
    }

    /// The two ways of the connection, for those who do the rest themselves.
    pub(crate) fn into_halves(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        self.network.into_split()
    }

    pub(crate) async fn command(&mut self, kind: u64, command: Writer) {
        let frame = command_frame(kind, command);
        self.write(&frame).await;
    }

    pub(crate) async fn write(&mut self, frame: &[u8]) {
        self.network.write_all(frame).await.expect("the broker is there");
    }

    /// The next command, which must be of that kind.
    pub(crate) async fn answer(&mut self, kind: u64) -> Fields {
        self.next_of(&[kind]).await.command
    }

    pub(crate) async fn next_of(&mut self, kinds: &[u64]) -> Frame {
        let frame = self.next().await.expect("the broker is there");
        assert!(kinds.contains(&frame.kind), "{}: {:?}", frame.kind, frame.command);
        frame
    }

    /// The next frame that is no ping; `None` if the broker closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = match take_frame(&mut self.received) {
                Some(frame) => frame,
                None => {
                    let count = self.network.read_buf(&mut self.received).await;
                    if count.unwrap_or(0) == 0 {
                        return None;
                    }
                    continue;
                }
            };
            if frame.kind != PING {
                return Some(frame);
            }
            self.command(PONG, Writer::default()).await;
        }
    }
}

pub(crate) fn command_frame(kind: u64, command: Writer) -> Vec<u8> {
    let command = Writer::default().number(1, kind).bytes(kind, command.0).0;
    let (total, size) = (command.len() as u32 + 4, command.len() as u32);
    [&total.to_be_bytes()[..], &size.to_be_bytes(), &command].concat()
}

/// Without a checksum, which is optional.
pub(crate) fn message_frame(sequence: u64, metadata: &Writer, data: &[u8]) -> Vec<u8> {
    let send = Writer::default().number(1, 1).number(2, sequence);
    let mut frame = command_frame(SEND, send);
    frame.extend((metadata.0.len() as u32).to_be_bytes());
    frame.extend(&metadata.0);
    frame.extend(data);
    let total = frame.len() as u32 - 4;
    frame[..4].copy_from_slice(&total.to_be_bytes());
    frame
}

/// The next whole frame, taken off.
pub(crate) fn take_frame(received: &mut Vec<u8>) -> Option<Frame> {
    let size = |at: usize| {
        let bytes = received.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().expect("four bytes")) as usize)
    };
    let (total, command) = (size(0)?, size(4)?);
    if received.len() < 4 + total {
        return None;
    }
    let frame: Vec<u8> = received.drain(..4 + total).collect();
    let (command, rest) = frame[8..].split_at(command);
    let fields = Fields::read(command);
    let kind = fields.number(1).expect("a kind");
    Some(Frame { kind, command: fields.message(kind).unwrap_or_default(), rest: rest.to_vec() })
}
