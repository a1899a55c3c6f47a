//! NATS, seen by its official client.

use crate::broker::{to, unique, variable};
use crate::publish;
use async_nats::jetstream::{self, stream};
use idp_application::Message;
use idp_nats::{Deduplication, NatsBus, NatsConfig};
use interop::Sighting;

pub(crate) async fn carry(message: &Message, strict: bool) -> Sighting {
    let (url, name) = (variable("IDP_TEST_NATS"), unique());
    let client = async_nats::connect(url.trim_start_matches("nats://")).await.expect("it is there");
    let jetstream = jetstream::new(client);
    let subjects = vec![format!("{name}.>")];
    let config = stream::Config { name: name.clone(), subjects, ..Default::default() };
    let stored = jetstream.create_stream(config).await.expect("the server has JetStream");

    let mut config = NatsConfig::new(url, "shop", [&name]);
    config.deduplication = if strict { Deduplication::Strict } else { Deduplication::Window };
    let bus = NatsBus::connect(config).await.expect("the server takes connections");
    publish(&bus, &to(message, &format!("{name}.{}", message.topic))).await;

    let seen = stored.get_raw_message(1).await.expect("it is stored");
    jetstream.delete_stream(&name).await.expect("it is there");
    let headers = seen.headers.iter().flat_map(|(header, values)| {
        let header: &str = header.as_ref();
        values.iter().map(move |value| (header, value.as_str()))
    });
    let headers =
        headers.map(|(header, value)| (header.to_owned(), value.replace(&name, "ORDERS")));
    Sighting {
        place: seen.subject.as_str().replace(&name, "ORDERS"),
        headers: headers.collect(),
        body: seen.payload.to_vec(),
        ..Sighting::default()
    }
}
