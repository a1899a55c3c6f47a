-- Parks a key: nothing of it is due any more, but what has a number and may be at the bus.
-- The caller holds the lock of the lane.
CREATE FUNCTION idp_park(
  p_reader text, p_lane smallint, p_tenant text, p_aggregate uuid, p_error text
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
BEGIN
  INSERT INTO idp_parked_key AS k
    (reader, lane, tenant_id, aggregateid, state, attempts, last_error, since, revision)
  VALUES (p_reader, p_lane, p_tenant, p_aggregate, 'parked', 1, p_error, clock_timestamp(),
          nextval('idp_parked_key_revision'))
  ON CONFLICT (reader, tenant_id, aggregateid) DO UPDATE
    SET state = 'parked', attempts = k.attempts + 1, last_error = excluded.last_error,
        revision = excluded.revision;
  UPDATE idp_set_aside AS a SET due_at = NULL
   WHERE a.reader = p_reader AND a.lane = p_lane AND a.tenant_id = p_tenant
     AND a.aggregateid = p_aggregate AND a.side_sequence IS NULL AND a.due_at IS NOT NULL;
END
$$;
-- Forgets that keys were parked that nothing blocks any more, and gives those that nothing blocks.
-- The caller holds the lock of the lane.
CREATE FUNCTION idp_forget_unblocked(
  p_reader text, p_lane smallint, p_tenants text[], p_aggregates uuid[]
) RETURNS TABLE (tenant_id text, aggregateid uuid)
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
BEGIN
  RETURN QUERY
  WITH unblocked AS MATERIALIZED (
    SELECT i.tenant_id, i.aggregateid FROM unnest(p_tenants, p_aggregates) AS i(tenant_id, aggregateid)
     WHERE NOT EXISTS (
       SELECT 1 FROM idp_set_aside AS a
        WHERE a.reader = p_reader AND a.lane = p_lane AND a.tenant_id = i.tenant_id
          AND a.aggregateid = i.aggregateid AND a.reason <> 'scheduled')
  ), forgotten AS (
    DELETE FROM idp_parked_key AS k USING unblocked AS u
     WHERE k.reader = p_reader AND k.tenant_id = u.tenant_id AND k.aggregateid = u.aggregateid
    RETURNING k.tenant_id, k.aggregateid
  ), freed AS (
    UPDATE idp_set_aside AS a SET due_at = a.deliver_at FROM forgotten AS f
     WHERE a.reader = p_reader AND a.lane = p_lane AND a.tenant_id = f.tenant_id
       AND a.aggregateid = f.aggregateid AND a.due_at IS NULL
  )
  SELECT u.tenant_id, u.aggregateid FROM unblocked AS u;
END
$$
