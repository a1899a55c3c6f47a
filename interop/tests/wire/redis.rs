//! Redis, seen by plain commands.

use crate::broker::{pairs, to, unique, variable};
use crate::publish;
use idp_application::Message;
use idp_redis::{RedisBus, RedisConfig, stream_key};
use interop::Sighting;

type Entry = (String, Vec<(String, Vec<u8>)>);

pub(crate) async fn carry(message: &Message) -> Sighting {
    let (url, name) = (variable("IDP_TEST_REDIS"), unique());
    let message = to(message, &format!("{name}.{}", message.topic));
    // The epoch of a stream stays in the server: it must be of this run.
    let prefix = format!("{name}.shop").replace('.', "-");
    let bus = RedisBus::connect(RedisConfig::new(&url, &prefix)).await.expect("it is there");
    publish(&bus, &message).await;

    let client = redis::Client::open(url).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("it is there");
    let key = stream_key(&message.topic, &prefix, &message.stream);
    let mut command = redis::cmd("XRANGE");
    command.arg(&key).arg("-").arg("+");
    let entries: Vec<Entry> = command.query_async(&mut connection).await.expect("a stream");
    let state = format!("{{{prefix}/{}}}:state", message.stream);
    let mut forget = redis::cmd("DEL");
    let gone: u32 =
        forget.arg(&key).arg(state).query_async(&mut connection).await.expect("answered");
    assert_eq!(gone, 2, "the stream and its state");

    let [(id, fields)] = <[Entry; 1]>::try_from(entries).expect("one entry");
    let (data, others): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name == "data");
    let [(_, body)] = <[_; 1]>::try_from(data).expect("one field is the data");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Sighting {
        place: key.replace(&format!("{name}."), "").replace(&format!("{name}-"), ""),
        properties: pairs([("entry", id)]),
        headers: pairs(others.into_iter().map(|(name, value)| (name, text(value)))),
        body,
        ..Sighting::default()
    }
}
