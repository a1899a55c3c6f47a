//! What a unit of work costs is counted right, and stays within the budget of the store.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{ann, application, counter_id, given_parcel, parcel_id};
use crate::sample::{Counter, Parcel};
use idp_application::{Application, Cost, Error, Listing, Receipt};
use idp_domain::Specification;

clauses! {
    macro unit_of_work_cost of unit_of_work::cost;
    the_rows_read_and_written_are_counted,
    creating_an_aggregate_stays_within_its_budget,
    changing_an_aggregate_stays_within_its_budget,
    a_batch_costs_as_many_round_trips_as_one_aggregate,
    several_types_cost_as_many_round_trips_as_one,
}

/// How often a use case runs before it is measured: connections are open by then, statements known.
const WARM_UP: u128 = 5;

/// Events count as rows.
pub async fn the_rows_read_and_written_are_counted<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    for number in 1..=3 {
        given_parcel(&app, &ann(), number).await;
    }
    let unit = app.begin(ann());
    let listed = unit.list::<Parcel>(Listing::of(Specification::all())).await.expect("read");
    assert_eq!(unit.cost().rows_read, 3);
    drop(listed);
    unit.get::<Parcel>(parcel_id(2)).await.expect("there").deliver();
    unit.remove(unit.get::<Parcel>(parcel_id(3)).await.expect("there"));
    unit.add(Counter::new(counter_id(1))).expect("new");
    let cost = unit.commit().await.expect("committed").cost;
    assert_eq!((cost.rows_read, cost.rows_written), (3, 4));

    let unit = app.begin(ann());
    assert!(unit.find::<Parcel>(parcel_id(9)).await.expect("read").is_none());
    assert_eq!(unit.cost().rows_read, 0);
}

/// Adding an aggregate with an event, and committing.
pub async fn creating_an_aggregate_stays_within_its_budget<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let budget = harness.capabilities().round_trips_create_max;
    for number in 1..=WARM_UP + 1 {
        let unit = app.begin(ann());
        unit.add(Parcel::registered(parcel_id(number))).expect("new");
        let receipt = unit.commit().await.expect("committed");
        assert_eq!(receipt.cost.rows_written, 2);
        check_budget(number, receipt.cost, budget);
    }
}

/// Loading it, changing it with an event, and committing.
pub async fn changing_an_aggregate_stays_within_its_budget<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let budget = harness.capabilities().round_trips_update_max;
    let id = given_parcel(&app, &ann(), 1).await;
    for number in 1..=WARM_UP + 1 {
        let unit = app.begin(ann());
        unit.get::<Parcel>(id).await.expect("there").write_note(&number.to_string());
        let receipt = unit.commit().await.expect("committed");
        assert_eq!((receipt.cost.rows_read, receipt.cost.rows_written), (1, 2));
        check_budget(number, receipt.cost, budget);
    }
}

/// Loading a hundred with one query, changing all, and committing.
pub async fn a_batch_costs_as_many_round_trips_as_one_aggregate<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let unit = app.begin(ann());
    for number in 1..=100 {
        unit.add(Parcel::registered(parcel_id(number))).expect("new");
    }
    unit.commit().await.expect("committed");
    let budget = harness.capabilities().round_trips_update_max;
    for number in 1..=WARM_UP + 1 {
        let receipt = change_all(&app, number).await.expect("committed");
        assert_eq!((receipt.cost.rows_read, receipt.cost.rows_written), (100, 200));
        check_budget(number, receipt.cost, budget);
    }
}

async fn change_all(app: &Application, number: u128) -> Result<Receipt, Error> {
    let unit = app.begin(ann());
    for mut parcel in unit.list::<Parcel>(Listing::of(Specification::all())).await? {
        parcel.write_note(&number.to_string());
    }
    unit.commit().await
}

/// A new counter and a changed parcel in one commit.
pub async fn several_types_cost_as_many_round_trips_as_one<H: Harness>(harness: H) {
    let app = application(&harness.backend());
    let budget = harness.capabilities().round_trips_update_max;
    let id = given_parcel(&app, &ann(), 1).await;
    for number in 1..=WARM_UP + 1 {
        let unit = app.begin(ann());
        unit.get::<Parcel>(id).await.expect("there").write_note(&number.to_string());
        unit.add(Counter::new(counter_id(number))).expect("new");
        let receipt = unit.commit().await.expect("committed");
        check_budget(number, receipt.cost, budget);
    }
}

fn check_budget(number: u128, cost: Cost, budget: u32) {
    if number > WARM_UP {
        assert!(cost.round_trips <= budget, "{cost:?} is over the budget of {budget} round trips");
    }
}
