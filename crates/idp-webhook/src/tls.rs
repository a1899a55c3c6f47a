//! Whom `https` endpoints have to be certified by.

use crate::WebhookConfig;
use crate::config::CONFIGURE;
use idp_application::{Error, ErrorKind};
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A connector that trusts the authorities of the configuration. Reads the system's from disk.
pub(crate) fn connector(config: &WebhookConfig) -> Result<TlsConnector, Error> {
    let invalid = |message: String| Error::new(ErrorKind::Invalid, CONFIGURE, message);
    let mut roots = RootCertStore::empty();
    if config.system_roots {
        // Some of a system's certificates are often unusable; what counts is that some are usable.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for (index, certificate) in config.root_certificates.iter().enumerate() {
        roots.add(CertificateDer::from(certificate.as_slice()).into_owned()).map_err(|e| {
            invalid(format!("`root_certificates` number {} is none: {e}", index + 1))
        })?;
    }
    if roots.is_empty() && !config.allow_http {
        let message = "no certificate authority is trusted: the system has none, give some in \
                       `root_certificates`";
        return Err(invalid(message.into()));
    }
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| invalid(format!("TLS cannot be set up: {e}")))?;
    let mut tls = versions.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(tls)))
}
