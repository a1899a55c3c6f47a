//! A network that fails in other ways than the contract's suite lets it, and a server that does not
//! let everybody do everything.

mod harness;

use harness::Nats;
use harness::letters::letters;
use idp_application::{ErrorKind, EventBus, PublishFailure};
use idp_nats::{Deduplication, NatsAuth, NatsBus, NatsConfig};
use idp_testkit::Direction;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::timeout;

const MODES: [Deduplication; 2] = [Deduplication::Window, Deduplication::Strict];

#[tokio::test]
async fn a_network_that_swallows_everything_is_noticed_and_left_behind() {
    for mode in MODES {
        let nats = Nats::start(mode).await;
        let config = NatsConfig { ack_timeout: Duration::from_millis(300), ..nats.config() };
        let bus = NatsBus::connect(config).await.expect("the server is there");
        let topic = nats.topic_named("letters");
        bus.publish(&letters(&topic, 1..=5, 1)).await.expect("stored");
        nats.proxy.stall();
        let sent = timeout(Duration::from_secs(20), bus.publish(&letters(&topic, 6..=10, 1))).await;
        let error = sent.expect("it gives up by itself").expect_err("nobody answers");
        assert_eq!((error.failure, error.accepted), (PublishFailure::Unavailable, 0));
        // What was held back arrives together with what is sent again.
        nats.proxy.restore();
        let again = async { while bus.publish(&letters(&topic, 6..=15, 1)).await.is_err() {} };
        timeout(Duration::from_secs(20), again).await.expect("it recovers");
        let numbers: Vec<_> = nats.messages(&topic).await;
        let of = |message: &async_nats::jetstream::Message| message.payload.clone();
        let expected = letters(&topic, 1..=15, 1);
        let expected: Vec<_> = expected.into_iter().map(|message| message.event.data).collect();
        assert_eq!(numbers.iter().map(of).collect::<Vec<_>>(), expected);
    }
}

/// The client would reconnect and send the rest of the pipeline, behind messages that were lost.
#[tokio::test]
async fn nothing_that_waited_in_a_lost_connection_is_sent_when_the_network_is_back() {
    for mode in MODES {
        let nats = Nats::start(mode).await;
        let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
        for round in 0..5 {
            let first = round * 200 + 1;
            let messages = letters(&topic, first..=first + 199, 1);
            nats.proxy.cut_after(Direction::ToServer, 40_000);
            let connections = nats.proxy.connections();
            let restoring = async {
                nats.proxy.wait_until_cut().await;
                nats.proxy.restore();
            };
            let (outcome, ()) = tokio::join!(bus.publish(&messages), restoring);
            assert!(outcome.is_err(), "the network was cut in the middle");
            let before = in_order(&nats, &topic).await;
            assert!(before < 200 * (round as usize + 1), "the rest was not sent");
            let returned = timeout(Duration::from_millis(100), async {
                while nats.proxy.connections() == connections {
                    tokio::task::yield_now().await;
                }
            });
            assert!(returned.await.is_err(), "the bus connects when it has something to publish");
            assert_eq!(in_order(&nats, &topic).await, before);
            bus.publish(&messages).await.expect("stored");
            assert_eq!(in_order(&nats, &topic).await, 200 * (round as usize + 1));
        }
    }
}

/// How many messages there are, which are all there are up to the last.
async fn in_order(nats: &Nats, topic: &str) -> usize {
    let messages = nats.messages(topic).await;
    for (message, number) in messages.iter().zip(1..) {
        let expected = format!("{{\"number\":{number}}}");
        assert_eq!(message.payload, expected, "nothing is missing before it");
    }
    messages.len()
}

/// The relay cuts each call short before the server has let the bus in.
#[tokio::test]
async fn calls_that_are_dropped_while_it_connects_have_one_connection_made_and_not_one_each() {
    let nats = Nats::start(Deduplication::Strict).await;
    let (bus, topic) = (nats.connect().await, nats.topic_named("letters"));
    bus.publish(&letters(&topic, 1..=3, 1)).await.expect("stored");
    nats.proxy.cut().await;
    bus.publish(&letters(&topic, 4..=6, 1)).await.expect_err("there is no network");
    nats.proxy.restore();
    let before = nats.proxy.connections();
    nats.proxy.set_delay(Duration::from_millis(200));
    for _ in 0..5 {
        let messages = letters(&topic, 4..=6, 1);
        let sent = timeout(Duration::from_millis(150), bus.publish(&messages)).await;
        assert!(sent.is_err(), "no answer comes that fast");
    }
    nats.proxy.set_delay(Duration::ZERO);
    let again = async { while bus.publish(&letters(&topic, 4..=6, 1)).await.is_err() {} };
    timeout(Duration::from_secs(30), again).await.expect("it is connected");
    assert_eq!(nats.proxy.connections(), before + 1);
    assert_eq!(in_order(&nats, &topic).await, 6);
}

/// A server of our own, with users.
struct Guarded {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Guarded {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ports = folder.path().join("ports");
        std::fs::create_dir(&ports).expect("a folder");
        let config = folder.path().join("server.conf");
        let text = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: {ports:?}\njetstream {{ store_dir: {:?} }}\n\
             authorization {{ users: [\n{{ user: all, password: secret }}\n{{ user: some, password: \
             secret, permissions: {{ publish: {{ deny: \"GUARDED.denied.>\" }} }} }}\n] }}\n",
            folder.path().join("data")
        );
        std::fs::write(&config, text).expect("a file");
        let mut command = Command::new("nats-server");
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("`nats-server` must be installed");
        let address = address(&ports);
        Self { child, address, _folder: folder }
    }
}

/// Waits for the file in which the server says where it listens.
fn address(folder: &std::path::Path) -> String {
    for _ in 0..1_000 {
        let file = std::fs::read_dir(folder).expect("a folder").next();
        let text = file.and_then(|file| std::fs::read_to_string(file.ok()?.path()).ok());
        let url = text.and_then(|text| {
            text.split('"').find(|part| part.starts_with("nats://")).map(str::to_owned)
        });
        if let Some(url) = url {
            return url.trim_start_matches("nats://").to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the server did not start within ten seconds");
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_topic_that_the_bus_may_not_publish_to_is_refused() {
    let server = Guarded::start();
    let admin = async_nats::ConnectOptions::with_user_and_password("all".into(), "secret".into());
    let admin = admin.connect(&server.address).await.expect("the server is there");
    let jetstream = async_nats::jetstream::new(admin);
    let subjects = vec!["GUARDED.>".to_owned()];
    let stream = async_nats::jetstream::stream::Config {
        name: "GUARDED".to_owned(),
        subjects,
        ..Default::default()
    };
    jetstream.create_stream(stream).await.expect("it has JetStream");
    for deduplication in MODES {
        let mut config = NatsConfig::new(format!("nats://{}", server.address), "test", ["GUARDED"]);
        config.deduplication = deduplication;
        config.auth = NatsAuth::Password { user: "some".into(), password: "secret".into() };
        let bus = NatsBus::connect(config).await.expect("let in");
        let (good, denied) = ("GUARDED.allowed".into(), "GUARDED.denied.x".into());
        let mut messages = letters(&good, 1..=6, 1);
        messages[2].topic = denied;
        let error = bus.publish(&messages).await.expect_err("one is denied");
        assert_eq!((error.failure, error.accepted), (PublishFailure::Refused, 2), "{error}");
        // It is refused again, and the others are not.
        let error = bus.publish(&messages[2..=2]).await.expect_err("denied");
        assert_eq!((error.failure, error.accepted), (PublishFailure::Refused, 0), "{error}");
        bus.publish(&messages[3..]).await.expect("stored");
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so() {
    let server = Guarded::start();
    let mut config = NatsConfig::new(format!("nats://{}", server.address), "test", ["GUARDED"]);
    config.auth = NatsAuth::Password { user: "some".into(), password: "hunter2".into() };
    let error = NatsBus::connect(config).await.expect_err("the wrong password");
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
