//! An endpoint: where a subscriber wants events, which ones, and how they are signed.

use crate::SigningKey;
use idp_application::{CloudEvent, Error, ErrorKind};
use idp_domain::TenantId;
use std::collections::BTreeSet;
use std::fmt;
use url::Url;

/// Where a subscriber wants events.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Whose events it may get.
    pub audience: Audience,
    /// Which of them it wants.
    pub event_types: EventTypes,
    /// Where they are posted to.
    pub url: EndpointUrl,
    /// What they are signed with, each key giving one signature. While keys change there are two.
    pub keys: Vec<SigningKey>,
    /// Whether it gets events.
    pub state: EndpointState,
}

/// Whose events an endpoint may get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those of one tenant, which registered the endpoint.
    Tenant(TenantId),
    /// Those of all tenants: the operator's own endpoint.
    Everyone,
}

/// Which events an endpoint wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventTypes {
    /// All of them.
    All,
    /// Those of these names.
    Only(BTreeSet<String>),
}

/// Whether an endpoint gets events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// It does.
    Enabled,
    /// It does not.
    Disabled {
        /// Why, for people.
        reason: String,
    },
}

impl Endpoint {
    /// An enabled endpoint that wants all events of its audience. Fails when the URL is none, or
    /// when there is no key.
    pub fn new(audience: Audience, url: &str, keys: Vec<SigningKey>) -> Result<Self, Error> {
        let url = EndpointUrl::parse(url)?;
        if keys.is_empty() {
            let message = "`keys` must have at least one key: unsigned events cannot be trusted";
            return Err(Error::new(ErrorKind::Invalid, REGISTER, message));
        }
        let (event_types, state) = (EventTypes::All, EndpointState::Enabled);
        Ok(Self { audience, event_types, url, keys, state })
    }

    /// Wants only the events of these names.
    pub fn only(mut self, event_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.event_types = EventTypes::Only(event_types.into_iter().map(Into::into).collect());
        self
    }

    /// Whether it may get events of that tenant.
    pub fn may_see(&self, tenant: &TenantId) -> bool {
        match &self.audience {
            Audience::Tenant(own) => own == tenant,
            Audience::Everyone => true,
        }
    }

    /// Whether it wants the event. It may still not be allowed to [see](Self::may_see) it.
    pub fn wants(&self, event: &CloudEvent) -> bool {
        match &self.event_types {
            EventTypes::All => true,
            EventTypes::Only(names) => names.contains(&*event.event_type),
        }
    }
}

/// A URL that events can be posted to: `http` or `https`, with a host, without credentials, of at most
/// [`BYTES_MAX`](Self::BYTES_MAX) bytes.
///
/// Whether it is also *allowed* is decided by the [configuration](crate::WebhookConfig) when an event
/// is sent. Paths and queries of such URLs often hold secrets: neither `Debug` nor `Display` show
/// them.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// The most bytes that it may have, percent-encoded. Servers take about as much.
    pub const BYTES_MAX: usize = 8_192;

    /// The URL of that text, read as browsers do, which undoes odd notations of addresses.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |message: String| Error::new(ErrorKind::Invalid, REGISTER, message);
        let too_long = |bytes: usize| {
            let most = Self::BYTES_MAX;
            (bytes > most)
                .then(|| invalid(format!("`url` must have at most {most} bytes, got {bytes}")))
        };
        too_long(text.len()).map_or(Ok(()), Err)?;
        let url = Url::parse(text).map_err(|e| invalid(format!("`url` is not a URL: {e}")))?;
        too_long(url.as_str().len()).map_or(Ok(()), Err)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(format!("`url` must be http or https, got {}", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("`url` must not contain credentials".into()));
        }
        if url.host().is_none() {
            return Err(invalid("`url` must name a host".into()));
        }
        Ok(Self(url))
    }

    /// The URL as text, path and query included.
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..url::Position::BeforePath])?;
        f.write_str("/…")
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const REGISTER: &str = "register an endpoint";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_host_with_credentials_or_of_another_scheme_is_refused() {
        for url in ["ftp://a.example/", "https://u:p@a.example/", "https://u@a.example/", "a", ""] {
            assert!(EndpointUrl::parse(url).is_err(), "{url}");
        }
        assert!(EndpointUrl::parse("https://a.example/hook?x=1").is_ok());
    }

    #[test]
    fn a_url_that_no_request_could_have_is_refused_with_its_bound() {
        let of = |bytes: usize| format!("https://a.example/{}", "x".repeat(bytes - 18));
        assert!(EndpointUrl::parse(&of(EndpointUrl::BYTES_MAX)).is_ok());
        let longer_encoded = format!("https://a.example/{}", "\u{e4}".repeat(2_000));
        assert!(longer_encoded.len() < EndpointUrl::BYTES_MAX);
        for url in [of(EndpointUrl::BYTES_MAX + 1), of(65_535), of(70_000), longer_encoded] {
            let error = EndpointUrl::parse(&url).expect_err("too long");
            assert!(
                error.message().starts_with("`url` must have at most 8192 bytes, got "),
                "{error}"
            );
            assert!(error.message().len() < 100, "{error}");
        }
    }

    #[test]
    fn paths_and_queries_are_not_shown() {
        let url = EndpointUrl::parse("https://a.example:8443/s3cret?k=s3cret").expect("valid");
        assert_eq!(format!("{url} {url:?}"), "https://a.example:8443/… https://a.example:8443/…");
        assert_eq!(url.reveal(), "https://a.example:8443/s3cret?k=s3cret");
    }

    #[test]
    fn credentials_are_not_in_the_error() {
        let error = EndpointUrl::parse("https://u:s3cret@a.example/").expect_err("credentials");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }

    #[test]
    fn an_endpoint_without_a_key_is_refused() {
        let error = Endpoint::new(Audience::Everyone, "https://a.example/", vec![]);
        assert!(error.expect_err("no key").message().contains("`keys`"));
    }
}
