-- What is first of the due of a lane, past tenants that are paused, who may have any number of events there.
-- All of these look at the first hundred; only when what they look for is not among those do they ask each
-- tenant of the lane, which costs a probe for each, whatever is paused.

-- The tenants of a lane, but for those paused, with something that is or will be due and has no number, each with the
-- time of the first: one probe of an index for a tenant, however much it has.
CREATE FUNCTION idp_due_tenants(p_reader text, p_lane smallint, p_paused text[])
RETURNS TABLE (tenant_id text, due_at timestamptz) LANGUAGE plpgsql STABLE ROWS 10
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_first record;
BEGIN
  SELECT a.tenant_id, a.due_at INTO v_first FROM idp_set_aside AS a
   WHERE a.reader = p_reader AND a.lane = p_lane AND a.due_at IS NOT NULL
     AND coalesce(a.side_sequence, 0) = 0
   ORDER BY a.tenant_id, a.due_at, a.sequence LIMIT 1;
  WHILE FOUND LOOP
    IF v_first.tenant_id <> ALL (p_paused) THEN
      tenant_id := v_first.tenant_id;
      due_at := v_first.due_at;
      RETURN NEXT;
    END IF;
    SELECT a.tenant_id, a.due_at INTO v_first FROM idp_set_aside AS a
     WHERE a.reader = p_reader AND a.lane = p_lane AND a.due_at IS NOT NULL
       AND coalesce(a.side_sequence, 0) = 0 AND a.tenant_id > v_first.tenant_id
     ORDER BY a.tenant_id, a.due_at, a.sequence LIMIT 1;
  END LOOP;
END
$$;

-- When the first is due that may be given: at once what has a number, if that is asked for, whoever is paused.
CREATE FUNCTION idp_due_first(
  p_reader text, p_lane smallint, p_paused text[], p_numbered boolean
) RETURNS timestamptz LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off AS $$
DECLARE
  v_first timestamptz;
  v_count bigint;
  v_looks bigint := CASE WHEN cardinality(p_paused) = 0 THEN 1 ELSE 100 END;
BEGIN
  SELECT min(f.due_at) FILTER (WHERE f.side_sequence IS NOT NULL OR f.tenant_id <> ALL (p_paused)),
         count(*)
    INTO v_first, v_count
    FROM (SELECT a.tenant_id, a.due_at, a.side_sequence FROM idp_set_aside AS a
           WHERE a.reader = p_reader AND a.lane = p_lane AND a.due_at IS NOT NULL
             AND (p_numbered OR a.side_sequence IS NULL)
           ORDER BY a.due_at, a.sequence LIMIT v_looks) AS f;
  IF v_first IS NOT NULL OR v_count < v_looks THEN
    RETURN v_first;
  END IF;
  IF p_numbered THEN
    PERFORM 1 FROM idp_set_aside AS a
      WHERE a.reader = p_reader AND a.lane = p_lane AND a.side_sequence IS NOT NULL LIMIT 1;
    IF FOUND THEN
      RETURN '-infinity';
    END IF;
  END IF;
  RETURN (SELECT min(d.due_at) FROM idp_due_tenants(p_reader, p_lane, p_paused) AS d);
END
$$;

-- The keys of so many events that are due and have no number: those that have been for longest.
CREATE FUNCTION idp_due_keys(
  p_reader text, p_lane smallint, p_paused text[], p_now timestamptz, p_limit bigint
) RETURNS TABLE (tenant_id text, aggregateid uuid) LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_seen bigint;
  v_found bigint;
  v_looks bigint := CASE WHEN cardinality(p_paused) = 0 THEN p_limit
                         ELSE greatest(p_limit, 100) END;
BEGIN
  IF cardinality(p_paused) > 0 THEN
    SELECT count(*), count(*) FILTER (WHERE f.tenant_id <> ALL (p_paused)) INTO v_seen, v_found
      FROM (SELECT a.tenant_id FROM idp_set_aside AS a
             WHERE a.reader = p_reader AND a.lane = p_lane AND a.due_at <= p_now
               AND a.side_sequence IS NULL
             ORDER BY a.due_at, a.sequence LIMIT v_looks) AS f;
  END IF;
  IF v_seen = v_looks AND v_found < p_limit THEN
    RETURN QUERY
    SELECT n.tenant_id, n.aggregateid
      FROM idp_due_tenants(p_reader, p_lane, p_paused) AS d CROSS JOIN LATERAL (
        SELECT a.tenant_id, a.aggregateid, a.due_at, a.sequence FROM idp_set_aside AS a
         WHERE a.reader = p_reader AND a.lane = p_lane AND a.tenant_id = d.tenant_id
           AND a.due_at <= p_now AND coalesce(a.side_sequence, 0) = 0
         ORDER BY a.due_at, a.sequence LIMIT p_limit) AS n
     WHERE d.due_at <= p_now
     ORDER BY n.due_at, n.sequence LIMIT p_limit;
    RETURN;
  END IF;
  RETURN QUERY
  SELECT f.tenant_id, f.aggregateid FROM (
    SELECT a.tenant_id, a.aggregateid FROM idp_set_aside AS a
     WHERE a.reader = p_reader AND a.lane = p_lane AND a.due_at <= p_now
       AND a.side_sequence IS NULL
     ORDER BY a.due_at, a.sequence LIMIT v_looks) AS f
   WHERE f.tenant_id <> ALL (p_paused) LIMIT p_limit;
END
$$
