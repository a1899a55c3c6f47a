//! A statement under construction: its text and its parameters.

use crate::Dialect;
use idp_domain::{Kind, Value};

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// A value of that kind, or null.
    One(Kind, Value),
    /// A list of values of that kind.
    Many(Kind, Vec<Value>),
}

/// SQL text with placeholders, and what to bind to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// The text. The same shape of query always has the same text, so that it can be prepared once.
    pub sql: String,
    /// The parameters, in the order of their numbers.
    pub params: Vec<Param>,
}

impl Statement {
    /// Appends text.
    pub fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Appends a quoted identifier. Identifiers come from derives, which admit letters, digits and
    /// underscores only; quoting keeps reserved words apart.
    pub fn push_name(&mut self, name: &str) {
        self.sql.reserve(name.len() + 2);
        self.sql.push('"');
        self.sql.push_str(name);
        self.sql.push('"');
    }

    /// Appends a placeholder and binds the parameter to it.
    pub fn bind(&mut self, dialect: &dyn Dialect, param: Param) {
        self.params.push(param);
        dialect.placeholder(self.params.len(), &mut self.sql);
    }

    /// Appends `separator` between the items that `each` appends.
    pub fn join<I: IntoIterator>(
        &mut self,
        items: I,
        separator: &str,
        mut each: impl FnMut(&mut Self, I::Item),
    ) {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            each(self, item);
        }
    }
}
