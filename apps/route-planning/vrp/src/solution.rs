//! Reads solutions as CVRPLIB publishes them: `Route #k: i j …` lines and `Cost X`.

use crate::instance::Instance;
use crate::line::{Line, Source};
use crate::parse_error::ParseError;
use crate::plan::verify;
use crate::plan_error::PlanError;
use crate::tenths::Cost;

/// Routes and what they are said to cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The customers of each route, by [`Customer::number`](crate::Customer), in the order of the
    /// visits.
    pub routes: Vec<Vec<u32>>,
    /// The stated cost of all routes.
    pub cost: Cost,
}

impl Solution {
    /// Reads a solution of `instance` and verifies it, as [`plan`](crate::plan) would.
    ///
    /// Customers are numbered as in [`Customer::number`](crate::Customer), routes from 1 without a
    /// gap. `Cost` is needed; a colon after it and lower case are tolerated. Fails at the line that
    /// cannot be read, else at the route that is wrong, else (a customer left out, a wrong cost) at
    /// the line of the cost.
    pub fn parse(file: &str, text: &str, instance: &Instance) -> Result<Solution, ParseError> {
        let source = Source::new(file, text);
        let mut routes = Vec::new();
        let mut cost = None;
        for line in source.lines() {
            if let Some(rest) = strip_word(line.text, "Route") {
                routes.push((line, route(line, rest, routes.len() + 1)?));
            } else if let Some(rest) = strip_word(line.text, "Cost") {
                let stated = stated_cost(line, rest)?;
                if cost.replace((line, stated)).is_some() {
                    return Err(line.error("expected one cost, found a second"));
                }
            } else {
                return Err(line.expected("`Route #k: customers` or `Cost X`", line.text));
            }
        }
        let (at_cost, cost) =
            cost.ok_or_else(|| source.end().error("expected `Cost X`, found no cost in the file"))?;
        let (lines, routes): (Vec<_>, Vec<_>) = routes.into_iter().unzip();
        let solution = Solution { routes, cost };
        match verify(instance, &solution) {
            Ok(_) => Ok(solution),
            Err(error) => Err(located(&error, &lines, at_cost)),
        }
    }
}

/// The customers of `#k: i j …`, which must be route `number`.
fn route(line: Line<'_>, rest: &str, number: usize) -> Result<Vec<u32>, ParseError> {
    let expected = format!("`Route #{number}: customers`");
    let (head, customers) =
        rest.split_once(':').ok_or_else(|| line.expected(&expected, line.text))?;
    let head = head.trim();
    let stated = head.strip_prefix('#').unwrap_or(head).trim();
    if stated != number.to_string() {
        return Err(line.expected(&expected, line.text));
    }
    let customers = customers.split_whitespace();
    customers.map(|word| line.whole(word, "a customer", 0..=u32::MAX)).collect()
}

fn stated_cost(line: Line<'_>, rest: &str) -> Result<Cost, ParseError> {
    let rest = rest.trim_start();
    line.tenths(rest.strip_prefix(':').unwrap_or(rest).trim(), "a cost")
}

/// `error` at the line of its route, if it has one.
fn located(error: &PlanError, routes: &[Line<'_>], cost: Line<'_>) -> ParseError {
    let route = error.route().and_then(|route| routes.get(route as usize - 1));
    route.unwrap_or(&cost).error(error.to_string())
}

/// What follows `word`, in upper or lower case, at the beginning of `text`.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}
