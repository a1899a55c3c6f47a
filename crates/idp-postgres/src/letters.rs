//! What operators see of events that could not be delivered.

use crate::decode::{DecodedTime, DecodedUuid};
use crate::deliveries::key;
use crate::error::corrupt;
use crate::lease::run;
use crate::parameter::Parameter;
use crate::store::PgStore;
use crate::window::{EVENT_COLUMNS, envelope};
use idp_application::{
    BoxError, DeadLetterRecord, DeliveryKey, Error, Lane, ParkedEvent, ParkedKey,
};
use idp_domain::TenantId;
use tokio_postgres::Row;

const PARKED: &str = "
    SELECT k.tenant_id, k.aggregateid, k.lane, k.state = 'parked',
           (SELECT count(*) FROM idp_set_aside AS a
             WHERE a.reader = k.reader AND a.lane = k.lane AND a.tenant_id = k.tenant_id
               AND a.aggregateid = k.aggregateid AND a.reason <> 'scheduled'),
           k.attempts, k.last_error, k.since, k.revision
      FROM idp_parked_key AS k WHERE k.reader = $1";

const RECORDS: &str = "
    SELECT r.tenant_id, r.aggregateid, r.at, r.actor, r.action, r.reason, r.payload_before::text,
           ARRAY(SELECT e.event_id FROM idp_dead_letter_event AS e
                  WHERE e.record = r.id ORDER BY e.number)
      FROM idp_dead_letter_record AS r WHERE r.reader = $1 ORDER BY r.id DESC LIMIT $2::bigint";

impl PgStore {
    pub(crate) async fn parked_keys(
        &self,
        reader: &str,
        tenant: Option<&TenantId>,
        after: Option<&DeliveryKey>,
        limit: u32,
    ) -> Result<Vec<ParkedKey>, Error> {
        let mut sql = PARKED.to_owned();
        let mut parameters = vec![Parameter::Text(reader), Parameter::BigInt(limit.into())];
        if let Some(tenant) = tenant {
            parameters.push(Parameter::Text(tenant.as_str()));
            sql.push_str(&format!(" AND k.tenant_id = ${}", parameters.len()));
        }
        if let Some(after) = after {
            parameters.push(Parameter::Text(after.tenant.as_str()));
            parameters.push(Parameter::Uuid(after.aggregate_id));
            let last = parameters.len();
            sql.push_str(&format!(" AND (k.tenant_id, k.aggregateid) > (${}, ${last})", last - 1));
        }
        sql.push_str(" ORDER BY k.tenant_id, k.aggregateid LIMIT $2::bigint");
        let rows = run(self, "parked", &sql, &parameters).await?;
        let keys = rows.iter().map(parked_key).collect::<Result<_, _>>();
        keys.map_err(|e| corrupt("parked", "a parked key", e))
    }

    /// The events that block a key, in the order of the log. It is in its own lane, or in the one
    /// that is the whole log.
    pub(crate) async fn blocking_events(
        &self,
        reader: &str,
        key: &DeliveryKey,
    ) -> Result<Vec<ParkedEvent>, Error> {
        let sql = format!(
            "SELECT sequence, is_edited, side_sequence IS NOT NULL, {EVENT_COLUMNS} \
               FROM idp_set_aside \
              WHERE reader = $1 AND lane IN (-1, $2::smallint) AND tenant_id = $3 \
                AND aggregateid = $4 AND reason <> 'scheduled' ORDER BY sequence"
        );
        let parameters = [
            Parameter::Text(reader),
            Parameter::SmallInt(Lane::of(&key.tenant, key.aggregate_id, self.lanes).number()),
            Parameter::Text(key.tenant.as_str()),
            Parameter::Uuid(key.aggregate_id),
        ];
        let rows = run(self, "events", &sql, &parameters).await?;
        let events = rows.iter().map(parked_event).collect::<Result<_, _>>();
        events.map_err(|e| corrupt("events", "an event that is set aside", e))
    }

    pub(crate) async fn dead_letter_records(
        &self,
        reader: &str,
        limit: u32,
    ) -> Result<Vec<DeadLetterRecord>, Error> {
        let parameters = [Parameter::Text(reader), Parameter::BigInt(limit.into())];
        let rows = run(self, "records", RECORDS, &parameters).await?;
        let records = rows.iter().map(record).collect::<Result<_, _>>();
        records.map_err(|e| corrupt("records", "a record", e))
    }
}

fn parked_key(row: &Row) -> Result<ParkedKey, BoxError> {
    Ok(ParkedKey {
        key: key(row, 0)?,
        lane: Lane::from_number(row.try_get(2)?),
        is_parked: row.try_get(3)?,
        events: u32::try_from(row.try_get::<_, i64>(4)?)?,
        attempts: u32::try_from(row.try_get::<_, i32>(5)?)?,
        last_error: row.try_get(6)?,
        since: row.try_get::<_, DecodedTime>(7)?.0,
        revision: row.try_get(8)?,
    })
}

fn parked_event(row: &Row) -> Result<ParkedEvent, BoxError> {
    Ok(ParkedEvent {
        sequence: row.try_get(0)?,
        is_edited: row.try_get(1)?,
        is_numbered: row.try_get(2)?,
        envelope: envelope(row, 3)?,
    })
}

fn record(row: &Row) -> Result<DeadLetterRecord, BoxError> {
    let events: Vec<DecodedUuid> = row.try_get(7)?;
    Ok(DeadLetterRecord {
        key: key(row, 0)?,
        at: row.try_get::<_, DecodedTime>(2)?.0,
        actor: row.try_get(3)?,
        action: row.try_get(4)?,
        reason: row.try_get(5)?,
        payload_before: row.try_get(6)?,
        events: events.into_iter().map(|event| event.0).collect(),
    })
}
