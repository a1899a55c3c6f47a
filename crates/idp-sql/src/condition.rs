//! Predicates as SQL conditions.

use crate::{Dialect, Param, Statement};
use idp_domain::{Comparison, Predicate, TableSchema, Value};

/// Appends the condition of a predicate over a table.
pub fn render_condition(
    statement: &mut Statement,
    dialect: &dyn Dialect,
    table: &TableSchema,
    predicate: &Predicate,
) {
    match predicate {
        Predicate::True => statement.push("1 = 1"),
        Predicate::Compare(column, comparison, value) => {
            statement.push_name(table.columns[*column].name);
            statement.push(operator(*comparison));
            statement.bind(dialect, one(table, *column, value));
        }
        Predicate::In(column, values) => membership(statement, dialect, table, *column, values),
        Predicate::IsNull(column) => {
            statement.push_name(table.columns[*column].name);
            statement.push(" IS NULL");
        }
        Predicate::StartsWith(column, prefix) => {
            let value = Value::Text(prefix.clone());
            statement.params.push(one(table, *column, &value));
            let name = format!("\"{}\"", table.columns[*column].name);
            dialect.starts_with(&name, statement.params.len(), &mut statement.sql);
        }
        Predicate::And(parts) => group(statement, dialect, table, parts, " AND "),
        Predicate::Or(parts) => group(statement, dialect, table, parts, " OR "),
        Predicate::Not(part) => {
            statement.push("NOT (");
            render_condition(statement, dialect, table, part);
            statement.push(")");
        }
    }
}

/// The SQL operator of a comparison, with blanks around it.
pub(crate) fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => " = ",
        Comparison::NotEqual => " <> ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
    }
}

fn one(table: &TableSchema, column: usize, value: &Value) -> Param {
    Param::One(table.columns[column].kind, value.clone())
}

fn membership(
    statement: &mut Statement,
    dialect: &dyn Dialect,
    table: &TableSchema,
    column: usize,
    values: &[Value],
) {
    if values.is_empty() {
        statement.push(dialect.never());
        return;
    }
    statement.push_name(table.columns[column].name);
    if dialect.has_arrays() {
        statement.push(" = ANY(");
        statement.bind(dialect, Param::Many(table.columns[column].kind, values.to_vec()));
    } else {
        statement.push(" IN (");
        statement.join(values, ", ", |statement, value| {
            statement.bind(dialect, one(table, column, value));
        });
    }
    statement.push(")");
}

fn group(
    statement: &mut Statement,
    dialect: &dyn Dialect,
    table: &TableSchema,
    parts: &[Predicate],
    separator: &str,
) {
    statement.push("(");
    statement.join(parts, separator, |statement, part| {
        render_condition(statement, dialect, table, part);
    });
    statement.push(")");
}
