-- What became of each event, for each reader: NEW (not read yet, or to be sent later), SENT (the
-- reader is done with it: it was sent, or its filter did not want it) or ERR (its key is parked, or
-- an operator discarded it). For people: it reads the log, so restrict it to a range of positions
-- where the log is long. `position` is null for what is set aside and no longer in the log.
--
-- `retry_count` is how often events of the key were refused since it was parked first.
CREATE VIEW outbox_status AS
WITH in_log AS (
  SELECT r.reader, r.lane, r.tick, r.position AS read_to, o.position, o.xid, o.id, o.tenant_id,
         o.aggregatetype, o.aggregateid, o.type, o.occurred_at
    FROM idp_outbox AS o JOIN idp_reader_lane AS r ON r.lane = o.lane
  UNION ALL
  SELECT r.reader, r.lane, r.tick, r.position, o.position, o.xid, o.id, o.tenant_id,
         o.aggregatetype, o.aggregateid, o.type, o.occurred_at
    FROM idp_outbox AS o JOIN idp_reader_lane AS r ON r.lane = -1
), discarded AS (
  SELECT r.reader, e.event_id, format('discarded by %s: %s', r.actor, r.reason) AS error
    FROM idp_dead_letter_event AS e JOIN idp_dead_letter_record AS r ON r.id = e.record
   WHERE r.action IN ('discard', 'discard_key')
), aside AS (
  SELECT a.reader, a.lane, a.id, a.tenant_id, a.aggregatetype, a.aggregateid, a.type,
         a.occurred_at, a.deliver_at,
         CASE WHEN k.state = 'parked' AND a.reason <> 'scheduled' THEN 'ERR' ELSE 'NEW' END AS status,
         CASE WHEN a.reason <> 'scheduled' THEN k.attempts END AS attempts,
         CASE WHEN a.reason <> 'scheduled' THEN k.last_error END AS error
    FROM idp_set_aside AS a LEFT JOIN idp_parked_key AS k
      ON k.reader = a.reader AND k.tenant_id = a.tenant_id AND k.aggregateid = a.aggregateid
)
SELECT l.reader, l.id AS event_id, l.position, l.tenant_id, l.aggregatetype AS aggregate_type,
       l.aggregateid AS aggregate_id, l.type AS event_type,
       CASE WHEN a.id IS NOT NULL THEN a.status
            WHEN d.event_id IS NOT NULL THEN 'ERR'
            -- Read are the windows before the reader's, and its own up to its position. A tenant
            -- that is split off from its lane has a place of its own there.
            WHEN pg_visible_in_snapshot(l.xid, before.snapshot) THEN 'SENT'
            WHEN pg_visible_in_snapshot(l.xid, until.snapshot)
             AND l.position <= coalesce(t.position, l.read_to)
            THEN 'SENT' ELSE 'NEW' END AS status,
       coalesce(a.attempts, 0) AS retry_count, coalesce(a.error, d.error) AS last_error,
       a.deliver_at, l.occurred_at AS created_at
  FROM in_log AS l
  LEFT JOIN aside AS a ON a.reader = l.reader AND a.lane = l.lane AND a.tenant_id = l.tenant_id
    AND a.aggregateid = l.aggregateid AND a.id = l.id
  LEFT JOIN discarded AS d ON d.reader = l.reader AND d.event_id = l.id
  LEFT JOIN idp_tenant_track AS t ON t.reader = l.reader AND t.lane = l.lane
    AND t.tenant_id = l.tenant_id
  LEFT JOIN idp_tick AS before ON before.id = coalesce(t.tick, l.tick) - 1
  LEFT JOIN idp_tick AS until ON until.id = coalesce(t.tick, l.tick)
UNION ALL
SELECT a.reader, a.id, NULL, a.tenant_id, a.aggregatetype, a.aggregateid, a.type, a.status,
       coalesce(a.attempts, 0), a.error, a.deliver_at, a.occurred_at
  FROM aside AS a WHERE NOT EXISTS (SELECT 1 FROM idp_outbox AS o WHERE o.id = a.id)
