//! A fan-out over two memory buses keeps the contract of buses, as each of the two sees it: when both
//! are cut off or full together, and when only one of them is.

use idp_application::{EventBus, Message};
use idp_conformance::{BusHarness, Full, Received, Way};
use idp_fanout::FanOut;
use idp_memory::MemoryBus;
use std::future::ready;
use std::sync::Arc;

const DATA_BYTES_MAX: usize = 100_000;
const MESSAGE_BYTES: u64 = 1_000;
const ANSWER_BYTES: u64 = 50;

struct FanOutHarness {
    brokers: [Arc<MemoryBus>; 2],
    /// Which broker's topics are looked at.
    reads: usize,
    /// Which brokers are cut off and filled.
    cuts: &'static [usize],
}

impl FanOutHarness {
    /// Buses that take different bounds and different steps.
    fn over(with: fn(MemoryBus) -> MemoryBus, reads: usize, cuts: &'static [usize]) -> Self {
        let none: [&str; 0] = [];
        let broker = |step, bytes_max| {
            let bus = MemoryBus::default().with_topics(none).with_steps_of(step);
            Arc::new(with(bus.with_data_bytes_max(bytes_max)))
        };
        Self { brokers: [broker(10, DATA_BYTES_MAX), broker(7, 2 * DATA_BYTES_MAX)], reads, cuts }
    }

    fn cut_brokers(&self) -> impl Iterator<Item = &MemoryBus> {
        self.cuts.iter().map(|at| &*self.brokers[*at])
    }
}

impl BusHarness for FanOutHarness {
    async fn bus(&self) -> Arc<dyn EventBus> {
        let buses = self.brokers.iter().map(|broker| Arc::clone(broker) as Arc<dyn EventBus>);
        Arc::new(FanOut::over(buses).expect("there are two"))
    }

    async fn topic(&self, name: &str) -> Arc<str> {
        for broker in &self.brokers {
            broker.add_topic(name);
        }
        name.into()
    }

    fn missing_topic(&self) -> Option<Arc<str>> {
        Some("nowhere".into())
    }

    async fn stored(&self, topic: &str) -> Vec<Received> {
        let messages = self.brokers[self.reads].messages();
        messages.iter().filter(|message| &*message.topic == topic).map(received).collect()
    }

    fn data_bytes_too_many(&self) -> Option<usize> {
        Some(DATA_BYTES_MAX + 1)
    }

    async fn cut(&self) -> bool {
        self.cut_brokers().for_each(MemoryBus::cut);
        true
    }

    async fn restore(&self) {
        self.cut_brokers().for_each(MemoryBus::restore);
    }

    async fn cut_after(&self, way: Way, bytes: u64) -> bool {
        for broker in self.cut_brokers() {
            match way {
                Way::ToBroker => broker.cut_after((bytes / MESSAGE_BYTES) as usize),
                Way::ToBus => broker.cut_after_answers((bytes / ANSWER_BYTES) as usize),
            }
        }
        true
    }

    async fn is_cut(&self) -> bool {
        self.cut_brokers().any(MemoryBus::is_cut)
    }

    async fn fill(&self, topic: &str) -> Option<Full> {
        self.cut_brokers().for_each(|broker| broker.fill(topic));
        Some(Full { elsewhere: Some(self.topic("beside the full one").await) })
    }

    async fn drain(&self, topic: &str) {
        self.cut_brokers().for_each(|broker| broker.drain(topic));
    }
}

fn received(message: &Message) -> Received {
    let attributes = message.attributes().into_iter();
    Received {
        attributes: attributes.map(|(name, value)| (name.into_owned(), value)).collect(),
        content_type: message.event.content_type.to_string(),
        data: message.event.data.to_vec(),
    }
}

fn plain(bus: MemoryBus) -> MemoryBus {
    bus
}

fn strict(bus: MemoryBus) -> MemoryBus {
    bus.with_stored_once().with_fence()
}

mod plain_and_cut_together {
    use super::*;

    idp_conformance::event_bus!(ready(FanOutHarness::over(plain, 1, &[0, 1])));
}

mod plain_as_the_one_that_is_never_cut {
    use super::*;

    idp_conformance::event_bus!(ready(FanOutHarness::over(plain, 0, &[1])));
}

mod strict_as_the_one_that_is_cut {
    use super::*;

    idp_conformance::event_bus!(ready(FanOutHarness::over(strict, 1, &[1])));
}

mod strict_as_the_one_that_is_never_cut {
    use super::*;

    idp_conformance::event_bus!(ready(FanOutHarness::over(strict, 1, &[0])));
}
