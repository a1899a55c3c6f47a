//! SQL text and parameters, growing together.

use crate::parameter::Parameter;
use idp_domain::TenantId;

pub(crate) struct Builder<'c> {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter<'c>>,
    has_arms: bool,
}

impl<'c> Builder<'c> {
    /// The tenant is always the first parameter.
    pub(crate) fn for_tenant(tenant: &'c TenantId) -> Self {
        let mut parameters = Vec::with_capacity(32);
        parameters.push(Parameter::Text(tenant.as_str()));
        Self { sql: String::with_capacity(1536), parameters, has_arms: false }
    }

    pub(crate) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    pub(crate) fn push_name(&mut self, name: &str) {
        self.sql.push('"');
        self.sql.push_str(name);
        self.sql.push('"');
    }

    /// Begins the next arm of the `WITH` list; the caller closes the parenthesis.
    pub(crate) fn begin_arm(&mut self, name: &str) {
        self.sql.push_str(if self.has_arms { ",\n" } else { "WITH " });
        self.has_arms = true;
        self.sql.push_str(name);
        self.sql.push_str(" AS (");
    }

    /// Binds a parameter and writes its placeholder.
    pub(crate) fn bind(&mut self, parameter: Parameter<'c>) {
        let number = self.bind_silently(parameter);
        self.push_number(number);
    }

    /// Binds a parameter and writes its placeholder with a cast.
    pub(crate) fn bind_as(&mut self, parameter: Parameter<'c>, type_name: &str) {
        self.bind(parameter);
        self.sql.push_str("::");
        self.sql.push_str(type_name);
    }

    /// Binds an array, hidden from the planner in a sub-select. Gives the number of the parameter.
    pub(crate) fn bind_array(&mut self, values: Vec<Parameter<'c>>, type_name: &str) -> usize {
        let number = self.bind_silently(Parameter::Values(values));
        self.push("(SELECT ");
        self.push_number(number);
        self.push("::");
        self.push(type_name);
        self.push("[])");
        number
    }

    /// Writes a placeholder. There are many in a statement, and formatting is slow.
    fn push_number(&mut self, number: usize) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = number;
        while rest > 0 {
            first -= 1;
            digits[first] = b'0' + u8::try_from(rest % 10).expect("a digit is below ten");
            rest /= 10;
        }
        self.sql.push('$');
        self.sql.push_str(str::from_utf8(&digits[first..]).expect("digits are ASCII"));
    }

    fn bind_silently(&mut self, parameter: Parameter<'c>) -> usize {
        self.parameters.push(parameter);
        self.parameters.len()
    }

    /// Appends `separator` between the items that `each` appends.
    pub(crate) fn join<I: IntoIterator>(
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
