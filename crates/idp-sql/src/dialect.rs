//! Where the databases differ.

use idp_domain::Kind;
use std::fmt::Write;

/// The SQL of one database.
pub trait Dialect: Send + Sync {
    /// The type of a column of that kind.
    fn column_type(&self, kind: Kind) -> &'static str;

    /// What follows the closing parenthesis of `CREATE TABLE`.
    fn table_suffix(&self) -> &'static str {
        ""
    }

    /// Writes the placeholder of the parameter with that number, from 1.
    fn placeholder(&self, number: usize, sql: &mut String) {
        write!(sql, "${number}").expect("writing to a string does not fail");
    }

    /// Whether a list of values is sent as one parameter (`= ANY($1)`) or as one each.
    fn has_arrays(&self) -> bool;

    /// Writes the condition that the text of a column starts with the parameter of that number.
    fn starts_with(&self, column: &str, number: usize, sql: &mut String);

    /// The condition that is never true.
    fn never(&self) -> &'static str {
        "FALSE"
    }
}
