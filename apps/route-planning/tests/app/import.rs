//! Instances become plans.

use crate::sample::{ann, application, somebody_of};
use idp::prelude::*;
use route_planning::application::RoutePlans;
use route_planning::import::{InstanceFiles, SolvedInstance, store_plans};
use route_planning_domain::RoutePlan;
use std::path::PathBuf;

fn data(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(file)
}

fn files(instance: &str, solution: &str) -> InstanceFiles {
    InstanceFiles { instance: data(instance), solution: Some(data(solution)) }
}

fn read(instance: &str, solution: &str) -> SolvedInstance {
    files(instance, solution).read().expect("the files are sound")
}

async fn plans_of(app: &Application, context: Context) -> Vec<Tracked<RoutePlan>> {
    app.begin(context).repository::<RoutePlan>().ready(1_000).await.expect("found")
}

#[tokio::test]
async fn real_instances_become_plans_that_cost_what_is_stated() {
    let table = [
        ("ORTEC-n323-k21.vrp", "ORTEC-n323-k21.sol", 21, 322, "214071"),
        ("A-n32-k5.vrp", "A-n32-k5.sol", 5, 31, "784"),
        ("C101.txt", "C101.sol", 10, 100, "827.3"),
    ];
    for (instance, solution, plans, stops, cost) in table {
        let solved = read(instance, solution);
        assert_eq!((solved.plans.len(), solved.stop_count()), (plans, stops), "{instance}");
        assert_eq!(solved.cost.to_string(), cost, "{instance}");
        assert_eq!(solved.stated_cost, Some(solved.cost), "{instance}");
        let app = application().await;
        let mut created = 0;
        store_plans(&app, ann(), &solved, || created += 1).await.expect("all keep the rules");
        let stored = plans_of(&app, ann()).await;
        assert_eq!((created, stored.len()), (plans, plans), "{instance}");
        let stored_stops: usize = stored.iter().map(|plan| plan.stops().len()).sum();
        assert_eq!(stored_stops, stops, "{instance}");
        let stored_tenths: i64 = stored.iter().map(|plan| plan.cost_tenths()).sum();
        assert_eq!(u64::try_from(stored_tenths), Ok(solved.cost.tenths()), "{instance}");
    }
}

#[tokio::test]
async fn time_windows_come_along() {
    let solved = read("C101.txt", "C101.sol");
    assert!(solved.plans.iter().flat_map(|plan| &plan.stops).all(|stop| stop.window.is_some()));
    assert_eq!(solved.plans[0].reference, "C101/1");
}

#[tokio::test]
async fn the_same_instance_twice_is_a_duplicate_and_stores_nothing() {
    let app = application().await;
    let solved = read("A-n32-k5.vrp", "A-n32-k5.sol");
    store_plans(&app, ann(), &solved, || {}).await.expect("the first time");
    // Also when only the last of the plans is there already.
    let other = SolvedInstance {
        plans: solved.plans.iter().rev().cloned().map(renamed_but_the_first).collect(),
        ..solved.clone()
    };
    for again in [&solved, &other] {
        let error = store_plans(&app, ann(), again, || {}).await.expect_err("they are there");
        assert!(error.to_string().contains("tenant acme has plans of A-n32-k5 already"), "{error}");
        assert_eq!(plans_of(&app, ann()).await.len(), 5);
    }
    store_plans(&app, somebody_of("globex"), &solved, || {}).await.expect("another tenant may");
}

fn renamed_but_the_first(
    plan: route_planning_domain::NewRoutePlan,
) -> route_planning_domain::NewRoutePlan {
    let reference = match plan.reference.as_str() {
        "A-n32-k5/1" => plan.reference,
        other => format!("again-{other}"),
    };
    route_planning_domain::NewRoutePlan { reference, ..plan }
}

#[tokio::test]
async fn a_damaged_file_is_named_with_its_line_and_what_was_expected() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let damaged = folder.path().join("damaged.vrp");
    let text = std::fs::read_to_string(data("A-n32-k5.vrp")).expect("readable");
    let text = text.replacen("CAPACITY : 100", "CAPACITY : lots", 1);
    let line = 1 + text.lines().position(|line| line.contains("lots")).expect("it is damaged");
    std::fs::write(&damaged, text).expect("writable");
    let solution = Some(data("A-n32-k5.sol"));
    let error = InstanceFiles { instance: damaged.clone(), solution }.read().expect_err("damaged");
    let error = error.to_string();
    assert!(error.starts_with(&format!("{}:{line}: expected", damaged.display())), "{error}");
    assert!(error.contains("lots"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = InstanceFiles { instance: "no/such.vrp".into(), solution: None };
    let error = missing.read().expect_err("missing");
    assert!(error.to_string().starts_with("no/such.vrp: "), "{error}");
}

#[test]
fn without_a_solution_routes_are_constructed() {
    let solved = InstanceFiles { instance: data("A-n32-k5.vrp"), solution: None }.read();
    let solved = solved.expect("it can be solved");
    assert_eq!((solved.stop_count(), solved.stated_cost), (31, None));
}
