//! A broker that a test has to itself, to kill it and to have it forget.

use super::admin::Admin;
use super::{bounded, server};
use idp_pulsar::{PulsarBus, PulsarConfig};
use idp_testkit::OwnServer;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long it may take to start, on a machine with much else to do.
const START_TIME_MAX: Duration = Duration::from_secs(240);

/// As those of the broker that all tests share.
const SETTINGS: [(&str, &str); 7] = [
    ("bindAddress", "127.0.0.1"),
    ("advertisedAddress", "127.0.0.1"),
    ("allowEphemeralPorts", "true"),
    ("brokerDeduplicationEnabled", "true"),
    ("allowAutoTopicCreation", "false"),
    ("brokerDeleteInactiveTopicsEnabled", "false"),
    ("webSocketServiceEnabled", "false"),
];

const BROKER: u16 = 0;
const ADMIN: u16 = 1;
const BOOKIE: u16 = 2;

pub(crate) struct OwnBroker(OwnServer);

impl OwnBroker {
    /// One with these settings.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let program = Path::new(&distribution()).join("bin/pulsar");
        let mut server = OwnServer::new("Pulsar", program);
        let configuration = configuration(&server, settings);
        let home = server.folder().to_owned();
        std::fs::write(home.join("standalone.conf"), configuration).expect("written");
        let bookie = server.port(BOOKIE).to_string();
        equip(server.command(), &home, &bookie);
        let mut broker = Self(server);
        broker.restart().await;
        broker
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.port(BROKER))
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::at(&format!("127.0.0.1:{}", self.0.port(ADMIN)))
    }

    /// A topic without partitions, of a namespace of its own.
    pub(crate) async fn topic(&self) -> String {
        bounded(async {
            let namespace = self.admin().namespace().await;
            self.admin().topic(&namespace, "orders", 0).await
        })
        .await
    }

    /// A bus whose names are let go after so long without messages.
    pub(crate) async fn bus(&self, idle_timeout: Duration) -> PulsarBus {
        let url = format!("pulsar://{}", self.address());
        let config = PulsarConfig { idle_timeout, ..PulsarConfig::for_service("shop", url) };
        bounded(PulsarBus::connect(config)).await.expect("the broker is there")
    }

    /// As the failure of a machine does it.
    pub(crate) fn kill(&mut self) {
        self.0.kill();
    }

    /// On the same data and ports. Its check of its health writes and reads a message; the namespace
    /// for everybody comes last.
    pub(crate) async fn restart(&mut self) {
        let admin = self.admin();
        let is_ready = async || {
            admin.says("namespaces/public", "public/default").await
                && admin.says("brokers/health", "ok").await
        };
        self.0.start(START_TIME_MAX, is_ready).await;
    }
}

/// That of the distribution. Of lines for one setting the last one counts.
fn configuration(server: &OwnServer, settings: &[(&str, &str)]) -> String {
    let path = Path::new(&distribution()).join("conf/standalone.conf");
    let mut lines = std::fs::read_to_string(path).expect("it is a distribution of Pulsar");
    let [broker, admin] = [BROKER, ADMIN].map(|index| server.port(index).to_string());
    let loopback = if cfg!(target_os = "macos") { "lo0" } else { "lo" };
    let own = [
        ("brokerServicePort", broker.as_str()),
        ("webServicePort", admin.as_str()),
        ("listeningInterface", loopback),
    ];
    for (key, value) in own.iter().chain(&SETTINGS).chain(settings) {
        lines.push_str(&format!("\n{key}={value}\n"));
    }
    lines
}

fn distribution() -> String {
    server("IDP_TEST_PULSAR_HOME")
}

fn equip(command: &mut Command, home: &Path, bookie: &str) {
    command.args(["standalone", "--no-functions-worker", "--no-stream-storage"]);
    command.arg("--metadata-dir").arg(home.join("metadata"));
    command.arg("--bookkeeper-dir").arg(home.join("bookkeeper"));
    command.args(["--bookkeeper-port", bookie]);
    let temporary = format!("-XX:+UseG1GC -XX:-UsePerfData -Djava.io.tmpdir={}", home.display());
    command.env("PULSAR_STANDALONE_CONF", home.join("standalone.conf"));
    command.env("PULSAR_MEM", "-Xms256m -Xmx1g -XX:MaxDirectMemorySize=1g");
    command.env("PULSAR_GC", temporary).env("PULSAR_GC_LOG", " ");
    command.env("PULSAR_LOG_DIR", home.join("log")).env("PULSAR_LOG_APPENDER", "Console");
    command.env("PULSAR_LOG_IMMEDIATE_FLUSH", "true");
}
