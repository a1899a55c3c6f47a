//! The ladder of wake-ups on real databases: every step delivers the same, in the same order, under the
//! same faults; they differ in nothing but when.
//!
//! Where a step is to wake, the polls are an hour apart: a ring that is lost is a test that fails.

mod clauses;
mod database;
mod place;
mod sabotage;
mod same_order;
mod step;

use database::Kind::{Postgres, Sqlite};
use step::Step::{Cdc, InProcess, Notify, Polling};

/// Expands to one test for each clause, on one kind of database with one step of the ladder.
macro_rules! wake_ups {
    ($($name:ident: $step:expr, $kind:expr;)+) => {
        $(mod $name {
            use super::*;

            clauses::each!(place::Place::start(stringify!($name), $step, $kind));
        })+
    };
}

wake_ups! {
    in_process_on_postgres: InProcess, Postgres;
    notify_on_postgres: Notify, Postgres;
    cdc_on_postgres: Cdc, Postgres;
    polling_on_postgres: Polling, Postgres;
    in_process_on_sqlite: InProcess, Sqlite;
    polling_on_sqlite: Polling, Sqlite;
}
