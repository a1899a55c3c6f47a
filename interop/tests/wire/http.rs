//! As much of HTTP as it takes to ask a server one thing.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// By version 1.0, which has no chunks.
pub(crate) async fn ask(method: &str, server: &str, path: &str, body: &str) -> Answer {
    let mut network = TcpStream::connect(server).await.expect("the server is there");
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {server}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    network.write_all(request.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    network.read_to_end(&mut answer).await.expect("it answers");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an HTTP answer");
    // Servers in Java write their headers in Latin-1, which is the beginning of Unicode.
    let head: String = answer[..end].iter().copied().map(char::from).collect();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: answer[end + 4..].to_vec() }
}
