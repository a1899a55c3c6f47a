//! A broker that a test has to itself, to kill it and to have it forget.

use super::admin::Admin;
use super::server;
use idp_pulsar::{PulsarBus, PulsarConfig};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

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

pub(crate) struct OwnBroker {
    home: TempDir,
    ports: [u16; 3],
    process: Child,
}

impl OwnBroker {
    /// One with these settings.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let ports = free_ports();
        std::fs::write(home.path().join("standalone.conf"), configuration(ports, settings))
            .expect("written");
        let process = spawn(home.path(), ports);
        let mut broker = Self { home, ports, process };
        broker.until_ready().await;
        broker
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::at(&format!("127.0.0.1:{}", self.ports[1]))
    }

    /// A topic without partitions, of a namespace of its own.
    pub(crate) async fn topic(&self) -> String {
        let namespace = self.admin().namespace().await;
        self.admin().topic(&namespace, "orders", 0).await
    }

    /// A bus whose names are let go after so long without messages.
    pub(crate) async fn bus(&self, idle_timeout: Duration) -> PulsarBus {
        let url = format!("pulsar://{}", self.address());
        let config = PulsarConfig { idle_timeout, ..PulsarConfig::for_service("shop", url) };
        PulsarBus::connect(config).await.expect("the broker is there")
    }

    /// As the failure of a machine does it.
    pub(crate) fn kill(&mut self) {
        let group = format!("-{}", self.process.id());
        // What fails here is a broker that is dead already.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }

    /// On the same data and ports.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(self.home.path(), self.ports);
        self.until_ready().await;
    }

    /// What a killed one leaves behind may keep it from starting for a moment. Its check of its health
    /// writes and reads a message; the namespace for everybody comes last.
    async fn until_ready(&mut self) {
        let admin = self.admin();
        let asking = async {
            while !admin.says("namespaces/public", "public/default").await
                || !admin.says("brokers/health", "ok").await
            {
                if !matches!(self.process.try_wait(), Ok(None)) {
                    self.process = spawn(self.home.path(), self.ports);
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        let started = timeout(START_TIME_MAX, asking).await;
        assert!(started.is_ok(), "no Pulsar within {START_TIME_MAX:?}");
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// That of the distribution. Of lines for one setting the last one counts.
fn configuration(ports: [u16; 3], settings: &[(&str, &str)]) -> String {
    let path = Path::new(&distribution()).join("conf/standalone.conf");
    let mut lines = std::fs::read_to_string(path).expect("it is a distribution of Pulsar");
    let [broker, admin, _] = ports.map(|port| port.to_string());
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

fn spawn(home: &Path, [_, _, bookie]: [u16; 3]) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(home.join("server.log"));
    let log = log.expect("it can be written");
    let mut command = Command::new(Path::new(&distribution()).join("bin/pulsar"));
    command.args(["standalone", "--no-functions-worker", "--no-stream-storage"]);
    command.arg("--metadata-dir").arg(home.join("metadata"));
    command.arg("--bookkeeper-dir").arg(home.join("bookkeeper"));
    command.args(["--bookkeeper-port", &bookie.to_string()]);
    let temporary = format!("-XX:+UseG1GC -XX:-UsePerfData -Djava.io.tmpdir={}", home.display());
    command.env("PULSAR_STANDALONE_CONF", home.join("standalone.conf"));
    command.env("PULSAR_MEM", "-Xms256m -Xmx1g -XX:MaxDirectMemorySize=1g");
    command.env("PULSAR_GC", temporary).env("PULSAR_GC_LOG", " ");
    command.env("PULSAR_LOG_DIR", home.join("log")).env("PULSAR_LOG_APPENDER", "Console");
    command.current_dir(home).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
    command.process_group(0).spawn().expect("Pulsar runs")
}

fn free_ports() -> [u16; 3] {
    // Bound at once, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("free"));
    listeners.each_ref().map(|listener| listener.local_addr().expect("bound").port())
}
