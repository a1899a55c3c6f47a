//! Order, what counts as taken over, and connections that end.

use crate::support::messages::message;
use crate::support::subscriber::{Reply, Subscriber};
use crate::support::{Fixture, bus, endpoint};
use idp_application::EventBus as _;
use idp_application::PublishFailure::{Refused, Throttled, TopicUnavailable};
use idp_testkit::{Direction, Proxy};
use idp_webhook::{MemoryEndpoints, WebhookBus, WebhookConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

/// A subscriber behind a network that can be cut.
struct Behind {
    subscriber: Subscriber,
    proxy: Proxy,
    bus: WebhookBus,
}

impl Behind {
    async fn start(config: WebhookConfig) -> Self {
        let subscriber = Subscriber::start().await;
        let proxy = Proxy::to(subscriber.address()).await.expect("a proxy");
        let endpoints = Arc::new(MemoryEndpoints::default());
        endpoints.put("orders", endpoint(&format!("http://{}/", proxy.address())));
        let bus = bus(config, endpoints);
        Self { subscriber, proxy, bus }
    }
}

fn ids(numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    numbers.into_iter().map(|number| message(number).event.id.to_string()).collect()
}

#[tokio::test]
async fn messages_arrive_in_order_over_one_connection() {
    let Behind { subscriber, proxy, bus } = Behind::start(WebhookConfig::for_development()).await;
    let messages: Vec<_> = (1..=50).map(message).collect();
    bus.publish(&messages[..20]).await.expect("delivered");
    bus.publish(&messages[20..]).await.expect("delivered");
    assert_eq!(subscriber.ids(), ids(1..=50));
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn nothing_is_sent_behind_a_message_that_was_not_taken() {
    let fixture = Fixture::start().await;
    for (status, failure) in [(422, Refused), (404, TopicUnavailable(None))] {
        let before = fixture.subscriber.deliveries().len();
        fixture.subscriber.reply([Reply::Status(200), Reply::Status(201), Reply::Status(status)]);
        let messages: Vec<_> = (1..=5).map(message).collect();
        let error = fixture.bus.publish(&messages).await.expect_err("the third fails");
        assert_eq!((error.accepted, error.failure), (2, failure));
        assert_eq!(fixture.subscriber.ids()[before..], ids(1..=3));
    }
}

#[tokio::test]
async fn a_call_says_how_far_it_came_when_its_time_is_over() {
    let config =
        WebhookConfig { batch_time_max: Duration::ZERO, ..WebhookConfig::for_development() };
    let fixture = Fixture::with(config).await;
    let messages: Vec<_> = (1..=3).map(message).collect();
    let error = fixture.bus.publish(&messages).await.expect_err("one at a time");
    assert_eq!((error.accepted, error.failure), (1, Throttled(Some(Duration::ZERO))));
    assert_eq!(fixture.subscriber.ids(), ids([1]));
}

#[tokio::test]
async fn a_connection_that_the_endpoint_closes_is_not_used_again() {
    let fixture = Behind::start(WebhookConfig::for_development()).await;
    fixture.subscriber.reply([Reply::Header(204, "connection", "close".into())]);
    fixture.bus.publish(&[message(1)]).await.expect("delivered");
    fixture.bus.publish(&[message(2)]).await.expect("delivered over another connection");
    assert_eq!(fixture.subscriber.ids(), ids([1, 2]));
    assert_eq!(fixture.proxy.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_too_long_is_not_used_again() {
    let config =
        WebhookConfig { idle_time_max: Duration::ZERO, ..WebhookConfig::for_development() };
    let fixture = Behind::start(config).await;
    fixture.bus.publish(&[message(1), message(2)]).await.expect("delivered");
    assert_eq!((fixture.subscriber.ids(), fixture.proxy.connections()), (ids([1, 2]), 2));
}

#[tokio::test]
async fn a_lost_answer_is_not_taken_for_one() {
    let Behind { subscriber, proxy, bus } = Behind::start(WebhookConfig::for_development()).await;
    proxy.cut_after(Direction::ToClient, 5);
    let call = timeout(SOON, async { bus.publish(&[message(1), message(2)]).await });
    let error = call.await.expect("it ends").expect_err("the answer is lost");
    assert_eq!((error.accepted, error.failure), (0, TopicUnavailable(None)));
    assert_eq!(subscriber.ids(), ids([1]));
}

/// The connection was idle, so the endpoint could just as well have closed it before; but it may not
/// have.
#[tokio::test]
async fn what_may_have_arrived_is_not_sent_again_by_the_bus() {
    let Behind { subscriber, proxy, bus } = Behind::start(WebhookConfig::for_development()).await;
    bus.publish(&[message(1)]).await.expect("delivered");
    proxy.cut_after(Direction::ToClient, 5);
    let call = timeout(SOON, async { bus.publish(&[message(2)]).await });
    let error = call.await.expect("it ends").expect_err("the answer is lost");
    assert_eq!((error.accepted, error.failure), (0, TopicUnavailable(None)));
    assert_eq!(subscriber.ids(), ids([1, 2]));
}

#[tokio::test]
async fn nothing_is_sent_for_a_call_that_was_dropped() {
    let fixture = Fixture::start().await;
    fixture.subscriber.reply([Reply::Silence]);
    let messages: Vec<_> = (1..=3).map(message).collect();
    let call = timeout(Duration::from_millis(300), fixture.bus.publish(&messages));
    call.await.expect_err("no answer, so it is dropped");
    fixture.bus.publish(&[message(4)]).await.expect("delivered");
    assert_eq!(fixture.subscriber.ids(), ids([1, 4]));
}
