//! Lines of histories that the tests of the checkers are made of.

use crate::journal::{Line, Mark};
use idp_domain::{TenantId, Uuid};
use idp_testkit::{Delivery, Entry, Intent, Outcome};

pub(crate) fn mark(mark: Mark) -> Line {
    Line::Mark { mark }
}

/// An event of an aggregate was committed, or not.
pub(crate) fn intent(aggregate: u128, event: u128, outcome: Outcome) -> Line {
    Line::Entry(Entry::Intent(Intent {
        tenant: TenantId::new("acme").expect("valid"),
        aggregate: Uuid::from_u128(aggregate),
        version: 1,
        events: vec![Uuid::from_u128(event)],
        scheduled: vec![],
        outcome,
    }))
}

/// An event arrived.
pub(crate) fn arrival(event: u128) -> Line {
    Line::Entry(Entry::Delivery(Delivery {
        worker: Uuid::nil(),
        lane: 1,
        stream: "plain/1".to_owned(),
        epoch: 1,
        sequence: 1,
        event: Uuid::from_u128(event),
    }))
}
