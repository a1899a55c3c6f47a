//! The memory bus under the suite of buses.
#![allow(unreachable_pub, reason = "shared by test files")]

use idp_application::{EventBus, Message};
use idp_conformance::{BusHarness, Full, Received, Way};
use idp_memory::MemoryBus;
use std::sync::Arc;

/// What the broker refuses.
const DATA_BYTES_MAX: usize = 100_000;
/// What a message is on the wire, about.
const MESSAGE_BYTES: u64 = 1_000;

/// One bus, which is its own broker.
pub struct MemoryBusHarness {
    pub broker: Arc<MemoryBus>,
}

impl MemoryBusHarness {
    /// A bus that promises nothing but its contract.
    pub fn plain() -> Self {
        Self::over(MemoryBus::default())
    }

    /// A bus that promises all that a bus can.
    pub fn strict() -> Self {
        Self::over(MemoryBus::default().with_stored_once().with_fence())
    }

    fn over(bus: MemoryBus) -> Self {
        let none: [&str; 0] = [];
        let bus = bus.with_topics(none).with_data_bytes_max(DATA_BYTES_MAX).with_steps_of(10);
        Self { broker: Arc::new(bus) }
    }
}

impl BusHarness for MemoryBusHarness {
    async fn bus(&self) -> Arc<dyn EventBus> {
        self.broker.clone()
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        self.broker.add_topic(name);
        name.into()
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some("nowhere".into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        let messages = self.broker.messages();
        messages.iter().filter(|message| &*message.topic == topic).map(received).collect()
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        Some(DATA_BYTES_MAX + 1)
    }

    async fn cut(&self) -> bool {
        self.broker.cut();
        true
    }

    async fn restore(&self) {
        self.broker.restore();
    }

    async fn cut_after(&self, way: Way, bytes: u64) -> bool {
        match way {
            Way::ToBroker => self.broker.cut_after((bytes / MESSAGE_BYTES) as usize),
            // An answer is a few bytes.
            Way::ToBus => self.broker.cut_after_answers((bytes / 50) as usize),
        }
        true
    }

    async fn is_cut(&self) -> bool {
        self.broker.is_cut()
    }

    async fn fill(&self, topic: &str) -> Option<Full> {
        self.broker.fill(topic);
        Some(Full { elsewhere: Some(self.topic("beside the full one").await) })
    }

    async fn drain(&self, topic: &str) {
        self.broker.drain(topic);
    }
}

pub fn received(message: &Message) -> Received {
    let attributes = message.attributes().into_iter();
    Received {
        attributes: attributes.map(|(name, value)| (name.into_owned(), value)).collect(),
        content_type: message.event.content_type.to_string(),
        data: message.event.data.to_vec(),
    }
}
