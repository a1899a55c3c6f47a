//! As much of Pulsar's binary protocol as it takes to read a topic, written apart from the bus under
//! test. Tags are those of `PulsarApi.proto`; fields that are not named here are passed over.

use crate::failure::Outcome;
use prost::Message;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECT: i32 = 2;
const CONNECTED: i32 = 3;
const SUBSCRIBE: i32 = 4;
const MESSAGE: i32 = 9;
const FLOW: i32 = 11;
const SUCCESS: i32 = 13;
const PING: i32 = 18;
const PONG: i32 = 19;
const LOOKUP: i32 = 23;
const LOOKUP_RESPONSE: i32 = 24;

const PROTOCOL_VERSION: i32 = 19;
const PERMITS: u32 = 1_000_000;

#[derive(Clone, PartialEq, Message)]
struct Command {
    #[prost(int32, required, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    connect: Option<Connect>,
    #[prost(message, optional, tag = "4")]
    subscribe: Option<Subscribe>,
    #[prost(message, optional, tag = "9")]
    message: Option<Delivered>,
    #[prost(message, optional, tag = "11")]
    flow: Option<Flow>,
    #[prost(message, optional, tag = "19")]
    pong: Option<Nothing>,
    #[prost(message, optional, tag = "23")]
    lookup: Option<Lookup>,
}

#[derive(Clone, PartialEq, Message)]
struct Nothing {}

#[derive(Clone, PartialEq, Message)]
struct Connect {
    #[prost(string, required, tag = "1")]
    client_version: String,
    #[prost(int32, optional, tag = "4")]
    protocol_version: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct Subscribe {
    #[prost(string, required, tag = "1")]
    topic: String,
    #[prost(string, required, tag = "2")]
    subscription: String,
    #[prost(int32, required, tag = "3")]
    kind: i32,
    #[prost(uint64, required, tag = "4")]
    consumer: u64,
    #[prost(uint64, required, tag = "5")]
    request: u64,
    #[prost(bool, optional, tag = "8")]
    durable: Option<bool>,
    #[prost(message, optional, tag = "9")]
    start: Option<Id>,
}

#[derive(Clone, PartialEq, Message)]
struct Id {
    #[prost(uint64, required, tag = "1")]
    ledger: u64,
    #[prost(uint64, required, tag = "2")]
    entry: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Delivered {
    #[prost(message, required, tag = "2")]
    id: Id,
}

#[derive(Clone, PartialEq, Message)]
struct Flow {
    #[prost(uint64, required, tag = "1")]
    consumer: u64,
    #[prost(uint32, required, tag = "2")]
    permits: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Lookup {
    #[prost(string, required, tag = "1")]
    topic: String,
    #[prost(uint64, required, tag = "2")]
    request: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, repeated, tag = "4")]
    properties: Vec<Property>,
}

#[derive(Clone, PartialEq, Message)]
struct Property {
    #[prost(string, required, tag = "1")]
    key: String,
    #[prost(string, required, tag = "2")]
    value: String,
}

/// Where a message is: ledger and entry.
pub(super) type Position = (u64, u64);

/// A message of the topic.
pub(super) struct Stored {
    pub(super) position: Position,
    pub(super) properties: BTreeMap<String, String>,
}

/// A connection.
pub(super) struct Wire {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    pub(super) async fn connect(host: &str) -> Outcome<Self> {
        let mut wire = Self { socket: TcpStream::connect(host).await?, received: Vec::new() };
        let protocol_version = Some(PROTOCOL_VERSION);
        let connect = Connect { client_version: "chaos".to_owned(), protocol_version };
        let connect = Some(connect);
        wire.send(&Command { kind: CONNECT, connect, ..Command::default() }).await?;
        wire.answer(CONNECTED).await?;
        Ok(wire)
    }

    /// Lets the broker send what it has from that message on, which may be sent again; or all.
    pub(super) async fn read_from(&mut self, topic: &str, last: Option<Position>) -> Outcome {
        let lookup = Some(Lookup { topic: topic.to_owned(), request: 1 });
        self.send(&Command { kind: LOOKUP, lookup, ..Command::default() }).await?;
        self.answer(LOOKUP_RESPONSE).await?;
        // -1 for both is the first message.
        let (ledger, entry) = last.unwrap_or((u64::MAX, u64::MAX));
        let subscribe = Some(Subscribe {
            topic: topic.to_owned(),
            subscription: format!("reader-{}-{ledger}-{entry}", std::process::id()),
            kind: 0,
            consumer: 1,
            request: 2,
            durable: Some(false),
            start: Some(Id { ledger, entry }),
        });
        self.send(&Command { kind: SUBSCRIBE, subscribe, ..Command::default() }).await?;
        self.answer(SUCCESS).await?;
        let flow = Some(Flow { consumer: 1, permits: PERMITS });
        self.send(&Command { kind: FLOW, flow, ..Command::default() }).await
    }

    /// The next one. May be given up while it waits.
    pub(super) async fn message(&mut self) -> Outcome<Stored> {
        loop {
            let (command, rest) = self.frame().await?;
            let Some(message) = command.message.filter(|_| command.kind == MESSAGE) else {
                continue;
            };
            let properties = metadata(&rest)?.properties.into_iter();
            return Ok(Stored {
                position: (message.id.ledger, message.id.entry),
                properties: properties.map(|property| (property.key, property.value)).collect(),
            });
        }
    }

    async fn send(&mut self, command: &Command) -> Outcome {
        let size = u32::try_from(command.encoded_len())?;
        let mut frame = (size + 4).to_be_bytes().to_vec();
        frame.extend(size.to_be_bytes());
        command.encode(&mut frame)?;
        Ok(self.socket.write_all(&frame).await?)
    }

    async fn answer(&mut self, kind: i32) -> Outcome {
        let (command, _) = self.frame().await?;
        if command.kind == kind {
            return Ok(());
        }
        Err(format!("Pulsar answered {} where {kind} was due", command.kind).into())
    }

    /// The next command that is no ping, and what stands behind it.
    async fn frame(&mut self) -> Outcome<(Command, Vec<u8>)> {
        loop {
            let Some((command, rest)) = take(&mut self.received)? else {
                if self.socket.read_buf(&mut self.received).await? == 0 {
                    return Err("Pulsar closed the connection".into());
                }
                continue;
            };
            if command.kind != PING {
                return Ok((command, rest));
            }
            let pong = Some(Nothing {});
            self.send(&Command { kind: PONG, pong, ..Command::default() }).await?;
        }
    }
}

/// A frame, taken off: its size, the size of the command, the command, and the rest.
fn take(received: &mut Vec<u8>) -> Outcome<Option<(Command, Vec<u8>)>> {
    let (Some(total), Some(size)) = (size(received, 0), size(received, 4)) else {
        return Ok(None);
    };
    if received.len() < 4 + total {
        return Ok(None);
    }
    let frame: Vec<u8> = received.drain(..4 + total).collect();
    let (command, rest) = frame[8..].split_at_checked(size).ok_or("a frame is cut off")?;
    Ok(Some((Command::decode(command)?, rest.to_vec())))
}

fn size(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}

/// Behind a command: two bytes of magic and four of checksum, if there is one; the size of the
/// metadata, the metadata, the data.
fn metadata(rest: &[u8]) -> Outcome<Metadata> {
    let rest =
        if rest.starts_with(&[0x0e, 0x01]) { rest.get(6..).unwrap_or_default() } else { rest };
    let size = size(rest, 0).ok_or("a message has no metadata")?;
    Ok(Metadata::decode(rest.get(4..4 + size).ok_or("a message is cut off")?)?)
}
