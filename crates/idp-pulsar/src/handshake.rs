//! How a connection begins: we say who we are, the broker lets us in.

use crate::Token;
use crate::command::{AuthData, AuthResponse, Command, Connect, FeatureFlags, Kind};
use crate::error::Failure;
use crate::frame;
use crate::network::Network;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The version of the protocol that we speak: that of Pulsar 2.10 and later.
const PROTOCOL: i32 = 19;
const CLIENT: &str = concat!("idp-pulsar-", env!("CARGO_PKG_VERSION"));
const TOKEN: &str = "token";
/// The broker's own bound when it names none.
const MESSAGE_BYTES_USUAL: usize = 5 * 1024 * 1024;

/// What the broker said, and what it sent behind that.
pub(crate) struct Welcome {
    /// The most bytes that a message may have with its metadata.
    pub(crate) message_bytes_max: usize,
    pub(crate) received: BytesMut,
}

/// Introduces us; to the broker of that address if the other end is a proxy.
pub(crate) async fn shake_hands(
    network: &mut dyn Network,
    token: Option<&Token>,
    proxied_to: Option<&str>,
) -> Result<Welcome, Failure> {
    let connect = Connect {
        client_version: CLIENT.to_owned(),
        auth_data: token.map(Token::present),
        protocol_version: Some(PROTOCOL),
        auth_method_name: token.map(|_| TOKEN.to_owned()),
        proxy_to_broker_url: proxied_to.map(str::to_owned),
        feature_flags: Some(FeatureFlags { supports_auth_refresh: Some(true) }),
    };
    write(network, &Command::connect(connect)).await?;
    let mut received = BytesMut::new();
    loop {
        let answer = read(network, &mut received).await?;
        if let Some(connected) = answer.connected {
            let bound = connected.max_message_size.and_then(|bytes| usize::try_from(bytes).ok());
            let message_bytes_max = bound.filter(|bytes| *bytes > 0).unwrap_or(MESSAGE_BYTES_USUAL);
            return Ok(Welcome { message_bytes_max, received });
        }
        if let Some(error) = answer.error {
            return Err(Failure::of_broker(error.error, &error.message));
        }
        if answer.kind == i32::from(Kind::AuthChallenge) {
            write(network, &fresh_token(token)).await?;
        }
    }
}

/// What a broker gets that wants a fresh token.
pub(crate) fn fresh_token(token: Option<&Token>) -> Command {
    let data = AuthData {
        auth_method_name: Some(token.map_or("none", |_| TOKEN).to_owned()),
        auth_data: Some(token.map(Token::present).unwrap_or_default()),
    };
    Command::auth_response(AuthResponse {
        client_version: Some(CLIENT.to_owned()),
        response: Some(data),
        protocol_version: Some(PROTOCOL),
    })
}

async fn write(network: &mut dyn Network, command: &Command) -> Result<(), Failure> {
    let frame = frame::command(command);
    let written = async {
        network.write_all(&frame).await?;
        network.flush().await
    };
    written.await.map_err(|error| Failure::Unavailable(format!("the connection broke: {error}")))
}

async fn read(network: &mut dyn Network, received: &mut BytesMut) -> Result<Command, Failure> {
    loop {
        if let Some(command) = frame::take(received).map_err(Failure::Unavailable)? {
            return Ok(command);
        }
        let reason = match network.read_buf(received).await {
            Ok(0) => "the broker closed the connection".to_owned(),
            Ok(_) => continue,
            Err(error) => format!("the connection broke: {error}"),
        };
        return Err(Failure::Unavailable(reason));
    }
}
