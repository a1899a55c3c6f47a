//! How many bytes a second clients of a name may send: the request for it, which librdkafka does not
//! have.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const ANSWER_TIME: Duration = Duration::from_secs(20);

/// `AlterClientQuotas`, version 0.
const REQUEST: [u8; 4] = [0, 49, 0, 0];
/// Where the first error stands in an answer: behind its length and number, how long to be spared,
/// and how many entries follow.
const ERROR: std::ops::Range<usize> = 16..18;

/// Lets the broker slow those clients down that send more, or no longer. It blocks.
pub(crate) fn bound_bytes(broker: &str, client_id: &str, bytes_a_second: Option<f64>) {
    let mut connection = TcpStream::connect(broker).expect("the broker is there");
    connection.set_read_timeout(Some(ANSWER_TIME)).expect("it can be asked for");
    let request = request(client_id, bytes_a_second);
    let length = u32::try_from(request.len()).expect("it is short").to_be_bytes();
    connection.write_all(&[&length[..], &request].concat()).expect("the broker is there");
    let mut answer = [0; ERROR.end];
    connection.read_exact(&mut answer).expect("the broker answers");
    assert_eq!(answer[ERROR], [0, 0], "the broker takes the quota");
}

fn request(client_id: &str, bytes_a_second: Option<f64>) -> Vec<u8> {
    const ONE: [u8; 4] = [0, 0, 0, 1];
    let number_and_no_name = [0, 0, 0, 0, 0xff, 0xff];
    let mut request = [&REQUEST[..], &number_and_no_name, &ONE, &ONE].concat();
    request.extend(text("client-id"));
    request.extend(text(client_id));
    request.extend(ONE);
    request.extend(text("producer_byte_rate"));
    request.extend(bytes_a_second.unwrap_or(0.0).to_be_bytes());
    // Whether it is taken back, and whether it is only looked at.
    request.extend([u8::from(bytes_a_second.is_none()), 0]);
    request
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("it is short").to_be_bytes();
    [&length[..], text.as_bytes()].concat()
}
