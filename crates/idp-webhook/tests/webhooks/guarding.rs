//! What must not be reached is not reached.

use crate::support::messages::message;
use crate::support::{Fixture, endpoint};
use idp_application::PublishFailure::TopicUnavailable;
use idp_application::{BoxFuture, ErrorKind, EventBus as _, SystemClock};
use idp_webhook::{MemoryEndpoints, Resolver, WebhookBus, WebhookConfig};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Gives one list of addresses after another, the last for ever.
struct Scripted {
    answers: Mutex<Vec<Vec<SocketAddr>>>,
    asked: AtomicUsize,
}

impl Resolver for Scripted {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().expect("no panic");
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}

fn bus_to(
    url: &str,
    config: WebhookConfig,
    answers: Vec<Vec<SocketAddr>>,
) -> (WebhookBus, Arc<Scripted>) {
    let endpoints = MemoryEndpoints::default();
    endpoints.put("orders", endpoint(url));
    let resolver = Arc::new(Scripted { answers: Mutex::new(answers), asked: AtomicUsize::new(0) });
    let (endpoints, clock) = (Arc::new(endpoints), Arc::new(SystemClock));
    let bus = WebhookBus::with_resolver(config, endpoints, clock, resolver.clone());
    (bus.expect("a valid configuration"), resolver)
}

/// Plain HTTP and any port, but public addresses only.
fn public_only() -> WebhookConfig {
    WebhookConfig { allowed_networks: vec![], ..WebhookConfig::for_development() }
}

#[tokio::test]
async fn this_machine_is_not_reached_by_any_of_its_names() {
    let fixture = Fixture::start().await;
    let port = fixture.subscriber.address().port();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0"] {
        let endpoints = Arc::new(MemoryEndpoints::default());
        endpoints.put("orders", endpoint(&format!("http://{host}:{port}/")));
        let bus = crate::support::bus(public_only(), endpoints);
        let error = bus.publish(&[message(1)]).await.expect_err("not allowed");
        assert_eq!(
            (error.failure, error.error.kind()),
            (TopicUnavailable(None), ErrorKind::Forbidden)
        );
    }
    assert!(fixture.subscriber.deliveries().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_followed() {
    let fixture = Fixture::start().await;
    let own = fixture.subscriber.address();
    let url = format!("http://rebound.example:{}/", own.port());
    let (bus, resolver) = bus_to(&url, public_only(), vec![vec![own]]);
    let error = bus.publish(&[message(1)]).await.expect_err("not allowed");
    assert_eq!(error.error.kind(), ErrorKind::Forbidden);
    // 203.0.113.0/24 is for documentation: nobody is there, and it is not public either.
    let nobody = SocketAddr::from(([203, 0, 113, 1], own.port()));
    let (bus, _) = bus_to(&url, public_only(), vec![vec![nobody, own]]);
    let error = bus.publish(&[message(1)]).await.expect_err("not allowed");
    assert_eq!(error.error.kind(), ErrorKind::Forbidden);
    assert!(fixture.subscriber.deliveries().is_empty());
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
}

/// A name that is harmless when it is checked and leads inside when it is used: there is no second
/// look-up that could be answered in another way.
#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection() {
    let (harmless, inside) = (Fixture::start().await, Fixture::start().await);
    let (first, second) = (harmless.subscriber.address(), inside.subscriber.address());
    let url = format!("http://rebound.example:{}/", first.port());
    let config = WebhookConfig { idle_connections_max: 0, ..WebhookConfig::for_development() };
    let (bus, resolver) = bus_to(&url, config, vec![vec![first], vec![second]]);
    bus.publish(&[message(1)]).await.expect("delivered");
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    assert_eq!(harmless.subscriber.deliveries()[0].header("host"), &url[7..url.len() - 1]);
    assert!(inside.subscriber.deliveries().is_empty());
    bus.publish(&[message(2)]).await.expect("delivered");
    assert_eq!(inside.subscriber.deliveries().len(), 1, "a new connection asks again");
}

#[tokio::test]
async fn plain_http_is_not_used_unless_it_is_allowed() {
    let fixture = Fixture::start().await;
    let endpoints = Arc::new(MemoryEndpoints::default());
    endpoints.put("orders", endpoint(&fixture.subscriber.url("/")));
    let config = WebhookConfig { allow_http: false, ..WebhookConfig::for_development() };
    let roots = vec![crate::tls::Authority::new().der()];
    let config = WebhookConfig { root_certificates: roots, ..config };
    let bus = crate::support::bus(config, endpoints);
    let error = bus.publish(&[message(1)]).await.expect_err("http");
    assert_eq!((error.failure, error.error.kind()), (TopicUnavailable(None), ErrorKind::Forbidden));
    assert!(!error.to_string().contains(&fixture.subscriber.url("")), "{error}");
}
