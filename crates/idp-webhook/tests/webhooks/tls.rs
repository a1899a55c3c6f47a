//! Endpoints over TLS.

use crate::support::messages::message;
use crate::support::{bus, endpoint};
use idp_application::EventBus as _;
use idp_application::PublishFailure::TopicUnavailable;
use idp_webhook::{MemoryEndpoints, WebhookConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A server that certifies itself under that name and answers every request with 204. Gives its
    /// port.
    async fn server(&self, name: &str) -> (u16, JoinHandle<()>) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        (port, tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)))))
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.expect("a client");
        // A client that does not trust us ends the handshake.
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let read = stream.read_buf(&mut request).await.expect("a request");
            assert!(read > 0, "the request ends with its body");
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("written");
        stream.shutdown().await.expect("closed");
    }
}

async fn publish(url: &str, trusted: &Authority) -> Result<(), idp_application::PublishError> {
    let endpoints = Arc::new(MemoryEndpoints::default());
    endpoints.put("orders", endpoint(url));
    let config = WebhookConfig {
        allow_http: false,
        root_certificates: vec![trusted.der()],
        ..WebhookConfig::for_development()
    };
    bus(config, endpoints).publish(&[message(1)]).await
}

#[tokio::test]
async fn a_certified_endpoint_gets_events_over_tls() {
    let authority = Authority::new();
    let (port, server) = authority.server("localhost").await;
    publish(&format!("https://localhost:{port}/"), &authority).await.expect("delivered");
    let (by_address, other) = authority.server("127.0.0.1").await;
    publish(&format!("https://127.0.0.1:{by_address}/"), &authority).await.expect("delivered");
    server.abort();
    other.abort();
}

#[tokio::test]
async fn an_endpoint_of_another_name_or_authority_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (port, server) = authority.server("localhost").await;
    let wrong_name = publish(&format!("https://127.0.0.1:{port}/"), &authority).await;
    let unknown = publish(&format!("https://localhost:{port}/"), &stranger).await;
    for result in [wrong_name, unknown] {
        let error = result.expect_err("not trusted");
        assert_eq!(error.failure, TopicUnavailable(None));
        assert!(error.error.message().contains("TLS handshake"), "{error}");
    }
    server.abort();
}
