//! Keeps deliveries from reaching what is not meant for strangers (server-side request forgery).

use crate::network::{is_public, reached};
use crate::{EndpointUrl, Network, WebhookConfig};
use std::net::{IpAddr, SocketAddr};

/// What may be reached.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    allow_http: bool,
    ports: Vec<u16>,
    allowed_networks: Vec<Network>,
}

impl Guard {
    pub(crate) fn new(config: &WebhookConfig) -> Self {
        Self {
            allow_http: config.allow_http,
            ports: config.ports.clone(),
            allowed_networks: config.allowed_networks.clone(),
        }
    }

    /// Why the URL must not be used, if so, as far as it says itself.
    pub(crate) fn url_fault(&self, url: &EndpointUrl) -> Option<String> {
        let url = url.url();
        if url.scheme() != "https" && !self.allow_http {
            return Some("its URL must be https".into());
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return Some(format!(
                "its URL must name one of the ports {:?}, got {port}",
                self.ports
            ));
        }
        None
    }

    /// Those of the addresses that may be connected to.
    pub(crate) fn admitted(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        addresses.retain(|address| self.admits(address.ip()));
        addresses
    }

    fn admits(&self, address: IpAddr) -> bool {
        let reached = reached(address);
        is_public(address) || self.allowed_networks.iter().any(|net| net.contains(reached))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Host;

    fn admits(guard: &Guard, url: &str) -> bool {
        let url = EndpointUrl::parse(url).expect("a URL");
        let address = match url.url().host() {
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
            _ => panic!("{url} is not read as an address"),
        };
        guard.url_fault(&url).is_none() && guard.admits(address)
    }

    #[test]
    fn odd_notations_of_local_addresses_are_seen_through() {
        let guard = Guard::new(&WebhookConfig::new());
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "0",
            "0x0",
            "[::1]",
            "[::ffff:7f00:1]",
            "[::ffff:127.0.0.1]",
            "[0:0:0:0:0:ffff:a9fe:a9fe]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "0xa9fea9fe",
            "169.254.43518",
            "[fe80::1]",
        ] {
            assert!(!admits(&guard, &format!("https://{host}/")), "{host}");
        }
        assert!(admits(&guard, "https://8.8.8.8/") && admits(&guard, "https://134744072/"));
    }

    #[test]
    fn a_network_can_be_allowed_and_nothing_else_with_it() {
        let networks = vec!["10.1.0.0/16".parse().expect("a network")];
        let config = WebhookConfig { allowed_networks: networks, ..WebhookConfig::new() };
        let guard = Guard::new(&config);
        assert!(
            admits(&guard, "https://10.1.2.3/") && admits(&guard, "https://[::ffff:10.1.2.3]/")
        );
        assert!(!admits(&guard, "https://10.2.2.3/") && !admits(&guard, "https://127.0.0.1/"));
    }

    #[test]
    fn plain_http_and_other_ports_have_to_be_allowed() {
        let fault = |config: &WebhookConfig, url: &str| {
            Guard::new(config).url_fault(&EndpointUrl::parse(url).expect("a URL"))
        };
        let usual = WebhookConfig::new();
        assert!(fault(&usual, "http://a.example/").is_some_and(|f| f.contains("https")));
        assert!(fault(&usual, "https://a.example:22/").is_some_and(|f| f.contains("got 22")));
        assert_eq!(fault(&usual, "https://a.example/"), None);
        assert_eq!(fault(&WebhookConfig::for_development(), "http://a.example:99/"), None);
    }
}
