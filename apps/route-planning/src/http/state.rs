//! What the endpoints share.

use idp::application::CommitSignal;
use idp::http::axum::extract::FromRef;
use idp::http::{Authenticator, Shutdown};
use idp::prelude::*;

/// The state of the routes.
#[derive(Clone)]
pub struct HttpState {
    /// Runs the use cases.
    pub app: Application,
    /// Says who is calling.
    pub authenticator: Authenticator,
    /// Rung when the board of this process changed.
    pub board_changed: CommitSignal,
    /// Ends the live streams.
    pub shutdown: Shutdown,
}

impl FromRef<HttpState> for Application {
    fn from_ref(state: &HttpState) -> Self {
        state.app.clone()
    }
}

impl FromRef<HttpState> for Authenticator {
    fn from_ref(state: &HttpState) -> Self {
        state.authenticator.clone()
    }
}
