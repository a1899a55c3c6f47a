//! A stretch of network that a test can cut: a TCP proxy on the loopback interface.

mod connection;
mod line;

use line::Line;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// How long [`Proxy::on`] waits for a port that another proxy is about to leave.
const PORT_WAIT_MAX: Duration = Duration::from_secs(10);
/// Before the next try to listen or to accept.
const PORT_PAUSE: Duration = Duration::from_millis(10);

/// Forwards TCP connections to a server, until it is told not to.
///
/// Nothing is lost or changed while the network is whole: what is held back by a
/// [delay](Self::set_delay) or a [stall](Self::stall) arrives later, in order. Dropping the proxy
/// closes all connections and the port.
///
/// ```
/// use idp_testkit::{Direction, Proxy};
/// # async fn example() -> std::io::Result<()> {
/// let proxy = Proxy::to("127.0.0.1:4222").await?;
/// let url = format!("nats://{}", proxy.address());
/// // A client connects to `url`. Then, in the middle of what it sends:
/// proxy.cut_after(Direction::ToServer, 10_000);
/// proxy.wait_until_cut().await;
/// proxy.restore();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    serving: JoinHandle<()>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From clients to the server.
    ToServer,
    /// From the server to clients.
    ToClient,
}

impl Proxy {
    /// A proxy on a free port in front of a server (`host:port`). Must be called within a Tokio
    /// runtime; it serves as long as that lives.
    ///
    /// # Errors
    /// When the address of the server makes no sense, or no port is free.
    pub async fn to(server: impl ToSocketAddrs) -> io::Result<Self> {
        Self::on(0, server).await
    }

    /// A proxy on that port of 127.0.0.1. Waits up to ten seconds for a port that is in use.
    ///
    /// # Errors
    /// When the address of the server makes no sense, or the port stays in use.
    pub async fn on(port: u16, server: impl ToSocketAddrs) -> io::Result<Self> {
        let server = server.to_socket_addrs()?.next();
        let server = server.ok_or_else(|| io::Error::other("the server has no address"))?;
        let listener = listen(port).await?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line::default());
        let serving = tokio::spawn(serve(listener, server, Arc::clone(&line)));
        Ok(Self { address, line, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets all connections, and each new one, until [`restore`](Self::restore). When it returns,
    /// nothing passes any more.
    pub async fn cut(&self) {
        self.line.cut();
        self.line.until_idle().await;
    }

    /// Cuts the network, as [`cut`](Self::cut) does, as soon as that many more bytes have passed in
    /// that direction, on all connections together: exactly so many pass. 0 cuts before the next.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.line.cut_after(direction, bytes);
    }

    /// Whether the network is cut now.
    pub fn is_cut(&self) -> bool {
        self.line.is_cut()
    }

    /// Ends when the network is cut. It waits for ever if nobody cuts it: bound it with a timeout.
    pub async fn wait_until_cut(&self) {
        self.line.until_cut().await;
        self.line.until_idle().await;
    }

    /// Accepts connections and forwards nothing, until [`restore`](Self::restore): then what was
    /// held back goes on.
    pub fn stall(&self) {
        self.line.stall();
    }

    /// Makes the network whole again, and forgets about [`cut_after`](Self::cut_after).
    pub fn restore(&self) {
        self.line.restore();
    }

    /// Holds back what comes from now on for so long, each way, without slowing the rate down. Counts
    /// in milliseconds, as the timers of Tokio do. 0, as at the start: not at all.
    pub fn set_delay(&self, one_way: Duration) {
        self.line.set_delay(one_way);
    }

    /// How many bytes have passed in that direction so far.
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.line.bytes(direction)
    }

    /// Ends when at least that many bytes have passed in that direction. Bound it with a timeout.
    pub async fn wait_for_bytes(&self, direction: Direction, bytes: u64) {
        self.line.until_bytes(direction, bytes).await;
    }

    /// How many connections were forwarded so far, closed ones included.
    pub fn connections(&self) -> u64 {
        self.line.connections()
    }

    /// How often a client has waited for the server so far: it sent something, having got an answer
    /// to what it sent before.
    pub fn round_trips(&self) -> u64 {
        self.line.round_trips()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.cut();
        self.serving.abort();
    }
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    let started = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && started.elapsed() < PORT_WAIT_MAX =>
            {
                tokio::time::sleep(PORT_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, line: Arc<Line>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                connections.spawn(forward(client, server, Arc::clone(&line)));
            }
            // A client that was gone before it was accepted, or no free descriptor.
            Err(_) => tokio::time::sleep(PORT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one client until one end closes the connection or the network is cut.
async fn forward(mut client: TcpStream, server: SocketAddr, line: Arc<Line>) {
    if let Some(passage) = line.connect() {
        let forwarded = async {
            let mut server = TcpStream::connect(server).await?;
            connection::forward(&mut client, &mut server, &passage).await
        };
        let ended = tokio::select! {
            biased;
            () = passage.closed() => false,
            outcome = forwarded => outcome.is_ok(),
        };
        if ended {
            return;
        }
    }
    // What fails here is a connection that is reset already.
    let _ = client.set_zero_linger();
}
