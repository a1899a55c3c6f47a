//! NATS JetStream.

use crate::settings::Broker;
use idp::application::{BoxError, EventBus};
use idp::nats::{NatsAuth, NatsBus, NatsConfig};
use std::sync::Arc;

/// What tells the messages of this service from those of others; it must never change.
const PREFIX: &str = "route-planning";

pub(super) async fn open(broker: &Broker) -> Result<Arc<dyn EventBus>, BoxError> {
    let bus = NatsBus::connect(config(broker)).await?;
    Ok(Arc::new(bus))
}

/// The URL is `nats://host:port`, with `user:password@` or `token@` before the host where the server
/// asks for it. What stands there is taken as it is, without percent-encoding.
fn config(broker: &Broker) -> NatsConfig {
    let address = broker.url.reveal().trim_start_matches("nats://");
    let (login, host) = address.rsplit_once('@').map_or((None, address), |(l, h)| (Some(l), h));
    let auth = match login.map(|login| login.split_once(':').ok_or(login)) {
        None => NatsAuth::Anonymous,
        Some(Err(token)) => NatsAuth::Token(token.to_owned()),
        Some(Ok((user, password))) => {
            NatsAuth::Password { user: user.to_owned(), password: password.to_owned() }
        }
    };
    let config = NatsConfig::new(format!("nats://{host}"), PREFIX, [&broker.stream]);
    NatsConfig { auth, ..config }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::BrokerKind;
    use idp::settings::Secret;

    fn config_of(url: &str) -> NatsConfig {
        let (url, stream) = (Secret::new(url), "PLANS".into());
        config(&Broker { kind: BrokerKind::Nats, url, stream })
    }

    #[test]
    fn the_url_says_where_nats_is_and_who_we_are() {
        let anonymous = config_of("nats://host:4222");
        assert_eq!(anonymous.servers, ["nats://host:4222"]);
        assert!(anonymous.auth == NatsAuth::Anonymous);
        let known = config_of("nats://me:p@ss:word@host:4222");
        assert_eq!(known.servers, ["nats://host:4222"]);
        let (user, password) = ("me".to_owned(), "p@ss:word".to_owned());
        assert!(known.auth == NatsAuth::Password { user, password });
        assert!(config_of("nats://token@host").auth == NatsAuth::Token("token".into()));
    }
}
