-- Numbers what is due on the side tracks of lanes, behind what was given before, and gives at most so
-- much of it; the last row says in how many microseconds more is due. With nothing set aside that
-- could become due, this is one probe of an index, and gives no row.
--
-- A lane with much does not keep the others waiting: each gets a share of the limit, and what one
-- leaves of its share goes to the next.
CREATE FUNCTION idp_due(p_reader text, p_lane smallint[], p_epoch bigint[], p_limit bigint)
RETURNS TABLE (
  lane smallint, side_sequence bigint, id uuid, tenant_id text, aggregatetype text,
  aggregateid uuid, aggregate_version bigint, type text, schema_id text, schema_version integer,
  payload text, metadata text, content_hash text, occurred_at timestamptz, next_micros bigint
) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_now timestamptz := clock_timestamp();
  v_lanes smallint[];
  v_lane smallint;
  v_last bigint;
  v_number bigint;
  v_sequence bigint;
  v_count bigint;
  v_left bigint := p_limit;
  v_lanes_left bigint;
  v_share bigint;
  v_next timestamptz;
  -- What has a number may be at the bus, and is given whoever is paused.
  v_paused text[] := ARRAY(
    SELECT p.tenant_id FROM idp_tenant_policy AS p WHERE p.reader = p_reader AND p.is_paused);
BEGIN
  -- (The order is that of the index that is to answer, whatever the planner knows of the table.)
  PERFORM 1 FROM idp_set_aside WHERE reader = p_reader AND due_at IS NOT NULL
    ORDER BY lane, due_at, sequence LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;

  -- Only lanes in which something is due are locked; in their order, as by all who do this.
  v_lanes := ARRAY(
    SELECT l.lane
      FROM unnest(p_lane, p_epoch) AS i(lane, epoch)
      JOIN idp_reader_lane AS l
        ON l.reader = p_reader AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL
     WHERE idp_due_first(p_reader, i.lane, v_paused, true) <= v_now
     ORDER BY l.lane FOR UPDATE OF l);
  v_lanes_left := cardinality(v_lanes);

  FOREACH v_lane IN ARRAY v_lanes LOOP
    v_share := (v_left + v_lanes_left - 1) / v_lanes_left;
    v_lanes_left := v_lanes_left - 1;
    SELECT count(*) INTO v_count FROM (
      SELECT 1 FROM idp_set_aside
       WHERE reader = p_reader AND lane = v_lane AND side_sequence IS NOT NULL LIMIT v_share) AS n;
    IF v_count < v_share THEN
      SELECT side_sequence INTO v_last FROM idp_reader_lane
       WHERE reader = p_reader AND lane = v_lane;
      -- What has been due for longest; but of each key the first in the order of the log.
      -- Each is updated on its own: no plan can then be to read the whole lane for it.
      v_number := v_last;
      FOR v_sequence IN WITH keys AS MATERIALIZED (
        SELECT c.tenant_id, c.aggregateid, count(*) AS wanted
          FROM idp_due_keys(p_reader, v_lane, v_paused, v_now, v_share - v_count) AS c
         GROUP BY c.tenant_id, c.aggregateid
      )
      SELECT f.sequence FROM keys AS k CROSS JOIN LATERAL (
        -- A key is in one lane; to name it here would make the index by lane look as good.
        SELECT a.sequence FROM idp_set_aside AS a
         WHERE a.reader = p_reader AND a.tenant_id = k.tenant_id
           AND a.aggregateid = k.aggregateid AND a.due_at <= v_now
           AND a.side_sequence IS NULL
         ORDER BY a.sequence LIMIT k.wanted) AS f
       ORDER BY f.sequence
      LOOP
        v_number := v_number + 1;
        UPDATE idp_set_aside AS a SET side_sequence = v_number, due_at = '-infinity'
         WHERE a.reader = p_reader AND a.lane = v_lane AND a.sequence = v_sequence;
      END LOOP;
      IF v_number > v_last THEN
        UPDATE idp_reader_lane SET side_sequence = v_number
         WHERE reader = p_reader AND lane = v_lane;
      END IF;
    END IF;
    RETURN QUERY
    SELECT a.lane, a.side_sequence, a.id, a.tenant_id, a.aggregatetype, a.aggregateid,
           a.aggregate_version, a.type, a.schema_id, a.schema_version, a.payload::text,
           a.metadata::text, a.content_hash, a.occurred_at, NULL::bigint
      FROM idp_set_aside AS a
     WHERE a.reader = p_reader AND a.lane = v_lane AND a.side_sequence IS NOT NULL
     ORDER BY a.side_sequence LIMIT v_share;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_left := v_left - v_count;
  END LOOP;

  SELECT min(idp_due_first(p_reader, i.lane, v_paused, false)) INTO v_next
    FROM unnest(p_lane, p_epoch) AS i(lane, epoch)
    JOIN idp_reader_lane AS l
      ON l.reader = p_reader AND l.lane = i.lane AND l.epoch = i.epoch AND l.owner IS NOT NULL;
  IF v_next IS NOT NULL THEN
    next_micros := CASE WHEN v_next <= v_now THEN 0
                        ELSE ceil(extract(epoch FROM v_next - v_now) * 1000000) END;
    RETURN NEXT;
  END IF;
END
$$
