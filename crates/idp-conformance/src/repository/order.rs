//! The order of a list is that of [`Value::sort_compare`](idp_domain::Value::sort_compare), and
//! pages of it fit together.

use crate::Harness;
use crate::catalog::{COUNT, found, parcels, query, store};
use crate::clauses::clauses;
use crate::fixture::{ann, application};
use crate::sample::Parcel;
use idp_application::{Backend, Listing, OrderBy, OrderKey, RowQuery};
use idp_domain::{Direction, EntityId, Predicate, Record, Specification, Uuid, Value};
use std::cmp::Ordering;

clauses! {
    macro repository_order of repository::order;
    every_kind_sorts_as_in_memory,
    several_keys_sort_as_in_memory,
    text_sorts_by_code_point,
    nulls_sort_as_larger_than_everything,
    a_limit_and_an_offset_cut_a_part_out_of_the_list,
    a_count_ignores_order_start_and_limit,
    keyset_pages_visit_every_row_once,
    a_keyset_page_keeps_to_its_specification,
    an_offset_counts_from_where_the_page_starts,
}

fn by(column: usize, direction: Direction) -> OrderBy {
    OrderBy { key: OrderKey::Column(column), direction }
}

use Direction::{Ascending, Descending};

/// All parcels in that order, then by identity, as memory sorts them.
fn sorted(order: &[OrderBy]) -> Vec<Parcel> {
    let order = query("acme", Predicate::True).with_order(order.to_vec()).order;
    let mut parcels = parcels();
    parcels.sort_by(|a, b| {
        order.iter().fold(Ordering::Equal, |so_far, by| {
            let OrderKey::Column(column) = by.key else { return so_far };
            let ordering = a.value(column).sort_compare(&b.value(column));
            let directed = if by.direction == Ascending { ordering } else { ordering.reverse() };
            so_far.then(directed)
        })
    });
    parcels
}

fn ids(parcels: &[Parcel]) -> Vec<Uuid> {
    parcels.iter().map(|parcel| parcel.id.uuid()).collect()
}

fn ordered(order: &[OrderBy]) -> RowQuery {
    query("acme", Predicate::True).with_order(order.to_vec())
}

async fn stocked<H: Harness>(harness: &H) -> std::sync::Arc<dyn Backend> {
    let backend = harness.backend();
    store(&backend, "acme").await;
    store(&backend, "globex").await;
    backend
}

/// Each column that can be compared, both ways.
pub async fn every_kind_sorts_as_in_memory<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    for (column, schema) in Parcel::SCHEMA.columns.iter().enumerate() {
        if schema.kind == idp_domain::Kind::Json {
            continue;
        }
        for direction in [Ascending, Descending] {
            let order = [by(column, direction)];
            let found = found(&*backend, ordered(&order)).await;
            assert_eq!(found, ids(&sorted(&order)), "by `{}` {direction:?}", schema.name);
        }
    }
}

/// The orders of several keys that the clauses below use, mixed in direction, with many ties.
fn mixed_orders() -> Vec<Vec<OrderBy>> {
    let column = Parcel::SCHEMA.key;
    vec![
        vec![],
        vec![by(column, Descending)],
        vec![by(Parcel::PRIORITY.column(), Descending)],
        vec![by(Parcel::STATUS.column(), Ascending), by(Parcel::PRIORITY.column(), Descending)],
        vec![by(Parcel::WEIGHT.column(), Descending), by(Parcel::FRAGILE.column(), Ascending)],
        vec![
            by(Parcel::FRAGILE.column(), Descending),
            by(Parcel::DUE_AT.column(), Ascending),
            by(Parcel::LABEL.column(), Descending),
            by(column, Descending),
        ],
        vec![by(Parcel::REFERENCE.column(), Ascending)],
        vec![by(Parcel::REFERENCE.column(), Descending)],
        vec![by(Parcel::VALUE.column(), Ascending), by(Parcel::REFERENCE.column(), Descending)],
    ]
}

/// The first that differs decides; ties are broken by the identity.
pub async fn several_keys_sort_as_in_memory<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    let mut orders = mixed_orders();
    orders.push(vec![
        by(Parcel::RANK.column(), Ascending),
        by(Parcel::NOTE.column(), Descending),
        by(Parcel::TARIFF.column(), Ascending),
    ]);
    for order in orders {
        assert_eq!(found(&*backend, ordered(&order)).await, ids(&sorted(&order)), "{order:?}");
    }
}

/// Not by the rules of a language.
pub async fn text_sorts_by_code_point<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    let unit = application(&backend).begin(ann());
    let listing = Listing::of(!Parcel::NOTE.is_null()).by(Parcel::NOTE.asc());
    let parcels = unit.list::<Parcel>(listing).await.expect("read");
    let mut notes: Vec<_> = parcels.iter().filter_map(|parcel| parcel.note.as_deref()).collect();
    notes.dedup();
    for pair in [["", "100%"], ["Z", "a"], ["a", "é"], ["é", "\u{fffd}"], ["\u{fffd}", "😀"]] {
        let at = pair.map(|text| notes.iter().position(|note| *note == text));
        assert!(at[0].is_some() && at[0] < at[1], "{pair:?} in {notes:?}");
    }
}

/// Last when rising, first when falling.
pub async fn nulls_sort_as_larger_than_everything<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    let nulls = parcels().iter().filter(|parcel| parcel.rank.is_none()).count();
    let column = Parcel::RANK.column();
    for (direction, at) in [(Ascending, usize::from(COUNT) - nulls), (Descending, 0)] {
        let fetched = backend.fetch(ordered(&[by(column, direction)])).await.expect("read");
        let are_null: Vec<_> =
            fetched.rows.iter().map(|row| row.values[column].is_null()).collect();
        assert!(are_null[at..at + nulls].iter().all(|null| *null), "{direction:?}: {are_null:?}");
    }
}

/// Beyond the end there is nothing.
pub async fn a_limit_and_an_offset_cut_a_part_out_of_the_list<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    let order = [by(Parcel::PRIORITY.column(), Descending)];
    let all = ids(&sorted(&order));
    for (offset, limit) in [(0, 0), (0, 1), (0, 7), (5, 10), (25, 10), (30, 1), (99, 9), (0, 999)] {
        let query = RowQuery { offset, limit: Some(limit), ..ordered(&order) };
        let expected: Vec<_> =
            all.iter().skip(offset as usize).take(limit as usize).copied().collect();
        assert_eq!(found(&*backend, query).await, expected, "offset {offset}, limit {limit}");
    }
    let query = RowQuery { offset: 28, limit: None, ..ordered(&order) };
    assert_eq!(found(&*backend, query).await, all[28..]);
}

/// It says how many rows there are, not how many are shown.
pub async fn a_count_ignores_order_start_and_limit<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    let predicate = Parcel::FRAGILE.eq(true).into_predicate();
    let order = [by(Parcel::PRIORITY.column(), Descending)];
    let last = sorted(&order).pop().expect("there are parcels");
    let query = RowQuery {
        predicate,
        limit: Some(2),
        offset: 3,
        after: Some(place(&last, &ordered(&order))),
        ..ordered(&order)
    };
    assert_eq!(backend.count(query).await.expect("read"), u64::from(COUNT / 2));
}

/// The place of a parcel in the order of a query.
fn place(parcel: &Parcel, query: &RowQuery) -> Vec<Value> {
    let columns = query.order.iter().filter_map(|by| match by.key {
        OrderKey::Column(column) => Some(column),
        OrderKey::Revision | OrderKey::Tenant => None,
    });
    columns.map(|column| parcel.value(column)).collect()
}

/// All rows, page after page, each page starting behind the last row of the one before.
async fn visited(backend: &dyn Backend, query: &RowQuery, size: u32) -> Vec<Uuid> {
    let mut visited = Vec::new();
    let mut after = None;
    loop {
        let page = RowQuery { after: after.take(), limit: Some(size), ..query.clone() };
        let page = found(backend, page).await;
        visited.extend(&page);
        assert!(visited.len() <= usize::from(COUNT), "a page repeats rows: {visited:?}");
        let Some(last) = page.last() else { return visited };
        let parcels = parcels();
        let last = parcels.iter().find(|parcel| parcel.id.uuid() == *last);
        after = Some(place(last.expect("a parcel of the catalog"), query));
    }
}

/// In the order of the list, whatever the directions, the ties and the size of a page.
pub async fn keyset_pages_visit_every_row_once<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    for order in mixed_orders() {
        let expected = ids(&sorted(&order));
        for size in [1, 2, 7, 30, 100] {
            let visited = visited(&*backend, &ordered(&order), size).await;
            assert_eq!(visited, expected, "{order:?}, {size} rows a page");
        }
    }
}

/// The condition on the place does not loosen the others.
pub async fn a_keyset_page_keeps_to_its_specification<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    let spec: Specification<Parcel> =
        Parcel::STATUS.eq(crate::sample::Status::Lost) | Parcel::RANK.eq(2);
    for order in mixed_orders() {
        let mut expected = sorted(&order);
        expected.retain(|parcel| spec.is_satisfied_by(parcel));
        let query = RowQuery { predicate: spec.predicate().clone(), ..ordered(&order) };
        assert_eq!(visited(&*backend, &query, 3).await, ids(&expected), "{order:?}");
    }
}

/// Not from the start of the list.
pub async fn an_offset_counts_from_where_the_page_starts<H: Harness>(harness: H) {
    let backend = stocked(&harness).await;
    for order in mixed_orders() {
        let all = sorted(&order);
        let after = Some(place(&all[4], &ordered(&order)));
        let query = RowQuery { after, offset: 3, limit: Some(10), ..ordered(&order) };
        assert_eq!(found(&*backend, query).await, ids(&all[8..18]), "{order:?}");
    }
}
