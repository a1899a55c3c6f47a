//! What every contender is asked to do, in values that belong to none of them.

use uuid::Uuid;

pub(crate) const TENANT: &str = "acme";
pub(crate) const ACTOR: &str = "dispatcher-17";
pub(crate) const DRIVER: Uuid = Uuid::from_u128(0x0190_b6a2_7c1e_7a55_9d44_1b7f_1d2b_3c4d);
pub(crate) const VEHICLE: &str = "WOB-VW 1949, box body 7.5 t";
pub(crate) const NOTE: &str = "leave at the back door and ring twice; call before arrival when the \
     gate is closed; empties go back with the same tour, the paper slip stays with the customer";

pub(crate) const DEPOT: (f64, f64) = (50.25, 49.75);
pub(crate) const CAPACITY: u32 = 200;
pub(crate) const COST_TENTHS: i64 = 8_273;
pub(crate) const PRIORITY: i32 = 3;

/// One visit of the plan. As JSON the five take about 600 bytes.
pub(crate) struct Visit {
    pub(crate) customer: u32,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) demand: u32,
    pub(crate) window: Window,
}

pub(crate) struct Window {
    pub(crate) ready_tenths: i64,
    pub(crate) due_tenths: i64,
    pub(crate) service_tenths: i64,
}

pub(crate) const VISITS: [Visit; 5] = [visit(1), visit(2), visit(3), visit(4), visit(5)];

const fn visit(number: u32) -> Visit {
    let window = Window {
        ready_tenths: 36_000 * number as i64,
        due_tenths: 36_000 * number as i64 + 18_000,
        service_tenths: 900,
    };
    let along = number as f64;
    Visit {
        customer: 100 + number,
        x: 40.125 + along,
        y: 68.375 - along,
        demand: 10 + number,
        window,
    }
}

/// What people call the plan with that number; unique.
pub(crate) fn reference(number: usize) -> String {
    format!("tour {number:08}")
}

/// The two use cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UseCase {
    /// Plans a new route: one row and one event.
    Create,
    /// Gives a plan to a driver: loads it, changes two of its columns, writes one event.
    Dispatch,
}

impl UseCase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Dispatch => "dispatch",
        }
    }
}
