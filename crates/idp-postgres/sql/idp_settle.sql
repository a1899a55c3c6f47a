-- Records what came of sending what was due. Gives no row when the lease is lost; otherwise one
-- without a key, and then the keys of what was acknowledged that nothing blocks any more.
CREATE FUNCTION idp_settle(
  p_reader text, p_lane smallint, p_epoch bigint, p_through bigint, p_refused bigint, p_error text
) RETURNS TABLE (tenant_id text, aggregateid uuid)
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_tenants text[];
  v_aggregates uuid[];
  v_refused record;
BEGIN
  PERFORM 1 FROM idp_reader_lane
    WHERE reader = p_reader AND lane = p_lane AND epoch = p_epoch AND owner IS NOT NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN NEXT;

  WITH gone AS (
    DELETE FROM idp_set_aside AS a
     WHERE a.reader = p_reader AND a.lane = p_lane AND a.side_sequence <= p_through
    RETURNING a.tenant_id, a.aggregateid
  ), keys AS (
    SELECT DISTINCT g.tenant_id, g.aggregateid FROM gone AS g
  )
  SELECT array_agg(k.tenant_id), array_agg(k.aggregateid) INTO v_tenants, v_aggregates
    FROM keys AS k;

  UPDATE idp_set_aside AS a SET reason = 'refused', deliver_at = NULL
   WHERE a.reader = p_reader AND a.lane = p_lane AND a.side_sequence = p_refused
  RETURNING a.tenant_id, a.aggregateid INTO v_refused;
  IF FOUND THEN
    UPDATE idp_set_aside AS a SET side_sequence = NULL
     WHERE a.reader = p_reader AND a.lane = p_lane AND a.tenant_id = v_refused.tenant_id
       AND a.aggregateid = v_refused.aggregateid AND a.side_sequence IS NOT NULL;
    PERFORM idp_park(p_reader, p_lane, v_refused.tenant_id, v_refused.aggregateid, p_error);
  END IF;

  IF v_tenants IS NOT NULL THEN
    RETURN QUERY SELECT f.tenant_id, f.aggregateid
      FROM idp_forget_unblocked(p_reader, p_lane, v_tenants, v_aggregates) AS f;
  END IF;
END
$$
