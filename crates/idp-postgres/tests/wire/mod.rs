//! A TCP proxy that counts how often the client waits for the server.
#![allow(unreachable_pub, reason = "shared by test files")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Counts each change of direction from server to client.
pub struct CountingProxy {
    port: u16,
    round_trips: Arc<AtomicU32>,
}

impl CountingProxy {
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let round_trips = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&round_trips);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.expect("the server listens");
                join(client, server, &counter);
            }
        });
        Self { port, round_trips }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn round_trips(&self) -> u32 {
        self.round_trips.load(Ordering::SeqCst)
    }
}

fn join(client: TcpStream, server: TcpStream, round_trips: &Arc<AtomicU32>) {
    let waiting = Arc::new(AtomicBool::new(false));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (asked, counter) = (Arc::clone(&waiting), Arc::clone(round_trips));
    tokio::spawn(copy(from_client, to_server, move || {
        if !asked.swap(true, Ordering::SeqCst) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }));
    tokio::spawn(copy(from_server, to_client, move || waiting.store(false, Ordering::SeqCst)));
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, before: impl Fn()) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        before();
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
