//! Asks a server on this machine a question over TCP. No answer is `None`, whatever the reason: it
//! is asked again.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

/// Sends the request and reads the first `length` bytes of the answer.
pub(crate) fn ask(port: u16, request: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut stream = connect(port)?;
    stream.write_all(request).ok()?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

/// The body of a page, if its status is 200.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = connect(port)?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
}

fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    Some(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// Answers one request.
    fn server(answer: &'static str) -> (u16, JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody asks");
            let mut request = [0; 100];
            let length = stream.read(&mut request).expect("the request is short");
            stream.write_all(answer.as_bytes()).expect("the answer is short");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (port, thread)
    }

    #[test]
    fn the_start_of_an_answer_is_given_in_full_or_not_at_all() {
        let (port, thread) = server("+PONG\r\n and more");
        assert_eq!(ask(port, b"PING", 7).as_deref(), Some(&b"+PONG\r\n"[..]));
        assert_eq!(thread.join().expect("it answered"), "PING");
        let (port, _thread) = server("+PO");
        assert_eq!(ask(port, b"PING", 7), None);
    }

    #[test]
    fn only_a_good_status_gives_a_body() {
        let (port, _thread) = server("HTTP/1.1 200 OK\r\nX: y\r\n\r\nok");
        assert_eq!(get(port, "/health").as_deref(), Some("ok"));
        let (port, _thread) = server("HTTP/1.1 503 Not yet\r\n\r\nok");
        assert_eq!(get(port, "/health"), None);
    }

    #[test]
    fn nobody_there_is_no_answer() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        assert_eq!(ask(port, b"PING", 1), None);
    }
}
