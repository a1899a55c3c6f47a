//! The network that a test can cut.

use idp_testkit::{Direction, Proxy};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(10);

/// A server that sends back what it gets, and says what it got.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut got = Vec::new();
                let mut buffer = vec![0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    got.extend(&buffer[..count]);
                    // Also when nobody takes the answer any more, it reads on.
                    let _ = stream.write_all(&buffer[..count]).await;
                }
                let _ = sender.send(got);
            });
        }
    });
    (address, receiver)
}

async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

async fn ask(stream: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(text).await?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    bounded("a connection", TcpStream::connect(proxy.address())).await.expect("it listens")
}

#[tokio::test]
async fn what_passes_is_unchanged_and_counted() {
    let (server, mut got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    let mut client = connect(&proxy).await;
    let text: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let (mut from, mut to) = client.split();
    let mut back = vec![0; text.len()];
    let (written, read) = bounded("the echo", async {
        tokio::join!(to.write_all(&text), from.read_exact(&mut back))
    })
    .await;
    written.expect("sent");
    read.expect("sent back");
    assert!(back == text);
    drop(client);
    assert!(bounded("the end of the connection", got.recv()).await.expect("served") == text);
    let bytes = [Direction::ToServer, Direction::ToClient].map(|way| proxy.bytes(way));
    assert_eq!((bytes, proxy.connections()), ([1_000_000, 1_000_000], 1));
}

#[tokio::test]
async fn a_cut_ends_connections_and_refuses_new_ones_until_it_is_mended() {
    let (server, _got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    let mut client = connect(&proxy).await;
    bounded("an answer", ask(&mut client, b"one")).await.expect("the network is whole");
    bounded("the cut", proxy.cut()).await;
    bounded("an error", ask(&mut client, b"two")).await.expect_err("the network is cut");
    let refused = bounded("a refusal", async {
        let mut client = TcpStream::connect(proxy.address()).await?;
        ask(&mut client, b"three").await
    });
    refused.await.expect_err("the network is cut");
    assert_eq!(proxy.bytes(Direction::ToServer), 3);
    proxy.restore();
    let mut client = connect(&proxy).await;
    let answer = bounded("an answer", ask(&mut client, b"four")).await;
    assert_eq!(answer.expect("the network is whole again"), b"four");
}

#[tokio::test]
async fn a_connection_does_not_survive_a_cut_that_is_mended_at_once() {
    let (server, _got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    let mut client = connect(&proxy).await;
    bounded("an answer", ask(&mut client, b"one")).await.expect("the network is whole");
    bounded("the cut", proxy.cut()).await;
    proxy.restore();
    bounded("an error", ask(&mut client, b"two")).await.expect_err("the connection is gone");
}

#[tokio::test]
async fn a_cut_comes_after_exactly_so_many_bytes() {
    for bytes in [0, 1, 4_999, 5_000, 70_000] {
        let (server, mut got) = echo().await;
        let proxy = Proxy::to(server).await.expect("started");
        let mut client = connect(&proxy).await;
        bounded("an answer", ask(&mut client, b"hello")).await.expect("the network is whole");
        proxy.cut_after(Direction::ToServer, bytes);
        assert!(!proxy.is_cut(), "before anything has passed");
        let cut = bounded("an error", async {
            let (mut from, mut to) = client.split();
            let _ = to.write_all(&[7; 100_000]).await;
            // What the server sent back before the cut may still be there to be read.
            let mut rest = Vec::new();
            from.read_to_end(&mut rest).await
        });
        assert!(cut.await.is_err() || bytes > 0, "the connection was closed, not reset");
        bounded("the cut", proxy.wait_until_cut()).await;
        let received = bounded("the end of the connection", got.recv()).await.expect("served");
        assert_eq!(received.len() as u64, 5 + bytes);
        assert!(proxy.is_cut());
        proxy.restore();
        assert!(!proxy.is_cut());
        let mut client = connect(&proxy).await;
        bounded("an answer", ask(&mut client, &[1; 100])).await.expect("the network is whole");
    }
}

#[tokio::test]
async fn answers_can_be_cut_while_the_server_has_everything() {
    let (server, mut got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    proxy.cut_after(Direction::ToClient, 2);
    let mut client = connect(&proxy).await;
    bounded("an error", ask(&mut client, b"hello")).await.expect_err("the answer is cut");
    assert_eq!(bounded("the end", got.recv()).await.expect("served"), b"hello");
    assert_eq!(proxy.bytes(Direction::ToClient), 2);
}

#[tokio::test]
async fn a_stalled_network_accepts_and_delivers_what_it_held_when_it_goes_on() {
    let (server, _got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    let mut before = connect(&proxy).await;
    bounded("an answer", ask(&mut before, b"one")).await.expect("the network is whole");
    proxy.stall();
    let mut during = connect(&proxy).await;
    let answers = async {
        let answers = tokio::join!(ask(&mut before, b"two"), ask(&mut during, b"three"));
        (answers.0.expect("it goes on"), answers.1.expect("it goes on"))
    };
    tokio::pin!(answers);
    let early = timeout(Duration::from_millis(100), &mut answers).await;
    assert!(early.is_err(), "something passed");
    assert_eq!(proxy.bytes(Direction::ToServer), 3);
    proxy.restore();
    assert_eq!(bounded("the answers", answers).await, (b"two".to_vec(), b"three".to_vec()));
}

#[tokio::test]
async fn a_delay_holds_every_answer_back_and_does_not_add_up() {
    let (server, _got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    proxy.set_delay(Duration::from_millis(50));
    let mut client = connect(&proxy).await;
    let started = Instant::now();
    bounded("an answer", ask(&mut client, b"one")).await.expect("the network is whole");
    assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
    // Fifty questions in a row, without waiting for answers: the delays overlap.
    let started = Instant::now();
    let (mut from, mut to) = client.split();
    let asking = async {
        for _ in 0..50 {
            to.write_all(b"?").await.expect("the network is whole");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let mut answers = [0; 50];
    let (_, read) =
        bounded("the answers", async { tokio::join!(asking, from.read_exact(&mut answers)) }).await;
    read.expect("the network is whole");
    assert!(started.elapsed() < Duration::from_millis(50 * 50), "{:?}", started.elapsed());
}

#[tokio::test]
async fn round_trips_are_counted_once_however_much_is_asked() {
    let (server, _got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    let mut client = connect(&proxy).await;
    for _ in 0..3 {
        bounded("an answer", ask(&mut client, b"one")).await.expect("the network is whole");
    }
    assert_eq!(proxy.round_trips(), 3);
}

#[tokio::test]
async fn a_port_can_be_used_again_when_the_proxy_is_gone() {
    let (server, _got) = echo().await;
    let proxy = Proxy::to(server).await.expect("started");
    let port = proxy.address().port();
    let next = bounded("the port", async {
        let (next, ()) = tokio::join!(Proxy::on(port, server), async {
            tokio::task::yield_now().await;
            drop(proxy);
        });
        next
    });
    let next = next.await.expect("the port is free");
    assert_eq!(next.address().port(), port);
    let mut client = connect(&next).await;
    bounded("an answer", ask(&mut client, b"one")).await.expect("the network is whole");
}

#[tokio::test]
async fn a_client_of_a_server_that_is_down_is_refused() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let nobody = listener.local_addr().expect("bound");
    drop(listener);
    let proxy = Proxy::to(nobody).await.expect("started");
    let mut client = connect(&proxy).await;
    bounded("a refusal", ask(&mut client, b"one")).await.expect_err("nobody is there");
}
