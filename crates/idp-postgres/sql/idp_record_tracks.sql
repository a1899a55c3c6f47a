-- Records how far tracks of tenants are, with what was set aside on the way. Gives the lanes of those
-- that are held still. Arrays beginning with `t_` have one element a track, those with `a_` one for
-- each event.
CREATE FUNCTION idp_record_tracks(
  p_reader text,
  t_lane smallint[], t_epoch bigint[], t_tenant text[], t_generation bigint[], t_tick bigint[],
  t_position bigint[], t_sequence bigint[],
  a_lane smallint[], a_sequence bigint[], a_reason text[], a_deliver_at timestamptz[],
  a_error text[], a_id uuid[], a_tenant text[], a_aggregatetype text[], a_aggregateid uuid[],
  a_version bigint[], a_type text[], a_schema_id text[], a_schema_version integer[],
  a_payload json[], a_metadata json[], a_hash text[], a_occurred_at timestamptz[]
) RETURNS SETOF smallint LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_lane smallint[] := '{}';
  v_tenant text[] := '{}';
  v_behind bigint[] := '{}';
  v_through bigint[] := '{}';
  v_track record;
BEGIN
  -- The locks are taken in the order of the lanes, so that no two who do this wait for each other.
  PERFORM 1 FROM idp_reader_lane AS l
    WHERE l.reader = p_reader AND l.lane = ANY (t_lane) ORDER BY l.lane FOR UPDATE;
  FOR v_track IN
    SELECT i.*, t.sequence AS behind, (i.tick, i.position) > (t.tick, t.position) AS is_new
      FROM unnest(t_lane, t_epoch, t_tenant, t_generation, t_tick, t_position, t_sequence)
             AS i(lane, epoch, tenant, generation, tick, position, sequence)
      JOIN idp_reader_lane AS l
        ON l.reader = p_reader AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL
      JOIN idp_tenant_track AS t
        ON t.reader = p_reader AND t.lane = i.lane AND t.tenant_id = i.tenant
       AND t.generation = i.generation
  LOOP
    -- What stands before the place was set aside when that place was recorded.
    IF v_track.is_new THEN
      v_lane := v_lane || v_track.lane;
      v_tenant := v_tenant || v_track.tenant;
      v_behind := v_behind || v_track.behind;
      v_through := v_through || v_track.sequence;
      UPDATE idp_tenant_track AS t
         SET tick = v_track.tick, position = v_track.position, sequence = v_track.sequence
       WHERE t.reader = p_reader AND t.lane = v_track.lane AND t.tenant_id = v_track.tenant;
    END IF;
    RETURN NEXT v_track.lane;
  END LOOP;

  IF cardinality(v_lane) > 0 AND cardinality(a_lane) > 0 THEN
    PERFORM idp_keep_aside(p_reader, v_lane, v_tenant, v_behind, v_through, a_lane, a_sequence,
                           a_reason, a_deliver_at, a_error, a_id, a_tenant, a_aggregatetype,
                           a_aggregateid, a_version, a_type, a_schema_id, a_schema_version,
                           a_payload, a_metadata, a_hash, a_occurred_at);
  END IF;
END
$$
