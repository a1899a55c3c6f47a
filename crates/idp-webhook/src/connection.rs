//! One connection to an endpoint.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The most bytes that the head of an answer may have.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most headers that an answer may have.
const HEADERS_MAX: usize = 100;

/// An HTTP/1.1 connection. Dropping it closes it at once, even in the middle of a request: nothing is
/// written later.
pub(crate) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    /// Since when it is idle.
    pub(crate) idle_since: Instant,
}

impl Connection {
    /// Begins to speak HTTP.
    pub(crate) async fn open<S>(stream: S) -> Result<Self, hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
        let (requests, connection) = builder.handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            // Its errors are those of the requests as well.
            drop(connection.await);
        });
        Ok(Self { requests, driver, idle_since: Instant::now() })
    }

    /// Whether it can take another request, as far as is known.
    pub(crate) fn is_ready(&self) -> bool {
        self.requests.is_ready()
    }

    /// Sends a request and waits for the head of its answer. Gives the request back, beside the error,
    /// when nothing of it was sent for sure.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, (hyper::Error, Option<Request<Full<Bytes>>>)> {
        self.requests.try_send_request(request).await.map_err(|mut failed| {
            let unsent = failed.take_message();
            (failed.into_error(), unsent)
        })
    }

    /// Reads the rest of an answer and throws it away, up to so many bytes. Says whether the
    /// connection can be used again.
    pub(crate) async fn finish(&mut self, body: &mut Incoming, bytes_max: usize) -> bool {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > bytes_max {
                return false;
            }
        }
        self.idle_since = Instant::now();
        self.requests.ready().await.is_ok()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
