//! The condition of a specification, free of Rust types: what stores translate.

use crate::{Comparison::*, Value};
use std::cmp::Ordering;

/// How a column is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Whether the comparison holds for operands in that order.
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Equal => ordering.is_eq(),
            NotEqual => ordering.is_ne(),
            Less => ordering.is_lt(),
            LessOrEqual => ordering.is_le(),
            Greater => ordering.is_gt(),
            GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A condition over the columns of one table.
///
/// Its logic is that of SQL: three-valued. A comparison with a null is *unknown*, `Not` keeps
/// unknown, and a row satisfies the predicate only when the result is *true*.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// Always true.
    True,
    /// The column at that index compares so with the value.
    Compare(usize, Comparison, Value),
    /// The column equals one of the values; false when there are none.
    In(usize, Vec<Value>),
    /// The column is null. Never unknown.
    IsNull(usize),
    /// The text of the column starts with this text.
    StartsWith(usize, String),
    /// All of them hold.
    And(Vec<Predicate>),
    /// At least one of them holds.
    Or(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
}

impl Predicate {
    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, one) | (one, Self::True) => one,
            (Self::And(mut all), one) => {
                all.push(one);
                Self::And(all)
            }
            (one, other) => Self::And(vec![one, other]),
        }
    }

    /// At least one holds.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Or(mut any), one) => {
                any.push(one);
                Self::Or(any)
            }
            (one, other) => Self::Or(vec![one, other]),
        }
    }

    /// Whether a row satisfies the predicate; `None` is SQL's *unknown*. `value` gives the value of
    /// the column at an index.
    pub fn evaluate(&self, value: &dyn Fn(usize) -> Value) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::Compare(column, comparison, operand) => {
                value(*column).compare(operand).map(|ordering| comparison.holds(ordering))
            }
            Self::In(column, operands) => {
                let found = value(*column);
                any(operands.iter().map(|operand| found.compare(operand).map(Ordering::is_eq)))
            }
            Self::IsNull(column) => Some(value(*column).is_null()),
            Self::StartsWith(column, prefix) => match value(*column) {
                Value::Text(text) => Some(text.starts_with(prefix.as_str())),
                _ => None,
            },
            Self::And(all) => {
                any(all.iter().map(|one| one.evaluate(value).map(|b| !b))).map(|b| !b)
            }
            Self::Or(some) => any(some.iter().map(|one| one.evaluate(value))),
            Self::Not(one) => one.evaluate(value).map(|b| !b),
        }
    }

    /// Calls `visit` with every value that the predicate compares with, and its column.
    pub fn for_each_value(&self, visit: &mut dyn FnMut(usize, &Value)) {
        match self {
            Self::True | Self::IsNull(_) => {}
            Self::Compare(column, _, value) => visit(*column, value),
            Self::In(column, values) => values.iter().for_each(|value| visit(*column, value)),
            Self::StartsWith(column, prefix) => visit(*column, &Value::Text(prefix.clone())),
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().for_each(|part| part.for_each_value(visit));
            }
            Self::Not(part) => part.for_each_value(visit),
        }
    }
}

/// Kleene's disjunction: true when one is true, else unknown when one is unknown.
fn any(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut outcome = Some(false);
    for result in results {
        match result {
            Some(true) => return Some(true),
            Some(false) => {}
            None => outcome = None,
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_one(column: usize) -> Predicate {
        Predicate::Compare(column, Equal, Value::Int(1))
    }

    fn check(predicate: &Predicate, expected: Option<bool>) {
        let row = [Value::Int(1), Value::Null, Value::Int(2)];
        assert_eq!(predicate.evaluate(&|column| row[column].clone()), expected, "{predicate:?}");
    }

    #[test]
    fn unknown_spreads_as_in_sql() {
        check(&is_one(1), None);
        check(&Predicate::Not(Box::new(is_one(1))), None);
        check(&is_one(0).and(is_one(1)), None);
        check(&is_one(2).and(is_one(1)), Some(false));
        check(&is_one(0).or(is_one(1)), Some(true));
        check(&is_one(2).or(is_one(1)), None);
        check(&Predicate::IsNull(1), Some(true));
    }

    #[test]
    fn a_value_is_in_no_empty_list() {
        check(&Predicate::In(0, vec![]), Some(false));
        check(&Predicate::In(1, vec![Value::Int(1)]), None);
        check(&Predicate::In(0, vec![Value::Int(3), Value::Int(1)]), Some(true));
    }
}
