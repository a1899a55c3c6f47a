//! Every way in which a solution can be wrong is refused with its file, its line and the numbers at
//! odds.

use crate::real::{AUGERAT, Real, SOLOMON};
use route_planning_vrp::{Instance, PlanError, Solution, Tenths, plan};

/// The error of the solution of `real` after `from` was replaced by `to`, once.
#[track_caller]
fn refusal(real: Real, from: &str, to: &str) -> String {
    assert!(real.solution.text.contains(from), "{from:?} is not in {}", real.solution.name);
    let instance = Instance::parse(real.instance.name, real.instance.text).unwrap();
    let text = real.solution.text.replacen(from, to, 1);
    Solution::parse(real.solution.name, &text, &instance).unwrap_err().to_string()
}

#[track_caller]
fn augerat(from: &str, to: &str) -> String {
    refusal(AUGERAT, from, to)
}

#[track_caller]
fn solomon(from: &str, to: &str) -> String {
    refusal(SOLOMON, from, to)
}

#[test]
fn an_unknown_customer() {
    assert_eq!(
        augerat("27 24", "27 32"),
        "A-n32-k5.sol:3: route 3 visits customer 32, who is not in the instance"
    );
    assert_eq!(
        solomon("13 17", "0 17"),
        "C101.sol:2: route 2 visits customer 0, who is not in the instance"
    );
}

#[test]
fn a_customer_served_twice() {
    assert_eq!(augerat("27 24", "27 24 27"), "A-n32-k5.sol:3: route 3 visits customer 27 twice");
    assert_eq!(
        augerat("27 24", "27 24 12"),
        "A-n32-k5.sol:3: route 3 visits customer 12, whom route 2 visits, too"
    );
}

#[test]
fn a_customer_not_served_at_all() {
    assert_eq!(augerat("27 24", "27"), "A-n32-k5.sol:6: no route visits customer 24");
    assert_eq!(
        augerat("Route #5: 14 28 11 4 23 3 2 6\n", ""),
        "A-n32-k5.sol:5: no route visits 8 of the customers, the first is 2"
    );
    assert_eq!(
        augerat("27 24", ""),
        "A-n32-k5.sol:6: no route visits 2 of the customers, the first is 24"
    );
}

#[test]
fn a_route_over_capacity() {
    assert_eq!(
        augerat("7 26\nRoute #2: 12 1", "7 26 12\nRoute #2: 1"),
        "A-n32-k5.sol:1: route 1 has load 119, over the capacity 100"
    );
}

#[test]
fn a_time_window_violated() {
    assert_eq!(
        solomon("5 3 7 8", "5 7 3 8"),
        "C101.sol:1: route 1 arrives at customer 3 at 262, due 146"
    );
    let instance = "late\nVEHICLE\nNUMBER CAPACITY\n1 9\nCUSTOMER\nCUST NO.\n\
        0 0 0 0 0 20 0\n1 9 0 1 0 9 3\n";
    let instance = Instance::parse("late.txt", instance).unwrap();
    let error = Solution::parse("late.sol", "Route #1: 1\nCost 18", &instance).unwrap_err();
    assert_eq!(error.to_string(), "late.sol:1: route 1 is back at the depot at 21, due 20");
}

#[test]
fn arriving_on_the_last_moment_is_on_time() {
    let instance = "just\nVEHICLE\nNUMBER CAPACITY\n1 9\nCUSTOMER\nCUST NO.\n\
        0 0 0 0 0 20 0\n1 9 0 1 0 9 2\n";
    let instance = Instance::parse("just.txt", instance).unwrap();
    Solution::parse("just.sol", "Route #1: 1\nCost 18", &instance).unwrap();
}

#[test]
fn more_routes_than_vehicles() {
    let instance = "few\nVEHICLE\nNUMBER CAPACITY\n1 9\nCUSTOMER\nCUST NO.\n\
        0 0 0 0 0 99 0\n1 9 0 1 0 9 2\n2 9 0 1 0 9 2\n";
    let instance = Instance::parse("few.txt", instance).unwrap();
    let error = Solution::parse("few.sol", "Route #1: 1\nRoute #2: 2\nCost 36", &instance);
    let wanted = "few.sol:3: 2 routes need more than the 1 vehicles there are";
    assert_eq!(error.unwrap_err().to_string(), wanted);
}

#[test]
fn a_cost_that_is_missing_or_given_twice_or_no_number() {
    assert_eq!(
        augerat("Cost 784", ""),
        "A-n32-k5.sol:6: expected `Cost X`, found no cost in the file"
    );
    assert_eq!(
        augerat("Cost 784", "Cost 784\nCost 784"),
        "A-n32-k5.sol:7: expected one cost, found a second"
    );
    for cost in ["784.25", "NaN", "inf", "-784", "x", "784 785"] {
        assert_eq!(
            augerat("Cost 784", &format!("Cost {cost}")),
            format!(
                "A-n32-k5.sol:6: expected a cost from 0 to a billion with at most one decimal, found `{cost}`"
            )
        );
    }
}

#[test]
fn a_cost_that_the_routes_do_not_have() {
    assert_eq!(
        augerat("Cost 784", "Cost 783"),
        "A-n32-k5.sol:6: the routes cost 784, but the stated cost is 783"
    );
    assert_eq!(
        solomon("827.3", "827.4"),
        "C101.sol:11: the routes cost 827.3, but the stated cost is 827.4"
    );
    assert!(augerat("12 1 16 30", "1 12 16 30").contains("but the stated cost is 784"));
}

#[test]
fn lines_that_are_no_part_of_a_solution() {
    assert_eq!(
        augerat("Route #3:", "Tour #3:"),
        "A-n32-k5.sol:3: expected `Route #k: customers` or `Cost X`, found `Tour #3: 27 24`"
    );
    for to in ["Route #4:", "Route #0:", "Route #:", "Route #x:", "Route #3", "Route"] {
        let error = augerat("Route #3:", to);
        assert!(
            error.starts_with("A-n32-k5.sol:3: expected `Route #3: customers`, found `Route"),
            "{error}"
        );
    }
    assert_eq!(
        augerat("27 24", "27 2x"),
        "A-n32-k5.sol:3: expected a customer from 0 to 4294967295, found `2x`"
    );
    assert_eq!(
        augerat("Cost", "Route #6:\nCost"),
        "A-n32-k5.sol:6: expected at least one customer in route 6, found none"
    );
}

#[test]
fn a_plan_trusts_no_solution_that_was_not_read_for_its_instance() {
    let instance = Instance::parse(AUGERAT.instance.name, AUGERAT.instance.text).unwrap();
    let forged = |routes: &[&[u32]]| Solution {
        routes: routes.iter().map(|route| route.to_vec()).collect(),
        cost: Tenths::ZERO,
    };
    let refused = |routes: &[&[u32]]| plan(&instance, Some(&forged(routes))).unwrap_err();
    assert_eq!(refused(&[]), PlanError::NotServed { customer: 1, customers: 31 });
    assert_eq!(refused(&[&[1], &[99]]), PlanError::UnknownCustomer { route: 2, customer: 99 });
    let everyone = (1..=31).collect::<Vec<_>>();
    assert_eq!(refused(&[&everyone, &[]]).route(), Some(1));
    assert_eq!(refused(&[&[], &everyone]), PlanError::EmptyRoute { route: 1 });
}
