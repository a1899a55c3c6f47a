-- Records how far lanes are, with what was set aside on the way, and renews the leases. Gives the
-- lanes that are held still. Arrays beginning with `l_` have one element a lane, those with `a_` one
-- for each event.
CREATE FUNCTION idp_record(
  p_reader text, p_ttl_millis bigint,
  l_lane smallint[], l_epoch bigint[], l_tick bigint[], l_position bigint[], l_sequence bigint[],
  a_lane smallint[], a_sequence bigint[], a_reason text[], a_deliver_at timestamptz[],
  a_error text[], a_id uuid[], a_tenant text[], a_aggregatetype text[], a_aggregateid uuid[],
  a_version bigint[], a_type text[], a_schema_id text[], a_schema_version integer[],
  a_payload json[], a_metadata json[], a_hash text[], a_occurred_at timestamptz[]
) RETURNS SETOF smallint LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_lane smallint[] := '{}';
  v_behind bigint[] := '{}';
  v_through bigint[] := '{}';
  v_held record;
BEGIN
  -- The locks are taken in the order of the lanes, so that no two who do this wait for each other.
  FOR v_held IN
    SELECT l.lane, l.sequence AS behind, i.sequence AS through,
           (i.tick, i.position) > (l.tick, l.position) AS is_new
      FROM unnest(l_lane, l_epoch, l_tick, l_position, l_sequence)
             AS i(lane, epoch, tick, position, sequence)
      JOIN idp_reader_lane AS l
        ON l.reader = p_reader AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL
     ORDER BY l.lane FOR UPDATE OF l
  LOOP
    -- What stands before the place was set aside when that place was recorded.
    IF v_held.is_new THEN
      v_lane := v_lane || v_held.lane;
      v_behind := v_behind || v_held.behind;
      v_through := v_through || v_held.through;
    END IF;
  END LOOP;

  PERFORM idp_keep_aside(p_reader, v_lane, NULL, v_behind, v_through, a_lane, a_sequence, a_reason,
                         a_deliver_at, a_error, a_id, a_tenant, a_aggregatetype, a_aggregateid,
                         a_version, a_type, a_schema_id, a_schema_version, a_payload, a_metadata,
                         a_hash, a_occurred_at);

  RETURN QUERY
  UPDATE idp_reader_lane AS l
     SET tick = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.tick ELSE l.tick END,
         position = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.position ELSE l.position END,
         sequence = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.sequence ELSE l.sequence END,
         lease_until = clock_timestamp() + p_ttl_millis * interval '1 millisecond'
    FROM unnest(l_lane, l_epoch, l_tick, l_position, l_sequence)
           AS i(lane, epoch, tick, position, sequence)
   WHERE l.reader = p_reader AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL
  RETURNING l.lane;
END
$$
