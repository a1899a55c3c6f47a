//! What the files of an instance say, as plans.

use idp::application::BoxError;
use route_planning_domain::{Location, NewRoutePlan, Stop, TimeWindow};
use route_planning_vrp::{Cost, Customer, Instance, Point, Route, Solution, plan, total};

/// A file's name, for messages, and its text.
type NamedText<'a> = (&'a str, &'a str);

/// An instance with its routes, each of which is a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct SolvedInstance {
    /// What the instance is called.
    pub name: String,
    /// One plan a route, named `<instance>/<route>`.
    pub plans: Vec<NewRoutePlan>,
    /// What all routes cost.
    pub cost: Cost,
    /// What the solution says that they cost; the same. `None` without a solution.
    pub stated_cost: Option<Cost>,
}

impl SolvedInstance {
    /// Fails when a text is damaged, or the routes break a rule of the instance.
    pub fn parse(
        instance: NamedText<'_>,
        solution: Option<NamedText<'_>>,
    ) -> Result<Self, BoxError> {
        let instance = Instance::parse(instance.0, instance.1)?;
        let solution = solution.map(|(file, text)| Solution::parse(file, text, &instance));
        let solution = solution.transpose()?;
        let routes = plan(&instance, solution.as_ref())?;
        Ok(Self {
            name: instance.name().to_owned(),
            plans: routes.iter().map(|route| new_plan(&instance, route)).collect(),
            cost: total(&routes),
            stated_cost: solution.map(|solution| solution.cost),
        })
    }

    /// How many stops all plans have.
    pub fn stop_count(&self) -> usize {
        self.plans.iter().map(|plan| plan.stops.len()).sum()
    }
}

fn new_plan(instance: &Instance, route: &Route) -> NewRoutePlan {
    NewRoutePlan {
        reference: format!("{}/{}", instance.name(), route.number),
        depot: location(instance.depot().at),
        stops: route.stops.iter().map(stop).collect(),
        capacity: instance.capacity(),
        cost_tenths: signed(route.cost.tenths()),
        priority: 0,
    }
}

fn stop(customer: &Customer) -> Stop {
    let Customer { number, at, demand, window, .. } = *customer;
    let window = window.map(|window| TimeWindow {
        ready_tenths: signed(window.ready.tenths()),
        due_tenths: signed(window.due.tenths()),
        service_tenths: signed(window.service.tenths()),
    });
    Stop { customer: number, location: location(at), demand, window }
}

fn location(Point { x, y }: Point) -> Location {
    Location { x, y }
}

/// Numbers of an instance are far below the largest; the parser sees to it.
fn signed(tenths: u64) -> i64 {
    i64::try_from(tenths).unwrap_or(i64::MAX)
}
