//! One connection through the proxy.

use super::Direction;
use super::line::Passage;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;

const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// How many chunks may be on their way in one direction of one connection.
const CHUNKS_MAX: usize = 64;

/// Forwards both ways until both ends have said all they wanted, or one is gone.
pub(super) async fn forward(
    client: &mut TcpStream,
    server: &mut TcpStream,
    passage: &Passage,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let waits = AtomicBool::new(false);
    let asked = || {
        if !waits.swap(true, Ordering::Relaxed) {
            passage.asked();
        }
    };
    let answered = || waits.store(false, Ordering::Relaxed);
    let there = carry(from_client, to_server, Direction::ToServer, passage, asked);
    let back = carry(from_server, to_client, Direction::ToClient, passage, answered);
    tokio::try_join!(there, back).map(|_| ())
}

/// Forwards one way until its end.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    passage: &Passage,
    on_chunk: impl Fn(),
) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<(Option<Instant>, Vec<u8>)>(CHUNKS_MAX);
    let take = async move {
        let mut buffer = vec![0; CHUNK_BYTES_MAX];
        loop {
            let count = from.read(&mut buffer).await?;
            let delay = passage.delay();
            let due = (!delay.is_zero()).then(|| Instant::now() + delay);
            // Nobody receives any more after an error, which ends this too.
            if count == 0 || sender.send((due, buffer[..count].to_vec())).await.is_err() {
                return Ok::<_, io::Error>(());
            }
        }
    };
    let give = async move {
        while let Some((due, chunk)) = receiver.recv().await {
            // Also a sleep that is over already takes a millisecond.
            if let Some(due) = due {
                tokio::time::sleep_until(due).await;
            }
            on_chunk();
            give_chunk(&mut to, &chunk, direction, passage).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(take, give).map(|_| ())
}

async fn give_chunk(
    to: &mut WriteHalf<'_>,
    mut chunk: &[u8],
    direction: Direction,
    passage: &Passage,
) -> io::Result<()> {
    while !chunk.is_empty() {
        let (now, later) = chunk.split_at(passage.admit(direction, chunk.len()).await);
        let written = to.write_all(now).await;
        passage.passed(direction, now.len());
        written?;
        chunk = later;
    }
    Ok(())
}
