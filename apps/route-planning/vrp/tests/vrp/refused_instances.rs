//! Every way in which an instance can be wrong is refused with its file, its line and what was
//! expected.

use crate::real::{AUGERAT, File, ORTEC, SOLOMON};
use route_planning_vrp::Instance;

/// The error of `file` after `from` was replaced by `to`, once.
#[track_caller]
fn refusal(file: File, from: &str, to: &str) -> String {
    assert!(file.text.contains(from), "{from:?} is not in {}", file.name);
    let text = file.text.replacen(from, to, 1);
    Instance::parse(file.name, &text).unwrap_err().to_string()
}

#[track_caller]
fn augerat(from: &str, to: &str) -> String {
    refusal(AUGERAT.instance, from, to)
}

#[track_caller]
fn ortec(from: &str, to: &str) -> String {
    refusal(ORTEC.instance, from, to)
}

#[track_caller]
fn solomon(from: &str, to: &str) -> String {
    refusal(SOLOMON.instance, from, to)
}

#[test]
fn text_of_neither_format() {
    let wanted = "expected a VRPLIB file (NAME, TYPE, DIMENSION, ...) or a Solomon file (VEHICLE, CUSTOMER), found neither";
    for text in ["", "\n", "hello", "{\"name\": 1}"] {
        let error = Instance::parse("x", text).unwrap_err();
        assert_eq!(error.to_string(), format!("x:1: {wanted}"));
        assert_eq!((error.file(), error.line(), error.problem()), ("x", 1, wanted));
    }
}

#[test]
fn a_dimension_that_does_not_match_the_nodes() {
    assert_eq!(
        augerat("DIMENSION : 32", "DIMENSION : 33"),
        "A-n32-k5.vrp:39: expected the coordinates of 33 nodes (DIMENSION), found 32: node 33 is missing"
    );
    assert_eq!(
        augerat("DIMENSION : 32", "DIMENSION : 31"),
        "A-n32-k5.vrp:39: expected a node within DIMENSION, from 1 to 31, found `32`"
    );
    assert_eq!(
        ortec("DIMENSION : 323", "DIMENSION : 324"),
        "ORTEC-n323-k21.vrp:331: expected 52326 weights (LOWER_ROW of 324 nodes), found 52003"
    );
}

#[test]
fn an_absurd_dimension_costs_no_memory() {
    for absurd in ["100001", "1", "0", "-3", "3.5", "NaN", "inf", "1e300", "many"] {
        assert_eq!(
            ortec("DIMENSION : 323", &format!("DIMENSION : {absurd}")),
            format!(
                "ORTEC-n323-k21.vrp:4: expected a DIMENSION from 2 to 100000, found `{absurd}`"
            )
        );
    }
    assert_eq!(
        ortec("DIMENSION : 323", "DIMENSION : 100000"),
        "ORTEC-n323-k21.vrp:331: expected 4999950000 weights (LOWER_ROW of 100000 nodes), found 52003"
    );
}

#[test]
fn a_missing_key() {
    for (key, line) in [
        ("NAME", "NAME : A-n32-k5\n"),
        ("TYPE", "TYPE : CVRP\n"),
        ("DIMENSION", "DIMENSION : 32\n"),
        ("EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_TYPE : EUC_2D \n"),
        ("CAPACITY", "CAPACITY : 100\n"),
    ] {
        let wanted = format!("A-n32-k5.vrp:75: expected `{key} : value`, found none in the file");
        assert_eq!(augerat(line, ""), wanted);
    }
    assert_eq!(
        augerat(" : A-n32-k5", " :"),
        "A-n32-k5.vrp:1: expected a value of NAME, found nothing"
    );
}

#[test]
fn a_missing_section() {
    for name in ["NODE_COORD_SECTION", "DEMAND_SECTION", "DEPOT_SECTION"] {
        let start = AUGERAT.instance.text.find(name).unwrap();
        let rest = &AUGERAT.instance.text[start + name.len()..];
        let end =
            rest.find("_SECTION").map_or(rest.len(), |end| rest[..end].rfind('\n').unwrap() + 1);
        let section = &AUGERAT.instance.text[start..start + name.len() + end];
        let error = augerat(section, "");
        assert!(
            error.ends_with(&format!(": expected the section {name}, found none in the file")),
            "{error}"
        );
    }
    let error = ortec("EDGE_WEIGHT_SECTION\n", "DISPLAY_DATA_SECTION\n");
    assert_eq!(
        error,
        "ORTEC-n323-k21.vrp:983: expected the section EDGE_WEIGHT_SECTION, found none in the file"
    );
}

#[test]
fn what_is_given_twice() {
    assert_eq!(
        augerat("CAPACITY : 100\n", "CAPACITY : 100\nCAPACITY : 200\n"),
        "A-n32-k5.vrp:7: expected one CAPACITY, found a second (the first is on line 6)"
    );
    assert_eq!(
        augerat("DEPOT_SECTION", "DEMAND_SECTION"),
        "A-n32-k5.vrp:73: expected one DEMAND_SECTION, found a second (the first is on line 40)"
    );
    assert_eq!(
        augerat(" 3 50 5\n", " 2 50 5\n"),
        "A-n32-k5.vrp:10: expected the coordinates of node 2 once, found a second (the first is on line 9)"
    );
    assert_eq!(
        augerat("\n3 21 \n", "\n2 21 \n"),
        "A-n32-k5.vrp:43: expected the demand of node 2 once, found a second (the first is on line 42)"
    );
    assert_eq!(
        solomon("    2      45         70", "    1      45         70"),
        "C101.txt:12: expected customer 1 once, found a second (the first is on line 11)"
    );
    assert_eq!(
        solomon("    2      45         70", "    0      45         70"),
        "C101.txt:12: expected customer 0 once, found a second (the first is on line 10)"
    );
}

#[test]
fn a_demand_that_no_vehicle_can_meet() {
    assert_eq!(
        augerat("\n3 21 \n", "\n"),
        "A-n32-k5.vrp:71: expected the demand of 32 nodes (DIMENSION), found 31: node 3 is missing"
    );
    for demand in ["-1", "101", "2.5", "NaN", "x"] {
        assert_eq!(
            augerat("\n3 21 \n", &format!("\n3 {demand}\n")),
            format!("A-n32-k5.vrp:43: expected a demand from 0 to 100, found `{demand}`")
        );
    }
    assert_eq!(
        augerat("\n3 21 \n", "\n3\n"),
        "A-n32-k5.vrp:43: expected 2 numbers (node, demand), found 1"
    );
    assert_eq!(
        solomon("45         68         10", "45         68        201"),
        "C101.txt:11: expected a demand from 0 to 200, found `201`"
    );
}

#[test]
fn a_depot_with_a_demand() {
    assert_eq!(
        augerat("\n1 0 \n", "\n1 7 \n"),
        "A-n32-k5.vrp:41: expected demand 0 at the depot 1, found `7`"
    );
    assert_eq!(
        augerat("DEPOT_SECTION \n 1  ", "DEPOT_SECTION \n 2  "),
        "A-n32-k5.vrp:42: expected demand 0 at the depot 2, found `19`"
    );
    assert_eq!(
        solomon("40         50          0", "40         50          1"),
        "C101.txt:10: expected demand 0 at the depot, found `1`"
    );
}

#[test]
fn depots_that_are_not_one() {
    let depots = "DEPOT_SECTION \n 1  \n -1  \n";
    for (to, wanted) in [
        ("DEPOT_SECTION\n", "73: expected a depot, found nothing"),
        ("DEPOT_SECTION\n33\n-1\n", "74: expected a depot from 1 to 32, found `33`"),
        ("DEPOT_SECTION\n-1\n", "74: expected a depot from 1 to 32, found `-1`"),
        (
            "DEPOT_SECTION\n1\n2\n-1\n",
            "75: expected -1 after the depot (several depots are unsupported), found `2`",
        ),
        (
            "DEPOT_SECTION\n1\n",
            "74: expected -1 after the depot (several depots are unsupported), found nothing",
        ),
        ("DEPOT_SECTION\n1 -1 2\n", "74: expected nothing after the -1 of the depots, found `2`"),
    ] {
        assert_eq!(augerat(depots, to), format!("A-n32-k5.vrp:{wanted}"));
    }
    assert_eq!(
        solomon("    0      40 ", "    9      40 "),
        "C101.txt:10: expected the depot, customer 0, first, found `9`"
    );
}

#[test]
fn weights_too_few_or_too_many_or_not_numbers() {
    assert_eq!(
        ortec("3140\n3183 4224\n", "3140\n4224\n"),
        "ORTEC-n323-k21.vrp:331: expected 52003 weights (LOWER_ROW of 323 nodes), found 52002"
    );
    assert_eq!(
        ortec("3140\n3183 4224\n", "3140\n3183 4224 7\n"),
        "ORTEC-n323-k21.vrp:331: expected 52003 weights (LOWER_ROW of 323 nodes), found more"
    );
    for weight in ["NaN", "inf", "-1", "1e10", "0.25", "x"] {
        assert_eq!(
            ortec("\n3140\n", &format!("\n{weight}\n")),
            format!(
                "ORTEC-n323-k21.vrp:10: expected a weight from 0 to a billion with at most one decimal, found `{weight}`"
            )
        );
    }
}

#[test]
fn kinds_that_are_not_supported_are_told_from_those_that_are() {
    assert_eq!(
        augerat("TYPE : CVRP", "TYPE : TSP"),
        "A-n32-k5.vrp:3: expected TYPE CVRP, found `TSP`"
    );
    assert_eq!(
        augerat("EUC_2D", "GEO"),
        "A-n32-k5.vrp:5: expected EDGE_WEIGHT_TYPE EUC_2D or EXPLICIT, found `GEO`"
    );
    assert_eq!(
        ortec("LOWER_ROW", "FULL_MATRIX"),
        "ORTEC-n323-k21.vrp:6: expected EDGE_WEIGHT_FORMAT LOWER_ROW, found `FULL_MATRIX`"
    );
    assert_eq!(
        augerat("CAPACITY : 100", "DISTANCE : 200\nCAPACITY : 100"),
        "A-n32-k5.vrp:6: expected no DISTANCE: limits on the length of a route are unsupported"
    );
    assert_eq!(
        augerat("DEPOT_SECTION", "TIME_WINDOW_SECTION"),
        "A-n32-k5.vrp:73: expected one of NODE_COORD_SECTION, DEMAND_SECTION, DEPOT_SECTION, \
         EDGE_WEIGHT_SECTION, DISPLAY_DATA_SECTION, found `TIME_WINDOW_SECTION`"
    );
}

#[test]
fn coordinates_that_are_no_place() {
    for x in ["NaN", "inf", "-inf", "1e10", "x"] {
        assert_eq!(
            augerat(" 2 96 44", &format!(" 2 {x} 44")),
            format!(
                "A-n32-k5.vrp:9: expected a coordinate x within a billion of zero, found `{x}`"
            )
        );
    }
    assert_eq!(
        augerat(" 2 96 44", " 2 96"),
        "A-n32-k5.vrp:9: expected 3 numbers (node, x, y), found 2"
    );
}

#[test]
fn a_capacity_of_nothing() {
    for capacity in ["0", "-100", "NaN", "5000000000"] {
        assert_eq!(
            augerat("CAPACITY : 100", &format!("CAPACITY : {capacity}")),
            format!("A-n32-k5.vrp:6: expected a CAPACITY from 1 to 4294967295, found `{capacity}`")
        );
    }
    assert_eq!(
        solomon("25         200", "25         0"),
        "C101.txt:5: expected a capacity from 1 to 4294967295, found `0`"
    );
    assert_eq!(
        solomon("25         200", "25"),
        "C101.txt:5: expected 2 numbers (vehicles, capacity), found 1"
    );
}

#[test]
fn a_row_that_lacks_a_number() {
    let row = "    4      42         68         10        727        782         90";
    assert_eq!(
        solomon(row, "    4      42         68         10        727        782"),
        "C101.txt:14: expected 7 numbers (customer, x, y, demand, ready, due, service), found 6"
    );
}

#[test]
fn a_window_that_closes_before_it_opens() {
    assert_eq!(
        solomon("912        967", "967        912"),
        "C101.txt:11: expected a due date not before the ready time 967, found `912`"
    );
    assert_eq!(
        solomon("912        967", "912.25     967"),
        "C101.txt:11: expected a ready time from 0 to a billion with at most one decimal, found `912.25`"
    );
}

#[test]
fn a_solomon_file_out_of_order() {
    assert_eq!(
        solomon("C101", ""),
        "C101.txt:3: expected the name of the instance, found `VEHICLE`"
    );
    assert_eq!(solomon("VEHICLE", ""), "C101.txt:4: expected VEHICLE, found `NUMBER     CAPACITY`");
    assert_eq!(solomon("CUSTOMER", "CLIENT"), "C101.txt:7: expected CUSTOMER, found `CLIENT`");
    let depot = "    0      40         50          0          0       1236          0";
    let end = SOLOMON.instance.text.find(depot).unwrap() + depot.len();
    let error = Instance::parse("C101.txt", &SOLOMON.instance.text[..end]).unwrap_err();
    assert_eq!(error.to_string(), "C101.txt:10: expected a customer, found the end of the file");
}
