//! Without a solution, routes are built: valid, the same every time, and not absurdly long.

use crate::real::{ALL, AUGERAT, ORTEC, Real, SOLOMON};
use route_planning_vrp::{
    CONSTRUCTED_CUSTOMERS_MAX, Instance, PlanError, Route, Solution, plan, total,
};
use std::fmt::Write;

fn built(real: Real) -> (Instance, Vec<Route>) {
    let instance = Instance::parse(real.instance.name, real.instance.text).unwrap();
    let routes = plan(&instance, None).unwrap();
    (instance, routes)
}

/// Whom each route visits.
fn numbers(routes: &[Route]) -> Vec<Vec<u32>> {
    let stops = |route: &Route| route.stops.iter().map(|stop| stop.number).collect();
    routes.iter().map(stops).collect()
}

fn window(name: &str, fleet: &str, rows: &str) -> Instance {
    let text = format!("{name}\nVEHICLE\nNUMBER CAPACITY\n{fleet}\nCUSTOMER\nCUST NO.\n{rows}");
    Instance::parse(name, &text).unwrap()
}

#[test]
fn built_routes_verify_as_a_solution() {
    for real in ALL {
        let (instance, routes) = built(real);
        let solution = Solution { routes: numbers(&routes), cost: total(&routes) };
        assert_eq!(plan(&instance, Some(&solution)).unwrap(), routes);
    }
}

#[test]
fn built_routes_are_the_same_every_time() {
    for real in ALL {
        assert_eq!(built(real).1, built(real).1);
    }
}

#[test]
fn building_costs_at_most_a_tenth_more_than_the_best_known() {
    for (real, best) in [(ORTEC, 2_140_710), (AUGERAT, 7_840), (SOLOMON, 8_273)] {
        let cost = total(&built(real).1).tenths();
        assert!((best..=best * 11 / 10).contains(&cost), "{}: {cost}", real.instance.name);
    }
}

#[test]
fn savings_join_routes_until_the_capacity_is_reached() {
    let text = "NAME: row\nTYPE: CVRP\nDIMENSION: 4\nEDGE_WEIGHT_TYPE: EUC_2D\nCAPACITY: 2\n\
        NODE_COORD_SECTION\n1 0 0\n2 10 0\n3 20 0\n4 30 0\n\
        DEMAND_SECTION\n1 0\n2 1\n3 1\n4 1\nDEPOT_SECTION\n1\n-1\n";
    let routes = plan(&Instance::parse("row.vrp", text).unwrap(), None).unwrap();
    assert_eq!(numbers(&routes), [vec![1], vec![2, 3]]);
    assert_eq!(total(&routes).to_string(), "80");
}

#[test]
fn insertion_respects_windows_that_the_shortest_way_would_miss() {
    // The nearer customer opens only after the farther one has closed.
    let rows = "0 0 0 0 0 100 0\n1 10 0 1 50 60 0\n2 20 0 1 20 25 5";
    let routes = plan(&window("late", "1 10", rows), None).unwrap();
    assert_eq!(numbers(&routes), [[2, 1]]);
}

#[test]
fn insertion_makes_nobody_late_further_on() {
    // Between 1 and 3 there is time to pass by 2, but not to serve there for so long.
    let rows = "0 0 0 0 0 200 0\n1 10 0 1 0 10 0\n2 20 0 1 0 90 30\n3 30 0 1 0 40 0\n";
    let routes = plan(&window("passed", "2 10", rows), None).unwrap();
    assert_eq!(numbers(&routes), [[1, 3, 2]]);
    // To serve 3 first leaves time to reach 1, but then, after serving there, not 2.
    let rows = "0 0 0 0 0 200 0\n1 10 0 1 0 100 20\n2 20 0 1 0 45 0\n3 5 0 1 0 100 10\n";
    let routes = plan(&window("chain", "2 10", rows), None).unwrap();
    assert_eq!(numbers(&routes), [[1, 2, 3]]);
}

#[test]
fn a_customer_whom_nobody_can_reach_in_time_is_named() {
    let late = window("late", "1 10", "0 0 0 0 0 100 0\n7 10 0 1 0 9 0");
    assert_eq!(plan(&late, None), Err(PlanError::OutOfReach { customer: 7 }));
    let no_way_back = window("back", "1 10", "0 0 0 0 0 100 0\n7 10 0 1 0 95 81");
    assert_eq!(plan(&no_way_back, None), Err(PlanError::OutOfReach { customer: 7 }));
}

#[test]
fn a_fleet_that_is_too_small_is_refused() {
    let rows = "0 0 0 0 0 100 0\n1 10 0 6 0 90 0\n2 20 0 6 0 90 0";
    let refused = plan(&window("few", "1 10", rows), None);
    assert_eq!(refused, Err(PlanError::FleetExceeded { routes: 2, vehicles: 1 }));
    assert_eq!(plan(&window("two", "2 10", rows), None).unwrap().len(), 2);
}

#[test]
fn no_routes_are_built_for_more_customers_than_promised() {
    let mut rows = "0 0 0 0 0 100 0\n".to_owned();
    for number in 1..=CONSTRUCTED_CUSTOMERS_MAX + 1 {
        writeln!(rows, "{number} 1 0 1 0 90 0").unwrap();
    }
    let (customers, customers_max) = (CONSTRUCTED_CUSTOMERS_MAX + 1, CONSTRUCTED_CUSTOMERS_MAX);
    let refused = plan(&window("many", "9 9", &rows), None);
    assert_eq!(refused, Err(PlanError::TooLarge { customers, customers_max }));
}
