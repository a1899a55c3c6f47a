//! `GET /healthz` and `GET /readyz`, for whatever runs the service.

use idp::http::axum::http::StatusCode;
use idp::http::{Operation, Problem};

/// The process runs.
pub(super) mod alive {
    use super::{Operation, StatusCode};

    pub(in crate::http) fn operation() -> Operation {
        Operation::get("/healthz", "alive", "Says that the process runs")
            .tag("Health")
            .public()
            .answers_empty(StatusCode::NO_CONTENT, "It runs")
    }

    pub(in crate::http) async fn handle() -> StatusCode {
        StatusCode::NO_CONTENT
    }
}

/// The service can do its work.
pub(super) mod ready {
    use super::{Operation, Problem, StatusCode};
    use crate::board::BoardReads;
    use crate::http::HttpState;
    use futures_util::FutureExt;
    use idp::application::Actor;
    use idp::http::axum::extract::State;
    use idp::prelude::*;
    use route_planning_domain::Status;

    pub(in crate::http) fn operation() -> Operation {
        Operation::get("/readyz", "ready", "Says that requests may come")
            .tag("Health")
            .public()
            .answers_empty(StatusCode::NO_CONTENT, "They may")
            .problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "The store does not answer, or the service stops",
            )
    }

    pub(in crate::http) async fn handle(
        State(state): State<HttpState>,
    ) -> Result<StatusCode, Problem> {
        if state.shutdown.begun().now_or_never().is_some() {
            let detail = "The service is about to stop";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", detail));
        }
        // A tenant that need not exist: what counts is that the store answers.
        let tenant = TenantId::new("readyz").expect("the name has the shape of a tenant");
        let context = Context::new(tenant, Actor::new("readyz"));
        BoardReads::new(state.app.reads(&context)).page(Some(Status::Ready), 1, None).await?;
        Ok(StatusCode::NO_CONTENT)
    }
}
