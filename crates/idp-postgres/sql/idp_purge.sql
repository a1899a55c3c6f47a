-- Drops what every reader has passed, what no hold keeps and what is beyond the policy: docs/purge.md.
-- Must run at READ COMMITTED, where each statement sees what was committed before it began.
--
-- `blocked_by`: `no_reader`, `reader` (with its place), `hold` (its name in `reader`), `policy`, `limit`,
-- `late_commit`; null when nothing blocks.
CREATE FUNCTION idp_purge(p_keep_micros bigint, p_keep_events bigint, p_events_max bigint)
RETURNS TABLE (
  dropped bigint, blocked_by text, reader text, lane smallint, tenant_id text, tick bigint,
  "position" bigint, since timestamptz
) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_first bigint;
  v_last bigint;
  v_place record;
  v_hold record;
  v_through bigint;
  v_beyond bigint;
  v_until idp_tick;
  v_before pg_snapshot;
  v_partition record;
  v_names text[] := '{}';
  v_room bigint := p_events_max;
  v_is_late boolean;
  v_rest boolean;
  v_is_full boolean := false;
  v_is_cut boolean := false;
BEGIN
  PERFORM set_config('lock_timeout', '50ms', true);
  dropped := 0;
  -- The gate: one purge at a time, and readers begin before it or after it.
  SELECT window_first INTO v_first FROM idp_log_floor FOR UPDATE;

  SELECT p.* INTO v_place FROM idp_reader_place AS p
   ORDER BY p.passed, p.reader, p.lane, p.tenant_id NULLS FIRST LIMIT 1;
  IF NOT FOUND THEN
    blocked_by := 'no_reader';
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT coalesce(max(id), 0) INTO v_last FROM idp_tick;
  v_through := least(v_place.passed, v_last);
  IF v_through < v_last OR v_place.passed < v_place.tick THEN
    blocked_by := 'reader';
    reader := v_place.reader; lane := v_place.lane; tenant_id := v_place.tenant_id;
    tick := v_place.tick; "position" := v_place.position;
    since := (SELECT t.taken_at FROM idp_tick AS t WHERE t.id = v_place.passed + 1);
  END IF;

  SELECT h.* INTO v_hold FROM idp_log_hold AS h ORDER BY h.tick, h.name LIMIT 1;
  IF FOUND AND (v_hold.tick < v_through OR v_hold.tick < v_first) THEN
    v_through := v_hold.tick;
    blocked_by := 'hold';
    reader := v_hold.name; tick := v_hold.tick; since := v_hold.since;
  END IF;

  SELECT coalesce(max(t.id), 0) INTO v_beyond FROM idp_tick AS t
   WHERE t.id <= v_through
     AND t.taken_at <= clock_timestamp() - least(p_keep_micros, 9000000000000000) * interval '1 microsecond'
     AND (p_keep_events = 0
          OR t.position_max <= (SELECT last_value FROM idp_outbox_position_seq) - p_keep_events);
  IF v_beyond < v_through THEN
    v_through := v_beyond;
    blocked_by := 'policy';
  END IF;
  -- What is dropped is counted while the gate is locked: no more windows than hold about that many
  -- events.
  SELECT min(t.id) INTO v_beyond FROM idp_tick AS t
   WHERE t.id >= v_first
     AND t.position_max >= least(p_events_max, 1000000000000)
       + coalesce((SELECT b.position_max FROM idp_tick AS b WHERE b.id = v_first - 1), 0);
  IF v_beyond < v_through THEN
    v_through := v_beyond;
    v_is_full := true;
    v_is_cut := true;
  END IF;
  SELECT t.* INTO v_until FROM idp_tick AS t WHERE t.id = v_through;
  IF NOT FOUND THEN
    RETURN NEXT;
    RETURN;
  END IF;

  -- SHARE waits for whoever has written to the partition, and lets readers go on. Rows are looked at in
  -- a statement after it.
  FOR v_partition IN
    SELECT p.name, p.position_end - p.position_first AS size FROM idp_log_partition AS p
     WHERE p.position_end <= v_until.position_max + 1 AND NOT p.is_emptied
     ORDER BY p.position_first
  LOOP
    IF v_room <= 0 THEN
      v_is_full := true;
      EXIT;
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', v_partition.name);
    EXECUTE format(
      'SELECT EXISTS (SELECT 1 FROM %1$I WHERE xid >= %2$L::xid8)
           OR EXISTS (SELECT 1 FROM %1$I
                       WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(%3$L::pg_snapshot))))',
      v_partition.name, pg_snapshot_xmax(v_until.snapshot), v_until.snapshot) INTO v_is_late;
    IF v_is_late THEN
      blocked_by := 'late_commit';
    ELSE
      v_names := v_names || v_partition.name;
      v_room := v_room - v_partition.size;
    END IF;
  END LOOP;
  EXECUTE format(
    'SELECT EXISTS (SELECT 1 FROM idp_outbox_rest
                     WHERE xid < %L::xid8 AND pg_visible_in_snapshot(xid, %L::pg_snapshot))',
    pg_snapshot_xmax(v_until.snapshot), v_until.snapshot) INTO v_rest;
  IF cardinality(v_names) = 0 AND NOT v_rest AND NOT v_is_cut THEN
    RETURN NEXT;
    RETURN;
  END IF;

  -- Windows before v_through + 1 are gone for all who begin later, also where rows of them are left in
  -- partitions that stay: all are counted.
  IF v_through >= v_first THEN
    SELECT t.snapshot INTO v_before FROM idp_tick AS t WHERE t.id = v_first - 1;
    v_before := coalesce(v_before, '1:1:'::pg_snapshot);
    EXECUTE format(
      'WITH passed AS (
         SELECT lane, count(*) AS events FROM idp_outbox
          WHERE xid >= %1$L::xid8 AND xid < %2$L::xid8
            AND pg_visible_in_snapshot(xid, %3$L::pg_snapshot)
            AND NOT pg_visible_in_snapshot(xid, %4$L::pg_snapshot)
          GROUP BY lane
       ), counted AS (
         INSERT INTO idp_log_gone AS g (lane, events) SELECT lane, events FROM passed
         ON CONFLICT (lane) DO UPDATE SET events = g.events + excluded.events
       )
       SELECT coalesce(sum(events), 0)::bigint FROM passed',
      pg_snapshot_xmin(v_before), pg_snapshot_xmax(v_until.snapshot), v_until.snapshot, v_before)
    INTO dropped;
    UPDATE idp_log_floor SET window_first = v_through + 1;
    -- The tick before the first window is where that begins.
    DELETE FROM idp_tick AS t WHERE t.id < v_through;
  END IF;
  IF v_rest THEN
    EXECUTE format(
      'DELETE FROM idp_outbox_rest WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM idp_outbox_rest
          WHERE xid < %L::xid8 AND pg_visible_in_snapshot(xid, %L::pg_snapshot) LIMIT %s))',
      pg_snapshot_xmax(v_until.snapshot), v_until.snapshot, p_events_max);
    GET DIAGNOSTICS v_room = ROW_COUNT;
    v_is_full := v_is_full OR v_room = p_events_max;
  END IF;
  FOR v_partition IN SELECT u.name FROM unnest(v_names) AS u(name) LOOP
    EXECUTE format('TRUNCATE TABLE ONLY %I', v_partition.name);
  END LOOP;
  UPDATE idp_log_partition AS p SET is_emptied = true WHERE p.name = ANY (v_names);
  IF v_is_full THEN
    blocked_by := 'limit';
  END IF;
  RETURN NEXT;
END
$$
;
-- Lets a new reader begin where the log begins, and count from there.
CREATE FUNCTION idp_begin_reader(p_reader text, p_first smallint, p_last smallint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_first bigint;
BEGIN
  -- The lock comes first: what is read after it stays as it is until the rows are committed.
  SELECT window_first INTO v_first FROM idp_log_floor FOR SHARE;
  INSERT INTO idp_reader_lane (reader, lane, tick, position, sequence, missed, epoch, side_sequence)
  SELECT p_reader, i.lane, v_first - 1, CASE WHEN v_first = 1 THEN 0 ELSE 9223372036854775807 END,
         n.events, n.events, coalesce(g.epoch, 0), coalesce(g.side_sequence, 0)
    FROM (SELECT generate_series(p_first::int, p_last::int)::smallint AS lane) AS i
   CROSS JOIN LATERAL (SELECT coalesce(sum(n.events), 0)::bigint AS events FROM idp_log_gone AS n
                        WHERE i.lane = -1 OR n.lane = i.lane) AS n
    LEFT JOIN idp_reader_gone AS g ON g.reader = p_reader AND g.lane = i.lane
  ON CONFLICT DO NOTHING;
END
$$;
-- Removes a reader with all that is set aside for it: `done`, `missing`, or `needed` when workers are
-- alive or events are set aside, and it is not forced.
CREATE FUNCTION idp_forget_reader(p_reader text, p_is_forced boolean)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM idp_log_floor FOR SHARE;
  PERFORM 1 FROM idp_reader_lane WHERE reader = p_reader ORDER BY lane FOR UPDATE;
  IF NOT FOUND THEN RETURN 'missing'; END IF;
  IF NOT p_is_forced AND (
    EXISTS (SELECT 1 FROM idp_reader_worker
             WHERE reader = p_reader AND alive_until >= clock_timestamp())
    OR EXISTS (SELECT 1 FROM idp_set_aside WHERE reader = p_reader))
  THEN RETURN 'needed'; END IF;
  INSERT INTO idp_reader_gone (reader, lane, epoch, side_sequence)
  SELECT reader, lane, epoch, side_sequence FROM idp_reader_lane WHERE reader = p_reader
  ON CONFLICT (reader, lane) DO UPDATE
    SET epoch = excluded.epoch, side_sequence = excluded.side_sequence;
  DELETE FROM idp_reader_lane WHERE reader = p_reader;
  DELETE FROM idp_reader_worker WHERE reader = p_reader;
  DELETE FROM idp_set_aside WHERE reader = p_reader;
  DELETE FROM idp_parked_key WHERE reader = p_reader;
  DELETE FROM idp_tenant_track WHERE reader = p_reader;
  UPDATE idp_lane_tracks SET revision = revision + 1 WHERE reader = p_reader;
  RETURN 'done';
END
$$;
-- Does what an operator wants, and records it; or changes nothing and says why: `missing`, `taken`,
-- `needed`. `p_from` is `oldest` or `newest`.
CREATE FUNCTION idp_keep(
  p_action text, p_subject text, p_from text, p_actor text, p_reason text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_outcome text := 'done';
  v_tick bigint;
BEGIN
  IF p_action = 'hold' THEN
    SELECT window_first - 1 INTO v_tick FROM idp_log_floor FOR SHARE;
    IF p_from = 'newest' THEN
      SELECT greatest(v_tick, coalesce(max(id), 0)) INTO v_tick FROM idp_tick;
    END IF;
    INSERT INTO idp_log_hold (name, tick) VALUES (p_subject, v_tick) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN v_outcome := 'taken'; END IF;
  ELSIF p_action = 'release' THEN
    DELETE FROM idp_log_hold WHERE name = p_subject;
    IF NOT FOUND THEN v_outcome := 'missing'; END IF;
  ELSE
    v_outcome := idp_forget_reader(p_subject, p_action = 'forget_forced');
  END IF;
  IF v_outcome = 'done' THEN
    INSERT INTO idp_keeping_record (actor, action, subject, reason)
    VALUES (p_actor, p_action, p_subject, p_reason);
  END IF;
  RETURN v_outcome;
END
$$
