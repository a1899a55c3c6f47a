//! Where the servers are, and how to kill them: `cargo xtask` runs them and takes orders.

use crate::failure::Outcome;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

const VARIABLE: &str = "IDP_SERVERS_CONTROL";

/// The name of PostgreSQL in orders.
pub(crate) const POSTGRES: &str = "pg";

/// What is done to a server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Where,
    Kill,
    Stop,
    Start,
    Freeze,
    Thaw,
    /// Its clock shows so many seconds more than that of the machine.
    Clock(i64),
}

/// Gives an order to a server and waits until it is carried out. Answers with what it was asked
/// for.
pub(crate) async fn order(order: Order, server: &'static str) -> Outcome<String> {
    tokio::task::spawn_blocking(move || tell(order, server)).await?
}

fn tell(order: Order, server: &str) -> Outcome<String> {
    let path = std::env::var_os(VARIABLE)
        .ok_or("no servers that may be killed: run `cargo xtask chaos`, which starts them")?;
    let word = match order {
        Order::Where => "where",
        Order::Kill => "kill",
        Order::Stop => "stop",
        Order::Start => "start",
        Order::Freeze => "freeze",
        Order::Thaw => "thaw",
        Order::Clock(_) => "clock",
    };
    let value =
        if let Order::Clock(seconds) = order { format!(" {seconds}") } else { String::new() };
    let mut socket = UnixStream::connect(path)?;
    writeln!(socket, "{word} {server}{value}")?;
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer)?;
    match answer.trim_end().strip_prefix("ok") {
        Some(answer) => Ok(answer.trim_start().to_owned()),
        None => Err(format!("cannot {word} {server}: {answer}").into()),
    }
}
