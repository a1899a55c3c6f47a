//! Folds the events of route plans into the board.

use super::BoardRow;
use idp::domain::{FieldType, Value};
use idp::prelude::*;
use route_planning_domain::{RoutePlanEvent, RoutePlanId, Status};

/// The projection behind the board.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoutePlanBoard;

impl Projection for RoutePlanBoard {
    type Event = RoutePlanEvent;
    type Row = BoardRow;

    const NAME: &'static str = "route_plan_board";

    fn key(&self, event: &Recorded<'_, RoutePlanEvent>) -> Option<Value> {
        Some(plan_of(event).to_value())
    }

    fn fold(
        &self,
        row: Option<BoardRow>,
        event: &Recorded<'_, RoutePlanEvent>,
    ) -> Option<BoardRow> {
        let plan_version = event.envelope.aggregate_version;
        let now = event.envelope.occurred_at;
        match event.event {
            RoutePlanEvent::Created {
                reference,
                depot,
                stops,
                capacity,
                load,
                cost_tenths,
                priority,
            } => Some(BoardRow {
                plan_id: plan_of(event),
                reference: reference.clone(),
                status: Status::Ready,
                priority: *priority,
                driver: None,
                depot: *depot,
                stop_count: u32::try_from(stops.len()).unwrap_or(u32::MAX),
                stops: stops.clone(),
                load: *load,
                capacity: *capacity,
                cost_tenths: *cost_tenths,
                plan_version,
                planned_at: now,
                dispatched_at: None,
                completed_at: None,
            }),
            RoutePlanEvent::Dispatched { driver } => Some(BoardRow {
                status: Status::InProgress,
                driver: Some(*driver),
                dispatched_at: Some(now),
                plan_version,
                ..row?
            }),
            RoutePlanEvent::Completed => Some(BoardRow {
                status: Status::Done,
                completed_at: Some(now),
                plan_version,
                ..row?
            }),
        }
    }
}

fn plan_of(event: &Recorded<'_, RoutePlanEvent>) -> RoutePlanId {
    RoutePlanId::from_uuid(event.envelope.aggregate_id)
}
