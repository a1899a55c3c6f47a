//! Wakes the readers of other processes by LISTEN and NOTIFY.
//!
//! A NOTIFY inside of a business transaction takes a lock of the whole server until it has committed;
//! with 32 writers that cost four fifths of all commits. So nothing is notified there: each process
//! notifies the others on a connection of its own, after its commits, and once for all of them that
//! came within [`PgNotifyOptions::interval_min`]. What a process commits and does not live to notify is
//! found by polling.

use crate::error::translate;
use crate::store::PgStore;
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use idp_application::{BoxFuture, CommitListener, CommitSignal, CommitWatch, Error, ErrorKind};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// Settings of a [`PgNotify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PgNotifyOptions {
    /// The least time between two notifications of this process.
    pub interval_min: Duration,
    /// How often the connection is tried, so that one that died in silence is noticed.
    pub ping_interval: Duration,
}

impl Default for PgNotifyOptions {
    fn default() -> Self {
        let (interval_min, ping_interval) = (Duration::from_millis(5), Duration::from_secs(5));
        Self { interval_min, ping_interval }
    }
}

/// Notifies other processes of the commits of this one, and is notified of theirs. Needs a connection
/// to the server itself: a pooler in transaction mode passes no notifications on.
#[derive(Debug)]
pub struct PgNotify {
    config: Config,
    options: PgNotifyOptions,
}

impl PgNotify {
    /// Watches the database and schema of that store. Fails when a setting is not within 1 ms and
    /// 60 s.
    pub fn of(store: &PgStore, options: PgNotifyOptions) -> Result<Self, Error> {
        let bounds = Duration::from_millis(1)..=Duration::from_secs(60);
        let fault = |field: &str, value: Duration| {
            let is_out = !bounds.contains(&value);
            is_out.then(|| format!("`{field}` must be within {bounds:?}, got {value:?}"))
        };
        let faults = [
            fault("interval_min", options.interval_min),
            fault("ping_interval", options.ping_interval),
        ];
        let faults: Vec<String> = faults.into_iter().flatten().collect();
        if !faults.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "configure NOTIFY", faults.join("; ")));
        }
        Ok(Self { config: store.pool.config().clone(), options })
    }

    async fn run(&self, signal: &CommitSignal, watching: Box<dyn FnOnce() + Send + '_>) -> Error {
        match self.listen().await {
            Err(error) => error,
            Ok(mut listening) => {
                watching();
                let mut committed = signal.listen_to_this_process();
                match listening.pass_on(signal, &mut committed, &self.options).await {
                    Ok(never) => match never {},
                    Err(error) => error,
                }
            }
        }
    }

    async fn listen(&self) -> Result<Listening, Error> {
        let failed = |e| translate("listen", e);
        let (client, mut connection) = self.config.connect(NoTls).await.map_err(failed)?;
        let (notified, notifications) = mpsc::unbounded_channel();
        // Ends by itself when the client is dropped or the server closes the connection; then the
        // channel is closed.
        tokio::spawn(async move {
            let mut messages = poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message {
                    let _ = notified.send(notification.process_id());
                }
            }
        });
        let row = client.query_one(IDENTITY, &[]).await.map_err(failed)?;
        let (channel, own): (String, i32) = (row.get(0), row.get(1));
        client.batch_execute(&format!("LISTEN \"{channel}\"")).await.map_err(failed)?;
        Ok(Listening { client, channel, own, notifications })
    }
}

/// The channel is one for each schema; names of channels are identifiers, of at most 63 bytes.
const IDENTITY: &str = "SELECT 'idp_committed_' || md5(current_schema()), pg_backend_pid()";

/// What never comes.
enum Never {}

struct Listening {
    client: Client,
    channel: String,
    /// The process of the server that serves this connection: its notifications are our own.
    own: i32,
    notifications: mpsc::UnboundedReceiver<i32>,
}

impl Listening {
    async fn pass_on(
        &mut self,
        signal: &CommitSignal,
        committed: &mut CommitListener,
        options: &PgNotifyOptions,
    ) -> Result<Never, Error> {
        let mut notify_from = Instant::now();
        let mut is_due = false;
        let mut ping_at = Instant::now() + options.ping_interval;
        loop {
            tokio::select! {
                notified = self.notifications.recv() => match notified {
                    Some(process) if process != self.own => signal.ring_from_elsewhere(),
                    Some(_) => {}
                    None => return Err(closed()),
                },
                () = committed.rung(), if !is_due => is_due = true,
                () = sleep_until(notify_from), if is_due => {
                    is_due = false;
                    self.execute(&format!("NOTIFY \"{}\"", self.channel), options).await?;
                    notify_from = Instant::now() + options.interval_min;
                }
                () = sleep_until(ping_at) => {
                    self.execute("SELECT 1", options).await?;
                    ping_at = Instant::now() + options.ping_interval;
                }
            }
        }
    }

    async fn execute(&self, sql: &str, options: &PgNotifyOptions) -> Result<(), Error> {
        match timeout(options.ping_interval, self.client.batch_execute(sql)).await {
            Ok(done) => done.map_err(|e| translate("notify", e)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "notify", "the server does not answer")),
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "listen", "the connection was closed")
}

impl CommitWatch for PgNotify {
    fn name(&self) -> &'static str {
        "notify"
    }

    fn watch<'a>(
        &'a self,
        signal: &'a CommitSignal,
        watching: Box<dyn FnOnce() + Send + 'a>,
    ) -> BoxFuture<'a, Error> {
        Box::pin(self.run(signal, watching))
    }
}
