//! A server of a test's own, to be configured in ways that would trouble others.

use idp_testkit::OwnServer;
use std::time::Duration;

/// How long it may take to start, on a machine with much else to do.
const START_TIME_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Private {
    /// `host:port`.
    pub(crate) address: String,
    _server: OwnServer,
}

impl Private {
    /// A server with these settings, and without persistence.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let mut server = OwnServer::new("Redis", "redis-server");
        let port = server.port(0);
        let command = server.command();
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
        command.args(settings);
        let log = server.log_path();
        // Not just somebody at that port.
        let is_ready = async || {
            let log = std::fs::read_to_string(&log).expect("there is a log");
            log.to_lowercase().contains("ready to accept connections")
        };
        server.start(START_TIME_MAX, is_ready).await;
        Self { address: format!("127.0.0.1:{port}"), _server: server }
    }
}
