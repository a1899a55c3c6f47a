//! A new plan as clients send it.

use super::stop_body::{LocationBody, StopBody};
use idp::http::schemars::{self, JsonSchema};
use idp::http::{FieldFault, Problem};
use route_planning_domain::{NewRoutePlan, RoutePlanError, Stop};
use serde::Deserialize;

/// What a new plan is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRoutePlan")]
pub(super) struct NewPlanBody {
    /// What people call the plan; unique in the tenant.
    reference: String,
    /// Where the route starts and ends.
    depot: LocationBody,
    /// The visits, in order.
    stops: Vec<StopBody>,
    /// What the vehicle can load; the demands must fit.
    capacity: u32,
    /// What the route costs, in tenths.
    cost_tenths: i64,
    /// Larger goes first.
    #[serde(default)]
    priority: i32,
}

impl NewPlanBody {
    /// The plan, if it breaks no rule of the domain; else 422 with every fault and its field.
    pub(super) fn check(self) -> Result<NewRoutePlan, Problem> {
        let Self { reference, depot, stops, capacity, cost_tenths, priority } = self;
        let depot = depot.location();
        let stops = stops.into_iter().map(StopBody::stop).collect();
        let plan = NewRoutePlan { reference, depot, stops, capacity, cost_tenths, priority };
        let faults: Vec<FieldFault> =
            plan.broken_rules().iter().map(|rule| fault(rule, &plan.stops)).collect();
        if faults.is_empty() { Ok(plan) } else { Err(Problem::unprocessable(faults)) }
    }
}

fn fault(rule: &RoutePlanError, stops: &[Stop]) -> FieldFault {
    FieldFault { field: field(rule, stops), message: rule.to_string() }
}

/// The field that a rule is about.
fn field(rule: &RoutePlanError, stops: &[Stop]) -> String {
    // Of two visits, the second is the fault.
    let stop = |customer: u32, field: &str| {
        let at = stops.iter().rposition(|stop| stop.customer == customer).unwrap_or_default();
        format!("stops[{at}].{field}")
    };
    match *rule {
        RoutePlanError::UnusableReference { .. } => "reference".into(),
        RoutePlanError::DepotNowhere => "depot".into(),
        RoutePlanError::NegativeCost => "cost_tenths".into(),
        RoutePlanError::OverCapacity { .. } => "capacity".into(),
        RoutePlanError::NoStops | RoutePlanError::TooManyStops { .. } => "stops".into(),
        RoutePlanError::CustomerTwice { customer } => stop(customer, "customer"),
        RoutePlanError::CustomerNowhere { customer } => stop(customer, "location"),
        RoutePlanError::ImpossibleWindow { customer } => stop(customer, "window"),
        RoutePlanError::NotReady { .. } | RoutePlanError::NotInProgress { .. } => String::new(),
    }
}
