//! A rule about a record that is written once and answered both in memory and by every store.

use crate::{Predicate, Record};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

/// A condition over the fields of `R` (Evans and Fowler, *Specifications*, 1997).
///
/// ```
/// # use idp_domain::{Aggregate, DomainEvent, Pending, entity_id};
/// # entity_id! { pub struct DoorId; }
/// # #[derive(DomainEvent, Clone, Debug)]
/// # pub enum DoorEvent { #[event(name = "door.opened")] Opened }
/// #[derive(Aggregate, Clone, Debug)]
/// #[aggregate(name = "door")]
/// pub struct Door {
///     id: DoorId,
///     floor: i32,
///     label: Option<String>,
///     events: Pending<DoorEvent>,
/// }
///
/// let upstairs_unnamed = Door::FLOOR.gt(0) & Door::LABEL.is_null();
/// # use idp_domain::{EntityId, Uuid};
/// let door =
///     Door { id: DoorId::from_uuid(Uuid::nil()), floor: 2, label: None, events: Pending::none() };
/// assert!(upstairs_unnamed.is_satisfied_by(&door));
/// ```
pub struct Specification<R> {
    predicate: Predicate,
    _record: PhantomData<fn(R)>,
}

impl<R> Clone for Specification<R> {
    fn clone(&self) -> Self {
        Self::new(self.predicate.clone())
    }
}

impl<R> fmt::Debug for Specification<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.predicate.fmt(f)
    }
}

impl<R> Specification<R> {
    pub(crate) fn new(predicate: Predicate) -> Self {
        Self { predicate, _record: PhantomData }
    }

    /// Every record satisfies it.
    pub fn all() -> Self {
        Self::new(Predicate::True)
    }

    /// The condition, as stores translate it.
    pub fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    /// The condition, taken out.
    pub fn into_predicate(self) -> Predicate {
        self.predicate
    }
}

impl<R: Record> Specification<R> {
    /// Whether the record satisfies it. A comparison with a missing value satisfies nothing, nor
    /// does its negation: the logic is that of SQL.
    pub fn is_satisfied_by(&self, record: &R) -> bool {
        self.predicate.evaluate(&|column| record.value(column)) == Some(true)
    }
}

/// A specification of `R`: what the operators take on their right, so that a mix-up of two records
/// is named as such.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing about `{R}`",
    label = "not a specification of `{R}`",
    note = "a specification can only use fields of one record: write it with the fields of `{R}`, \
            as `{R}::STATUS.eq(…)`"
)]
pub trait SpecificationOf<R> {
    /// The specification itself.
    fn into_specification(self) -> Specification<R>;
}

impl<R> SpecificationOf<R> for Specification<R> {
    fn into_specification(self) -> Specification<R> {
        self
    }
}

impl<R, S: SpecificationOf<R>> BitAnd<S> for Specification<R> {
    type Output = Self;

    fn bitand(self, other: S) -> Self {
        Self::new(self.predicate.and(other.into_specification().predicate))
    }
}

impl<R, S: SpecificationOf<R>> BitOr<S> for Specification<R> {
    type Output = Self;

    fn bitor(self, other: S) -> Self {
        Self::new(self.predicate.or(other.into_specification().predicate))
    }
}

impl<R> Not for Specification<R> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(Predicate::Not(Box::new(self.predicate)))
    }
}
