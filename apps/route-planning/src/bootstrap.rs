//! The only place that knows which technology is behind each port.

use crate::board::BoardRow;
use idp::application::Migrate;
use idp::domain::Record;
use idp::prelude::*;
use route_planning_domain::RoutePlan;

/// Makes the tables of this application where they are missing.
pub async fn migrate(store: &dyn Migrate) -> Result<(), Error> {
    store.migrate(&[RoutePlan::SCHEMA, BoardRow::SCHEMA]).await
}
