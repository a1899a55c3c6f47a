//! One measurement: a contender does a use case many times, from a number of tasks.

use super::contender::Contender;
use super::place::{CpuTimes, Place};
use super::sample::Sample;
use super::workload::UseCase;
use crate::BoxError;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How often each task does it before the measurement: each connection has then prepared what it
/// needs, and PostgreSQL has settled on plans.
const WARM_UP: usize = 30;

/// New plans have higher numbers than those that were seeded.
const NEW_PLANS: usize = 10_000_000;

/// What is done, by whom, how often.
pub(crate) struct Cell {
    pub(crate) use_case: UseCase,
    pub(crate) tasks: usize,
    pub(crate) contender: &'static str,
    pub(crate) operations: usize,
}

impl Cell {
    pub(crate) async fn measure(&self, place: &dyn Place) -> Result<Sample, BoxError> {
        let warm_up = WARM_UP * self.tasks;
        let plans = place.seed(warm_up + self.operations).await?;
        let contender = place.enter(self.contender, self.tasks).await?;
        let load = Arc::new(Load { contender, use_case: self.use_case, plans });
        load.drive(self.tasks, 0..warm_up).await?;
        let server_before = place.server_cpu().await?;
        let (client_before, start) = (client_cpu()?, Instant::now());
        let latencies = load.drive(self.tasks, warm_up..warm_up + self.operations).await?;
        let (elapsed, client_after) = (start.elapsed(), client_cpu()?);
        let server_cpu = spent(&server_before, &place.server_cpu().await?);
        let client_cpu = client_after.saturating_sub(client_before);
        Ok(Sample::of(latencies, elapsed, client_cpu, server_cpu))
    }
}

/// Does a use case once on tables that hold nothing else, and gives what was written.
pub(crate) async fn written_by(
    place: &dyn Place,
    contender: &'static str,
    use_case: UseCase,
) -> Result<String, BoxError> {
    let plans = place.seed(usize::from(use_case == UseCase::Dispatch)).await?;
    let contender = place.enter(contender, 1).await?;
    Load { contender, use_case, plans }.run(0, 0).await?;
    place.written().await
}

struct Load {
    contender: Arc<dyn Contender>,
    use_case: UseCase,
    plans: Vec<Uuid>,
}

impl Load {
    /// Does the operations of a range, each once, and gives how long each took.
    async fn drive(
        self: &Arc<Self>,
        tasks: usize,
        operations: Range<usize>,
    ) -> Result<Vec<Duration>, BoxError> {
        let mut latencies = Vec::with_capacity(operations.len());
        let next = Arc::new(AtomicUsize::new(operations.start));
        let mut workers = JoinSet::new();
        for worker in 0..tasks {
            let (load, next, end) = (Arc::clone(self), Arc::clone(&next), operations.end);
            workers.spawn(async move { load.work(worker, &next, end).await });
        }
        while let Some(worker) = workers.join_next().await {
            latencies.extend(worker??);
        }
        Ok(latencies)
    }

    async fn work(
        &self,
        worker: usize,
        next: &AtomicUsize,
        end: usize,
    ) -> Result<Vec<Duration>, BoxError> {
        let mut latencies = Vec::new();
        loop {
            let operation = next.fetch_add(1, Ordering::Relaxed);
            if operation >= end {
                return Ok(latencies);
            }
            let start = Instant::now();
            self.run(worker, operation).await?;
            latencies.push(start.elapsed());
        }
    }

    async fn run(&self, worker: usize, operation: usize) -> Result<(), BoxError> {
        /// A prime, so that plans are taken from all over the table, each once.
        const STRIDE: usize = 7_919;
        match self.use_case {
            UseCase::Create => self.contender.create(worker, NEW_PLANS + operation).await,
            UseCase::Dispatch => {
                let plan = self.plans[operation * STRIDE % self.plans.len()];
                self.contender.dispatch(worker, plan).await
            }
        }
    }
}

fn client_cpu() -> Result<Duration, BoxError> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// What the processes that were there before have spent since; `None` when there were none.
fn spent(before: &CpuTimes, after: &CpuTimes) -> Option<Duration> {
    let spent = before.iter().map(|(process, before)| {
        after.get(process).map_or(0, |after| after.saturating_sub(*before))
    });
    (!before.is_empty()).then(|| Duration::from_micros(spent.sum()))
}
