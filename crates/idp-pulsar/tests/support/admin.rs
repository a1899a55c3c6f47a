//! The broker's HTTP interface for operators.

use super::{server, unique};
use std::collections::BTreeMap;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Admin {
    address: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What is left of what a broker knows of producers when it crashes. What was stored behind that, it
/// reads again.
#[derive(Debug)]
pub(crate) struct Noted {
    /// The highest number of each producer, by its name.
    pub(crate) numbers: BTreeMap<String, u64>,
    /// Whether nothing was stored behind that.
    pub(crate) is_all: bool,
}

impl Admin {
    pub(crate) fn new() -> Self {
        let url = server("IDP_TEST_PULSAR_ADMIN");
        let address =
            url.strip_prefix("http://").expect("IDP_TEST_PULSAR_ADMIN begins with http://");
        Self::at(address)
    }

    /// That of another broker than the one that the environment names.
    pub(crate) fn at(address: &str) -> Self {
        Self { address: address.to_owned() }
    }

    /// A namespace of its own, which keeps everything and makes no topics by itself.
    pub(crate) async fn namespace(&self) -> String {
        let namespace = format!("public/{}", unique("idp"));
        self.done("PUT", &format!("namespaces/{namespace}"), "{}").await;
        let policy = |name: &str| format!("namespaces/{namespace}/{name}");
        let keep = r#"{"retentionTimeInMinutes":-1,"retentionSizeInMB":-1}"#;
        self.done("POST", &policy("retention"), keep).await;
        let make_none = r#"{"allowAutoTopicCreation":false}"#;
        self.done("POST", &policy("autoTopicCreation"), make_none).await;
        namespace
    }

    /// Makes a topic; with partitions if there are to be any.
    pub(crate) async fn topic(&self, namespace: &str, name: &str, partitions: u32) -> String {
        match partitions {
            0 => self.done("PUT", &format!("persistent/{namespace}/{name}"), "{}").await,
            _ => {
                let path = format!("persistent/{namespace}/{name}/partitions");
                self.done("PUT", &path, &partitions.to_string()).await;
            }
        }
        format!("persistent://{namespace}/{name}")
    }

    pub(crate) async fn partitions(&self, topic: &str) -> u64 {
        let answer = self.ask("GET", &format!("{}/partitions", path(topic)), "").await;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        body["partitions"].as_u64().expect("a number")
    }

    /// Lets the broker give the topic up, as when it moves to another.
    pub(crate) async fn unload(&self, topic: &str) {
        self.done("PUT", &format!("{}/unload", path(topic)), "").await;
    }

    /// What the broker last wrote down of the producers of a topic.
    pub(crate) async fn noted(&self, topic: &str) -> Noted {
        loop {
            let answer = self.ask("GET", &format!("{}/internalStats", path(topic)), "").await;
            let stats: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
            let cursor = &stats["cursors"]["pulsar.dedup"];
            if cursor["state"] == "SwitchingLedger" {
                continue;
            }
            let number = |value: &serde_json::Value| value.as_u64().expect("a number");
            let numbers = cursor["properties"].as_object().into_iter().flatten();
            let numbers = numbers.map(|(name, value)| (name.clone(), number(value))).collect();
            let is_all = cursor["markDeletePosition"] == stats["lastConfirmedEntry"];
            return Noted { numbers, is_all };
        }
    }

    /// The message of that number of the topic, counted from 1, as the broker takes it apart.
    pub(crate) async fn examine(&self, topic: &str, number: usize) -> Answer {
        let query = format!("initialPosition=earliest&messagePosition={number}");
        self.ask("GET", &format!("{}/examinemessage?{query}", path(topic)), "").await
    }

    pub(crate) async fn done(&self, method: &str, at: &str, body: &str) {
        let answer = self.ask(method, at, body).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert!((200..300).contains(&answer.status), "{method} {at}: {} {text}", answer.status);
    }

    pub(crate) async fn ask(&self, method: &str, at: &str, body: &str) -> Answer {
        let answer = self.answer(method, at, body).await.expect("the server is there");
        read(&answer)
    }

    /// Whether the broker is there, and its answer has that text.
    pub(crate) async fn says(&self, at: &str, text: &str) -> bool {
        let answer = self.answer("GET", at, "").await.unwrap_or_default();
        answer.starts_with(b"HTTP/1.1 200") && String::from_utf8_lossy(&answer).contains(text)
    }

    async fn answer(&self, method: &str, at: &str, body: &str) -> io::Result<Vec<u8>> {
        let mut network = TcpStream::connect(&self.address).await?;
        let request = format!(
            "{method} /admin/v2/{at} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        network.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        network.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

fn path(topic: &str) -> String {
    topic.replace("persistent://", "persistent/")
}

fn read(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an HTTP answer");
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let body = &answer[end + 4..];
    let is_chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    let body = if is_chunked { joined(body) } else { body.to_vec() };
    Answer { status: status.parse().expect("a number"), headers, body }
}

fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n").expect("the size of a chunk");
        let size = String::from_utf8_lossy(&chunks[..end]);
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        if size == 0 {
            return body;
        }
        body.extend(&chunks[end + 2..end + 2 + size]);
        chunks = &chunks[end + 2 + size + 2..];
    }
}
