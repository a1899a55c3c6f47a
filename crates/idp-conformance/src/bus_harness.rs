//! What a bus adapter gives to the suite of buses so that it can test it.

use idp_application::EventBus;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One bus under test, with the broker behind it. Each clause gets a harness of its own: the
/// expression given to the macro is awaited once a clause, on the runtime that the clause runs on;
/// clauses run at the same time. Topics are shared with no other clause and no other run. Dropping
/// the harness may remove what it made.
pub trait BusHarness: Send + Sync + 'static {
    /// The bus under test, connected. Each call gives another handle, as another process would have.
    /// It is made so that it gives up within a few seconds when the broker does not answer.
    fn bus(&self) -> impl Future<Output = Arc<dyn EventBus>> + Send;

    /// A topic that the broker can store messages in, empty at first. The same name gives the same
    /// topic within one harness. Its name is that of no other topic of the broker, ever: the suite
    /// derives the names of streams and the identities of events from it.
    fn topic(&self, name: &str) -> impl Future<Output = Arc<str>> + Send;

    /// A topic that the broker does not have and does not make; `None` where it makes any.
    fn missing_topic(&self) -> Option<Arc<str>>;

    /// What the topic holds, in the order in which the broker gives it, read by a client of its own
    /// that does not go through what [`cut`](Self::cut) cuts. Everything that was acknowledged
    /// before the call is there. It is called several times, and gives everything each time.
    fn stored(&self, topic: &str) -> impl Future<Output = Vec<Received>> + Send;

    /// How many bytes of data the broker refuses; `None` where it has no bound that a test could
    /// exceed.
    fn data_bytes_too_many(&self) -> Option<usize>;

    /// Cuts all connections between bus and broker, and refuses new ones until
    /// [`restore`](Self::restore). Returns false where that cannot be done: the clauses about it
    /// are then skipped, with the reason printed.
    fn cut(&self) -> impl Future<Output = bool> + Send;

    /// Lets connections through again, and forgets about a [cut to come](Self::cut_after).
    fn restore(&self) -> impl Future<Output = ()> + Send;

    /// Cuts the network, as [`cut`](Self::cut) does, as soon as that many more bytes have gone that
    /// way. Returns false where that cannot be done: the clauses about it are then skipped, with the
    /// reason printed.
    fn cut_after(&self, way: Way, bytes: u64) -> impl Future<Output = bool> + Send {
        let _ = (way, bytes);
        std::future::ready(false)
    }

    /// Whether the network is cut now. Asked for after a [cut to come](Self::cut_after), to know whether
    /// it came: clauses about a cut in the middle of a send fail where none came.
    fn is_cut(&self) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }

    /// Makes the topic take no more, as when its subscribers lag behind or the broker has no room, until
    /// [`drain`](Self::drain). What it holds stays there; it may still take a few messages, and may be
    /// so slow that nothing gets through in time. `None` where that cannot be done: the clauses about it
    /// are then skipped, with the reason printed.
    fn fill(&self, topic: &str) -> impl Future<Output = Option<Full>> + Send {
        let _ = topic;
        std::future::ready(None)
    }

    /// The topic takes messages again.
    fn drain(&self, topic: &str) -> impl Future<Output = ()> + Send {
        let _ = topic;
        std::future::ready(())
    }

    /// From now on each answer of the broker arrives that much later; zero: no later. Returns false where
    /// that cannot be done, or the bus says that hasty sends may get nowhere then: the clause about it is
    /// skipped, with the reason printed.
    fn slow_down(&self, answers: Duration) -> impl Future<Output = bool> + Send {
        let _ = answers;
        std::future::ready(false)
    }
}

/// What it means that a topic takes no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// A topic that the same bus publishes to, and that takes messages all the same; `None` if the
    /// whole broker takes no more.
    pub elsewhere: Option<Arc<str>>,
}

/// Which way bytes go between bus and broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the bus to the broker: what it publishes.
    ToBroker,
    /// From the broker to the bus: its answers.
    ToBus,
}

impl Way {
    /// What the way is called by whoever cuts the network.
    pub fn named<T>(self, to_broker: T, to_bus: T) -> T {
        match self {
            Self::ToBroker => to_broker,
            Self::ToBus => to_bus,
        }
    }
}

/// A message as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The context attributes of the CloudEvent, without the prefix of the binding and decoded by its
    /// rules; all but `datacontenttype`.
    pub attributes: BTreeMap<String, String>,
    /// The media type of the data, from where the binding has it.
    pub content_type: String,
    /// The data.
    pub data: Vec<u8>,
}
