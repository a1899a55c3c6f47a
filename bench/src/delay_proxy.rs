//! A network half a millisecond long: forwards connections and holds every chunk back for a while,
//! each way.
//!
//! It runs in a process of its own, so that its work does not count as that of what is measured, and
//! with threads of its own, since the timers of Tokio count in milliseconds.

use crate::BoxError;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long a chunk is on its way.
pub(crate) const DELAY_ONE_WAY: Duration = Duration::from_micros(250);

/// A proxy in a process of its own, which ends with this value.
pub(crate) struct DelayProxy {
    process: Child,
    address: String,
}

impl DelayProxy {
    /// Starts one in front of a server (`host:port`).
    pub(crate) fn start(target: &str) -> Result<Self, BoxError> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["delay-proxy", target])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let output = process.stdout.take().ok_or("the proxy has no output")?;
        BufReader::new(output).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    /// Where it listens, as `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        // Without its input it ends by itself; this is for one that hangs.
        drop(self.process.stdin.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A chunk on its way; an empty one closes the connection.
struct Chunk {
    due: Instant,
    to: Arc<TcpStream>,
    bytes: Vec<u8>,
}

/// The command `delay-proxy`: says where it listens, and serves until its input ends.
pub(crate) fn serve(target: &str) -> Result<(), BoxError> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?);
    let (line, chunks) = mpsc::channel();
    thread::spawn(move || deliver(&chunks));
    let target = target.to_owned();
    thread::spawn(move || {
        for client in listener.incoming() {
            if let Err(error) = client.and_then(|client| forward(client, &target, &line)) {
                eprintln!("delay-proxy: {error}");
            }
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

fn forward(client: TcpStream, target: &str, line: &Sender<Chunk>) -> io::Result<()> {
    let server = Arc::new(TcpStream::connect(target)?);
    let client = Arc::new(client);
    for (from, to) in [(&client, &server), (&server, &client)] {
        from.set_nodelay(true)?;
        let (from, to, line) = (Arc::clone(from), Arc::clone(to), line.clone());
        thread::spawn(move || receive(&from, &to, &line));
    }
    Ok(())
}

fn receive(mut from: &TcpStream, to: &Arc<TcpStream>, line: &Sender<Chunk>) {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = from.read(&mut buffer).unwrap_or(0);
        let due = Instant::now() + DELAY_ONE_WAY;
        let chunk = Chunk { due, to: Arc::clone(to), bytes: buffer[..length].to_vec() };
        if line.send(chunk).is_err() || length == 0 {
            return;
        }
    }
}

/// Every chunk waits equally long, so they are due in the order in which they came.
fn deliver(chunks: &Receiver<Chunk>) {
    sleep_precisely();
    while let Ok(Chunk { due, to, bytes }) = chunks.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if bytes.is_empty() || (&*to).write_all(&bytes).is_err() {
            // The other direction notices by itself.
            let _ = to.shutdown(Shutdown::Write);
        }
    }
}

/// Linux rounds the sleeps of a thread up by 50 µs unless asked not to.
fn sleep_precisely() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_timerslack(1);
}
