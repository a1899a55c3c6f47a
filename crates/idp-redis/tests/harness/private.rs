//! A server of a test's own, to be configured in ways that would trouble others.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Private {
    child: Child,
    /// `host:port`.
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

impl Private {
    /// A server with these settings, and without persistence.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port().to_string();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--dir"]);
        command.arg(folder.path()).args(settings).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("`redis-server` must be installed");
        let private = Self { child, address: format!("127.0.0.1:{port}"), _folder: folder };
        private.wait().await;
        private
    }

    async fn wait(&self) {
        for _ in 0..1_000 {
            if tokio::net::TcpStream::connect(&self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server did not start within ten seconds");
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
