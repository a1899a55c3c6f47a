//! A backlog that another reader kept up with: the log is in as many windows as that one took ticks, where the
//! backlog that nobody read is in one.

use super::backlog::count_of;
use super::bare;
use super::ours::{self, Workers};
use super::results::median;
use super::writers::{self, Pace};
use crate::BoxError;
use crate::schema::Schema;
use idp_application::Application;
use idp_relay::RelayConfig;
use idp_testkit::TALLY_TABLES;
use std::time::Duration;

/// Rates in events a second; medians of the rounds.
pub(crate) struct Followed {
    pub(crate) events: u64,
    pub(crate) windows: u64,
    pub(crate) bare: f64,
    pub(crate) ours: f64,
    /// The median of the ratios of each round.
    pub(crate) ratio: f64,
}

pub(crate) async fn compare(
    url: &str,
    (lasts, rounds): (Duration, usize),
) -> Result<Followed, BoxError> {
    eprintln!("a backlog that was followed, {rounds} rounds");
    let schema = Schema::make(url, TALLY_TABLES).await?;
    let result = all(&schema, lasts, rounds).await;
    schema.drop().await?;
    result
}

async fn all(schema: &Schema, lasts: Duration, rounds: usize) -> Result<Followed, BoxError> {
    let (events, windows) = write(schema, lasts).await?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    bare::drain(schema, events).await?; // What comes first would read the log from disk.
    for _ in 0..rounds {
        bare.push(bare::drain(schema, events).await?.rate());
        let workers = Workers::warm(vec![schema.store(4).await?], ours::config()).await?;
        ours.push(workers.drain(events).await?.rate());
    }
    let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
    let (bare, ours, ratio) = (median(bare), median(ours), median(ratios));
    Ok(Followed { events, windows, bare, ours, ratio })
}

/// Commits at a steady rate beside a relay that looks each millisecond. Gives how many events there are then,
/// in how many windows.
async fn write(schema: &Schema, lasts: Duration) -> Result<(u64, u64), BoxError> {
    let app = Application::new(schema.store(8).await?);
    let often = RelayConfig { poll_interval: Duration::from_millis(1), ..ours::config() };
    let workers = Workers::ready(vec![schema.store(4).await?], often).await?;
    let (relays, bus) = workers.start();
    writers::commits(&app, Pace::Steady, lasts).await?;
    let events = count_of(schema, "idp_outbox").await?;
    bus.reaches(events).await?;
    for relay in relays {
        relay.stop().await?;
    }
    Ok((events, count_of(schema, "idp_tick").await?))
}
