//! What a run consists of: servers, writers, relays, and the histories that they write.

use crate::failure::Outcome;
use crate::journal::{Journal, Line, Mark, append};
use crate::place::{Place, TALLIES, Target, is_poisoned, tally, tenant};
use crate::process::{Process, RELAY, WRITER};
use crate::request::Request;
use crate::servers::{Order, POSTGRES, order};
use crate::stored::Stored;
use crate::writer::application;
use idp_application::{Actor, Context, Migrate, WorkerId};
use idp_domain::Uuid;
use idp_testkit::{Proxy, Recorder, TALLY_TABLES, Tally};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

/// How long anything may take that must come to its end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long all may take to arrive that was committed before, on a machine that others use, too.
const DRAIN_MAX: Duration = Duration::from_secs(300);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const WRITERS: usize = 3;

/// Makes commits of sessions with `idp.slow = on` wait, when everything is written and nothing
/// visible, for whoever holds the lock.
const SLOW_COMMITS: &str = "
    CREATE FUNCTION wait_for_go() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock(7, 7);
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON idp_outbox
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (current_setting('idp.slow', true) = 'on') EXECUTE FUNCTION wait_for_go()";

pub(crate) struct Scene {
    pub(crate) request: Request,
    /// As whoever is not behind a proxy sees it.
    pub(crate) place: Place,
    /// Between the first relay and PostgreSQL.
    pub(crate) postgres_line: Proxy,
    /// Between the first relay and the broker.
    pub(crate) broker_line: Proxy,
    /// The first is behind the proxies, the second is not.
    pub(crate) relays: [Option<Process>; 2],
    pub(crate) writers: Vec<Process>,
    pub(crate) plain: Journal,
    pub(crate) picky: Journal,
    pub(crate) stored: Stored,
    pub(crate) broker: Journal,
    /// By how many seconds the clock of PostgreSQL is ahead of that of the machine.
    pub(crate) postgres_ahead: i64,
    recorder: Recorder,
    processes: u64,
}

impl Scene {
    /// Makes the tables and the stream, and lets nobody in yet.
    pub(crate) async fn set(request: Request, folder: std::path::PathBuf) -> Outcome<Self> {
        let bus = request.bus;
        let addresses = bus.addresses(&order(Order::Where, bus.server()).await?)?;
        let place = Place {
            postgres: order(Order::Where, POSTGRES).await?,
            bus,
            broker: addresses.broker,
            admin: addresses.admin,
            schema: format!("chaos_{}", std::process::id()),
            stream: format!("CHAOS{}", std::process::id()),
            folder,
            process: 0,
            seed: request.seed,
        };
        prepare_database(&place).await?;
        bus.prepare(&place).await?;
        let broker_line = match addresses.relayed {
            Some((port, target)) => Proxy::on(port, target).await?,
            None => Proxy::to(server(&place.broker)).await?,
        };
        Ok(Self {
            postgres_line: Proxy::to(server(&place.postgres)).await?,
            broker_line,
            relays: [None, None],
            writers: Vec::new(),
            plain: Journal::of(place.history(Target::Plain)),
            picky: Journal::of(place.history(Target::Picky)),
            stored: Stored::by(bus),
            broker: Journal::of(place.history(Target::Broker)),
            postgres_ahead: 0,
            recorder: place.recorder(Target::Plain)?,
            processes: 0,
            request,
            place,
        })
    }

    pub(crate) fn mark(&self, mark: Mark) -> Outcome {
        append(&self.place.history(Target::Plain), &Line::Mark { mark })
    }

    /// Starts what is missing: after a kill, and at the start.
    pub(crate) fn fill(&mut self) -> Outcome {
        for at in 0..self.relays.len() {
            if self.relays[at].is_none() {
                self.relays[at] = Some(self.start_relay(at == 0)?);
            }
        }
        while self.writers.len() < WRITERS {
            let place = self.next_place();
            self.writers.push(Process::start(WRITER, &place)?);
        }
        Ok(())
    }

    pub(crate) fn start_relay(&mut self, behind_proxies: bool) -> Outcome<Process> {
        let mut place = self.next_place();
        if behind_proxies {
            let through =
                |url: &str, proxy: &Proxy| url.replace(server(url), &proxy.address().to_string());
            place.postgres = through(&place.postgres, &self.postgres_line);
            place.broker = through(&place.broker, &self.broker_line);
        }
        self.mark(Mark::Started { process: place.process })?;
        Process::start(RELAY, &place)
    }

    fn next_place(&mut self) -> Place {
        self.processes += 1;
        let process = self.processes;
        let seed = self.request.seed.wrapping_mul(1_000).wrapping_add(process);
        Place { process, seed, ..self.place.clone() }
    }

    /// Records that the workers of a relay process may have lost their leases.
    pub(crate) fn leases_lost(&self, process: u64) {
        Target::ALL.iter().for_each(|target| self.recorder.leases_lost(target.worker(process)));
    }

    /// The numbers of the relays that run.
    pub(crate) fn relays_running(&self) -> Vec<u64> {
        self.relays.iter().flatten().map(|relay| relay.number).collect()
    }

    /// A connection to look into the schema.
    pub(crate) async fn client(&self) -> Outcome<Client> {
        client(&self.place).await
    }

    /// The log: each event and its aggregate.
    pub(crate) async fn log(&self) -> Outcome<HashMap<Uuid, Uuid>> {
        let client = self.client().await?;
        let rows = client.query("SELECT id, aggregateid FROM idp_outbox", &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Waits until each relay process that runs holds lanes for every target.
    pub(crate) async fn wait_until_relays_work(&mut self) -> Outcome {
        for relay in self.relays.iter_mut().flatten() {
            wait_until_it_works(&self.place, relay).await?;
        }
        Ok(())
    }

    /// Waits until all that is committed by now has arrived everywhere, poisoned keys excepted
    /// where they are refused. Says how many events are missing when none of them came for
    /// [`PATIENCE`], or not all in [`DRAIN_MAX`].
    pub(crate) async fn drain(&mut self) -> Outcome<usize> {
        let log = self.log().await?;
        let begun = Instant::now();
        let (mut fewest, mut progress) = (usize::MAX, begun);
        loop {
            let left = self.left(&log).await?;
            if left < fewest {
                (fewest, progress) = (left, Instant::now());
            }
            let is_stuck = progress.elapsed() > PATIENCE || begun.elapsed() > DRAIN_MAX;
            if left == 0 || is_stuck {
                return Ok(left);
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn left(&mut self, log: &HashMap<Uuid, Uuid>) -> Outcome<usize> {
        self.plain.read_on()?;
        self.picky.read_on()?;
        self.stored.try_read_on(&self.place).await;
        let is_cured = self.place.cure().exists();
        let left = log.iter().filter(|(event, aggregate)| {
            !self.plain.arrived.contains(event)
                || !self.stored.arrived.contains(event)
                || (!self.picky.arrived.contains(event) && (is_cured || !is_poisoned(**aggregate)))
        });
        Ok(left.count())
    }
}

/// Waits until a relay process holds lanes for every target.
pub(crate) async fn wait_until_it_works(place: &Place, relay: &mut Process) -> Outcome {
    const HELD: &str = "SELECT count(DISTINCT reader) FROM idp_reader_lane WHERE owner = ANY($1)";
    let process = relay.number;
    let workers = Target::ALL.map(|target| target.worker(process)).map(|WorkerId(id)| id);
    let client = client(place).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let held: i64 = client.query_one(HELD, &[&workers.as_slice()]).await?.get(0);
        if held == 3 {
            return Ok(());
        }
        if let Some(status) = relay.has_ended()? {
            return Err(format!("relay process {process} ended by itself: {status}").into());
        }
        if Instant::now() > deadline {
            return Err(format!("relay process {process} got no lanes in {PATIENCE:?}").into());
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// `host:port` of a URL.
fn server(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let behind = behind.rsplit_once('@').map_or(behind, |(_, behind)| behind);
    behind.split_once('/').map_or(behind, |(server, _)| server)
}

async fn client(place: &Place) -> Outcome<Client> {
    let mut config: tokio_postgres::Config = place.postgres.parse()?;
    config.options(format!("-c search_path={}", place.schema));
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn prepare_database(place: &Place) -> Outcome {
    let client = client(place).await?;
    client.batch_execute(&format!("CREATE SCHEMA {}", place.schema)).await?;
    place.store("").await?.migrate(TALLY_TABLES).await?;
    client.batch_execute(SLOW_COMMITS).await?;
    let app = application(place, "").await?;
    for first in 0..4 {
        let unit = app.begin(Context::new(tenant(first), Actor::new("nemesis")));
        for number in (0..TALLIES + 40).filter(|number| number % 4 == first) {
            unit.add(Tally::new(tally(number)))?;
        }
        unit.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn the_server_of_a_url_is_its_host_and_port() {
        assert_eq!(server("postgres://a:b@127.0.0.1:54/postgres"), "127.0.0.1:54");
        assert_eq!(server("nats://127.0.0.1:4222"), "127.0.0.1:4222");
        assert_eq!(server("127.0.0.1:5552"), "127.0.0.1:5552");
    }
}
