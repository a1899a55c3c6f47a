//! Collects the faults of a request, so that a client gets all of them at once.

use crate::{FieldFault, Problem};

/// Every fault that was found so far.
///
/// ```
/// # use idp_http::{Problem, Validation};
/// # fn check(demand: i64, name: &str) -> Result<(), Problem> {
/// let mut v = Validation::default();
/// v.check("demand", demand > 0, || format!("must be positive, got {demand}"));
/// v.check("name", !name.is_empty(), || "must not be empty");
/// v.finish()
/// # }
/// # assert_eq!(check(-1, "").unwrap_err().faults().len(), 2);
/// ```
#[derive(Debug, Default)]
#[must_use = "finish() says whether there were faults"]
pub struct Validation {
    faults: Vec<FieldFault>,
}

impl Validation {
    /// Records a fault of the field unless the condition holds.
    pub fn check<M: Into<String>>(
        &mut self,
        field: impl Into<String>,
        holds: bool,
        message: impl FnOnce() -> M,
    ) {
        if !holds {
            self.faults.push(FieldFault { field: field.into(), message: message().into() });
        }
    }

    /// The value, or `None` and a fault of the field with the words of the error.
    pub fn take<T, E: std::fmt::Display>(
        &mut self,
        field: impl Into<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.check(field, false, || error.to_string())).ok()
    }

    /// 422 with every fault, if there was one.
    pub fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::unprocessable(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_at_once() {
        let mut v = Validation::default();
        v.check("a", false, || "first");
        v.check("b", true, || "not a fault");
        let parsed: Option<i32> = v.take("c", "x".parse::<i32>());
        assert_eq!(parsed, None);
        let problem = v.finish().expect_err("there were faults");
        let fields: Vec<_> = problem.faults().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["a", "c"]);
        assert_eq!(problem.status().as_u16(), 422);
    }

    #[test]
    fn no_fault_is_no_problem() {
        let mut v = Validation::default();
        assert_eq!(v.take("n", "7".parse::<i32>()), Some(7));
        assert!(v.finish().is_ok());
    }
}
