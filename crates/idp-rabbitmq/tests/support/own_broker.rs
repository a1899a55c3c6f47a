//! A broker that a test has to itself, to kill it and to starve it.

use idp_testkit::OwnServer;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long it may take to start, on a machine with much else to do.
const START_TIME_MAX: Duration = Duration::from_secs(90);
/// How long it may take to stop by itself, and to do what an operator tells it to.
const CONTROL_TIME_MAX: Duration = Duration::from_secs(60);

/// The node and the daemon that nodes find each other by are one group of processes.
const SCRIPT: &str = r#"
"$1" &
until "$1" -names >/dev/null 2>&1; do sleep 0.05; done
exec "$2"
"#;

pub struct OwnBroker {
    server: OwnServer,
    /// AMQP, streams, the node's own, and the daemon's.
    ports: [u16; 4],
}

impl OwnBroker {
    /// A broker that takes messages of 64 KiB at most.
    pub async fn start() -> Self {
        let server = server();
        let ports = [0, 1, 2, 3].map(|index| server.port(index));
        Self::start_at(server, ports).await
    }

    /// A second node of a cluster.
    pub async fn join(first: &Self) -> Self {
        let server = server();
        let folders = [first.server.folder(), server.folder()];
        let [from, to] = folders.map(|folder| folder.join(".erlang.cookie"));
        std::fs::copy(from, to).expect("copied with its mode");
        let [amqp, stream, distribution] = [0, 1, 2].map(|index| server.port(index));
        let ports = [amqp, stream, distribution, first.ports[3]];
        let node = Self::start_at(server, ports).await;
        node.control(&["stop_app"]);
        node.control(&["join_cluster", &node_name(first.ports)]);
        node.control(&["start_app"]);
        let serving = async {
            while !is_ready(ports).await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let serves = tokio::time::timeout(START_TIME_MAX, serving).await;
        assert!(serves.is_ok(), "no second node within {START_TIME_MAX:?}");
        node
    }

    async fn start_at(mut server: OwnServer, ports: [u16; 4]) -> Self {
        let [amqp, stream, ..] = ports;
        let configuration = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
             stream.listeners.tcp.1 = 127.0.0.1:{stream}\n\
             max_message_size = 65536\n\
             disk_free_limit.absolute = 1MB\n"
        );
        let files = [
            ("rabbitmq.conf", configuration.as_str()),
            ("env.conf", ""),
            ("advanced.config", "[].\n"),
            ("plugins", "[rabbitmq_stream].\n"),
        ];
        for (name, text) in files {
            std::fs::write(server.folder().join(name), text).expect("written");
        }
        let folder = server.folder().to_owned();
        environment(server.command(), &folder, ports);
        let mut broker = Self { server, ports };
        broker.restart().await;
        broker
    }

    pub fn uri(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.ports[0])
    }

    pub fn stream_node(&self) -> String {
        format!("127.0.0.1:{}", self.ports[1])
    }

    /// As the failure of a machine does it.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// As an operator does it.
    pub fn stop(&mut self) {
        self.server.terminate(CONTROL_TIME_MAX);
    }

    /// On the same data and ports.
    pub async fn restart(&mut self) {
        let ports = self.ports;
        self.server.start(START_TIME_MAX, async || is_ready(ports).await).await;
    }

    /// How much of the disk must be free, or it takes nothing.
    pub fn demand_free_disk(&self, limit: &str) {
        self.control(&["set_disk_free_limit", limit]);
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = Command::new(tool("rabbitmqctl"));
        environment(&mut command, self.server.folder(), self.ports);
        self.server.run(command.args(arguments), CONTROL_TIME_MAX);
    }
}

/// One that does not run yet.
fn server() -> OwnServer {
    let mut server = OwnServer::new("RabbitMQ (is it installed, with epmd?)", "sh");
    let command = server.command();
    command.args(["-c", SCRIPT, "idp-own-broker", "epmd"]).arg(tool("rabbitmq-server"));
    server
}

/// It answers the header of AMQP 0-9-1 with a method frame, whose type is 1.
async fn is_ready([amqp, stream, ..]: [u16; 4]) -> bool {
    ask(amqp).await == Some(1) && TcpStream::connect((Ipv4Addr::LOCALHOST, stream)).await.is_ok()
}

async fn ask(port: u16) -> Option<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    stream.write_all(b"AMQP\0\0\x09\x01").await.ok()?;
    stream.read_u8().await.ok()
}

fn node_name([amqp, ..]: [u16; 4]) -> String {
    format!("idp-own-{amqp}@localhost")
}

fn environment(command: &mut Command, home: &Path, ports: [u16; 4]) {
    let [_, _, distribution, epmd] = ports;
    command.env("HOME", home).env("RABBITMQ_LOGS", "-");
    command.env("ERL_EPMD_PORT", epmd.to_string()).env("ERL_EPMD_ADDRESS", "127.0.0.1");
    command.env("RABBITMQ_NODENAME", node_name(ports));
    command.env("RABBITMQ_DIST_PORT", distribution.to_string());
    let loopback = "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}";
    command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback);
    let paths = [
        ("RABBITMQ_CONF_ENV_FILE", "env.conf"),
        ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
        ("RABBITMQ_MNESIA_BASE", "mnesia"),
        ("RABBITMQ_LOG_BASE", "log"),
    ];
    for (variable, name) in paths {
        command.env(variable, home.join(name));
    }
}

/// Debian's own program, behind the one on PATH that insists on the account of the package.
fn tool(name: &str) -> PathBuf {
    let debian = Path::new("/usr/lib/rabbitmq/bin").join(name);
    if debian.is_file() { debian } else { name.into() }
}
