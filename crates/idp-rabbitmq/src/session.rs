//! One connection to the broker, and the channels on it.
//!
//! A channel serves one call at a time, and serves another only when all that was sent on it is
//! settled. So no confirmation of an earlier call is taken for one of a later call.

use crate::config::RabbitConfig;
use crate::error::Fault;
use crate::openings::{Openings, cut_short, open};
use idp_application::Message;
use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, OwnedTLSConfig};
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How many addresses are remembered at most.
const ROUTED_MAX: usize = 10_000;
/// How many calls in a row may be cut short without a confirmation before the connection is given up.
const CUT_SHORT_MAX: u32 = 2;

pub(crate) struct Session {
    connection: Connection,
    plug: Plug,
    openings: Mutex<Openings>,
    /// Where messages were routed to: the topic and the type of the event.
    routed: Mutex<HashSet<(Arc<str>, Cow<'static, str>)>>,
    /// Why the broker takes nothing at present.
    blocked: watch::Receiver<Option<String>>,
    watching: AbortHandle,
    is_retired: AtomicBool,
    /// How many calls were cut short since the broker last confirmed a message.
    cut_short: AtomicU32,
}

impl Session {
    /// Connects to that node.
    pub(crate) async fn connect(node: AMQPUri, config: &RabbitConfig) -> lapin::Result<Self> {
        let plug = Plug::default();
        let connecting = connect(node, &config.connection_name, plug.clone());
        let connected = tokio::time::timeout(config.connect_timeout, connecting).await;
        let connection = connected.unwrap_or_else(|_| {
            plug.pull();
            Err(io::Error::from(io::ErrorKind::TimedOut).into())
        })?;
        let (sender, blocked) = watch::channel(None);
        let watching = tokio::spawn(follow(connection.events_listener(), sender)).abort_handle();
        Ok(Self {
            connection,
            plug,
            openings: Mutex::default(),
            routed: Mutex::default(),
            blocked,
            watching,
            is_retired: AtomicBool::new(false),
            cut_short: AtomicU32::new(0),
        })
    }

    /// Whether calls can use it.
    pub(crate) fn is_usable(&self) -> bool {
        self.connection.status().connected() && !self.is_retired.load(Ordering::Relaxed)
    }

    /// Leaves it to the calls that use it: no further one gets it. What is wrong with it is not
    /// known, but it did not do its work.
    pub(crate) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    /// A call that used it was cut short. One alone says little: it may have got its channel at the end of its
    /// patience. If the next is cut short as well, it may be the connection's fault.
    fn note_cut_short(&self) {
        if self.cut_short.fetch_add(1, Ordering::Relaxed) + 1 >= CUT_SHORT_MAX {
            self.retire();
        }
    }

    /// A channel that confirms, for one call: one that nothing is under way on, else the next that is
    /// opened. Opening one takes no longer than the limit, and goes on if the call is cut short: what
    /// takes longer than its patience is there for a later one.
    pub(crate) async fn channel(self: &Arc<Self>, limit: Duration) -> Result<Lent, Fault> {
        if let Some(channel) = self.openings().take() {
            return Ok(Lent::of(self, channel));
        }
        let opened = self.openings().wait();
        tokio::spawn(open(Arc::clone(self), limit));
        Ok(Lent::of(self, opened.await.unwrap_or_else(|_| Err(cut_short()))?))
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn openings(&self) -> MutexGuard<'_, Openings> {
        lock(&self.openings)
    }

    /// How many bytes a frame may have.
    pub(crate) fn frame_bytes(&self) -> usize {
        match self.connection.configuration().frame_max() {
            0 => usize::MAX,
            bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
        }
    }

    /// Why the broker takes nothing at present, if so.
    pub(crate) fn blocked(&self) -> Option<String> {
        self.blocked.borrow().clone()
    }

    /// Ends when the broker takes nothing any more, and says why.
    pub(crate) async fn until_blocked(&self) -> String {
        let mut blocked = self.blocked.clone();
        let reason = blocked.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match reason {
            Some(reason) => reason,
            // Nobody follows it any more: the connection is gone, which others notice.
            None => std::future::pending().await,
        }
    }

    /// Whether a message has been routed from there since it is connected.
    pub(crate) fn has_routed(&self, message: &Message) -> bool {
        lock(&self.routed).contains(&address(message))
    }

    /// The broker confirmed a message: the connection does its work.
    pub(crate) fn note_confirmed(&self) {
        self.cut_short.store(0, Ordering::Relaxed);
    }

    pub(crate) fn remember_route(&self, message: &Message) {
        let mut routed = lock(&self.routed);
        if routed.len() >= ROUTED_MAX {
            routed.clear();
        }
        routed.insert(address(message));
    }

    pub(crate) fn forget_route(&self, message: &Message) {
        lock(&self.routed).remove(&address(message));
    }

    pub(crate) fn forget_routes(&self) {
        lock(&self.routed).clear();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.watching.abort();
        if self.is_retired.load(Ordering::Relaxed) {
            self.plug.pull();
        }
    }
}

fn address(message: &Message) -> (Arc<str>, Cow<'static, str>) {
    (Arc::clone(&message.topic), message.event.event_type.clone())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A channel in the hands of a call. If the call is cut short, nobody gets the channel any more.
pub(crate) struct Lent {
    session: Arc<Session>,
    channel: Option<Channel>,
    is_settled: bool,
}

impl Lent {
    fn of(session: &Arc<Session>, channel: Channel) -> Self {
        Self { session: Arc::clone(session), channel: Some(channel), is_settled: false }
    }

    pub(crate) fn channel(&self) -> &Channel {
        self.channel.as_ref().expect("lent with a channel, which it has until it is dropped")
    }

    /// All that was sent on it is settled: another call may have it.
    pub(crate) fn give_back(mut self) {
        self.is_settled = true;
        self.session.note_confirmed();
        if let Some(channel) = self.channel.take() {
            self.session.openings().give_back(channel);
        }
    }

    /// The broker does not answer on it: no other call gets the connection.
    pub(crate) fn retire(mut self) {
        self.is_settled = true;
        self.session.retire();
    }

    /// Nobody needs it any more, but nothing is wrong with the connection as far as is known.
    pub(crate) fn discard(mut self) {
        self.is_settled = true;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_settled {
            self.session.note_cut_short();
        }
    }
}

async fn connect(node: AMQPUri, name: &str, plug: Plug) -> lapin::Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let runtime = lapin::runtime::default_runtime()?;
    // In place, so that its types follow from the runtime.
    Connection::connector(
        node,
        runtime,
        async move |node: AMQPUri, runtime| {
            let tls = OwnedTLSConfig::default();
            let dialling = AMQPUriTcpExt::connect_with_config_async(&node, tls.as_ref(), &runtime);
            let stream = dialling.await?;
            if let AsyncTcpStream::Plain(stream) = &stream {
                plug.hold(stream.get_ref());
            }
            Ok(stream)
        },
        properties,
    )
    .await
}

/// Notes what the broker says about the connection.
async fn follow(
    events: impl futures_util::Stream<Item = Event>,
    blocked: watch::Sender<Option<String>>,
) {
    use futures_util::StreamExt;
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(reason, "RabbitMQ takes no messages at present");
                blocked.send_replace(Some(reason));
            }
            Event::ConnectionUnblocked => {
                tracing::info!("RabbitMQ takes messages again");
                blocked.send_replace(None);
            }
            _ => {}
        }
    }
}

/// The socket of a connection. The client serves each connection in a thread, which would wait for
/// ever for a broker that never answers, whether anybody waits for it or not; when the plug is pulled
/// it ends.
#[derive(Clone, Default)]
struct Plug(Arc<Mutex<Option<std::net::TcpStream>>>);

impl Plug {
    #[cfg(unix)]
    fn hold(&self, stream: &tokio::net::TcpStream) {
        use std::os::fd::AsFd;
        // Without it, only the end of the thread waits for the end of the network's patience.
        let socket = stream.as_fd().try_clone_to_owned().ok();
        *lock(&self.0) = socket.map(std::net::TcpStream::from);
    }

    #[cfg(not(unix))]
    fn hold(&self, _: &tokio::net::TcpStream) {}

    fn pull(&self) {
        if let Some(socket) = lock(&self.0).take() {
            // What fails here is a connection that is closed already.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}
