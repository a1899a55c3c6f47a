//! What brokers of a cluster say that a single one does not, by a script.

mod support;

use idp_application::{ErrorKind, EventBus, PublishFailure};
use idp_pulsar::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use idp_pulsar::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use idp_pulsar::{PulsarBus, PulsarConfig, Token};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::bare::{
    CHALLENGE, CHALLENGE_RESPONSE, CLOSE_PRODUCER, CONNECT, Frame, KNOWN, LOOKUP, PING, PRODUCER,
    SEND, command_frame,
};
use support::protobuf::Writer;
use support::script::{Script, connected, error, found, found_behind, opened, receipt, refusal};
use support::{Sender, bounded};
use tokio_rustls::TlsAcceptor;

const UNKNOWN_ERROR: u64 = 0;
const AUTHENTICATION_ERROR: u64 = 3;
const TOO_MANY_REQUESTS: u64 = 14;

fn config(script: &Script) -> PulsarConfig {
    PulsarConfig::for_service("shop", script.url())
}

async fn bus(script: &Script) -> PulsarBus {
    PulsarBus::connect(config(script)).await.expect("it lets us in")
}

/// Keeps the numbers of the messages that it is asked about.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<u64>>>);

impl Sent {
    fn note(&self, frame: &Frame) {
        if frame.kind == SEND {
            let number = frame.command.number(2).expect("a number");
            self.0.lock().expect("not poisoned").push(number);
        }
    }

    fn numbers(&self) -> Vec<u64> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// Which producers are open, and how many were at a time.
#[derive(Default)]
struct Opened {
    now: BTreeSet<u64>,
    most: usize,
    in_all: usize,
}

impl Opened {
    fn note(&mut self, frame: &Frame) -> Option<Vec<Vec<u8>>> {
        let number = |tag| frame.command.number(tag).expect("a number");
        match frame.kind {
            CLOSE_PRODUCER => assert!(self.now.remove(&number(1)), "it was open"),
            PRODUCER => {
                assert!(self.now.insert(number(2)), "no number is used twice");
                self.most = self.most.max(self.now.len());
                self.in_all += 1;
                return Some(vec![opened(frame, 0)]);
            }
            SEND => assert!(self.now.contains(&number(1)), "nothing is sent by a closed one"),
            _ => {}
        }
        None
    }
}

/// As with a topic for each tenant, in a lane that is never idle.
#[tokio::test]
async fn a_stream_does_not_keep_a_producer_open_for_each_topic_it_ever_had() {
    bounded(async {
        let seen = Arc::new(Mutex::new(Opened::default()));
        let noting = seen.clone();
        let play = move |frame: &Frame| noting.lock().expect("not poisoned").note(frame);
        let script = Script::start(Box::new(play)).await;
        let config = PulsarConfig { idle_timeout: Duration::from_secs(60), ..config(&script) };
        let bus = PulsarBus::connect(config).await.expect("it lets us in");
        let to =
            |topic: i64, number| Sender::of_lane(&format!("tenant-{topic}"), 0).message(1, number);
        // Many in one call, so that all have something under way; and the first again and again.
        let call: Vec<_> = (1..=450).map(|number| to(number, number)).collect();
        bus.publish(&call).await.expect("stored");
        let mut number = 450;
        for topic in 451..=900 {
            let call = [to(1, number + 1), to(topic, number + 2)];
            bus.publish(&call).await.expect("stored");
            number += 2;
        }
        let seen = seen.lock().expect("not poisoned");
        assert_eq!((seen.most, seen.now.len()), (200, 200));
        assert_eq!(seen.in_all, 901, "what is used is not closed: only the first had been, once");
    })
    .await;
}

#[tokio::test]
async fn a_topic_at_another_broker_is_found() {
    bounded(async {
        let sent = Sent::default();
        let noting = sent.clone();
        let there = Script::start(Box::new(move |frame| {
            noting.note(frame);
            let is_sent_on = frame.kind == LOOKUP && frame.command.number(3) != Some(1);
            is_sent_on.then(|| vec![error(frame, 2, 6)])
        }));
        let there = there.await;
        let url = there.url();
        let here = Script::start(Box::new(move |frame| {
            let request = frame.command.number(2);
            (frame.kind == LOOKUP).then(|| vec![found(request.expect("a number"), &url, 0)])
        }));
        let bus = bus(&here.await).await;
        let messages = Sender::of_lane("orders", 0).messages([3, 4]);
        let error = bus.publish(&messages).await.expect_err("it forgets what it said");
        assert_eq!((error.accepted, sent.numbers()), (1, vec![3]), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_broker_behind_a_proxy_is_reached_by_way_of_it() {
    bounded(async {
        let asked_for = Arc::new(Mutex::new(Vec::new()));
        let noting = asked_for.clone();
        let proxy = Script::start(Box::new(move |frame| match frame.kind {
            CONNECT => {
                noting.lock().expect("not poisoned").push(frame.command.text(6));
                None
            }
            LOOKUP => {
                let request = frame.command.number(2).expect("a number");
                Some(vec![found_behind(request, "pulsar://hidden:6650")])
            }
            PRODUCER => Some(vec![opened(frame, 1)]),
            _ => None,
        }));
        let bus = bus(&proxy.await).await;
        bus.publish(&Sender::of_lane("orders", 0).messages([3, 4])).await.expect("stored");
        let asked_for = asked_for.lock().expect("not poisoned").clone();
        assert_eq!(asked_for, [None, Some("hidden:6650".to_owned())]);
    })
    .await;
}

/// When it connects, and when the broker wants a fresh one.
#[tokio::test]
async fn the_broker_gets_the_token_of_the_moment() {
    bounded(async {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let noting = shown.clone();
        let mut waiting = Vec::new();
        let broker = Script::start(Box::new(move |frame| {
            let note = |text: Option<String>| {
                noting.lock().expect("not poisoned").push(text.expect("a token"));
            };
            match frame.kind {
                CONNECT => {
                    assert_eq!(frame.command.text(5).as_deref(), Some("token"));
                    note(frame.command.text(3));
                    None
                }
                PRODUCER => Some(vec![opened(frame, 0)]),
                SEND => {
                    waiting.push(receipt(frame, (1, 1)));
                    Some(vec![command_frame(CHALLENGE, Writer::default().bytes(1, "4.0"))])
                }
                CHALLENGE_RESPONSE => {
                    let response = frame.command.message(2).expect("a response");
                    assert_eq!(response.text(1).as_deref(), Some("token"));
                    note(response.text(2));
                    Some(std::mem::take(&mut waiting))
                }
                _ => None,
            }
        }));
        let count = AtomicU64::new(0);
        let token = move || format!("token {}\n", count.fetch_add(1, Ordering::Relaxed));
        let config = PulsarConfig { token: Some(Token::from_fn(token)), ..config(&broker.await) };
        let bus = PulsarBus::connect(config).await.expect("it lets us in");
        bus.publish(&Sender::of_lane("orders", 0).messages([1])).await.expect("stored");
        assert_eq!(*shown.lock().expect("not poisoned"), ["token 0", "token 1"]);
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_does_not_let_us_in_is_unavailable() {
    bounded(async {
        let broker = Script::start(Box::new(|frame| {
            (frame.kind == CONNECT).then(|| vec![error(frame, 99, AUTHENTICATION_ERROR)])
        }));
        let error = PulsarBus::connect(config(&broker.await)).await.err().expect("not let in");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("AuthenticationError (3): no"), "{error}");
        let nowhere = PulsarConfig::for_service("shop", "pulsar://127.0.0.1:1,127.0.0.1:2");
        let error = PulsarBus::connect(nowhere).await.err().expect("nobody there");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("127.0.0.1:1") && error.message().contains("127.0.0.1:2"));
    })
    .await;
}

/// The broker cannot say yet whether it has it: an earlier attempt is still being written.
#[tokio::test]
async fn a_message_whose_fate_the_broker_does_not_know_is_sent_again_until_it_does() {
    bounded(async {
        let sent = Sent::default();
        let noting = sent.clone();
        let mut undecided = 3;
        let broker = Script::start(Box::new(move |frame| {
            noting.note(frame);
            match (frame.kind, frame.command.number(2)) {
                (PRODUCER, _) => Some(vec![opened(frame, 5)]),
                (SEND, Some(5)) if undecided > 0 => {
                    undecided -= 1;
                    let what = "Cannot determine whether the message is a duplicate at this time";
                    Some(vec![refusal(frame, UNKNOWN_ERROR, what)])
                }
                (SEND, Some(..=5)) => Some(vec![receipt(frame, KNOWN)]),
                _ => None,
            }
        }));
        let bus = bus(&broker.await).await;
        bus.publish(&Sender::of_lane("orders", 0).messages(4..=6)).await.expect("stored");
        assert_eq!(sent.numbers(), [4, 5, 6, 5, 6, 5, 6, 5, 6]);
    })
    .await;
}

/// As of another producer of that name, somewhere: what it says is stored may be lost.
#[tokio::test]
async fn a_broker_that_knows_what_it_cannot_know_is_not_believed() {
    bounded(async {
        let broker = Script::start(Box::new(|frame| match frame.kind {
            PRODUCER => Some(vec![opened(frame, 5)]),
            SEND => Some(vec![receipt(frame, KNOWN)]),
            _ => None,
        }));
        let bus = bus(&broker.await).await;
        let messages = Sender::of_lane("orders", 0).messages([5, 7]);
        let error = bus.publish(&messages).await.expect_err("never sent before");
        assert_eq!((error.accepted, error.failure), (1, PublishFailure::Unavailable));
        assert!(error.error.message().contains("number 7"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_asks_to_be_spared_is() {
    bounded(async {
        let broker = Script::start(Box::new(|frame| {
            (frame.kind == PRODUCER).then(|| vec![error(frame, 3, TOO_MANY_REQUESTS)])
        }));
        let messages = Sender::of_lane("orders", 0).messages([1]);
        let error = bus(&broker.await).await.publish(&messages).await.expect_err("spared");
        assert_eq!((error.accepted, error.failure), (0, PublishFailure::Throttled(None)));
    })
    .await;
}

/// Before it asks, and when it waits for what became of messages.
#[tokio::test]
async fn a_silent_broker_is_given_up() {
    bounded(async {
        for silent_at in [LOOKUP, SEND] {
            let pings = Arc::new(AtomicU64::new(0));
            let counting = pings.clone();
            let mut is_silent = false;
            let broker = Script::start(Box::new(move |frame| {
                is_silent |= frame.kind == silent_at;
                counting.fetch_add(u64::from(frame.kind == PING), Ordering::Relaxed);
                is_silent.then(Vec::new)
            }));
            let config = PulsarConfig {
                keep_alive: Duration::from_millis(100),
                connect_timeout: Duration::from_millis(500),
                ..config(&broker.await)
            };
            let bus = PulsarBus::connect(config).await.expect("it lets us in");
            let messages = Sender::of_lane("orders", 0).messages([1]);
            let error = bus.publish(&messages).await.expect_err("no answer");
            assert_eq!((error.accepted, error.failure), (0, PublishFailure::Unavailable));
            assert!(pings.load(Ordering::Relaxed) > 0);
        }
    })
    .await;
}

#[tokio::test]
async fn what_does_not_speak_the_protocol_is_unavailable() {
    bounded(async {
        let web = Script::start(Box::new(|_| Some(vec![b"HTTP/1.1 400 Bad Request".to_vec()])));
        let error = PulsarBus::connect(config(&web.await)).await.err().expect("no broker");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("not Pulsar's protocol"), "{error}");
    })
    .await;
}

/// A certificate for this machine, and who trusts it.
fn tls() -> (TlsAcceptor, Arc<ClientConfig>) {
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a key");
    let certificate = signed.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), Arc::new(client))
}

#[tokio::test]
async fn tls_is_spoken_to_brokers_that_are_trusted_and_no_others() {
    bounded(async {
        let (acceptor, trusting) = tls();
        let sent = Sent::default();
        let noting = sent.clone();
        let play = Box::new(move |frame: &Frame| {
            noting.note(frame);
            match frame.kind {
                CONNECT => Some(vec![connected()]),
                PRODUCER => Some(vec![opened(frame, 0)]),
                _ => None,
            }
        });
        let broker = Script::start_tls(play, acceptor).await;
        let trusted = PulsarConfig { tls: Some(trusting), ..config(&broker) };
        let bus = PulsarBus::connect(trusted).await.expect("it is trusted");
        bus.publish(&Sender::of_lane("orders", 0).messages([1, 2])).await.expect("stored");
        assert_eq!(sent.numbers(), [1, 2]);
        let stranger = PulsarConfig { tls: Some(tls().1), ..config(&broker) };
        let error = PulsarBus::connect(stranger).await.err().expect("not trusted");
        assert!(error.message().contains("certificate"), "{error}");
    })
    .await;
}
