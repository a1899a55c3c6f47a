//! Events as they happen: server-sent events (WHATWG HTML, section 9.2) with JSON in them.

use crate::{Problem, Shutdown};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::future;
use futures_util::{Stream, StreamExt};
use idp_application::{Error, ErrorKind};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

/// After this time without an event, a comment shows that the connection is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// After this time the stream ends, so that no stream outlives its token for long: the client
/// comes back with its `Last-Event-ID` and is verified again.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// One event of a stream.
#[derive(Clone, Debug)]
pub struct LiveEvent(Event);

impl LiveEvent {
    /// An event with JSON data. A client that lost the connection sends the id of the last event
    /// that it saw. Fails when the data has no JSON form, or the id a line break or NUL.
    #[expect(clippy::needless_pass_by_value, reason = "ids are numbers and short texts")]
    pub fn json(id: impl ToString, data: &impl Serialize) -> Result<Self, Error> {
        let invalid = |message: String| Error::new(ErrorKind::Invalid, "write an event", message);
        let id = id.to_string();
        if id.contains(['\n', '\r', '\0']) {
            return Err(invalid(format!("the id {id:?} cannot be sent")));
        }
        let event = Event::default().id(id).json_data(data);
        event.map(Self).map_err(|error| invalid(error.to_string()))
    }

    /// Names the kind of event, for clients that tell them apart. Without it, it is a `message`.
    pub fn named(self, kind: &'static str) -> Self {
        Self(self.0.event(kind))
    }
}

/// Answers with the events as they come.
///
/// The answer ends when the events end, when the shutdown begins, or after 15 minutes; clients
/// connect again. While nothing happens, a comment is sent every 15 seconds. An error is logged,
/// told as a last event `problem` with the [`Problem`] in it, and ends the stream.
pub fn live<S>(events: S, shutdown: &Shutdown) -> Response
where
    S: Stream<Item = Result<LiveEvent, Error>> + Send + 'static,
{
    let shutdown = shutdown.begun();
    let end = async move {
        future::select(pin!(shutdown), pin!(tokio::time::sleep(AGE_MAX))).await;
    };
    let events = events.take_until(Box::pin(end)).scan(false, |has_failed, event| {
        let next = match event {
            _ if *has_failed => None,
            Ok(LiveEvent(event)) => Some(Ok::<_, Infallible>(event)),
            Err(error) => {
                *has_failed = true;
                Some(Ok(last_words(error)))
            }
        };
        future::ready(next)
    });
    // Proxies such as nginx keep answers back unless they are told not to.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    ([unbuffered], Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
        .into_response()
}

fn last_words(error: Error) -> Event {
    let problem = Problem::from(error);
    let event = Event::default().event("problem");
    event.json_data(problem.body()).expect("a problem has a JSON form")
}

/// The id of the last event that the client saw, from the header `Last-Event-ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEventId(Option<String>);

impl LastEventId {
    const HEADER: &'static str = "last-event-id";

    /// The id, if there is one. Fails with 400 when it is not one that the service gives.
    pub fn parse<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        let parsed = self.0.as_deref().map(str::parse).transpose();
        parsed.map_err(|_| Self::malformed())
    }

    fn malformed() -> Problem {
        let detail = "`Last-Event-ID` is not the id of an event of this stream";
        Problem::bad_request("malformed_last_event_id", detail)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(Self::HEADER) else { return Ok(Self(None)) };
        let text = value.to_str().map_err(|_| Self::malformed())?.trim();
        // An empty id means that none is known (WHATWG HTML, section 9.2.6).
        Ok(Self((!text.is_empty()).then(|| text.to_owned())))
    }
}
