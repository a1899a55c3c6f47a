//! One step: messages that the server appends without anything in between.

use crate::RedisConfig;
use crate::entry::{append, arguments};
use crate::error;
use crate::names::stream_key;
use idp_application::{Message, PublishError};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, Script, ServerErrorKind};
use std::sync::{Arc, LazyLock};

/// How many bytes of data go in one step, beyond which a message goes alone.
const BYTES_MAX: usize = 1024 * 1024;

/// How many metadata a message may have: a script can hand on about eight thousand arguments.
const ATTRIBUTES_MAX: usize = 1_000;

static SCRIPT: &str = include_str!("append.lua");
static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| Script::new(SCRIPT).get_hash().to_owned());

/// How far a step came, and what keeps the next from being made.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) accepted: usize,
    pub(crate) end: End,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With its last message.
    Done,
    /// Before its first: another step than the one before was the last.
    Broken,
    /// Behind what it accepted.
    Stopped(PublishError),
}

/// The first of the messages, as many as go in one step, and why there are no more if the next one is
/// the reason. All are of the stream of messages whose state that key holds.
pub(crate) struct Batch<'m> {
    state_key: &'m str,
    epoch: i64,
    messages: &'m [Message],
    keys: Vec<String>,
    /// Which of the keys each message goes to.
    places: Vec<usize>,
    pub(crate) stop: Option<PublishError>,
}

/// The names of a step and of the one that it must follow, if it must follow one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) behind: String,
}

impl<'m> Batch<'m> {
    pub(crate) fn of(
        messages: &'m [Message],
        state_key: &'m str,
        config: &RedisConfig,
        data_bytes_max: usize,
        messages_max: usize,
    ) -> Self {
        let epoch = messages.first().map_or(0, |message| message.epoch);
        let (keys, places, stop) = (Vec::new(), Vec::new(), None);
        let mut batch = Self { state_key, epoch, messages, keys, places, stop };
        let mut topics: Vec<&Arc<str>> = Vec::new();
        let mut bytes = 0;
        for message in messages.iter().take(messages_max) {
            let size = message.event.data.len();
            let attributes = message.event.metadata.len();
            if size > data_bytes_max {
                batch.stop = Some(error::too_large(size, data_bytes_max));
            } else if attributes > ATTRIBUTES_MAX {
                batch.stop = Some(error::too_many_attributes(attributes, ATTRIBUTES_MAX));
            }
            if batch.stop.is_some() {
                break;
            }
            bytes += size;
            if bytes > BYTES_MAX && !batch.places.is_empty() {
                break;
            }
            let known = topics.iter().rposition(|topic| **topic == message.topic);
            batch.places.push(known.unwrap_or(topics.len()));
            if known.is_none() {
                batch.keys.push(stream_key(&message.topic, &config.prefix, &message.stream));
                topics.push(&message.topic);
            }
        }
        batch.messages = &messages[..batch.places.len()];
        batch
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Has the server append them. When nothing is known of the script, the step is not done, and
    /// neither are those that must follow it: it is made again as the first.
    pub(crate) async fn append(
        &self,
        connection: &mut MultiplexedConnection,
        config: &RedisConfig,
        place: &Place,
    ) -> Result<Step, RedisError> {
        match self.invoke(connection, config, place, ("EVALSHA", &SCRIPT_HASH)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.invoke(connection, config, place, ("EVAL", SCRIPT)).await
            }
            outcome => outcome,
        }
    }

    async fn invoke(
        &self,
        connection: &mut MultiplexedConnection,
        config: &RedisConfig,
        place: &Place,
        script: (&str, &str),
    ) -> Result<Step, RedisError> {
        let command = self.command(config, place, script);
        let Some(replicas) = config.replicas else {
            let answer: Answer = command.query_async(connection).await?;
            return Ok(step(answer));
        };
        let mut pipe = redis::pipe();
        let millis = u64::try_from(replicas.timeout.as_millis()).unwrap_or(u64::MAX);
        pipe.add_command(command).cmd("WAIT").arg(replicas.count).arg(millis);
        let (answer, reached): (Answer, u32) = pipe.query_async(connection).await?;
        let step = step(answer);
        let is_stored = step.accepted > 0 || matches!(step.end, End::Done);
        if reached < replicas.count && is_stored {
            let end = End::Stopped(error::too_few_replicas(reached, replicas.count));
            return Ok(Step { accepted: 0, end });
        }
        Ok(step)
    }

    /// Something is written in any case: `WAIT` waits for the writes of this connection, and what is
    /// stored already may have been written by another.
    fn command(&self, config: &RedisConfig, place: &Place, (name, script): (&str, &str)) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(1 + self.keys.len()).arg(self.state_key).arg(&self.keys);
        command.arg(self.epoch).arg(config.entries_max.unwrap_or(0));
        command.arg(&place.name).arg(&place.behind).arg(self.len());
        for (message, place) in self.messages.iter().zip(&self.places) {
            let attributes = message.attributes();
            command.arg(place + 2).arg(message.sequence).arg(arguments(attributes.len()));
            append(&mut command, message, &attributes);
        }
        command
    }
}

/// What the script says.
type Answer = (usize, String, String);

fn step((accepted, word, detail): Answer) -> Step {
    let end = match word.as_str() {
        "DONE" => End::Done,
        "BROKEN" => End::Broken,
        "FENCED" => End::Stopped(error::fenced(&detail)),
        "TAKEN" => End::Stopped(error::taken(&detail)),
        _ => End::Stopped(error::not_appended(&detail)),
    };
    Step { accepted, end }
}
