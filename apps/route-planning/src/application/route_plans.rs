//! How use cases find plans.

use idp::prelude::*;
use route_planning_domain::{RoutePlan, Status};

/// The plans of a tenant, by what they mean. Written once, on every store.
pub trait RoutePlans: Repository<RoutePlan> {
    /// The plans that nobody drives yet, the most urgent first.
    fn ready(
        &self,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Tracked<RoutePlan>>, Error>> + Send {
        let ready = RoutePlan::STATUS.eq(Status::Ready);
        self.list(Listing::of(ready).by(RoutePlan::PRIORITY.desc()).first(limit))
    }
}

impl<R: Repository<RoutePlan>> RoutePlans for R {}
