//! Redis Streams.

use super::{ANSWER_TIMEOUT, CONNECT_TIMEOUT};
use crate::failure::Outcome;
use crate::place::Place;
use crate::stored::{Found, Reader};
use idp_application::{BoxFuture, EventBus};
use idp_redis::{RedisBus, RedisConfig};
use redis::aio::MultiplexedConnection;
use std::collections::BTreeMap;
use std::sync::Arc;

const PAGE: usize = 1_000;

/// An entry: its id and its fields.
type Entry = (String, Vec<(String, Vec<u8>)>);

pub(super) async fn connect(place: &Place) -> Outcome<Arc<dyn EventBus>> {
    let mut config = RedisConfig::new(&place.broker, "chaos");
    config.answer_timeout = ANSWER_TIMEOUT;
    config.connect_timeout = CONNECT_TIMEOUT;
    Ok(Arc::new(RedisBus::connect(config).await?))
}

/// Each key of the topic, and the last entry of it that was read.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<String, String>);

impl Keys {
    async fn read(&mut self, place: &Place, all: &mut Vec<Found>) -> Outcome {
        let client = redis::Client::open(place.admin.as_str())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        for key in keys(&mut connection, &place.stream).await? {
            let last = self.0.entry(key.clone()).or_insert_with(|| "0-0".to_owned());
            loop {
                let mut range = redis::cmd("XRANGE");
                range.arg(&key).arg(format!("({last}")).arg("+").arg("COUNT").arg(PAGE);
                let entries: Vec<Entry> = range.query_async(&mut connection).await?;
                let Some((id, _)) = entries.last() else { break };
                last.clone_from(id);
                for (_, fields) in entries {
                    all.push(found(&key, &fields)?);
                }
            }
        }
        Ok(())
    }
}

impl Reader for Keys {
    fn read_on<'a>(
        &'a mut self,
        place: &'a Place,
        all: &'a mut Vec<Found>,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(self.read(place, all))
    }
}

async fn keys(connection: &mut MultiplexedConnection, topic: &str) -> Outcome<Vec<String>> {
    let mut keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{topic}:{{*")).query_async(connection).await?;
    keys.sort();
    Ok(keys)
}

fn found(key: &str, fields: &[(String, Vec<u8>)]) -> Outcome<Found> {
    Found::on(key, |name| {
        let field = fields.iter().find(|(field, _)| field.strip_prefix("ce_") == Some(name));
        field.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    })
}
