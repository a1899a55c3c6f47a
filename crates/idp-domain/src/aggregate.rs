//! What the domain is made of: entities, value objects, and aggregates that guard them.

use crate::{ColumnSet, DomainEvent, EntityId, Pending, Record};
use std::fmt::Debug;

/// Something with an identity that stays while its state changes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no identity",
    label = "not an entity",
    note = "derive `Aggregate` for it; an aggregate has an `id` of a type made by `entity_id!`"
)]
pub trait Entity {
    /// The type of its identity.
    type Id: EntityId;

    /// Its identity.
    fn id(&self) -> Self::Id;
}

/// Something that is nothing but its values: two with equal values are the same.
/// Derived with `ValueObject`, which also gives it its stored form.
pub trait ValueObject: Clone + PartialEq + Debug {}

/// The root of a cluster of objects that change together, under its rules, in one unit of work.
///
/// Derived, never written by hand. What changes goes through the methods of the type; each raises
/// the events that say what happened. An aggregate that was loaded from a store carries no events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "derive `Aggregate` for `{Self}`"
)]
pub trait Aggregate: Record + Entity {
    /// What it tells the world.
    type Event: DomainEvent;

    /// The events raised and not yet written.
    fn pending(&self) -> &Pending<Self::Event>;

    /// The same, to be taken by the unit of work.
    fn pending_mut(&mut self) -> &mut Pending<Self::Event>;

    /// The columns whose fields differ from those of `before`.
    fn changed_since(&self, before: &Self) -> ColumnSet;
}
