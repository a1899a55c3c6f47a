//! A network that can be cut: a proxy in front of the broker, which names itself as the broker.

use super::bare::{Frame, LOOKUP_RESPONSE, command_frame, take_frame};
use super::protobuf::Writer;
use idp_conformance::Way;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What the broker said, and when it arrives.
type Late = (Instant, Vec<u8>);

/// Changes what goes to the broker.
pub(crate) type Tamper = Box<dyn FnMut(&mut [u8]) + Send>;

pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    broker: String,
    /// Counts the cuts; odd while it is cut.
    cuts: watch::Sender<u64>,
    /// How many more bytes may go before the next cut.
    left: Mutex<Option<(Way, u64)>>,
    tamper: Mutex<Option<Tamper>>,
    /// How much later what the broker says arrives.
    delay: Mutex<Duration>,
}

impl Proxy {
    pub(crate) async fn start(broker: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            broker,
            cuts: watch::Sender::new(0),
            left: Mutex::default(),
            tamper: Mutex::default(),
            delay: Mutex::default(),
        });
        tokio::spawn(accept(listener, Arc::downgrade(&shared), address.clone()));
        Self { address, shared }
    }

    pub(crate) fn cut(&self) {
        self.shared.cut();
    }

    pub(crate) fn restore(&self) {
        *self.shared.left.lock().expect("not poisoned") = None;
        self.shared.cuts.send_if_modified(|cuts| {
            let is_cut = *cuts % 2 == 1;
            *cuts += u64::from(is_cut);
            is_cut
        });
    }

    pub(crate) fn cut_after(&self, way: Way, bytes: u64) {
        *self.shared.left.lock().expect("not poisoned") = Some((way, bytes));
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.shared.is_cut()
    }

    /// From now on what the broker says arrives that much later.
    pub(crate) fn slow_down(&self, delay: Duration) {
        *self.shared.delay.lock().expect("not poisoned") = delay;
    }

    /// From now on changes what goes to the broker, as it comes.
    pub(crate) fn tamper(&self, tamper: impl FnMut(&mut [u8]) + Send + 'static) {
        *self.shared.tamper.lock().expect("not poisoned") = Some(Box::new(tamper));
    }

    /// Changes the first byte of that text, once, on its way to the broker.
    pub(crate) fn corrupt(&self, text: &'static [u8]) {
        let mut is_done = false;
        self.tamper(move |bytes| {
            let at = bytes.windows(text.len()).position(|window| window == text);
            if let Some(at) = at.filter(|_| !is_done) {
                bytes[at] = b'!';
                is_done = true;
            }
        });
    }
}

impl Shared {
    fn cut(&self) {
        self.cuts.send_if_modified(|cuts| {
            let is_whole = *cuts % 2 == 0;
            *cuts += u64::from(is_whole);
            is_whole
        });
    }

    fn is_cut(&self) -> bool {
        *self.cuts.borrow() % 2 == 1
    }

    /// How many of the bytes may go; cuts behind them if that is not all.
    fn allow(&self, way: Way, bytes: usize) -> usize {
        let mut left = self.left.lock().expect("not poisoned");
        match &mut *left {
            Some((of, left)) if *of == way => {
                let allowed = (*left).min(bytes as u64);
                *left -= allowed;
                allowed as usize
            }
            _ => bytes,
        }
    }
}

async fn accept(listener: TcpListener, shared: std::sync::Weak<Shared>, address: String) {
    while let Ok((client, _)) = listener.accept().await {
        let Some(shared) = shared.upgrade() else { return };
        if shared.is_cut() {
            continue;
        }
        tokio::spawn(serve(client, shared, address.clone()));
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>, address: String) {
    let mut cuts = shared.cuts.subscribe();
    let Ok(broker) = TcpStream::connect(&shared.broker).await else { return };
    for end in [&client, &broker] {
        end.set_nodelay(true).expect("it can be asked for");
    }
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let (due, waiting) = mpsc::unbounded_channel();
    tokio::select! {
        () = up(from_client, to_broker, &shared) => {}
        () = down(from_broker, due, &shared, &address) => {}
        () = late(waiting, to_client, &shared) => {}
        _ = cuts.changed() => {}
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = &mut buffer[..count];
        if let Some(tamper) = &mut *shared.tamper.lock().expect("not poisoned") {
            tamper(bytes);
        }
        if !pass(&mut to, bytes, Way::ToBroker, shared).await {
            return;
        }
    }
}

/// Frame by frame, so that the broker's name can be replaced where it says where topics are.
async fn down(mut from: OwnedReadHalf, due: UnboundedSender<Late>, shared: &Shared, address: &str) {
    let mut received = Vec::new();
    while let Ok(1..) = from.read_buf(&mut received).await {
        let mut frames = Vec::new();
        let mut rest = received.clone();
        while let Some(frame) = take_frame(&mut rest) {
            let length = received.len() - rest.len();
            let original: Vec<u8> = received.drain(..length).collect();
            frames.extend(renamed(&frame, address).unwrap_or(original));
        }
        let delay = *shared.delay.lock().expect("not poisoned");
        if due.send((Instant::now() + delay, frames)).is_err() {
            return;
        }
    }
}

/// Hands on what the broker said when it is due.
async fn late(mut due: UnboundedReceiver<Late>, mut to: OwnedWriteHalf, shared: &Shared) {
    while let Some((at, frames)) = due.recv().await {
        sleep_until(at).await;
        if !pass(&mut to, &frames, Way::ToBus, shared).await {
            return;
        }
    }
}

fn renamed(frame: &Frame, address: &str) -> Option<Vec<u8>> {
    if frame.kind != LOOKUP_RESPONSE || frame.command.text(1).is_none() {
        return None;
    }
    let url = format!("pulsar://{address}");
    let number = |tag| frame.command.number(tag).unwrap_or(0);
    let answer = Writer::default().bytes(1, url).number(3, number(3)).number(4, number(4));
    Some(command_frame(LOOKUP_RESPONSE, answer.number(5, number(5))))
}

async fn pass(to: &mut OwnedWriteHalf, bytes: &[u8], way: Way, shared: &Shared) -> bool {
    let allowed = shared.allow(way, bytes.len());
    let is_written = to.write_all(&bytes[..allowed]).await.is_ok();
    if allowed < bytes.len() {
        shared.cut();
    }
    is_written && allowed == bytes.len()
}
