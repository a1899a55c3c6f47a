//! A listing sees what its unit of work has changed and not yet committed.

use crate::Harness;
use crate::clauses::clauses;
use crate::fixture::{ann, application, given, parcel_id};
use crate::sample::{Parcel, Status};
use idp_application::{Application, Listing, UnitOfWork};
use idp_domain::{Specification, SpecificationOf};

clauses! {
    macro unit_of_work_listing of unit_of_work::listing;
    a_listing_sees_what_was_added,
    a_listing_sees_what_newly_satisfies_it,
    a_listing_leaves_out_what_no_longer_satisfies_it,
    a_listing_leaves_out_what_was_removed,
    a_listing_is_sorted_by_what_was_changed,
    a_limit_counts_after_all_changes,
}

/// Parcels 1 to 6 with priorities 10 to 60; the even ones are delivered.
async fn six_parcels<H: Harness>(harness: &H) -> Application {
    let app = application(&harness.backend());
    given(&app, &ann(), |unit| {
        (1..=6).try_for_each(|number: i16| {
            let mut parcel = Parcel::registered(parcel_id(number.unsigned_abs().into()));
            parcel.priority = number * 10;
            if number % 2 == 0 {
                parcel.status = Status::Delivered;
            }
            unit.add(parcel)
        })
    })
    .await;
    app
}

/// The numbers of the parcels in the listing.
async fn numbers(unit: &UnitOfWork, listing: Listing<Parcel>) -> Vec<u128> {
    let listed = unit.list(listing).await.expect("the store can be read");
    listed.iter().map(|parcel| parcel.label.as_u128()).collect()
}

async fn change(unit: &UnitOfWork, number: u128, change: impl FnOnce(&mut Parcel)) {
    change(&mut unit.get::<Parcel>(parcel_id(number)).await.expect("there"));
}

fn delivered() -> Listing<Parcel> {
    by_priority(Parcel::STATUS.eq(Status::Delivered))
}

fn by_priority(specification: impl SpecificationOf<Parcel>) -> Listing<Parcel> {
    Listing::of(specification).by(Parcel::PRIORITY.asc())
}

/// At its place in the order.
pub async fn a_listing_sees_what_was_added<H: Harness>(harness: H) {
    let app = six_parcels(&harness).await;
    let unit = app.begin(ann());
    let mut parcel = Parcel::registered(parcel_id(9));
    parcel.priority = 35;
    parcel.status = Status::Delivered;
    unit.add(parcel).expect("new");
    unit.add(Parcel::registered(parcel_id(10))).expect("new");
    assert_eq!(numbers(&unit, delivered()).await, [2, 9, 4, 6]);
}

/// Although in the store it does not.
pub async fn a_listing_sees_what_newly_satisfies_it<H: Harness>(harness: H) {
    let app = six_parcels(&harness).await;
    let unit = app.begin(ann());
    change(&unit, 3, Parcel::deliver).await;
    assert_eq!(numbers(&unit, delivered()).await, [2, 3, 4, 6]);
}

/// Although in the store it does.
pub async fn a_listing_leaves_out_what_no_longer_satisfies_it<H: Harness>(harness: H) {
    let app = six_parcels(&harness).await;
    let unit = app.begin(ann());
    change(&unit, 4, |parcel| parcel.status = Status::Lost).await;
    assert_eq!(numbers(&unit, delivered()).await, [2, 6]);
}

/// With soft delete as without.
pub async fn a_listing_leaves_out_what_was_removed<H: Harness>(harness: H) {
    let app = six_parcels(&harness).await;
    let unit = app.begin(ann());
    unit.remove(unit.get::<Parcel>(parcel_id(2)).await.expect("there"));
    unit.erase(unit.get::<Parcel>(parcel_id(6)).await.expect("there"));
    assert_eq!(numbers(&unit, delivered()).await, [4]);
    assert!(unit.find::<Parcel>(parcel_id(2)).await.expect("read").is_none());
}

/// By the changed value, not by the one in the store.
pub async fn a_listing_is_sorted_by_what_was_changed<H: Harness>(harness: H) {
    let app = six_parcels(&harness).await;
    let unit = app.begin(ann());
    change(&unit, 1, |parcel| parcel.priority = 45).await;
    change(&unit, 6, |parcel| parcel.priority = 25).await;
    let all = || by_priority(Specification::all());
    assert_eq!(numbers(&unit, all()).await, [2, 6, 3, 4, 1, 5]);
    let falling = Listing::of(Specification::all()).by(Parcel::PRIORITY.desc());
    assert_eq!(numbers(&unit, falling).await, [5, 1, 4, 3, 6, 2]);
}

/// Changes push rows into the first of a listing and out of it.
pub async fn a_limit_counts_after_all_changes<H: Harness>(harness: H) {
    let app = six_parcels(&harness).await;
    let all = || by_priority(Specification::all());
    let unit = app.begin(ann());
    assert_eq!(numbers(&unit, all().first(2)).await, [1, 2]);
    unit.remove(unit.get::<Parcel>(parcel_id(1)).await.expect("there"));
    change(&unit, 2, |parcel| parcel.priority = 99).await;
    assert_eq!(numbers(&unit, all().first(2)).await, [3, 4]);
    change(&unit, 6, |parcel| parcel.priority = 5).await;
    assert_eq!(numbers(&unit, all().first(2)).await, [6, 3]);
    let mut parcel = Parcel::registered(parcel_id(9));
    parcel.priority = 1;
    unit.add(parcel).expect("new");
    assert_eq!(numbers(&unit, all().first(3)).await, [9, 6, 3]);
    assert_eq!(numbers(&unit, all()).await, [9, 6, 3, 4, 5, 2]);
    assert!(numbers(&unit, all().first(0)).await.is_empty());
}
