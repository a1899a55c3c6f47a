//! The main statement of a commit that has events: it appends them.

use super::builder::Builder;
use crate::parameter::Parameter;
use idp_application::{LaneCount, NewEvent};

/// Up to that many events are sent as scalars, more as arrays.
const SCALAR_EVENTS_MAX: usize = 4;

/// The columns besides the tenant, with their types.
const COLUMNS: [(&str, &str); 12] = [
    ("lane", "smallint"),
    ("id", "uuid"),
    ("aggregatetype", "text"),
    ("aggregateid", "uuid"),
    ("aggregate_version", "bigint"),
    ("type", "text"),
    ("schema_id", "text"),
    ("schema_version", "integer"),
    ("payload", "json"),
    ("content_hash", "text"),
    ("metadata", "json"),
    ("occurred_at", "timestamptz"),
];

/// Appends the statement, up to its condition.
pub(crate) fn append<'c>(builder: &mut Builder<'c>, events: &'c [NewEvent], lanes: LaneCount) {
    builder.push("\nINSERT INTO idp_outbox (tenant_id");
    for (column, _) in COLUMNS {
        builder.push(", ");
        builder.push(column);
    }
    builder.push(") SELECT $1::text");
    if let [event] = events {
        for (parameter, (_, type_name)) in parameters(event, lanes).into_iter().zip(COLUMNS) {
            builder.push(", ");
            builder.bind_as(parameter, type_name);
        }
    } else {
        builder.push(", v.* FROM ");
        several(builder, events, lanes);
    }
}

/// Both forms give the rows in the order of the events, and positions are drawn row by row.
fn several<'c>(builder: &mut Builder<'c>, events: &'c [NewEvent], lanes: LaneCount) {
    let mut rows: Vec<_> = events.iter().map(|event| parameters(event, lanes)).collect();
    if events.len() <= SCALAR_EVENTS_MAX {
        builder.push("(VALUES ");
        builder.join(rows, ", ", |builder, row| {
            builder.push("(");
            builder.join(row.into_iter().zip(COLUMNS), ", ", |builder, (parameter, column)| {
                builder.bind_as(parameter, column.1);
            });
            builder.push(")");
        });
        builder.push(") AS v");
        return;
    }
    builder.push("unnest(");
    builder.join(COLUMNS.into_iter().enumerate(), ", ", |builder, (index, (_, type_name))| {
        let values =
            rows.iter_mut().map(|row| std::mem::replace(&mut row[index], Parameter::Int(0)));
        builder.bind_array(values.collect(), type_name);
    });
    builder.push(") AS v");
}

fn parameters(event: &NewEvent, lanes: LaneCount) -> [Parameter<'_>; COLUMNS.len()] {
    let envelope = &event.envelope;
    [
        Parameter::SmallInt(event.lane(lanes).number()),
        Parameter::Uuid(envelope.event_id),
        Parameter::Text(&envelope.aggregate_type),
        Parameter::Uuid(envelope.aggregate_id),
        Parameter::BigInt(envelope.aggregate_version),
        Parameter::Text(&envelope.event_type),
        Parameter::Text(&envelope.schema_id),
        Parameter::Int(i32::try_from(envelope.schema_version).unwrap_or(i32::MAX)),
        Parameter::Json(&envelope.payload),
        Parameter::Owned(envelope.content_hash().to_string()),
        Parameter::Owned(envelope.metadata_json()),
        Parameter::Time(envelope.occurred_at),
    ]
}
