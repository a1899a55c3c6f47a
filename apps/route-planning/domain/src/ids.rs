//! The identities of the domain.

use idp_domain::entity_id;

entity_id! {
    /// Identifies a route plan.
    pub struct RoutePlanId;
    /// Identifies a driver.
    pub struct DriverId;
}
