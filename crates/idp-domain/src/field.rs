//! Handles on the fields of a record, from which specifications and sort orders are written.

use crate::{Comparison, FieldType, Predicate, Record, Specification, Timestamp, Value};
use std::fmt;
use std::marker::PhantomData;
use uuid::Uuid;

/// The field of type `T` of the record `R`. The derive gives one a field, as an associated constant
/// in upper case: `RoutePlan::STATUS`.
pub struct Field<R, T> {
    column: usize,
    _field: PhantomData<fn(R) -> T>,
}

impl<R, T> Clone for Field<R, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, T> Copy for Field<R, T> {}

impl<R: Record, T> fmt::Debug for Field<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", R::SCHEMA.name, R::SCHEMA.columns[self.column].name)
    }
}

impl<R: Record, T> Field<R, T> {
    /// The handle on the column at that index of the schema; the derive calls this.
    #[doc(hidden)]
    pub const fn new(column: usize) -> Self {
        Self { column, _field: PhantomData }
    }

    /// The index of the column in the schema.
    pub const fn column(self) -> usize {
        self.column
    }

    /// Smallest first; nulls last.
    pub fn asc(self) -> Order<R>
    where
        T: Comparable,
    {
        Order { column: self.column, direction: Direction::Ascending, _record: PhantomData }
    }

    /// Largest first; nulls first.
    pub fn desc(self) -> Order<R>
    where
        T: Comparable,
    {
        Order { column: self.column, direction: Direction::Descending, _record: PhantomData }
    }
}

/// A field type whose values can be compared, in memory and in every store alike.
#[diagnostic::on_unimplemented(
    message = "fields of type `{Self}` cannot be compared",
    label = "this field is kept as JSON, or holds a type without an order",
    note = "a specification compares numbers, text, times, ids, booleans and enums; give what you \
            search by a field of its own"
)]
pub trait Comparable: FieldType {
    /// What such a field is compared with: the type itself, without its `Option`.
    type Operand;

    /// The operand as a stored value.
    fn operand(value: Self::Operand) -> Value;
}

macro_rules! comparable {
    ($($type:ty),+) => {$(
        impl Comparable for $type {
            type Operand = Self;

            fn operand(value: Self) -> Value {
                value.to_value()
            }
        }
    )+};
}

comparable!(bool, i16, i32, i64, u8, u16, u32, f64, String, Uuid, Timestamp);

impl<T: Comparable> Comparable for Option<T> {
    type Operand = T::Operand;

    fn operand(value: T::Operand) -> Value {
        T::operand(value)
    }
}

// The bound stands at each method, so that a field without an order is refused in the words of
// `Comparable` and not as a method that is missing.
impl<R: Record, T> Field<R, T> {
    fn compare(self, comparison: Comparison, value: impl Into<T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        let operand = T::operand(value.into());
        Specification::new(Predicate::Compare(self.column, comparison, operand))
    }

    /// `field = value`
    pub fn eq(self, value: impl Into<T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        self.compare(Comparison::Equal, value)
    }

    /// `field <> value`; a row without a value does not satisfy it.
    pub fn ne(self, value: impl Into<T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        self.compare(Comparison::NotEqual, value)
    }

    /// `field < value`
    pub fn lt(self, value: impl Into<T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        self.compare(Comparison::Less, value)
    }

    /// `field <= value`
    pub fn le(self, value: impl Into<T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        self.compare(Comparison::LessOrEqual, value)
    }

    /// `field > value`
    pub fn gt(self, value: impl Into<T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        self.compare(Comparison::Greater, value)
    }

    /// `field >= value`
    pub fn ge(self, value: impl Into<T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    /// The field equals one of the values; nothing satisfies it when there are none.
    pub fn is_in(self, values: impl IntoIterator<Item = T::Operand>) -> Specification<R>
    where
        T: Comparable,
    {
        let operands = values.into_iter().map(T::operand).collect();
        Specification::new(Predicate::In(self.column, operands))
    }
}

impl<R: Record, T: FieldType> Field<R, Option<T>> {
    /// The field has no value.
    pub fn is_null(self) -> Specification<R> {
        Specification::new(Predicate::IsNull(self.column))
    }
}

/// A field that holds text.
pub trait TextField<R> {
    /// The text starts with this prefix, compared by code point: case and accents count.
    fn starts_with(self, prefix: impl Into<String>) -> Specification<R>;
}

impl<R: Record> TextField<R> for Field<R, String> {
    fn starts_with(self, prefix: impl Into<String>) -> Specification<R> {
        Specification::new(Predicate::StartsWith(self.column, prefix.into()))
    }
}

impl<R: Record> TextField<R> for Field<R, Option<String>> {
    fn starts_with(self, prefix: impl Into<String>) -> Specification<R> {
        Specification::new(Predicate::StartsWith(self.column, prefix.into()))
    }
}

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first, nulls last.
    Ascending,
    /// Largest first, nulls first.
    Descending,
}

/// One key of a sort order: a field of the record and a direction. There is no way to make one from
/// text, so text from outside cannot reach a query.
pub struct Order<R> {
    column: usize,
    direction: Direction,
    _record: PhantomData<fn(R)>,
}

impl<R> Order<R> {
    /// The index of the column in the schema.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The direction.
    pub fn direction(&self) -> Direction {
        self.direction
    }
}

impl<R> Clone for Order<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Order<R> {}

/// A key of the sort order of `R`: what lists take, so that a mix-up is named as such.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not sort `{R}`",
    label = "not a sort key of `{R}`",
    note = "sort by a field, as `{R}::PRIORITY.desc()`; map text from outside to one of the fields \
            that you allow"
)]
pub trait OrderOf<R> {
    /// The key itself.
    fn into_order(self) -> Order<R>;
}

impl<R> OrderOf<R> for Order<R> {
    fn into_order(self) -> Order<R> {
        self
    }
}
