//! A subscriber: a real HTTP server that records what it gets and answers as it is told.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The server. It stops when it is dropped.
pub(crate) struct Subscriber {
    address: SocketAddr,
    state: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it was told that it asks too early.
    pub(crate) is_put_off: bool,
}

/// What a request is answered with.
pub(crate) enum Reply {
    Status(u16),
    Header(u16, &'static str, String),
    Body(u16, Body),
    /// Nothing ever.
    Silence,
}

#[derive(Default)]
struct Shared {
    deliveries: Mutex<Vec<Delivery>>,
    replies: Mutex<VecDeque<Reply>>,
    /// Paths that are answered with 429.
    busy: Mutex<HashSet<String>>,
}

impl Subscriber {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Shared::default());
        let app = Router::new().fallback(receive).with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("the server serves");
        });
        Self { address, state, serving }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests so, the first first; all others with 204.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.replies.lock().expect("no panic").extend(replies);
    }

    /// Answers what comes to the path with 429 and a second to wait, or as ever again.
    pub(crate) fn set_busy(&self, path: &str, is_busy: bool) {
        let mut busy = self.state.busy.lock().expect("no panic");
        if is_busy {
            busy.insert(path.to_owned())
        } else {
            busy.remove(path)
        };
    }

    /// What arrived so far.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.state.deliveries.lock().expect("no panic").clone()
    }

    /// The ids of what arrived so far.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.deliveries().iter().map(|delivery| delivery.header("webhook-id").to_owned()).collect()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Delivery {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("there is no header {name}"));
        value.to_str().expect("it is ASCII")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("the body arrives");
    let path = head.uri.to_string();
    let is_put_off = shared.busy.lock().expect("no panic").contains(&path);
    let delivery = Delivery { path, headers: head.headers, body, is_put_off };
    shared.deliveries.lock().expect("no panic").push(delivery);
    let reply = match is_put_off {
        true => Some(Reply::Header(429, "retry-after", "1".to_owned())),
        false => shared.replies.lock().expect("no panic").pop_front(),
    };
    let with = |status: u16| Response::builder().status(StatusCode::from_u16(status).expect("ok"));
    let response = match reply.unwrap_or(Reply::Status(204)) {
        Reply::Status(status) => with(status).body(Body::empty()),
        Reply::Header(status, name, value) => with(status).header(name, value).body(Body::empty()),
        Reply::Body(status, body) => with(status).body(body),
        Reply::Silence => std::future::pending().await,
    };
    response.expect("a valid response")
}
