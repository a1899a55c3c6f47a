//! The console bus keeps the contract of buses, as far as what it writes tells.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idp_application::EventBus;
use idp_conformance::{BusHarness, Received};
use idp_memory::ConsoleBus;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// What several handles write to, as several processes do to one log.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nothing panics here").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct ConsoleHarness {
    paper: Paper,
}

impl BusHarness for ConsoleHarness {
    async fn bus(&self) -> Arc<dyn EventBus> {
        Arc::new(ConsoleBus::to(self.paper.clone()).with_json_lines())
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        name.into()
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        None
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        let written = self.paper.0.lock().expect("nothing panics here").clone();
        let written = String::from_utf8(written).expect("JSON is UTF-8");
        written.lines().filter_map(|line| received(line, topic)).collect()
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        None
    }

    async fn cut(&self) -> bool {
        false
    }

    async fn restore(&self) {}
}

/// What the line says, if it is of that topic.
fn received(line: &str, topic: &str) -> Option<Received> {
    let mut members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(line).expect("each line is an object");
    let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).expect("text");
    let mut take = |name: &str| members.remove(name);
    let is_of_it = take("topic").is_some_and(|value| text(&value) == topic);
    let content_type = take("datacontenttype").map(|value| text(&value));
    let data = match (take("data"), take("data_base64")) {
        (Some(json), None) => json.get().as_bytes().to_vec(),
        (None, Some(encoded)) => STANDARD.decode(text(&encoded)).expect("base64"),
        both => panic!("data once: {both:?}"),
    };
    let attributes = members.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    is_of_it.then(|| Received {
        attributes,
        content_type: content_type.expect("it is always written"),
        data,
    })
}

idp_conformance::event_bus!(std::future::ready(ConsoleHarness::default()));
