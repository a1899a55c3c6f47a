//! How fast the unit of work should be beside each of the others.

use super::TASKS;
use super::postgres::{DELAYED, LOOPBACK, SQLX, TOKIO_POSTGRES};
use super::results::{Key, Results};
use super::sqlite::{FILE, RUSQLITE};
use super::workload::UseCase::{self, Create, Dispatch};

pub(crate) struct Aim {
    pub(crate) place: &'static str,
    pub(crate) use_case: UseCase,
    pub(crate) beside: &'static str,
    /// What cannot be beaten, where that is not what it is measured beside.
    pub(crate) limit: Option<&'static str>,
    /// For these numbers of tasks.
    tasks: &'static [usize],
    /// At least that many times as many operations a second.
    pub(crate) ratio_min: f64,
}

const ONE_TASK: [usize; 1] = [1];

/// Within ten percent of the limit.
const CLOSE: f64 = 0.9;

pub(crate) const AIMS: [Aim; 10] = [
    aim(LOOPBACK, Dispatch, SQLX, &TASKS, 1.4),
    aim(DELAYED, Dispatch, SQLX, &ONE_TASK, 2.0),
    aim(LOOPBACK, Create, SQLX, &TASKS, 2.0),
    aim(DELAYED, Create, SQLX, &TASKS, 2.0),
    aim(LOOPBACK, Dispatch, TOKIO_POSTGRES, &TASKS, CLOSE),
    aim(DELAYED, Dispatch, TOKIO_POSTGRES, &TASKS, CLOSE),
    aim(LOOPBACK, Create, TOKIO_POSTGRES, &TASKS, CLOSE),
    aim(DELAYED, Create, TOKIO_POSTGRES, &TASKS, CLOSE),
    aim(FILE, Dispatch, RUSQLITE, &TASKS, CLOSE),
    aim(FILE, Create, RUSQLITE, &TASKS, CLOSE),
];

const fn aim(
    place: &'static str,
    use_case: UseCase,
    beside: &'static str,
    tasks: &'static [usize],
    ratio_min: f64,
) -> Aim {
    let limit = if ratio_min > 1.0 { Some(TOKIO_POSTGRES) } else { None };
    Aim { place, use_case, beside, limit, tasks, ratio_min }
}

impl Aim {
    /// The number of tasks and the ratio that the contender reached, for each cell of the aim that
    /// was measured.
    pub(crate) fn reached_by(
        &self,
        contender: &'static str,
        results: &Results,
    ) -> Vec<(usize, f64)> {
        let Self { place, use_case, beside, .. } = *self;
        let key = |tasks| Key { place, use_case, tasks, contender };
        let ratio = |tasks| Some((tasks, results.ratio(key(tasks), beside)?.median));
        self.tasks.iter().copied().filter_map(ratio).collect()
    }
}
