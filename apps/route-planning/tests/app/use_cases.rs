//! The use cases, on the store in memory.

use crate::sample::{ann, application, driver, given_plan, new_plan, somebody_of};
use idp::prelude::*;
use route_planning::application::{
    CompleteRoute, CreateRoutePlan, DispatchNextRoute, DispatchRoute, RoutePlans, complete_route,
    create_route_plan, dispatch_next_route, dispatch_route,
};
use route_planning_domain::{RoutePlan, RoutePlanError, Status};

#[tokio::test]
async fn a_plan_is_created_dispatched_and_completed() {
    let app = application().await;
    let created = given_plan(&app, "monday/1", 0).await;
    assert_eq!((created.version, created.plan.status()), (1, Status::Ready));
    let plan = created.plan.id();
    let cmd = DispatchRoute { plan, driver: driver(7) };
    let dispatched = app.run(ann(), |uow| dispatch_route(uow, cmd)).await.expect("ready");
    assert_eq!((dispatched.version, dispatched.plan.driver()), (2, Some(driver(7))));
    let completed = app.run(ann(), |uow| complete_route(uow, CompleteRoute { plan })).await;
    let completed = completed.expect("in progress");
    assert_eq!((completed.version, completed.plan.status()), (3, Status::Done));
    let stored = app.begin(ann()).get::<RoutePlan>(plan).await.expect("stored");
    assert_eq!((stored.version(), stored.status()), (3, Status::Done));
}

#[tokio::test]
async fn what_the_domain_refuses_changes_nothing() {
    let app = application().await;
    let plan = given_plan(&app, "monday/1", 0).await.plan.id();
    let refused = app.run(ann(), |uow| complete_route(uow, CompleteRoute { plan })).await;
    let Err(Failure::Refused(rule)) = refused else { panic!("{refused:?}") };
    assert_eq!(rule, RoutePlanError::NotInProgress { status: "ready" });
    let stored = app.begin(ann()).get::<RoutePlan>(plan).await.expect("stored");
    assert_eq!((stored.version(), stored.status()), (1, Status::Ready));
}

#[tokio::test]
async fn a_reference_is_unique_in_a_tenant_and_in_no_other() {
    let app = application().await;
    given_plan(&app, "monday/1", 0).await;
    let create = |context: Context| {
        app.run(context, |uow| {
            create_route_plan(uow, CreateRoutePlan { plan: new_plan("monday/1", 0) })
        })
    };
    let Err(Failure::Failed(error)) = create(ann()).await else { panic!("it is taken") };
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    create(somebody_of("globex")).await.expect("another tenant may");
}

#[tokio::test]
async fn a_plan_of_another_tenant_does_not_exist() {
    let app = application().await;
    let plan = given_plan(&app, "monday/1", 0).await.plan.id();
    let cmd = DispatchRoute { plan, driver: driver(7) };
    let foreign = app.run(somebody_of("globex"), |uow| dispatch_route(uow, cmd)).await;
    let Err(Failure::Failed(error)) = foreign else { panic!("{foreign:?}") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_ready_plans_come_by_priority() {
    let app = application().await;
    for (reference, priority) in [("low", 1), ("high", 9), ("middle", 5)] {
        given_plan(&app, reference, priority).await;
    }
    let unit = app.begin(ann());
    let ready = unit.repository::<RoutePlan>().ready(2).await.expect("found");
    let references: Vec<_> = ready.iter().map(|plan| plan.reference()).collect();
    assert_eq!(references, ["high", "middle"]);
}

#[tokio::test]
async fn two_drivers_who_ask_at_once_get_different_plans() {
    let app = application().await;
    for reference in ["monday/1", "monday/2"] {
        given_plan(&app, reference, 0).await;
    }
    // Both have chosen the same plan before either commits.
    let (one, two) = (app.begin(ann()), app.begin(ann()));
    let ask = |number| DispatchNextRoute { driver: driver(number) };
    let first = dispatch_next_route(one.handle(), ask(1)).await.expect("ready").expect("a plan");
    let second = dispatch_next_route(two.handle(), ask(2)).await.expect("ready").expect("a plan");
    assert_eq!(first.plan.id(), second.plan.id());
    one.commit().await.expect("the first gets it");
    let conflict = two.commit().await.expect_err("the second does not");
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    // `run` meets the conflict by running again.
    let second = app.run(ann(), |uow| dispatch_next_route(uow, ask(2))).await.expect("ready");
    assert_ne!(second.expect("a plan").plan.id(), first.plan.id());
    let third = app.run(ann(), |uow| dispatch_next_route(uow, ask(3))).await.expect("nothing");
    assert!(third.is_none());
}
