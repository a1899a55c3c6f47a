//! The real instances are read as published, and their solutions cost exactly what they state.

use crate::real::{ALL, AUGERAT, ORTEC, Real, SOLOMON};
use route_planning_vrp::{Instance, Kind, Point, Route, Solution, Tenths, plan, total};

fn read(real: Real) -> Instance {
    Instance::parse(real.instance.name, real.instance.text).unwrap()
}

/// Routes, stops and cost.
fn solved(real: Real) -> (usize, usize, String) {
    let instance = read(real);
    let solution = Solution::parse(real.solution.name, real.solution.text, &instance).unwrap();
    let routes = plan(&instance, Some(&solution)).unwrap();
    assert_eq!(total(&routes), solution.cost);
    summary(&routes)
}

fn summary(routes: &[Route]) -> (usize, usize, String) {
    let stops = routes.iter().map(|route| route.stops.len()).sum();
    (routes.len(), stops, total(routes).to_string())
}

#[test]
fn the_grocery_day_of_ortec_costs_what_its_solution_states() {
    assert_eq!(solved(ORTEC), (21, 322, "214071".to_owned()));
}

#[test]
fn augerats_instance_costs_what_its_solution_states() {
    assert_eq!(solved(AUGERAT), (5, 31, "784".to_owned()));
}

#[test]
fn solomons_instance_costs_what_its_solution_states_to_the_tenth() {
    assert_eq!(solved(SOLOMON), (10, 100, "827.3".to_owned()));
}

#[test]
fn an_instance_with_a_matrix_is_read_in_full() {
    let instance = read(ORTEC);
    assert_eq!(instance.name(), "ORTEC-n323-k21");
    assert_eq!(instance.kind(), Kind::Capacitated);
    assert_eq!((instance.capacity(), instance.vehicles()), (100, None));
    assert_eq!((instance.depot().node, instance.depot().at), (1, Point { x: 409.0, y: 884.0 }));
    let last = instance.customers().last().unwrap();
    assert_eq!((last.number, last.node, last.demand, last.window), (322, 323, 5, None));
    assert_eq!(last.at, Point { x: 440.0, y: 437.0 });
}

#[test]
fn an_instance_with_time_windows_is_read_in_full() {
    let instance = read(SOLOMON);
    assert_eq!(instance.name(), "C101");
    assert_eq!(instance.kind(), Kind::TimeWindows);
    assert_eq!((instance.capacity(), instance.vehicles()), (200, Some(25)));
    assert_eq!(instance.depot().window.unwrap().due, Tenths::from_tenths(12_360));
    let third = instance.find(3).unwrap();
    let window = third.window.unwrap();
    assert_eq!((third.node, third.at, third.demand), (3, Point { x: 42.0, y: 66.0 }, 10));
    let times = [window.ready, window.due, window.service].map(|time| time.to_string());
    assert_eq!(times, ["65", "146", "90"]);
}

#[test]
fn line_ends_do_not_matter() {
    for real in ALL {
        let unix = real.instance.text.replace("\r\n", "\n");
        let dos = unix.replace('\n', "\r\n");
        let customers = |text: &str| Instance::parse("x", text).unwrap().customers().to_vec();
        assert_eq!(customers(&unix), customers(&dos));
    }
}

#[test]
fn looser_spellings_are_read_alike() {
    let loose = AUGERAT
        .instance
        .text
        .replace(" : ", ":")
        .replace("CAPACITY:100", "CAPACITY:1.0e2")
        .replace(" 2 96 44", "2 96.0 4.4E1")
        .replace("DEMAND_SECTION", "DEMAND_SECTION:")
        .replace("EOF", "");
    let loose = Instance::parse("A-n32-k5.vrp", &loose).unwrap();
    assert_eq!(loose.customers(), read(AUGERAT).customers());
    let solution = "route 1 : 21 31 19 17 13 7 26";
    let solution = AUGERAT.solution.text.replace("Route #1: 21 31 19 17 13 7 26", solution);
    let solution = solution.replace("Cost 784", "cost: 784.0\r\n");
    Solution::parse("A-n32-k5.sol", &solution, &loose).unwrap();
}

#[test]
fn a_depot_in_the_middle_is_left_out_when_customers_are_numbered() {
    let text = "NAME: middle\nTYPE: CVRP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EUC_2D\nCAPACITY: 9\n\
        NODE_COORD_SECTION\n3 0 9\n1 0 5\n2 0 0\nDEMAND_SECTION\n1 4\n2 0\n3 5\nDEPOT_SECTION\n2\n-1\n";
    let instance = Instance::parse("middle.vrp", text).unwrap();
    let numbers = instance.customers().iter().map(|customer| (customer.number, customer.node));
    assert_eq!(numbers.collect::<Vec<_>>(), [(1, 1), (2, 3)]);
    assert_eq!(instance.depot().node, 2);
    Solution::parse("middle.sol", "Route #1: 2 1\nCost 18", &instance).unwrap();
}
