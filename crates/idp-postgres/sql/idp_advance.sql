-- Records progress and renews leases. Gives the lanes that are still held, and where their rows lie now.
-- A position never moves back, so an advance that arrives late does no harm.
--
-- `p_places` says where each row lay when it was written last. While an old transaction is open,
-- no version of a row can be pruned, and the index leads to all of them each time: to record a long
-- backlog would take the longer the more of it is done. So a row is taken where it lay, as long as it is still
-- the row of that lane and epoch; where somebody else has written it since, it is looked up.
CREATE FUNCTION idp_advance(
  p_reader text, p_lanes smallint[], p_epochs bigint[], p_ticks bigint[], p_positions bigint[],
  p_sequences bigint[], p_ttl bigint, p_places text[]
) RETURNS TABLE (lane smallint, place text)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_indexscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_ttl interval := p_ttl * interval '1 millisecond';
  v_lanes smallint[];
  v_places text[];
BEGIN
  WITH advanced AS (
    UPDATE idp_reader_lane AS l
       SET tick = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.tick ELSE l.tick END,
           position = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.position ELSE l.position END,
           sequence = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.sequence ELSE l.sequence END,
           lease_until = clock_timestamp() + v_ttl
      FROM unnest(p_lanes, p_epochs, p_ticks, p_positions, p_sequences, p_places::tid[])
           AS i(lane, epoch, tick, position, sequence, place)
     WHERE l.ctid = i.place
       AND l.reader = p_reader AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL
    RETURNING l.lane, l.ctid::text AS place
  )
  SELECT coalesce(array_agg(a.lane), '{}'), coalesce(array_agg(a.place), '{}')
    INTO v_lanes, v_places FROM advanced AS a;
  RETURN QUERY SELECT * FROM unnest(v_lanes, v_places);
  IF cardinality(v_lanes) = cardinality(p_lanes) THEN
    RETURN;
  END IF;

  -- Until the function ends.
  PERFORM set_config('enable_indexscan', 'on', true);
  RETURN QUERY
    UPDATE idp_reader_lane AS l
       SET tick = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.tick ELSE l.tick END,
           position = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.position ELSE l.position END,
           sequence = CASE WHEN (i.tick, i.position) > (l.tick, l.position) THEN i.sequence ELSE l.sequence END,
           lease_until = clock_timestamp() + v_ttl
      FROM unnest(p_lanes, p_epochs, p_ticks, p_positions, p_sequences)
           AS i(lane, epoch, tick, position, sequence)
     WHERE l.reader = p_reader AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL
       AND i.lane <> ALL (v_lanes)
    RETURNING l.lane, l.ctid::text;
END
$$
