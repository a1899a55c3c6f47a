//! What a read by key costs on the thread of the caller, on Tokio's threads for blocking work, and
//! on a thread of its own: the figures of `docs/adr/0004-sqlite-driver.md`.
//!
//! ```sh
//! cargo run --release -p idp-sqlite --example read_paths
//! ```
#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use rusqlite::{Connection, params};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const ROWS: u64 = 20_000;
const READS: u64 = 40_000;
const CONNECTIONS: usize = 40;
const TABLE: &str = "CREATE TABLE plan (
    tenant_id TEXT NOT NULL, id BLOB NOT NULL, version INTEGER NOT NULL, stops TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)) STRICT";

type Link = Arc<Mutex<Connection>>;
type Question = (u64, oneshot::Sender<usize>);

#[derive(Clone, Copy, Debug)]
enum Way {
    Here,
    SpawnBlocking,
    OwnThread,
}

/// What a reading task needs for any way.
#[derive(Clone)]
struct Paths {
    idle: Arc<Mutex<Vec<Link>>>,
    thread: Sender<Question>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("paths.db");
    let open = || Connection::open(&path).expect("the file opens");
    fill(&mut open());
    let (thread, questions) = mpsc::channel::<Question>();
    let own = open();
    std::thread::spawn(move || {
        for (number, answer) in questions {
            let _ = answer.send(read(&own, number));
        }
    });
    let idle = (0..CONNECTIONS).map(|_| Arc::new(Mutex::new(open()))).collect();
    let paths = Paths { idle: Arc::new(Mutex::new(idle)), thread };
    println!("{:>6}  {:<14} {:>9} {:>9} {:>9}", "tasks", "way", "reads/s", "p50", "p99");
    for tasks in [1, 8, 32] {
        for way in [Way::Here, Way::SpawnBlocking, Way::OwnThread] {
            measure(&paths, way, tasks).await;
        }
    }
}

fn fill(connection: &mut Connection) {
    connection.execute_batch("PRAGMA journal_mode = WAL").expect("the file can have one");
    connection.execute_batch(TABLE).expect("the file is new");
    let transaction = connection.transaction().expect("nobody else writes");
    let stops = "x".repeat(1_000);
    for number in 0..ROWS {
        transaction
            .prepare_cached("INSERT INTO plan VALUES ('acme', ?1, 1, ?2)")
            .and_then(|mut insert| insert.execute(params![key(number), stops]))
            .expect("every key is new");
    }
    transaction.commit().expect("nobody else writes");
}

/// Keys in no order.
fn key(number: u64) -> [u8; 8] {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
}

fn read(connection: &Connection, number: u64) -> usize {
    connection
        .prepare_cached("SELECT version, stops FROM plan WHERE tenant_id = 'acme' AND id = ?1")
        .and_then(|mut select| select.query_row([key(number)], |row| row.get::<_, String>(1)))
        .expect("the row is there")
        .len()
}

async fn measure(paths: &Paths, way: Way, tasks: u64) {
    let started = Instant::now();
    let readers = (0..tasks).map(|task| tokio::spawn(read_many(paths.clone(), way, task, tasks)));
    let mut times = Vec::new();
    for reader in readers.collect::<Vec<_>>() {
        times.extend(reader.await.expect("no task panics"));
    }
    let per_second = times.len() as f64 / started.elapsed().as_secs_f64();
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let way = format!("{way:?}");
    println!("{tasks:>6}  {way:<14} {per_second:>9.0} {p50:>9.1?} {p99:>9.1?}");
}

async fn read_many(paths: Paths, way: Way, task: u64, tasks: u64) -> Vec<Duration> {
    let mut times = Vec::new();
    for index in 0..READS / tasks {
        let number = (task * 1_000 + index) * 7_919 % ROWS;
        let started = Instant::now();
        match way {
            Way::Here => paths.read_here(number),
            Way::SpawnBlocking => {
                let paths = paths.clone();
                let reading = tokio::task::spawn_blocking(move || paths.read_here(number));
                reading.await.expect("reading does not panic");
            }
            Way::OwnThread => {
                let (answer, answered) = oneshot::channel();
                paths.thread.send((number, answer)).expect("the thread runs");
                answered.await.expect("the thread answers");
            }
        }
        times.push(started.elapsed());
        tokio::task::yield_now().await;
    }
    times
}

impl Paths {
    fn read_here(&self, number: u64) {
        let link = self.idle.lock().expect("nobody panics").pop().expect("there are enough");
        read(&link.lock().expect("nobody panics"), number);
        self.idle.lock().expect("nobody panics").push(link);
    }
}
