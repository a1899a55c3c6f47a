//! A broker that does what a test says, for what a real one cannot be brought to do.

use super::bare::{self, Frame, command_frame, take_frame};
use super::protobuf::Writer;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Gives what to answer a command with; `None` for the usual.
pub(crate) type Play = Box<dyn FnMut(&Frame) -> Option<Vec<Vec<u8>>> + Send>;

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) address: String,
    is_tls: bool,
    play: Arc<Mutex<Play>>,
}

impl Script {
    pub(crate) async fn start(play: Play) -> Self {
        Self::begin(play, None).await
    }

    pub(crate) async fn start_tls(play: Play, tls: TlsAcceptor) -> Self {
        Self::begin(play, Some(tls)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.is_tls { "pulsar+ssl" } else { "pulsar" }, self.address)
    }

    async fn begin(play: Play, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let script = Self { address, is_tls: tls.is_some(), play: Arc::new(Mutex::new(play)) };
        let serving = script.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (script, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => script.serve(client).await,
                        Some(tls) => {
                            if let Ok(client) = tls.accept(client).await {
                                script.serve(client).await;
                            }
                        }
                    }
                });
            }
        });
        script
    }

    async fn serve(&self, mut client: impl AsyncRead + AsyncWrite + Unpin) {
        let mut received = Vec::new();
        loop {
            while let Some(frame) = take_frame(&mut received) {
                let played = (self.play.lock().expect("not poisoned"))(&frame);
                for answer in played.unwrap_or_else(|| self.usual(&frame)) {
                    if client.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
            if !matches!(client.read_buf(&mut received).await, Ok(1..)) {
                return;
            }
        }
    }

    fn usual(&self, frame: &Frame) -> Vec<Vec<u8>> {
        let number = |tag| frame.command.number(tag).expect("a number");
        let answer = match frame.kind {
            bare::CONNECT => connected(),
            bare::PARTITIONS => {
                let none = Writer::default().number(1, 0).number(2, number(2)).number(3, 0);
                command_frame(bare::PARTITIONS_RESPONSE, none)
            }
            bare::LOOKUP => found(number(2), &self.url(), 1),
            bare::PRODUCER => opened(frame, -1),
            bare::SEND => receipt(frame, (1, number(2))),
            bare::CLOSE_PRODUCER => command_frame(13, Writer::default().number(1, number(2))),
            bare::PING => command_frame(bare::PONG, Writer::default()),
            _ => return vec![],
        };
        vec![answer]
    }
}

pub(crate) fn connected() -> Vec<u8> {
    command_frame(3, Writer::default().bytes(1, "script").number(3, 5 * 1024 * 1024))
}

/// Where a topic is: 1 there, 0 ask there.
pub(crate) fn found(request: u64, url: &str, what: u64) -> Vec<u8> {
    command_frame(bare::LOOKUP_RESPONSE, answer(request, url, what))
}

/// The same, reached by way of us.
pub(crate) fn found_behind(request: u64, url: &str) -> Vec<u8> {
    command_frame(bare::LOOKUP_RESPONSE, answer(request, url, 1).number(8, 1))
}

fn answer(request: u64, url: &str, what: u64) -> Writer {
    let tag = if url.starts_with("pulsar+ssl") { 2 } else { 1 };
    Writer::default().bytes(tag, url).number(3, what).number(4, request).number(5, 1)
}

/// The producer is open, and the topic has that number of it.
pub(crate) fn opened(frame: &Frame, last: i64) -> Vec<u8> {
    let request = frame.command.number(3).expect("a number");
    let opened = Writer::default().number(1, request).bytes(2, "name");
    command_frame(bare::PRODUCER_SUCCESS, opened.number(3, last.cast_unsigned()))
}

pub(crate) fn receipt(frame: &Frame, (ledger, entry): (u64, u64)) -> Vec<u8> {
    let id = Writer::default().number(1, ledger).number(2, entry);
    command_frame(bare::RECEIPT, of_message(frame).bytes(3, id.0))
}

pub(crate) fn refusal(frame: &Frame, code: u64, message: &str) -> Vec<u8> {
    command_frame(8, of_message(frame).number(3, code).bytes(4, message))
}

/// The answer to a request whose number stands at that tag.
pub(crate) fn error(frame: &Frame, tag: u64, code: u64) -> Vec<u8> {
    let request = frame.command.number(tag).unwrap_or(u64::MAX);
    command_frame(bare::ERROR, Writer::default().number(1, request).number(2, code).bytes(3, "no"))
}

fn of_message(frame: &Frame) -> Writer {
    let number = |tag| frame.command.number(tag).expect("a number");
    Writer::default().number(1, number(1)).number(2, number(2))
}
