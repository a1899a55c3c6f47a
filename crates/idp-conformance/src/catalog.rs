//! Thirty parcels with the values on which stores could differ, as a list in memory and in the
//! store: what one says of them is compared with what the other says.

use crate::fixture::{ann_of, application, given, parcel_id, tenant};
use crate::sample::{CarrierId, Parcel, Status};
use idp_application::{Backend, RowQuery, Scope};
use idp_domain::{EntityId, Predicate, Record, Timestamp, Uuid, Value};
use std::sync::Arc;

/// How many parcels there are.
pub(crate) const COUNT: u8 = 30;

/// Texts in no order; by code point `Z` < `a` < `é` < `\u{fffd}` < `😀`.
pub(crate) const TEXTS: [&str; 17] = [
    "", "a", "Z", "é", "e\u{301}", "A", "zebra", "100%", "100_", "1001", "a b", "a\\b", "😀",
    "\u{fffd}", "ß", "'quoted'", "a%b",
];

/// Numbers in no order; 0.0 and -0.0 are equal.
pub(crate) const FLOATS: [f64; 11] =
    [0.0, -0.0, 0.3, 0.1 + 0.2, -1.0, 1e300, -1e300, 5e-324, 2.0, 1e15, 1e-7];

/// Whole numbers in no order, some of which a double would round.
pub(crate) const WHOLES: [i64; 7] = [0, i64::MAX, i64::MIN, (1 << 53) + 1, 1 << 53, -1, 10];

/// Microseconds in no order.
pub(crate) const MICROS: [i64; 5] = [0, i64::MAX, 1_700_000_000_000_001, i64::MIN, -1];

const STATUSES: [Status; 3] = [Status::InTransit, Status::Delivered, Status::Lost];

/// The parcels. The lists have lengths without a common divisor, so that values meet in many
/// combinations, and every third or so value that may be null is.
pub(crate) fn parcels() -> Vec<Parcel> {
    (0..COUNT).map(parcel).collect()
}

fn parcel(number: u8) -> Parcel {
    let at = usize::from(number);
    // Identities do not rise with the number, so that the order of insertion is no help.
    let spread = u128::from(number.wrapping_mul(97)) << 120 | u128::from(number);
    let mut parcel = Parcel::registered(parcel_id(spread));
    let maybe = |nth: usize| (!at.is_multiple_of(nth)).then_some(());
    parcel.reference = format!("{}{number:02}", TEXTS[at % TEXTS.len()]);
    parcel.status = STATUSES[at % 3];
    parcel.fragile = at % 2 == 0;
    parcel.priority = i16::from(number % 4) - 1;
    parcel.pieces = i32::from(number % 6);
    parcel.value = WHOLES[at % WHOLES.len()];
    parcel.weight = FLOATS[at % FLOATS.len()];
    parcel.note = maybe(3).map(|()| TEXTS[at % TEXTS.len()].into());
    parcel.rank = maybe(4).map(|()| i32::from(number % 5));
    parcel.tariff = maybe(5).map(|()| FLOATS[at % FLOATS.len()]);
    parcel.insured = maybe(3).map(|()| at % 4 < 2);
    parcel.carrier = maybe(4).map(|()| carrier(number % 3));
    parcel.label = Uuid::from_u128(u128::from(number % 8) << 64);
    parcel.due_at = Timestamp::from_unix_micros(MICROS[at % MICROS.len()]);
    parcel.seen_at = maybe(3).map(|()| parcel.due_at);
    parcel.outcome = maybe(2).map(|()| STATUSES[at % 2 + 1]);
    parcel
}

/// The carrier of that number.
pub(crate) fn carrier(number: u8) -> CarrierId {
    CarrierId::from_uuid(Uuid::from_u128(u128::from(number) << 100))
}

/// Stores the parcels, for that tenant.
pub(crate) async fn store(backend: &Arc<dyn Backend>, tenant: &str) {
    let app = application(backend);
    given(&app, &ann_of(tenant), |unit| {
        parcels().into_iter().try_for_each(|parcel| unit.add(parcel))
    })
    .await;
}

/// All parcels of the tenant that satisfy the predicate.
pub(crate) fn query(tenant_name: &str, predicate: Predicate) -> RowQuery {
    let all = RowQuery::all(Parcel::SCHEMA, Scope::Tenant(tenant(tenant_name)));
    RowQuery { predicate, ..all }
}

/// The identities of the parcels that the store finds, in its order.
pub(crate) async fn found(backend: &dyn Backend, query: RowQuery) -> Vec<Uuid> {
    let fetched = backend.fetch(query).await.expect("the store can be read");
    let keys = fetched.rows.iter().map(|row| match row.values[Parcel::SCHEMA.key] {
        Value::Uuid(key) => key,
        ref other => panic!("{other:?} is no identity"),
    });
    keys.collect()
}
