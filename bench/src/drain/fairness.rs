//! What it costs to look out for others: the backlog of one tenant, drained by relays that would serve it apart
//! if anybody waited behind it, and by those that never do.

use super::backlog::fill;
use super::ours::{self, Workers};
use super::results::median;
use crate::BoxError;
use crate::schema::Schema;
use idp_relay::RelayConfig;

/// How fast it is drained by so many workers, in events a second; medians of the rounds.
pub(crate) struct Flood {
    pub(crate) backlog: u64,
    pub(crate) workers: u16,
    pub(crate) fair: f64,
    pub(crate) unfair: f64,
    /// The median of the ratios of each round.
    pub(crate) ratio: f64,
}

pub(crate) async fn compare(
    url: &str,
    (backlog, rounds): (u64, usize),
) -> Result<Vec<Flood>, BoxError> {
    eprintln!("fairness, {backlog} events of one tenant, {rounds} rounds");
    let schema = Schema::make(url, &[]).await?;
    let result = all(&schema, backlog, rounds).await;
    schema.drop().await?;
    result
}

async fn all(schema: &Schema, backlog: u64, rounds: usize) -> Result<Vec<Flood>, BoxError> {
    fill(schema, backlog, 1).await?;
    let mut floods = Vec::new();
    for workers in [1, 4] {
        let (mut fair, mut unfair) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let off = RelayConfig { fair_backlog: 0, ..ours::config() };
            let mut turns = [(ours::config(), &mut fair), (off, &mut unfair)];
            turns.rotate_left(round % 2);
            for (config, rates) in turns {
                rates.push(rate(schema, backlog, workers, config).await?);
            }
        }
        let ratios = fair.iter().zip(&unfair).map(|(fair, unfair)| fair / unfair).collect();
        let (fair, unfair, ratio) = (median(fair), median(unfair), median(ratios));
        floods.push(Flood { backlog, workers, fair, unfair, ratio });
    }
    Ok(floods)
}

async fn rate(
    schema: &Schema,
    backlog: u64,
    workers: u16,
    config: RelayConfig,
) -> Result<f64, BoxError> {
    let mut stores = Vec::new();
    for _ in 0..workers {
        stores.push(schema.store(4).await?);
    }
    Ok(Workers::warm(stores, config).await?.drain(backlog).await?.rate())
}
