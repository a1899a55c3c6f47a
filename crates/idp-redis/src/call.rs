//! One call of the bus: steps one behind the other, several on their way at a time.

use crate::RedisConfig;
use crate::bus::Shared;
use crate::error;
use crate::step::{Batch, End, Place, Step};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use idp_application::{Message, PublishError};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// How many steps are on their way at a time. The server is at work on one while the next is put
/// together.
const STEPS_MAX: usize = 3;

/// How often the steps of a call may be broken by those of another, which had been given up.
const ATTEMPTS_MAX: u32 = 8;

/// A call under way.
pub(crate) struct Call<'c> {
    pub(crate) shared: &'c Shared,
    pub(crate) state_key: &'c str,
    /// No other call ever had this name.
    pub(crate) name: String,
    pub(crate) steps: u64,
}

impl Call<'_> {
    pub(crate) async fn publish(&mut self, messages: &[Message]) -> Result<(), PublishError> {
        let (mut accepted, mut attempts) = (0, 0);
        while accepted < messages.len() {
            let run = self.run(&messages[accepted..]).await;
            accepted += run.accepted;
            attempts = if run.accepted > 0 { 0 } else { attempts + 1 };
            match run.end {
                End::Done => {}
                End::Broken if attempts < ATTEMPTS_MAX => {}
                End::Broken => return Err(error::always_broken().after(accepted)),
                End::Stopped(stop) => return Err(stop.after(accepted)),
            }
        }
        Ok(())
    }

    /// Makes steps until one does not come to its end. What is on its way behind that one is not
    /// done by the server.
    async fn run(&mut self, messages: &[Message]) -> Step {
        let connection = match self.shared.link.connection().await {
            Ok(connection) => connection,
            Err(error) => return stopped(0, error::not_reached(error)),
        };
        let (mut accepted, mut sent, mut last) = (0, 0, None);
        let mut place = Place::default();
        let mut flight = FuturesOrdered::new();
        loop {
            while flight.len() < STEPS_MAX && sent < messages.len() && last.is_none() {
                let batch = self.batch(&messages[sent..], self.shared.config.step_max);
                last = batch.stop.is_some().then_some(sent + batch.len());
                place = self.place_behind(place.name);
                sent += batch.len();
                let connection = connection.0.clone();
                flight.push_back(append(batch, connection, &self.shared.config, place.clone()));
            }
            let Some((batch, outcome)) = flight.next().await else {
                return Step { accepted, end: End::Done };
            };
            match outcome {
                Ok(Step { accepted: more, end: End::Done }) => {
                    accepted += more;
                    if let Some(stop) = batch.stop {
                        return stopped(accepted, stop);
                    }
                }
                Ok(Step { accepted: more, end }) => return Step { accepted: accepted + more, end },
                Err(error) if is_denied(&error) => {
                    drop(flight);
                    let step = self.alone(&messages[accepted..], connection.0, error).await;
                    return Step { accepted: accepted + step.accepted, end: step.end };
                }
                Err(error) => return stopped(accepted, self.failed(error, connection.1).await),
            }
        }
    }

    /// Publishes the first message alone: a step was denied for one of its keys, or altogether.
    async fn alone(
        &mut self,
        messages: &[Message],
        mut connection: MultiplexedConnection,
        denied: RedisError,
    ) -> Step {
        let config = &self.shared.config;
        for messages_max in [1, 0] {
            let place = self.place_behind(String::new());
            let batch = self.batch(&messages[..1], messages_max);
            match batch.append(&mut connection, config, &place).await {
                Ok(step) if messages_max == 1 => return step,
                // Without a message, there is only the key of the state: it is the topic.
                Ok(_) => return stopped(0, error::not_permitted(denied)),
                Err(error) if messages_max == 1 && is_denied(&error) => {}
                Err(error) => return stopped(0, error::failed(error)),
            }
        }
        stopped(0, error::failed(denied))
    }

    async fn failed(&self, error: RedisError, connection: u64) -> PublishError {
        if error::ends_connection(&error) {
            self.shared.link.give_up(connection).await;
        }
        error::failed(error)
    }

    fn batch<'m>(&self, messages: &'m [Message], messages_max: usize) -> Batch<'m>
    where
        Self: 'm,
    {
        let Shared { config, data_bytes_max, .. } = self.shared;
        Batch::of(messages, self.state_key, config, *data_bytes_max, messages_max)
    }

    fn place_behind(&mut self, behind: String) -> Place {
        self.steps += 1;
        Place { name: format!("{}/{}", self.name, self.steps), behind }
    }
}

/// A step, with what it consists of. It is put together when its turn comes.
async fn append<'m>(
    batch: Batch<'m>,
    mut connection: MultiplexedConnection,
    config: &RedisConfig,
    place: Place,
) -> (Batch<'m>, Result<Step, RedisError>) {
    let outcome = batch.append(&mut connection, config, &place).await;
    (batch, outcome)
}

fn is_denied(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
}

fn stopped(accepted: usize, stop: PublishError) -> Step {
    Step { accepted, end: End::Stopped(stop) }
}
