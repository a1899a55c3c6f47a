//! One connection to the broker, in the hands of one call at a time.
//!
//! Nobody else reads from it or writes to it, so a call that is dropped drops the connection with all
//! that it had not sent yet.

use super::config::RabbitStreamConfig;
use super::error::Fault;
use super::producers::{Producer, Producers};
use super::wire::{self, Incoming, Key, OK, Outgoing};
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// The longest silence that we ask for.
const HEARTBEAT_SECONDS: u32 = 60;

#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
    read: BytesMut,
    producers: Producers,
    correlation: u32,
    frame_bytes: usize,
    heartbeat: Duration,
    heard: Instant,
    answer_timeout: Duration,
}

impl Session {
    /// Connects to that node and logs in.
    pub(crate) async fn connect(node: &str, config: &RabbitStreamConfig) -> Result<Self, Fault> {
        let limit = config.connect_timeout;
        let connecting = async {
            let stream = TcpStream::connect(node).await?;
            stream.set_nodelay(true)?;
            let mut session = Self {
                stream,
                read: BytesMut::with_capacity(16 * 1024),
                producers: Producers::default(),
                correlation: 0,
                frame_bytes: config.frame_bytes_max,
                heartbeat: Duration::ZERO,
                heard: Instant::now(),
                answer_timeout: config.confirm_timeout,
            };
            session.log_in(config).await?;
            Ok(session)
        };
        timeout(limit, connecting).await.unwrap_or(Err(Fault::Silent(limit)))
    }

    async fn log_in(&mut self, config: &RabbitStreamConfig) -> Result<(), Fault> {
        let (name, version) = (config.connection_name.as_str(), env!("CARGO_PKG_VERSION"));
        let properties = [("product", "idp"), ("version", version), ("connection_name", name)];
        self.ask(Key::PeerProperties, |frame| {
            properties
                .iter()
                .fold(frame.u32(3), |frame, (key, value)| frame.string(key).string(value))
        })
        .await?;
        self.ask(Key::SaslHandshake, |frame| frame).await?;
        let secret = format!("\0{}\0{}", config.user, config.password);
        self.ask(Key::SaslAuthenticate, |frame| frame.string("PLAIN").bytes(secret.as_bytes()))
            .await?;
        self.agree().await?;
        self.ask(Key::Open, |frame| frame.string(&config.virtual_host)).await?;
        Ok(())
    }

    /// Takes the limits that the broker suggests, or smaller ones.
    async fn agree(&mut self) -> Result<(), Fault> {
        let (frame_bytes, heartbeat) = loop {
            match self.next().await? {
                Incoming::Tune { frame_bytes, heartbeat } => break (frame_bytes, heartbeat),
                other => self.note(other)?,
            }
        };
        let ours = u32::try_from(self.frame_bytes).unwrap_or(u32::MAX);
        let frame_bytes = smaller(ours, frame_bytes);
        let heartbeat = smaller(HEARTBEAT_SECONDS, heartbeat);
        self.frame_bytes = usize::try_from(frame_bytes).unwrap_or(self.frame_bytes);
        self.heartbeat = Duration::from_secs(heartbeat.into());
        let frame = Outgoing::command(Key::Tune).u32(frame_bytes).u32(heartbeat).finish();
        Ok(self.stream.write_all(&frame).await?)
    }

    /// How many bytes a frame may have, its size included.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// How long either side may be silent.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// Whether a producer of that name was declared here.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.producers.knows(name)
    }

    /// The number of the producer on this connection, if it was declared here.
    pub(crate) fn producer(&mut self, producer: &Producer) -> Option<u8> {
        self.producers.find(producer)
    }

    /// Declares the producer. `first` is the number of the message that it is to begin with.
    pub(crate) async fn declare(&mut self, producer: &Producer, first: u64) -> Result<u8, Fault> {
        let (id, is_taken) = self.producers.number();
        if is_taken {
            self.ask(Key::DeletePublisher, |frame| frame.u8(id)).await?;
        }
        let (name, topic) = (&*producer.name, &*producer.topic);
        self.ask(Key::DeclarePublisher, |frame| frame.u8(id).string(name).string(topic)).await?;
        self.producers.add(producer.clone(), id);
        let mut stored =
            self.ask(Key::QueryPublisherSequence, |frame| frame.string(name).string(topic)).await?;
        let stored = stored.try_get_u64().map_err(|_| wire::Broken)?;
        if stored >= first {
            tracing::info!(
                producer = name,
                stream = topic,
                first,
                stored,
                "RabbitMQ takes numbers up to the stored one for messages that it has already"
            );
        }
        Ok(id)
    }

    /// Sends a request and waits for the answer: what it holds besides the code.
    async fn ask(
        &mut self,
        key: Key,
        fill: impl FnOnce(Outgoing) -> Outgoing,
    ) -> Result<Bytes, Fault> {
        self.correlation = self.correlation.wrapping_add(1);
        let wanted = self.correlation;
        let frame = fill(Outgoing::request(key, wanted)).finish();
        self.stream.write_all(&frame).await?;
        loop {
            match self.next().await? {
                Incoming::Answer { key: answered, correlation, code, rest }
                    if correlation == wanted && answered == key as u16 =>
                {
                    return if code == OK { Ok(rest) } else { Err(Fault::of_code(code)) };
                }
                other => self.note(other)?,
            }
        }
    }

    /// Sends frames, and gives what comes meanwhile and afterwards to `take`, until that says that it
    /// has all that it waits for.
    pub(crate) async fn exchange(
        &mut self,
        frames: &[u8],
        mut take: impl FnMut(&Incoming) -> bool,
    ) -> Result<(), Fault> {
        let mut left = frames;
        loop {
            while let Some(incoming) = wire::decode(&mut self.read)? {
                let is_done = take(&incoming);
                self.note(incoming)?;
                if is_done {
                    return Ok(());
                }
            }
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                biased;
                count = reader.read_buf(&mut self.read) => {
                    some(count?)?;
                    self.heard = Instant::now();
                }
                count = writer.write(left), if !left.is_empty() => left = &left[some(count?)?..],
                () = tokio::time::sleep(self.answer_timeout) => {
                    return Err(Fault::Silent(self.answer_timeout));
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Incoming, Fault> {
        loop {
            if let Some(incoming) = wire::decode(&mut self.read)? {
                return Ok(incoming);
            }
            let limit = self.answer_timeout;
            let reading = timeout(limit, self.stream.read_buf(&mut self.read)).await;
            some(reading.map_err(|_| Fault::Silent(limit))??)?;
            self.heard = Instant::now();
        }
    }

    /// What concerns the connection as a whole.
    fn note(&mut self, incoming: Incoming) -> Result<(), Fault> {
        match incoming {
            Incoming::Gone { stream } => self.producers.forget(&stream),
            Incoming::Close { correlation, code, reason } => {
                // It closes the connection with the answer or without it.
                let _ = self.stream.try_write(&Outgoing::answer(Key::Close, correlation).finish());
                let why = format!("the broker closed the connection: {code:#04x} {reason}");
                return Err(Fault::Lost(io::Error::new(io::ErrorKind::ConnectionAborted, why)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes notice of what came while nobody used the connection. An error says that nobody can.
    pub(crate) fn catch_up(&mut self) -> Result<(), Fault> {
        loop {
            match self.stream.try_read_buf(&mut self.read) {
                Ok(count) => {
                    some(count)?;
                    self.heard = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        while let Some(incoming) = wire::decode(&mut self.read)? {
            self.note(incoming)?;
        }
        let silence = self.heartbeat * 2;
        if !silence.is_zero() && self.heard.elapsed() > silence {
            return Err(Fault::Silent(silence));
        }
        Ok(())
    }

    /// Says that we are there, while nobody uses the connection.
    pub(crate) fn beat(&mut self) -> Result<(), Fault> {
        self.catch_up()?;
        let frame = Outgoing::command(Key::Heartbeat).finish();
        match self.stream.try_write(&frame)? {
            count if count == frame.len() => Ok(()),
            _ => Err(Fault::Lost(io::ErrorKind::WriteZero.into())),
        }
    }
}

/// Nothing read or written is the end of the connection.
fn some(count: usize) -> io::Result<usize> {
    if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) }
}

/// The smaller limit, where 0 is none.
fn smaller(ours: u32, theirs: u32) -> u32 {
    if theirs == 0 { ours } else { ours.min(theirs) }
}
