//! The driver that a request names.

use idp::http::IdText;
use idp::http::schemars::{self, JsonSchema};
use route_planning_domain::DriverId;
use serde::Deserialize;

/// Who drives.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Driver")]
pub(super) struct DriverBody {
    /// The identity of the driver.
    #[schemars(with = "IdText")]
    pub(super) driver: DriverId,
}
