//! Where a broker is.

/// A service URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceUrl {
    pub(crate) is_tls: bool,
    pub(crate) hosts: Vec<Host>,
}

/// One of its hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl ServiceUrl {
    /// Says what a URL must be if it is none.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let plain = url.strip_prefix("pulsar://").map(|hosts| (false, 6650, hosts));
        let tls = url.strip_prefix("pulsar+ssl://").map(|hosts| (true, 6651, hosts));
        let Some((is_tls, port, hosts)) = plain.or(tls) else {
            return Err(format!("must begin with pulsar:// or pulsar+ssl://, got {}", shown(url)));
        };
        let hosts = hosts.trim_end_matches('/').split(',');
        let hosts: Option<Vec<_>> = hosts.map(|host| Host::parse(host, port)).collect();
        let hosts =
            hosts.ok_or_else(|| format!("must name hosts as host:port, got {}", shown(url)))?;
        Ok(Self { is_tls, hosts })
    }
}

impl Host {
    fn parse(text: &str, usual_port: u16) -> Option<Self> {
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
            _ => (text, usual_port),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let fits = !name.is_empty() && !name.contains(['/', '@', ' ', '?']) && port != 0;
        fits.then(|| Self { name: name.to_owned(), port })
    }

    /// As brokers name themselves.
    pub(crate) fn address(&self) -> String {
        match self.name.contains(':') {
            true => format!("[{}]:{}", self.name, self.port),
            false => format!("{}:{}", self.name, self.port),
        }
    }
}

/// What stands before an `@` may be a password.
fn shown(url: &str) -> String {
    format!("{:?}", url.rsplit_once('@').map_or(url, |(_, hosts)| hosts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_usual_ports_are_read() {
        let addresses = |url: &str| {
            let url = ServiceUrl::parse(url).expect("valid");
            (url.is_tls, url.hosts.iter().map(Host::address).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(addresses("pulsar://a:1,b/"), (false, "a:1 b:6650".into()));
        assert_eq!(addresses("pulsar+ssl://a"), (true, "a:6651".into()));
        assert_eq!(addresses("pulsar://[::1]:7,[::1]"), (false, "[::1]:7 [::1]:6650".into()));
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = ServiceUrl::parse("pulsar://me:s3cret@host").expect_err("not supported");
        assert!(!error.contains("s3cret") && error.contains("host"), "{error}");
    }

    #[test]
    fn what_is_no_service_url_is_refused() {
        for url in ["", "a:6650", "pulsar://", "pulsar://a:x", "pulsar://a:0", "pulsar://u@a"] {
            assert!(ServiceUrl::parse(url).is_err(), "{url}");
        }
    }
}
