//! Lets a query see what the unit of work has changed and not yet written, without writing it.
//!
//! A store answers from what is committed. Of the aggregates that this unit of work has in its
//! identity map, some no longer satisfy the query and some newly do. The specification can be
//! answered in memory too, so the overlay drops the first and adds the second. With a limit of `n`,
//! the store is asked for `n` rows more than the map has aggregates of the type: each can displace
//! at most one row, so the first `n` of the merged list are right.

use crate::identity_map::IdentityMap;
use crate::repository::Listing;
use crate::slot::Entry;
use crate::tracked::Tracked;
use crate::{Error, StoredRow};
use idp_domain::{Aggregate, Direction, EntityId, RowValues};
use std::cmp::Ordering;

/// Merges the rows of a store with what the unit of work holds.
pub(crate) fn merge<A: Aggregate>(
    map: &IdentityMap,
    listing: &Listing<A>,
    rows: Vec<StoredRow>,
) -> Result<Vec<Tracked<A>>, Error> {
    let mut merged = known(map, listing)?;
    let held: Vec<_> = merged.iter().map(|tracked| tracked.id()).collect();
    for row in rows {
        let entry = entry_of::<A>(row)?;
        let id = entry.aggregate.id();
        if held.contains(&id) {
            continue;
        }
        // What the map knows and did not give above satisfies the listing no longer.
        if let Some(tracked) = map.admit(entry)?
            && listing.specification.is_satisfied_by(&tracked)
        {
            merged.push(tracked);
        }
    }
    merged.sort_by(|a, b| compare(listing, a, b));
    if let Some(limit) = listing.limit {
        merged.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(merged)
}

/// What the map holds, at home, that satisfies the listing now.
fn known<A: Aggregate>(map: &IdentityMap, listing: &Listing<A>) -> Result<Vec<Tracked<A>>, Error> {
    let mut satisfying = Vec::new();
    for slot in map.slots_of::<A>()? {
        let Some(entry) = slot.take() else { continue };
        let wanted = !entry.is_leaving() && listing.specification.is_satisfied_by(&entry.aggregate);
        let tracked = Tracked::new(entry, slot);
        if wanted {
            satisfying.push(tracked);
        }
    }
    Ok(satisfying)
}

/// The aggregate in a stored row. It carries no events.
pub(crate) fn entry_of<A: Aggregate>(row: StoredRow) -> Result<Entry<A>, Error> {
    let version = row.version;
    let aggregate = RowValues::new(A::SCHEMA, row.values)
        .and_then(A::from_row)
        .map_err(|e| crate::row::corrupt(A::SCHEMA, e))?;
    Ok(Entry::loaded(aggregate, version))
}

fn compare<A: Aggregate>(listing: &Listing<A>, a: &A, b: &A) -> Ordering {
    let by_order = listing.order.iter().map(|order| {
        let ordering = a.value(order.column()).sort_compare(&b.value(order.column()));
        match order.direction() {
            Direction::Ascending => ordering,
            Direction::Descending => ordering.reverse(),
        }
    });
    let by_order = by_order.fold(Ordering::Equal, Ordering::then);
    by_order.then_with(|| a.id().uuid().cmp(&b.id().uuid()))
}
