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
  -- A key is in one lane; to name it here would make the index by lane look as good.
  UPDATE idp_set_aside AS a SET due_at = NULL
   WHERE a.reader = p_reader AND a.tenant_id = p_tenant AND a.aggregateid = p_aggregate
     AND a.side_sequence IS NULL AND a.due_at IS NOT NULL;
END
$$;
-- Forgets that keys were parked that nothing blocks any more, and gives those that nothing blocks.
-- The caller holds the lock of the lane. One key at a time: no plan can then be to read all of them.
CREATE FUNCTION idp_forget_unblocked(
  p_reader text, p_lane smallint, p_tenants text[], p_aggregates uuid[]
) RETURNS TABLE (tenant_id text, aggregateid uuid)
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
  FOR tenant_id, aggregateid IN
    SELECT i.tenant_id, i.aggregateid FROM unnest(p_tenants, p_aggregates) AS i(tenant_id, aggregateid)
  LOOP
    CONTINUE WHEN EXISTS (
      SELECT 1 FROM idp_set_aside AS a
       WHERE a.reader = p_reader AND a.lane = p_lane
         AND a.tenant_id = idp_forget_unblocked.tenant_id
         AND a.aggregateid = idp_forget_unblocked.aggregateid AND a.reason <> 'scheduled');
    DELETE FROM idp_parked_key AS k
     WHERE k.reader = p_reader AND k.tenant_id = idp_forget_unblocked.tenant_id
       AND k.aggregateid = idp_forget_unblocked.aggregateid;
    IF FOUND THEN
      UPDATE idp_set_aside AS a SET due_at = a.deliver_at
       WHERE a.reader = p_reader AND a.lane = p_lane
         AND a.tenant_id = idp_forget_unblocked.tenant_id
         AND a.aggregateid = idp_forget_unblocked.aggregateid AND a.due_at IS NULL;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$
