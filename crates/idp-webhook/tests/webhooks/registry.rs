//! Whose events an endpoint gets, and what happens when the registry changes or fails.

use crate::support::messages::message;
use crate::support::subscriber::Reply;
use crate::support::{Fixture, endpoint};
use idp_application::PublishFailure::{Refused, Unavailable};
use idp_application::{BoxFuture, Error, ErrorKind, EventBus as _, SystemClock};
use idp_domain::TenantId;
use idp_webhook::{
    Absence, Audience, Endpoint, EndpointState, EndpointUrl, Endpoints, WebhookBus, WebhookConfig,
};
use std::sync::Arc;

#[tokio::test]
async fn an_event_of_another_tenant_is_never_sent() {
    let fixture = Fixture::start().await;
    let other = Audience::Tenant(TenantId::new("other").expect("valid"));
    let own = Audience::Tenant(TenantId::new("acme").expect("valid"));
    let registered = (*fixture.endpoints.get("orders").expect("registered")).clone();
    fixture.endpoints.put("orders", Endpoint { audience: other, ..registered.clone() });
    let error = fixture.bus.publish(&[message(1)]).await.expect_err("another tenant");
    assert_eq!(error.failure, Refused);
    assert!(fixture.subscriber.deliveries().is_empty());
    fixture.endpoints.put("orders", Endpoint { audience: own, ..registered });
    fixture.bus.publish(&[message(1)]).await.expect("its own tenant");
    assert_eq!(fixture.endpoints.subscribed(&message(1).event), ["orders"]);
}

#[tokio::test]
async fn events_that_an_endpoint_does_not_want_are_passed_over() {
    let fixture = Fixture::start().await;
    let registered = (*fixture.endpoints.get("orders").expect("registered")).clone();
    fixture.endpoints.put("orders", registered.only(["order.cancelled"]));
    let mut wanted = message(2);
    wanted.event.event_type = "order.cancelled".into();
    fixture.bus.publish(&[message(1), wanted.clone()]).await.expect("delivered");
    assert_eq!(fixture.subscriber.ids(), [wanted.event.id.to_string()]);
    assert!(fixture.endpoints.subscribed(&message(1).event).is_empty());
}

#[tokio::test]
async fn a_new_url_is_used_from_the_next_call_on() {
    let fixture = Fixture::start().await;
    fixture.bus.publish(&[message(1)]).await.expect("delivered");
    fixture.endpoints.put("orders", endpoint(&fixture.subscriber.url("/new?k=1")));
    fixture.bus.publish(&[message(2)]).await.expect("delivered");
    let paths: Vec<_> = fixture.subscriber.deliveries().into_iter().map(|d| d.path).collect();
    assert_eq!(paths, ["/orders", "/new?k=1"]);
}

#[tokio::test]
async fn an_unknown_endpoint_is_refused_or_skipped_as_chosen() {
    let fixture = Fixture::start().await;
    fixture.endpoints.remove("orders");
    let error = fixture.bus.publish(&[message(1)]).await.expect_err("nobody");
    assert_eq!((error.accepted, error.failure), (0, Refused));
    let config = WebhookConfig { unknown: Absence::Skip, ..WebhookConfig::for_development() };
    let skipping = Fixture::with(config).await;
    skipping.endpoints.remove("orders");
    skipping.bus.publish(&[message(1)]).await.expect("there is nobody to get it");
}

#[tokio::test]
async fn a_url_that_was_replaced_meanwhile_is_not_disabled() {
    let fixture = Fixture::start().await;
    let old = EndpointUrl::parse("https://old.example/").expect("a URL");
    fixture.endpoints.disable("orders", &old, "gone").await.expect("nothing to do");
    let registered = fixture.endpoints.get("orders").expect("registered");
    assert_eq!(registered.state, EndpointState::Enabled);
}

/// A registry that cannot be reached, or cannot write.
struct Broken(Option<Arc<Endpoint>>);

impl Endpoints for Broken {
    fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Arc<Endpoint>>, Error>> {
        Box::pin(async move { self.0.clone().map(Some).ok_or_else(away) })
    }

    fn disable<'a>(
        &'a self,
        _: &'a str,
        _: &'a EndpointUrl,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Err(away()) })
    }
}

fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "find an endpoint", "the database is away")
}

#[tokio::test]
async fn a_registry_that_fails_refuses_nothing() {
    let bus = |registry: Broken| {
        let config = WebhookConfig::for_development();
        WebhookBus::new(config, Arc::new(registry), Arc::new(SystemClock)).expect("valid")
    };
    let error = bus(Broken(None)).publish(&[message(1)]).await.expect_err("away");
    assert_eq!(error.failure, Unavailable);
    let fixture = Fixture::start().await;
    fixture.subscriber.reply([Reply::Status(410)]);
    let registered = fixture.endpoints.get("orders");
    let error = bus(Broken(registered)).publish(&[message(1)]).await.expect_err("not disabled");
    assert_eq!(error.failure, Unavailable, "a 410 that could not be kept is asked for again");
}
