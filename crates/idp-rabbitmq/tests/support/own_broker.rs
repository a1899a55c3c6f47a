//! A broker that a test has to itself, to kill it and to starve it.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long it may take to start, on a machine with much else to do.
const START_TIME_MAX: Duration = Duration::from_secs(90);

/// The node and the daemon that nodes find each other by are one group of processes.
const SCRIPT: &str = r#"
"$1" &
until "$1" -names >/dev/null 2>&1; do sleep 0.05; done
exec "$2"
"#;

pub struct OwnBroker {
    home: TempDir,
    ports: [u16; 4],
    process: Child,
}

impl OwnBroker {
    /// A broker that takes messages of 64 KiB at most.
    pub async fn start() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self::start_at(home, free_ports()).await
    }

    /// A second node of a cluster.
    pub async fn join(first: &Self) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let (from, to) = (&first.home, &home);
        let [from, to] = [from, to].map(|home| home.path().join(".erlang.cookie"));
        std::fs::copy(from, to).expect("copied with its mode");
        let [amqp, stream, distribution, _] = free_ports();
        let node = Self::start_at(home, [amqp, stream, distribution, first.ports[3]]).await;
        node.control(&["stop_app"]);
        node.control(&["join_cluster", &node_name(first.ports)]);
        node.control(&["start_app"]);
        node.until_ready().await;
        node
    }

    async fn start_at(home: TempDir, ports: [u16; 4]) -> Self {
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
            std::fs::write(home.path().join(name), text).expect("written");
        }
        let process = spawn(home.path(), ports);
        let broker = Self { home, ports, process };
        broker.until_ready().await;
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
        self.end("-KILL");
    }

    /// As an operator does it.
    pub fn stop(&mut self) {
        self.end("-TERM");
        self.end("-KILL");
    }

    /// The process is the node itself, which `exec` put into the place of the script.
    fn end(&mut self, signal: &str) {
        let group = format!("-{}", self.process.id());
        // What fails here is a broker that is dead already.
        let _ = Command::new("kill").args([signal, "--", &group]).status();
        let _ = self.process.wait();
    }

    pub async fn restart(&mut self) {
        self.process = spawn(self.home.path(), self.ports);
        self.until_ready().await;
    }

    /// How much of the disk must be free, or it takes nothing.
    pub fn demand_free_disk(&self, limit: &str) {
        self.control(&["set_disk_free_limit", limit]);
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = Command::new(tool("rabbitmqctl"));
        environment(&mut command, self.home.path(), self.ports);
        let output = command.args(arguments).output();
        let output = output.expect("rabbitmqctl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// It answers the header of AMQP 0-9-1 with a method frame, whose type is 1.
    async fn until_ready(&self) {
        let asking = async {
            while ask(self.ports[0]).await != Some(1)
                || TcpStream::connect(self.stream_node()).await.is_err()
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let started = tokio::time::timeout(START_TIME_MAX, asking).await;
        assert!(
            started.is_ok(),
            "no RabbitMQ within {START_TIME_MAX:?}: is it installed, with epmd?"
        );
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn ask(port: u16) -> Option<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    stream.write_all(b"AMQP\0\0\x09\x01").await.ok()?;
    stream.read_u8().await.ok()
}

fn spawn(home: &Path, ports: [u16; 4]) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "idp-own-broker", "epmd"]).arg(tool("rabbitmq-server"));
    environment(&mut command, home, ports);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().expect("sh runs")
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

fn free_ports() -> [u16; 4] {
    // Bound at once, so that they differ.
    let listeners = [(); 4].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("free"));
    listeners.each_ref().map(|listener| listener.local_addr().expect("bound").port())
}
