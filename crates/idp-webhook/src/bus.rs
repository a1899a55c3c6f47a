//! The bus.

use crate::client::{Answer, Client};
use crate::error::{Undelivered, Verdict, verdict};
use crate::rests::Rests;
use crate::stumbles::Stumbles;
use crate::wire::{self, Written};
use crate::{
    Absence, Endpoint, EndpointState, EndpointUrl, Endpoints, Resolver, Signed, SystemResolver,
    WebhookConfig, retry_after,
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode, Version};
use idp_application::{
    BoxFuture, BusGuarantees, Clock, Duplicates, Error, EventBus, Message, PublishError,
    PublishFailure,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Position;

/// Posts each message to the endpoint that its topic names.
///
/// One request is made after another, in the order of the messages, and a call ends at the first that
/// was not taken. Dropping the future of a call closes the connection that it was using: nothing is
/// sent later.
pub struct WebhookBus {
    config: WebhookConfig,
    endpoints: Arc<dyn Endpoints>,
    clock: Arc<dyn Clock>,
    client: Client,
    stumbles: Stumbles,
    rests: Rests,
}

/// The endpoints that a call has found so far.
type Found = HashMap<Arc<str>, Option<Arc<Endpoint>>>;

impl WebhookBus {
    /// A bus to the endpoints of that registry. Reads the certificate authorities of the system from
    /// disk. Fails when the configuration is invalid.
    pub fn new(
        config: WebhookConfig,
        endpoints: Arc<dyn Endpoints>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Self::with_resolver(config, endpoints, clock, Arc::new(SystemResolver))
    }

    /// The same, with names looked up in another way.
    pub fn with_resolver(
        config: WebhookConfig,
        endpoints: Arc<dyn Endpoints>,
        clock: Arc<dyn Clock>,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, Error> {
        config.check()?;
        let client = Client::new(&config, resolver)?;
        let stumbles = Stumbles::new(config.stumbles_max);
        Ok(Self { config, endpoints, clock, client, stumbles, rests: Rests::default() })
    }

    async fn publish_all(&self, messages: &[Message]) -> Result<(), PublishError> {
        let began = Instant::now();
        let mut found = Found::new();
        for (accepted, message) in messages.iter().enumerate() {
            if accepted > 0 && began.elapsed() >= self.config.batch_time_max {
                let rest = "the time of one call is over; there is more to deliver";
                return Err(PublishError::throttled(accepted, Some(Duration::ZERO), rest));
            }
            let delivered = self.deliver(message, &mut found).await;
            delivered.map_err(|undelivered| undelivered.after(accepted, &message.topic))?;
        }
        Ok(())
    }

    /// Delivers a message, if there is somebody to get it.
    async fn deliver(&self, message: &Message, found: &mut Found) -> Result<(), Undelivered> {
        let Some(endpoint) = self.find(&message.topic, found).await? else {
            return absent(self.config.unknown, "there is no such endpoint");
        };
        let event = &message.event;
        if !endpoint.may_see(&event.tenant) {
            let fault = "it belongs to another tenant than the event";
            return Err(Undelivered::refused(fault));
        }
        if !endpoint.wants(event) {
            return Ok(());
        }
        if endpoint.state != EndpointState::Enabled {
            return absent(self.config.disabled, "it is disabled");
        }
        let (size, most) = (event.data.len(), self.config.data_bytes_max);
        if size > most {
            let fault = format!("the data must have at most {most} bytes, got {size}");
            return Err(Undelivered::refused(fault));
        }
        let written = wire::write(message, self.config.mode).map_err(Undelivered::refused)?;
        let request = self.request(message, &endpoint, written)?;
        self.post(message, &endpoint.url, request, found).await
    }

    /// Makes the request, unless the endpoint is to be spared.
    async fn post(
        &self,
        message: &Message,
        url: &EndpointUrl,
        request: Request<Full<Bytes>>,
        found: &mut Found,
    ) -> Result<(), Undelivered> {
        let name = &message.topic;
        self.rests.ask(name, url, self.config.request_timeout).map_err(|pause| {
            Undelivered::resting(Some(pause), "it is in trouble, and spared for a while")
        })?;
        let answer = self.client.post(url, request).await.inspect_err(|undelivered| {
            self.rests.failed(name, url, undelivered.asked());
        })?;
        if !answer.status.is_success() {
            found.remove(name); // What the registry says may change now.
        }
        let delivered = self.judge(message, url, &answer).await;
        match &delivered {
            // Whether the event or the endpoint is to blame is not known.
            Err(_) if answer.status == StatusCode::INTERNAL_SERVER_ERROR => {}
            Err(undelivered) if undelivered.is_of_endpoint() => {
                self.rests.failed(name, url, undelivered.asked());
            }
            Ok(()) | Err(_) => self.rests.answered(name),
        }
        delivered
    }

    async fn find(
        &self,
        name: &Arc<str>,
        found: &mut Found,
    ) -> Result<Option<Arc<Endpoint>>, Undelivered> {
        if let Some(known) = found.get(name) {
            return Ok(known.clone());
        }
        let endpoint = self.endpoints.find(name).await.map_err(|e| {
            Undelivered::unavailable("the registry of endpoints failed").with_source(e)
        })?;
        found.insert(Arc::clone(name), endpoint.clone());
        Ok(endpoint)
    }

    fn request(
        &self,
        message: &Message,
        endpoint: &Endpoint,
        written: Written,
    ) -> Result<Request<Full<Bytes>>, Undelivered> {
        let Written { content_type, headers, body } = written;
        let id = message.event.id.to_string();
        let signed = Signed::new(id, self.clock.now(), &body, &endpoint.keys);
        let url = endpoint.url.url();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_11;
        // `http` takes less than `url` does; what it takes is checked when an endpoint is registered.
        *request.uri_mut() = url[Position::BeforePath..Position::AfterQuery]
            .parse()
            .map_err(|e| Undelivered::away("its URL cannot be requested").with_source(e))?;
        let known = [
            ("webhook-id", &signed.id),
            ("webhook-timestamp", &signed.timestamp),
            ("webhook-signature", &signed.signature),
        ];
        let all = request.headers_mut();
        let text = |text: &str| HeaderValue::try_from(text).expect("it is printable ASCII");
        all.extend(
            known.map(|(name, value)| (hyper::header::HeaderName::from_static(name), text(value))),
        );
        all.insert(HOST, text(&url[Position::BeforeHost..Position::AfterPort]));
        all.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        all.insert(CONTENT_TYPE, content_type);
        all.extend(headers);
        Ok(request)
    }

    /// What an answer means, and what follows from it.
    async fn judge(
        &self,
        message: &Message,
        url: &EndpointUrl,
        answer: &Answer,
    ) -> Result<(), Undelivered> {
        let status = answer.status;
        let pause = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let pause = pause.and_then(|value| {
            retry_after::parse(value, self.clock.now(), self.config.retry_after_max)
        });
        match verdict(status, pause) {
            Verdict::Taken => {
                self.stumbles.taken(&message.topic, &message.stream);
                Ok(())
            }
            Verdict::Gone => self.disable(&message.topic, url).await,
            Verdict::Failed(failure) => Err(Undelivered::answered(failure, status)),
            Verdict::Stumbled => Err(self.stumbled(message, status)),
        }
    }

    async fn disable(&self, name: &str, url: &EndpointUrl) -> Result<(), Undelivered> {
        tracing::warn!(endpoint = name, "the endpoint answered 410 Gone and is disabled");
        self.endpoints.disable(name, url, "it answered 410 Gone").await.map_err(|e| {
            Undelivered::unavailable("it is gone, and could not be disabled").with_source(e)
        })?;
        absent(self.config.disabled, "it answered 410 Gone and is disabled")
    }

    fn stumbled(&self, message: &Message, status: StatusCode) -> Undelivered {
        let Message { topic, stream, event, .. } = message;
        let is_to_blame = self.stumbles.stumbled(topic, stream, event.id);
        let failure = if is_to_blame {
            PublishFailure::Refused
        } else {
            PublishFailure::TopicUnavailable(None)
        };
        Undelivered::answered(failure, status)
    }
}

/// What becomes of an event that nobody is there to get.
fn absent(absence: Absence, why: &'static str) -> Result<(), Undelivered> {
    match absence {
        Absence::Refuse => Err(Undelivered::refused(why)),
        Absence::Wait => Err(Undelivered::away(why)),
        Absence::Skip => Ok(()),
    }
}

const AGENT: &str = concat!("idp-webhook/", env!("CARGO_PKG_VERSION"));

impl EventBus for WebhookBus {
    fn system(&self) -> &'static str {
        "webhook"
    }

    fn guarantees(&self) -> BusGuarantees {
        BusGuarantees {
            duplicates: Duplicates::Possible,
            fences_zombies: false,
            data_bytes_max: Some(self.config.data_bytes_max),
        }
    }

    fn publish<'a>(&'a self, messages: &'a [Message]) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.publish_all(messages))
    }
}

impl std::fmt::Debug for WebhookBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookBus").field("config", &self.config).finish_non_exhaustive()
    }
}
