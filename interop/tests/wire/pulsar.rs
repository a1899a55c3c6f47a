//! Pulsar, seen through the interface for its operators: it takes the message apart by itself.

use crate::broker::{pairs, to, unique, variable};
use crate::http::{Answer, ask};
use crate::publish;
use idp_application::Message;
use idp_pulsar::{PulsarBus, PulsarConfig};
use interop::Sighting;
use std::collections::BTreeMap;

pub(crate) async fn carry(message: &Message) -> Sighting {
    let url = variable("IDP_TEST_PULSAR_ADMIN");
    let server = url.trim_start_matches("http://");
    let name = unique();
    let topic = format!("{}-{name}", message.topic);
    let path = format!("/admin/v2/{}", topic.replace("://", "/"));
    done(&ask("PUT", server, &path, "{}").await);

    let config = PulsarConfig::for_service("shop", variable("IDP_TEST_PULSAR"));
    let bus = PulsarBus::connect(config).await.expect("the broker is there");
    publish(&bus, &to(message, &topic)).await;
    drop(bus);

    let question = "examinemessage?initialPosition=earliest&messagePosition=1";
    let answer = ask("GET", server, &format!("{path}/{question}"), "").await;
    done(&answer);
    done(&ask("DELETE", server, &format!("{path}?force=true"), "").await);

    let header = |name: &str| {
        let mut found = answer.headers.iter().filter(|(header, _)| header == name);
        found.next().unwrap_or_else(|| panic!("{name} is not there")).1.clone()
    };
    let properties: BTreeMap<String, String> =
        serde_json::from_str(&header("x-pulsar-property")).expect("JSON");
    let shown = ["producer-name", "sequence-id"];
    Sighting {
        place: message.topic.to_string(),
        key: Some(header("x-pulsar-partition-key")),
        properties: pairs(shown.map(|name| (name, header(&format!("x-pulsar-{name}"))))),
        headers: pairs(properties),
        body: answer.body,
        ..Sighting::default()
    }
}

fn done(answer: &Answer) {
    let text = String::from_utf8_lossy(&answer.body);
    assert!((200..300).contains(&answer.status), "{}: {text}", answer.status);
}
