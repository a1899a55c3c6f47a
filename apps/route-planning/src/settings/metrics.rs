//! Where the metrics are.

use idp::settings::{Anything, Source};
use std::net::SocketAddr;

/// `metrics.listen`: `IP:PORT`, or `off`. Metrics name tenants, and whoever reaches them may read them:
/// choose an address that only operators reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsListen {
    /// Nobody asked: 127.0.0.1:9464 if it is free, else nowhere.
    Usual,
    /// There, or the program does not start.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl MetricsListen {
    /// Where metrics are when nobody says anything: the port that OpenTelemetry's exporters use.
    pub const USUAL: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9464);
}

pub(super) fn listen(source: &mut Source) -> MetricsListen {
    match source.find::<String>("metrics.listen", Anything).as_deref() {
        None => MetricsListen::Usual,
        Some("off") => MetricsListen::Off,
        Some(text) => match text.parse() {
            Ok(address) => MetricsListen::At(address),
            Err(_) => {
                let usual = MetricsListen::USUAL;
                let message = format!("expected IP:PORT such as {usual}, or off, got {text}");
                source.refuse("metrics.listen", message);
                MetricsListen::Off
            }
        },
    }
}
