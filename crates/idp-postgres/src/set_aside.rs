//! Events on their way into the table of those that are set aside, as arrays.

use crate::parameter::Parameter;
use idp_application::{AsideReason, Lane, LaneProgress, LaneRecord, SetAside};

/// The parameters of `idp_record` behind the first two.
pub(crate) fn parameters(records: &[LaneRecord]) -> Vec<Parameter<'_>> {
    let mut parameters = places(records);
    let asides = records.iter().map(|record| (record.progress.lane, &record.aside[..]));
    parameters.extend(events(asides));
    parameters
}

/// The parameters of the events that are set aside, of each lane.
pub(crate) fn events<'p>(
    asides: impl Iterator<Item = (Lane, &'p [SetAside])>,
) -> impl Iterator<Item = Parameter<'p>> {
    transposed(asides.flat_map(|(lane, asides)| asides.iter().map(move |a| columns(lane, a))))
}

fn places(records: &[LaneRecord]) -> Vec<Parameter<'_>> {
    let each = |value: fn(&LaneProgress) -> Parameter<'static>| {
        Parameter::Values(records.iter().map(|record| value(&record.progress)).collect())
    };
    vec![
        each(|progress| Parameter::SmallInt(progress.lane.number())),
        each(|progress| Parameter::BigInt(progress.epoch)),
        each(|progress| Parameter::BigInt(progress.cursor.window)),
        each(|progress| Parameter::BigInt(progress.cursor.position)),
        each(|progress| Parameter::BigInt(progress.sequence)),
    ]
}

const COLUMNS: usize = 17;

fn columns(lane: Lane, aside: &SetAside) -> [Parameter<'_>; COLUMNS] {
    let event = &aside.envelope;
    let (reason, deliver_at, error) = match &aside.reason {
        AsideReason::Refused(error) => ("refused", Parameter::Null, text_of(error)),
        AsideReason::Behind => ("behind", Parameter::Null, Parameter::Null),
        AsideReason::Scheduled(at) => ("scheduled", Parameter::Time(*at), Parameter::Null),
    };
    [
        Parameter::SmallInt(lane.number()),
        Parameter::BigInt(aside.sequence),
        Parameter::Text(reason),
        deliver_at,
        error,
        Parameter::Uuid(event.event_id),
        Parameter::Text(event.tenant.as_str()),
        Parameter::Text(&event.aggregate_type),
        Parameter::Uuid(event.aggregate_id),
        Parameter::BigInt(event.aggregate_version),
        Parameter::Text(&event.event_type),
        Parameter::Text(&event.schema_id),
        Parameter::Int(i32::try_from(event.schema_version).unwrap_or(i32::MAX)),
        Parameter::Json(&event.payload),
        Parameter::Owned(event.metadata_json()),
        Parameter::Owned(event.content_hash().to_string()),
        Parameter::Time(event.occurred_at),
    ]
}

/// The error of a bus. PostgreSQL keeps no text with a zero in it, and no error of a bus must keep a
/// lane from being recorded.
pub(crate) fn text_of(error: &str) -> Parameter<'_> {
    match error.contains('\0') {
        true => Parameter::Owned(error.replace('\0', "\u{fffd}")),
        false => Parameter::Text(error),
    }
}

/// One array for each column.
fn transposed<'p>(
    rows: impl Iterator<Item = [Parameter<'p>; COLUMNS]>,
) -> impl Iterator<Item = Parameter<'p>> {
    let mut columns: [Vec<Parameter<'p>>; COLUMNS] = std::array::from_fn(|_| Vec::new());
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    columns.into_iter().map(Parameter::Values)
}
